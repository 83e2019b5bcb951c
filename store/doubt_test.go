package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"omsbox/modem/sms"
	"omsbox/store"
)

func TestAReportProvesOnlyWhatItIsAbout(t *testing.T) {
	t.Parallel()
	s := open(t)
	doubtful := enqueue(t, s, 0, "in doubt", number)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Doubtful, Reason: "no answer"}))
	known := enqueue(t, s, 0, "known", number)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Accepted, MR: 5}))
	for range 2 { // the SMSC repeats itself at another time
		tpdu, err := sms.StatusReport{MR: 5, To: number, SCTS: time.Now(), Discharge: time.Now().Add(time.Duration(len(number)) * time.Second)}.TPDU()
		check(t, err)
		check(t, s.Report(t.Context(), "imsi", tpdu))
		time.Sleep(1100 * time.Millisecond) // the dates of a report are in seconds
	}
	if x, y := state(t, s, doubtful), state(t, s, known); x != store.Unconfirmed || y != store.Delivered {
		t.Errorf("the doubtful one is %s, the other %s", x, y)
	}
}

func TestAReportBeforeTheAnswerIsNotTakenForAnOlderSegmentWithThatMR(t *testing.T) {
	t.Parallel()
	s := open(t)
	enqueue(t, s, 0, "256 segments ago", number)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Accepted, MR: 5}))
	report(t, s, 5, number, 0)
	id := enqueue(t, s, 0, "now", number)
	a := claim(t, s, nil)
	tpdu, err := sms.StatusReport{MR: 5, To: number, SCTS: time.Now().Add(time.Minute)}.TPDU()
	check(t, err)
	check(t, s.Report(t.Context(), "imsi", tpdu))
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: store.Accepted, MR: 5}))
	if got := state(t, s, id); got != store.Delivered {
		t.Errorf("it is %s", got)
	}
}

func TestTheSameReportAboutALaterSegmentCounts(t *testing.T) {
	t.Parallel()
	s := open(t)
	tpdu, err := sms.StatusReport{MR: 5, To: number, SCTS: time.Now(), Discharge: time.Now()}.TPDU()
	check(t, err)
	for range 2 { // as fast as TP-MR comes round within a second
		id := enqueue(t, s, 0, "hello", number)
		check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Accepted, MR: 5}))
		for range 2 {
			check(t, s.Report(t.Context(), "imsi", tpdu))
		}
		if got := state(t, s, id); got != store.Delivered {
			t.Errorf("it is %s", got)
		}
	}
}

func TestAReportOfAnotherSIMIsNotOurs(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := enqueue(t, s, 0, "hello", number)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Accepted, MR: 5}))
	tpdu, err := sms.StatusReport{MR: 5, To: number}.TPDU()
	check(t, err)
	check(t, s.Report(t.Context(), "another", tpdu))
	if got := state(t, s, id); got != store.Sent {
		t.Errorf("it is %s", got)
	}
}

func TestAReportThatCameWhileTheAnswerWasAwaitedSettlesTheDoubt(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := enqueue(t, s, 0, "hello", number)
	a := claim(t, s, nil)
	report(t, s, 99, "+447911999999", 0) // somebody else's
	report(t, s, 5, number, 0)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: store.Doubtful, Reason: "no answer"}))
	if got := state(t, s, id); got != store.Delivered {
		t.Errorf("it is %s", got)
	}
}

func TestAReportThatCameBeforeACrashSettlesTheDoubt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIn(t, dir)
	id := enqueue(t, s, 0, "hello", number)
	claim(t, s, nil)
	report(t, s, 5, number, 0)
	check(t, s.Close())
	if got := state(t, openIn(t, dir), id); got != store.Delivered {
		t.Errorf("it is %s", got)
	}
}

