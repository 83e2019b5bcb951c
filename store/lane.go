package store

import (
	"math"
	"time"
)

// Which delivery goes next. Those that wait stand in lines, and a line has a lane for each sender
// and each SIM that they are meant for. A SIM takes
//
//   - first what it has begun: the rest of texts of which it sent a part,
//   - then people's texts,
//   - then bulk: messages to more than mostPersonal recipients.
//
// Within a line the senders take turns, one delivery each, so that a long queue of one holds up
// nobody else; and of one sender what is due longest goes first.

const (
	lineBegun  = 0
	linePeople = 1 // 1 + bulk in rows
)

// mostPersonal is how many recipients a message may have that goes before bulk.
const mostPersonal = 10

// lane is where the deliveries of one sender that are meant for one SIM wait.
type lane struct {
	line   int
	route  string
	sender int64
}

// lanes are what the writer remembers of the rows, so that it finds the next one by one look into
// an index. A lane may turn out to be empty, and a time too early: the rows say so when they are
// looked at. None is missing, and no time is too late. Only the writer goroutine touches it.
type lanes struct {
	due       map[lane]int64  // when the first of it is due, at the earliest
	scheduled int64           // when the first scheduled delivery is due, at the earliest
	expires   int64           // when the first of all in line expires, at the earliest
	used      map[string]used // what left through each SIM
	day       int             // the last for which anything is counted
	capped    map[string]bool // whether people were told that a SIM's cap is reached; unknown where it has no entry
}

// turns say when each sender had a turn last.
type turns struct {
	last map[int64]uint64
	now  uint64
}

func (t *turns) take(sender int64) {
	t.now++
	t.last[sender] = t.now
}

const noTime = math.MaxInt64

// lanes returns what is known of the rows; it reads them where that is nothing.
func (t *tx) lanes() (*lanes, error) {
	if t.writer.lanes != nil {
		t.moved = true
		return t.writer.lanes, nil
	}
	l := &lanes{due: map[lane]int64{}, scheduled: noTime, expires: noTime, used: map[string]used{}, capped: map[string]bool{}}
	type first struct {
		lane
		due, expires int64
	}
	found, err := within(t, func(r scanner) (f first, err error) {
		return f, r.Scan(&f.line, &f.route, &f.sender, &f.due, &f.expires)
	}, `SELECT line, route, sender, min(due), min(expires) FROM deliveries WHERE line IS NOT NULL GROUP BY line, route, sender`)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		l.due[f.lane], l.expires = f.due, min(l.expires, f.expires)
	}
	if err := t.row(`SELECT ifnull(min(due), ?) FROM deliveries WHERE state = 'scheduled' AND held = 0`, []any{int64(noTime)}, &l.scheduled); err != nil {
		return nil, err
	}
	if err := t.row(`SELECT ifnull(max(day), 0) FROM usage WHERE day <= ?`, []any{date(t.now)}, &l.day); err != nil {
		return nil, err
	}
	t.writer.lanes, t.moved = l, true
	return l, nil
}

// enters makes known that a delivery stands in line from now on.
func (t *tx) enters(at lane, due, expires int64) {
	l := t.writer.lanes
	if l == nil {
		return // they will be read
	}
	t.moved = true
	if first, known := l.due[at]; !known || due < first {
		l.due[at] = due
	}
	l.expires = min(l.expires, expires)
}

// awaits makes known that a delivery is scheduled.
func (t *tx) awaits(due int64) {
	if l := t.writer.lanes; l != nil {
		t.moved = true
		l.scheduled = min(l.scheduled, due)
	}
}

// first returns the lane whose turn it is among those that open lets through, each with the time
// from which on it does.
func (l *lanes) first(now int64, turns *turns, open func(lane) (from int64, ok bool)) (first lane, found bool) {
	var due int64
	for at, d := range l.due {
		if d > now {
			continue
		}
		if from, ok := open(at); !ok || from > now {
			continue
		}
		if !found || before(at, d, first, due, turns) {
			first, due, found = at, d, true
		}
	}
	return first, found
}

// before reports whether lane a goes before lane b.
func before(a lane, aDue int64, b lane, bDue int64, turns *turns) bool {
	switch x, y := turns.last[a.sender], turns.last[b.sender]; {
	case a.line != b.line:
		return a.line < b.line
	case x != y:
		return x < y
	case a.sender != b.sender:
		return a.sender < b.sender
	case aDue != bDue:
		return aDue < bDue
	}
	return a.route < b.route
}

// next returns when the first of the lanes that open lets through is due, at the earliest.
func (l *lanes) next(open func(lane) (from int64, ok bool)) int64 {
	next := int64(noTime)
	for at, due := range l.due {
		if from, ok := open(at); ok {
			next = min(next, max(due, from))
		}
	}
	return next
}

// promote puts those scheduled deliveries in line whose time has come, if the clock can be trusted
// with that.
func (t *tx) promote(l *lanes) error {
	if l.scheduled > ms(t.now) || !t.writer.store.ClockTrusted() {
		return nil
	}
	const most = 500 // others wait meanwhile
	ripe, err := t.ids(`SELECT id FROM deliveries WHERE state = 'scheduled' AND held = 0 AND due <= ? ORDER BY due, id LIMIT ?`, ms(t.now), most)
	if err != nil {
		return err
	}
	for _, id := range ripe {
		d, err := t.delivery(id)
		if err != nil {
			return err
		}
		if err := t.ripen(d); err != nil {
			return err
		}
	}
	return t.row(`SELECT ifnull(min(due), ?) FROM deliveries WHERE state = 'scheduled' AND held = 0`, []any{int64(noTime)}, &l.scheduled)
}

// sweepEvery is how often the writer looks whether something is over or has become due that no
// modem asks for.
const sweepEvery = 5 * time.Second

// sweep returns a change that gives up what could not be sent in time, where there may be
// something: also that is told which no modem asks for. nil where there is nothing to do.
func (w *writer) sweep() func(*tx) error {
	if w.store.lock == nil || !w.store.ClockTrusted() {
		return nil // another process does it, or nobody can
	}
	if r := w.store.restored.Load(); !r.Made.IsZero() && !r.counted {
		return func(t *tx) error {
			w.lanes = nil // they know what was counted before
			return t.countUnknown(r.Made)
		}
	}
	now := w.store.stamp()
	if l := w.lanes; l != nil && l.expires >= ms(now) && l.scheduled > ms(now) || now.Sub(w.swept).Abs() < sweepEvery {
		return nil
	}
	w.swept = now
	return func(t *tx) error {
		l, err := t.lanes()
		if err != nil {
			return err
		}
		if err := t.promote(l); err != nil || l.expires >= ms(t.now) {
			return err
		}
		const most = 500
		over, err := t.ids(`SELECT id FROM deliveries WHERE line IS NOT NULL AND expires < ? LIMIT ?`, ms(t.now), most)
		if err != nil {
			return err
		}
		for _, id := range over {
			d, err := t.delivery(id)
			if err != nil {
				return err
			}
			if d.state == Queued {
				if err := t.expire(d); err != nil {
					return err
				}
			}
		}
		return t.row(`SELECT ifnull(min(expires), ?) FROM deliveries WHERE line IS NOT NULL`, []any{int64(noTime)}, &l.expires)
	}
}
