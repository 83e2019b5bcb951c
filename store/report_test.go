package store_test

import (
	"encoding/hex"
	"testing"
	"time"

	"omsbox/modem/sms"
	"omsbox/store"
)

// sentTo is a text of that many segments which the SMSC has taken at a time; mrs are their TP-MRs, -1
// where the modem told none.
func (a *arriving) sentTo(to string, mrs ...int) (message int64) {
	a.t.Helper()
	message = enqueue(a.t, a.Store, 0, words("word", len(mrs)), to)
	var previous *store.Verdict
	for _, mr := range mrs {
		previous = &store.Verdict{Attempt: *claim(a.t, a.Store, previous), Outcome: store.Accepted, MR: mr}
	}
	check(a.t, a.Settle(a.t.Context(), *previous))
	return message
}

// reports lets a report come through a SIM.
func (a *arriving) reports(sim string, r sms.StatusReport) {
	a.t.Helper()
	tpdu, err := r.TPDU()
	check(a.t, err)
	check(a.t, a.Report(a.t.Context(), sim, tpdu))
}

// became sees what has become of a message, and why.
func (a *arriving) became(message int64, want store.State, reason string) {
	a.t.Helper()
	d, err := a.Deliveries(a.t.Context(), message)
	check(a.t, err)
	if d[0].State != want || d[0].Reason != reason {
		a.t.Errorf("to %s it is %s (%q), want %s (%q)", d[0].Recipient, d[0].State, d[0].Reason, want, reason)
	}
}

func TestHowNetworksWriteTheRecipient(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, to, written string
		same              bool
	}{
		{"as it was sent to", number, number, true},
		{"without the plus", number, "447911123456", true},
		{"with the international prefix", number, "00447911123456", true},
		{"as a national number", number, "07911123456", true},
		{"without any prefix", number, "7911123456", true},
		{"a Mexican mobile with its 1", "+525512345678", "+5215512345678", true},
		{"a Mexican mobile with its 1, as a national number", "+525512345678", "15512345678", true},
		{"an Argentine mobile without its 9", "+5491123456789", "+541123456789", true},
		{"a Brazilian mobile without its ninth digit", "+5511987654321", "+551187654321", true},
		{"a Russian number with its 8", "+79161234567", "89161234567", true},
		{"a short number", "62555", "62555", true},
		{"a short number with a country code", "62555", "+4462555", true},
		{"another number", number, "+447911123457", false},
		{"another short number", "62555", "62556", false},
		{"the end of one alone", number, "56", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := arrive(t)
			id := a.sentTo(c.to, 5)
			a.reports("imsi", sms.StatusReport{MR: 5, To: c.written, SCTS: noon})
			if got := state(t, a.Store, id); (got == store.Delivered) != c.same {
				t.Errorf("it is %s", got)
			}
		})
	}
}

func TestWithoutATPMRMarksOfCountriesAreLookedOver(t *testing.T) {
	t.Parallel()
	for to, written := range map[string]string{
		"+525512345678": "+5215512345678", "+5491123456789": "541123456789", "+541123456789": "+5491123456789",
		"+5511987654321": "551187654321", "+551187654321": "+5511987654321", "+2290197123456": "+22997123456",
	} {
		a := arrive(t)
		id := a.sentTo(to, -1)
		a.reports("imsi", sms.StatusReport{MR: 9, To: written})
		a.became(id, store.Delivered, "")
	}
}

func TestWithoutATPMRAReportIsAboutTheOldestToThatNumber(t *testing.T) {
	t.Parallel()
	a := arrive(t)
	first := a.sentTo(number, -1, -1)
	other := a.sentTo("+447911000002", -1)
	second := a.sentTo(number, -1)
	for _, r := range []struct{ mr, status byte }{{10, 0x22}, {11, 0}, {13, 0}, {10, 0}} { // the first waits, and is delivered at last
		a.reports("imsi", sms.StatusReport{MR: r.mr, To: number, Status: r.status})
	}
	a.became(first, store.Delivered, "")
	a.became(second, store.Delivered, "")
	a.became(other, store.Sent, "")
}

func TestATPMRThatIsNearIsAnothers(t *testing.T) {
	t.Parallel()
	a := arrive(t)
	id := a.sentTo(number, 5)
	for _, mr := range []byte{4, 6} {
		a.reports("imsi", sms.StatusReport{MR: mr, To: number})
	}
	a.became(id, store.Sent, "")
	a.reports("other", sms.StatusReport{MR: 5, To: number}) // through another SIM of the box
	a.became(id, store.Sent, "")
	a.reports("imsi", sms.StatusReport{MR: 5, To: number})
	a.became(id, store.Delivered, "")
}