func TestALateAnswerAfterItsReport(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := enqueue(t, s, 0, "hello", number)
	a := claim(t, s, nil)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: store.Doubtful, Reason: "no answer"}))
	report(t, s, 5, number, 0)
	check(t, s.Late(t.Context(), a.Segment, 5))
	if got := state(t, s, id); got != store.Delivered {
		t.Errorf("it is %s", got)
	}
}

func TestWhatFailsAfterADoubtIsToldAgain(t *testing.T) {
	t.Parallel()
	s, clock := openAt(t, time.Now())
	u := addUser(t, s, "ann")
	enqueue(t, s, u.ID, "hello", number)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Doubtful, Reason: "no answer"}))
	first := notice(t, s, clock)
	if first == nil {
		t.Fatal("the doubt is not told")
	}
	check(t, s.MailSent(t.Context(), first.ID))
	report(t, s, 5, number, 0x46)
	second := notice(t, s, clock)
	if second == nil {
		t.Fatal("the failure is not told")
	}
	told, err := s.Told(t.Context(), second.ID)
	check(t, err)
	if len(told) != 1 || told[0].State != store.Failed {
		t.Errorf("it tells %+v", told)
	}
}

func TestAnExpiredDeliveryStaysExpired(t *testing.T) {
	t.Parallel()
	s, clock := openAt(t, time.Now())
	id := enqueue(t, s, 0, long(2), number)
	a := claim(t, s, nil)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: store.Accepted, MR: 5}))
	clock.Pass(25 * time.Hour)
	if next, err := s.Claim(t.Context(), "imsi", nil); next != nil || err != nil {
		t.Fatalf("a day later %+v is due, %v", next, err)
	}
	report(t, s, 5, number, 0)
	if got := state(t, s, id); got != store.Expired {
		t.Errorf("it is %s", got)
	}
}

func TestATextLeavesThroughOneSIM(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := enqueue(t, s, 0, long(2), number)
	a, err := s.Claim(t.Context(), "one", nil)
	check(t, err)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: store.Accepted, MR: 5}))
	if b, err := s.Claim(t.Context(), "two", nil); b != nil || err != nil {
		t.Errorf("the other SIM gets %+v, %v", b, err)
	}
	if wait, waits, err := s.Due(t.Context(), "two"); waits || err != nil {
		t.Errorf("for the other SIM something is due in %v, %v", wait, err)
	}
	b, err := s.Claim(t.Context(), "one", nil)
	check(t, err)
	if b == nil || b.Delivery != a.Delivery {
		t.Errorf("its own SIM gets %+v", b)
	}
	// What has not left yet may go through either.
	other := enqueue(t, s, 0, "hello", "+447911000001")
	c, err := s.Claim(t.Context(), "two", nil)
	check(t, err)
	if c == nil {
		t.Errorf("message %d waits for a SIM, after message %d", other, id)
	}
}

func TestWhatWaitsForASIMThatIsGoneExpires(t *testing.T) {
	t.Parallel()
	s, clock := openAt(t, time.Now())
	id := enqueue(t, s, 0, long(2), number)
	a, err := s.Claim(t.Context(), "one", nil)
	check(t, err)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: store.Accepted, MR: 5}))
	changed := s.Watch(id)
	defer changed.Close()
	clock.Pass(24*time.Hour + time.Second)
	<-changed.C // no modem has to ask for it
	if got := state(t, s, id); got != store.Expired {
		t.Errorf("it is %s", got)
	}
	clock.Pass(time.Minute)
	if m, err := s.ClaimMail(t.Context()); m == nil || err != nil {
		t.Errorf("nobody is told: %v", err)
	}
}

func TestWhoseTextWasRefusedGetsNoReplies(t *testing.T) {
	t.Parallel()
	s := open(t)
	ann, bob := addUser(t, s, "ann"), addUser(t, s, "bob")
	enqueue(t, s, bob.ID, "refused", number)
	refuse(t, s)
	enqueue(t, s, ann.ID, "hello", number)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Accepted, MR: 1}))
	enqueue(t, s, bob.ID, "refused again", number)
	refuse(t, s)
	if got, err := s.LastWriter(t.Context(), number); err != nil || got.ID != ann.ID {
		t.Errorf("the replies go to %q, %v", got.Login, err)
	}
}

