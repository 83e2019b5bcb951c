package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
)

// State is what has become of a delivery.
type State string

const (
	Scheduled   State = "scheduled"   // its time has not come
	Queued      State = "queued"      // waits for a modem, or for the next try
	Sending     State = "sending"     // one of its segments is with a modem, or the next one will be
	Sent        State = "sent"        // the SMSC took every segment
	Delivered   State = "delivered"   // the phone has every segment, by its reports
	Failed      State = "failed"      // refused for good; it did not arrive whole
	Expired     State = "expired"     // not sent in the time in which it was worth sending
	Unconfirmed State = "unconfirmed" // it left and no answer came: nobody knows, and it is not sent again by itself
)

// Delivery is one message to one recipient.
type Delivery struct {
	ID        int64
	Message   int64
	Recipient string // E.164 or a short code
	Typed     string // as the person wrote it
	State     State
	Due       time.Time // of the next try
	Attempts  int       // how often one of its segments was handed to a modem
	Reason    string    // the last error, in words for people
	Updated   time.Time
}

// Settled says whether nothing more will be tried for the delivery.
func (d Delivery) Settled() bool {
	return !slices.Contains([]State{Scheduled, Queued, Sending}, d.State)
}

// Lost says whether the delivery ended without reaching the network.
func (d Delivery) Lost() bool { return d.State == Failed || d.State == Expired }

const deliveryColumns = `id, message_id, recipient, typed, state, due, attempts, reason, updated`

func scanDelivery(r scanner) (d Delivery, err error) {
	var due, updated int64
	err = r.Scan(&d.ID, &d.Message, &d.Recipient, &d.Typed, &d.State, &due, &d.Attempts, &d.Reason, &updated)
	d.Due, d.Updated = fromMS(due), fromMS(updated)
	return d, err
}

// Deliveries returns the deliveries of a message in the order of its recipients.
func (s *Store) Deliveries(ctx context.Context, message int64) ([]Delivery, error) {
	return list(ctx, s, scanDelivery, `SELECT `+deliveryColumns+` FROM deliveries WHERE message_id = ? ORDER BY id`, message)
}

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
}

// Claim stores how the previous attempt ended, if there was one, and takes the next segment that
// is due: the rest of the same delivery first, then the delivery that has waited longest. Both are
// one commit. sim is the IMSI that the segment will leave through. nil: nothing is due.
func (s *Store) Claim(ctx context.Context, sim string, previous *Verdict) (*Attempt, error) {
	var next *Attempt
	err := s.write(ctx, func(t *tx) error {
		more := false
		if previous != nil {
			var err error
			if more, err = t.settle(*previous); err != nil {
				return fmt.Errorf("store the result of segment %d: %w", previous.Attempt.Segment, err)
			}
		}
		delivery := int64(0)
		if more {
			delivery = previous.Attempt.Delivery
		}
		for {
			if delivery == 0 {
				var err error
				if delivery, err = t.nextDelivery(sim); err != nil || delivery == 0 {
					return err
				}
			}
			a, err := t.hand(delivery, sim)
			if err != nil {
				return fmt.Errorf("claim delivery %d: %w", delivery, err)
			}
			if a != nil {
				next = a
				return nil
			}
			delivery = 0 // it had expired
		}
	})
	return next, err
}

// Settle stores how an attempt ended, where no other is to follow. What is left of the delivery
// waits for the next Claim.
func (s *Store) Settle(ctx context.Context, v Verdict) error {
	return s.write(ctx, func(t *tx) error {
		more, err := t.settle(v)
		if err == nil && more {
			err = t.become(v.Attempt.Delivery, Queued, "")
		}
		return err
	})
}

// Due returns how long it is until the next delivery is to be tried through a SIM, 0 where one is
// due; false where none waits.
func (s *Store) Due(ctx context.Context, sim string) (time.Duration, bool, error) {
	return s.until(ctx, `SELECT min(CASE WHEN sim IN ('', ?1) THEN due ELSE max(due, expires + 1) END) FROM deliveries
		WHERE state IN ('queued', 'scheduled') AND (sim IN ('', ?1) OR ?2) AND (state = 'queued' OR ?2)`, sim, s.ClockTrusted())
}