func TestTPMRComesRound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		off  time.Duration // of the times in reports
		none bool          // they have none
	}{
		{name: "the SMSC's clock is right"},
		{name: "it forgot its zone", off: -7 * time.Hour},
		{name: "it is of another zone", off: 11 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := arrive(t)
			old := a.sentTo(number, 5) // the phone is off
			a.clock.Pass(30 * time.Hour)
			young := a.sentTo(number, 5)
			a.clock.Pass(10 * time.Hour) // and on
			a.reports("imsi", sms.StatusReport{MR: 5, To: number, SCTS: noon.Add(c.off), Discharge: a.Now()})
			a.became(old, store.Delivered, "")
			a.became(young, store.Sent, "")
			a.reports("imsi", sms.StatusReport{MR: 5, To: number, SCTS: noon.Add(c.off), Discharge: a.Now().Add(time.Second)}) // the SMSC repeats itself
			a.became(young, store.Sent, "")
			a.reports("imsi", sms.StatusReport{MR: 5, To: number, SCTS: noon.Add(30 * time.Hour).Add(c.off), Discharge: a.Now()})
			a.became(young, store.Delivered, "")
		})
	}
	t.Run("after a week it is no longer awaited", func(t *testing.T) {
		a := arrive(t)
		id := a.sentTo(number, 5)
		a.clock.Pass(7*24*time.Hour + time.Second)
		a.reports("imsi", sms.StatusReport{MR: 5, To: number, SCTS: noon})
		a.became(id, store.Sent, "")
	})
}

func TestWhileTheMessageCentreKeepsTrying(t *testing.T) {
	t.Parallel()
	const busy = "the phone is busy, the message centre keeps trying"
	at := func(status byte, after time.Duration) sms.StatusReport {
		return sms.StatusReport{MR: 5, To: number, SCTS: noon, Discharge: noon.Add(after), Status: status}
	}
	a := arrive(t)
	id := a.sentTo(number, 5)
	a.reports("imsi", at(0x21, time.Minute))
	a.became(id, store.Sent, busy)
	a.reports("imsi", at(0x21, time.Minute)) // once more
	a.reports("imsi", at(0x22, time.Hour))
	a.became(id, store.Sent, "the phone does not answer, the message centre keeps trying")
	a.wait(24 * time.Hour)
	a.became(id, store.Sent, "the phone does not answer, the message centre keeps trying")
	a.wait(time.Millisecond) // its time is over, and nobody knows more
	a.became(id, store.Sent, "")
	a.reports("imsi", at(0x21, 25*time.Hour))
	a.became(id, store.Sent, "")
	a.reports("imsi", at(0, 26*time.Hour)) // after all
	a.became(id, store.Delivered, "")
}

func TestEndingsOfTheWaiting(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status byte
		want   store.State
		reason string
	}{
		"it has it":             {0x00, store.Delivered, ""},
		"nobody can tell":       {0x01, store.Sent, ""},
		"it was given up":       {0x46, store.Failed, "the phone was not reached before the message expired"},
		"of an unknown failure": {0x7F, store.Failed, "not delivered (status 0x7F of the message centre)"},
	} {
		t.Run(name, func(t *testing.T) {
			a := arrive(t)
			id := a.sentTo(number, 5, 6)
			a.reports("imsi", sms.StatusReport{MR: 6, To: number, Status: 0x20})
			a.became(id, store.Sent, "the network is congested, the message centre keeps trying")
			a.reports("imsi", sms.StatusReport{MR: 5, To: number, Status: c.status})
			a.reports("imsi", sms.StatusReport{MR: 6, To: number, Status: c.status})
			a.became(id, c.want, c.reason)
		})
	}
}

func TestReportsThatAreReplayed(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]time.Duration{"the SMSC's clock is right": 0, "it is of another zone": 11 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			a := arrive(t)
			first := a.sentTo(number, 5)
			tpdu, err := sms.StatusReport{MR: 5, To: number, SCTS: noon.Add(off), Discharge: noon.Add(off)}.TPDU()
			check(t, err)
			for range 3 {
				check(t, a.Report(t.Context(), "imsi", tpdu))
				tpdu[0] ^= 0x04 // TP-MMS
			}
			a.became(first, store.Delivered, "")
			a.clock.Pass(2 * time.Hour)
			second := a.sentTo(number, 5)
			other := a.sentTo("+447911000002", 5)
			third := enqueue(t, a.Store, 0, "hello", number)
			attempt := claim(t, a.Store, nil)
			for range 3 {
				check(t, a.Report(t.Context(), "imsi", tpdu)) // from the storage of a modem that deletes nothing
			}
			check(t, a.Settle(t.Context(), store.Verdict{Attempt: *attempt, Outcome: store.Accepted, MR: 5}))
			a.became(third, store.Sent, "")
			a.became(second, store.Sent, "")
			a.became(other, store.Sent, "")
		})
	}
}

func FuzzReport(f *testing.F) {
	for _, r := range []sms.StatusReport{{MR: 5, To: number}, {MR: 6, To: "62555", Status: 0x21}, {MR: 5, To: "07911123456", Status: 0x46, SCTS: noon}} {
		tpdu, err := r.TPDU()
		check(f, err)
		f.Add(hex.EncodeToString(tpdu))
	}
	s := open(f)
	f.Fuzz(func(t *testing.T, text string) {
		tpdu, err := hex.DecodeString(text)
		if err != nil {
			tpdu = []byte(text)
		}
		id := enqueue(t, s, 0, "hello", number)
		a := claim(t, s, nil)
		check(t, s.Report(t.Context(), "imsi", tpdu))
		check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: store.Accepted, MR: 5}))
		check(t, s.Receive(t.Context(), "imsi", tpdu))
		check(t, s.Report(t.Context(), "another", tpdu))
		r, err := sms.ParseStatusReport(tpdu)
		if got := state(t, s, id); got != store.Sent && (err != nil || r.MR != 5) {
			t.Errorf("it is %s by %x", got, tpdu)
		}
	})
}
