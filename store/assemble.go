package store

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
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
	// repetitionWithin is how far apart the SMSC may have got a segment and its repetition.
	repetitionWithin = 10 * time.Minute
	// wideRef tells references of 16 bits from those of 8, in rows.
	wideRef = 1 << 16
	// gap stands in a text where segments are missing.
	gap = "[…]"
)

// concatKey is what the segments of one message have in common.
type concatKey struct {
	sim, tail string // tail: the last digits of the sender, or its name (0010_incoming.sql)
	ref       int    // concatenation reference, of 16 bits with wideRef added; -1 where it stands alone
	total     int
	data      bool // 8-bit user data
}

// segment is a row of incoming_segments.
type segment struct {
	arrival
	id      int64
	tpdu    []byte
	sender  string
	seq     int
	sent    int64 // TP-SCTS; when it was received where the SMSC gave none
	kept    bool
	repeats bool
	of      int64 // the message that it is a part of, 0 none
}

func scanSegment(r scanner) (s segment, err error) {
	err = r.Scan(&s.id, &s.tpdu, &s.sender, &s.seq, &s.sent, &s.kept, &s.repeats, &s.of)
	s.arrival = read(s.tpdu)
	return s, err
}

const segmentColumns = `id, tpdu, sender, seq, sent, kept, repeats, ifnull(incoming_id, 0)`

// nearest returns segments of one key and place, from among those that condition names: of those that the
// SMSC got before that time, or at it, the last ones, and of those that it got later the first ones. It costs
// the same however many there are.
func (t *tx) nearest(k concatKey, condition string, seq int, sent int64, reach time.Duration, most int) (
	[]segment, error) {
	key := `SELECT id FROM incoming_segments
		WHERE sim = ?1 AND tail = ?2 AND ref = ?3 AND total = ?4 AND data = ?5 AND seq = ?6 AND ` + condition
	return within(t, scanSegment, `SELECT `+segmentColumns+` FROM incoming_segments WHERE id IN (
		SELECT id FROM (`+key+` AND sent BETWEEN ?7 - ?8 AND ?7 ORDER BY sent DESC, id DESC LIMIT ?9) UNION ALL
		SELECT id FROM (`+key+` AND sent > ?7 AND sent <= ?7 + ?8 ORDER BY sent, id LIMIT ?9))`,
		k.sim, k.tail, k.ref, k.total, k.data, seq, sent, reach.Milliseconds(), most)
}

const (
	isOpen = `open = 1`
	isAny  = `ref >= 0`
)

// assemble looks whether a segment that has just been stored makes a message whole.
func (t *tx) assemble(k concatKey, this segment) error {
	if err := t.markRepeats(k, &this); err != nil || this.repeats && this.Cut {
		return err
	}
	near, err := t.around(k, this, true)
	if err != nil {
		return err
	}
	if near != nil {
		segments, err := t.together(this, near, sentTogether)
		if err != nil {
			return err
		}
		if len(segments) == k.total {
			return t.makeIncoming(k, segments)
		}
	}
	return t.boundSender(k)
}

// markRepeats finds out whether a segment says what another says: the sender, or the SMSC, repeats itself,
// and nothing is missing beside the segment. It may still be the beginning of another message, as some
// senders use one reference for all. Of two the one that was cut short repeats the other.
func (t *tx) markRepeats(k concatKey, this *segment) error {
	const most = 8
	alike, err := t.nearest(k, isAny, this.seq, this.sent, repetitionWithin, most)
	if err != nil {
		return err
	}
	for _, s := range alike {
		repeats := this.id
		switch {
		case s.id == this.id, !sameNumber(s.sender, this.sender):
			continue
		case s.Cut && !this.Cut && strings.HasPrefix(this.Text, s.Text) && bytes.HasPrefix(this.Data, s.Data):
			if s.of != 0 {
				continue
			}
			repeats = s.id
		case this.Cut && strings.HasPrefix(s.Text, this.Text) && bytes.HasPrefix(s.Data, this.Data):
		case s.Text != this.Text, !bytes.Equal(s.Data, this.Data):
			continue
		}
		if _, err := t.exec(`UPDATE incoming_segments SET repeats = 1 WHERE id = ?`, repeats); err != nil {
			return err
		}
		this.repeats = this.repeats || repeats == this.id
	}
	return nil
}

