package mailer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"omsbox/store"
)

// status is an answer with an enhanced status code, such as 5.7.60.
func status(code, subject, detail int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, subject, detail}, Message: text}
}

// alarmText returns the text of the open alarm of a kind; "" where there is none.
func (b *box) alarmText(kind string) string {
	b.t.Helper()
	all, err := b.Alarms(b.t.Context())
	check(b.t, err)
	for _, a := range all {
		if a.Kind == kind {
			return a.Text
		}
	}
	return ""
}

// undelivered returns the mail for a user that has failed or waits.
func (b *box) undelivered(login string) store.Undelivered {
	b.t.Helper()
	all, err := b.Undelivered(b.t.Context(), 100)
	check(b.t, err)
	for _, u := range all {
		if u.For == login && u.Kind != store.AlarmMail {
			return u
		}
	}
	return store.Undelivered{}
}

// refusedSender is a way in which a relay does not let the box send as ann, and how that is mended.
type refusedSender struct {
	name   string
	refuse func(r *relay, refuses func() bool)
	mend   func(b *box, allow func())
	from   string // what the text comes from in the end
}

// mendedAtTheRelay has the relay allow it.
func mendedAtTheRelay(_ *box, allow func()) { allow() }

// refusesAnn has a relay refuse the mails to ann with that answer.
func refusesAnn(answer error) func(r *relay, refuses func() bool) {
	return func(r *relay, refuses func() bool) {
		r.rcpt = func(to string) error {
			if to == "ann@example.org" && refuses() {
				return answer
			}
			return nil
		}
	}
}

// refusedSenders are such ways, by the command at which the relay refuses.
func refusedSenders() []refusedSender {
	const own = "ann@box.example.org"
	refusal := status(550, 7, 60, "Client does not have permissions to send as this sender")
	return []refusedSender{
		{"at MAIL, mended by mail.from", func(r *relay, refuses func() bool) {
			r.from = func(from string) error {
				if from == own {
					return refusal
				}
				return nil
			}
		}, func(b *box, _ func()) { check(b.t, b.Set(b.t.Context(), "mail.from", "box@example.org")) }, "box@example.org"},
		{"after DATA, mended at the relay", func(r *relay, refuses func() bool) {
			r.data = func(n int) error {
				if refuses() && n > 0 {
					return refusal
				}
				return nil
			}
		}, mendedAtTheRelay, own},
		{"at RCPT, mended at the relay", refusesAnn(status(553, 7, 1, "<ann@box.example.org>: Sender address rejected: not owned by user box")),
			mendedAtTheRelay, own},
		{"for now, mended at the relay", refusesAnn(status(450, 1, 8, "<ann@box.example.org>: Sender address rejected: Domain not found")),
			mendedAtTheRelay, own},
		{"the box's address is blocked", refusesAnn(status(554, 7, 1, "Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org")),
			mendedAtTheRelay, own},
	}
}

// A relay that does not let the box send as ann is no reason to lose ann's text, at whichever command it says so.
func TestARefusedSenderHoldsTheMail(t *testing.T) {
	t.Parallel()
	for _, c := range refusedSenders() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.holds(t)
		})
	}
}

// holds sees that the mail is held and told of, and sent once the refusal is mended.
func (c refusedSender) holds(t *testing.T) {
	b := newBox(t)
	allowed := make(chan struct{})
	refuses := func() bool {
		select {
		case <-allowed:
			return false
		default:
			return true
		}
	}
	r := newRelay(t, func(r *relay) { c.refuse(r, refuses) })
	b.relayTo(r.url(), "Come to the bridge")
	b.run()
	b.until("it is held", func() bool { u := b.undelivered("ann"); return !u.Blocked.IsZero() })
	b.until("an alarm says so", func() bool { return b.alarmText(store.SenderAlarm) != "" })
	if text := b.alarmText(store.SenderAlarm); strings.Contains(text, "bridge") || !strings.Contains(text, r.addr) || !strings.Contains(text, "held for five days") {
		t.Errorf("the alarm says %q", text)
	}
	b.until("the relay is a problem", func() bool { return !b.health().OK })
	c.mend(b, func() { close(allowed) })
	if got, came := b.nextFor(r, "ann@example.org"); !came {
		t.Fatal("the mail did not leave")
	} else {
		b.has(got, "Subject: Come to the bridge\r\n", `From: "`+bob+`" <`+c.from+`>`, "X-MS-Reply-To-Mobile: "+bob)
	}
	b.until("the alarm is over", func() bool { return b.alarmText(store.SenderAlarm) == "" && b.health().OK })
	if n := b.backlog().MailFailed; n > 1 { // the alarm has nobody to go to
		t.Errorf("%d mails have failed", n)
	}
}

