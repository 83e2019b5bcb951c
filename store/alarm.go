package store

import (
	"context"
	"time"
)

// Alarm is something that is wrong and that an administrator has to know of.
type Alarm struct {
	ID      int64
	Kind    string // "modem", "registration", "storage", …
	About   string // the device, the SIM, …
	Text    string // what is wrong and what to do
	Raised  time.Time
	Cleared time.Time // zero: it still is
}

func scanAlarm(r scanner) (a Alarm, err error) {
	var raised, cleared int64
	err = r.Scan(&a.ID, &a.Kind, &a.About, &a.Text, &raised, &cleared)
	a.Raised, a.Cleared = fromMS(raised), fromMS(cleared)
	return a, err
}

// Raise opens an alarm, or gives one that is open its newest text.
func (s *Store) Raise(ctx context.Context, kind, about, text string) error {
	return s.write(ctx, func(t *tx) error { return t.raise(kind, about, text) })
}

// Clear ends an alarm. One that is not open stays so.
func (s *Store) Clear(ctx context.Context, kind, about string) error {
	return s.write(ctx, func(t *tx) error { return t.clear(kind, about) })
}

// raise is Raise as a part of a change.
func (t *tx) raise(kind, about, text string) error {
	_, err := t.exec(`INSERT INTO alarms (kind, about, text, raised) VALUES (?, ?, ?, ?)
		ON CONFLICT (kind, about) WHERE cleared IS NULL DO UPDATE SET text = excluded.text`, kind, about, clip(text, 500), ms(t.now))
	return err
}

// clear is Clear as a part of a change.
func (t *tx) clear(kind, about string) error {
	_, err := t.exec(`UPDATE alarms SET cleared = ? WHERE kind = ? AND about = ? AND cleared IS NULL`, ms(t.now), kind, about)
	return err
}

// Alarms returns the alarms that are open, the oldest first.
func (s *Store) Alarms(ctx context.Context) ([]Alarm, error) {
	return list(ctx, s, scanAlarm, `SELECT id, kind, about, text, raised, ifnull(cleared, 0) FROM alarms WHERE cleared IS NULL ORDER BY id`)
}
