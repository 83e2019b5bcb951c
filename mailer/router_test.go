package mailer_test

import (
	"strings"
	"testing"
	"time"

	"omsbox/modem/sms"
	"omsbox/store"
)

func TestWhoseATextIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		wrote    string // who wrote to bob, one after the other
		catchAll string
		from     string
		to       string // the mailbox; "" where it is nobody's
		why      string
	}{
		{"who wrote last", "ben ann", "ben", bob, "ann@example.org", ""},
		{"nobody wrote: the catch-all", "", "ben", carol, "ben@example.org", ""},
		{"somebody wrote, to another number", "ann", "ben", carol, "ben@example.org", ""},
		{"a name: the catch-all", "ann", "ben", "AMAZON", "ben@example.org", ""},
		{"the writer has no mailbox: not for another's eyes", "ann nix", "ben", bob, "", "nix, whose reply it is, has no mailbox"},
		{"nobody wrote, no catch-all", "", "", carol, "", "nobody wrote to its sender before, and mail.catch-all names nobody: `omsbox set mail.catch-all LOGIN`"},
		{"no mailbox, no catch-all", "nix", "", bob, "", "nix, whose reply it is, has no mailbox"},
		{"the catch-all has no mailbox", "", "nix", bob, "", "nix, whom mail.catch-all names, has no mailbox: `omsbox set mail.catch-all LOGIN`"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b, r := newBox(t), newRelay(t)
			users := map[string]store.User{"ann": b.ann, "ben": b.addUser("ben", "ben@example.org"), "nix": b.addUser("nix", "")}
			check(t, b.Set(t.Context(), "mail.relay", r.url()))
			check(t, b.Set(t.Context(), "mail.catch-all", c.catchAll))
			for login := range strings.FieldsSeq(c.wrote) {
				b.wrote(users[login].ID, bob, "a question")
				b.clock.advance(1e9)
			}
			b.run()
			b.text(c.from, "Hi")
			if c.to == "" {
				b.until("it is nobody's", func() bool { return b.backlog().Unroutable == 1 })
				if got := b.details("unroutable"); !strings.Contains(got, c.why) {
					t.Errorf("the reason is %q, want %q", got, c.why)
				}
				return
			}
			got := r.next()
			own, _, _ := strings.Cut(c.to, "@")
			if got.to != c.to || got.from != own+"@box.example.org" {
				t.Errorf("from <%s> to <%s>, want to <%s>", got.from, got.to, c.to)
			}
		})
	}
}

// Some networks put a mark of their country into the numbers of mobiles, and others leave it out.
func TestRepliesFindTheirWriterAcrossMarks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		wrote string // LOGIN:NUMBER, one after the other
		from  string
		to    string
	}{
		{"Mexico's 1 in the reply", "ben:+525512345678", "+5215512345678", "ben@example.org"},
		{"Mexico's 1 in what was stored before", "ben:+5215512345678", "+525512345678", "ben@example.org"},
		{"Argentina's 9 in the reply", "ben:+541123456789", "+5491123456789", "ben@example.org"},
		{"Argentina's 9 in the recipient", "ben:+5491123456789", "+541123456789", "ben@example.org"},
		{"Brazil's ninth digit in the reply", "ben:+551187654321", "+5511987654321", "ben@example.org"},
		{"Brazil's ninth digit in the recipient", "ben:+5511987654321", "+551187654321", "ben@example.org"},
		{"a Brazilian landline is another phone", "ben:+5511923456789", "+551123456789", "ann@example.org"},
		{"Benin's 01 in the reply", "ben:+22997123456", "+2290197123456", "ben@example.org"},
		{"another country's 9", "ben:+561123456789", "+5691123456789", "ann@example.org"},
		{"an exact match goes before a later one", "ben:+5491123456789 eve:+541123456789", "+5491123456789", "ben@example.org"},
		{"several, and nobody is guessed", "ben:+541123456789 eve:+541123456789", "+5491123456789", "ann@example.org"},
		{"one, several times", "ben:+541123456789 ben:+541123456789", "+5491123456789", "ben@example.org"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b, r := newBox(t), newRelay(t)
			users := map[string]store.User{"ben": b.addUser("ben", "ben@example.org"), "eve": b.addUser("eve", "eve@example.org")}
			check(t, b.Set(t.Context(), "mail.relay", r.url()))
			check(t, b.Set(t.Context(), "mail.catch-all", "ann"))
			for what := range strings.FieldsSeq(c.wrote) {
				login, number, _ := strings.Cut(what, ":")
				b.wrote(users[login].ID, number, "a question")
				b.clock.advance(1e9)
			}
			b.run()
			b.text(c.from, "Hi")
			if got := r.next(); got.to != c.to {
				t.Errorf("it went to <%s>, want <%s>", got.to, c.to)
			}
		})
	}
}

func TestTextsThatWaitedWhileNobodyRouted(t *testing.T) {
	t.Parallel()
	b, r := newBox(t), newRelay(t)
	b.relayTo(r.url(), "one", "two")
	b.run()
	r.next()
	r.next()
}

