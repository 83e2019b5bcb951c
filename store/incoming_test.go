package store_test

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"omsbox/modem/sms"
	"omsbox/store"
)

// deliver returns the TPDUs of a text from a phone.
func deliver(t testing.TB, from, text string, ref byte) [][]byte {
	t.Helper()
	tpdus, err := sms.Deliver{From: from, Text: text, SCTS: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}.TPDUs(uint16(ref))
	check(t, err)
	return tpdus
}

// unrouted returns the texts that wait to be routed.
func unrouted(t testing.TB, s *store.Store) []store.Incoming {
	t.Helper()
	got, err := s.Unrouted(t.Context())
	check(t, err)
	return got
}

func TestATextIsWholeInWhateverOrderItsPartsCome(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("All of it 😀 ", 20)
	for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 0, 3, 2, 1, 1}} {
		s := open(t)
		tpdus := deliver(t, number, text, 7)
		for i, n := range order {
			check(t, s.Receive(t.Context(), "imsi", tpdus[n]))
			if got := unrouted(t, s); len(got) > 0 && i < len(tpdus)-1 {
				t.Errorf("%v: there is a text after %d segments", order, i+1)
			}
		}
		got := unrouted(t, s)
		if len(got) != 1 || got[0].Text != text || got[0].Sender != number || !got[0].Sent.Equal(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)) {
			t.Errorf("%v: got %+v", order, got)
		}
	}
}

func TestATextDeliveredAgainIsStoredOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tpdu := deliver(t, number, "once", 0)[0]
	for range 3 {
		s := openIn(t, dir)
		check(t, s.Receive(t.Context(), "imsi", tpdu))
		if got := unrouted(t, s); len(got) != 1 {
			t.Errorf("there are %d texts", len(got))
		}
		check(t, s.Close())
	}
}

func TestPartsOutliveARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := strings.Repeat("word ", 80)
	for _, tpdu := range deliver(t, number, text, 7) {
		s := openIn(t, dir)
		check(t, s.Receive(t.Context(), "imsi", tpdu))
		check(t, s.Close())
	}
	if got := unrouted(t, openIn(t, dir)); len(got) != 1 || got[0].Text != text {
		t.Errorf("got %+v", got)
	}
}

func TestPartsOfDifferentTextsAreNeverMixed(t *testing.T) {
	t.Parallel()
	s := open(t)
	one, two := strings.Repeat("one ", 50), strings.Repeat("two ", 50)
	a, b := deliver(t, number, one, 7), deliver(t, "+447911000002", two, 7)
	c, d := deliver(t, number, two, 8), deliver(t, number, strings.Repeat("three ", 60), 7)
	for _, tpdu := range [][]byte{a[0], b[1], c[0], d[1], b[0], a[1], c[1]} {
		check(t, s.Receive(t.Context(), "imsi", tpdu))
	}
	got := unrouted(t, s)
	if len(got) != 3 || got[0].Text != two || got[1].Text != one || got[2].Text != two {
		t.Errorf("got %+v", got)
	}
}

func TestAReferenceUsedAgainMakesAnotherText(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, text := range []string{strings.Repeat("old ", 50), strings.Repeat("new ", 50)} {
		for _, tpdu := range deliver(t, number, text, 7) {
			check(t, s.Receive(t.Context(), "imsi", tpdu))
		}
	}
	if got := unrouted(t, s); len(got) != 2 || !strings.HasPrefix(got[1].Text, "new") {
		t.Errorf("got %+v", got)
	}
}

func TestWhatCannotBeReadIsKept(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, tpdu := range [][]byte{{}, {0x04}, {0x00, 0xff}, []byte("garbage")} {
		check(t, s.Receive(t.Context(), "imsi", tpdu))
	}
	got := unrouted(t, s)
	if len(got) != 4 {
		t.Fatalf("%d are kept, want 4: %+v", len(got), got)
	}
	for _, in := range got {
		if in.Kind != "undecodable" {
			t.Errorf("got %+v", in)
		}
	}
}

func TestNumbersOfSendersMeetThoseThatWereWrittenTo(t *testing.T) {
	t.Parallel()
	s := open(t)
	check(t, s.Set(t.Context(), "sms.region", "GB"))
	u := addUser(t, s, "ann")
	enqueue(t, s, u.ID, "hello", number)
	claim(t, s, nil)
	check(t, s.Receive(t.Context(), "imsi", deliver(t, "07911123456", "answer", 0)[0]))
	in := unrouted(t, s)[0]
	got, err := s.LastWriter(t.Context(), in.Sender)
	check(t, err)
	if got.ID != u.ID {
		t.Errorf("the last who wrote to %s is %q", in.Sender, got.Login)
	}
}

