package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"omsbox/modem/sms"
)

// Segments of one message may be delivered days apart and in any order, but the SMSC got them from
// the sender one after the other: TP-SCTS tells them from those of another message for which the
// sender used the same reference.
const (
	// sentTogether is how far apart the SMSC may have got the segments of a message that is put
	// together as soon as the last of them is here.
	sentTogether = time.Hour
	// sentWithin is how far apart it may have got them at all. What is further apart than
	// sentTogether is put together only when nothing nearer has come in all the time for which
	// missing segments are awaited.
	sentWithin = 24 * time.Hour
	// repeatedPiece is how far apart the SMSC may have got a segment and its repetition.
	repeatedPiece = 10 * time.Minute
	// wideRef tells references of 16 bits from those of 8, in rows.
	wideRef = 1 << 16
	// gap stands in a text where segments are missing.
	gap = "[…]"
)

// place is what the segments of one message have in common.
type place struct {
	sim, sender string
	ref         int // concatenation reference, of 16 bits with wideRef added; -1 where it stands alone
	total       int
	data        bool // 8-bit user data
}

// piece is a segment.
type piece struct {
	arrival
	id      int64
	tpdu    []byte
	seq     int
	sent    int64 // TP-SCTS; when it was received where the SMSC gave none
	kept    bool
	repeats bool
	of      int64 // the message that it is a part of, 0 none
	whole   bool  // that message is
}

func scanPiece(r scanner) (s piece, err error) {
	var missing string
	err = r.Scan(&s.id, &s.tpdu, &s.seq, &s.sent, &s.kept, &s.repeats, &s.of, &missing)
	s.arrival = read(s.tpdu)
	s.whole = s.of != 0 && missing == ""
	return s, err
}

const pieceColumns = `s.id, s.tpdu, s.seq, s.sent, s.kept, s.repeats, ifnull(s.incoming_id, 0), ifnull(i.missing, '')
	FROM incoming_segments s LEFT JOIN incoming i ON i.id = s.incoming_id WHERE s.ref >= 0`

// around returns the segments in a place that a segment which the SMSC got at that time may belong
// with or repeat, the nearest first and of those that are equally near the newest: what is not part of
// a message yet, all of what was handed on incomplete, and of what is whole the nearest. Some senders
// use one reference for all, so what is whole and further away is not looked at.
func (t *tx) around(p place, sent int64) ([]piece, error) {
	return within(t, scanPiece, `WITH near AS (
		SELECT id FROM incoming_segments
			WHERE sim = ?1 AND sender = ?2 AND ref = ?3 AND total = ?4 AND data = ?5 AND ref >= 0 AND sent BETWEEN ?6 - ?7 AND ?6 + ?7
		UNION SELECT id FROM incoming_segments
			WHERE sim = ?1 AND sender = ?2 AND ref = ?3 AND total = ?4 AND data = ?5 AND incoming_id IS NULL AND sent BETWEEN ?6 - ?8 AND ?6 + ?8
		UNION SELECT s.id FROM incoming i JOIN incoming_segments s ON s.incoming_id = i.id
			WHERE i.sim = ?1 AND i.sender = ?2 AND i.missing <> '' AND i.sent BETWEEN ?6 - 2 * ?8 AND ?6 + ?8
				AND s.ref = ?3 AND s.total = ?4 AND s.data = ?5)
		SELECT `+pieceColumns+` AND s.id IN near ORDER BY abs(s.sent - ?6), s.id DESC LIMIT 2000`,
		p.sim, p.sender, p.ref, p.total, p.data, sent, repeatedPiece.Milliseconds(), sentWithin.Milliseconds())
}

// assemble looks whether a segment that has just been stored makes a message whole.
func (t *tx) assemble(p place, this piece) error {
	near, err := t.around(p, this.sent)
	if err != nil {
		return err
	}
	for _, s := range near {
		if s.id != this.id && s.seq == this.seq && apart(s, this) <= repeatedPiece && s.Text == this.Text && bytes.Equal(s.Data, this.Data) {
			// The sender, or the SMSC, repeats itself: nothing is missing beside it. It may still be
			// the beginning of another message, as some senders use one reference for all.
			if _, err := t.exec(`UPDATE incoming_segments SET repeats = 1 WHERE id = ?`, this.id); err != nil {
				return err
			}
			break
		}
	}
	if pieces := together(this, near, sentTogether); len(pieces) == p.total {
		return t.found(p, pieces)
	}
	return nil
}

