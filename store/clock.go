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
type clock struct {
	mu     sync.Mutex
	base   look // what the wall clock is held against
	set    look // when it was last seen to be set
	last   look
	marked look // when the mark was last written
	high   look // the latest wall time that was ever seen
	good   bool // as at the last look
}

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

// ClockTrusted says whether the wall clock may decide that something is due or over. While it is
// not trusted nothing scheduled is sent and nothing expires.
func (s *Store) ClockTrusted() bool { return s.ClockProblem() == "" }

// ClockProblem says in words for people why the wall clock is not trusted: it is behind the latest
// time that was ever seen, or was set by more than an hour and has not gone on evenly for long
// since, nor is it known to agree with a time server. "" where it is trusted.
func (s *Store) ClockProblem() string {
	s.clock.mu.Lock()
	defer s.clock.mu.Unlock()
	return s.clock.problem(s.look())
}

func (c *clock) problem(now look) string {
	if behind := c.high.wall.Sub(now.wall); behind > jump {
		return fmt.Sprintf("this computer's clock is %v behind the latest time that was seen before: set it", behind.Round(time.Second))
	}
	if by := c.base.set(now); !c.base.wall.IsZero() && by.Abs() >= drift {
		return fmt.Sprintf("this computer's clock was set by %v: it is believed when it has gone on evenly for %v, or a time server confirms it",
			by.Round(time.Second), steadyFor)
	}
	return ""
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

// tick looks at the clock, every wakeEvery. Now and then it returns a change to be committed: the
// new high-water mark.
func (c *clock) tick(s *Store) func(*tx) error {
	now := s.look()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.base.wall.IsZero() {
		c.base, c.last, c.marked, c.good = now, now, now, c.problem(now) == ""
		return nil
	}
	if by := c.last.set(now); by.Abs() > jump {
		c.set = now
		s.log.Warn("the clock was set", "by", by.Round(time.Second))
		s.bells.ringAll() // what is due has to be looked at again
	}
	c.last = now
	if c.base.set(now).Abs() >= drift && !c.high.wall.After(now.wall) && (now.mono-c.set.mono >= steadyFor || s.source.confirmed()) {
		c.base = now
	}
	if behind := c.high.wall.Sub(now.wall); behind > jump && now.mono-c.set.mono >= steadyFor && s.source.confirmed() {
		s.log.Warn("the clock was ahead once: a time server says that it is right now", "by", behind.Round(time.Second))
		c.base, c.high, c.marked, c.good = now, now, now, true
		s.bells.ringAll()
		return func(t *tx) error { return t.lowerMark(behind) }
	}
	good := c.problem(now) == ""
	if good != c.good {
		s.bells.ringAll()
	}
	if c.good = good; !good {
		return nil
	}
	if now.wall.After(c.high.wall) {
		c.high = now
	}
	if now.mono-c.marked.mono < markEvery {
		return nil
	}
	c.marked = now
	return func(t *tx) error {
		_, err := t.exec(`INSERT INTO counters (name, value) VALUES ('clock', ?)
			ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)`, ms(now.wall))
		return err
	}
}

// lowerMark puts right what was dated while the clock was ahead by that much, and would wait for that
// time. What was counted for days that have not come counts for those that they were.
func (t *tx) lowerMark(ahead time.Duration) error {
	now, today, back := ms(t.now), date(t.now), fmt.Sprintf("-%d days", ahead/day)
	const was = `ifnull(min(?1, CAST(strftime('%Y%m%d', printf('%d-%02d-%02d', day / 10000, day / 100 % 100, day % 100), ?2) AS INTEGER)), ?1)`
	for _, change := range []struct {
		text string
		args []any
	}{
		{`INSERT INTO counters (name, value) VALUES ('clock', ?1) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, []any{now}},
		{`UPDATE deliveries SET due = ?1, expires = min(expires, ?2) WHERE (line IS NOT NULL OR ahead <> 0) AND state = 'queued' AND due > ?1`,
			[]any{now, ms(t.now.Add(t.writer.store.Validity()))}},
		{`UPDATE mails SET due = min(due, ?1), updated = min(updated, ?1) WHERE due > ?1 OR updated > ?1`, []any{now}},
		{`UPDATE conversations SET wrote = ?1 WHERE wrote > ?1`, []any{now}},
		{`UPDATE incoming_segments SET received = ?1 WHERE incoming_id IS NULL AND received > ?1`, []any{now}},
		{`UPDATE sims SET asked = 0 WHERE asked > ?1`, []any{now}},
		{`UPDATE sessions SET created = min(created, ?1), used = min(used, ?1) WHERE created > ?1 OR used > ?1`, []any{now}},
		{`INSERT INTO usage (sim, day, segments) SELECT sim, ` + was + `, sum(segments) FROM usage WHERE day > ?1 GROUP BY 1, 2
			ON CONFLICT (sim, day) DO UPDATE SET segments = segments + excluded.segments`, []any{today, back}},
		{`DELETE FROM usage WHERE day > ?1`, []any{today}},
		{`INSERT INTO user_usage (user_id, day, segments, notices) SELECT user_id, ` + was + `, sum(segments), sum(notices) FROM user_usage WHERE day > ?1 GROUP BY 1, 2
			ON CONFLICT (user_id, day) DO UPDATE SET segments = segments + excluded.segments, notices = notices + excluded.notices`, []any{today, back}},
		{`DELETE FROM user_usage WHERE day > ?1`, []any{today}},
	} {
		if _, err := t.exec(change.text, change.args...); err != nil {
			return err
		}
	}
	t.writer.lanes = nil // they are read anew
	for _, topic := range []Topic{Outgoing, Post, Arrived} {
		t.ring(topic)
	}
	return nil
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
	c.high = look{fromMS(max(mark, seen)), t.writer.store.look().mono}
	return nil
}
