package mailer_test

import (
	"strings"
	"testing"
)

func TestAReplyReachesTheMailboxOfWhoeverWroteLast(t *testing.T) {
	b, r := newBox(t), newRelay(t)
	check(t, b.Set(t.Context(), "mail.relay", r.url()))
	ben := b.addUser("ben", "ben@example.org")
	b.wrote(ben.ID, bob, "first")
	b.clock.advance(1e9)
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
