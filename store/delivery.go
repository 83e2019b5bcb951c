package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"omsbox/store/condition"
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
	Cancelled   State = "cancelled"   // a person took it back before anything of it left
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
	SIM       string    // IMSI of the SIM that it left through; "" where nothing of it did
	Updated   time.Time
}

// Settled says whether nothing more will be tried for the delivery.
func (d Delivery) Settled() bool { return d.State.settled() }

func (s State) settled() bool { return !slices.Contains([]State{Scheduled, Queued, Sending}, s) }

// Lost says whether the delivery ended without reaching the network.
func (d Delivery) Lost() bool { return d.State == Failed || d.State == Expired }

const deliveryColumns = `id, message_id, recipient, typed, state, due, attempts, reason, sim, updated`

func scanDelivery(r scanner) (d Delivery, err error) {
	var due, updated int64
	err = r.Scan(&d.ID, &d.Message, &d.Recipient, &d.Typed, &d.State, &due, &d.Attempts, &d.Reason, &d.SIM, &updated)
	d.Reason = condition.WordsOf(d.Reason)
	d.Due, d.Updated = fromMS(due), fromMS(updated)
	return d, err
}

// Deliveries returns the deliveries of a message in the order of its recipients.
func (s *Store) Deliveries(ctx context.Context, message int64) ([]Delivery, error) {
	return list(ctx, s, scanDelivery, `SELECT `+deliveryColumns+` FROM deliveries WHERE message_id = ? ORDER BY id`, message)
}

// Cancel takes a delivery back that is scheduled or queued, as a person asks; ErrNotFound. Once a
// part of it has left, or while one is being sent, it is refused as ErrInvalid.
func (s *Store) Cancel(ctx context.Context, delivery int64) error {
	return s.write(ctx, func(t *tx) error {
		d, why, err := t.cancel(delivery)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return fmt.Errorf("delivery %d: %w", delivery, ErrNotFound)
		case err == nil && why != "":
			return fmt.Errorf("%w: the text to %s cannot be cancelled: %s", ErrInvalid, d.number, why)
		}
		return err
	})
}

// CancelMessage does that for all deliveries of a message, whoever wrote it. It returns how many were
// taken back, and for each of the others why not, as a phrase; ErrNotFound.
func (s *Store) CancelMessage(ctx context.Context, message int64) (cancelled int, kept []string, err error) {
	cancelled, kept, err = s.cancelAll(ctx, `SELECT id FROM deliveries WHERE message_id = ? ORDER BY id`, message)
	if errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("message %d: %w; `omsbox log` shows the numbers of messages", message, ErrNotFound)
	}
	return cancelled, kept, err
}

// CancelOwn does that for a message of a user; ErrNotFound where it is not the user's.
func (s *Store) CancelOwn(ctx context.Context, user, message int64) (cancelled int, kept []string, err error) {
	return s.cancelAll(ctx, `SELECT id FROM deliveries WHERE message_id = ? AND sender = ? ORDER BY id`, message, user)
}

// cancelAll takes back what it can of the deliveries that a query finds; ErrNotFound where it finds none.
func (s *Store) cancelAll(ctx context.Context, query string, args ...any) (cancelled int, kept []string, err error) {
	err = s.write(ctx, func(t *tx) error {
		all, err := t.ids(query, args...)
		if err == nil && len(all) == 0 {
			return ErrNotFound
		}
		for _, id := range all {
			d, why, err := t.cancel(id)
			switch {
			case err != nil:
				return err
			case why != "":
				kept = append(kept, fmt.Sprintf("%s: %s", d.number, why))
			default:
				cancelled++
			}
		}
		return err
	})
	return cancelled, kept, err
}

// cancel takes a delivery back, or says why it cannot be. sql.ErrNoRows where there is none.
func (t *tx) cancel(delivery int64) (d *parcel, why string, err error) {
	d, err = t.delivery(delivery)
	switch {
	case err != nil:
		return nil, "", err
	case d.state != Scheduled && d.state != Queued:
		return d, fmt.Sprintf("it is %s", d.state), nil
	case d.pending != d.total:
		return d, "a part of it has left", nil
	}
	if err := t.drop(d, Cancelled, ""); err != nil || t.writer.store.restored.Load().Made.IsZero() {
		return d, "", err
	}
	return d, "", t.holding() // it may have been the last that a restore held
}

// parcel is a delivery inside a change, with what its segments amount to.
type parcel struct {
	id, message, sender, ahead, behind int64
	number                             string
	state                              State
	line                               int // -1: in none
	bulk                               bool
	route, sim, reason                 string
	due, expires                       int64
	attempts, retries                  int
	notice, answer                     int

	total, pending, handed, failed, doubtful, arrived int // its segments
}

