package mailer_test

import (
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"omsbox/mailer"
	"omsbox/modem/sms"
)

// parts are the TPDUs of a long text from a phone.
func (b *box) parts(from, text string) [][]byte {
	b.t.Helper()
	tpdus, err := sms.Deliver{From: from, Text: text, SCTS: b.clock.now().Truncate(time.Second)}.TPDUs(uint16(b.clock.ref.Add(1)))
	check(b.t, err)
	return tpdus
}

func (b *box) receive(tpdus ...[]byte) {
	b.t.Helper()
	for _, tpdu := range tpdus {
		check(b.t, b.Receive(b.t.Context(), "234150000000000", tpdu))
	}
}

// field returns a field of a mail.
func field(mail handed, name string) string {
	m := regexp.MustCompile(`(?m)^` + name + `: (.*)\r$`).FindStringSubmatch(mail.data)
	if m == nil {
		return ""
	}
	return m[1]
}

// has sees that a mail has all of it.
func (b *box) has(mail handed, want ...string) {
	b.t.Helper()
	unwrapped := strings.ReplaceAll(mail.data, "=\r\n", "")
	for _, w := range want {
		if !strings.Contains(unwrapped, w) {
			b.t.Errorf("the mail lacks %q:\n%s", w, unwrapped)
		}
	}
}

const story = "This text is so long that a phone cuts it in three parts, of which each goes its own way. "

func TestAnIncompleteTextIsMailedAndThenTheWholeOfIt(t *testing.T) {
	t.Parallel()
	b, r := newBox(t), newRelay(t)
	b.relayTo(r.url())
	b.run()
	tpdus := b.parts(bob, strings.Repeat(story, 5))
	if len(tpdus) != 3 {
		t.Fatalf("it has %d parts", len(tpdus))
	}
	b.receive(tpdus[0], tpdus[2])
	b.later(6*time.Hour - time.Minute)
	r.none()
	b.later(time.Minute + time.Second)
	first := r.next()
	b.has(first, "Subject: =?utf-8?q?Incomplete", "[=E2=80=A6]", "(Part 2 of 3 has not come. If more comes later, you get it in another mail.)", "X-MS-Reply-To-Mobile: "+bob)
	// Another user writes to bob; the text goes on where it began all the same.
	ben := b.addUser("ben", "ben@example.org")
	b.wrote(ben.ID, bob, "a question")
	b.clock.advance(48 * time.Hour)
	b.receive(tpdus[1])
	second := r.next()
	b.has(second, strings.TrimSpace(strings.Repeat(story, 5)), "(This is the whole text, with part 2 of 3, which your earlier mail lacks.)")
	if field(second, "In-Reply-To") != field(first, "Message-ID") || field(second, "References") != field(first, "Message-ID") ||
		field(second, "Message-ID") == field(first, "Message-ID") || second.to != "ann@example.org" {
		t.Errorf("to <%s>:\n%s\nafter\n%s", second.to, second.data, first.data)
	}
	b.receive(tpdus...)
	b.later(24 * time.Hour)
	b.until("nothing waits", func() bool { return b.backlog().MailQueued == 0 })
	r.none()
}

func TestWhatWasHandedOnBeforeACrashIsMailedOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, r := boxIn(t, dir), newRelay(t)
	b.relayTo(r.url())
	tpdus := b.parts(bob, strings.Repeat(story, 5))
	b.receive(tpdus[0])
	b.clock.advance(7 * time.Hour)
	ahead := b.clock.ahead.Load()
	_, _, err := b.Overdue(t.Context()) // it is handed on, and the process ends
	check(t, err)
	check(t, b.Close())
	b = boxIn(t, dir)
	b.clock.ahead.Store(ahead)
	b.run()
	b.has(r.next(), "(Parts 2-3 of 3 have not come.")
	b.until("nothing waits", func() bool { return b.backlog().MailQueued == 0 })
	b.later(time.Hour)
	r.none()
}

func TestWhatLayOnTheSIMIsMailedToNobody(t *testing.T) {
	t.Parallel()
	b, r := newBox(t), newRelay(t)
	b.relayTo(r.url())
	b.run()
	old, split := b.parts(bob, "from last year"), b.parts(bob, strings.Repeat(story, 3))
	for _, tpdu := range [][]byte{old[0], split[0]} {
		check(t, b.Keep(t.Context(), "234150000000000", tpdu))
	}
	b.receive(split[1:]...) // the rest comes now
	b.has(r.next(), strings.TrimSpace(strings.Repeat(story, 3)))
	b.until("nothing waits", func() bool { return b.backlog().MailQueued == 0 })
	r.none()
	if n := b.backlog().Kept; n != 1 {
		t.Errorf("%d are kept", n)
	}
}

