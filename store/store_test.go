package store_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"omsbox/store"
)

// open returns a store of its own for one test.
func open(t testing.TB) *store.Store {
	t.Helper()
	return openIn(t, t.TempDir())
}

func openIn(t testing.TB, dir string, options ...store.Option) *store.Store {
	t.Helper()
	store.PutDatabase(t, dir)
	options = append([]store.Option{store.CheapPasswords()}, options...)
	s, err := store.Create(context.Background(), dir, quiet(), options...)
	check(t, err)
	t.Cleanup(func() { store.CloseInTime(t, s) })
	return s
}

// openAt returns a store of its own for one test, at a time that the test moves.
func openAt(t testing.TB, at time.Time) (*store.Store, *store.SteppedClock) {
	t.Helper()
	clock := store.NewSteppedClock(at)
	return openIn(t, t.TempDir(), clock.Option()), clock
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// addUser adds a user without the cost of thinking about one.
func addUser(t testing.TB, s *store.Store, login string) store.User {
	t.Helper()
	u, err := s.AddUser(t.Context(), store.User{Login: login, Mail: login + "@example.org"}, "secret of "+login)
	check(t, err)
	return u
}

// enqueue queues a text of user to numbers and returns the message.
func enqueue(t testing.TB, s *store.Store, user int64, text string, numbers ...string) int64 {
	t.Helper()
	m := store.Message{User: user, Source: store.SourceCommand, Parts: []string{text}}
	for _, n := range numbers {
		m.To = append(m.To, store.Recipient{Number: n, Typed: n})
	}
	id, _, err := s.Enqueue(t.Context(), m)
	check(t, err)
	return id
}

// state returns the state of the first delivery of a message.
func state(t testing.TB, s *store.Store, message int64) store.State {
	t.Helper()
	d, err := s.Deliveries(t.Context(), message)
	check(t, err)
	return d[0].State
}

func TestATextGoesOutSegmentBySegment(t *testing.T) {
	t.Parallel()
	s := open(t)
	u := addUser(t, s, "ann")
	long := ""
	for range 200 {
		long += "x"
	}
	id := enqueue(t, s, u.ID, long, "+447911123456")
	first, err := s.Claim(t.Context(), "imsi", nil)
	check(t, err)
	second, err := s.Claim(t.Context(), "imsi", &store.Verdict{Attempt: *first, Outcome: store.Accepted, MR: 7})
	check(t, err)
	if second == nil || second.Delivery != first.Delivery || second.Segment == first.Segment {
		t.Fatalf("after the first segment got %+v, want the second of the same delivery", second)
	}
	if got := state(t, s, id); got != store.Sending {
		t.Errorf("between the segments got %s, want sending", got)
	}
	none, err := s.Claim(t.Context(), "imsi", &store.Verdict{Attempt: *second, Outcome: store.Accepted, MR: 8})
	check(t, err)
	if none != nil {
		t.Errorf("after the last segment got %+v, want nothing", none)
	}
	if got := state(t, s, id); got != store.Sent {
		t.Errorf("got %s, want sent", got)
	}
	got, err := s.LastWriter(t.Context(), "+447911123456")
	check(t, err)
	if got.ID != u.ID {
		t.Errorf("the last writer is %q, want ann", got.Login)
	}
	if _, waits, err := s.Due(t.Context(), "imsi"); waits || err != nil {
		t.Errorf("something still waits (%v)", err)
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
