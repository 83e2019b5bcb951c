package store

import (
	"sync"
	"time"
)

// SteppedClock is a computer's clock that stands still until a test moves it. It is given when the store
// is opened (Option), since the writer looks at the clock from then on.
type SteppedClock struct {
	mu        sync.Mutex
	wall      time.Time
	mono      time.Duration
	confirmed bool // by a time server
}

// NewSteppedClock returns a clock that shows a time.
func NewSteppedClock(at time.Time) *SteppedClock { return &SteppedClock{wall: at} }

// Option gives the clock to a store. The clock may be given to one store after another.
func (c *SteppedClock) Option() Option {
	return func(s *Store) { s.source = source{c.Now, c.elapsed, c.agreed} }
}

// Now is the time that the clock shows.
func (c *SteppedClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall
}

func (c *SteppedClock) elapsed() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mono
}

func (c *SteppedClock) agreed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.confirmed
}

// Pass lets time go by.
func (c *SteppedClock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.mono = c.wall.Add(d), c.mono+d
}

// Set is what somebody does who sets the clock: no time goes by.
func (c *SteppedClock) Set(wall time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall = wall
}

// Shift sets the clock forward, or back.
func (c *SteppedClock) Shift(by time.Duration) { c.Set(c.Now().Add(by)) }

// Confirm is a time server's word that the clock is right.
func (c *SteppedClock) Confirm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.confirmed = true
}
