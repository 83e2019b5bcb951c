package mailer_test

import (
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"omsbox/mailer"
	"omsbox/store"
)

// exchange is what a client says, and how each reply begins.
type exchange struct{ say, hear string }

// talk says each and hears the reply.
func (c *dialogue) talk(all ...exchange) {
	c.t.Helper()
	for _, e := range all {
		c.say(e.say)
		c.hear(e.hear)
	}
}

func plain(fields ...string) string { return "AUTH PLAIN " + b64(strings.Join(fields, "\x00")) }

// Each refusal has the enhanced status code that tells a program what is wrong: RFC 3463, RFC 4954 6.
func TestEachRefusalHasItsStatus(t *testing.T) {
	t.Parallel()
	hello, signIn := exchange{"EHLO x", "250"}, exchange{plain("", "ann", "secret of ann"), "235 2.0.0"}
	mail, rcpt := exchange{"MAIL FROM:<ann@example.org>", "250 2.0.0"}, exchange{"RCPT TO:<" + toBob + ">", "250 2.0.0"}
	for _, c := range []struct {
		name string
		all  []exchange
	}{
		{"before signing in", []exchange{hello, {mail.say, "530 5.7.0 Sign in first"}}},
		{"ways to sign in", []exchange{hello, {"AUTH CRAM-MD5", "504 5.5.4 Only PLAIN and LOGIN"},
			{plain("", "ann", "wrong"), "535 5.7.8 Unknown user or wrong password"},
			{plain("", "nix", "secret of ann"), "535 5.7.8 Unknown user or wrong password"},
			{plain("eve", "ann", "secret of ann"), "535 5.7.8 Sign in as yourself"},
			{plain("ann", "secret of ann"), "535 5.7.8 Sign in as yourself"},
			{plain("", "ann", "secret", "of ann"), "535 5.7.8 Sign in as yourself"},
			{plain("ann", "ann", "secret of ann"), "235 2.0.0"}}},
		{"accounts", []exchange{hello, {plain("", "gone", "secret of gone"), "535 5.7.13 Your account is disabled"},
			{plain("", "late", "secret of late"), "535 5.7.13 Your account has expired"},
			{plain("", "root", "secret of root"), "535 5.7.9 An administrator signs in here with an app password"}}},
		{"senders", []exchange{hello, signIn, {"MAIL FROM:<>", "550 5.7.1 Mail without a sender"},
			{"MAIL FROM:<\"a\x01b\"@x>", "5"}, mail, {mail.say, "503 5.5.1 One mail at a time"}}},
		{"recipients", []exchange{hello, signIn, mail, {"RCPT TO:<bob@example.net>", "550 5.7.1 Only phones"},
			{"RCPT TO:<bob@box.example.org>", "550 5.1.1"}, {"RCPT TO:<112@box.example.org>", "550 5.7.1"}, rcpt}},
		{"a text that is too long", []exchange{hello, signIn, mail, rcpt, {"DATA", "354"},
			{"\r\n" + strings.Repeat("a", 1531) + "\r\n.", "552 5.3.4 The text has 1531 characters"}}},
		{"more than the limit", []exchange{hello, {plain("", "few", "secret of few"), "235"}, mail, rcpt, {"DATA", "354"},
			{"\r\n" + strings.Repeat("a", 200) + "\r\n.", "554 5.7.1 The limit of 1 segments a day"}}},
		{"a line that is too long", []exchange{hello, signIn, mail, rcpt, {"DATA", "354"},
			{"\r\n" + strings.Repeat("a", 16_700) + "\r\n.", "554 5.6.0 The mail has a line that is too long"}}},
		{"no text", []exchange{hello, signIn, mail, rcpt, {"DATA", "354"}, {"\r\n \r\n.", "554 5.6.0 The mail has no text"}}},
		{"a file", []exchange{hello, signIn, mail, rcpt, {"DATA", "354"},
			{"Content-Type: application/pdf\r\n\r\nx\r\n.", "554 5.6.1 The attachment cannot be sent"}}},
		{"encrypted", []exchange{hello, signIn, mail, rcpt, {"DATA", "354"},
			{"Content-Type: application/pkcs7-mime\r\n\r\nx\r\n.", "554 5.6.1 The mail is encrypted"}}},
		{"PGP", []exchange{hello, signIn, mail, rcpt, {"DATA", "354"},
			{"\r\n-----BEGIN PGP MESSAGE-----\r\n.", "554 5.6.1 The mail has something encrypted"}}},
		{"of a program", []exchange{hello, signIn, mail, rcpt, {"DATA", "354"},
			{"Precedence: bulk\r\n\r\nx\r\n.", "550 5.7.1 A program wrote this mail (Precedence)"}}},
		{"no header", []exchange{hello, signIn, mail, rcpt, {"DATA", "354"}, {"Hello\r\n\r\nx\r\n.", "554 5.6.0 The mail cannot be read"}}},
		{"the longest response to sign in", []exchange{hello, {"AUTH PLAIN " + strings.Repeat("AAAA", 12_288/4), "535 5.7.8"}}},
		{"the longest line", []exchange{hello, signIn, mail, rcpt, {"DATA", "354"},
			{"X: " + strings.Repeat("a", 16_200) + "\r\n\r\nHello\r\n.", "250 2.0.0 The text is queued"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, false)
			for _, login := range []string{"gone", "late", "few"} {
				d.addUser(login, login+"@example.org")
			}
			_, err := d.AddUser(t.Context(), store.User{Login: "root", Mail: "root@example.org", Admin: true}, "secret of root")
			check(t, err)
			check(t, d.Disable(t.Context(), "gone"))
			check(t, d.Expire(t.Context(), "late", d.Now()))
			check(t, d.Set(t.Context(), "user.daily/few", "1"))
			client := d.dial()
			client.hear("220 box.example.org")
			client.talk(c.all...)
		})
	}
}

