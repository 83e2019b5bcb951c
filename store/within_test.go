package store_test

import (
	"strings"
	"testing"
	"time"

	"omsbox/modem/sms"
	"omsbox/store"
)

// A report may come before the answer to AT+CMGS that tells its TP-MR: up to five minutes before.
func TestHowEarlyAReportMayCome(t *testing.T) {
	t.Parallel()
	for early, want := range map[time.Duration]store.State{
		5 * time.Minute:                  store.Delivered,
		5*time.Minute + time.Millisecond: store.Sent,
	} {
		a := arrive(t)
		id := enqueue(t, a.Store, 0, "hello", number)
		attempt := claim(t, a.Store, nil)
		a.reports("imsi", sms.StatusReport{MR: 5, To: number, SCTS: noon, Discharge: noon})
		a.clock.Pass(early)
		check(t, a.Settle(t.Context(), store.Verdict{Attempt: *attempt, Outcome: store.Accepted, MR: 5}))
		a.became(id, want, "")
	}
}

// A report that came before a segment was handed over is not about that segment, whatever its TP-MR.
func TestAReportFromBeforeTheAttemptIsNotItsOwn(t *testing.T) {
	t.Parallel()
	a := arrive(t)
	a.reports("imsi", sms.StatusReport{MR: 5, To: number, SCTS: noon, Discharge: noon})
	a.clock.Pass(time.Millisecond)
	id := a.sentTo(number, 5)
	a.became(id, store.Sent, "")
}

// How long a report may take: a week where the TP-MR is known, a day where it is not.
func TestHowLateAReportMayCome(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	sent := func(mr int) func(*arriving) int64 {
		return func(a *arriving) int64 { return a.sentTo(number, mr) }
	}
	settled := func(outcome store.Outcome) func(*arriving) int64 {
		return func(a *arriving) int64 {
			check(a.t, a.Set(a.t.Context(), "sms.validity", "7d"))
			id := enqueue(a.t, a.Store, 0, "hello", number)
			attempt := claim(a.t, a.Store, nil)
			check(a.t, a.Settle(a.t.Context(), store.Verdict{Attempt: *attempt, Outcome: outcome, MR: -1, Reason: "why"}))
			return id
		}
	}
	for _, c := range []struct {
		name   string
		text   func(*arriving) int64
		within time.Duration
		later  store.State
	}{
		{"of a segment with its TP-MR", sent(5), 7 * day, store.Sent},
		{"of a segment without one", sent(-1), day, store.Sent},
		{"of a segment in doubt", settled(store.Doubtful), day, store.Unconfirmed},
		{"of a segment that waits for another try", settled(store.Deferred), day, store.Queued},
	} {
		for after, want := range map[time.Duration]store.State{
			c.within - time.Millisecond: store.Delivered,
			c.within:                    c.later,
		} {
			a := arrive(t)
			id := c.text(a)
			a.clock.Pass(after)
			a.reports("imsi", sms.StatusReport{MR: 5, To: number, SCTS: noon, Discharge: noon})
			if got := state(t, a.Store, id); got != want {
				t.Errorf("%s, after %v: it is %s, want %s", c.name, after, got, want)
			}
		}
	}
}

// The message centre's clock tells to two minutes when it got a segment; its zone may be wrong.
func TestWhenAReportFitsASegmentInDoubt(t *testing.T) {
	t.Parallel()
	for off, want := range map[time.Duration]store.State{
		0:                              store.Delivered,
		2 * time.Minute:                store.Delivered,
		-2 * time.Minute:               store.Delivered,
		2*time.Minute + time.Second:    store.Unconfirmed,
		-2*time.Minute - time.Second:   store.Unconfirmed,
		7 * time.Minute:                store.Unconfirmed,
		45*time.Minute + 2*time.Minute: store.Delivered,
		-9*time.Hour - 2*time.Minute:   store.Delivered,
		5*time.Hour + 43*time.Minute:   store.Delivered,
		5*time.Hour + 43*time.Minute - time.Second: store.Unconfirmed,
	} {
		a := arrive(t)
		id := enqueue(t, a.Store, 0, "hello", number)
		attempt := claim(t, a.Store, nil)
		check(t, a.Settle(t.Context(), store.Verdict{Attempt: *attempt, Outcome: store.Doubtful, Reason: "no answer"}))
		a.reports("imsi", sms.StatusReport{MR: 77, To: number, SCTS: noon.Add(off), Discharge: noon})
		if got := state(t, a.Store, id); got != want {
			t.Errorf("dated %v after it was handed over, it is %s, want %s", off, got, want)
		}
	}
}

// The modem counts TP-MR up by one for each segment. So the segment that follows one in doubt tells which
// TP-MR that had: its own less one, or less two where the modem counts what it did not send.
func TestTheTPMROfASegmentInDoubtComesBeforeTheNext(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		next, mr byte
		want     store.State
	}{
		{10, 9, store.Delivered}, {10, 8, store.Delivered}, {10, 7, store.Unconfirmed},
		{10, 11, store.Unconfirmed}, {0, 255, store.Delivered}, {1, 255, store.Delivered}, {2, 255, store.Unconfirmed},
	} {
		a := arrive(t)
		id := enqueue(t, a.Store, 0, "in doubt", number)
		attempt := claim(t, a.Store, nil)
		check(t, a.Settle(t.Context(), store.Verdict{Attempt: *attempt, Outcome: store.Doubtful, Reason: "no answer"}))
		a.clock.Pass(time.Second)
		a.sentTo("+447911000002", int(c.next))
		a.reports("imsi", sms.StatusReport{MR: c.mr, To: number, SCTS: noon, Discharge: noon})
		if got := state(t, a.Store, id); got != c.want {
			t.Errorf("the next has %d: by a report with %d it is %s, want %s", c.next, c.mr, got, c.want)
		}
	}
}