// nextFor returns the next mail to an address. While there is none, time goes by until the next try of what is held.
func (b *box) nextFor(r *relay, to string) (handed, bool) {
	for range 200 {
		select {
		case got := <-r.mails:
			if got.to == to {
				return got, true
			}
		case <-time.After(100 * time.Millisecond):
			b.later(61 * time.Second)
		}
	}
	return handed{}, false
}

// Where the relay's account may send only as itself, mail comes from the account without a setting.
func TestMailComesFromTheAccountWhereItMaySendOnlyAsItself(t *testing.T) {
	t.Parallel()
	for _, after := range []string{"MAIL", "DATA"} {
		t.Run("refused after "+after, func(t *testing.T) {
			t.Parallel()
			b := newBox(t)
			var path string
			r := newRelay(t, func(r *relay) {
				r.user = "box@example.org"
				r.from = func(from string) error {
					if path = from; after == "MAIL" && from != "box@example.org" {
						return status(553, 7, 1, "Sender address rejected: not owned by user")
					}
					return nil
				}
				r.data = func(int) error {
					if after == "DATA" && path != "box@example.org" {
						return status(554, 2, 252, "SendAsDenied")
					}
					return nil
				}
			})
			b.addAdmin("root")
			b.relayTo(strings.Replace(r.url(), "//", "//box%40example.org:p%40ss%3Aw%2Ford@", 1), "Hi there")
			b.run()
			got := r.next()
			if got.from != "box@example.org" {
				t.Errorf("from <%s>", got.from)
			}
			b.has(got, `From: "`+bob+`" <box@example.org>`)
			check(t, b.Raise(t.Context(), "modem", "x", "the modem is gone"))
			got = r.next() // the null reverse-path is refused too
			b.has(got, "<box@example.org>\r\n", "Subject: omsbox: the modem is gone\r\n")
			b.until("people see it", func() bool { return b.health().OK && strings.HasSuffix(b.health().Text, "from box@example.org") })
			if text := b.alarmText(store.SenderAlarm); text != "" {
				t.Errorf("there is an alarm: %s", text)
			}
			if got := b.backlog(); got.MailFailed != 0 {
				t.Errorf("%d mails have failed", got.MailFailed)
			}
		})
	}
}

func TestABlockedMailIsGivenUpAfterFiveDays(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	r := newRelay(t, func(r *relay) {
		r.rcpt = func(to string) error {
			if to == "ann@example.org" {
				return status(550, 7, 60, "Client does not have permissions to send as this sender")
			}
			return nil
		}
	})
	b.addAdmin("root")
	b.relayTo(r.url(), "Hi there")
	b.run()
	b.until("it is held", func() bool { return !b.undelivered("ann").Blocked.IsZero() })
	b.until("the administrator is told", func() bool { return b.tried("mail sent") == 1 })
	b.later(8 * 24 * time.Hour) // it was switched off, or its clock is ahead
	b.until("it is held still", func() bool { u := b.undelivered("ann"); return u.State == "queued" && u.Attempts == 2 })
	held := time.Duration(0)
	for n := 3; b.undelivered("ann").State != "failed"; n++ {
		if n == 60 { // once more
			b.later(8 * 24 * time.Hour)
		} else {
			b.later(time.Hour)
			held += time.Hour
		}
		b.until("another try", func() bool { u := b.undelivered("ann"); return u.State != "sending" && u.Attempts >= n })
	}
	if held < 5*24*time.Hour-6*time.Hour || held > 5*24*time.Hour {
		t.Errorf("it was held for %v while it could be tried", held)
	}
	b.until("it has failed", func() bool { return b.undelivered("ann").State == "failed" })
	if u := b.undelivered("ann"); !strings.Contains(u.Reason, "held for five days: ") || u.Number != bob {
		t.Errorf("got %+v", u)
	}
	if text := b.alarmText(store.MailboxAlarm); !strings.Contains(text, bob) || !strings.Contains(text, "omsbox mail list") {
		t.Errorf("the alarm says %q", text)
	}
}

