package store

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"omsbox/modem/sms"
)

const (
	// reportWithin is how long a report may take: SMSCs try for days to reach a phone that is off.
	reportWithin = 7 * 24 * time.Hour
	// doubtWithin is how long after an unanswered attempt a report without a known TP-MR proves it.
	doubtWithin = 24 * time.Hour
	// earlyWithin is how long before the answer to AT+CMGS its report may come.
	earlyWithin = 5 * time.Minute
)

// tpduKey makes a TPDU that comes twice through the same SIM one row.
func tpduKey(sim string, tpdu []byte) []byte {
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00", sim)
	h.Write(tpdu)
	return h.Sum(nil)
}

// Report stores a SMS-STATUS-REPORT and what it proves of the segment it is about. It is matched
// by SIM, TP-MR and recipient; a segment whose answer never came, by SIM, recipient and time.
// Reports that match nothing are kept: the answer to AT+CMGS may come after them.
func (s *Store) Report(ctx context.Context, sim string, tpdu []byte) error {
	r, err := sms.ParseStatusReport(tpdu)
	if err != nil {
		return s.Receive(ctx, sim, tpdu) // kept as what it is: something that cannot be read
	}
	return s.write(ctx, func(t *tx) error {
		id, err := t.insert(`INSERT INTO reports (key, tpdu, sim, mr, recipient, status, received) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			tpduKey(sim, tpdu), tpdu, sim, r.MR, r.To, r.Status, ms(t.now))
		var before int64 // the segment that the very same TPDU was about
		if isUnique(err) {
			err = t.row(`SELECT id, ifnull(segment_id, 0) FROM reports WHERE key = ?`, []any{tpduKey(sim, tpdu)}, &id, &before)
		}
		if err != nil {
			return err
		}
		// The dates in it are in seconds: 256 segments later another one may be reported alike.
		segment, err := t.reported(sim, r)
		switch {
		case err != nil || segment == before:
			return err
		case segment == 0: // it waits for the segment that it is about
			_, err := t.exec(`UPDATE reports SET segment_id = NULL, received = ? WHERE id = ?`, ms(t.now), id)
			return err
		}
		return t.prove(segment, id, r)
	})
}

// candidate is a segment that a report may be about, or a report that may be about a segment.
type candidate struct {
	id        int64
	recipient string
	open      bool // a report may still change it
}

func (t *tx) candidates(query string, args ...any) ([]candidate, error) {
	return within(t, func(r scanner) (c candidate, err error) {
		return c, r.Scan(&c.id, &c.recipient, &c.open)
	}, query, args...)
}

// reported finds the segment that a report is about: the newest with its TP-MR, whatever is known
// of that already, else one whose answer never came; 0 where none fits.
func (t *tx) reported(sim string, r sms.StatusReport) (int64, error) {
	known, err := t.candidates(`SELECT s.id, d.recipient, s.state IN ('sent', 'unconfirmed') FROM segments s JOIN deliveries d ON d.id = s.delivery_id
		WHERE s.mr = ? AND s.handed > ? AND s.sim = ? ORDER BY s.handed DESC, s.id DESC LIMIT 1000`,
		r.MR, ms(t.now.Add(-reportWithin)), sim)
	if err != nil {
		return 0, err
	}
	for _, c := range known {
		if !sameNumber(c.recipient, r.To) {
			continue
		}
		if c.open {
			return c.id, nil
		}
		// It was proven before. But TP-MR comes round: a segment that waits for the modem's
		// answer may have it too, and looks for this report when it gets it.
		waiting, err := t.candidates(`SELECT s.id, d.recipient, true FROM segments s JOIN deliveries d ON d.id = s.delivery_id
			WHERE d.state = 'sending' AND s.state = 'handed' AND s.sim = ?`, sim)
		if err != nil {
			return 0, err
		}
		if slices.ContainsFunc(waiting, func(c candidate) bool { return sameNumber(c.recipient, r.To) }) {
			return 0, nil
		}
		return c.id, nil
	}
	// The oldest doubtful one: reports come in the order of the segments.
	doubtful, err := t.candidates(`SELECT s.id, d.recipient, true FROM segments s JOIN deliveries d ON d.id = s.delivery_id
		WHERE s.state = 'unconfirmed' AND s.handed > ? AND s.sim = ? ORDER BY s.handed LIMIT 1000`,
		ms(t.now.Add(-doubtWithin)), sim)
	if err != nil {
		return 0, err
	}
	for _, c := range doubtful {
		if sameNumber(c.recipient, r.To) {
			return c.id, nil
		}
	}
	return 0, nil
}

// earlyReport applies the report of a segment that came before the answer to its AT+CMGS, or in
// spite of that never coming: then mr is -1.
func (t *tx) earlyReport(segment int64, mr int) error {
	var sim, number string
	var handed int64
	if err := t.row(`SELECT s.sim, d.recipient, s.handed FROM segments s JOIN deliveries d ON d.id = s.delivery_id WHERE s.id = ?`,
		[]any{segment}, &sim, &number, &handed); err != nil {
		return err
	}
	early, err := t.candidates(`SELECT id, recipient, true FROM reports WHERE segment_id IS NULL AND (mr = ?1 OR ?1 < 0) AND sim = ?2 AND received >= ?3 ORDER BY id LIMIT 100`,
		mr, sim, max(handed, ms(t.now.Add(-earlyWithin))))
	if err != nil {
		return err
	}
	for _, c := range early {
		if !sameNumber(number, c.recipient) {
			continue
		}
		var r sms.StatusReport
		if err := t.row(`SELECT status FROM reports WHERE id = ?`, []any{c.id}, &r.Status); err != nil {
			return err
		}
		return t.prove(segment, c.id, r)
	}
	return nil
}

// prove applies a report to its segment.
func (t *tx) prove(segment, report int64, r sms.StatusReport) error {
	if _, err := t.exec(`UPDATE reports SET segment_id = ? WHERE id = ?`, segment, report); err != nil {
		return err
	}
	var delivery int64
	var state string
	if err := t.row(`SELECT delivery_id, state FROM segments WHERE id = ?`, []any{segment}, &delivery, &state); err != nil {
		return err
	}
	if state != "sent" && state != "unconfirmed" {
		return nil // proven before: the SMSC repeats itself
	}
	switch r.Outcome() {
	case sms.Delivered:
		state = "delivered"
	case sms.Failed:
		state = "failed"
		if err := t.because(delivery, r.Reason()); err != nil {
			return err
		}
	case sms.Unproven:
		state = "sent" // the SMSC had it, which is more than a doubtful segment was known for
	case sms.Pending:
		state = "sent" // another report will come
	}
	if _, err := t.exec(`UPDATE segments SET state = ? WHERE id = ?`, state, segment); err != nil {
		return err
	}
	_, err := t.proceed(delivery)
	return err
}
