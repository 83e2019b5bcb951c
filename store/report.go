package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"omsbox/modem/sms"
	"omsbox/store/condition"
)

const (
	// reportWithin is how long a report may take: SMSCs try for days to reach a phone that is off.
	reportWithin = 7 * 24 * time.Hour
	// doubtWithin is how long after an unanswered attempt a report without a known TP-MR proves it.
	doubtWithin = 24 * time.Hour
	// earlyWithin is how long before the answer to AT+CMGS its report may come.
	earlyWithin = 5 * time.Minute
)

// tpduKey makes a TPDU that comes twice through the same SIM one row. What the SMSC may change when
// it delivers again does not count: TP-MMS, TP-LP, TP-SRI or TP-SRQ. 3GPP TS 23.040 9.2.2.1, 9.2.2.3
func tpduKey(sim string, tpdu []byte) []byte {
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00", sim)
	if len(tpdu) > 0 {
		h.Write([]byte{tpdu[0] &^ 0x2C})
		h.Write(tpdu[1:])
	}
	return h.Sum(nil)
}

// Report stores a SMS-STATUS-REPORT and what it proves of the segment it is about. It is matched
// by SIM, TP-MR and recipient; a segment whose TP-MR is not known, by SIM, recipient and time.
// Reports that match nothing are kept: the answer to AT+CMGS may come after them. The times in a
// report serve to tell apart what has the same TP-MR, and need not be right.
func (s *Store) Report(ctx context.Context, sim string, tpdu []byte) error {
	return s.receive(ctx, sim, tpdu, false)
}