// mailEnd is an end of a mail, and who learns of it where.
type mailEnd struct {
	name   string
	admins string
	relay  func(*relay)
	does   func(b *box)
	mail   string // to whom the alarm goes; "" to nobody
	kind   string // of the alarm
	says   string // in it
	list   string // the reason in the list; "" where the mail is not in it
}

// mailEnds are the ends that a mail can come to without having been taken.
func mailEnds() []mailEnd {
	noMailbox := func(r *relay) {
		r.rcpt = func(to string) error {
			if strings.HasPrefix(to, "ann@") || strings.HasPrefix(to, "gone@") {
				return status(550, 1, 1, "no such mailbox")
			}
			return nil
		}
	}
	text := func(b *box) { b.wrote(b.ann.ID, bob, "a question"); b.text(bob, "the secret words") }
	return []mailEnd{
		{"a reply that the mailbox refuses", "root", noMailbox, text, "root@example.org", store.MailboxAlarm, "a text from " + bob, "no such mailbox"},
		{"a reply whose words the relay refuses", "root", func(r *relay) {
			r.data = func(n int) error {
				if n == 1 {
					return status(554, 7, 1, "Spam message rejected: the secret words")
				}
				return nil
			}
		}, text, "root@example.org", store.MailboxAlarm, "a text from " + bob, "Spam message rejected: …"},
		{"a reply that is put off for five days", "root", func(r *relay) {
			r.rcpt = func(to string) error {
				if strings.HasPrefix(to, "ann@") {
					return code(451, "busy")
				}
				return nil
			}
		}, func(b *box) {
			text(b)
			for b.undelivered("ann").State != "failed" {
				b.until("it is tried", func() bool { return b.undelivered("ann").State != "sending" })
				if wait, waits, err := b.MailDue(b.t.Context()); err == nil && waits && wait > 0 {
					b.later(wait + time.Second)
				}
				time.Sleep(time.Millisecond)
			}
		}, "root@example.org", store.MailboxAlarm, "a text from " + bob, "given up after five days"},
		{"a notice that the mailbox refuses", "root", noMailbox, func(b *box) {
			_, _, err := b.Enqueue(b.t.Context(), store.Message{User: b.ann.ID, Source: store.SourceCommand, Parts: []string{"the secret words"},
				To: []store.Recipient{{Number: carol, Typed: carol}}})
			check(b.t, err)
			b.attempt(store.Verdict{Outcome: store.Refused, Reason: "the number does not exist"})
			b.later(3 * time.Second)
		}, "root@example.org", store.MailboxAlarm, "that a text to " + carol, "no such mailbox"},
		{"an alarm that one administrator's mailbox refuses", "gone root", noMailbox, func(b *box) {
			check(b.t, b.Raise(b.t.Context(), "modem", "x", "the modem is gone"))
		}, "root@example.org", store.MailboxAlarm, "could not be mailed to gone", "no such mailbox"},
		{"a reply to a user without a mailbox", "root", nil, func(b *box) {
			nix := b.addUser("nix", "")
			b.wrote(nix.ID, bob, "a question")
			b.text(bob, "the secret words")
			b.until("it is routed", func() bool { return b.backlog().Unroutable == 1 })
			b.later(2 * time.Minute)
		}, "root@example.org", store.UnreadAlarm, "a text from " + bob, ""},
		{"a text that is nobody's", "root", nil, func(b *box) {
			b.text(carol, "the secret words")
			b.until("it is routed", func() bool { return b.backlog().Unroutable == 1 })
			b.later(2 * time.Minute)
		}, "root@example.org", store.UnreadAlarm, "omsbox set mail.catch-all LOGIN", ""},
	}
}

