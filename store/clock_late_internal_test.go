package store

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"omsbox/modem/sms"
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

var hello = Message{Source: SourceCommand, Parts: []string{"hello"}, To: []Recipient{{Number: "+447911123456"}}}

// lateClock returns a store that got a text and was told a minute later, by nobody yet, that it is six days later.
func lateClock(t *testing.T) (s *Store, clock *SteppedClock, text int64) {
	t.Helper()
	clock = NewSteppedClock(clockNoon)
	s = openInside(t, clock.Option())
	text, _, err := s.Enqueue(t.Context(), hello)
	if err != nil {
		t.Fatal(err)
	}
	s.ticks(t)
	clock.Pass(time.Minute)
	clock.Shift(6 * day)
	s.ticks(t)
	if s.ClockTrusted() {
		t.Fatal("the clock is believed at once")
	}
	return s, clock, text
}

// A person's word puts right what a time server's word does, in the process that serves and in one beside it.
func TestAPersonsWordAfterTheClockWasSetForward(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		beside bool
	}{{"to the process that serves", false}, {"to one beside it", true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, clock, text := lateClock(t)
			by := s
			if c.beside {
				var err error
				if by, err = Open(t.Context(), s.Dir(), slog.New(slog.DiscardHandler), clock.Option()); err != nil {
					t.Fatal(err)
				}
				defer CloseInTime(t, by)
			}
			if _, err := by.TrustClock(t.Context()); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(20 * time.Second); c.beside && !s.ClockTrusted(); time.Sleep(10 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("the service still says %s", s.ClockProblem())
				}
			}
			if !s.ClockTrusted() {
				t.Fatalf("the service still says %s", s.ClockProblem())
			}
			s.sendsWith(t, text, s.Validity()-time.Minute)
		})
	}
}

// sendsWith checks that a text is handed to a modem, and is worth sending for that much longer by the clock.
func (s *Store) sendsWith(t *testing.T, text int64, left time.Duration) {
	t.Helper()
	a, err := s.Claim(t.Context(), "imsi", nil)
	if err != nil || a == nil || a.Delivery == 0 {
		d, _ := s.Deliveries(t.Context(), text)
		t.Fatalf("the text is not sent: %+v, %v", d, err)
	}
	expires, err := one(t.Context(), s, func(r scanner) (at int64, err error) { return at, r.Scan(&at) },
		`SELECT expires FROM deliveries WHERE message_id = ?`, text)
	if got := fromMS(expires).Sub(s.Now()); err != nil || got != left {
		t.Errorf("the text is worth sending for %v more, want %v; %v", got, left, err)
	}
}

// What is put right is believed, and what is told counts as told, once that is committed. After a commit that fails
// the next look tries again.
func TestALookAtTheClockWhoseCommitFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		fails string // a change that the database refuses
		then  func(*testing.T, *Store, *SteppedClock)
		doubt bool   // until the commit
		still bool   // after it
		want  string // what is true after it, and not before
	}{
		{"what was written while the clock was late", `UPDATE OF expires ON deliveries`,
			func(t *testing.T, s *Store, c *SteppedClock) {
				c.Shift(6 * day)
				c.Confirm()
			}, true, false,
			fmt.Sprint(`SELECT expires - created > `, (6 * day).Milliseconds(), ` FROM deliveries d JOIN messages m ON m.id = d.message_id`)},
		{"what was written while the clock was ahead", `UPDATE OF due ON deliveries`,
			func(t *testing.T, s *Store, c *SteppedClock) {
				c.Shift(-6 * day)
				c.Confirm()
				s.ticks(t)
				c.Pass(steadyFor)
			}, true, false,
			fmt.Sprint(`SELECT due < `, ms(clockNoon.Add(-5*day)), ` FROM deliveries`)},
		{"the alarm", `INSERT ON alarms`,
			func(t *testing.T, s *Store, c *SteppedClock) {
				c.Shift(-6 * day)
				s.ticks(t)
				c.Pass(toldAfter)
			}, true, true, `SELECT count(*) = 1 FROM alarms WHERE kind = 'clock' AND cleared IS NULL`},
		{"its end", `UPDATE OF cleared ON alarms`,
			func(t *testing.T, s *Store, c *SteppedClock) {
				c.Shift(-6 * day)
				s.ticks(t)
				c.Pass(toldAfter)
				s.ticks(t)
				c.Shift(6 * day)
			}, false, false, `SELECT count(*) = 1 FROM alarms WHERE kind = 'clock' AND cleared IS NOT NULL`},
		{"the high-water mark", `UPDATE ON counters`,
			func(t *testing.T, s *Store, c *SteppedClock) { c.Pass(2 * markEvery) }, false, false,
			fmt.Sprint(`SELECT value = `, ms(clockNoon.Add(2*markEvery)), ` FROM counters WHERE name = 'clock'`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			clock := NewSteppedClock(clockNoon.Add(-2 * markEvery))
			s := openInside(t, clock.Option())
			clock.Pass(2 * markEvery)
			text, _, err := s.Enqueue(t.Context(), hello)
			if err != nil {
				t.Fatal(err)
			}
			s.ticks(t) // the first mark
			run := func(text string) {
				t.Helper()
				if err := s.write(t.Context(), func(tx *tx) error { _, err := tx.exec(text); return err }); err != nil {
					t.Fatal(err)
				}
			}
			holds := func() (is bool) {
				t.Helper()
				if err := s.read.QueryRow(c.want).Scan(&is); err != nil {
					t.Fatal(err)
				}
				return is
			}
			run(`CREATE TRIGGER refuse BEFORE ` + c.fails + ` BEGIN SELECT RAISE(ABORT, 'refused'); END`)
			c.then(t, s, clock)
			for range 2 {
				if err := s.looks(); err == nil || !strings.Contains(err.Error(), "refused") {
					t.Errorf("the look ended with %v", err)
				}
				if s.ClockTrusted() == c.doubt || holds() {
					t.Errorf("before the commit: it is believed: %t, the rows say so: %t", s.ClockTrusted(), holds())
				}
			}
			run(`DROP TRIGGER refuse`)
			s.ticks(t)
			if s.ClockTrusted() == c.still || !holds() {
				t.Errorf("after the commit: it is believed: %t, the rows say so: %t", s.ClockTrusted(), holds())
			}
			if d, err := s.Deliveries(t.Context(), text); err != nil || d[0].State != Queued {
				t.Errorf("the text is %+v, %v", d, err)
			}
		})
	}
}

