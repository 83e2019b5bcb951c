package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"omsbox/store/condition"
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
	// far is how far ahead of what was seen before a clock is not believed for going on evenly alone. A box that
	// was switched off for that long is rare, a year that is wrong is not; and what expires by it is lost.
	far = 30 * day
	// lateFor is how long after a start a clock that is set forward counts as one that was late until then. Later the
	// computer may have slept.
	lateFor = time.Hour
	// toldAfter is how long a clock must be doubted before people are told by mail: after a start without a battery
	// for the clock, a time server comes first.
	toldAfter = 5 * time.Minute
)

// clock judges the wall clock: a Raspberry Pi has none of its own and starts in the past.
type clock struct {
	mu     sync.Mutex
	base   look // what the wall clock is held against
	set    look // when it was last seen to be set
	last   look
	marked look // when the mark was last written
	high   look // the latest wall time that was ever seen
	good   bool // as at the last look
	doubt  condition.Condition
	since  look      // when that doubt began
	mailed alarmed   // what people were told
	word   int64     // when a person said last that the clock is right: the row clock/trusted
	person bool      // a person says so, and the clock is not believed yet
	texts  testimony // what texts from the network say
}

// alarmed is what is known of the alarm that tells of a doubt.
type alarmed int

const (
	perhaps alarmed = iota // one of the last run may be open
	raised
	cleared
)

// look is one look at the clocks.
type look struct {
	wall time.Time     // zero: never looked
	mono time.Duration // since some moment, whatever the wall clock does
}

// set is how far the wall clock was set between two looks.
func (l look) set(later look) time.Duration { return later.wall.Sub(l.wall) - (later.mono - l.mono) }

// source is where looks come from. It is given when the store is opened, before anything looks at it.
type source struct {
	now       func() time.Time
	elapsed   func() time.Duration
	confirmed func() bool // that now agrees with a time server, as far as is known
}

func (s *Store) look() look {
	return look{s.source.now().Round(0), s.source.elapsed()}
}

// Now is the time by the store's clock: the computer's, if WithClock gave the store no other.
func (s *Store) Now() time.Time { return s.source.now() }

// WithClock gives a store another clock than the computer's to stamp rows with. A clock whose times
// carry Go's monotonic reading is judged by that reading.
func WithClock(now func() time.Time) Option {
	return func(s *Store) { s.source = computersClock(now) }
}

func computersClock(now func() time.Time) source {
	start := now()
	return source{now, func() time.Duration { return now().Sub(start) }, clockConfirmed}
}

// ClockTrusted reports whether the wall clock may decide that something is due or over. While it is
// not trusted nothing scheduled is sent and nothing expires.
func (s *Store) ClockTrusted() bool {
	s.clock.mu.Lock()
	defer s.clock.mu.Unlock()
	return s.clock.problem(s.look()).IsZero()
}

// ClockProblem says in words for people why the wall clock is not trusted; "" where it is.
func (s *Store) ClockProblem() string { return s.ClockDoubt().Words() }

// ClockDoubt returns why the wall clock is not trusted: it is behind the latest time that was ever seen, or
// behind what texts from the network are dated; or it was set by more than an hour and has neither gone on evenly
// for long since nor a witness. It is zero where the clock is trusted. A process beside the one that serves has
// it from that one, which has looked at the clock for longer.
func (s *Store) ClockDoubt() condition.Condition {
	if s.lock == nil {
		if p := s.published(); p.Serves {
			return p.Clock.Condition
		}
	}
	s.clock.mu.Lock()
	defer s.clock.mu.Unlock()
	return s.clock.problem(s.look())
}

func (c *clock) problem(now look) condition.Condition {
	if behind := c.high.wall.Sub(now.wall); behind > jump {
		return condition.New(condition.ClockBehind, "by", forPeople(behind))
	}
	if by := c.base.set(now); !c.base.wall.IsZero() && by >= far {
		return condition.New(condition.ClockFarAhead, "by", forPeople(by))
	} else if !c.base.wall.IsZero() && by.Abs() >= drift {
		return condition.New(condition.ClockSet, "by", forPeople(by), "steady", forPeople(steadyFor))
	}
	if behind := c.texts.ahead(now); behind > 0 {
		return condition.New(condition.ClockBehindTexts, "by", forPeople(behind))
	}
	return condition.Condition{}
}

