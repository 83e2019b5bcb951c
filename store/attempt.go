package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"omsbox/modem/sms"
	"omsbox/store/condition"
)

// Outcome is how an attempt to hand a segment to the network ended.
type Outcome int

const (
	// Accepted: the SMSC took it.
	Accepted Outcome = iota
	// Refused: it will never be taken.
	Refused
	// Deferred: it was not taken now, and may be later. The attempt counts.
	Deferred
	// Unsent: it certainly never left, for the modem's sake. The attempt does not count.
	Unsent
	// Doubtful: it left, or may have, and no answer came.
	Doubtful
)

// Verdict is how an Attempt ended.
type Verdict struct {
	Attempt Attempt
	Outcome Outcome
	MR      int    // TP-MR the modem gave it, with Accepted; -1 where it told none
	Reason  string // in words for people, with all others
}

// Attempt is a segment that is about to be handed to a modem: its row says so already.
type Attempt struct {
	Segment  int64
	Delivery int64
	TPDU     []byte // SMS-SUBMIT
	More     bool   // another segment is likely to follow at once

	sim string // that it leaves through
}

// Claim stores how the previous attempt ended, if there was one, and takes the next segment that
// may leave through a SIM now: the rest of the same delivery first, then what comes next by the
// rules of the lanes. Both are one commit. sim is the SIM's IMSI. nil: nothing is due.
func (s *Store) Claim(ctx context.Context, sim string, previous *Verdict) (*Attempt, error) {
	var next *Attempt
	err := s.write(ctx, func(t *tx) error {
		t.ifRevoked(func(t *tx) error { // nobody was given it
			if next == nil {
				return nil
			}
			_, err := t.settle(Verdict{Attempt: *next, Outcome: Unsent})
			return err
		})
		if previous != nil {
			d, err := t.settle(*previous)
			if err != nil {
				return fmt.Errorf("store the result of segment %d: %w", previous.Attempt.Segment, err)
			}
			if d.state == Sending && d.pending > 0 {
				if next, err = t.goOn(d, sim); next != nil || err != nil {
					return err
				}
			}
		}
		var err error
		next, err = t.next(sim)
		return err
	})
	if err != nil {
		return nil, err
	}
	return next, nil
}

// Settle stores how an attempt ended, where no other is to follow. What is left of the delivery
// waits for the next Claim.
func (s *Store) Settle(ctx context.Context, v Verdict) error {
	return s.write(ctx, func(t *tx) error {
		d, err := t.settle(v)
		if err == nil && d.state == Sending && d.pending > 0 {
			err = t.putBack(d, t.now, "")
		}
		return err
	})
}

// Due returns how long it is until the next delivery may be tried through a SIM, 0 where one may
// now; false where none waits for it.
func (s *Store) Due(ctx context.Context, sim string) (wait time.Duration, waits bool, err error) {
	err = s.write(ctx, func(t *tx) error {
		l, err := t.lanes()
		if err != nil {
			return err
		}
		door, capped, err := t.door(l, sim)
		if err != nil {
			return err
		}
		next := l.next(door.open)
		if s.ClockTrusted() {
			if !door.begun {
				next = min(next, l.scheduled)
			}
			if capped != nil && !s.Held(sim) {
				door.begun = false
				if after := min(l.next(door.open), l.scheduled); after != noTime {
					next = min(next, max(after, ms(capped.until)))
				}
			}
		}
		wait, waits = max(0, fromMS(next).Sub(t.now)), next != noTime
		return nil
	})
	return wait, waits, err
}

// until returns how long it is until the time that a query finds; false where it finds none.
func (s *Store) until(ctx context.Context, query string, args ...any) (time.Duration, bool, error) {
	due, err := one(ctx, s, func(r scanner) (v sql.NullInt64, err error) {
		return v, r.Scan(&v)
	}, query, args...)
	return max(0, fromMS(due.Int64).Sub(s.stamp())), due.Valid, err
}

// head is a delivery that stands at the head of its lane, with its first segment.
type head struct {
	id, message, due, expires int64
	number                    string
	segment                   sql.NullInt64
	tpdu                      []byte
}

