package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// These tests need to hold the writer, or to set the wall clock apart from the monotonic one.

func openInside(t *testing.T, options ...Option) *Store {
	t.Helper()
	dir := t.TempDir()
	PutDatabase(t, dir)
	options = append([]Option{CheapPasswords()}, options...)
	s, err := Create(context.Background(), dir, slog.New(slog.DiscardHandler), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { CloseInTime(t, s) })
	return s
}

// CheapPasswords makes a guess at a password cost next to nothing, for all tests but those that are about that cost.
func CheapPasswords() Option { return WithPasswordCost(8, 1) }

// emptyDatabase is the file that Create makes. All its schema costs 30 ms each time.
var emptyDatabase = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "omsbox")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, File)
	if err := makeDatabase(context.Background(), path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// PutDatabase puts the empty database into a directory in which there is nothing yet. So a Create leaves the
// directory that is killed as soon as the database is made.
func PutDatabase(t testing.TB, dir string) {
	t.Helper()
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		return
	}
	content, err := emptyDatabase()
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, File), content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// CloseInTime closes a store. One that does not close fails its test, and not the whole run by the time-out.
func CloseInTime(t testing.TB, s *Store) {
	t.Helper()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		s.Close()
	}()
	select {
	case <-closed:
	case <-time.After(time.Minute):
		t.Fatal("Close does not return")
	}
}

// hold keeps the writer busy until the returned function is called.
func (s *Store) hold(t *testing.T) (release func()) {
	t.Helper()
	held, free := make(chan struct{}), make(chan struct{})
	go s.write(context.Background(), func(*tx) error {
		close(held)
		<-free
		return nil
	})
	<-held
	return func() { close(free) }
}