// forPeople is a time as people say it: nobody wants to know the seconds of a year.
func forPeople(d time.Duration) string {
	switch days := d.Abs().Round(time.Hour) / day; {
	case days >= 3:
		return fmt.Sprintf("%d days", days)
	case d.Abs() >= time.Hour:
		d = d.Round(time.Minute)
	}
	return strings.TrimSuffix(strings.TrimSuffix(d.Abs().Round(time.Second).String(), "0s"), "0m")
}

// stamp is the time that rows get. Where the wall clock is behind what was seen before, it goes on
// evenly from there, so that the order of rows and the pauses between tries stay true.
func (s *Store) stamp() time.Time {
	s.clock.mu.Lock()
	defer s.clock.mu.Unlock()
	now, high := s.look(), s.clock.high
	if by := s.clock.base.set(now); !s.clock.base.wall.IsZero() && by >= drift {
		now.wall = now.wall.Add(-by) // set forward, and not believed yet
	}
	if least := high.wall.Add(max(0, now.mono-high.mono)); !high.wall.IsZero() && now.wall.Before(least) {
		return least
	}
	return now.wall
}

// tick looks at the clock, every wakeEvery. Now and then it returns a change to be committed: what was dated wrong
// is put right, or the new high-water mark is written down. The clock is believed once that is committed, so until
// then nothing expires by it; after a commit that fails the next tick tries again.
func (c *clock) tick(s *Store) func(*tx) error {
	now := s.look()
	c.mu.Lock()
	defer c.mu.Unlock()
	if by := c.last.set(now); by.Abs() > jump {
		c.set = now
		c.texts.witness, c.person = false, false
		s.log.Warn("the clock was set", "by", by.Round(time.Second))
		s.bells.ringAll() // what is due has to be looked at again
	}
	c.last = now
	server := c.questioned(now) && s.source.confirmed()
	if server {
		c.texts = testimony{witness: c.texts.witness}
	}
	witness, steady := server || c.texts.witness || c.person, now.mono-c.set.mono >= steadyFor || c.person
	switch by, behind := c.base.set(now), c.high.wall.Sub(now.wall); {
	case behind > jump && steady && witness:
		return func(t *tx) error {
			t.then(func() {
				s.log.Warn("the clock was ahead once: a witness says that it is right now", "by", behind.Round(time.Second))
				c.believe(s, now)
			})
			t.now = now.wall // and not after the high-water mark
			return t.lowerMark(behind)
		}
	case behind > 0 || by.Abs() < drift || !witness && (!steady || by >= far):
	case by > 0 && c.set.mono-c.base.mono <= lateFor && s.lock != nil: // else another process serves, which does it
		from := c.base.wall
		return func(t *tx) error {
			t.then(func() { c.rebase(s, now) })
			return t.setForward(from, by)
		}
	default:
		c.base = now
	}
	if c.judged(s, now); !c.good {
		return nil
	}
	return c.mark(now)
}

// mark returns a change that writes the high-water mark down; nil where the last one is young.
func (c *clock) mark(now look) func(*tx) error {
	c.person = false
	if now.wall.After(c.high.wall) {
		c.high = now
	}
	if now.mono-c.marked.mono < markEvery {
		return nil
	}
	return func(t *tx) error {
		t.then(func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.marked = now
		})
		_, err := t.exec(`INSERT INTO counters (name, value) VALUES ('clock', ?)
			ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)`, ms(now.wall))
		return err
	}
}

// questioned reports whether anything speaks against the wall clock, so that a time server's word is of use.
func (c *clock) questioned(now look) bool {
	return c.base.set(now).Abs() >= drift || c.high.wall.Sub(now.wall) > jump || c.texts != testimony{witness: c.texts.witness}
}

// believe takes the wall clock for right, as it was at a look.
func (c *clock) believe(s *Store, at look) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base, c.last, c.high, c.marked = at, at, at, at
	c.texts, c.person = testimony{witness: true}, false
	c.judged(s, at)
}

// rebase holds the wall clock against what it showed at a look, from then on.
func (c *clock) rebase(s *Store, at look) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base = at
	c.judged(s, at)
}

// vouched takes note of a person's word that the clock is right. The next tick believes it, and writes the
// high-water mark down.
func (c *clock) vouched(now look) {
	c.texts, c.person = testimony{witness: true}, true
	c.marked.mono = now.mono - markEvery
}