// next takes the segment that goes next through a SIM; nil where none does.
func (t *tx) next(sim string) (*Attempt, error) {
	l, err := t.lanes()
	if err != nil {
		return nil, err
	}
	if err := t.promote(l); err != nil {
		return nil, err
	}
	door, _, err := t.door(l, sim)
	if err != nil {
		return nil, err
	}
	for {
		at, found := l.first(ms(t.now), &t.writer.turns, door.open)
		if !found {
			return nil, nil
		}
		// The second row tells whether more follows, and when.
		heads, err := within(t, func(r scanner) (h head, err error) {
			return h, r.Scan(&h.id, &h.message, &h.due, &h.expires, &h.number, &h.segment, &h.tpdu)
		}, `SELECT d.id, d.message_id, d.due, d.expires, d.recipient, s.id, s.tpdu
			FROM deliveries d LEFT JOIN segments s ON s.delivery_id = d.id AND s.state = 'pending'
			WHERE d.line = ? AND d.route = ? AND d.sender = ? AND d.state = 'queued' ORDER BY d.due, d.id, s.id LIMIT 2`,
			at.line, at.route, at.sender)
		switch {
		case err != nil:
			return nil, err
		case len(heads) == 0:
			delete(l.due, at)
			continue
		}
		h := heads[0]
		l.due[at] = h.due
		switch {
		case h.due > ms(t.now):
			continue
		case !h.segment.Valid, h.expires < ms(t.now) && t.writer.store.ClockTrusted():
			d, err := t.delivery(h.id)
			if err == nil && !h.segment.Valid { // it cannot be; and if it is, it must not hold up the others
				err = t.become(d, Failed, "there is nothing of it left to send")
			} else if err == nil {
				err = t.expire(d)
			}
			if err != nil {
				return nil, fmt.Errorf("give up delivery %d: %w", h.id, err)
			}
			continue
		}
		if at.line != lineBegun {
			if refused, err := t.denied(h); refused && err == nil {
				continue
			} else if err != nil {
				return nil, fmt.Errorf("refuse delivery %d: %w", h.id, err)
			}
		}
		t.writer.turns.take(at.sender)
		more := len(heads) > 1 && heads[1].due <= ms(t.now)
		switch {
		case len(heads) == 1:
			delete(l.due, at)
		default:
			l.due[at] = heads[1].due
		}
		d := parcel{id: h.id, message: h.message, sender: at.sender, number: h.number, state: Queued, expires: h.expires}
		a, err := t.hand(&d, h.segment.Int64, h.tpdu, sim)
		if err != nil {
			return nil, fmt.Errorf("claim delivery %d: %w", h.id, err)
		}
		a.More = more || l.next(door.open) <= ms(t.now)
		return a, nil
	}
}

// denied reports whether no text may be sent to the number of a delivery any more, since a setting has changed after
// it was queued; the delivery has failed then. A text of which a segment has left is never asked about.
func (t *tx) denied(h head) (bool, error) {
	var why *Denied
	if !errors.As(t.writer.store.judge(h.number), &why) {
		return false, nil
	}
	d, err := t.delivery(h.id)
	if err != nil {
		return true, err
	}
	return true, t.drop(d, Failed, why.Why.Row())
}

// goOn takes the next segment of a delivery of which one was settled just now; nil where it is too
// late for that.
func (t *tx) goOn(d *parcel, sim string) (*Attempt, error) {
	if d.expires < ms(t.now) && t.writer.store.ClockTrusted() {
		return nil, t.expire(d)
	}
	heads, err := within(t, func(r scanner) (h head, err error) {
		return h, r.Scan(&h.segment, &h.tpdu)
	}, `SELECT id, tpdu FROM segments WHERE delivery_id = ? AND state = 'pending' ORDER BY id LIMIT 2`, d.id)
	if err != nil || len(heads) == 0 {
		return nil, err
	}
	a, err := t.hand(d, heads[0].segment.Int64, heads[0].tpdu, sim)
	if err != nil {
		return nil, err
	}
	if a.More = len(heads) > 1; !a.More {
		l, err := t.lanes()
		if err != nil {
			return nil, err
		}
		door, _, err := t.door(l, sim)
		if err != nil {
			return nil, err
		}
		a.More = l.next(door.open) <= ms(t.now)
	}
	return a, nil
}

