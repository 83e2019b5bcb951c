package store

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// What is derived needs its turn. Here all turns are taken for good, so that who waits for one is
// seen to: nobody for an app password, or where only these are taken, whoever asks with whatever.
func TestWhoNeedsADerivation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := openInside(t)
		for _, u := range []User{{Login: "ann"}, {Login: "root", Admin: true}} {
			if _, err := s.AddUser(t.Context(), u, "secret of "+u.Login); err != nil {
				t.Fatal(err)
			}
		}
		app, err := s.AddAppPassword(t.Context(), "ann", "")
		if err != nil {
			t.Fatal(err)
		}
		for range derivations {
			s.signIn.turn <- struct{}{}
		}
		waits := context.DeadlineExceeded
		for _, c := range []struct {
			name, login, password        string
			pages, programs, oldPrograms error
		}{
			{"an app password", "ann", app, waits, nil, nil},
			{"the account's own", "ann", "secret of ann", waits, waits, ErrCredentials},
			{"an administrator's own", "root", "secret of root", waits, waits, ErrCredentials},
			{"a wrong one", "ann", "wrong", waits, waits, ErrCredentials},
			{"another's app password", "root", app, waits, waits, ErrCredentials},
			{"an unknown user", "nobody", "wrong", waits, waits, ErrCredentials},
			{"an unknown user with an app password", "nobody", app, waits, waits, ErrCredentials},
		} {
			for use, want := range []error{Pages: c.pages, Programs: c.programs, OldPrograms: c.oldPrograms} {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				if _, err := s.Authenticate(ctx, c.login, c.password, c.name, Use(use)); !errors.Is(err, want) {
					t.Errorf("%s, use %d: got %v, want %v", c.name, use, err, want)
				}
				cancel()
			}
		}
	})
}

// Here as well no turn is free: whatever is answered was not derived.
func TestAProvedPasswordCostsNothingAgain(t *testing.T) {
	t.Parallel()
	s := openInside(t)
	if _, err := s.AddUser(t.Context(), User{Login: "ann"}, "secret of ann"); err != nil {
		t.Fatal(err)
	}
	signIn := func(use Use) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := s.Authenticate(ctx, "ann", "secret of ann", "192.0.2.1", use); err != nil {
			t.Fatal(err)
		}
	}
	signIn(Pages)
	signIn(Programs)
	for range derivations {
		s.signIn.turn <- struct{}{}
	}
	for range 200 {
		signIn(Pages)
		signIn(Programs)
	}
}

func TestTooManySignInsAreSentAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := openInside(t)
		if _, err := s.AddUser(t.Context(), User{Login: "ann"}, "secret of ann"); err != nil {
			t.Fatal(err)
		}
		for range derivations {
			s.signIn.turn <- struct{}{}
		}
		const many = 1000
		results := make(chan error, many)
		ctx, cancel := context.WithCancel(t.Context())
		for n := range many {
			go func() {
				_, err := s.Authenticate(ctx, "ann", "wrong", fmt.Sprintf("198.51.%d.%d", n/256, n%256), Pages)
				results <- err
			}()
		}
		for range many - waiters {
			if err := <-results; !errors.Is(err, ErrBusy) {
				t.Fatalf("got %v, want %v", err, ErrBusy)
			}
		}
		cancel()
		for range waiters {
			if err := <-results; !errors.Is(err, context.Canceled) {
				t.Errorf("who is in line got %v, want %v", err, context.Canceled)
			}
		}
	})
}

func TestASignInNeverWaitsForACommit(t *testing.T) {
	t.Parallel()
	clock := NewSteppedClock(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
	s := openInside(t, clock.Option())
	if _, err := s.AddUser(t.Context(), User{Login: "ann"}, "secret of ann"); err != nil {
		t.Fatal(err)
	}
	app, err := s.AddAppPassword(t.Context(), "ann", "")
	if err != nil {
		t.Fatal(err)
	}
	release := s.hold(t)
	defer release()
	for hour := 1; hour <= 3; hour++ {
		for range 100 {
			if _, err := s.Authenticate(t.Context(), "ann", app, "192.0.2.1", Programs); err != nil {
				t.Fatal(err)
			}
		}
		if got := len(s.writer.queue); got != hour {
			t.Errorf("in the %d. hour %d changes wait, want one for each hour", hour, got)
		}
		clock.Pass(time.Hour)
	}
}

// Users who send one after the other, as those of the guidelines do, have all proved their passwords by then.
func TestThePasswordsOfAllUsersAreRemembered(t *testing.T) {
	t.Parallel()
	var c credentials
	c.init()
	marks := make([][32]byte, max(mostProved, 5000)+100)
	for n := range marks {
		marks[n] = c.mark(fmt.Sprint("user", n), "secret", Programs)
	}
	known := func(marks [][32]byte) (n int) {
		for _, mark := range marks {
			if _, known := c.recall(mark); known {
				n++
			}
		}
		return n
	}
	for _, mark := range marks[:5000] {
		c.remember(mark, signedIn{})
	}
	if got := known(marks[:5000]); got != 5000 {
		t.Errorf("of 5000 users %d are remembered", got)
	}
	for _, mark := range marks {
		c.remember(mark, signedIn{})
	}
	if got := known(marks); got != mostProved {
		t.Errorf("of more than can be, %d are remembered, want %d", got, mostProved)
	}
}
