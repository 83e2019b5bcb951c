package mailer_test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// details returns the words of all traffic lines of an event, the oldest first.
func (b *box) details(event string) string {
	b.t.Helper()
	lines, err := b.Lines(b.t.Context(), 100)
	check(b.t, err)
	var all []string // the mail of an alarm may have met the same
	for _, l := range lines {
		if l.Event == event {
			all = append(all, l.Detail)
		}
	}
	slices.Reverse(all)
	return strings.Join(all, "\n")
}

// tried counts the mails of an event, such as "mail sent".
func (b *box) tried(event string) (n int) {
	b.t.Helper()
	lines, err := b.Lines(b.t.Context(), 1000)
	check(b.t, err)
	for _, l := range lines {
		if l.Event == event {
			n++
		}
	}
	return n
}

// later puts the clock forward and has the mailer look at it, as a timer would.
func (b *box) later(d time.Duration) {
	b.t.Helper()
	b.clock.advance(d)
	check(b.t, b.Set(b.t.Context(), "service.name", fmt.Sprint("after ", b.clock.ahead.Load())))
}

// relayTo sets the relay, and has bob answer ann with the texts.
func (b *box) relayTo(url string, texts ...string) {
	b.t.Helper()
	check(b.t, b.Set(b.t.Context(), "mail.relay", url))
	b.wrote(b.ann.ID, bob, "a question")
	for _, text := range texts {
		b.text(bob, text)
	}
}

func code(code int, text string) error { return &smtp.SMTPError{Code: code, Message: text} }

func TestAReplyReachesTheMailboxOfWhoeverWroteLast(t *testing.T) {
	t.Parallel()
	b, r := newBox(t), newRelay(t)
	check(t, b.Set(t.Context(), "mail.relay", r.url()))
	ben := b.addUser("ben", "ben@example.org")
	b.wrote(ben.ID, bob, "first")
	b.clock.advance(time.Second)
	b.wrote(b.ann.ID, bob, "then")
	b.run()
	b.text(bob, "Here is my answer")
	got := r.next()
	if got.from != "ann@box.example.org" || got.to != "ann@example.org" || got.helo != "box.example.org" {
		t.Errorf("from <%s> to <%s>, EHLO %s", got.from, got.to, got.helo)
	}
	for _, want := range []string{"\r\nContent-class: MS-OMS-SMS\r\n", "\r\nX-MS-Reply-To-Mobile: +447911123456\r\n", "Subject: Here is my answer\r\n"} {
		if !strings.Contains(got.data, want) {
			t.Errorf("the mail lacks %q:\n%s", want, got.data)
		}
	}
	b.until("the mail is sent", func() bool { return b.backlog().MailQueued == 0 })
	if h := b.health(); !h.OK || h.Text != "mail is handed to "+r.addr {
		t.Errorf("the relay is said to be %+v", h)
	}
}

func TestWithoutARelayMailWaitsAndHealthSaysSo(t *testing.T) {
	t.Parallel()
	b, r := newBox(t), newRelay(t)
	b.run()
	b.relayTo("", "one", "two")
	b.until("health", func() bool { return strings.Contains(b.health().Text, "omsbox set mail.relay") })
	b.until("both are queued", func() bool { return b.backlog().MailQueued == 2 })
	if h := b.health(); h.OK {
		t.Error("no relay is said to be fine")
	}
	check(t, b.Set(t.Context(), "mail.relay", r.url()))
	r.next()
	r.next()
}

func TestANewRelayIsTriedBeforeThereIsMail(t *testing.T) {
	t.Parallel()
	b, r := newBox(t), newRelay(t)
	b.run()
	check(t, b.Set(t.Context(), "mail.relay", r.url()))
	b.until("the relay is known to work", func() bool { return b.health().OK })
}

