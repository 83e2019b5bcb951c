package store_test

import (
	"strings"
	"testing"
	"time"

	"omsbox/store"
)

// atNoon is a store at noon of a day in the computer's time zone.
func atNoon(t testing.TB, dir string, day int) (s *store.Store, set func(time.Time)) {
	t.Helper()
	clock := store.NewSteppedClock(time.Date(2036, 5, day, 12, 0, 0, 0, time.Local))
	s = openIn(t, dir, clock.Option())
	return s, func(t time.Time) { clock.Pass(t.Sub(clock.Now())) }
}

func TestADailyCapEndsAtMidnight(t *testing.T) {
	t.Parallel()
	s, set := atNoon(t, t.TempDir(), 30)
	radio(t, s, one, true)
	check(t, s.Set(t.Context(), "sim.daily/"+one, "3"))
	enqueue(t, s, 0, "first", crowd(2)...)
	begun := enqueue(t, s, 0, long(3), number)
	enqueue(t, s, 0, "more", "+447911000001")
	got := all(t, s, one)
	// The third segment reached it; what it belongs to is finished.
	if len(got) != 5 || state(t, s, begun) != store.Sent {
		t.Errorf("%d segments left", len(got))
	}
	wait, waits, err := s.Due(t.Context(), one)
	check(t, err)
	if wait != 12*time.Hour || !waits {
		t.Errorf("it goes on in %v, %t", wait, waits)
	}
	alarms, err := s.Alarms(t.Context())
	check(t, err)
	if len(alarms) != 1 || alarms[0].About != one || !strings.Contains(alarms[0].Text, "daily cap of 3 segments") {
		t.Errorf("the alarms are %+v", alarms)
	}
	status, err := s.Status(t.Context())
	check(t, err)
	if !strings.Contains(status, "the daily cap of 3 segments is reached; it goes on at 2036-05-31 00:00") {
		t.Errorf("the status is\n%s", status)
	}
	want(t, all(t, s, two), "more") // another SIM has its own
	enqueue(t, s, 0, "more", "+447911000002")
	set(time.Date(2036, 5, 31, 0, 0, 0, 0, time.Local))
	want(t, all(t, s, one), "more")
	if alarms, err = s.Alarms(t.Context()); err != nil || len(alarms) != 0 {
		t.Errorf("the alarms are %+v, %v", alarms, err)
	}
}

func TestAMonthlyCapEndsWithTheMonth(t *testing.T) {
	t.Parallel()
	s, set := atNoon(t, t.TempDir(), 30)
	check(t, s.Set(t.Context(), "sim.monthly", "4"))
	check(t, s.Set(t.Context(), "sms.validity", "7d"))
	enqueue(t, s, 0, "text", crowd(10)...)
	if got := texts(t, s, one, 3); len(got) != 3 {
		t.Errorf("%d left", len(got))
	}
	set(time.Date(2036, 5, 31, 1, 0, 0, 0, time.Local))
	want(t, all(t, s, one), "text")
	if wait, _, err := s.Due(t.Context(), one); wait != 23*time.Hour || err != nil {
		t.Errorf("it goes on in %v, %v", wait, err)
	}
	check(t, s.Set(t.Context(), "sim.monthly", "5"))
	want(t, all(t, s, one), "text")
	set(time.Date(2036, 6, 1, 0, 0, 0, 0, time.Local))
	if got := texts(t, s, one, 4); len(got) != 4 {
		t.Errorf("%d left in June", len(got))
	}
}

func TestACapIsCountedAlsoAfterARestartAndByAWrongClock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := atNoon(t, dir, 30)
	check(t, s.Set(t.Context(), "sim.daily", "2"))
	enqueue(t, s, 0, "text", crowd(5)...)
	want(t, texts(t, s, one, 1), "text")
	claimed, err := s.Claim(t.Context(), one, nil)
	check(t, err)
	if claimed == nil {
		t.Fatal("nothing is due")
	}
	check(t, s.Close()) // while one was with the modem: it may have left
	for _, wrong := range []time.Time{
		time.Date(2036, 5, 29, 12, 0, 0, 0, time.Local), // as a computer without a clock starts
		time.Date(1970, 1, 2, 0, 0, 0, 0, time.Local),
	} {
		s, set := atNoon(t, dir, 30)
		set(wrong)
		if s.ClockTrusted() {
			t.Fatal("the clock is trusted")
		}
		want(t, all(t, s, one))
		if _, waits, err := s.Due(t.Context(), one); waits || err != nil {
			t.Errorf("a clock that is wrong ends the cap (%v)", err)
		}
		check(t, s.Close())
	}
	s, _ = atNoon(t, dir, 31)
	want(t, all(t, s, one), "text", "text")
}

func TestWhatDidNotLeaveIsNotCounted(t *testing.T) {
	t.Parallel()
	s := open(t)
	check(t, s.Set(t.Context(), "sim.daily", "1"))
	enqueue(t, s, 0, "refused", "+447911000001")
	enqueue(t, s, 0, "put off", "+447911000002")
	enqueue(t, s, 0, "in doubt", "+447911000003")
	enqueue(t, s, 0, "no more", "+447911000004")
	for _, outcome := range []store.Outcome{store.Refused, store.Deferred, store.Doubtful} {
		check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: outcome, Reason: "why"}))
	}
	want(t, all(t, s, "imsi"))
}
