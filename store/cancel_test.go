package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"omsbox/store"
)

func TestAMessageIsTakenBackAsFarAsNothingHasLeft(t *testing.T) {
	t.Parallel()
	s := open(t)
	scheduled, _, err := s.Enqueue(t.Context(), store.Message{Source: store.SourceOMS, Parts: []string{"later"}, Scheduled: s.Now().Add(time.Hour),
		To: []store.Recipient{{Number: "+447911000001"}, {Number: "+447911000002"}}})
	check(t, err)
	n, kept, err := s.CancelMessage(t.Context(), scheduled)
	if n != 2 || len(kept) != 0 || err != nil || state(t, s, scheduled) != store.Cancelled {
		t.Errorf("of a scheduled one %d are taken back, %q are not, %v", n, kept, err)
	}
	m := enqueue(t, s, 0, long(2), "+447911000003", "+447911000004", "+447911000005")
	a := claim(t, s, nil)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: store.Accepted})) // the first of two segments
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Accepted}))
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Accepted})) // the first of the next
	n, kept, err = s.CancelMessage(t.Context(), m)
	if got, want := strings.Join(kept, "; "), "+447911000003: it is sent; +447911000004: a part of it has left"; n != 1 || got != want || err != nil {
		t.Errorf("%d are taken back, not %q (%v), want 1 and %q", n, got, err, want)
	}
	if _, _, err := s.CancelMessage(t.Context(), 99); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("one that is not there: %v", err)
	}
}

func TestTheLogShowsWhereAMessageCameFromAndNeverItsText(t *testing.T) {
	t.Parallel()
	s := open(t)
	ann := addUser(t, s, "ann")
	id, _, err := s.Enqueue(t.Context(), store.Message{User: ann.ID, Source: store.SourceOMS, SourceType: "rule\nBased", Parts: []string{"the secret"},
		To: []store.Recipient{{Number: "+447911000001", Typed: "Bob"}}})
	check(t, err)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Refused, Reason: "barred"}))
	lines, err := s.Lines(t.Context(), 2)
	check(t, err)
	if l := lines[1]; l.Message != id || l.Source != store.SourceOMS || l.SourceType != "rule Based" {
		t.Errorf("the last line is %+v", l)
	}
	var shown strings.Builder
	check(t, s.ShowLog(t.Context(), &shown, 3))
	got := strings.Split(shown.String(), "\n")
	if len(got) != 5 || !strings.HasPrefix(got[0], "TIME") || strings.Contains(shown.String(), "secret") {
		t.Fatalf("it shows\n%s", shown.String())
	}
	for _, word := range []string{"failed", " 1 ", "ann", "+447911000001", "oms/rule Based", "barred"} {
		if !strings.Contains(got[2], word) {
			t.Errorf("%q is not in %q", word, got[2])
		}
	}
}