func TestWhoseOnlyTextWasRefusedIsNoWriter(t *testing.T) {
	t.Parallel()
	s := open(t)
	enqueue(t, s, addUser(t, s, "bob").ID, "refused", number)
	refuse(t, s)
	if got, err := s.LastWriter(t.Context(), number); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the replies go to %q, %v", got.Login, err)
	}
}

func TestAnOldPartIsNoPartOfANewText(t *testing.T) {
	t.Parallel()
	s := open(t)
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	parts := func(text string, at time.Time) [][]byte {
		tpdus, err := sms.Deliver{From: number, Text: text, SCTS: at}.TPDUs(7)
		check(t, err)
		return tpdus
	}
	old := parts(strings.Repeat("old ", 50), at)
	young := parts(strings.Repeat("new ", 50), at.Add(90*24*time.Hour))
	for _, tpdu := range [][]byte{old[0], young[1], young[0]} {
		check(t, s.Receive(t.Context(), "imsi", tpdu))
	}
	if got := unrouted(t, s); len(got) != 1 || got[0].Text != strings.Repeat("new ", 50) {
		t.Errorf("got %+v", got)
	}
	check(t, s.Receive(t.Context(), "imsi", old[1])) // after all
	if got := unrouted(t, s); len(got) != 2 || got[1].Text != strings.Repeat("old ", 50) {
		t.Errorf("got %+v", got)
	}
}

func TestNamesOfSendersAreNotTakenForNumbers(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, name := range []string{"A<12345>", "tel:12345", "<+49301>", "Bank"} {
		check(t, s.Receive(t.Context(), "imsi", deliver(t, name, "hello from "+name, 0)[0]))
	}
	for i, want := range []string{"A<12345>", "tel:12345", "<+49301>", "Bank"} {
		if got := unrouted(t, s)[i].Sender; got != want {
			t.Errorf("%q became %q", want, got)
		}
	}
}

func TestAReportThatComesBeforeItsSegmentIsSettledProvesNoOlderOne(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		mr          int // of the second segment
		outcome     store.Outcome
		first, then store.State
	}{
		{"the report is the second segment's", 5, store.Accepted, store.Unconfirmed, store.Delivered},
		{"the second segment has another reference", 6, store.Accepted, store.Delivered, store.Sent},
		{"the second segment was refused", 0, store.Refused, store.Delivered, store.Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			first := enqueue(t, s, 0, "in doubt", number)
			check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Doubtful, Reason: "no answer"}))
			then := enqueue(t, s, 0, "with the modem", number)
			a := claim(t, s, nil)
			tpdu, err := sms.StatusReport{MR: 5, To: number, SCTS: time.Now(), Status: 0}.TPDU()
			check(t, err)
			check(t, s.Report(t.Context(), "imsi", tpdu))
			if got := state(t, s, first); got != store.Unconfirmed {
				t.Fatalf("while the second segment is with the modem the first is %s", got)
			}
			check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: c.outcome, MR: c.mr, Reason: "no"}))
			if got := state(t, s, first); got != c.first {
				t.Errorf("the first is %s, want %s", got, c.first)
			}
			if got := state(t, s, then); got != c.then {
				t.Errorf("the second is %s, want %s", got, c.then)
			}
		})
	}
}

func TestAReportOfALaterReferenceProvesNoEarlierDoubt(t *testing.T) {
	t.Parallel()
	s := open(t)
	doubtful := enqueue(t, s, 0, "it never left", number)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Doubtful, Reason: "no answer"}))
	time.Sleep(5 * time.Millisecond)
	// Two later ones; the line changed the reference of the second from 6 to 26 on its way to us.
	enqueue(t, s, 0, "known", "+447911000001")
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Accepted, MR: 5}))
	garbled := enqueue(t, s, 0, "known by another reference", number)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Accepted, MR: 26}))
	report(t, s, 6, number, 0)
	if x, y := state(t, s, doubtful), state(t, s, garbled); x != store.Unconfirmed || y != store.Sent {
		t.Errorf("the doubtful one is %s, the other %s", x, y)
	}
}