func TestWhatAsksForNothingIsMailedToNobody(t *testing.T) {
	t.Parallel()
	b, r := newBox(t), newRelay(t)
	check(t, b.Set(t.Context(), "mail.catch-all", "ann"))
	b.relayTo(r.url())
	b.run()
	type0, none, voice := b.parts(carol, "x")[0], b.parts(carol, "")[0], b.parts(carol, "")[0]
	type0[9] = 0x40 // TP-PID
	none[10] = 0xC0 // TP-DCS: no voice mail any more
	voice[10] = 0xC8
	b.receive(type0, none, voice)
	got := r.next()
	b.has(got, "Subject: Voice messages are waiting\r\n", "Auto-Submitted: auto-generated\r\n", "It was told by "+carol)
	if strings.Contains(got.data, "MS-OMS") {
		t.Errorf("it is said to be a text:\n%s", got.data)
	}
	b.until("nothing waits", func() bool { return b.backlog().MailQueued == 0 })
	r.none()
}

func TestWhatCannotBeReadGoesToEveryAdministrator(t *testing.T) {
	t.Parallel()
	b, r := newBox(t), newRelay(t)
	b.relayTo(r.url())
	check(t, b.Set(t.Context(), "mail.catch-all", "ann"))
	b.addAdmin("root")
	b.addAdmin("boss")
	b.run()
	b.receive([]byte{0x04, 0x0B, 0x91, 0x44})
	to := map[string]bool{}
	for range 2 {
		got := r.next()
		to[got.to] = true
		b.has(got, "Subject: A message that cannot be read\r\n", "What is wrong with it: SMS-DELIVER: octet 3: ends too early.", "040b9144\r\n")
	}
	if !to["root@example.org"] || !to["boss@example.org"] {
		t.Errorf("they go to %v", to)
	}
	b.until("nothing waits", func() bool { return b.backlog().MailQueued == 0 })
	r.none()
}

// What cannot be read comes in numbers: of all but the first a mail a day tells.
func TestWhatCannotBeReadIsToldOnceADay(t *testing.T) {
	t.Parallel()
	b, r := newBox(t), newRelay(t)
	b.relayTo(r.url())
	b.addAdmin("root")
	b.addAdmin("boss")
	b.run()
	unreadable := byte(0)
	come := func(n int) {
		for range n {
			unreadable++
			b.receive([]byte{0x04, 0x0B, 0x91, unreadable})
		}
		b.until("all are decided", func() bool {
			waiting, err := b.Unrouted(t.Context())
			check(t, err)
			return len(waiting) == 0
		})
	}
	told := func(want ...string) {
		t.Helper()
		to := map[string]bool{}
		for range 2 {
			got := r.next()
			to[got.to] = true
			b.has(got, want...)
		}
		if len(to) != 2 {
			t.Errorf("they go to %v", to)
		}
		r.none()
		b.until("the box knows that they are taken", func() bool { return b.backlog().MailQueued == 0 })
	}
	come(1)
	told("Subject: A message that cannot be read\r\n", "040b9101\r\n")
	come(5)
	b.text(bob, "a text is not held up")
	b.has(r.next(), "Subject: a text is not held up\r\n")
	r.none()
	b.later(24*time.Hour - time.Minute)
	r.none()
	b.later(2 * time.Minute)
	told("Subject: 5 messages that cannot be read\r\n", "5 messages came in", "040b9102\r\n")
	come(2)
	r.none()
	b.later(24 * time.Hour)
	told("Subject: 2 messages that cannot be read\r\n", "040b9107\r\n")
	b.later(25 * time.Hour)
	come(1)
	told("Subject: A message that cannot be read\r\n", "040b9109\r\n")
}

