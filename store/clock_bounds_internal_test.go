package store

import (
	"testing"
	"time"
)

// How much of a leap is believed, after how long, and on whose word. What expires by a clock that is wrong is lost;
// while the clock is doubted nothing scheduled is sent.
func TestHowFarTheClockIsBelieved(t *testing.T) {
	t.Parallel()
	const second, minute, hour = time.Second, time.Minute, time.Hour
	type moves func(t *testing.T, s *Store, c *SteppedClock)
	shift := func(by time.Duration, then ...time.Duration) moves {
		return func(t *testing.T, s *Store, c *SteppedClock) {
			c.Shift(by)
			s.ticks(t)
			for _, d := range then {
				c.Pass(d)
				s.ticks(t)
			}
		}
	}
	text := func(by, off time.Duration) moves { // set by that much, and then a text comes that is dated off that clock
		return func(t *testing.T, s *Store, c *SteppedClock) {
			c.Shift(by)
			s.ticks(t)
			s.gets(t, "+447911123456", c.Now().Add(off))
			s.ticks(t)
		}
	}
	ahead := func(by time.Duration) moves { // two senders say that the time is later
		return func(t *testing.T, s *Store, c *SteppedClock) {
			s.gets(t, "+447911123456", c.Now().Add(by))
			s.gets(t, "+447911123457", c.Now().Add(by+hour))
			s.ticks(t)
		}
	}
	for _, c := range []struct {
		name    string
		moves   moves
		trusted bool
	}{
		{"set forward by almost an hour", shift(hour - second), true},
		{"set forward by an hour", shift(hour), false},
		{"set back by two seconds", shift(-2 * second), true},
		{"set back by more", shift(-2*second - time.Millisecond), false},
		{"it has gone on for almost ten minutes", shift(3*hour, 10*minute-time.Millisecond), false},
		{"it has gone on for ten minutes", shift(3*hour, 10*minute), true},
		{"almost 30 days, and it has gone on", shift(30*24*hour-second, 10*minute), true},
		{"30 days, and it has gone on", shift(30*24*hour, 10*minute, 100*hour), false},
		{"a text is dated five minutes earlier", text(3*hour, -5*minute), true},
		{"a text is dated five minutes later", text(3*hour, 5*minute), true},
		{"a text is dated six minutes earlier", text(3*hour, -6*minute), false},
		{"a text is dated six minutes later", text(3*hour, 6*minute), false},
		{"two texts are dated 27 hours later", ahead(27 * hour), true},
		{"two texts are dated more than 27 hours later", ahead(27*hour + second), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := NewSteppedClock(clockNoon)
			s := openInside(t, clock.Option())
			s.ticks(t)
			c.moves(t, s, clock)
			if got := s.ClockTrusted(); got != c.trusted {
				t.Errorf("it is trusted: %t (%s)", got, s.ClockProblem())
			}
		})
	}
}

// A box that was off for less than 30 days is the common case; a year that is wrong is the other one.
func TestHowFarAheadAClockMayBeAtAStart(t *testing.T) {
	t.Parallel()
	for off, trusted := range map[time.Duration]bool{30*24*time.Hour - time.Second: true, 30 * 24 * time.Hour: false} {
		dir := t.TempDir()
		PutDatabase(t, dir)
		clock := NewSteppedClock(clockNoon)
		s := box(t, dir, clock)
		s.gets(t, "+447911123456", clockNoon) // the traffic log tells when the box was on
		CloseInTime(t, s)
		clock.Pass(off)
		if s := box(t, dir, clock); s.ClockTrusted() != trusted {
			t.Errorf("after %v it is trusted: %t (%s)", off, !trusted, s.ClockProblem())
		}
	}
}