// Where no password may be sent, each command says what to do.
func TestEachRefusalOfAPasswordHasItsStatus(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		encrypted bool
		auth      string
		mail      string
	}{
		{"encryption is offered", true, "523 5.7.10 Encrypt first", "530 5.7.0 Encrypt and sign in first"},
		{"there is none", false, "538 5.7.11 This server has no encryption", "530 5.7.0 Nobody can sign in"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			check(t, err)
			client := deskOn(t, afar{l}, c.encrypted).dial()
			client.hear("220")
			client.talk(exchange{"EHLO x", "250"}, exchange{plain("", "ann", "secret of ann"), c.auth},
				exchange{"AUTH LOGIN", c.auth}, exchange{"MAIL FROM:<ann@example.org>", c.mail})
		})
	}
}

// A mail of nearly a megabyte is taken: it may quote much.
func TestALargeMailIsTaken(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	mail := "Message-ID: <1@x>\r\nIn-Reply-To: <0@x>\r\n\r\nHello\r\n\r\n" + strings.Repeat("> "+strings.Repeat("x", 96)+"\r\n", 10_400)
	check(t, d.signedIn("ann").SendMail("ann@example.org", []string{toBob}, strings.NewReader(mail)))
	d.want(bob + ": Hello")
}

// A client that reads nothing does not keep the listener from its end.
func TestAClientThatDoesNotReadIsCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		d := deskOn(t, p, false, func(s *mailer.Submission) { s.Patience = time.Hour })
		conn := p.dial()
		conn.SetDeadline(time.Time{})
		_, err := conn.Read(make([]byte, 500)) // the greeting
		check(t, err)
		_, err = conn.Write([]byte("NOOP\r\n"))
		check(t, err)
		synctest.Wait() // its answer is not read
		start := time.Now()
		d.stop()
		if took := time.Since(start); took < 9*time.Second || took > 30*time.Second {
			t.Errorf("the listener ended after %v, want 10 s", took)
		}
		conn.Close()
	})
}
