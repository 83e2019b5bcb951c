package store

import (
	"context"
	"time"
)

// Line is one line of the traffic log: something that happened to a text or a mail.
type Line struct {
	ID                                int64
	At                                time.Time
	Event                             string // the state that was reached: "queued", "sent", "received", …
	User, Delivery, Incoming, MailRow int64  // 0 where it concerns none
	Number                            string // the phone at the other end
	Detail                            string // why, in words for people; never the text itself
}

// trace writes a line of the traffic log, in the change that made it true.
func (t *tx) trace(l Line) error {
	_, err := t.exec(`INSERT INTO traffic (at, event, user_id, delivery_id, incoming_id, mail_id, number, detail)
		VALUES (?, ?, nullif(?, 0), nullif(?, 0), nullif(?, 0), nullif(?, 0), ?, ?)`,
		ms(t.now), l.Event, l.User, l.Delivery, l.Incoming, l.MailRow, l.Number, l.Detail)
	t.ring(Traffic)
	return err
}

// Lines returns the newest lines of the traffic log, newest first.
func (s *Store) Lines(ctx context.Context, most int) ([]Line, error) {
	return list(ctx, s, func(r scanner) (l Line, err error) {
		var at int64
		err = r.Scan(&l.ID, &at, &l.Event, &l.User, &l.Delivery, &l.Incoming, &l.MailRow, &l.Number, &l.Detail)
		l.At = fromMS(at)
		return l, err
	}, `SELECT id, at, event, ifnull(user_id, 0), ifnull(delivery_id, 0), ifnull(incoming_id, 0), ifnull(mail_id, 0), number, detail
		FROM traffic ORDER BY id DESC LIMIT ?`, most)
}