func (s *Store) report(ctx context.Context, sim string, tpdu []byte, r sms.StatusReport) error {
	return s.writeAlong(ctx, func(t *tx) error {
		id, err := t.insert(`INSERT INTO reports (key, tpdu, sim, mr, recipient, status, received) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			tpduKey(sim, tpdu), tpdu, sim, r.MR, r.To, r.Status, ms(t.now))
		var before int64 // the segment that the very same TPDU was about
		if isUnique(err) {
			err = t.row(`SELECT id, ifnull(segment_id, 0) FROM reports WHERE key = ?`, []any{tpduKey(sim, tpdu)}, &id, &before)
		}
		if err != nil {
			return err
		}
		t.then(func() { s.heard("a report", r.Discharge) })
		segment, err := t.reported(sim, r)
		if err != nil || segment == before {
			return err
		}
		if before != 0 {
			// The dates in it are in seconds: 256 segments later another one may be reported alike, if
			// they all left in that time. Else a modem tells again what it told before.
			var gap int64
			if err := t.row(`SELECT ifnull((SELECT handed FROM segments WHERE id = ?), ?) - handed FROM segments WHERE id = ?`,
				[]any{segment, ms(t.now), before}, &gap); err != nil || time.Duration(gap).Abs()*time.Millisecond > sameTime {
				return err
			}
		}
		if segment == 0 { // it waits for the segment that it is about
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
	open      bool  // a report may still change it
	handed    int64 // when a segment was handed to the modem
}

func (t *tx) candidates(query string, args ...any) ([]candidate, error) {
	return within(t, func(r scanner) (c candidate, err error) {
		return c, r.Scan(&c.id, &c.recipient, &c.open, &c.handed)
	}, query, args...)
}

// reported finds the segment that a report is about: one with its TP-MR, whatever is known of that
// already, else one whose TP-MR is not known; 0 where none fits. A TP-MR that is but near, off by
// one, is another segment's.
func (t *tx) reported(sim string, r sms.StatusReport) (int64, error) {
	known, err := t.candidates(`SELECT s.id, d.recipient, s.state IN ('sent', 'unconfirmed'), s.handed FROM segments s JOIN deliveries d ON d.id = s.delivery_id
		WHERE s.mr = ? AND s.handed > ? AND s.sim = ? ORDER BY s.handed DESC, s.id DESC LIMIT 1000`,
		r.MR, ms(t.now.Add(-reportWithin)), sim)
	if err != nil {
		return 0, err
	}
	known = slices.DeleteFunc(known, func(c candidate) bool { return t.elsewhere(c, r) })
	if c, ok := choose(known, r); ok {
		if c.open {
			return c.id, nil
		}
		// It was proven before. But TP-MR comes round: a segment that waits for the modem's
		// answer may have it too.
		if awaited, err := t.mayGet(sim, r); err != nil || awaited {
			return 0, err
		}
		return c.id, nil
	}
	if awaited, err := t.mayGet(sim, r); err != nil || awaited {
		return 0, err
	}
	return t.proven(sim, r)
}

// proven finds the segment that a report proves among those whose TP-MR is not known: the oldest of
// those that left for certain, since reports come in the order of the segments. One that may never
// have left is proven only where no other text is in doubt that the report could be about: it would
// be taken for delivered and be lost.
func (t *tx) proven(sim string, r sms.StatusReport) (int64, error) {
	type segment struct {
		candidate
		delivery int64
		left     bool
	}
	unnumbered, err := within(t, func(r scanner) (d segment, err error) {
		return d, r.Scan(&d.id, &d.recipient, &d.handed, &d.delivery, &d.left)
	}, `SELECT s.id, d.recipient, s.handed, d.id, s.state = 'sent' FROM segments s JOIN deliveries d ON d.id = s.delivery_id
		WHERE s.mr IS NULL AND (s.state = 'sent' OR s.state = 'unconfirmed') AND s.handed > ? AND s.sim = ? ORDER BY s.handed LIMIT 1000`,
		ms(t.now.Add(-doubtWithin)), sim)
	if err != nil {
		return 0, err
	}
	unnumbered = slices.DeleteFunc(unnumbered, func(c segment) bool { return !sameNumber(c.recipient, r.To) })
	if i := slices.IndexFunc(unnumbered, func(c segment) bool { return c.left }); i >= 0 {
		return unnumbered[i].id, nil
	}
	unnumbered = slices.DeleteFunc(unnumbered, func(c segment) bool { return !atTime(c.candidate, r) })
	if len(unnumbered) == 0 {
		return t.waiting(sim, r)
	}
	first := unnumbered[0]
	if slices.ContainsFunc(unnumbered, func(c segment) bool { return c.delivery != first.delivery }) {
		return 0, nil
	}
	if fits, err := t.fitsCount(sim, r.MR, first.handed); err != nil || !fits {
		return 0, err
	}
	return first.id, nil
}

// waiting finds the segment that a report proves among those that wait for their next try, since a modem or
// the network refused them: the refusal was wrong. No other text may fit; 0 where none does.
func (t *tx) waiting(sim string, r sms.StatusReport) (int64, error) {
	type segment struct {
		candidate
		delivery, tried int64
	}
	tried, err := within(t, func(r scanner) (d segment, err error) {
		return d, r.Scan(&d.id, &d.recipient, &d.handed, &d.delivery, &d.tried)
	}, `SELECT s.id, d.recipient, s.handed, d.id, s.tried FROM segments s JOIN deliveries d ON d.id = s.delivery_id
		WHERE s.state = 'pending' AND s.handed > ? AND d.state = 'queued' AND s.sim = ? ORDER BY s.handed LIMIT 1000`,
		ms(t.now.Add(-doubtWithin)), sim)
	if err != nil {
		return 0, err
	}
	tried = slices.DeleteFunc(tried, func(c segment) bool {
		return !sameNumber(c.recipient, r.To) || !atTimes(fromMS(c.tried), fromMS(c.handed), r)
	})
	if len(tried) == 0 || slices.ContainsFunc(tried, func(c segment) bool { return c.delivery != tried[0].delivery }) {
		return 0, nil
	}
	for _, handed := range []int64{tried[0].handed, tried[0].tried} {
		if fits, err := t.fitsCount(sim, r.MR, handed); err != nil || fits {
			return tried[0].id, err
		}
	}
	return 0, nil
}

// quarter is what the zones of clocks differ by.
const quarter = 15 * time.Minute

// atTimes is atTime for a segment that was handed over several times.
func atTimes(first, last time.Time, r sms.StatusReport) bool {
	if r.SCTS.IsZero() {
		return true
	}
	after := r.SCTS.Sub(first) % quarter
	if after < 0 {
		after += quarter
	}
	return after <= last.Sub(first)+sameTime || after >= quarter-sameTime
}

// elsewhere reports whether a report may be about a text of the box that a backup was made of, which gave the same
// TP-MR to other segments after the backup. A segment that left before the backup needs the right time too.
func (t *tx) elsewhere(c candidate, r sms.StatusReport) bool {
	made := t.writer.store.restored.Load().Made
	return !made.IsZero() && c.handed <= ms(made) && !atTime(c, r)
}

// atTime reports whether a segment was handed over when the SMSC says that it got one. Its clock may
// have a wrong zone, which is off by some quarters of an hour; and where it is off by more than
// that, nothing can be told from it.
func atTime(c candidate, r sms.StatusReport) bool {
	late := r.SCTS.Sub(fromMS(c.handed))
	return r.SCTS.IsZero() || (late-late.Round(quarter)).Abs() <= sameTime
}

// fitsCount reports whether a segment that was handed over at that time may have a TP-MR. The modem
// counts up by one: the next segment of which it told its TP-MR has one that is higher by those that
// were handed over since, and by one more where it counts what it did not send. 3GPP TS 23.040 9.2.3.6
func (t *tx) fitsCount(sim string, mr byte, handed int64) (bool, error) {
	var next byte
	var between int
	err := t.row(`WITH RECURSIVE every(mr) AS (SELECT 0 UNION ALL SELECT mr + 1 FROM every WHERE mr < 255),
		numbered AS (SELECT mr, (SELECT min(handed) FROM segments s WHERE s.mr = every.mr AND s.handed > ?1 AND s.sim = ?2) AS handed FROM every)
		SELECT mr, (SELECT count(*) FROM segments s WHERE s.mr IS NULL AND (s.state = 'sent' OR s.state = 'unconfirmed')
			AND s.handed > ?1 AND s.handed <= numbered.handed AND s.sim = ?2)
		FROM numbered WHERE handed IS NOT NULL ORDER BY handed LIMIT 1`,
		[]any{handed, sim}, &next, &between)
	if errors.Is(err, sql.ErrNoRows) {
		return true, nil
	}
	ahead := int(next - mr)
	return ahead >= 1 && ahead <= between+2, err
}

// mayGet reports whether a segment that is with the modem may turn out to be the one that a report is
// about: it looks for the report when it gets its TP-MR.
func (t *tx) mayGet(sim string, r sms.StatusReport) (bool, error) {
	handed, err := t.candidates(`SELECT s.id, d.recipient, true, s.handed FROM segments s JOIN deliveries d ON d.id = s.delivery_id
		WHERE d.state = 'sending' AND s.state = 'handed' AND s.sim = ?`, sim)
	return slices.ContainsFunc(handed, func(c candidate) bool { return alikeNumber(c.recipient, r.To) }), err
}

// reconsider gives reports to the segments that they are about after all, now that the segment
// which they waited for has its TP-MR, or has none. It reports whether there were any.
func (t *tx) reconsider(sim string) (proven bool, err error) {
	type waiting struct {
		id, received int64
		tpdu         []byte
	}
	early, err := within(t, func(r scanner) (w waiting, err error) {
		return w, r.Scan(&w.id, &w.received, &w.tpdu)
	}, `SELECT id, received, tpdu FROM reports WHERE segment_id IS NULL AND sim = ? AND received >= ? ORDER BY id LIMIT 100`, sim, ms(t.now.Add(-earlyWithin)))
	for _, w := range early {
		if err != nil {
			return proven, err
		}
		r, unreadable := sms.ParseStatusReport(w.tpdu)
		if unreadable != nil {
			continue
		}
		var segment int64
		if segment, err = t.reported(sim, r); err != nil || segment == 0 {
			continue
		}
		var left bool // it was handed over before the report came; else the report is about a text of somebody else
		if err = t.row(`SELECT ifnull(tried, handed) <= ? FROM segments WHERE id = ?`, []any{w.received, segment}, &left); err == nil && left {
			proven = true
			err = t.prove(segment, w.id, r)
		}
	}
	return proven, err
}

// sameTime is how exactly TP-SCTS tells when a segment was handed to the modem.
const sameTime = 2 * time.Minute

// choose picks the segment that a report is about out of those with its TP-MR, which are the newest
// first: of those whose recipient fits, the one that was handed over when the SMSC says it got it.
// Its clock may be wrong by hours, or by a forgotten zone; so it is but a matter of who is nearest,
// and the newest of those who are about equally near.
func choose(known []candidate, r sms.StatusReport) (chosen candidate, ok bool) {
	for _, fits := range []func(a, b string) bool{sameNumber, alikeNumber} {
		for _, c := range known {
			if !fits(c.recipient, r.To) {
				continue
			}
			if !ok || !r.SCTS.IsZero() && off(c, r)+sameTime < off(chosen, r) {
				chosen, ok = c, true
			}
		}
		if ok {
			return chosen, true
		}
	}
	return chosen, false
}

func off(c candidate, r sms.StatusReport) time.Duration {
	return r.SCTS.Sub(fromMS(c.handed)).Abs()
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
	early, err := t.candidates(`SELECT id, recipient, true, 0 FROM reports WHERE segment_id IS NULL AND (mr = ?1 OR ?1 < 0) AND sim = ?2 AND received >= ?3 ORDER BY id LIMIT 100`,
		mr, sim, max(handed, ms(t.now.Add(-earlyWithin))))
	if err != nil {
		return err
	}
	for _, c := range early {
		if !sameNumber(number, c.recipient) && (mr < 0 || !alikeNumber(number, c.recipient)) {
			continue
		}
		var tpdu []byte
		if err := t.row(`SELECT tpdu FROM reports WHERE id = ?`, []any{c.id}, &tpdu); err != nil {
			return err
		}
		r, err := sms.ParseStatusReport(tpdu)
		if err != nil {
			return err
		}
		if mr < 0 { // it may be about another one
			if about, err := t.reported(sim, r); err != nil {
				return err
			} else if about != segment {
				continue
			}
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
	waits := state == "pending"
	if state != "sent" && state != "unconfirmed" && !waits {
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
	// Where the modem told no TP-MR, this is it: the next report about the segment finds it.
	if _, err := t.exec(`UPDATE segments SET state = ?, mr = ifnull(mr, ?) WHERE id = ?`, state, r.MR, segment); err != nil {
		return err
	}
	if waits {
		if err := t.endTries(delivery, segment); err != nil {
			return err
		}
	}
	if _, err := t.proceed(delivery); err != nil {
		return err
	}
	return t.awaitReport(delivery, r)
}

// endTries notes that a segment which waited for its next try has left: it counts, and what is left of its
// delivery follows through the same SIM.
func (t *tx) endTries(delivery, segment int64) error {
	d, err := t.delivery(delivery)
	if err != nil {
		return err
	}
	if err := t.row(`SELECT sim FROM segments WHERE id = ?`, []any{segment}, &d.sim); err != nil {
		return err
	}
	if err := t.left(d.sim); err != nil {
		return err
	}
	if d.pending == 0 {
		_, err := t.exec(`UPDATE deliveries SET sim = ? WHERE id = ?`, d.sim, d.id)
		return err
	}
	d.line, d.route, d.retries = lineBegun, d.sim, 0
	if _, err := t.exec(`UPDATE deliveries SET line = ?, route = ?, sim = ? WHERE id = ?`, d.line, d.route, d.sim, d.id); err != nil {
		return err
	}
	return t.putBack(d, t.now, "")
}

// awaitReport shows of a delivery that was sent what its latest report says: that the message centre
// keeps trying, for as long as it does; else nothing.
func (t *tx) awaitReport(delivery int64, r sms.StatusReport) error {
	reason := ""
	if r.Outcome() == sms.Pending {
		reason = r.Reason()
	}
	var user, message int64
	var number string
	err := t.row(`UPDATE deliveries SET reason = ?1, updated = ?2
		WHERE id = ?3 AND state = 'sent' AND reason <> ?1 AND (?1 = '' OR expires >= ?2 OR NOT ?4)
		RETURNING message_id, recipient, (SELECT ifnull(user_id, 0) FROM messages WHERE id = message_id)`,
		[]any{condition.Shorten(reason, 300), ms(t.now), delivery, t.writer.store.ClockTrusted()}, &message, &number, &user)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	t.ring(watched(message))
	t.ring(Arrived) // whoever looks after what is overdue
	if reason == "" {
		return nil
	}
	return t.trace(Line{Event: "awaited", User: user, Delivery: delivery, Number: number, Detail: reason})
}

// giveUpReports ends the waiting for reports about texts that the message centre no longer tries to
// deliver. They stay sent: nobody knows more.
func (t *tx) giveUpReports() error {
	over, err := t.ids(`UPDATE deliveries SET reason = '', updated = ?1 WHERE state = 'sent' AND reason <> '' AND expires < ?1 RETURNING message_id`, ms(t.now))
	for _, message := range over {
		t.ring(watched(message))
	}
	return err
}

// Proven reports whether a delivery report, or a late answer, told what became of any of these segments,
// which left or may have: then the network had it.
func (s *Store) Proven(ctx context.Context, segments []int64) (bool, error) {
	ids, err := json.Marshal(append([]int64{}, segments...))
	if err != nil {
		return false, err
	}
	return one(ctx, s, func(r scanner) (proven bool, err error) {
		return proven, r.Scan(&proven)
	}, `SELECT EXISTS (SELECT 1 FROM segments WHERE id IN (SELECT value FROM json_each(?)) AND state <> 'unconfirmed')`, string(ids))
}
