package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"omsbox/store/condition"
)

// Alarm is something that is wrong and that an administrator has to know of.
type Alarm struct {
	ID    int64
	Kind  string // "modem", "registration", "storage", …
	About string // the device, the SIM, …
	Text  string // what is wrong and what to do, in words for people
	// Condition is what Text says, as a code with arguments.
	Condition condition.Condition
	Raised    time.Time
	Cleared   time.Time // zero: it still is
}

// alarmPause is how long after its last mail an alarm that comes back is not mailed again. One that
// is still open then is.
const alarmPause = time.Hour

const alarmColumns = `id, kind, about, text, raised, ifnull(cleared, 0)`

func scanAlarm(r scanner) (a Alarm, err error) {
	var raised, cleared int64
	err = r.Scan(&a.ID, &a.Kind, &a.About, &a.Text, &raised, &cleared)
	a.Condition = condition.Parse(a.Text)
	a.Text = a.Condition.Words()
	a.Raised, a.Cleared = fromMS(raised), fromMS(cleared)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("alarm: %w", ErrNotFound)
	}
	return a, err
}

// Raise opens an alarm and queues the mails that tell it, or gives one that is open its newest
// text, which is the row of a condition (condition.Condition.Row). kind and about are its name: who raises
// the same means the same.
func (s *Store) Raise(ctx context.Context, kind, about, text string) error {
	return s.write(ctx, func(t *tx) error { return t.raise(kind, about, text) })
}

// Clear ends an alarm, and tells that it is over whoever was told of it. One that is not open stays so.
func (s *Store) Clear(ctx context.Context, kind, about string) error {
	return s.write(ctx, func(t *tx) error { return t.clear(kind, about) })
}

// Alert is Raise, or Clear where there is nothing to tell.
func (s *Store) Alert(ctx context.Context, kind, about, text string) error {
	if text == "" {
		return s.Clear(ctx, kind, about)
	}
	return s.Raise(ctx, kind, about, text)
}

// raising is an alarm to be raised.
type raising struct {
	kind, about, text string
	except            int64         // the user who is not mailed: it is that user's mailbox that takes no mail; 0 none
	first             time.Duration // how long its first mail waits: what is over by then is told to nobody
	again             time.Duration // how long after its last mail an alarm that is raised while it is open is mailed again; 0 never
}

// raise is Raise as a part of a change.
func (t *tx) raise(kind, about, text string) error {
	return t.raiseAs(raising{kind: kind, about: about, text: text})
}

func (t *tx) raiseAs(r raising) error {
	r.text = condition.Shorten(r.text, 500)
	var id int64
	err := t.row(`UPDATE alarms SET text = ? WHERE kind = ? AND about = ? AND cleared IS NULL RETURNING id`, []any{r.text, r.kind, r.about}, &id)
	open := err == nil
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if open && r.again == 0 {
		return nil
	}
	pause := alarmPause
	if open {
		pause = r.again
		var waits bool // for its first try: it will tell the newest
		if err := t.row(`SELECT EXISTS (SELECT 1 FROM mails WHERE alarm_id = ? AND state = 'queued' AND attempts = 0)`, []any{id}, &waits); err != nil || waits {
			return err
		}
	} else {
		if id, err = t.insert(`INSERT INTO alarms (kind, about, text, raised) VALUES (?, ?, ?, ?)`, r.kind, r.about, r.text, ms(t.now)); err != nil {
			return err
		}
		if err := t.trace(Line{Event: "alarm", Detail: aboutRow(r.about, r.text)}); err != nil {
			return err
		}
	}
	var last int64 // mail about it, or about what was the same before
	if err := t.row(`SELECT ifnull(max(m.updated), 0) FROM alarms a JOIN mails m ON m.alarm_id = a.id
		WHERE a.kind = ? AND a.about = ? AND m.state <> 'withdrawn'`, []any{r.kind, r.about}, &last); err != nil {
		return err
	}
	wait := max(r.first, fromMS(last).Add(pause).Sub(t.now))
	told, err := t.ids(`SELECT id FROM users WHERE admin AND NOT disabled AND mail <> '' ORDER BY id`)
	if err != nil {
		return err
	}
	if len(told) == 0 {
		told = []int64{0} // the user that mail.catch-all names
	}
	for _, user := range told {
		if user != 0 && user == r.except {
			continue
		}
		if err := t.queueMail(mailRow{kind: AlarmMail, user: user, alarm: id, after: wait}); err != nil {
			return err
		}
	}
	return nil
}

// aboutRow is a condition as a line of the traffic log holds it, which also says what it is about.
func aboutRow(about, text string) string {
	c := condition.Parse(text)
	if c.Code == condition.Sentence {
		return about + ": " + text
	}
	return c.With("about", about).Row()
}

// clear is Clear as a part of a change.
func (t *tx) clear(kind, about string) error {
	var id int64
	err := t.row(`UPDATE alarms SET cleared = ? WHERE kind = ? AND about = ? AND cleared IS NULL RETURNING id`, []any{ms(t.now), kind, about}, &id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := t.trace(Line{Event: "alarm over", Detail: about}); err != nil {
		return err
	}
	// What was not to be told yet need not be told any more.
	if _, err := t.exec(`UPDATE mails SET state = 'withdrawn', reason = 'it was over before it was told', updated = ?1
		WHERE alarm_id = ?2 AND state = 'queued' AND attempts = 0 AND due > ?1`, ms(t.now), id); err != nil {
		return err
	}
	// A mail that still waits for its first try will say itself that it is over.
	told, err := t.ids(`SELECT ifnull(user_id, 0) FROM mails WHERE alarm_id = ? AND attempts > 0 AND state IN ('queued', 'sending', 'sent') ORDER BY id`, id)
	if err != nil {
		return err
	}
	for _, user := range told {
		if err := t.queueMail(mailRow{kind: AlarmMail, user: user, alarm: id, over: true}); err != nil {
			return err
		}
	}
	return nil
}

// Administrators returns those who are told what is wrong with the box: every enabled administrator
// with a mailbox.
func (s *Store) Administrators(ctx context.Context) ([]User, error) {
	return list(ctx, s, scanUser, `SELECT `+userColumns+` FROM users WHERE admin AND NOT disabled AND mail <> '' ORDER BY id`)
}

// Alarms returns the alarms that are open, the oldest first.
func (s *Store) Alarms(ctx context.Context) ([]Alarm, error) {
	return list(ctx, s, scanAlarm, `SELECT `+alarmColumns+` FROM alarms WHERE cleared IS NULL ORDER BY id`)
}

// Alarm returns the alarm with that id; ErrNotFound.
func (s *Store) Alarm(ctx context.Context, id int64) (Alarm, error) {
	return one(ctx, s, scanAlarm, `SELECT `+alarmColumns+` FROM alarms WHERE id = ?`, id)
}