// around returns the segments that may belong with this one: of each place in the message the nearest of
// those that are part of no message yet, or of one that was handed on incomplete. Some senders use one
// reference for all, so what is further away is not looked at. Those that came whole come first, of them the
// nearest, and of those that are equally near the newest. With whole it returns none where a place has none:
// it begins at the ends, since segments come mostly in order.
func (t *tx) around(k concatKey, this segment, whole bool) (near []segment, err error) {
	const most = 4
	for n := range k.total {
		seq := 1 + n/2
		if n%2 == 0 {
			seq = k.total - n/2
		}
		if seq == this.seq {
			continue
		}
		some, err := t.nearest(k, isOpen, seq, this.sent, 2*sentWithin, most)
		if err != nil {
			return nil, err
		}
		some = slices.DeleteFunc(some, func(s segment) bool {
			return !sameNumber(s.sender, this.sender) || s.Port.Dest != 0 && this.Port.Dest != 0 && s.Port != this.Port
		})
		if whole && len(some) == 0 {
			return nil, nil
		}
		near = append(near, some...)
	}
	slices.SortFunc(near, func(a, b segment) int {
		switch {
		case a.Cut && !b.Cut:
			return 1
		case b.Cut && !a.Cut:
			return -1
		}
		return cmp.Or(cmp.Compare(apart(a, this), apart(b, this)), cmp.Compare(b.id, a.id))
	})
	return near, nil
}

// together returns the segments that belong to the same message as this one, in their order, as far
// as they are here. near is in the order of around. What was handed on incomplete joins as it is or
// not at all.
func (t *tx) together(this segment, near []segment, reach time.Duration) ([]segment, error) {
	const mostUnits = 16 // that are looked at
	taken := map[int]segment{this.seq: this}
	units := map[int64]bool{}
	for _, s := range near {
		if _, is := taken[s.seq]; is || apart(s, this) > reach || units[s.of] {
			continue
		}
		unit := []segment{s}
		if s.of != 0 {
			if len(units) == mostUnits {
				continue
			}
			units[s.of] = true
			var err error
			if unit, err = within(t, scanSegment,
				`SELECT `+segmentColumns+` FROM incoming_segments WHERE incoming_id = ?`, s.of); err != nil {
				return nil, err
			}
		}
		if slices.ContainsFunc(unit, func(s segment) bool { _, is := taken[s.seq]; return is }) {
			continue
		}
		for _, s := range unit {
			taken[s.seq] = s
		}
	}
	return slices.SortedFunc(maps.Values(taken), func(a, b segment) int { return cmp.Compare(a.seq, b.seq) }), nil
}

// mostOpen is how many segments of one sender may wait for others through one SIM: two messages of the
// longest kind, and more of what people send than any of them waits for.
const mostOpen = 512

// boundSender hands on what the sender of a segment has waiting the longest, as it is, where that sender has
// too much waiting.
func (t *tx) boundSender(k concatKey) error {
	const waiting = ` FROM incoming_segments WHERE sim = ? AND tail = ? AND incoming_id IS NULL AND repeats = 0 `
	for range 2 { // one was added; what an earlier program let in becomes less
		var open int
		err := t.row(`SELECT count(*) FROM (SELECT 1`+waiting+`LIMIT ?)`, []any{k.sim, k.tail, mostOpen + 1}, &open)
		if err != nil || open <= mostOpen {
			return err
		}
		oldest := concatKey{sim: k.sim, tail: k.tail}
		var id int64
		if err := t.row(`SELECT id, ref, total, data`+waiting+`ORDER BY id LIMIT 1`, []any{k.sim, k.tail},
			&id, &oldest.ref, &oldest.total, &oldest.data); err != nil {
			return err
		}
		if err := t.handOver(oldest, id); err != nil {
			return err
		}
	}
	return nil
}

