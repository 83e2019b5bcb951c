package store

import (
	"context"
	"fmt"
	"time"

	"omsbox/store/condition"
)

// HeldText is a message that a restore holds for some or all of its recipients.
type HeldText struct {
	Message    int64
	Login      string // of who wrote it; "" for nobody
	Created    time.Time
	Scheduled  time.Time // when it was to leave; zero where at once
	Recipients int       // that it is held for
	Late       int       // for that many it is no longer worth sending
}

// HeldTexts returns the messages that a restore holds, the oldest first, and at most that many.
func (s *Store) HeldTexts(ctx context.Context, most int) ([]HeldText, error) {
	return list(ctx, s, func(r scanner) (h HeldText, err error) {
		var created, due int64
		err = r.Scan(&h.Message, &h.Login, &created, &due, &h.Recipients, &h.Late)
		h.Created = fromMS(created)
		if due > created {
			h.Scheduled = fromMS(due)
		}
		return h, err
	}, `SELECT m.id, ifnull(u.login, ''), m.created, min(d.due), count(*), sum(d.expires < ?)
		FROM deliveries d JOIN messages m ON m.id = d.message_id LEFT JOIN users u ON u.id = m.user_id
		WHERE d.held = 1 GROUP BY m.id ORDER BY m.id LIMIT ?`, ms(s.stamp()), most)
}

// heldOf finds the deliveries that are held: of the messages in a list, or all where that is NULL.
const heldOf = `SELECT id FROM deliveries
	WHERE held = 1 AND (?1 IS NULL OR message_id IN (SELECT value FROM json_each(?1))) ORDER BY id`

// held returns the deliveries of messages that are held; of all where none is named. A message of which nothing is held
// is ErrNotFound.
func (t *tx) held(messages []int64) ([]int64, error) {
	var named any
	if len(messages) > 0 {
		named = list64(messages)
	}
	for _, m := range messages {
		var many int
		if err := t.row(`SELECT count(*) FROM deliveries WHERE held = 1 AND message_id = ?`, []any{m}, &many); err != nil {
			return nil, err
		}
		if many == 0 {
			return nil, fmt.Errorf("message %d: %w among those that are held; nothing was done", m, ErrNotFound)
		}
	}
	return t.ids(heldOf, named)
}

// SendHeld queues texts that a restore holds, as a person asks: of those messages, or of all where none is named. What
// was scheduled for a time that has not come waits for that time. It returns how many deliveries these are.
func (s *Store) SendHeld(ctx context.Context, messages ...int64) (sent int, err error) {
	err = s.write(ctx, func(t *tx) error {
		ids, err := t.held(messages)
		if err != nil {
			return err
		}
		for _, id := range ids {
			d, err := t.delivery(id)
			if err != nil {
				return err
			}
			if _, err := t.exec(`UPDATE deliveries SET held = 0 WHERE id = ?`, id); err != nil {
				return err
			}
			if d.due > ms(t.now) {
				t.awaits(d.due)
				err = t.trace(Line{Event: string(Scheduled), User: d.sender, Delivery: d.id, Number: d.number, Detail: "released"})
			} else {
				err = t.ripen(d)
			}
			if err != nil {
				return err
			}
		}
		sent = len(ids)
		t.ring(Outgoing)
		return t.holding()
	})
	return sent, err
}

// DropHeld cancels texts that a restore holds, as a person asks: of those messages, or of all where none is named.
// The users who wrote them are told.
func (s *Store) DropHeld(ctx context.Context, messages ...int64) (dropped int, err error) {
	err = s.write(ctx, func(t *tx) error {
		ids, err := t.held(messages)
		if err != nil {
			return err
		}
		for _, id := range ids {
			d, err := t.delivery(id)
			if err == nil {
				err = t.drop(d, Cancelled, condition.New(condition.DroppedAfterRestore).Row())
			}
			if err == nil && d.sender != 0 { // whose text it is may be another than the one who drops it
				err = t.tell(d.message, d.id)
			}
			if err != nil {
				return err
			}
		}
		dropped = len(ids)
		return t.holding()
	})
	return dropped, err
}

// SendHeldMails hands the mails to the relay that a restore holds, as a person asks, and holds no other from then on.
// They have all their tries: what another box was refused, and when, counts no more.
func (s *Store) SendHeldMails(ctx context.Context) (sent int, err error) {
	err = s.write(ctx, func(t *tx) error {
		n, err := t.exec(`UPDATE mails SET held = 0, due = ?1, retries = 0, blocked = NULL, updated = ?1 WHERE held = 1`, ms(t.now))
		if err != nil {
			return err
		}
		sent = int(n)
		if _, err := t.exec(`UPDATE restored SET mails = 0`); err != nil {
			return err
		}
		t.then(s.reloadNow)
		t.ring(Post)
		return t.holding()
	})
	return sent, err
}

// DropHeldMails gives up the mails that a restore holds, as a person asks.
func (s *Store) DropHeldMails(ctx context.Context) (dropped int, err error) {
	err = s.write(ctx, func(t *tx) error {
		n, err := t.exec(`UPDATE mails SET held = 0, state = 'withdrawn', reason = ?, updated = ? WHERE held = 1`,
			condition.New(condition.DroppedAfterRestore).Row(), ms(t.now))
		if err != nil {
			return err
		}
		dropped = int(n)
		t.ring(Post)
		return t.holding()
	})
	return dropped, err
}

// holdsMail reports whether a new mail is held: it carries what had come in, as far as that is known to the backup
// alone, and the old box may have mailed it. Where a part of it came after the restore, the old box cannot have.
func (t *tx) holdsMail(m mailRow) (held bool, err error) {
	r := t.writer.store.restored.Load()
	if m.incoming == 0 || !r.mails {
		return false, nil
	}
	err = t.row(`SELECT ifnull((SELECT max(id) FROM incoming_segments WHERE incoming_id = ?1) <= ?2, ?1 <= ?3)`,
		[]any{m.incoming, r.segment, r.incoming}, &held)
	if err == nil && held {
		err = t.raiseHeld()
	}
	return held, err
}

// holding has the administrators told while something is held.
func (t *tx) holding() error {
	var held bool
	err := t.row(`SELECT EXISTS (SELECT 1 FROM deliveries WHERE held = 1) OR EXISTS (SELECT 1 FROM mails WHERE held = 1)`,
		nil, &held)
	switch {
	case err != nil:
		return err
	case held:
		return t.raiseHeld()
	}
	return t.clear("restored", "")
}

func (t *tx) raiseHeld() error {
	return t.raise("restored", "", condition.New(condition.HoldsAfterRestore).Row())
}

// CheckHeld says what a restore holds; nothing where it holds nothing.
func (s *Store) CheckHeld(ctx context.Context) []Health {
	r, err := s.Restored(ctx)
	switch {
	case err != nil:
		return []Health{{Part: "restored", Text: err.Error()}}
	case r.Holds():
		return []Health{{Part: "restored", Text: r.Condition().Words()}}
	}
	return nil
}
