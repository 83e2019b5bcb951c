package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"omsbox/modem/sms"
)

// Incoming is a complete text from a phone.
type Incoming struct {
	ID       int64
	SIM      string // IMSI of the SIM that received it
	Sender   string // E.164, a short code, or the name that the sender shows
	Kind     string // "SMS", "data" (8-bit, in hexadecimal) or "undecodable" (the TPDU in hexadecimal)
	Text     string
	Sent     time.Time // TP-SCTS: when the SMSC got it
	State    string    // "received", "mailed", "unroutable" or "kept"
	User     int64     // whose it is; 0 while nobody's
	Reason   string    // why it is unroutable
	Received time.Time
}

const incomingColumns = `id, sim, sender, kind, text, sent, state, ifnull(user_id, 0), reason, received`

func scanIncoming(r scanner) (i Incoming, err error) {
	var sent, received int64
	err = r.Scan(&i.ID, &i.SIM, &i.Sender, &i.Kind, &i.Text, &sent, &i.State, &i.User, &i.Reason, &received)
	i.Sent, i.Received = fromMS(sent), fromMS(received)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("incoming message: %w", ErrNotFound)
	}
	return i, err
}

// Receive stores a TPDU that came in through a SIM. Once it returns the TPDU may be deleted from
// the modem. A TPDU that was stored before changes nothing. The last segment of a message makes
// the message; what cannot be decoded becomes a message that says so. SMS-STATUS-REPORTs go to
// Report.
func (s *Store) Receive(ctx context.Context, sim string, tpdu []byte) error {
	return s.receive(ctx, sim, tpdu, "received")
}

// Keep is Receive for what lay on a SIM before it was first met: it is stored and shown, but
// mailed to nobody.
func (s *Store) Keep(ctx context.Context, sim string, tpdu []byte) error {
	return s.receive(ctx, sim, tpdu, "kept")
}

func (s *Store) receive(ctx context.Context, sim string, tpdu []byte, state string) error {
	kind := "SMS"
	d, err := sms.ParseDeliver(tpdu)
	switch {
	case err != nil:
		kind = "undecodable"
		d = sms.Deliver{Text: hex.EncodeToString(tpdu)}
	case d.Data != nil:
		kind = "data"
		d.Text = hex.EncodeToString(d.Data)
	}
	return s.write(ctx, func(t *tx) error {
		from := s.sender(d.From)
		ref, total, seq := -1, 1, 1
		if d.Concat.Total > 1 {
			ref, total, seq = int(d.Concat.Ref), int(d.Concat.Total), int(d.Concat.Seq)
		}
		sent := d.SCTS
		if sent.IsZero() {
			sent = t.now
		}
		segment, err := t.insert(`INSERT INTO incoming_segments (key, tpdu, sim, sender, ref, total, seq, sent, received) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			tpduKey(sim, tpdu), tpdu, sim, from, ref, total, seq, ms(sent), ms(t.now))
		if isUnique(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := t.trace(Line{Event: "arrived", Number: from, Detail: fmt.Sprintf("segment %d of %d", seq, total)}); err != nil {
			return err
		}
		segments := []int64{segment}
		if ref >= 0 {
			if segments, err = t.complete(sim, from, ref, total, sent); err != nil || segments == nil {
				return err
			}
			if d.Text, err = t.join(segments, kind); err != nil {
				return err
			}
		}
		id, err := t.insert(`INSERT INTO incoming (sim, sender, kind, text, sent, state, reason, received) VALUES (?, ?, ?, ?, ?, ?, '', ?)`,
			sim, from, kind, d.Text, ms(sent), state, ms(t.now))
		if err != nil {
			return err
		}
		for _, segment := range segments {
			if _, err := t.exec(`UPDATE incoming_segments SET incoming_id = ? WHERE id = ?`, id, segment); err != nil {
				return err
			}
		}
		t.ring(Arrived)
		return t.trace(Line{Event: "received", Incoming: id, Number: from})
	})
}

// sentWithin is how far apart the SMSC may have got the segments of one message. They may be
// delivered days apart; but a sender uses the same reference again, for another message.
const sentWithin = 24 * time.Hour

// complete returns the segments of a message in their order, nil while one is missing. Of two
// that claim the same place the newer counts.
func (t *tx) complete(sim, from string, ref, total int, sent time.Time) ([]int64, error) {
	waiting, err := t.ids(`SELECT max(id) FROM incoming_segments
		WHERE incoming_id IS NULL AND sim = ? AND sender = ? AND ref = ? AND total = ? AND seq BETWEEN 1 AND total AND sent BETWEEN ? AND ?
		GROUP BY seq ORDER BY seq`, sim, from, ref, total, ms(sent.Add(-sentWithin)), ms(sent.Add(sentWithin)))
	if err != nil || len(waiting) < total {
		return nil, err
	}
	return waiting, nil
}

// join reads the text of a message out of its segments.
func (t *tx) join(segments []int64, kind string) (string, error) {
	var tpdus [][]byte
	data := ""
	for _, id := range segments {
		var tpdu []byte
		if err := t.row(`SELECT tpdu FROM incoming_segments WHERE id = ?`, []any{id}, &tpdu); err != nil {
			return "", err
		}
		tpdus = append(tpdus, tpdu)
		if d, err := sms.ParseDeliver(tpdu); err == nil {
			data += hex.EncodeToString(d.Data)
		}
	}
	if kind == "data" {
		return data, nil
	}
	return sms.Join(tpdus)
}

// Unrouted returns the texts of which nobody decided yet whose they are, oldest first.
func (s *Store) Unrouted(ctx context.Context) ([]Incoming, error) {
	return list(ctx, s, scanIncoming, `SELECT `+incomingColumns+` FROM incoming WHERE state = 'received' ORDER BY id LIMIT 100`)
}

// Incoming returns the text with that id; ErrNotFound.
func (s *Store) Incoming(ctx context.Context, id int64) (Incoming, error) {
	return one(ctx, s, scanIncoming, `SELECT `+incomingColumns+` FROM incoming WHERE id = ?`, id)
}

// LastWriter returns the user who wrote to that number last; ErrNotFound where nobody did.
func (s *Store) LastWriter(ctx context.Context, number string) (User, error) {
	return one(ctx, s, scanUser, `SELECT `+userColumns+` FROM users WHERE id =
		(SELECT user_id FROM conversations WHERE number = ? AND wrote > 0 ORDER BY wrote DESC LIMIT 1)`, number)
}

// Mailed makes a received text the user's: it queues the mail that carries it.
func (s *Store) Mailed(ctx context.Context, incoming, user int64) error {
	return s.write(ctx, func(t *tx) error {
		number, undecided, err := t.route(incoming, "mailed", user, "")
		if err != nil || !undecided {
			return err
		}
		return t.queueMail(mailRow{kind: Reply, user: user, incoming: incoming, number: number})
	})
}

// Unroutable records that a received text is nobody's, and why.
func (s *Store) Unroutable(ctx context.Context, incoming int64, reason string) error {
	return s.write(ctx, func(t *tx) error {
		_, _, err := t.route(incoming, "unroutable", 0, reason)
		return err
	})
}

// route decides a received text and returns its sender; undecided is false where it was decided before.
func (t *tx) route(incoming int64, state string, user int64, reason string) (number string, undecided bool, err error) {
	err = t.row(`UPDATE incoming SET state = ?, user_id = nullif(?, 0), reason = ? WHERE id = ? AND state = 'received' RETURNING sender`,
		[]any{state, user, reason, incoming}, &number)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	return number, true, t.trace(Line{Event: state, User: user, Incoming: incoming, Number: number, Detail: reason})
}