func TestTheLastWriterIsTheLast(t *testing.T) {
	t.Parallel()
	s, clock := openAt(t, time.Now())
	ann, bob := addUser(t, s, "ann"), addUser(t, s, "bob")
	for i, u := range []store.User{ann, bob, ann} {
		clock.Pass(time.Second)
		enqueue(t, s, u.ID, "hello", number)
		a := claim(t, s, nil)
		check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: store.Accepted, MR: i}))
		got, err := s.LastWriter(t.Context(), number)
		check(t, err)
		if got.ID != u.ID {
			t.Errorf("after %s wrote it is %s", u.Login, got.Login)
		}
	}
}

func TestARoutedTextBecomesOneMail(t *testing.T) {
	t.Parallel()
	s := open(t)
	u := addUser(t, s, "ann")
	check(t, s.Receive(t.Context(), "imsi", deliver(t, number, "hello", 0)[0]))
	in := unrouted(t, s)[0]
	for range 2 {
		check(t, s.Mailed(t.Context(), in.ID, u.ID))
	}
	check(t, s.Unroutable(t.Context(), in.ID, "too late"))
	m, err := s.ClaimMail(t.Context())
	check(t, err)
	if m == nil || m.Kind != store.Reply || m.Incoming != in.ID || m.User != u.ID || m.Token == "" {
		t.Fatalf("got %+v", m)
	}
	if again, err := s.ClaimMail(t.Context()); again != nil || err != nil {
		t.Errorf("there is another: %+v, %v", again, err)
	}
	got, err := s.Incoming(t.Context(), in.ID)
	check(t, err)
	if got.State != "mailed" || got.User != u.ID {
		t.Errorf("got %+v", got)
	}
}

// Of what cannot be read one mail a day tells. One that was handed over before tells what it told then.
func TestTheMailOfWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	a := arrive(t)
	ann := addUser(t, a.Store, "ann")
	unreadable := byte(0)
	come := func() (id int64) {
		t.Helper()
		unreadable++
		a.receive([]byte{0x04, 0x0B, 0x91, unreadable})
		id = a.got()[0].ID
		check(t, a.Mailed(t.Context(), id, ann.ID))
		return id
	}
	due := func(want time.Duration) {
		t.Helper()
		if wait, waits, err := a.MailDue(t.Context()); wait != want || !waits || err != nil {
			t.Errorf("a mail is due in %v, %t, %v, want %v", wait, waits, err, want)
		}
	}
	told := func(first int64, others int) *store.Mail {
		t.Helper()
		m, err := a.ClaimMail(t.Context())
		check(t, err)
		if m == nil || m.Incoming != first {
			t.Fatalf("the mail is %+v, want that of %d", m, first)
		}
		if n, err := a.ToldWith(t.Context(), first); n != others || err != nil {
			t.Errorf("it tells of %d others, %v, want %d", n, err, others)
		}
		return m
	}
	first := come()
	due(0)
	m := told(first, 0)
	check(t, a.MailRetry(t.Context(), m.ID, time.Hour, "the relay is busy"))
	second := come() // is not told by a mail that was handed over before
	come()
	due(time.Hour)
	a.clock.Pass(time.Hour)
	check(t, a.MailSent(t.Context(), told(first, 0).ID))
	due(23 * time.Hour)
	a.clock.Pass(23 * time.Hour)
	check(t, a.MailSent(t.Context(), told(second, 1).ID))
	a.clock.Pass(24*time.Hour - time.Minute)
	third := come()
	due(time.Minute)
	a.clock.Pass(time.Minute)
	check(t, a.MailSent(t.Context(), told(third, 0).ID))
	a.clock.Pass(48 * time.Hour)
	come()
	due(0)
	a.receive(parts(t, "a text", 0)...)
	check(t, a.Mailed(t.Context(), a.got()[0].ID, ann.ID)) // is a mail of its own
	if b, err := a.Backlog(t.Context()); b.MailQueued != 2 || err != nil {
		t.Errorf("%d mails wait, %v", b.MailQueued, err)
	}
}

func FuzzReceive(f *testing.F) {
	for _, text := range []string{"hello", strings.Repeat("x", 200), "😀"} {
		for _, tpdu := range deliver(f, number, text, 3) {
			f.Add(hex.EncodeToString(tpdu))
			f.Add(hex.EncodeToString(tpdu[:len(tpdu)-1])) // cut short
		}
	}
	f.Add("000481103200326211030290920023626f62406578616d706c652e6e657428486929736565")               // a mail that breaks off
	f.Add("4005811032f000046211030290920009" + "08050003070201220100" + "4772fc")                     // words in octets, a header with an address
	f.Add("4005811032f000086211030290920010" + "0a0003070202" + "09020102" + "d83d" + "feff0041dc00") // WCMP, half a pair
	s := open(f)
	f.Fuzz(func(t *testing.T, text string) {
		tpdu, err := hex.DecodeString(text)
		if err != nil {
			tpdu = []byte(text)
		}
		check(t, s.Receive(t.Context(), "imsi", tpdu))
		check(t, s.Report(t.Context(), "imsi", tpdu))
	})
}