// Who learns of each end of a mail, and where: by mail, in the status, and in the list of `omsbox mail list`.
func TestSomebodyLearnsOfEachEndOfAMail(t *testing.T) {
	t.Parallel()
	for _, c := range mailEnds() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b, r := c.comesAbout(t)
			c.isTold(t, b, r)
		})
	}
}

// comesAbout brings a mail to that end.
func (c mailEnd) comesAbout(t *testing.T) (*box, *relay) {
	b := newBox(t)
	var change []func(*relay)
	if c.relay != nil {
		change = append(change, c.relay)
	}
	r := newRelay(t, change...)
	for login := range strings.FieldsSeq(c.admins) {
		b.addAdmin(login)
	}
	check(t, b.Set(t.Context(), "mail.relay", r.url()))
	b.run()
	c.does(b)
	return b, r
}

// isTold sees who learns of it, and that nobody sees the words.
func (c mailEnd) isTold(t *testing.T, b *box, r *relay) {
	var told handed
	b.until("an alarm is open", func() bool { return b.alarmText(c.kind) != "" })
	for told.to != c.mail || !strings.Contains(told.data, "could not be mailed") && !strings.Contains(told.data, "lies unread") {
		told = r.next()
		told.data = strings.ReplaceAll(told.data, "=\r\n", "") // quoted-printable
	}
	if text := b.alarmText(c.kind); !strings.Contains(text, c.says) {
		t.Errorf("the alarm says %q", text)
	}
	status, err := b.Status(t.Context())
	check(t, err)
	if !strings.Contains(status, "alarm ") || !strings.Contains(status, c.says) {
		t.Errorf("the status says\n%s", status)
	}
	all, err := b.Undelivered(t.Context(), 100)
	check(t, err)
	if list := fmt.Sprintf("%+v", all); c.list != "" && !strings.Contains(list, c.list) {
		t.Errorf("the list says %s", list)
	}
	lines, err := b.Lines(t.Context(), 1000)
	check(t, err)
	for where, text := range map[string]string{"the mail": told.data, "the status": status, "the list": fmt.Sprintf("%+v", all), "the traffic log": fmt.Sprintf("%+v", lines), "the log": b.log.String()} {
		if strings.Contains(text, "secret words") {
			t.Errorf("%s holds a person's words:\n%s", where, text)
		}
	}
}

func TestMailsAreTriedAgainAsAPersonAsks(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	var mended bool
	r := newRelay(t, func(r *relay) {
		r.rcpt = func(string) error {
			if !mended {
				return status(550, 1, 1, "no such mailbox")
			}
			return nil
		}
	})
	b.relayTo(r.url(), "one", "two")
	stop := b.run()
	b.until("both have failed", func() bool { return b.backlog().MailFailed == 3 }) // and the alarm, which there is nobody to tell
	stop()
	if err := b.RequeueMail(t.Context(), 9999); err == nil {
		t.Error("a mail that is not there is tried again")
	}
	mended = true
	var ids []int64
	all, err := b.Undelivered(t.Context(), 100)
	check(t, err)
	for _, u := range all {
		if u.Kind == store.Reply {
			ids = append(ids, u.ID)
		}
	}
	check(t, b.RequeueMail(t.Context(), ids[1]))
	b.run()
	b.has(r.next(), "Subject: one\r\n")
	b.until("it is sent", func() bool { return b.tried("mail sent") == 1 })
	if err := b.RequeueMail(t.Context(), ids[1]); err == nil {
		t.Error("a mail that was sent is sent twice")
	}
	_, err = b.RequeueAllMail(t.Context())
	check(t, err)
	b.has(r.next(), "Subject: two\r\n")
	b.until("nothing waits", func() bool { return b.backlog().MailQueued == 0 })
	r.none()
}
