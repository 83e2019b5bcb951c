package store

import (
	"fmt"
	"time"
)

// How many segments leave through each SIM is counted by the day, in the commit that stores that
// they left, and held against sim.daily and sim.monthly. At a cap nothing new is begun; what was
// begun is finished, since half a text costs and is worth nothing: the cap may be exceeded by the
// rest of one text.

// used is what left through a SIM.
type used struct {
	day            int // 20260531
	today, monthly int
}

// date is the day of a time in the computer's time zone, as in 20260531.
func date(at time.Time) int {
	y, m, d := at.Local().Date()
	return y*10000 + int(m)*100 + d
}

// today is the day that segments are counted for: while the clock is not trusted, the last one for
// which any were, since a clock that is wrong must not start a new day. last is not after now: a later day
// was counted while the clock was ahead.
func (s *Store) today(now time.Time, last int) int {
	if last > 0 && !s.ClockTrusted() {
		return last
	}
	return date(now)
}

// usedOn counts what left through a SIM on a day, and in its month up to then.
const usedOn = `SELECT ifnull(sum(iif(day = ?2, segments, 0)), 0), ifnull(sum(segments), 0) FROM usage WHERE sim = ?1 AND day BETWEEN ?2 / 100 * 100 AND ?2`

// used returns what left through a SIM this day and this month.
func (t *tx) used(l *lanes, sim string) (u used, err error) {
	day := t.writer.store.today(t.now, l.day)
	if u, known := l.used[sim]; known && u.day == day {
		return u, nil
	}
	u.day = day
	err = t.row(usedOn, []any{sim, day}, &u.today, &u.monthly)
	l.used[sim] = u
	return u, err
}

// left counts a segment that left through a SIM, or may have.
func (t *tx) left(sim string) error {
	l, err := t.lanes()
	if err != nil {
		return err
	}
	u, err := t.used(l, sim)
	if err != nil {
		return err
	}
	if _, err := t.exec(`INSERT INTO usage (sim, day, segments) VALUES (?, ?, 1)
		ON CONFLICT (sim, day) DO UPDATE SET segments = segments + 1`, sim, u.day); err != nil {
		return err
	}
	u.today++
	u.monthly++
	l.used[sim], l.day = u, max(l.day, u.day)
	return nil
}

// capped is a cap that is reached.
type capped struct {
	word  string // "daily" or "monthly"
	most  int
	until time.Time
}

func (c *capped) String() string {
	return fmt.Sprintf("the %s cap of %d segments is reached", c.word, c.most)
}

// reached says which cap of a SIM is reached; nil where none is.
func (s *Store) reached(sim string, u used) *capped {
	y, m, d := u.day/10000, time.Month(u.day/100%100), u.day%100
	switch daily, monthly := s.Daily(sim), s.Monthly(sim); {
	case monthly > 0 && u.monthly >= monthly:
		return &capped{"monthly", monthly, time.Date(y, m+1, 1, 0, 0, 0, 0, time.Local)}
	case daily > 0 && u.today >= daily:
		return &capped{"daily", daily, time.Date(y, m, d+1, 0, 0, 0, 0, time.Local)}
	}
	return nil
}

// capped returns the cap of a SIM that is reached, nil where none is, and has people told.
func (t *tx) capped(l *lanes, sim string) (*capped, error) {
	u, err := t.used(l, sim)
	if err != nil {
		return nil, err
	}
	c := t.writer.store.reached(sim, u)
	told, known := l.capped[sim]
	if known && told == (c != nil) {
		return c, nil
	}
	l.capped[sim] = c != nil
	if c == nil {
		return nil, t.clear("cap", sim)
	}
	return c, t.raise("cap", sim, fmt.Sprintf("%s by SIM %s; it goes on at %s: raise sim.daily or sim.monthly if it is to go on now",
		c, sim, c.until.Format(clockTime)))
}

// clockTime is how people read a time.
const clockTime = "2006-01-02 15:04"
