package store

import (
	"testing"
	"time"
)

// A computer without a battery for its clock starts with the time at which it was switched off. What is queued before
// a time server sets the clock was written a moment ago, and not when the computer was switched off.
func TestWhatWasWrittenBeforeTheClockWasSetForward(t *testing.T) {
	t.Parallel()
	clock := NewSteppedClock(clockNoon)
	s := box(t, t.TempDir(), clock)
	id, _, err := s.Enqueue(t.Context(), Message{Source: SourceCommand, Parts: []string{"hello"}, To: []Recipient{{Number: "+447911123456"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Raise(t.Context(), "disk", "/", "x"); err != nil {
		t.Fatal(err)
	}
	m, err := s.ClaimMail(t.Context())
	if err != nil || m == nil {
		t.Fatal(m, err)
	}
	if err := s.MailBlock(t.Context(), m.ID, 0, "550 5.1.8 not yours"); err != nil {
		t.Fatal(err)
	}
	s.ticks(t)
	clock.Pass(time.Minute) // the modem has no network yet
	s.ticks(t)
	clock.Shift(6 * day)
	s.ticks(t)
	clock.Pass(time.Minute)
	clock.Confirm()
	for range 3 {
		s.ticks(t)
		clock.Pass(10 * time.Second)
	}
	if !s.ClockTrusted() {
		t.Fatal("the clock is not believed")
	}
	sweep := s.writer.sweep()
	if sweep != nil {
		if err := s.write(t.Context(), sweep); err != nil {
			t.Fatal(err)
		}
	}
	d, err := s.Deliveries(t.Context(), id)
	if err != nil || d[0].State != Queued {
		t.Errorf("three minutes after it was written the text is %s: %s, %v", d[0].State, d[0].Reason, err)
	}
	m, err = s.ClaimMail(t.Context())
	if err != nil || m == nil {
		t.Fatal(m, err)
	}
	if by := s.Now().Sub(m.Blocked); by > time.Hour {
		t.Errorf("three minutes after it was refused first the mail seems to have been held for %v", by)
	}
}