func TestAMailThatIsPutOffGoesLaterAndHoldsUpNobody(t *testing.T) {
	t.Parallel()
	var first []string
	b := newBox(t)
	r := newRelay(t, func(r *relay) {
		r.data = func(n int) error {
			if n == 1 {
				return code(451, "come back later")
			}
			return nil
		}
	})
	b.relayTo(r.url(), "greylisted", "not greylisted")
	b.run()
	if got := r.next(); !strings.Contains(got.data, "Subject: not greylisted") {
		t.Fatalf("the second mail had to wait for the first; got\n%s", got.data)
	}
	b.until("only the first waits", func() bool { return b.backlog().MailQueued == 1 })
	if got := b.details("mail queued"); !strings.Contains(got, "come back later") {
		t.Errorf("the reason is %q", got)
	}
	b.later(59 * time.Second)
	r.none()
	b.later(2 * time.Second)
	first = append(first, r.next().data)
	if !strings.Contains(first[0], "Subject: greylisted") {
		t.Errorf("got\n%s", first[0])
	}
	if h := b.health(); !h.OK {
		t.Errorf("one mail that is put off makes the relay look bad: %+v", h)
	}
}

func TestEveryTryHandsOverTheSameBytes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		err    error
		pauses [2]time.Duration
	}{
		{"put off", code(450, "busy"), [2]time.Duration{time.Minute, 5 * time.Minute}},
		{"the connection breaks after the data", errHangUp, [2]time.Duration{15 * time.Minute, 4 * time.Hour}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t)
			tries := make(chan string, 3)
			r := newRelay(t, func(r *relay) {
				r.data = func(n int) error {
					if n < 3 {
						return c.err
					}
					return nil
				}
				r.saw = tries
			})
			b.relayTo(r.url(), "Grüße 😀\nzweite Zeile")
			b.run()
			first := <-tries
			b.until("it waits", func() bool { return b.tried("mail queued") == 2 })
			b.later(c.pauses[0] + time.Second)
			second := <-tries
			b.until("it waits again", func() bool { return b.tried("mail queued") == 3 })
			b.later(c.pauses[1] + time.Second)
			if third := r.next().data; first != second || second != third {
				t.Errorf("got\n%s\nthen\n%s\nthen\n%s", first, second, third)
			}
		})
	}
}

func TestARefusedMailHasFailedAndHoldsUpNobody(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*relay)
	}{
		{"recipient", func(r *relay) { r.rcpt = func(string) error { return r.once(code(550, "no such mailbox")) } }},
		{"content", func(r *relay) { r.data = func(int) error { return r.once(code(554, "no such mailbox")) } }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b, r := newBox(t), newRelay(t, c.change)
			b.addAdmin("root")
			b.relayTo(r.url(), "one", "two")
			b.run()
			var told bool
			for range 2 {
				got := r.next()
				if told = told || got.to == "root@example.org"; got.to != "root@example.org" && !strings.Contains(got.data, "Subject: two") {
					t.Errorf("got\n%s", got.data)
				}
			}
			if !told {
				t.Error("no administrator is told")
			}
			b.until("nothing waits", func() bool { return b.backlog().MailQueued == 0 })
			if got := b.backlog().MailFailed; got != 1 {
				t.Errorf("%d mails have failed, want 1", got)
			}
			if got := b.details("mail failed"); !strings.Contains(got, "no such mailbox") {
				t.Errorf("the reason is %q", got)
			}
			r.none()
		})
	}
}

func TestAMailIsGivenUpAfterFiveDays(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.addAdmin("root") // who is told: a mail to nobody would fail too
	r := newRelay(t, func(r *relay) { r.rcpt = func(string) error { return code(451, "still busy") } })
	b.relayTo(r.url(), "Hi")
	b.run()
	start := b.clock.now()
	var gaps []time.Duration
	for n := 1; ; n++ {
		b.until("another try", func() bool { return b.tried("mail queued") == n+1 || b.tried("mail failed") == 1 })
		if b.tried("mail failed") == 1 {
			break
		}
		wait, _, err := b.MailDue(t.Context())
		check(t, err)
		gaps = append(gaps, wait.Round(time.Minute))
		b.later(wait + time.Second)
	}
	if !slices.IsSorted(gaps[:len(gaps)-1]) || gaps[0] != time.Minute {
		t.Errorf("the pauses are %v", gaps)
	}
	if took := b.clock.now().Sub(start).Round(time.Hour); took != 5*24*time.Hour {
		t.Errorf("given up after %v, want 5 days", took)
	}
	if got := b.details("mail failed"); !strings.Contains(got, "five days") || !strings.Contains(got, "still busy") {
		t.Errorf("the reason is %q", got)
	}
}

