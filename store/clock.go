package store

import (
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// markEvery is how often the high-water mark of the clock is written down.
	markEvery = 10 * time.Minute
	// jump is how far wall and monotonic clock may part between two looks before workers are woken.
	jump = 2 * time.Second
	// drift is how far the wall clock may be set before it is doubted.
	drift = time.Hour
	// steadyFor is how long a clock that was set must go on evenly to be believed again.
	steadyFor = 10 * time.Minute
)

// clock judges the wall clock: a Raspberry Pi has none of its own and starts in the past.
//
// Its times carry Go's monotonic reading where the computer's clock gave them; a wall clock's time
// of its own is what Round(0) leaves of them.
type clock struct {
	mu     sync.Mutex
	base   time.Time // what the wall clock is held against
	set    time.Time // when it was last seen to be set; zero: never
	last   time.Time // last look
	marked time.Time // when the mark was last written
	high   time.Time // the latest wall time that was ever seen
	highAt time.Time // when that was
	good   bool      // as at the last look
}

// Now is the time by the store's clock: the computer's, if SetClock gave it no other.
func (s *Store) Now() time.Time { return (*s.now.Load())() }

// SetClock gives the store another clock to stamp rows with.
func (s *Store) SetClock(now func() time.Time) { s.now.Store(&now) }

// ClockTrusted says whether the wall clock may decide that something is due or over. While it is
// not trusted nothing scheduled is sent and nothing expires.
func (s *Store) ClockTrusted() bool { return s.ClockProblem() == "" }

// ClockProblem says in words for people why the wall clock is not trusted: it is behind the latest
// time that was ever seen, or was set by more than an hour and has not gone on evenly for long
// since, nor is it known to agree with a time server. "" where it is trusted.
func (s *Store) ClockProblem() string {
	s.clock.mu.Lock()
	defer s.clock.mu.Unlock()
	return s.clock.problem(s.Now())
}

func (c *clock) problem(now time.Time) string {
	if behind := c.high.Sub(now.Round(0)); behind > jump {
		return fmt.Sprintf("this computer's clock is %v behind the latest time that was seen before: set it", behind.Round(time.Second))
	}
	if !c.base.IsZero() && apart(c.base, now).Abs() >= drift {
		return fmt.Sprintf("this computer's clock was set by %v: it is believed in %v if it goes on evenly, or when a time server confirms it",
			apart(c.base, now).Round(time.Second), steadyFor)
	}
	return ""
}

// stamp is the time that rows get. Where the wall clock is behind what was seen before, it goes on
// evenly from there, so that the order of rows and the pauses between tries stay true.
func (s *Store) stamp() time.Time {
	s.clock.mu.Lock()
	defer s.clock.mu.Unlock()
	now := s.Now()
	if least := s.clock.high.Add(max(0, now.Sub(s.clock.highAt))); !s.clock.high.IsZero() && now.Round(0).Before(least) {
		return least
	}
	return now.Round(0)
}

// apart is how much more the wall clock moved than the monotonic one; 0 where the times carry no
// monotonic reading.
func apart(from, to time.Time) time.Duration {
	return to.Round(0).Sub(from.Round(0)) - to.Sub(from)
}

// tick looks at the clock, every wakeEvery. Now and then it returns a change to be committed: the
// new high-water mark.
func (c *clock) tick(s *Store) func(*tx) error {
	now := s.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.base.IsZero() {
		c.base, c.last, c.marked, c.good = now, now, now, c.problem(now) == ""
		return nil
	}
	if by := apart(c.last, now); by.Abs() > jump {
		c.set = now
		s.log.Warn("the clock was set", "by", by.Round(time.Second))
		s.bells.ringAll() // what is due has to be looked at again
	}
	c.last = now
	if apart(c.base, now).Abs() >= drift && !c.high.After(now.Round(0)) && (now.Sub(c.set) >= steadyFor || clockConfirmed()) {
		c.base = now
	}
	good := c.problem(now) == ""
	if good != c.good {
		s.bells.ringAll()
	}
	if c.good = good; !good {
		return nil
	}
	if wall := now.Round(0); wall.After(c.high) {
		c.high, c.highAt = wall, now
	}
	if now.Sub(c.marked) < markEvery {
		return nil
	}
	c.marked = now
	return func(t *tx) error {
		_, err := t.exec(`INSERT INTO counters (name, value) VALUES ('clock', ?)
			ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)`, ms(now))
		return err
	}
}

// load reads the high-water mark: the mark itself, or what was stored last.
func (c *clock) load(t *tx) error {
	var mark, seen int64
	err := t.row(`SELECT value FROM counters WHERE name = 'clock'`, nil, &mark)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	err = t.row(`SELECT at FROM traffic ORDER BY id DESC LIMIT 1`, nil, &seen)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.high, c.highAt = fromMS(max(mark, seen)), t.writer.store.Now()
	return nil
}