func TestALongTextIsOneMail(t *testing.T) {
	t.Parallel()
	b, r := newBox(t), newRelay(t)
	text := strings.Repeat("All work and no play makes Jack a dull boy 🎈 ", 20)
	b.relayTo(r.url(), text)
	b.run()
	if got := r.next(); !strings.Contains(got.data, "Subject: All work and no play makes Jack a dull") &&
		!strings.Contains(got.data, "All_work_and_no_play_makes_Jack_a_dull") {
		t.Errorf("got\n%s", got.data)
	}
	b.until("nothing waits", func() bool { return b.backlog().MailQueued == 0 })
	r.none()
}

func TestWhatIsNoTextGoesToTheCatchAll(t *testing.T) {
	t.Parallel()
	data, err := sms.Deliver{From: bob, Data: []byte{0, 0xFF, 16}, SCTS: (&clock{}).now()}.TPDUs(1)
	check(t, err)
	for _, c := range []struct {
		name, subject, why string
		tpdu               []byte
	}{
		{"data", "Subject: Data message from " + bob, "it is a data message and no text, and mail.catch-all names nobody: ", data[0]},
		{"undecodable", "Subject: A message that cannot be read", "it cannot be read, no administrator has a mailbox, and mail.catch-all names nobody: ", []byte{0x04, 0x0B, 0x91}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b, r := newBox(t), newRelay(t)
			b.addUser("ben", "ben@example.org")
			b.relayTo(r.url()) // ann wrote to bob, but this is no answer
			b.run()
			check(t, b.Receive(t.Context(), "234150000000000", c.tpdu))
			b.until("it is nobody's", func() bool { return b.backlog().Unroutable == 1 })
			if got := b.details("unroutable"); !strings.HasPrefix(got, c.why) {
				t.Errorf("the reason is %q, want %q", got, c.why)
			}
			check(t, b.Set(t.Context(), "mail.catch-all", "ben"))
			is := func(got handed) {
				if got.to != "ben@example.org" || !strings.Contains(got.data, c.subject+"\r\n") {
					t.Errorf("to <%s>:\n%s", got.to, got.data)
				}
				if strings.Contains(got.data, "MS-OMS") {
					t.Errorf("it is said to be a text:\n%s", got.data)
				}
			}
			is(r.next())
			b.until("the mail is recorded", func() bool { return b.backlog().MailQueued == 0 })
			b.clock.advance(25 * time.Hour)                             // of what cannot be read one mail a day tells
			check(t, b.Receive(t.Context(), "234150000000001", c.tpdu)) // through another SIM
			is(r.next())
		})
	}
}

func TestFailedTextsAreTold(t *testing.T) {
	t.Parallel()
	const text = "The meeting is off"
	refused := store.Verdict{Outcome: store.Refused, Reason: "the network does not know the number"}
	for _, c := range []struct {
		name, login, catchAll, to, subject, why string
	}{
		{"to whoever sent it", "ann", "", "ann@example.org", text, "about the text that begins with:\r\n\r\n    " + text + "\r\n"},
		{"to the catch-all where the sender has no mailbox", "nix", "ann", "ann@example.org", "a text from nix", "because nix, who sent it, has no mailbox"},
		{"to the catch-all where it came from the command line", "", "ann", "ann@example.org", "a text from the command line", "because it was sent from the command line"},
		{"or to nobody", "", "", "", "", "it was sent from the command line, and mail.catch-all names nobody: `omsbox set mail.catch-all LOGIN`"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b, r := newBox(t), newRelay(t)
			users := map[string]store.User{"ann": b.ann, "nix": b.addUser("nix", ""), "": {}}
			check(t, b.Set(t.Context(), "mail.relay", r.url()))
			check(t, b.Set(t.Context(), "mail.catch-all", c.catchAll))
			b.run()
			_, _, err := b.Enqueue(t.Context(), store.Message{User: users[c.login].ID, Source: store.SourceCommand, Parts: []string{text},
				To: []store.Recipient{{Number: bob, Typed: "07911 123456"}, {Number: carol, Typed: carol}}})
			check(t, err)
			b.attempt(refused)
			b.attempt(store.Verdict{Outcome: store.Doubtful, Reason: "the modem did not answer"})
			b.until("the notice waits for others", func() bool { return b.tried("mail queued") == 1 })
			b.later(3e9)
			if c.to == "" {
				b.until("it has failed", func() bool { return b.undelivered("").State == "failed" }) // and soon the alarm, too
				if got := b.undelivered("").Reason; !strings.HasPrefix(got, c.why) {
					t.Errorf("the reason is %q, want %q", got, c.why)
				}
				return
			}
			got := r.next()
			if got.from != "" || got.to != c.to {
				t.Errorf("from <%s> to <%s>, want from <> to <%s>", got.from, got.to, c.to)
			}
			if strings.Contains(got.data, text) != (c.login == "ann") {
				t.Errorf("who may read the text?\n%s", got.data)
			}
			for _, want := range []string{"Subject: Not delivered: " + c.subject + "\r\n", "Auto-Submitted: auto-generated\r\n",
				"07911 123456 (" + bob + ")\r\ndid not get it: the network does not know the number.\r\n",
				carol + "\r\nmay or may not have got it: the modem did not answer.\r\n", c.why} {
				if !strings.Contains(got.data, want) {
					t.Errorf("the mail lacks %q:\n%s", want, got.data)
				}
			}
			b.until("nothing waits", func() bool { return b.backlog().MailQueued == 0 })
			r.none()
		})
	}
}