func TestWhatWaitsIsOneCommit(t *testing.T) {
	t.Parallel()
	s := openInside(t)
	release := s.hold(t)
	var waiting sync.WaitGroup
	const many = 50
	visible := make(chan int, many)
	for range many {
		waiting.Go(func() {
			err := s.write(context.Background(), func(t *tx) error {
				if _, err := t.exec(`INSERT INTO counters (name, value) VALUES (hex(randomblob(8)), 1)`); err != nil {
					return err
				}
				var committed int // as another connection sees it
				err := s.read.QueryRow(`SELECT count(*) FROM counters`).Scan(&committed)
				visible <- committed
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	for len(s.writer.queue) < many {
		time.Sleep(time.Millisecond)
	}
	release()
	waiting.Wait()
	close(visible)
	for committed := range visible {
		if committed > 0 {
			t.Errorf("a change found %d others committed", committed)
		}
	}
}

func TestAFailedCommitFailsAll(t *testing.T) {
	t.Parallel()
	s := openInside(t)
	release := s.hold(t)
	errs := make(chan error, 2)
	go func() {
		errs <- s.write(context.Background(), func(t *tx) error {
			_, err := t.exec(`INSERT INTO counters (name, value) VALUES ('innocent', 1)`)
			return err
		})
	}()
	go func() {
		errs <- s.write(context.Background(), func(t *tx) error {
			// A foreign key that is looked at only at the COMMIT, which then fails.
			if _, err := t.exec(`PRAGMA defer_foreign_keys = ON`); err != nil {
				return err
			}
			_, err := t.exec(`INSERT INTO segments (delivery_id, part, tpdu, state, sim) VALUES (999, 1, x'00', 'pending', '')`)
			return err
		})
	}()
	for len(s.writer.queue) < 2 {
		time.Sleep(time.Millisecond)
	}
	release()
	for range 2 {
		if err := <-errs; err == nil || !strings.Contains(err.Error(), "commit") {
			t.Errorf("a change is answered with %v", err)
		}
	}
	if _, err := s.Backlog(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := s.SetHealth(context.Background(), "x", true, "y"); err != nil {
		t.Errorf("after a failed commit: %v", err)
	}
	var n int
	if err := s.read.QueryRow(`SELECT count(*) FROM counters WHERE name = 'innocent'`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d rows of a failed commit are there, %v", n, err)
	}
}

// Else a failure that the answer did not tell would be mailed to nobody.
func TestAnAnswerThatCouldNotBeStoredIsStoredWithTheNext(t *testing.T) {
	t.Parallel()
	s, ctx := openInside(t), context.Background()
	u, err := s.AddUser(ctx, User{Login: "ann"}, "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	run := func(query string) {
		t.Helper()
		if err := s.write(ctx, func(t *tx) error { _, err := t.exec(query); return err }); err != nil {
			t.Fatal(err)
		}
	}
	var messages []int64
	for n := range 4 {
		m := Message{User: u.ID, Source: SourceOMS, Parts: []string{"hello"}, To: []Recipient{{Number: "+447911123456"}}, Digest: &[32]byte{byte(n)}, Answers: true}
		id, _, err := s.Enqueue(ctx, m)
		if err != nil {
			t.Fatal(err)
		}
		messages = append(messages, id)
	}
	run(`CREATE TRIGGER full BEFORE UPDATE OF answer ON messages BEGIN SELECT RAISE(ABORT, 'the disk is full'); END`)
	s.Answered(messages[0], true, nil)
	s.Answered(messages[1], false, nil)
	run(`INSERT INTO counters (name, value) VALUES ('after', 1)`) // by then, it has failed
	run(`DROP TRIGGER full`)
	s.Answered(messages[2], true, nil)
	run(`UPDATE counters SET value = 2 WHERE name = 'after'`)
	for n, want := range []int{answerWritten, answerLost, answerWritten, answerOwed} {
		var got int
		if err := s.read.QueryRow(`SELECT answer FROM messages WHERE id = ?`, messages[n]).Scan(&got); err != nil || got != want {
			t.Errorf("message %d: %d, %v; want %d", n, got, err, want)
		}
	}
}

func TestWhoseTurnHasComeGetsTheVerdict(t *testing.T) {
	t.Parallel()
	s := openInside(t)
	release := s.hold(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.SetHealth(ctx, "x", true, "y") }()
	for len(s.writer.queue) == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	select {
	case err := <-done:
		t.Fatalf("it was answered with %v before its commit", err)
	case <-time.After(50 * time.Millisecond):
	}
	release()
	if err := <-done; err != nil {
		t.Errorf("it was answered with %v", err)
	}
}

func TestWhatWaitsIsCommittedAtTheEnd(t *testing.T) {
	t.Parallel()
	s := openInside(t)
	release := s.hold(t)
	const many = 20
	errs := make(chan error, many)
	for range many {
		go func() { errs <- s.SetHealth(context.Background(), "x", true, time.Now().String()) }()
	}
	for len(s.writer.queue) < many {
		time.Sleep(time.Millisecond)
	}
	closed := make(chan struct{})
	go func() { s.Close(); close(closed) }()
	release()
	late := time.After(time.Minute)
	for range many {
		select {
		case err := <-errs:
			if err != nil && !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
		case <-late:
			t.Fatal("a change is never answered")
		}
	}
	select {
	case <-closed:
	case <-late:
		t.Fatal("Close does not return")
	}
}

func withClock(t *testing.T) (*Store, *SteppedClock) {
	c := NewSteppedClock(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
	s := openInside(t, c.Option())
	release := s.hold(t) // the ticks are the test's own
	t.Cleanup(release)
	return s, c
}

func TestTheClock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		moves   func(*SteppedClock, func())
		trusted bool
		stamp   time.Duration // of rows, after noon
	}{
		{"goes on evenly", func(c *SteppedClock, look func()) { c.Pass(3 * time.Hour); look() }, true, 3 * time.Hour},
		{"is set forward a little", func(c *SteppedClock, look func()) { c.Shift(30 * time.Minute); look() }, true, 30 * time.Minute},
		{"is set forward much", func(c *SteppedClock, look func()) { c.Shift(3 * time.Hour); look() }, false, 0},
		{"is set forward much by a time server", func(c *SteppedClock, look func()) {
			c.Confirm()
			c.Shift(3 * time.Hour)
			look()
		}, true, 3 * time.Hour},
		{"is set forward much and goes on evenly", func(c *SteppedClock, look func()) {
			c.Shift(3 * time.Hour)
			look()
			c.Pass(steadyFor)
			look()
		}, true, 3*time.Hour + steadyFor},
		{"is set back: rows go on", func(c *SteppedClock, look func()) {
			c.Shift(-24 * time.Hour)
			look()
			c.Pass(time.Minute)
		}, false, time.Minute},
		{"was ahead, as a time server says", func(c *SteppedClock, look func()) {
			c.Confirm()
			c.Shift(-24 * time.Hour)
			look()
			c.Pass(steadyFor)
			look()
		}, true, steadyFor - 24*time.Hour},
		{"is set back and right again", func(c *SteppedClock, look func()) {
			c.Shift(-24 * time.Hour)
			look()
			c.Pass(time.Minute)
			c.Shift(24 * time.Hour)
			look()
		}, true, time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			clocks := NewSteppedClock(clockNoon)
			s := openInside(t, clocks.Option())
			look := func() { s.ticks(t) }
			look()
			look()
			bell := s.Subscribe(Outgoing)
			defer bell.Close()
			before := s.ClockTrusted()
			noon := clocks.Now()
			c.moves(clocks, look)
			if got := s.ClockTrusted(); got != c.trusted {
				t.Errorf("it is trusted: %t (%s)", got, s.ClockProblem())
			}
			if got := s.stamp().Sub(noon); got != c.stamp {
				t.Errorf("rows are stamped %v after noon, want %v", got, c.stamp)
			}
			if s.ClockTrusted() != before && len(bell.C) == 0 {
				t.Error("nobody was told")
			}
		})
	}
}

func TestTheClocksMarkIsWrittenNowAndThen(t *testing.T) {
	t.Parallel()
	s, clocks := withClock(t)
	s.clock.tick(s)
	clocks.Pass(time.Minute)
	if s.clock.tick(s) != nil {
		t.Error("it is written every minute")
	}
	clocks.Pass(markEvery)
	if s.clock.tick(s) == nil {
		t.Error("it is not written")
	}
}

func TestWhatWasDatedWhileTheClockWasAheadDoesNotWaitForThatTime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx := context.Background()
	began := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	run := func(wall time.Time, do func(s *Store, c *SteppedClock)) {
		c := NewSteppedClock(wall)
		s, err := Create(ctx, dir, slog.New(slog.DiscardHandler), c.Option())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		do(s, c)
	}
	tick := func(s *Store) {
		if mark := s.clock.tick(s); mark != nil {
			if err := s.write(ctx, mark); err != nil {
				t.Fatal(err)
			}
		}
	}
	var id int64
	run(began.AddDate(10, 0, 0), func(s *Store, c *SteppedClock) {
		var err error
		id, _, err = s.Enqueue(ctx, Message{Source: SourceCommand, Parts: []string{"hello"}, To: []Recipient{{Number: "+447911123456"}}})
		if err != nil {
			t.Fatal(err)
		}
		a, err := s.Claim(ctx, "imsi", nil)
		if err != nil || a == nil {
			t.Fatalf("%v, %v", a, err)
		}
		if err := s.Settle(ctx, Verdict{Attempt: *a, Outcome: Deferred, Reason: "not now"}); err != nil {
			t.Fatal(err)
		}
	})
	run(began, func(s *Store, c *SteppedClock) {
		c.confirmed = true
		tick(s)
		if s.ClockTrusted() {
			t.Error("it is believed at once")
		}
		c.Pass(steadyFor + time.Second)
		tick(s)
		if problem := s.ClockProblem(); problem != "" {
			t.Error(problem)
		}
		if a, err := s.Claim(ctx, "imsi", nil); err != nil || a == nil {
			t.Errorf("the text is not tried: %v, %v", a, err)
		}
	})
	run(began.Add(time.Hour), func(s *Store, _ *SteppedClock) {
		if problem := s.ClockProblem(); problem != "" {
			t.Errorf("after the next start: %s", problem)
		}
		if d, err := s.Deliveries(ctx, id); err != nil || d[0].State != Unconfirmed {
			t.Errorf("%+v, %v", d, err)
		}
	})
}

func TestWhatWasCountedWhileTheClockWasAheadCountsForTheDaysThatItWas(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 3, 12, 0, 0, 0, time.Local)
	for _, c := range []struct {
		name         string
		ahead        time.Duration
		counted, was string // day:segments
	}{
		{"ten years", 3653 * day, "20260501:5 20360501:1 20360502:2 20360503:4", "20260501:6 20260502:2 20260503:4"},
		{"across the end of a month", 29 * day, "20260430:1 20260530:2 20260531:3 20260601:4", "20260430:1 20260501:2 20260502:3 20260503:4"},
		{"an hour", time.Hour, "20260503:1 20260504:2", "20260503:3"},
		{"a day and a half", 36 * time.Hour, "20260502:1 20260503:2 20260504:3 20260505:4", "20260502:1 20260503:9"},
		{"less than what was counted", time.Hour, "20360503:1", "20260503:1"},
		{"beyond all calendars", time.Hour, "123450503:1", "20260503:1"},
		{"not at all", 0, "20260502:1 20260503:2", "20260502:1 20260503:2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openInside(t, NewSteppedClock(now).Option())
			ann, err := s.AddUser(t.Context(), User{Login: "ann"}, "secret of ann")
			if err != nil {
				t.Fatal(err)
			}
			var sims, users []string
			err = s.write(t.Context(), func(t *tx) error {
				for _, row := range strings.Fields(c.counted) {
					var day, n int
					fmt.Sscanf(row, "%d:%d", &day, &n)
					if _, err := t.exec(`INSERT INTO usage (sim, day, segments) VALUES ('imsi', ?, ?)`, day, n); err != nil {
						return err
					}
					if _, err := t.exec(`INSERT INTO user_usage (user_id, day, segments, notices) VALUES (?, ?, ?, ?)`, ann.ID, day, n, 10*n); err != nil {
						return err
					}
				}
				if err := t.lowerMark(c.ahead); err != nil {
					return err
				}
				text := func(r scanner) (text string, err error) { return text, r.Scan(&text) }
				if sims, err = within(t, text, `SELECT day || ':' || segments FROM usage ORDER BY day`); err != nil {
					return err
				}
				users, err = within(t, text, `SELECT day || ':' || segments FROM user_usage WHERE notices = 10 * segments ORDER BY day`)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(sims, " "); got != c.was {
				t.Errorf("of the SIM are counted %s, want %s", got, c.was)
			}
			if got := strings.Join(users, " "); got != c.was {
				t.Errorf("of the user are counted %s, want %s", got, c.was)
			}
		})
	}
}

func TestADayThatHasNotComeIsNotTheLastOne(t *testing.T) {
	t.Parallel()
	behind := time.Date(2026, 5, 1, 12, 0, 0, 0, time.Local)
	s := openInside(t, NewSteppedClock(behind).Option())
	ann, err := s.AddUser(t.Context(), User{Login: "ann"}, "secret of ann")
	if err != nil {
		t.Fatal(err)
	}
	s.clock.mu.Lock()
	s.clock.high = look{wall: behind.AddDate(0, 0, 3)}
	s.clock.mu.Unlock()
	if s.ClockTrusted() {
		t.Fatal("the clock is trusted")
	}
	err = s.write(t.Context(), func(tx *tx) error {
		for _, day := range []int{20260502, 20360503} {
			if _, err := tx.exec(`INSERT INTO usage (sim, day, segments) VALUES ('imsi', ?, 1)`, day); err != nil {
				return err
			}
			if _, err := tx.exec(`INSERT INTO user_usage (user_id, day, segments, notices) VALUES (?, ?, 1, 0)`, ann.ID, day); err != nil {
				return err
			}
		}
		tx.writer.lanes = nil
		l, err := tx.lanes()
		if err != nil {
			return err
		}
		u, err := tx.used(l, "imsi")
		if err != nil {
			return err
		}
		last, err := tx.userDay()
		if u.day != 20260502 || last != 20260502 {
			t.Errorf("the last day of a SIM is %d, of a user %d", u.day, last)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if u, err := s.usage(t.Context(), "imsi"); err != nil || u.day != 20260502 {
		t.Errorf("for the status it is %d, %v", u.day, err)
	}
}