// hand marks a segment of a delivery as handed over, before it is.
func (t *tx) hand(d *parcel, segment int64, tpdu []byte, sim string) (*Attempt, error) {
	if _, err := t.exec(`UPDATE segments SET state = 'handed', sim = ?1, handed = ?2, tried = ifnull(tried, ?2), mr = NULL, settled = NULL WHERE id = ?3`,
		sim, ms(t.now), segment); err != nil {
		return nil, err
	}
	if _, err := t.exec(`UPDATE deliveries SET state = 'sending', attempts = attempts + 1, updated = ? WHERE id = ?`, ms(t.now), d.id); err != nil {
		return nil, err
	}
	if left := fromMS(d.expires).Sub(t.now); t.writer.store.ClockTrusted() {
		tpdu = sms.Within(tpdu, left.Round(time.Minute)) // the SMSC gives up when we would
	}
	a := &Attempt{Segment: segment, Delivery: d.id, TPDU: tpdu, sim: sim}
	if d.state == Sending {
		return a, nil
	}
	d.state = Sending
	if err := t.wrote(d); err != nil {
		return nil, err
	}
	t.ring(watched(d.message))
	return a, t.trace(Line{Event: string(Sending), User: d.sender, Delivery: d.id, Number: d.number})
}

// pauses are the times between the tries of a delivery that meets temporary errors.
var pauses = []time.Duration{
	5 * time.Second,
	15 * time.Second, // 20 s after the first try
	time.Minute,      // 1 min 20 s
	5 * time.Minute,  // 6 min
	15 * time.Minute, // 21 min
	30 * time.Minute, // 51 min
	time.Hour,        // then every hour, until the delivery expires
}

// settle stores the verdict on an attempt and returns its delivery: it is Sending still where
// segments of it are pending and may follow at once.
func (t *tx) settle(v Verdict) (d *parcel, err error) {
	early, err := t.reportsWait()
	if err != nil {
		return nil, err
	}
	if d, err = t.judge(v, early); err != nil || !early {
		return d, err
	}
	// Those that waited for this may be about other segments.
	proven, err := t.reconsider(v.Attempt.sim)
	if err != nil || !proven {
		return d, err
	}
	return t.delivery(d.id)
}

// judge is settle, as far as the segment itself goes.
func (t *tx) judge(v Verdict, early bool) (d *parcel, err error) {
	segment, delivery := v.Attempt.Segment, v.Attempt.Delivery
	var settled int64
	switch v.Outcome {
	case Accepted:
		settled, err = t.exec(`UPDATE segments SET state = 'sent', mr = nullif(?, -1), settled = ? WHERE id = ? AND state = 'handed'`, v.MR, ms(t.now), segment)
	case Doubtful:
		settled, err = t.exec(`UPDATE segments SET state = 'unconfirmed', settled = ? WHERE id = ? AND state = 'handed'`, ms(t.now), segment)
	case Refused: // What is left of it would arrive as a fragment.
		settled, err = t.exec(`UPDATE segments SET state = 'failed', settled = ?1 WHERE id = ?2 AND state = 'handed' OR delivery_id = ?3 AND state = 'pending'`,
			ms(t.now), segment, delivery)
	case Deferred, Unsent:
		settled, err = t.exec(`UPDATE segments SET state = 'pending' WHERE id = ? AND state = 'handed'`, segment)
	default:
		err = fmt.Errorf("%w outcome %d of segment %d", ErrInvalid, v.Outcome, segment)
	}
	if err != nil {
		return nil, err
	}
	if d, err = t.delivery(delivery); err != nil || settled == 0 {
		return d, err
	}
	switch v.Outcome {
	case Deferred:
		due := t.now.Add(pauses[min(d.retries, len(pauses)-1)])
		d.retries++
		return d, t.putBack(d, due, v.Reason)
	case Unsent:
		return d, t.putBack(d, t.now, v.Reason)
	case Refused:
		d.reason = v.Reason
		if err := t.unwrite(d); err != nil {
			return d, err
		}
		return d, t.sum(d)
	}
	if v.Outcome == Doubtful {
		v.MR, d.reason = -1, v.Reason
	}
	return d, t.gone(d, segment, v.Attempt.sim, v.MR, early)
}

// gone stores that a segment of a delivery left, or may have: it counts, what is left of the
// delivery is bound to its SIM, and its report may have come already.
func (t *tx) gone(d *parcel, segment int64, sim string, mr int, early bool) error {
	if err := t.left(sim); err != nil {
		return err
	}
	d.sim = sim
	if d.pending > 0 && (d.line != lineBegun || d.doubtful > 0) {
		d.line, d.route = lineBegun, sim
		if _, err := t.exec(`UPDATE deliveries SET line = ?, route = ?, sim = ?, reason = ? WHERE id = ?`, d.line, d.route, d.sim, condition.Shorten(d.reason, 300), d.id); err != nil {
			return err
		}
	}
	if early {
		if err := t.early(d, segment, mr); err != nil {
			return err
		}
	}
	return t.sum(d)
}

