package store_test

import (
	"strings"
	"testing"
	"time"

	"omsbox/modem/sms"
	"omsbox/store"
)

// deferred hands the next segment over, and has it refused for now.
func deferred(t *testing.T, s *store.Store) {
	t.Helper()
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Deferred, Reason: "congestion"}))
}

// reportAt stores a report with the time at which the message centre got the segment.
func reportAt(t *testing.T, s *store.Store, mr byte, to string, at time.Time, status byte) {
	t.Helper()
	tpdu, err := sms.StatusReport{MR: mr, To: to, SCTS: at, Status: status}.TPDU()
	check(t, err)
	check(t, s.Report(t.Context(), "imsi", tpdu))
}

func TestAReportOfATextThatWaits(t *testing.T) {
	t.Parallel()
	const other = "+447911000009"
	for _, c := range []struct {
		name string
		then func(t *testing.T, s *store.Store, clock *store.SteppedClock, first time.Time)
		want store.State
	}{
		{"about the first try", func(t *testing.T, s *store.Store, clock *store.SteppedClock, first time.Time) {
			reportAt(t, s, 5, number, first, 0)
		}, store.Delivered},
		{"about the first of many tries", func(t *testing.T, s *store.Store, clock *store.SteppedClock, first time.Time) {
			for range 4 { // after 5 s, 20 s, 80 s and 6 min
				clock.Pass(5 * time.Minute)
				deferred(t, s)
			}
			reportAt(t, s, 5, number, first, 0)
		}, store.Delivered},
		{"about a try between", func(t *testing.T, s *store.Store, clock *store.SteppedClock, first time.Time) {
			for range 3 {
				clock.Pass(4 * time.Minute)
				deferred(t, s)
			}
			reportAt(t, s, 5, number, first.Add(4*time.Minute), 0)
		}, store.Delivered},
		{"it failed for good", func(t *testing.T, s *store.Store, clock *store.SteppedClock, first time.Time) {
			reportAt(t, s, 5, number, first, 0x41)
		}, store.Failed},
		{"the message centre keeps trying", func(t *testing.T, s *store.Store, clock *store.SteppedClock, first time.Time) {
			reportAt(t, s, 5, number, first, 0x20)
		}, store.Sent},
		{"the report came before the refusal", func(t *testing.T, s *store.Store, clock *store.SteppedClock, first time.Time) {
			clock.Pass(time.Minute)
			a := claim(t, s, nil)
			reportAt(t, s, 5, number, clock.Now(), 0)
			check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: store.Deferred, Reason: "congestion"}))
		}, store.Delivered},
		{"about another number", func(t *testing.T, s *store.Store, clock *store.SteppedClock, first time.Time) {
			reportAt(t, s, 5, other, first, 0)
		}, store.Queued},
		{"about another time", func(t *testing.T, s *store.Store, clock *store.SteppedClock, first time.Time) {
			reportAt(t, s, 5, number, first.Add(-7*time.Minute), 0)
		}, store.Queued},
		{"another text to the number waits too", func(t *testing.T, s *store.Store, clock *store.SteppedClock, first time.Time) {
			enqueue(t, s, addUser(t, s, "ann").ID, "another", number)
			deferred(t, s)
			reportAt(t, s, 5, number, first, 0)
		}, store.Queued},
		{"another text to the number is in doubt", func(t *testing.T, s *store.Store, clock *store.SteppedClock, first time.Time) {
			doubt := enqueue(t, s, addUser(t, s, "ann").ID, "in doubt", number)
			check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Doubtful, Reason: "no answer"}))
			reportAt(t, s, 5, number, first, 0)
			if got := state(t, s, doubt); got != store.Delivered {
				t.Errorf("the one in doubt is %s", got)
			}
		}, store.Queued},
		{"a later text has a reference that does not fit", func(t *testing.T, s *store.Store, clock *store.SteppedClock, first time.Time) {
			clock.Pass(time.Second)
			enqueue(t, s, 0, "another", other)
			check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Accepted, MR: 77}))
			reportAt(t, s, 5, number, first, 0)
		}, store.Queued},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := store.NewSteppedClock(time.Now().Truncate(time.Second))
			s := openIn(t, t.TempDir(), clock.Option())
			id := enqueue(t, s, 0, "it waits", number)
			deferred(t, s)
			c.then(t, s, clock, clock.Now())
			if got := state(t, s, id); got != c.want {
				t.Errorf("it is %s, want %s", got, c.want)
			}
			if c.want == store.Queued {
				return
			}
			clock.Pass(time.Hour)
			if a, err := s.Claim(t.Context(), "imsi", nil); err != nil || a != nil {
				t.Errorf("it is handed over again: %+v, %v", a, err)
			}
			b, err := s.Backlog(t.Context())
			check(t, err)
			if b.Left != 1 || b.Queued != 0 {
				t.Errorf("%d segments left, %d wait", b.Left, b.Queued)
			}
			d, err := s.Deliveries(t.Context(), id)
			check(t, err)
			if d[0].SIM != "imsi" {
				t.Errorf("it left through %q", d[0].SIM)
			}
		})
	}
}

// Where the report was about the first part, the others follow at once, and only they.
func TestAReportOfThePartThatWaits(t *testing.T) {
	t.Parallel()
	clock := store.NewSteppedClock(time.Now().Truncate(time.Second))
	s := openIn(t, t.TempDir(), clock.Option())
	id := enqueue(t, s, 0, strings.Repeat("long ", 50), number)
	first := claim(t, s, nil)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *first, Outcome: store.Deferred, Reason: "congestion"}))
	reportAt(t, s, 5, number, clock.Now(), 0)
	if wait, waits, err := s.Due(t.Context(), "imsi"); err != nil || !waits || wait != 0 {
		t.Errorf("the rest is due in %v, %v (%v)", wait, waits, err)
	}
	if a, err := s.Claim(t.Context(), "another", nil); err != nil || a != nil {
		t.Errorf("the rest leaves through another SIM: %+v, %v", a, err)
	}
	second := claim(t, s, nil)
	if second.Segment == first.Segment || second.Delivery != first.Delivery {
		t.Fatalf("segment %d follows %d", second.Segment, first.Segment)
	}
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *second, Outcome: store.Accepted, MR: 6}))
	reportAt(t, s, 6, number, clock.Now(), 0)
	if got := state(t, s, id); got != store.Delivered {
		t.Errorf("it is %s", got)
	}
}