// The writer of a mail that a gateway made a text of is the sender, and gets the answer.
func TestAMailThroughTheMessageCentreIsFromItsWriter(t *testing.T) {
	t.Parallel()
	b, r := newBox(t), newRelay(t)
	b.relayTo(r.url())
	check(t, b.Set(t.Context(), "mail.catch-all", "ann"))
	b.run()
	tpdu := b.parts("500", "bob@example.net(Hi)see you at six")[0]
	tpdu[5] = 0x32 // TP-PID
	b.receive(tpdu)
	got := r.next()
	b.has(got, `From: "bob@example.net" <ann@box.example.org>`, "Reply-To: <bob@example.net>\r\n", "Subject: Hi\r\n", "\r\n\r\nHi\r\nsee you at six\r\n")
	if field(got, "X-MS-Reply-To-Mobile") != "" {
		t.Errorf("got\n%s", got.data)
	}
}

func TestWhatWasNobodysIsHandedOnWhenThereIsACatchAll(t *testing.T) {
	t.Parallel()
	b, r := newBox(t), newRelay(t)
	b.relayTo(r.url())
	b.addUser("ben", "ben@example.org")
	b.run()
	for _, text := range []string{"one", "two", "three"} {
		b.text(carol, text)
	}
	b.receive([]byte{0x04})
	b.until("they are nobody's", func() bool { return b.backlog().Unroutable == 4 })
	check(t, b.Set(t.Context(), "mail.catch-all", "ben"))
	for _, want := range []string{"Subject: one\r\n", "Subject: two\r\n", "Subject: three\r\n", "Subject: A message that cannot be read\r\n"} {
		if got := r.next(); got.to != "ben@example.org" || !strings.Contains(got.data, want) {
			t.Errorf("to <%s>, want %q:\n%s", got.to, want, got.data)
		}
	}
	check(t, b.Set(t.Context(), "mail.catch-all", "")) // and back, and on again
	check(t, b.Set(t.Context(), "mail.catch-all", "ann"))
	b.until("nothing waits", func() bool { return b.backlog().MailQueued == 0 })
	b.text(carol, "four")
	if got := r.next(); got.to != "ann@example.org" || !strings.Contains(got.data, "Subject: four\r\n") {
		t.Errorf("to <%s>:\n%s", got.to, got.data)
	}
	if n := b.backlog().Unroutable; n != 0 {
		t.Errorf("%d are nobody's still", n)
	}
}

func TestACatchAllThatWasSetMeanwhileCountsAtTheStart(t *testing.T) {
	t.Parallel()
	b, r := newBox(t), newRelay(t)
	b.relayTo(r.url())
	stop := b.run()
	b.text(carol, "one")
	b.until("it is nobody's", func() bool { return b.backlog().Unroutable == 1 })
	stop()
	check(t, b.Set(t.Context(), "mail.catch-all", "ann"))
	b.m = mailer.New(b.Store, slog.New(slog.DiscardHandler))
	b.run()
	b.has(r.next(), "Subject: one\r\n")
}

func TestAReplacingTextAnswersTheMailOfTheOneBefore(t *testing.T) {
	t.Parallel()
	b, r := newBox(t), newRelay(t)
	b.relayTo(r.url())
	b.run()
	var mails []handed
	for _, text := range []string{"at five", "at six"} {
		tpdu := b.parts(bob, text)[0]
		tpdu[9] = 0x41 // TP-PID
		b.receive(tpdu)
		mails = append(mails, r.next())
	}
	b.has(mails[1], "at six", "(Its sender wants it to take the place of the text sent on ")
	if field(mails[1], "In-Reply-To") != field(mails[0], "Message-ID") || field(mails[0], "In-Reply-To") != "" {
		t.Errorf("got\n%s\nafter\n%s", mails[1].data, mails[0].data)
	}
}

func TestATextFromANameIsNotToBeAnswered(t *testing.T) {
	t.Parallel()
	b, r := newBox(t), newRelay(t)
	check(t, b.Set(t.Context(), "mail.catch-all", "ann"))
	check(t, b.Set(t.Context(), "mail.relay", r.url()))
	b.run()
	b.text("AMAZON", "Your parcel")
	got := r.next()
	b.has(got, "(It cannot be answered: AMAZON is a name and no number.)")
	if field(got, "X-MS-Reply-To-Mobile") != "" {
		t.Errorf("got\n%s", got.data)
	}
}

func TestPartsThatNeverComeAreSaidInTheStatus(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.receive(b.parts(bob, strings.Repeat(story, 5))[1])
	b.receive([]byte{0x04})
	got, err := b.Status(t.Context())
	check(t, err)
	if !strings.Contains(got, "1 with parts missing; in the last seven days 0 that belong to nobody, 1 that cannot be read") {
		t.Errorf("it says\n%s", got)
	}
}
