package store

import (
	"database/sql"
	"errors"
	"sync"
	"time"
)

const (
	// markEvery is how often the high-water mark of the clock is written down.
	markEvery = 10 * time.Minute
	// jump is how far wall and monotonic clock may part between two looks before workers are woken.
	jump = 2 * time.Second
	// drift is how far they may part in all before the wall clock is doubted.
	drift = time.Hour
)

// clock judges the wall clock: a Raspberry Pi has none of its own and starts in the past.
type clock struct {
	mu     sync.Mutex
	start  time.Time // first look, with its monotonic reading
	last   time.Time
	marked time.Time
	high   time.Time // the latest time ever written down
}

// Now is the time by the store's clock: the computer's, if SetClock gave it no other.
func (s *Store) Now() time.Time { return (*s.now.Load())() }

// SetClock gives the store another clock to stamp rows with.
func (s *Store) SetClock(now func() time.Time) { s.now.Store(&now) }

// ClockTrusted says whether the wall clock may decide that something is due or over: it is not
// behind the latest time that was ever stored and has not left the monotonic clock since the
// start. While it is not trusted nothing scheduled is sent and nothing expires.
func (s *Store) ClockTrusted() bool {
	s.clock.mu.Lock()
	defer s.clock.mu.Unlock()
	return s.clock.trusted(s.Now())
}

func (c *clock) trusted(now time.Time) bool {
	if now.Before(c.high) {
		return false
	}
	return c.start.IsZero() || apart(c.start, now).Abs() < drift
}

// stamp is the time that rows get. While the wall clock is behind what was stored before, it goes
// on from there, so that the order of rows and the pauses between tries stay true.
func (s *Store) stamp() time.Time {
	s.clock.mu.Lock()
	defer s.clock.mu.Unlock()
	now := s.Now()
	if s.clock.high.IsZero() || !now.Before(s.clock.high) {
		return now
	}
	if s.clock.start.IsZero() {
		return s.clock.high
	}
	return s.clock.high.Add(now.Sub(s.clock.start))
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
	if c.start.IsZero() {
		c.start, c.last, c.marked = now, now, now
		return nil
	}
	if apart(c.last, now).Abs() > jump {
		s.log.Warn("the clock was set", "by", apart(c.last, now).Round(time.Second))
		s.bells.ringAll() // what is due has to be looked at again
	}
	c.last = now
	if now.Sub(c.marked) < markEvery || !c.trusted(now) {
		return nil
	}
	c.marked, c.high = now, now
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
	c.high = fromMS(max(mark, seen))
	return nil
}