// A network may write a short number with its country code. By the number alone such a report proves nothing; with
// the TP-MR that the late answer tells, the report does.
func TestALateAnswerFindsAReportWithAnotherSpelling(t *testing.T) {
	t.Parallel()
	a := arrive(t)
	id := enqueue(t, a.Store, 0, "hello", "62555")
	attempt := claim(t, a.Store, nil)
	a.reports("imsi", sms.StatusReport{MR: 5, To: "+4462555", SCTS: noon, Discharge: noon})
	check(t, a.Settle(t.Context(), store.Verdict{Attempt: *attempt, Outcome: store.Doubtful, Reason: "no answer"}))
	a.became(id, store.Unconfirmed, "no answer")
	check(t, a.Late(t.Context(), attempt.Segment, 5))
	a.became(id, store.Delivered, "")
}

// Parts of a text that the message centre got within an hour of one another are joined as soon as the last one is
// here; those further apart only once nothing nearer is awaited; those more than a day apart never.
func TestHowFarApartThePartsOfATextMayBe(t *testing.T) {
	t.Parallel()
	text := words("word", 2)
	for _, c := range []struct {
		apart     time.Duration
		now, then int // how many messages there are, at once and when it is overdue
	}{
		{time.Hour, 1, 1}, {-time.Hour, 1, 1},
		{time.Hour + time.Second, 0, 1}, {-time.Hour - time.Second, 0, 1},
		{24 * time.Hour, 0, 1}, {-24 * time.Hour, 0, 1},
		{24*time.Hour + time.Second, 0, 2}, {-24*time.Hour - time.Second, 0, 2},
	} {
		a := arrive(t)
		a.receive(parts(t, text, 0)[0], parts(t, text, c.apart)[1])
		if got := a.got(); len(got) != c.now || len(got) == 1 && got[0].Text != text {
			t.Errorf("%v apart they are %+v at once, want %d", c.apart, got, c.now)
		}
		a.wait(100 * 24 * time.Hour)
		got := a.got()
		if len(got) != c.then || len(got) == 1 && (got[0].Text != text || got[0].Missing != "") {
			t.Errorf("%v apart they are %+v in the end, want %d", c.apart, got, c.then)
		}
	}
}

// The same part once more within ten minutes is a repetition: nothing is awaited for it. Later it may be the
// beginning of another text of the same words.
func TestWhenAPartCountsAsARepetition(t *testing.T) {
	t.Parallel()
	text := words("word", 2)
	for apart, incomplete := range map[time.Duration]int{
		10 * time.Minute: 0, -10 * time.Minute: 0, 10*time.Minute + time.Second: 1, -10*time.Minute - time.Second: 1,
	} {
		a := arrive(t)
		a.receive(parts(t, text, 0)...)
		a.receive(parts(t, text, apart)[0])
		if got := a.incomplete(); got != incomplete {
			t.Errorf("after %v %d segments wait for others, want %d", apart, got, incomplete)
		}
		a.texts(text)
	}
}

// What a modem or a relay says may be long: of a reason 300 octets are kept and shown, at each stage.
func TestHowLongAReasonMayBe(t *testing.T) {
	t.Parallel()
	reasons := map[string]string{
		strings.Repeat("x", 300): strings.Repeat("x", 300),
		strings.Repeat("x", 301): strings.Repeat("x", 300),
	}
	for long, want := range reasons {
		for name, outcomes := range map[string][]store.Outcome{
			"put off":                  {store.Deferred},
			"not sent":                 {store.Unsent},
			"refused":                  {store.Refused},
			"in doubt, more follows":   {store.Doubtful},
			"in doubt, more has left":  {store.Doubtful, store.Accepted},
			"in doubt, more put off":   {store.Doubtful, store.Deferred},
			"in doubt after the first": {store.Accepted, store.Doubtful},
		} {
			a := arrive(t)
			id := enqueue(t, a.Store, 0, words("word", 2), number)
			var previous *store.Verdict
			for _, outcome := range outcomes {
				previous = &store.Verdict{Attempt: *claim(t, a.Store, previous), Outcome: outcome, MR: 5, Reason: long}
			}
			if _, err := a.Claim(t.Context(), "imsi", previous); err != nil {
				t.Fatal(err)
			}
			d, err := a.Deliveries(t.Context(), id)
			check(t, err)
			if d[0].Reason != want {
				t.Errorf("%s: of %d octets it has %d", name, len(long), len(d[0].Reason))
			}
		}
		a := arrive(t)
		m := mailed(t, a.Store, "hello", addUser(t, a.Store, "ann").ID)
		check(t, a.MailRetry(t.Context(), m.ID, time.Hour, long))
		if mails, err := a.Undelivered(t.Context(), 1); err != nil || len(mails) != 1 || mails[0].Reason != want {
			t.Errorf("the mails are %+v, %v", mails, err)
		}
	}
}