// What waits for something since before the clock was set has not waited for all the time by which it was set.
func TestWhatWaitsWhileTheClockIsSetForward(t *testing.T) {
	t.Parallel()
	s, clock, text := lateClock(t)
	clock.Shift(4 * day) // ten in all: longer than a report may take
	a, err := s.Claim(t.Context(), "imsi", nil)
	if err != nil || a == nil || a.Delivery == 0 {
		t.Fatal(a, err)
	}
	if err := s.Settle(t.Context(), Verdict{Attempt: *a, Outcome: Accepted, MR: 7}); err != nil {
		t.Fatal(err)
	}
	d := sms.Deliver{From: "+447911123457", Text: strings.Repeat("0123456 ", 25), SCTS: clockNoon}
	tpdus, err := d.TPDUs(1)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Receive(t.Context(), "imsi", tpdus[0]); err != nil {
		t.Fatal(err)
	}
	clock.Confirm()
	s.ticks(t)
	if !s.ClockTrusted() {
		t.Fatal(s.ClockProblem())
	}
	if wait, waits, err := s.Overdue(t.Context()); err != nil || !waits || wait < s.Incomplete()-time.Minute {
		t.Errorf("the other segment is awaited for %v, %t, %v", wait, waits, err)
	}
	report, err := sms.StatusReport{MR: 7, To: "+447911123456", SCTS: clock.Now(), Discharge: clock.Now()}.TPDU()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Receive(t.Context(), "imsi", report); err != nil {
		t.Fatal(err)
	}
	if d, err := s.Deliveries(t.Context(), text); err != nil || d[0].State != Delivered {
		t.Errorf("after its report the text is %+v, %v", d, err)
	}
}

// What waited while the computer was switched off did wait for all that time: also the last that was written before.
func TestATextThatWaitedWhileTheBoxWasOff(t *testing.T) {
	t.Parallel()
	dir, clock := t.TempDir(), NewSteppedClock(clockNoon)
	s := box(t, dir, clock)
	text, _, err := s.Enqueue(t.Context(), hello)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	clock.Shift(2 * far)
	s = box(t, dir, clock)
	s.ticks(t)
	if s.ClockTrusted() {
		t.Fatal("the clock is believed at once")
	}
	clock.Confirm()
	s.ticks(t)
	s.ticks(t)
	if a, err := s.Claim(t.Context(), "imsi", nil); err != nil || a != nil && a.Delivery != 0 {
		t.Errorf("a text of two months ago is sent: %+v, %v", a, err)
	}
	if d, err := s.Deliveries(t.Context(), text); err != nil || d[0].State != Expired {
		t.Errorf("the text is %+v, %v", d, err)
	}
}

// A report that waits for its text is as young after a late clock is set as it was before: it may still come to it.
func TestAReportThatWaitsAfterTheClockWasSetForward(t *testing.T) {
	t.Parallel()
	s, clock, _ := lateClock(t)
	err := s.write(t.Context(), func(t *tx) error {
		_, err := t.exec(`INSERT INTO reports (key, tpdu, sim, mr, recipient, status, received) VALUES (x'01', x'00', 'sim', 7, '+447911123456', 0, ?)`,
			ms(clockNoon.Add(time.Minute)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	clock.Confirm()
	for range 3 {
		s.ticks(t)
		clock.Pass(10 * time.Second)
	}
	var received int64
	if err := s.read.QueryRow(`SELECT received FROM reports`).Scan(&received); err != nil {
		t.Fatal(err)
	}
	if age := s.Now().Sub(fromMS(received)); age > time.Minute {
		t.Errorf("half a minute after it came the report seems %v old", age)
	}
}