func TestTheTroublesOfARelayAreNoMailsFault(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	closed.Close()
	for _, c := range []struct {
		name string
		url  func(t *testing.T) string
		want string
	}{
		{"nobody listens", func(*testing.T) string { return "smtp://" + closed.Addr().String() }, "cannot be reached"},
		{"it greets with 554", func(t *testing.T) string { return says(t, "554 go away\r\n") }, "554"},
		{"it greets with 421", func(t *testing.T) string { return says(t, "421 too many of you\r\n") }, "too many of you"},
		{"it hangs up", func(t *testing.T) string { return says(t, "") }, "EOF"},
		{"it is no SMTP server", func(t *testing.T) string { return says(t, "HTTP/1.1 400 Bad Request\r\n\r\n") }, "does not take mail"},
		{"EHLO is refused", func(t *testing.T) string {
			return newRelay(t, func(r *relay) { r.greet = func() error { return code(550, "not with that name") } }).url()
		}, "not with that name"},
		{"it wants us to sign in", func(t *testing.T) string {
			return newRelay(t, func(r *relay) { r.user = "ann" }).url()
		}, "Authentication required"},
		{"it refuses the password", func(t *testing.T) string {
			return strings.Replace(newRelay(t, func(r *relay) { r.user = "ann" }).url(), "//", "//ann:Tr0mbone@", 1)
		}, "refuses the user and password"},
		{"it has no AUTH", func(t *testing.T) string {
			return strings.Replace(newRelay(t).url(), "//", "//ann:Tr0mbone@", 1)
		}, "no way to sign in"},
		{"its STARTTLS fails", func(t *testing.T) string {
			return says(t, "220 hello\r\n", "250-hello\r\n250 STARTTLS\r\n", "454 no entropy\r\n")
		}, "no entropy"},
		{"it has no certificate at all", func(t *testing.T) string {
			return strings.Replace(newRelay(t).url(), "smtp:", "smtps:", 1)
		}, "speaks in the clear at first"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t)
			b.relayTo(c.url(t), "one", "two")
			b.run()
			b.until("health tells", func() bool { return b.health().Text != "" && !b.health().OK })
			if h := b.health(); !strings.Contains(h.Text, c.want) || !strings.Contains(h.Text, "127.0.0.1:") || strings.Contains(h.Text, "Tr0mbone") {
				t.Errorf("got %q, want something of %q", h.Text, c.want)
			}
			b.until("both wait", func() bool { return b.backlog().MailQueued == 2 })
			good := newRelay(t)
			check(t, b.Set(t.Context(), "mail.relay", good.url()))
			good.next()
			good.next()
			b.until("health is good again", func() bool { return b.health().OK })
		})
	}
}

// says starts a server that says the first line, and the next one after each command, then hangs up.
func says(t *testing.T, lines ...string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.SetDeadline(time.Now().Add(10 * time.Second))
			for i, line := range lines {
				if i > 0 {
					conn.Read(make([]byte, 500))
				}
				conn.Write([]byte(line))
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return "smtp://" + l.Addr().String()
}

func TestARelayThatComesBackGetsWhatWaited(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	address := l.Addr().String()
	l.Close()
	b := newBox(t)
	b.relayTo("smtp://"+address, "one", "two")
	b.run()
	b.until("health tells", func() bool { return strings.Contains(b.health().Text, "cannot be reached") })
	l, err = net.Listen("tcp", address)
	check(t, err)
	r := relayOn(t, l)
	r.next() // after the first pause of a second
	r.next()
}

func TestARelayThatDoesNotAnswerIsGivenUpInTime(t *testing.T) {
	t.Parallel()
	t.Run("its greeting", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		check(t, err)
		defer l.Close()
		b := newBox(t)
		b.m.Patience = 50 * time.Millisecond
		b.relayTo("smtp://"+l.Addr().String(), "Hi")
		b.run()
		b.until("health tells", func() bool { return strings.Contains(b.health().Text, "timeout") })
	})
	t.Run("a mail", func(t *testing.T) {
		t.Parallel()
		release := make(chan struct{})
		b := newBox(t)
		b.m.Patience = 50 * time.Millisecond
		r := newRelay(t, func(r *relay) {
			r.data = func(n int) error {
				if n == 1 {
					<-release
					return errHangUp
				}
				return nil
			}
		})
		defer close(release)
		b.relayTo(r.url(), "one", "two")
		b.run()
		if got := r.next(); !strings.Contains(got.data, "Subject: two") {
			t.Errorf("got\n%s", got.data)
		}
		b.until("the first waits", func() bool { return strings.Contains(b.details("mail queued"), "timeout") })
	})
}