// until returns how long it is until the time that a query finds; false where it finds none.
func (s *Store) until(ctx context.Context, query string, args ...any) (time.Duration, bool, error) {
	due, err := one(ctx, s, func(r scanner) (v sql.NullInt64, err error) {
		return v, r.Scan(&v)
	}, query, args...)
	return max(0, fromMS(due.Int64).Sub(s.stamp())), due.Valid, err
}

// nextDelivery picks the delivery that is due longest; 0 where none is. What is scheduled must not
// go out because a clock is wrong, and a phone puts only those segments together that come from one
// SIM; but what waits for a SIM that is gone expires all the same.
func (t *tx) nextDelivery(sim string) (id int64, err error) {
	err = t.row(`SELECT id FROM deliveries WHERE state IN ('queued', 'scheduled') AND due <= ?1
		AND (sim IN ('', ?2) OR expires < ?1 AND ?3) AND (state = 'queued' OR ?3)
		ORDER BY due, id LIMIT 1`, []any{ms(t.now), sim, t.writer.store.ClockTrusted()}, &id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, err
}

// hand marks the first pending segment of a delivery as handed over, before it is. nil where the
// delivery is no longer worth sending.
func (t *tx) hand(delivery int64, sim string) (*Attempt, error) {
	var state State
	var expires, user, message int64
	var number string
	if err := t.row(`SELECT d.state, d.expires, d.recipient, d.message_id, ifnull(m.user_id, 0)
		FROM deliveries d JOIN messages m ON m.id = d.message_id WHERE d.id = ?`,
		[]any{delivery}, &state, &expires, &number, &message, &user); err != nil {
		return nil, err
	}
	a := Attempt{Delivery: delivery}
	err := t.row(`SELECT id, tpdu FROM segments WHERE delivery_id = ? AND state = 'pending' ORDER BY id LIMIT 1`,
		[]any{delivery}, &a.Segment, &a.TPDU)
	if errors.Is(err, sql.ErrNoRows) { // it cannot be; and if it is, it must not hold up the others
		return nil, t.become(delivery, Failed, "there is nothing of it left to send")
	}
	if err != nil {
		return nil, err
	}
	if ms(t.now) > expires && t.writer.store.ClockTrusted() {
		if _, err := t.exec(`UPDATE segments SET state = 'failed', settled = ? WHERE delivery_id = ? AND state = 'pending'`, ms(t.now), delivery); err != nil {
			return nil, err
		}
		if err := t.unwrite(delivery); err != nil {
			return nil, err
		}
		return nil, t.become(delivery, Expired, "it could not be sent in time")
	}
	if _, err := t.exec(`UPDATE segments SET state = 'handed', sim = ?, handed = ?, mr = NULL, settled = NULL WHERE id = ?`,
		sim, ms(t.now), a.Segment); err != nil {
		return nil, err
	}
	if _, err := t.exec(`UPDATE deliveries SET state = 'sending', attempts = attempts + 1, updated = ? WHERE id = ?`, ms(t.now), delivery); err != nil {
		return nil, err
	}
	if state == Sending {
		return &a, nil
	}
	// From here on a reply may come, so whose it would be is stored with the attempt.
	if user != 0 {
		if _, err := t.exec(`INSERT INTO conversations (number, user_id, wrote) VALUES (?, ?, ?)
			ON CONFLICT (number, user_id) DO UPDATE SET wrote = excluded.wrote`, number, user, ms(t.now)); err != nil {
			return nil, err
		}
	}
	t.ring(watched(message))
	return &a, t.trace(Line{Event: string(Sending), User: user, Delivery: delivery, Number: number})
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

// settle stores the verdict on an attempt. more is true where the next segment of the same
// delivery may follow at once.
func (t *tx) settle(v Verdict) (more bool, err error) {
	segment, delivery := v.Attempt.Segment, v.Attempt.Delivery
	switch v.Outcome {
	case Accepted:
		var mr any
		if v.MR >= 0 {
			mr = v.MR
		}
		if _, err := t.exec(`UPDATE segments SET state = 'sent', mr = ?, settled = ? WHERE id = ? AND state = 'handed'`, mr, ms(t.now), segment); err != nil {
			return false, err
		}
		if err := t.bind(segment, delivery); err != nil {
			return false, err
		}
		if v.MR >= 0 {
			if err := t.earlyReport(segment, v.MR); err != nil {
				return false, err
			}
		}
		return t.proceed(delivery)
	case Doubtful:
		if _, err := t.exec(`UPDATE segments SET state = 'unconfirmed', settled = ? WHERE id = ? AND state = 'handed'`, ms(t.now), segment); err != nil {
			return false, err
		}
		if err := t.because(delivery, v.Reason); err != nil {
			return false, err
		}
		if err := t.bind(segment, delivery); err != nil {
			return false, err
		}
		if err := t.earlyReport(segment, -1); err != nil {
			return false, err
		}
		return t.proceed(delivery)
	case Refused:
		// What is left of it would arrive as a fragment.
		if _, err := t.exec(`UPDATE segments SET state = 'failed', settled = ? WHERE delivery_id = ? AND (id = ? OR state = 'pending')`,
			ms(t.now), delivery, segment); err != nil {
			return false, err
		}
		if err := t.unwrite(delivery); err != nil {
			return false, err
		}
		if err := t.because(delivery, v.Reason); err != nil {
			return false, err
		}
		return t.proceed(delivery)
	case Deferred, Unsent:
		if _, err := t.exec(`UPDATE segments SET state = 'pending' WHERE id = ? AND state = 'handed'`, segment); err != nil {
			return false, err
		}
		var retries int
		if err := t.row(`SELECT retries FROM deliveries WHERE id = ?`, []any{delivery}, &retries); err != nil {
			return false, err
		}
		due := t.now
		if v.Outcome == Deferred {
			due = t.now.Add(pauses[min(retries, len(pauses)-1)])
			retries++
		}
		if _, err := t.exec(`UPDATE deliveries SET due = ?, retries = ? WHERE id = ?`, ms(due), retries, delivery); err != nil {
			return false, err
		}
		return false, t.become(delivery, Queued, v.Reason)
	}
	return false, fmt.Errorf("%w outcome %d of segment %d", ErrInvalid, v.Outcome, segment)
}

// bind keeps the rest of a delivery with the SIM that a segment of it left through.
func (t *tx) bind(segment, delivery int64) error {
	_, err := t.exec(`UPDATE deliveries SET sim = (SELECT sim FROM segments WHERE id = ?) WHERE id = ?`, segment, delivery)
	return err
}

// unwrite takes back that the user wrote to the number, where nothing of the delivery left: who
// really wrote to it last gets its replies.
func (t *tx) unwrite(delivery int64) error {
	_, err := t.exec(`WITH this AS (SELECT d.recipient, m.user_id FROM deliveries d JOIN messages m ON m.id = d.message_id WHERE d.id = ?1),
		wrote AS (SELECT max(s.handed) AS at FROM this, deliveries d JOIN messages m ON m.id = d.message_id JOIN segments s ON s.delivery_id = d.id
			WHERE d.recipient = this.recipient AND m.user_id = this.user_id AND s.state IN ('handed', 'sent', 'delivered', 'unconfirmed'))
		UPDATE conversations SET wrote = ifnull((SELECT at FROM wrote), 0)
		WHERE (number, user_id) = (SELECT recipient, user_id FROM this)`, delivery)
	return err
}

func (t *tx) because(delivery int64, reason string) error {
	_, err := t.exec(`UPDATE deliveries SET reason = ? WHERE id = ?`, clip(reason, 300), delivery)
	return err
}

// proceed looks at the segments of a delivery: true where one is still pending, else the delivery
// becomes what they amount to.
func (t *tx) proceed(delivery int64) (more bool, err error) {
	var pending, open, failed, doubtful, total, arrived int
	if err := t.row(`SELECT count(*), ifnull(sum(state = 'pending'), 0), ifnull(sum(state = 'handed'), 0), ifnull(sum(state = 'failed'), 0),
			ifnull(sum(state = 'unconfirmed'), 0), ifnull(sum(state = 'delivered'), 0) FROM segments WHERE delivery_id = ?`,
		[]any{delivery}, &total, &pending, &open, &failed, &doubtful, &arrived); err != nil {
		return false, err
	}
	var reason string
	var before State
	if err := t.row(`SELECT reason, state FROM deliveries WHERE id = ?`, []any{delivery}, &reason, &before); err != nil {
		return false, err
	}
	state := Sent
	switch {
	case pending > 0:
		return true, nil
	case open > 0:
		return false, nil
	case failed > 0:
		state = Failed
	case doubtful > 0:
		state = Unconfirmed
	case arrived == total:
		state, reason = Delivered, ""
	default:
		reason = ""
	}
	if state == before || before == Expired {
		return false, nil
	}
	return false, t.become(delivery, state, reason)
}

// become changes the state of a delivery: log, bells, and a mail where a failure is nobody else's
// to tell.
func (t *tx) become(delivery int64, state State, reason string) error {
	var message, user int64
	var number string
	var answer, notice int
	var before State
	if err := t.row(`SELECT d.message_id, d.recipient, d.state, d.notice, m.answer, ifnull(m.user_id, 0)
		FROM deliveries d JOIN messages m ON m.id = d.message_id WHERE d.id = ?`,
		[]any{delivery}, &message, &number, &before, &notice, &answer, &user); err != nil {
		return err
	}
	reason = clip(reason, 300)
	if _, err := t.exec(`UPDATE deliveries SET state = ?, reason = ?, updated = ? WHERE id = ?`, state, reason, ms(t.now), delivery); err != nil {
		return err
	}
	if err := t.trace(Line{Event: string(state), User: user, Delivery: delivery, Number: number, Detail: reason}); err != nil {
		return err
	}
	switch state {
	case Failed, Expired, Unconfirmed:
		// What was in doubt and is certain now is told again.
		if (notice == 0 || before == Unconfirmed && state != Unconfirmed) && answer != answerOwed {
			if err := t.tell(message, delivery); err != nil {
				return err
			}
		}
	case Queued:
		t.ring(Outgoing)
	}
	t.ring(watched(message))
	return nil
}

// Late records that the answer to an attempt that was given up came after all: the SMSC took it.
func (s *Store) Late(ctx context.Context, segment int64, mr int) error {
	return s.write(ctx, func(t *tx) error {
		n, err := t.exec(`UPDATE segments SET state = 'sent', mr = nullif(?, -1), settled = ? WHERE id = ? AND state = 'unconfirmed'`,
			mr, ms(t.now), segment)
		if err != nil || n == 0 {
			return err
		}
		var delivery int64
		if err := t.row(`SELECT delivery_id FROM segments WHERE id = ?`, []any{segment}, &delivery); err != nil {
			return err
		}
		if mr >= 0 {
			if err := t.earlyReport(segment, mr); err != nil {
				return err
			}
		}
		more, err := t.proceed(delivery)
		if more {
			return nil // it is being sent
		}
		return err
	})
}

// recover puts right what the last run left: a segment that was with a modem may have been sent,
// and an answer that was owed was not written.
func (s *Store) recover(ctx context.Context) error {
	return s.write(ctx, func(t *tx) error {
		if err := s.clock.load(t); err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM errands`); err != nil { // whoever asked has given up
			return err
		}
		sending, err := t.ids(`SELECT id FROM deliveries WHERE state = 'sending'`)
		if err != nil {
			return err
		}
		for _, delivery := range sending {
			open, err := t.ids(`SELECT id FROM segments WHERE delivery_id = ? AND state = 'handed'`, delivery)
			if err != nil {
				return err
			}
			for _, segment := range open {
				if _, err := t.exec(`UPDATE segments SET state = 'unconfirmed', settled = ? WHERE id = ?`, ms(t.now), segment); err != nil {
					return err
				}
				if err := t.bind(segment, delivery); err != nil {
					return err
				}
				if err := t.earlyReport(segment, -1); err != nil {
					return err
				}
			}
			if err := t.because(delivery, "omsbox stopped while it was being sent"); err != nil {
				return err
			}
			more, err := t.proceed(delivery)
			if err != nil {
				return err
			}
			if more {
				if err := t.become(delivery, Queued, "omsbox stopped while it was being sent"); err != nil {
					return err
				}
			}
		}
		owed, err := t.ids(`SELECT id FROM messages WHERE answer = 0`)
		if err != nil {
			return err
		}
		for _, message := range owed {
			if err := t.answered(message, answerLost); err != nil {
				return err
			}
		}
		return t.recoverMail()
	})
}