// together returns the segments that belong to the same message as this one, in their order, as far
// as they are here. near is in the order of around. What was handed on incomplete joins as it is or
// not at all.
func together(this piece, near []piece, reach time.Duration) []piece {
	taken := map[int]piece{this.seq: this}
	for _, s := range near {
		if s.id == this.id || s.whole || apart(s, this) > reach ||
			s.Port.Dest != 0 && this.Port.Dest != 0 && s.Port != this.Port {
			continue
		}
		unit := []piece{s}
		if s.of != 0 {
			unit = slices.DeleteFunc(slices.Clone(near), func(other piece) bool { return other.of != s.of })
		}
		if slices.ContainsFunc(unit, func(s piece) bool { _, is := taken[s.seq]; return is }) {
			continue
		}
		for _, s := range unit {
			taken[s.seq] = s
		}
	}
	pieces := make([]piece, 0, len(taken))
	for _, s := range taken {
		pieces = append(pieces, s)
	}
	slices.SortFunc(pieces, func(a, b piece) int { return cmp.Compare(a.seq, b.seq) })
	return pieces
}

func apart(a, b piece) time.Duration {
	return time.Duration(a.sent-b.sent).Abs() * time.Millisecond
}

// Overdue hands on what has waited long enough for its missing segments (sms.incomplete), and ends
// the waiting for reports about texts whose time is over. It returns how long it is until there is
// something to do again; false where nothing waits, or while the clock is not trusted.
func (s *Store) Overdue(ctx context.Context) (time.Duration, bool, error) {
	for {
		if !s.ClockTrusted() {
			return 0, false, nil
		}
		wait, waits, err := s.until(ctx, `SELECT min(due) FROM (
			SELECT max(received) + ? AS due FROM incoming_segments WHERE incoming_id IS NULL AND repeats = 0 GROUP BY sim, sender, ref, total, data
			UNION ALL SELECT min(expires) + 1 FROM deliveries WHERE state = 'sent' AND reason <> '')`, s.Incomplete().Milliseconds())
		if err != nil || !waits || wait > 0 {
			return wait, waits, err
		}
		if err := s.write(ctx, func(t *tx) error {
			if err := t.handOn(s.Incomplete()); err != nil {
				return err
			}
			return t.giveUpReports()
		}); err != nil {
			return 0, false, err
		}
	}
}

// handOn makes messages of segments that waited that long for others.
func (t *tx) handOn(waited time.Duration) error {
	places, err := within(t, func(r scanner) (p place, err error) {
		return p, r.Scan(&p.sim, &p.sender, &p.ref, &p.total, &p.data)
	}, `SELECT sim, sender, ref, total, data FROM incoming_segments WHERE incoming_id IS NULL AND repeats = 0
		GROUP BY sim, sender, ref, total, data HAVING max(received) <= ? ORDER BY min(id) LIMIT 100`, ms(t.now.Add(-waited)))
	if err != nil {
		return err
	}
	for _, p := range places {
		for {
			oldest, err := within(t, scanPiece, `SELECT `+pieceColumns+` AND s.sim = ? AND s.sender = ? AND s.ref = ? AND s.total = ? AND s.data = ?
				AND s.incoming_id IS NULL AND s.repeats = 0 ORDER BY s.sent, s.id LIMIT 1`, p.sim, p.sender, p.ref, p.total, p.data)
			if err != nil {
				return err
			}
			if len(oldest) == 0 {
				break
			}
			near, err := t.around(p, oldest[0].sent)
			if err != nil {
				return err
			}
			if err := t.found(p, together(oldest[0], near, sentWithin)); err != nil {
				return err
			}
		}
	}
	return nil
}

// join reads the text of a message out of its segments; that of data in hexadecimal. It joins what
// stands side by side before it decodes it, since senders split characters.
func join(pieces []piece, total int, data bool) string {
	var b strings.Builder
	next := 1
	for i := 0; i < len(pieces); {
		if pieces[i].seq > next {
			b.WriteString(gap)
		}
		run := pieces[i:]
		for n := range run {
			if run[n].seq != run[0].seq+n {
				run = run[:n]
				break
			}
		}
		i, next = i+len(run), run[len(run)-1].seq+1
		b.WriteString(decode(run, data))
	}
	if next <= total {
		b.WriteString(gap)
	}
	return b.String()
}

// decode reads segments that stand side by side.
func decode(run []piece, data bool) string {
	var tpdus [][]byte
	var octets []byte
	for _, s := range run {
		tpdus = append(tpdus, s.tpdu)
		octets = append(octets, s.Data...)
	}
	if run[0].Data != nil {
		return hex.EncodeToString(octets)
	}
	text, err := sms.Join(tpdus)
	if err != nil { // each of them was read before
		text = gap
	}
	if data {
		return hex.EncodeToString([]byte(text))
	}
	return text
}

// missing says which segments of a message are not here, such as "2-4, 6 of 9"; "" where all are.
func missing(pieces []piece, total int) string {
	var ranges []string
	next := 1
	upTo := func(seq int) {
		switch seq - next {
		case 0:
		case 1:
			ranges = append(ranges, fmt.Sprint(next))
		default:
			ranges = append(ranges, fmt.Sprintf("%d-%d", next, seq-1))
		}
		next = seq + 1
	}
	for _, s := range pieces {
		upTo(s.seq)
	}
	upTo(total + 1)
	if len(ranges) == 0 {
		return ""
	}
	return fmt.Sprintf("%s of %d", strings.Join(ranges, ", "), total)
}