func TestARelayThatWantsUsToSignInAllOfASuddenIsInTrouble(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	r := newRelay(t, func(r *relay) {
		r.from = func(from string) error {
			if from == "ann@box.example.org" {
				return r.once(code(530, "sign in first"))
			}
			return nil
		}
	})
	b.relayTo(r.url(), "Hi")
	b.run()
	b.until("health tells", func() bool { return strings.Contains(b.health().Text, "sign in first") })
	r.next() // after the relay's pause of a second, not after a mail's of a minute
}

func TestOneConnectionCarriesAllThatIsDue(t *testing.T) {
	t.Parallel()
	b, r := newBox(t), newRelay(t)
	var texts []string
	for i := range 20 {
		texts = append(texts, fmt.Sprint("text ", i))
	}
	b.relayTo("", texts...)
	b.run()
	b.until("all are queued", func() bool { return b.backlog().MailQueued == 20 })
	check(t, b.Set(t.Context(), "mail.relay", r.url()))
	for i := range 20 {
		if got := r.next(); !strings.Contains(got.data, fmt.Sprintf("Subject: text %d\r\n", i)) {
			t.Errorf("number %d is\n%s", i, got.data)
		}
	}
	if got := r.count(); got != 2 {
		t.Errorf("%d connections for 20 mails, want one that tries the relay and one that carries all", got)
	}
}

func TestARelayMayLimitTheMailsOfAConnection(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	r := newRelay(t, func(r *relay) {
		r.mail = func(n int) error {
			if n > 2 {
				return code(421, "enough for now")
			}
			return nil
		}
	})
	b.relayTo(r.url(), "1", "2", "3", "4", "5", "6", "7")
	b.run()
	for range 7 {
		r.next() // at once: no clock is put forward
	}
}

func TestAMailThatWasBeingHandedOverWhenThePowerWentGoesAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := boxIn(t, dir)
	r := newRelay(t)
	b.relayTo("", "Hi")
	stop := b.run()
	b.until("it is queued", func() bool { return b.backlog().MailQueued == 1 })
	stop()
	mail, err := b.ClaimMail(t.Context()) // the row says sending, and nobody will say more
	check(t, err)
	check(t, b.Close())

	b = boxIn(t, dir)
	check(t, b.Set(t.Context(), "mail.relay", r.url()))
	b.run()
	if got := r.next(); !strings.Contains(got.data, "\r\nMessage-ID: <"+mail.Token+"@box.example.org>\r\n") {
		t.Errorf("it bears another Message-ID:\n%s", got.data)
	}
}

func TestStoppingLetsTheMailInFlightBeTaken(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	stopping, handed := make(chan struct{}), make(chan struct{})
	r := newRelay(t, func(r *relay) {
		r.data = func(int) error {
			close(handed)
			<-stopping
			return nil
		}
	})
	b.relayTo(r.url(), "Hi")
	stop := b.run()
	<-handed
	time.AfterFunc(50*time.Millisecond, func() { close(stopping) })
	stop()
	r.next()
	if got := b.tried("mail sent"); got != 1 {
		t.Errorf("%d mails are sent, want the one in flight", got)
	}
}

func TestAMailboxInAnotherScriptNeedsARelayThatKnowsIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		knows bool
	}{{"it does", true}, {"it does not", false}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b, r := newBox(t), newRelay(t, func(r *relay) { r.server.EnableSMTPUTF8 = c.knows })
			u := b.addUser("ändu", "ändu@exämple.org")
			check(t, b.Set(t.Context(), "mail.relay", r.url()))
			b.wrote(u.ID, bob, "a question")
			b.text(bob, "Hi")
			b.run()
			if c.knows {
				if got := r.next(); got.to != "ändu@exämple.org" {
					t.Errorf("to <%s>", got.to)
				}
				return
			}
			b.until("it has failed", func() bool { return b.undelivered(u.Login).State == "failed" }) // and soon the alarm, too
			if got := b.undelivered(u.Login).Reason; !strings.Contains(got, "SMTPUTF8") {
				t.Errorf("the reason is %q", got)
			}
		})
	}
}
