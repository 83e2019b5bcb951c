package store_test

import (
	"testing"
	"time"

	"omsbox/modem/sms"
	"omsbox/store"
)

// A page that is open, and DeliverXms, show each state of a delivery as soon as it is stored.
func TestAWatcherHearsOfEachState(t *testing.T) {
	t.Parallel()
	a := arrive(t)
	id := enqueue(t, a.Store, 0, "hello", number)
	other := enqueue(t, a.Store, 0, "later", "+447911000002")
	bell, quiet := a.Watch(id), a.Watch(other)
	defer bell.Close()
	defer quiet.Close()
	var attempt *store.Attempt
	settle := func(outcome store.Outcome) {
		check(t, a.Settle(t.Context(), store.Verdict{Attempt: *attempt, Outcome: outcome, MR: 5, Reason: "why"}))
	}
	report := func(status byte, after time.Duration) {
		a.reports("imsi", sms.StatusReport{MR: 5, To: number, SCTS: noon, Discharge: noon.Add(after), Status: status})
	}
	for _, step := range []struct {
		name string
		do   func()
		want store.State
	}{
		{"it is handed over", func() { attempt = claim(t, a.Store, nil) }, store.Sending},
		{"it did not leave", func() { settle(store.Unsent) }, store.Queued},
		{"it is handed over again", func() { attempt = claim(t, a.Store, nil) }, store.Sending},
		{"the message centre took it", func() { settle(store.Accepted) }, store.Sent},
		{"the message centre keeps trying", func() { report(0x20, time.Minute) }, store.Sent},
		{"its time is over", func() { a.wait(24*time.Hour + time.Millisecond) }, store.Sent},
		{"the phone has it after all", func() { report(0, 24*time.Hour) }, store.Delivered},
	} {
		step.do()
		select {
		case <-bell.C:
		default:
			t.Errorf("%s: who watches is not told", step.name)
		}
		if got := state(t, a.Store, id); got != step.want {
			t.Fatalf("%s: it is %s, want %s", step.name, got, step.want)
		}
		if step.want == store.Sending {
			select {
			case <-quiet.C:
				t.Errorf("%s: who watches another message is told", step.name)
			default:
			}
		}
	}
}
