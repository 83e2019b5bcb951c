package store_test

import (
	"testing"
	"time"

	"omsbox/modem/sms"
	"omsbox/store"
)

// The pauses between the tries of a text are these, and after the last it is one hour each time until it expires.
func TestTheExactPausesBetweenTries(t *testing.T) {
	t.Parallel()
	s, clock := openAt(t, time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
	enqueue(t, s, 0, "hello", number)
	for n, want := range []time.Duration{5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, time.Hour, time.Hour} {
		a := claim(t, s, nil)
		check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: store.Deferred, Reason: "no network"}))
		if wait, waits, err := s.Due(t.Context(), "imsi"); wait != want || !waits || err != nil {
			t.Errorf("after try %d it is due in %v, %t, %v; want %v", n+1, wait, waits, err, want)
		}
		clock.Pass(want - time.Millisecond)
		if early, err := s.Claim(t.Context(), "imsi", nil); early != nil || err != nil {
			t.Fatalf("after try %d it is tried a millisecond early: %v", n+1, err)
		}
		clock.Pass(time.Millisecond)
	}
}

// Whichever of the two is right, the clock of the computer or the time that rows get, a text is not sent early.
func TestAScheduledTextWhileTheClockIsWrong(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name          string
		shift, wanted time.Duration // from noon
		want          store.State
	}{
		{"it is ahead, and the time is between", 3 * time.Hour, time.Hour, store.Scheduled},
		{"it is ahead, and the time is after both", 3 * time.Hour, 4 * time.Hour, store.Scheduled},
		{"it is ahead, and the time is before both", 3 * time.Hour, -time.Hour, store.Queued},
		{"it is behind, and the time is between", -3 * time.Hour, -time.Hour, store.Scheduled},
		{"it is behind, and the time is before both", -3 * time.Hour, -4 * time.Hour, store.Queued},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, clock := t.TempDir(), store.NewSteppedClock(noon)
			s := openIn(t, dir, clock.Option())
			enqueue(t, s, 0, "it shows how late it is", "+447911000001")
			check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Accepted, MR: 1}))
			if c.shift < 0 { // as a computer without a clock starts
				check(t, s.Close())
				clock.Shift(c.shift)
				s = openIn(t, dir, clock.Option())
			} else {
				clock.Shift(c.shift)
			}
			if s.ClockTrusted() {
				t.Fatal("the clock is trusted")
			}
			id := enqueueAt(t, s, "later", noon.Add(c.wanted))
			if got := state(t, s, id); got != c.want {
				t.Errorf("it is %s, want %s", got, c.want)
			}
			a, err := s.Claim(t.Context(), "imsi", nil)
			check(t, err)
			if sends := a != nil; sends != (c.want == store.Queued) {
				t.Errorf("it is sent: %t", sends)
			}
		})
	}
}

// A text whose time is over when its first segment was answered for is not gone on with, and what waits behind it
// goes in the same commit.
func TestATextThatExpiresInTheMiddleOfAClaim(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		outcome store.Outcome
	}{
		{"its segment was taken", store.Accepted},
		{"its segment is in doubt", store.Doubtful},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, clock := openAt(t, time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
			u := addUser(t, s, "ann")
			check(t, s.Set(t.Context(), "sms.validity", "1h"))
			id := enqueue(t, s, u.ID, long(3), number)
			a := claim(t, s, nil)
			clock.Pass(time.Hour + time.Millisecond)
			next := enqueue(t, s, u.ID, "next", "+447911000002")
			b := claim(t, s, &store.Verdict{Attempt: *a, Outcome: c.outcome, MR: 1, Reason: "no answer"})
			if b.Delivery == a.Delivery {
				t.Error("it goes on")
			}
			if x, y := state(t, s, id), state(t, s, next); x != store.Expired || y != store.Sending {
				t.Errorf("they are %s and %s", x, y)
			}
			check(t, s.Settle(t.Context(), store.Verdict{Attempt: *b, Outcome: store.Accepted, MR: 2}))
			if c, err := s.Claim(t.Context(), "imsi", nil); c != nil || err != nil {
				t.Errorf("more of it goes: %+v, %v", c, err)
			}
			if m := notice(t, s, clock); m == nil || m.Message != id {
				t.Errorf("its user is told by %+v", m)
			}
		})
	}
}

// A report without a TP-MR that is known proves a doubt for a day, and no longer: by then it may be about another
// text to the same number.
func TestADoubtAndAReportThatComesLate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		after time.Duration
		want  store.State
	}{
		{"within a day", 24*time.Hour - time.Second, store.Delivered},
		{"after a day", 24*time.Hour + time.Second, store.Unconfirmed},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, clock := openAt(t, time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
			id := enqueue(t, s, 0, "hello", number)
			check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Doubtful, Reason: "no answer"}))
			left := clock.Now()
			clock.Pass(c.after)
			tpdu, err := sms.StatusReport{MR: 5, To: number, SCTS: left, Discharge: clock.Now()}.TPDU()
			check(t, err)
			check(t, s.Report(t.Context(), "imsi", tpdu))
			if got := state(t, s, id); got != c.want {
				t.Errorf("it is %s, want %s", got, c.want)
			}
		})
	}
}