// delivery reads a delivery; sql.ErrNoRows where there is none.
func (t *tx) delivery(id int64) (*parcel, error) {
	d := parcel{id: id}
	err := t.row(`SELECT d.message_id, d.sender, d.ahead, d.behind, d.recipient, d.state, ifnull(d.line, -1), d.bulk, d.route, d.sim, d.reason,
			d.due, d.expires, d.attempts, d.retries, d.notice, m.answer, count(s.id), ifnull(sum(s.state = 'pending'), 0), ifnull(sum(s.state = 'handed'), 0),
			ifnull(sum(s.state = 'failed'), 0), ifnull(sum(s.state = 'unconfirmed'), 0), ifnull(sum(s.state = 'delivered'), 0)
		FROM deliveries d JOIN messages m ON m.id = d.message_id LEFT JOIN segments s ON s.delivery_id = d.id WHERE d.id = ? GROUP BY d.id`,
		[]any{id}, &d.message, &d.sender, &d.ahead, &d.behind, &d.number, &d.state, &d.line, &d.bulk, &d.route, &d.sim, &d.reason,
		&d.due, &d.expires, &d.attempts, &d.retries, &d.notice, &d.answer, &d.total, &d.pending, &d.handed, &d.failed, &d.doubtful, &d.arrived)
	return &d, err
}

// lane is where a delivery waits while it is in line.
func (d *parcel) lane() lane { return lane{d.line, d.route, d.sender} }

// own is the line that a delivery belongs to until a part of it has left.
func (d *parcel) own() int {
	if d.bulk {
		return linePeople + 1
	}
	return linePeople
}

// become changes the state of a delivery: log, bells, and a mail where a failure is nobody else's
// to tell. Once it is settled, the one behind it may go.
func (t *tx) become(d *parcel, state State, reason string) error {
	before := d.state
	d.state, d.reason = state, condition.Shorten(reason, 300)
	var err error
	if state.settled() && !before.settled() {
		d.line = -1
		_, err = t.exec(`UPDATE deliveries SET state = ?, reason = ?, sim = ?, line = NULL, held = 0, settled = ?5, updated = ?5 WHERE id = ?4`,
			state, d.reason, d.sim, d.id, ms(t.now))
		if err == nil {
			err = t.leaveChain(d)
		}
	} else {
		_, err = t.exec(`UPDATE deliveries SET state = ?, reason = ?, sim = ?, updated = ? WHERE id = ?`, state, d.reason, d.sim, ms(t.now), d.id)
	}
	if err != nil {
		return err
	}
	if err := t.trace(Line{Event: string(state), User: d.sender, Delivery: d.id, Number: d.number, Detail: d.reason}); err != nil {
		return err
	}
	switch state {
	case Failed, Expired, Unconfirmed:
		// What was in doubt and is certain now is told again.
		if (d.notice == 0 || before == Unconfirmed && state != Unconfirmed) && d.answer != answerOwed {
			if err := t.tell(d.message, d.id); err != nil {
				return err
			}
		}
	case Queued:
		t.ring(Outgoing)
	}
	t.ring(watched(d.message))
	return nil
}

// drop ends a delivery of which no segment will be tried any more.
func (t *tx) drop(d *parcel, state State, reason string) error {
	if _, err := t.exec(`UPDATE segments SET state = 'failed', settled = ? WHERE delivery_id = ? AND state = 'pending'`, ms(t.now), d.id); err != nil {
		return err
	}
	if err := t.unwrite(d); err != nil {
		return err
	}
	return t.become(d, state, reason)
}

// expire gives up what could not be sent in time.
func (t *tx) expire(d *parcel) error { return t.drop(d, Expired, "it could not be sent in time") }

// because stores why a delivery is as it is.
func (t *tx) because(delivery int64, reason string) error {
	_, err := t.exec(`UPDATE deliveries SET reason = ? WHERE id = ?`, condition.Shorten(reason, 300), delivery)
	return err
}

// proceed looks at the segments of a delivery: true where one is still pending, else the delivery
// becomes what they amount to.
func (t *tx) proceed(delivery int64) (more bool, err error) {
	d, err := t.delivery(delivery)
	if err != nil {
		return false, err
	}
	return d.pending > 0, t.sum(d)
}

// sum makes a delivery what its segments amount to, once all were tried.
func (t *tx) sum(d *parcel) error {
	state, reason := Sent, d.reason
	switch {
	case d.pending > 0 || d.handed > 0:
		return nil
	case d.failed > 0:
		state = Failed
	case d.doubtful > 0:
		state = Unconfirmed
	case d.arrived == d.total:
		state, reason = Delivered, ""
	default:
		reason = ""
	}
	if state == d.state || d.state == Expired || d.state == Cancelled {
		return nil
	}
	return t.become(d, state, reason)
}

// wrote stores with an attempt that a reply may come from now on, and whose it would be.
func (t *tx) wrote(d *parcel) error {
	if d.sender == 0 {
		return nil
	}
	_, err := t.exec(`INSERT INTO conversations (number, user_id, wrote, before, delivery) VALUES (?, ?, ?, 0, ?)
		ON CONFLICT (number, user_id) DO UPDATE SET wrote = excluded.wrote, delivery = excluded.delivery,
			before = iif(delivery = excluded.delivery, before, wrote)`, d.number, d.sender, ms(t.now), d.id)
	return err
}

// unwrite takes that back where nothing of the delivery left: who really wrote to the number last
// gets its replies. No later text of the same user to the same number was tried meanwhile.
func (t *tx) unwrite(d *parcel) error {
	if d.sender == 0 || d.sim != "" {
		return nil
	}
	_, err := t.exec(`UPDATE conversations SET wrote = before WHERE number = ? AND user_id = ? AND delivery = ?`, d.number, d.sender, d.id)
	return err
}
