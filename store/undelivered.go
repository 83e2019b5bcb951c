package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"omsbox/store/condition"
)

// Kinds of alarms about mail.
const (
	// MailboxAlarm is about a user whose mailbox takes no mail, by the login: mails to it are given up.
	MailboxAlarm = "mailbox"
	// UnreadAlarm is about texts that can be mailed to nobody: about '' those that are nobody's, else those of
	// a user without a mailbox, by the login.
	UnreadAlarm = "unread"
	// SenderAlarm is about a relay that takes no mail through the box's own fault, by the relay's address.
	SenderAlarm = "mail sender"
)

// toldAgain is how long after its last mail an alarm about a mailbox that is raised again is mailed again.
const toldAgain = 24 * time.Hour

// settleTime is how long a text may lie that can be mailed to nobody before an administrator is mailed: a
// setting that is changed may have made it somebody's.
const settleTime = time.Minute

// Undelivered is a mail that the relay has not taken. It holds no words of a text.
type Undelivered struct {
	ID       int64
	Kind     MailKind
	For      string // login of the user whose it is; "" where it is for the user that mail.catch-all names
	State    string // "queued", "sending" or "failed"
	Number   string // the phone at the other end of the text; "" of an alarm
	About    string // of an alarm what it is about
	Created  time.Time
	Due      time.Time // when it is tried next; zero where it has failed
	Blocked  time.Time // since when the relay refuses it through the box's own fault; zero where it does not
	Held     bool      // since a restore from a backup, until a person says that it may go
	Updated  time.Time // when it became so
	Attempts int
	Reason   string // the last answer of the relay, or what else keeps it; "" before the first try
}

const undelivered = `SELECT m.id, m.kind, ifnull(u.login, ''), m.state,
		coalesce(i.sender, (SELECT d.recipient FROM told t JOIN deliveries d ON d.id = t.delivery_id WHERE t.mail_id = m.id ORDER BY d.id LIMIT 1), ''),
		ifnull(a.kind || ' ' || a.about, ''), ifnull(i.received, m.created), m.due, ifnull(m.blocked, 0), m.held, m.updated, m.attempts, m.reason
	FROM mails m LEFT JOIN users u ON u.id = m.user_id LEFT JOIN incoming i ON i.id = m.incoming_id LEFT JOIN alarms a ON a.id = m.alarm_id`

func scanUndelivered(r scanner) (u Undelivered, err error) {
	var created, due, blocked, updated int64
	err = r.Scan(&u.ID, &u.Kind, &u.For, &u.State, &u.Number, &u.About, &created, &due, &blocked, &u.Held, &updated, &u.Attempts, &u.Reason)
	u.Created, u.Due, u.Blocked, u.Updated = fromMS(created), fromMS(due), fromMS(blocked), fromMS(updated)
	u.Reason = condition.WordsOf(u.Reason)
	if u.State == "failed" {
		u.Due = time.Time{}
	}
	return u, err
}

// Undelivered returns the mails that the relay has not taken, the newest first: those that wait and those
// that have failed.
func (s *Store) Undelivered(ctx context.Context, most int) ([]Undelivered, error) {
	return list(ctx, s, scanUndelivered, undelivered+` WHERE m.state = 'queued' OR m.state = 'sending' OR m.state = 'failed'
		ORDER BY m.id DESC LIMIT ?`, most)
}

// HeldMails returns the mails that a restore holds, the oldest first, and at most that many.
func (s *Store) HeldMails(ctx context.Context, most int) ([]Undelivered, error) {
	return list(ctx, s, scanUndelivered, undelivered+` WHERE m.held = 1 ORDER BY m.id LIMIT ?`, most)
}

// Failed returns the mails for a user that have failed since then, the newest first.
func (s *Store) Failed(ctx context.Context, login string, since time.Time, most int) ([]Undelivered, error) {
	return list(ctx, s, scanUndelivered, undelivered+` WHERE m.state = 'failed' AND m.updated >= ? AND ifnull(u.login, '') = ? AND m.kind <> 'alarm'
		ORDER BY m.id DESC LIMIT ?`, ms(since), login, most)
}

// RequeueMail makes a mail that has failed, or waits, due at once, with all its tries; ErrNotFound where
// it is neither. What a restore holds stays held.
func (s *Store) RequeueMail(ctx context.Context, mail int64) error {
	return s.write(ctx, func(t *tx) error {
		n, err := t.requeue(`id = ?2`, mail)
		var held bool
		if err == nil && n == 0 {
			err = t.row(`SELECT EXISTS (SELECT 1 FROM mails WHERE id = ? AND held = 1)`, []any{mail}, &held)
		}
		switch {
		case held:
			err = fmt.Errorf("%w: mail %d is held since the restore: `omsbox held send mails` lets all held mail go", ErrInvalid, mail)
		case err == nil && n == 0:
			err = fmt.Errorf("mail %d: %w: none that has failed or waits has that number; `omsbox mail list` shows them", mail, ErrNotFound)
		}
		return err
	})
}

// RequeueAllMail does that for all mails that have failed or wait, and returns how many they are.
func (s *Store) RequeueAllMail(ctx context.Context) (many int, err error) {
	err = s.write(ctx, func(t *tx) error {
		many, err = t.requeue(`id <> ?2`, int64(0))
		return err
	})
	return many, err
}

