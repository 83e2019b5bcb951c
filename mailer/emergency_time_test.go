package mailer_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// waitFor looks each tenth of a second whether something is so, and returns how long that took.
func waitFor(t *testing.T, so func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	for !so() {
		if time.Sleep(100 * time.Millisecond); time.Since(start) > 2*time.Hour {
			t.Fatal("it never came about")
		}
	}
	return time.Since(start)
}

// An emergency is told after three seconds, and the same one again after an hour at the earliest. Who became an
// administrator ten minutes before it is told.
func TestWhenAnEmergencyIsTold(t *testing.T) {
	t.Parallel()
	r := newRelay(t)
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		check(t, b.Set(t.Context(), "mail.relay", r.url()))
		b.run()
		time.Sleep(time.Minute)
		b.addAdmin("root")
		time.Sleep(10 * time.Minute)
		told := func() bool { return len(r.given()) > 0 }
		noticed := func() bool { return !b.Storage().Condition.IsZero() }
		back := b.databaseGone()
		waitFor(t, noticed)
		if took := waitFor(t, told); took < 2800*time.Millisecond || took > 3300*time.Millisecond {
			t.Errorf("told after %v, want 3 s", took)
		}
		since := time.Now()
		back()
		waitFor(t, told) // that it is over
		back = b.databaseGone()
		waitFor(t, told)
		if took := time.Since(since); took < time.Hour-time.Second || took > time.Hour+time.Second {
			t.Errorf("told again after %v, want an hour", took)
		}
		back()
	})
}