// handOver makes a message of a segment and of what has come beside it.
func (t *tx) handOver(k concatKey, id int64) error {
	one, err := within(t, scanSegment, `SELECT `+segmentColumns+` FROM incoming_segments WHERE id = ?`, id)
	if err != nil || len(one) == 0 {
		return err
	}
	near, err := t.around(k, one[0], false)
	if err != nil {
		return err
	}
	segments, err := t.together(one[0], near, sentWithin)
	if err != nil {
		return err
	}
	return t.makeIncoming(k, segments)
}

func apart(a, b segment) time.Duration {
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
			SELECT max(received) + ? AS due FROM incoming_segments WHERE incoming_id IS NULL AND repeats = 0
				GROUP BY sim, tail, ref, total, data
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

// handOn makes messages of segments that waited that long for others: of as many as do not hold up what
// else is to be written. Overdue calls it until there is nothing left to hand on.
func (t *tx) handOn(waited time.Duration) error {
	keys, err := within(t, func(r scanner) (k concatKey, err error) {
		return k, r.Scan(&k.sim, &k.tail, &k.ref, &k.total, &k.data)
	}, `SELECT sim, tail, ref, total, data FROM incoming_segments WHERE incoming_id IS NULL AND repeats = 0
		GROUP BY sim, tail, ref, total, data HAVING max(received) <= ? ORDER BY min(id) LIMIT 100`, ms(t.now.Add(-waited)))
	if err != nil {
		return err
	}
	work := 300 // segments that are looked for
	for _, k := range keys {
		for work > 0 {
			var oldest int64
			err := t.row(`SELECT id FROM incoming_segments WHERE sim = ? AND tail = ? AND ref = ? AND total = ? AND data = ?
				AND incoming_id IS NULL AND repeats = 0 ORDER BY received, id LIMIT 1`,
				[]any{k.sim, k.tail, k.ref, k.total, k.data}, &oldest)
			if errors.Is(err, sql.ErrNoRows) {
				break
			}
			if err == nil {
				err = t.handOver(k, oldest)
			}
			if err != nil {
				return err
			}
			work -= k.total
		}
	}
	return nil
}

// join reads what a message says out of its segments. It joins what stands side by side before it reads it,
// since senders split characters. Where a segment is missing, or was cut short, there is a gap.
func join(segments []segment, total int, read func(run []segment) string) string {
	var b strings.Builder
	next := 1
	for i := 0; i < len(segments); {
		run := segments[i:]
		if run[0].seq > next {
			b.WriteString(gap)
		}
		for n := range run {
			if run[n].seq != run[0].seq+n || n > 0 && run[n-1].Cut {
				run = run[:n]
				break
			}
		}
		last := run[len(run)-1]
		i, next = i+len(run), last.seq+1
		b.WriteString(read(run))
		if last.Cut {
			b.WriteString(gap)
			if i < len(segments) { // one gap says that both are missing
				next = segments[i].seq
			} else {
				next = total + 1
			}
		}
	}
	if next <= total {
		b.WriteString(gap)
	}
	return b.String()
}

// textOf reads the text of segments that stand side by side.
func textOf(run []segment) string {
	tpdus := make([][]byte, len(run))
	for i, s := range run {
		tpdus[i] = s.tpdu
	}
	text, err := sms.Join(tpdus)
	if err != nil { // each of them was read before
		return gap
	}
	return text
}

// dataOf returns the octets of segments that stand side by side; those of a text for a program are in UTF-8.
func dataOf(run []segment) (all []byte) {
	if run[0].Data == nil {
		return []byte(textOf(run))
	}
	for _, s := range run {
		all = append(all, s.Data...)
	}
	return all
}

// missing tells which segments of a message are not here, such as "2-4, 6 of 9"; "" where all are.
func missing(segments []segment, total int) string {
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
	for _, s := range segments {
		upTo(s.seq)
	}
	upTo(total + 1)
	if len(ranges) == 0 {
		return ""
	}
	return fmt.Sprintf("%s of %d", strings.Join(ranges, ", "), total)
}