func (t *tx) requeue(which string, mail int64) (int, error) {
	mails, err := t.ids(`UPDATE mails SET state = 'queued', due = ?1, retries = 0, doubts = 0, blocked = NULL, updated = ?1
		WHERE `+which+` AND held = 0 AND (state = 'failed' OR state = 'queued') RETURNING id`, ms(t.now), mail)
	if err != nil {
		return 0, err
	}
	for _, id := range mails {
		if err := t.trace(Line{Event: "mail queued", MailRow: id, Detail: condition.New(condition.MailTriedByPerson).Row()}); err != nil {
			return 0, err
		}
	}
	t.ring(Post)
	return len(mails), nil
}

// undelivered raises the alarm about the mailbox of a mail that has just failed. The alarm names the phone
// and the time, and never the words.
func (t *tx) undelivered(mail int64) error {
	stmt, err := t.writer.prepared(t, undelivered+` WHERE m.id = ?`)
	if err != nil {
		return err
	}
	u, err := scanUndelivered(stmt.QueryRowContext(t, mail))
	if err != nil {
		return err
	}
	if u.Kind == AlarmMail && u.For == "" {
		return nil // there is nobody to tell: the alarm itself stays open
	}
	var user int64
	err = t.row(`SELECT ifnull(user_id, 0) FROM mails WHERE id = ?`, []any{mail}, &user)
	if err != nil {
		return err
	}
	r := raising{kind: MailboxAlarm, about: u.For, except: user, again: toldAgain}
	if u.Kind == AlarmMail {
		r.again = 0
	}
	r.text = u.lost().Row()
	return t.raiseAs(r)
}

// lost tells of a mail that has failed, without the words of the text.
func (u Undelivered) lost() condition.Condition {
	code := condition.ReplyLost
	switch u.Kind {
	case Notice:
		code = condition.NoticeLost
	case AlarmMail:
		code = condition.AlarmLost
	}
	whom := u.For
	if whom == "" {
		whom = "mail.catch-all"
	}
	return condition.New(code, "number", u.Number, "time", u.Created.Local().Format(clockTime), "login", whom, "reason", u.Reason)
}

// mailboxTakes ends the alarm about a user's mailbox: the relay took a mail for it. No mail tells of that end,
// and none is withdrawn as long as a mail has failed that it names.
func (t *tx) mailboxTakes(user int64) error {
	const about = `about = ifnull((SELECT login FROM users WHERE id = ?2), '')`
	if _, err := t.exec(`UPDATE alarms SET cleared = ?1 WHERE kind = ?3 AND cleared IS NULL AND `+about, ms(t.now), user, MailboxAlarm); err != nil {
		return err
	}
	n, err := t.exec(`UPDATE mails SET held = 0, state = 'withdrawn', reason = 'it was over before it was told', updated = ?1
		WHERE state = 'queued' AND kind = 'alarm' AND attempts = 0 AND alarm_id IN (SELECT a.id FROM alarms a WHERE a.kind = ?3 AND a.`+about+`
			AND NOT EXISTS (SELECT 1 FROM mails f WHERE f.state = 'failed' AND f.kind <> 'alarm' AND ifnull(f.user_id, 0) = ?2 AND f.updated >= a.raised))`,
		ms(t.now), user, MailboxAlarm)
	if err != nil || n == 0 || t.writer.store.restored.Load().Made.IsZero() {
		return err
	}
	return t.holding() // it may have been the last that a restore held
}

// unread raises the alarm that a text from that number can be mailed to nobody.
func (t *tx) unread(number string, owner int64) error {
	login := ""
	if owner != 0 {
		if err := t.row(`SELECT login FROM users WHERE id = ?`, []any{owner}, &login); err != nil {
			return err
		}
	}
	c := condition.New(condition.TextNobodys, "number", number, "time", t.now.Local().Format(clockTime))
	if owner != 0 {
		c = condition.New(condition.TextWithoutMailbox, "number", number, "time", t.now.Local().Format(clockTime), "login", login)
	}
	return t.raiseAs(raising{kind: UnreadAlarm, about: login, text: c.Row(), first: settleTime, again: toldAgain})
}

// HasRead ends the alarm about the texts of a user without a mailbox: the user has looked at them.
func (s *Store) HasRead(ctx context.Context, u User) error {
	open, err := one(ctx, s, func(r scanner) (open bool, err error) {
		return open, r.Scan(&open)
	}, `SELECT EXISTS (SELECT 1 FROM alarms WHERE kind = ? AND about = ? AND cleared IS NULL)`, UnreadAlarm, u.Login)
	if err != nil || !open {
		return err
	}
	return s.Clear(ctx, UnreadAlarm, u.Login)
}

// allRead ends the alarms about texts that could be mailed to nobody, where none is left.
func (t *tx) allRead() error {
	over, err := within(t, func(r scanner) (about string, err error) {
		return about, r.Scan(&about)
	}, `SELECT about FROM alarms WHERE kind = ? AND cleared IS NULL AND NOT EXISTS (
		SELECT 1 FROM incoming i LEFT JOIN users u ON u.id = i.user_id WHERE i.state = 'unroutable' AND ifnull(u.login, '') = about)`, UnreadAlarm)
	if err != nil {
		return err
	}
	for _, about := range over {
		if err := t.clear(UnreadAlarm, about); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
	}
	return nil
}