func TestAReportThatMayBeAboutAnotherDoubtProvesNone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		apart  time.Duration
		scts   time.Duration // after the second
		first  store.State
		second store.State
	}{
		{"two texts in doubt at the same time", 10 * time.Second, 0, store.Unconfirmed, store.Unconfirmed},
		{"an older one, which was handed over at another time", 20*time.Minute + 7*time.Minute, 0, store.Unconfirmed, store.Delivered},
		{"the message centre's clock has another zone", 20*time.Minute + 7*time.Minute, 2 * time.Hour, store.Unconfirmed, store.Delivered},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, clock := openAt(t, time.Now())
			var ids []int64
			for range 2 {
				clock.Pass(c.apart)
				ids = append(ids, enqueue(t, s, 0, "in doubt", number))
				check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Doubtful, Reason: "no answer"}))
			}
			tpdu, err := sms.StatusReport{MR: 5, To: number, SCTS: clock.Now().Add(c.scts)}.TPDU()
			check(t, err)
			check(t, s.Report(t.Context(), "imsi", tpdu))
			if x, y := state(t, s, ids[0]), state(t, s, ids[1]); x != c.first || y != c.second {
				t.Errorf("the first is %s, want %s; the second is %s, want %s", x, c.first, y, c.second)
			}
		})
	}
}

func TestAReportThatWaitsIsNotTakenForTheNextDoubt(t *testing.T) {
	t.Parallel()
	s := open(t)
	before := enqueue(t, s, 0, "it left", number)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Doubtful, Reason: "no answer"}))
	after := enqueue(t, s, 0, "it never left", number)
	a := claim(t, s, nil)
	report(t, s, 5, number, 0) // about the first; the second is with the modem
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: store.Doubtful, Reason: "no answer"}))
	if x, y := state(t, s, before), state(t, s, after); x != store.Unconfirmed || y != store.Unconfirmed {
		t.Errorf("the first is %s, the second %s: nobody can tell which of them it was", x, y)
	}
}

// Whatever happens to the rest of a text, why a part of it is in doubt is told in the end: to its writer, and in
// the log.
func TestTheReasonOfADoubtStays(t *testing.T) {
	t.Parallel()
	const why = "the modem did not say what became of it"
	for _, c := range []struct {
		name string
		rest func(t *testing.T, s *store.Store, clock *store.SteppedClock)
	}{
		{"the rest is taken", func(*testing.T, *store.Store, *store.SteppedClock) {}},
		{"the rest did not leave at first", func(t *testing.T, s *store.Store, _ *store.SteppedClock) {
			check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Unsent, Reason: "no prompt"}))
		}},
		{"the rest is refused for now", func(t *testing.T, s *store.Store, clock *store.SteppedClock) {
			check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Deferred, Reason: "congestion"}))
			clock.Pass(time.Minute)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := store.NewSteppedClock(time.Now())
			s := openIn(t, t.TempDir(), clock.Option())
			id := enqueue(t, s, 0, strings.Repeat("long ", 50), number)
			check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Doubtful, Reason: why}))
			c.rest(t, s, clock)
			check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Accepted, MR: 7}))
			d, err := s.Deliveries(t.Context(), id)
			check(t, err)
			if d[0].State != store.Unconfirmed || d[0].Reason != why {
				t.Errorf("it is %s: %q", d[0].State, d[0].Reason)
			}
			lines, err := s.Lines(t.Context(), 2) // the newest is about the notice
			check(t, err)
			if lines[1].Event != string(store.Unconfirmed) || lines[1].Detail != why {
				t.Errorf("the log says %+v", lines[1])
			}
		})
	}
}