// judged takes note of whether the clock is doubted, and tells it where that is new.
func (c *clock) judged(s *Store, now look) {
	doubt := c.problem(now)
	if doubt.Code == c.doubt.Code {
		return
	}
	if c.doubt.IsZero() {
		c.since = now
	}
	c.doubt, c.good = doubt, doubt.IsZero()
	switch {
	case s.lock == nil: // a command says it where people ask
	case c.good:
		s.log.Info("the clock is believed again")
	default:
		s.log.Warn("the clock is not believed: nothing scheduled is sent and nothing expires", "reason", doubt.Words())
	}
	s.tellClock(Trouble{doubt, now.wall})
	s.bells.ringAll()
}

// alarm returns a change to be committed: the alarm for a clock that has been doubted for long, or its end. nil
// where there is nothing to tell.
func (c *clock) alarm(s *Store) func(*tx) error {
	const kind, about = "clock", "the clock of this computer"
	if s.lock == nil {
		return nil
	}
	now := s.look()
	c.mu.Lock()
	defer c.mu.Unlock()
	told := func(t *tx, what alarmed) {
		t.then(func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.mailed = what
		})
	}
	switch {
	case c.good && c.mailed != cleared:
		return func(t *tx) error {
			told(t, cleared)
			return t.clear(kind, about)
		}
	case !c.good && c.mailed != raised && now.mono-c.since.mono >= toldAfter:
		row := c.doubt.Row()
		return func(t *tx) error {
			told(t, raised)
			return t.raise(kind, about, row)
		}
	}
	return nil
}

// load reads what earlier runs knew of the clock, and looks at it for the first time.
func (c *clock) load(ctx context.Context, s *Store) error {
	known, err := one(ctx, s, func(r scanner) (v struct{ mark, seen, word int64 }, err error) {
		return v, r.Scan(&v.mark, &v.seen, &v.word)
	}, `SELECT ifnull((SELECT value FROM counters WHERE name = 'clock'), 0),
		ifnull((SELECT at FROM traffic ORDER BY id DESC LIMIT 1), 0),
		ifnull((SELECT value FROM counters WHERE name = 'clock/trusted'), 0)`)
	if err != nil {
		return fmt.Errorf("read what is known of the clock: %w", err)
	}
	now := s.look()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.word, c.high = known.word, look{fromMS(max(known.mark, known.seen)), now.mono}
	c.base, c.last, c.marked, c.good = now, now, now, true
	if !c.high.wall.IsZero() && now.wall.Sub(c.high.wall) >= far && !s.source.confirmed() {
		// As if it had been set by that just now: what is written from here on is later than all that was.
		c.base.wall, c.set = c.high.wall.Add(time.Millisecond), now
	}
	c.judged(s, now)
	return nil
}

// TrustClock takes a person's word that the clock of this computer is right, and returns what it shows. What was
// dated while the clock was wrong is put right. A process that serves hears of it at once.
func (s *Store) TrustClock(ctx context.Context) (time.Time, error) {
	now := s.look()
	err := s.write(ctx, func(t *tx) error {
		t.then(func() {
			s.clock.mu.Lock()
			defer s.clock.mu.Unlock()
			s.clock.word = ms(now.wall)
			s.clock.vouched(now)
		})
		_, err := t.exec(`INSERT INTO counters (name, value) VALUES ('clock/trusted', ?)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`, ms(now.wall))
		return err
	})
	if err != nil {
		return now.wall, err
	}
	return now.wall, s.write(ctx, func(t *tx) error { // at once, as nobody may serve
		if change := s.clock.tick(s); change != nil {
			return change(t)
		}
		return nil
	})
}

// heed looks whether another process was told that the clock is right. The tick that follows believes it.
func (c *clock) heed(ctx context.Context, s *Store) error {
	word, err := one(ctx, s, func(r scanner) (at int64, err error) {
		return at, r.Scan(&at)
	}, `SELECT ifnull((SELECT value FROM counters WHERE name = 'clock/trusted'), 0)`)
	if err != nil {
		return err
	}
	now := s.look()
	c.mu.Lock()
	defer c.mu.Unlock()
	if word == c.word {
		return nil
	}
	if c.word = word; now.wall.Sub(fromMS(word)).Abs() > agrees {
		return nil // the clock was set since
	}
	s.log.Info("a person says that the clock is right")
	c.vouched(now)
	return nil
}
