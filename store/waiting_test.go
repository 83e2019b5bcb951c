package store_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"omsbox/store"
)

// waits returns which messages of a user can be taken back, as the numbers of the messages.
func waits(t testing.TB, s *store.Store, user int64) (messages []int64) {
	t.Helper()
	waiting, _, err := s.Waiting(t.Context(), user, 100, 10, 100)
	check(t, err)
	for _, w := range waiting {
		messages = append(messages, w.Message)
	}
	return messages
}

func TestWhatWaitsCanBeSeenByWhoeverWroteIt(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	s, _ := openAt(t, now)
	ann, bob := addUser(t, s, "ann"), addUser(t, s, "bob")
	schedule := func(user int64, at time.Time, to ...string) int64 {
		m := store.Message{User: user, Source: store.SourceOMS, SourceType: "reminder", Parts: []string{"Grüße, und " + strings.Repeat("x", 1000), "more"}, Scheduled: at}
		for _, typed := range to {
			m.To = append(m.To, store.Recipient{Number: number, Typed: typed})
		}
		id, _, err := s.Enqueue(t.Context(), m)
		check(t, err)
		return id
	}
	gone := enqueue(t, s, ann.ID, "gone", number)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Accepted}))
	first := enqueue(t, s, ann.ID, "first", number)
	second := enqueue(t, s, ann.ID, "second, behind it", number)
	third := enqueue(t, s, ann.ID, "third, behind that", number, "+447911000009")
	later := schedule(ann.ID, now.Add(2*time.Hour), "", "Bob Smith")
	sooner := schedule(ann.ID, now.Add(time.Hour), "Bob", "Eve", "Zoe")
	ofBob := schedule(bob.ID, now.Add(time.Minute), "Ann")
	enqueue(t, s, 0, "nobody's", number)

	if got, want := waits(t, s, ann.ID), []int64{sooner, later, first, second, third}; !slices.Equal(got, want) {
		t.Errorf("of ann %v wait, want %v and not %d", got, want, gone)
	}
	if got, want := waits(t, s, bob.ID), []int64{ofBob}; !slices.Equal(got, want) {
		t.Errorf("of bob %v wait, want %v", got, want)
	}
	waiting, more, err := s.Waiting(t.Context(), ann.ID, 2, 2, 10)
	check(t, err)
	if !more || len(waiting) != 2 {
		t.Errorf("of five, two and more: got %d, more: %t", len(waiting), more)
	}
	w := waiting[0]
	if !w.Scheduled.Equal(now.Add(time.Hour)) || !w.Created.Equal(now) || w.Source != store.SourceOMS || w.SourceType != "reminder" || w.Text != "Grüße, und" ||
		!slices.Equal(w.To, []string{"Bob", "Eve"}) || w.Left != 3 || w.Recipients != 3 || w.Texts != 2 {
		t.Errorf("the first is %+v", w)
	}
	if got := waiting[1].To; !slices.Equal(got, []string{number, "Bob Smith"}) {
		t.Errorf("the second goes to %q", got)
	}
}

func TestWhatHasLeftOrIsLeavingDoesNotWait(t *testing.T) {
	t.Parallel()
	s := open(t)
	ann := addUser(t, s, "ann")
	m := enqueue(t, s, ann.ID, long(2), "+447911000001", "+447911000002", "+447911000003", "+447911000004")
	settle := func(a *store.Attempt, o store.Outcome) {
		t.Helper()
		check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: o, Reason: "no network"}))
	}
	left := func(want int) {
		t.Helper()
		waiting, _, err := s.Waiting(t.Context(), ann.ID, 100, 10, 100)
		check(t, err)
		got := 0
		if len(waiting) > 0 {
			got = waiting[0].Left
		}
		if got != want || got > 0 && (len(waiting[0].To) != want || waiting[0].Recipients != 4) {
			t.Errorf("it waits for %d, want %d: %+v", got, want, waiting)
		}
	}
	left(4)
	a := claim(t, s, nil)
	left(3)
	settle(a, store.Unsent) // it did not leave after all
	left(4)
	settle(claim(t, s, nil), store.Deferred)
	left(4)
	if waiting, _, err := s.Waiting(t.Context(), ann.ID, 1, 1, 1); err != nil || waiting[0].Reason != "no network" {
		t.Errorf("it does not say why: %+v, %v", waiting, err)
	}
	settle(claim(t, s, nil), store.Accepted) // a half of it has left
	left(3)
	settle(claim(t, s, nil), store.Accepted)
	left(3)
	settle(claim(t, s, nil), store.Refused)
	left(2)
	n, kept, err := s.CancelOwn(t.Context(), ann.ID, m)
	if n != 2 || len(kept) != 2 || err != nil {
		t.Errorf("%d are taken back, %q are not, %v", n, kept, err)
	}
	left(0)
	if n, kept, err := s.CancelOwn(t.Context(), ann.ID, m); n != 0 || len(kept) != 4 || err != nil {
		t.Errorf("a second time %d are taken back, %q are not, %v", n, kept, err)
	}
	if a, err := s.Claim(t.Context(), "imsi", nil); a != nil || err != nil {
		t.Errorf("still something leaves: %+v, %v", a, err)
	}
}

func TestNobodySeesOrTakesBackAnothersMessage(t *testing.T) {
	t.Parallel()
	s := open(t)
	ann, bob := addUser(t, s, "ann"), addUser(t, s, "bob")
	ofAnn, nobodys := enqueue(t, s, ann.ID, "hello", number), enqueue(t, s, 0, "hello", number)
	for _, message := range []int64{ofAnn, nobodys, 99, 0, -1} {
		_, _, cancelErr := s.CancelOwn(t.Context(), bob.ID, message)
		_, seeErr := s.OwnDeliveries(t.Context(), bob.ID, message)
		if !errors.Is(cancelErr, store.ErrNotFound) || !errors.Is(seeErr, store.ErrNotFound) {
			t.Errorf("message %d: got %v and %v", message, cancelErr, seeErr)
		}
	}
	if state(t, s, ofAnn) != store.Queued || state(t, s, nobodys) != store.Queued {
		t.Error("something was taken back")
	}
	if d, err := s.OwnDeliveries(t.Context(), ann.ID, ofAnn); err != nil || len(d) != 1 {
		t.Errorf("ann's own: %+v, %v", d, err)
	}
}
