package mailer_test

import (
	"strings"
	"testing"
	"time"

	"omsbox/store"
)

// addAdmin adds an administrator.
func (b *box) addAdmin(login string) {
	b.t.Helper()
	_, err := b.AddUser(b.t.Context(), store.User{Login: login, Mail: login + "@example.org", Admin: true}, "secret of "+login)
	check(b.t, err)
}

func TestAnAlarmReachesTheAdministrators(t *testing.T) {
	t.Parallel()
	b, r := newBox(t), newRelay(t)
	check(t, b.Set(t.Context(), "mail.relay", r.url()))
	b.addAdmin("root")
	b.addAdmin("boss")
	b.run()
	check(t, b.Raise(t.Context(), "modem", "/dev/ttyUSB0", "the modem does not answer: unplug it and plug it in again"))
	told := map[string]bool{}
	for range 2 {
		got := r.next()
		told[got.to] = true
		for _, want := range []string{"Subject: omsbox: the modem does not answer\r\n", "Auto-Submitted: auto-generated\r\n", "<postmaster@box.example.org>\r\n",
			"The modem does not answer: unplug it and plug it in again.\r\n", "/dev/ttyUSB0\r\n", "omsbox get -data "} {
			if !strings.Contains(got.data, want) {
				t.Errorf("the mail lacks %q:\n%s", want, got.data)
			}
		}
		if got.from != "" {
			t.Errorf("the reverse-path is <%s>", got.from)
		}
	}
	if !told["root@example.org"] || !told["boss@example.org"] {
		t.Errorf("told are %v", told)
	}
	check(t, b.Clear(t.Context(), "modem", "/dev/ttyUSB0"))
	for range 2 {
		if got := r.next(); !strings.Contains(got.data, "Subject: omsbox: over: the modem does not answer\r\n") {
			t.Errorf("got\n%s", got.data)
		}
	}
	b.until("nothing waits", func() bool { return b.backlog().MailQueued == 0 })
	r.none()
}

func TestAnAlarmWithoutAdministratorsGoesToTheCatchAll(t *testing.T) {
	t.Parallel()
	b, r := newBox(t), newRelay(t)
	check(t, b.Set(t.Context(), "mail.relay", r.url()))
	check(t, b.Set(t.Context(), "mail.catch-all", "ann"))
	b.run()
	check(t, b.Raise(t.Context(), "modem", "x", "the modem is gone"))
	if got := r.next(); got.to != "ann@example.org" {
		t.Errorf("it goes to <%s>", got.to)
	}
}

func TestAnAlarmGoesToWhoeverIsAdministratorWhenItLeaves(t *testing.T) {
	t.Parallel()
	b, r := newBox(t), newRelay(t)
	check(t, b.Raise(t.Context(), "modem", "x", "the modem is gone")) // before anything was set up
	b.addAdmin("root")
	check(t, b.Set(t.Context(), "mail.relay", r.url()))
	b.run()
	if got := r.next(); got.to != "root@example.org" {
		t.Errorf("it goes to <%s>", got.to)
	}
}

func TestAnAlarmThatNobodyCanBeToldRaisesNoOther(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	r := newRelay(t, func(r *relay) { r.rcpt = func(string) error { return code(550, "no such mailbox") } })
	check(t, b.Set(t.Context(), "mail.relay", r.url()))
	b.run()
	check(t, b.Raise(t.Context(), "modem", "x", "the modem is gone")) // there is nobody to tell
	b.until("the mail has failed", func() bool { return b.backlog().MailFailed == 1 })
	if got := b.details("mail failed"); !strings.Contains(got, "no administrator has a mailbox, and mail.catch-all names nobody: `omsbox set mail.catch-all LOGIN`") {
		t.Errorf("it says %q", got)
	}
	b.addAdmin("root")
	check(t, b.Raise(t.Context(), "modem", "y", "the modem is gone")) // who is there has no such mailbox
	b.until("that one too", func() bool { return b.backlog().MailFailed == 2 })
	check(t, b.Clear(t.Context(), "modem", "y")) // nobody was told: nobody needs to be told that it is over
	if got := b.backlog(); got.MailQueued != 0 || got.MailFailed != 2 {
		t.Errorf("%d mails wait, %d failed", got.MailQueued, got.MailFailed)
	}
	open, err := b.Alarms(t.Context())
	check(t, err)
	if len(open) != 2 || open[0].About != "x" || open[1].Kind != store.MailboxAlarm || open[1].About != "root" {
		t.Errorf("open are %+v", open)
	}
}

func TestAnAlarmOutlivesARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, r := boxIn(t, dir), newRelay(t)
	b.addAdmin("root")
	check(t, b.Raise(t.Context(), "modem", "x", "the modem is gone"))
	if m, err := b.ClaimMail(t.Context()); m == nil || err != nil { // it stops while it is handed over
		t.Fatalf("%+v, %v", m, err)
	}
	check(t, b.Close())
	b = boxIn(t, dir)
	check(t, b.Set(t.Context(), "mail.relay", r.url()))
	b.run()
	if got := r.next(); got.to != "root@example.org" || !strings.Contains(got.data, "Subject: omsbox: the modem is gone\r\n") {
		t.Errorf("to <%s>:\n%s", got.to, got.data)
	}
	b.later(2 * time.Hour)
	check(t, b.Raise(t.Context(), "modem", "x", "the modem is gone")) // it still is
	b.until("nothing waits", func() bool { return b.backlog().MailQueued == 0 })
	r.none()
}

func TestAnAlarmThatWasOverBeforeItCouldBeToldIsOneMail(t *testing.T) {
	t.Parallel()
	b, r := newBox(t), newRelay(t)
	b.addAdmin("root")
	check(t, b.Raise(t.Context(), "modem", "x", "the modem is gone"))
	check(t, b.Clear(t.Context(), "modem", "x"))
	check(t, b.Set(t.Context(), "mail.relay", r.url())) // only now
	b.run()
	b.has(r.next(), "Subject: omsbox: over: the modem is gone\r\n", "It began on: ", "It ended on: ")
	b.until("nothing waits", func() bool { return b.backlog().MailQueued == 0 })
	r.none()
}
