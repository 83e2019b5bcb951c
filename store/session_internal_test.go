package store

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestBrowsingWritesOnceAnHourAndWaitsForNoCommit(t *testing.T) {
	t.Parallel()
	clock := NewSteppedClock(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
	s := openInside(t, clock.Option())
	if _, err := s.AddUser(t.Context(), User{Login: "ann"}, "secret of ann"); err != nil {
		t.Fatal(err)
	}
	token, _, err := s.SignIn(t.Context(), "ann", "secret of ann", "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	release := s.hold(t)
	defer release()
	for hour := range 3 {
		for range 100 {
			if _, err := s.Session(t.Context(), token); err != nil {
				t.Fatal(err)
			}
		}
		if got := len(s.writer.queue); got != hour {
			t.Errorf("after %d h %d changes wait, want one for each", hour, got)
		}
		clock.Pass(time.Hour)
	}
}

func TestAPasswordThatIsChangedWhileSomebodySignsInWithIt(t *testing.T) {
	t.Parallel()
	s := openInside(t)
	if _, err := s.AddUser(t.Context(), User{Login: "ann"}, "secret of ann"); err != nil {
		t.Fatal(err)
	}
	for _, change := range []struct {
		name string
		make func() error
	}{
		{"changed", func() error { return s.SetPassword(context.Background(), "ann", "another") }},
		{"disabled", func() error { return s.Disable(context.Background(), "ann") }},
	} {
		release := s.hold(t)
		changed, signedIn := make(chan error, 1), make(chan error, 1)
		go func() { changed <- change.make() }()
		awaitQueue(s, 1)
		go func() {
			_, _, err := s.SignIn(context.Background(), "ann", "secret of ann", "192.0.2.1")
			signedIn <- err
		}()
		awaitQueue(s, 2)
		release()
		if err := <-changed; err != nil {
			t.Fatal(err)
		}
		if err := <-signedIn; !errors.Is(err, ErrCredentials) {
			t.Errorf("%s: got %v", change.name, err)
		}
		if err := s.SetPassword(t.Context(), "ann", "secret of ann"); err != nil {
			t.Fatal(err)
		}
	}
}

// awaitQueue returns when that many changes wait for the writer.
func awaitQueue(s *Store, n int) {
	for len(s.writer.queue) < n {
		time.Sleep(time.Millisecond)
	}
}

func TestNoSessionIsOverByAClockThatIsNotTrusted(t *testing.T) {
	t.Parallel()
	c := NewSteppedClock(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
	s := openInside(t, c.Option())
	if _, err := s.AddUser(t.Context(), User{Login: "ann"}, "secret of ann"); err != nil {
		t.Fatal(err)
	}
	signIn := func() string {
		token, _, err := s.SignIn(t.Context(), "ann", "secret of ann", "192.0.2.1")
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	tick := func() {
		if mark := s.clock.tick(s); mark != nil {
			if err := s.write(t.Context(), mark); err != nil {
				t.Fatal(err)
			}
		}
	}
	token := signIn()
	tick()
	tick()
	for _, years := range []int{1, -2} { // forward, and then behind what was seen
		c.Set(c.Now().AddDate(years, 0, 0))
		tick()
		another := signIn()
		for _, token := range []string{token, another} {
			if _, err := s.Session(t.Context(), token); err != nil || s.ClockTrusted() {
				t.Errorf("set by %d years: %v, trusted: %t", years, err, s.ClockTrusted())
			}
		}
	}
}

func TestASessionBegunWhileTheClockWasAheadLastsNoLonger(t *testing.T) {
	t.Parallel()
	c := NewSteppedClock(time.Date(2036, 5, 1, 12, 0, 0, 0, time.UTC))
	s := openInside(t, c.Option())
	if _, err := s.AddUser(t.Context(), User{Login: "ann"}, "secret of ann"); err != nil {
		t.Fatal(err)
	}
	token, _, err := s.SignIn(t.Context(), "ann", "secret of ann", "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	c.Set(c.Now().AddDate(-10, 0, 0))
	if err := s.write(t.Context(), func(tx *tx) error { return tx.lowerMark(3653 * day) }); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Session(t.Context(), token); err != nil {
		t.Error(err)
	}
	c.Pass(sessionIdle)
	if _, err := s.Session(t.Context(), token); !errors.Is(err, ErrNotFound) {
		t.Errorf("30 days later: %v", err)
	}
}