// reportsWait reports whether there are reports of which nobody knows yet what they are about.
func (t *tx) reportsWait() (early bool, err error) {
	err = t.row(`SELECT EXISTS (SELECT 1 FROM reports WHERE segment_id IS NULL AND received >= ?)`,
		[]any{ms(t.now.Add(-earlyWithin))}, &early)
	return early, err
}

// early applies the report of a segment that came before it was settled, if one did.
func (t *tx) early(d *parcel, segment int64, mr int) error {
	if _, err := t.exec(`UPDATE deliveries SET sim = ?, reason = ? WHERE id = ?`, d.sim, condition.Shorten(d.reason, 300), d.id); err != nil {
		return err
	}
	if err := t.earlyReport(segment, mr); err != nil {
		return err
	}
	now, err := t.delivery(d.id)
	if err == nil {
		*d = *now
	}
	return err
}

// putBack puts a delivery of which a segment was with a modem back in its line. Where a part of it is in doubt
// the reason of that stays: it is told in the end.
func (t *tx) putBack(d *parcel, due time.Time, reason string) error {
	if d.doubtful > 0 && d.reason != "" {
		reason = d.reason
	}
	d.due = ms(due)
	if _, err := t.exec(`UPDATE deliveries SET due = ?, retries = ? WHERE id = ?`, d.due, d.retries, d.id); err != nil {
		return err
	}
	t.enters(d.lane(), d.due, d.expires)
	return t.become(d, Queued, reason)
}

// Late records that the answer to an attempt that was given up came after all: the SMSC took it.
func (s *Store) Late(ctx context.Context, segment int64, mr int) error {
	return s.write(ctx, func(t *tx) error {
		var delivery int64
		err := t.row(`UPDATE segments SET state = 'sent', mr = nullif(?, -1), settled = ? WHERE id = ? AND state = 'unconfirmed' RETURNING delivery_id`,
			[]any{mr, ms(t.now), segment}, &delivery)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err == nil && mr >= 0 {
			err = t.earlyReport(segment, mr)
		}
		if err == nil {
			_, err = t.proceed(delivery)
		}
		return err
	})
}

// recover puts right what the last run left: a segment that was with a modem may have been sent,
// and an answer that was owed was not written.
func (s *Store) recover(ctx context.Context) error {
	return s.write(ctx, func(t *tx) error { return t.recover() })
}

func (t *tx) recover() error {
	if _, err := t.exec(`DELETE FROM errands`); err != nil { // whoever asked has given up
		return err
	}
	sending, err := t.ids(`SELECT id FROM deliveries WHERE state = 'sending'`)
	if err != nil {
		return err
	}
	for _, id := range sending {
		if err := t.interrupted(id); err != nil {
			return fmt.Errorf("delivery %d: %w", id, err)
		}
	}
	owed, err := t.ids(`SELECT id FROM messages WHERE answer <> 1 AND answer = 0`)
	if err != nil {
		return err
	}
	if err := t.answered(answerLost, owed); err != nil {
		return err
	}
	return t.recoverMail()
}

// interrupted puts right a delivery that was being sent when the last run ended.
func (t *tx) interrupted(delivery int64) error {
	var segment int64
	var sim string
	err := t.row(`UPDATE segments SET state = 'unconfirmed', settled = ? WHERE delivery_id = ? AND state = 'handed' RETURNING id, sim`,
		[]any{ms(t.now), delivery}, &segment, &sim)
	found := !errors.Is(err, sql.ErrNoRows)
	if found && err != nil {
		return err
	}
	d, err := t.delivery(delivery)
	if err != nil {
		return err
	}
	d.reason = "omsbox stopped while it was being sent"
	if found {
		var early bool
		if early, err = t.reportsWait(); err == nil {
			err = t.gone(d, segment, sim, -1, early)
		}
	} else {
		err = t.sum(d)
	}
	if err == nil && d.state == Sending && d.pending > 0 {
		err = t.putBack(d, t.now, d.reason)
	}
	return err
}
