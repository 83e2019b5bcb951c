package mailer_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"omsbox/mailer"
	"omsbox/store"
)

func TestPasswordsAreNotTakenInTheClear(t *testing.T) {
	t.Parallel()
	t.Run("with encryption", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, true)
		c := d.dial()
		c.hear("220")
		c.say("EHLO client")
		for {
			line, err := c.in.ReadString('\n')
			check(t, err)
			if strings.Contains(line, "AUTH") {
				t.Errorf("%s is offered in the clear", line)
			}
			if line[3] == ' ' {
				break
			}
		}
		c.say("AUTH PLAIN " + b64("\x00ann\x00secret of ann"))
		c.hear("523")
		c.say("MAIL FROM:<ann@example.org>")
		c.hear("530")
		c.say("STARTTLS\r\nMAIL FROM:<ann@example.org>") // what comes before the handshake does not count: RFC 3207 6
		c.hear("220")
		encrypted := tls.Client(c.conn, d.client)
		encrypted.SetDeadline(time.Now().Add(20 * time.Second))
		check(t, encrypted.Handshake())
		c.conn, c.in = encrypted, bufio.NewReader(encrypted)
		c.say("EHLO client")
		c.hear("250")
		c.say("AUTH PLAIN " + b64("\x00ann\x00secret of ann"))
		c.hear("235")
		c.say("MAIL FROM:<ann@example.org>")
		c.hear("250")
	})
	t.Run("without, from elsewhere", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		check(t, err)
		d := deskOn(t, afar{l}, false)
		c := d.dial()
		c.hear("220")
		c.say("EHLO client")
		c.hear("250")
		c.say("AUTH PLAIN " + b64("\x00ann\x00secret of ann"))
		c.hear("538")
		c.say("MAIL FROM:<ann@example.org>")
		c.hear("530")
	})
}

// afar is a listener whose clients seem to be elsewhere.
type afar struct{ net.Listener }

type afarConn struct{ net.Conn }

func (l afar) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return afarConn{c}, nil
}

func (afarConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 4711} }

func TestAnAdministratorSignsInWithAnAppPassword(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true)
	_, err := d.AddUser(t.Context(), store.User{Login: "root", Mail: "root@example.org", Admin: true}, "secret of root")
	check(t, err)
	app, err := d.AddAppPassword(t.Context(), "root", "phone")
	check(t, err)
	c, err := smtp.DialTLS(d.addr, d.client)
	check(t, err)
	defer c.Close()
	refused(t, c.Auth(sasl.NewPlainClient("", "root", "secret of root")), 535, "app password")
	refused(t, c.Mail("root@example.org", nil), 530, "Sign in")
	check(t, c.Auth(sasl.NewPlainClient("", "root", app)))
	check(t, c.SendMail("root@example.org", []string{toBob}, strings.NewReader(written("1", "Hello"))))
	d.want(bob + ": Hello")
	passwords, err := d.AppPasswords(t.Context(), "root")
	check(t, err)
	check(t, d.RevokeAppPassword(t.Context(), "root", passwords[0].ID))
	refused(t, c.SendMail("root@example.org", []string{toBob}, strings.NewReader(written("2", "Hello again"))), 535, "wrong password")
}

// everywhere is a listener whose clients seem to come from 16 addresses, one after the other.
type everywhere struct {
	net.Listener
	many byte
}

type everywhereConn struct {
	net.Conn
	at *net.TCPAddr
}

func (l *everywhere) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.many++
	return everywhereConn{c, &net.TCPAddr{IP: net.IPv4(192, 0, 2, l.many%16), Port: 4711}}, nil
}

func (c everywhereConn) RemoteAddr() net.Addr { return c.at }

func TestADisabledAccountEndsWhereItIs(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true)
	c := d.signedIn("ann")
	check(t, d.Disable(t.Context(), "ann"))
	refused(t, c.SendMail("ann@example.org", []string{toBob}, strings.NewReader(written("1", "Hello"))), 535, "disabled")
	d.want()
	other, err := smtp.DialTLS(d.addr, d.client)
	check(t, err)
	defer other.Close()
	refused(t, other.Auth(sasl.NewPlainClient("", "ann", "secret of ann")), 535, "disabled")
	check(t, d.Enable(t.Context(), "ann"))
	check(t, d.Expire(t.Context(), "ann", d.Now()))
	refused(t, other.Auth(sasl.NewPlainClient("", "ann", "secret of ann")), 535, "expired")
}

func TestGuessersAreSentAway(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	c := d.dial()
	c.hear("220")
	c.say("EHLO x")
	c.hear("250")
	for i := range 11 {
		c.say("AUTH PLAIN " + b64("\x00ann\x00Tr0mbone"))
		switch {
		case i < 5:
			c.hear("535 5.7.8 Unknown user or wrong password")
		case i < 10:
			c.hear("454 4.7.0 Too many wrong passwords from your address, try again in")
		default:
			c.hear("421 4.7.0 Too many errors")
		}
	}
	c.over()
	if !strings.Contains(d.log.String(), "sign-in refused") || !strings.Contains(d.log.String(), "from=127.0.0.1") {
		t.Errorf("the log does not tell of it:\n%s", d.log)
	}
}

func TestAMailHasLimits(t *testing.T) {
	t.Parallel()
	t.Run("recipients", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, false)
		c := d.signedIn("ann")
		check(t, c.Mail("ann@example.org", nil))
		for i := range 50 {
			check(t, c.Rcpt(fmt.Sprintf("+4479111234%02d@box.example.org", i), nil))
		}
		refused(t, c.Rcpt("+447911123499@box.example.org", nil), 452, "50")
		w, err := c.Data()
		check(t, err)
		io.WriteString(w, written("1", "Hello"))
		check(t, w.Close())
		if n := len(d.texts()); n != 50 {
			t.Errorf("%d texts", n)
		}
	})
	t.Run("a megabyte", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, false)
		c := d.signedIn("ann")
		refused(t, c.SendMail("ann@example.org", []string{toBob}, strings.NewReader("\r\n"+strings.Repeat(strings.Repeat("x", 98)+"\r\n", 11000))), 552, "too large")
		check(t, c.SendMail("ann@example.org", []string{toBob}, strings.NewReader(written("1", "Hello"))))
		d.want(bob + ": Hello")
	})
	t.Run("an endless line", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, false)
		c := d.dial()
		c.hear("220")
		c.say(strings.Repeat("x", 20_000))
		c.hear("500")
		c.over()
	})
}

func TestConnectionsHaveLimits(t *testing.T) {
	t.Parallel()
	t.Run("from one address", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, false)
		var open []*dialogue
		for range 16 {
			c := d.dial()
			c.hear("220")
			c.say("EHLO x", "AUTH PLAIN "+b64("\x00ann\x00secret of ann"))
			c.hear("250", "235")
			open = append(open, c)
		}
		c := d.dial()
		c.hear("421 4.7.0 Too many connections from your address")
		c.over()
		open[0].say("QUIT")
		open[0].hear("221")
		open[0].over()
		again := d.dial()
		again.hear("220")
	})
	t.Run("who has not signed in makes room", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, false)
		var idle []*dialogue
		for range 15 {
			c := d.dial()
			c.hear("220")
			idle = append(idle, c)
		}
		user := d.signedIn("ann")
		for range 15 {
			d.dial().hear("220")
		}
		for _, c := range idle {
			c.over()
		}
		check(t, user.SendMail("ann@example.org", []string{toBob}, strings.NewReader(written("1", "Hello"))))
		d.want(bob + ": Hello")
	})
	t.Run("in all", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		check(t, err)
		d := deskOn(t, &everywhere{Listener: l}, false)
		first := d.dial()
		first.hear("220")
		for range 64 { // four from each address, and one more
			d.dial().hear("220")
		}
		first.over()
	})
}

func TestAClientHasNotAllTheTime(t *testing.T) {
	t.Parallel()
	t.Run("a stranger", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, false, func(s *mailer.Submission) { s.Patience = 500 * time.Millisecond })
		c := d.dial()
		c.hear("220")
		c.say("EHLO x")
		c.hear("250")
		c.hear("421")
		c.over()
	})
	t.Run("a mail", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, false, func(s *mailer.Submission) { s.Patience = 300 * time.Millisecond })
		c := d.dial()
		c.hear("220")
		c.say("EHLO x", "AUTH PLAIN "+b64("\x00ann\x00secret of ann"), "MAIL FROM:<a@example.org>", "RCPT TO:<"+toBob+">", "DATA")
		c.hear("250", "235", "250", "250", "354")
		begin := time.Now()
		for {
			if _, err := io.WriteString(c.conn, "Hello\r\n"); err != nil {
				break
			}
			if time.Sleep(20 * time.Millisecond); time.Since(begin) > 10*time.Second {
				t.Fatal("a slow mail is waited for")
			}
		}
		d.want()
	})
}

func TestTheListenerStopsAtOnceButForAMailThatComesIn(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	idle := d.dial()
	idle.hear("220")
	c := d.dial()
	c.hear("220")
	c.say("EHLO x", "AUTH PLAIN "+b64("\x00ann\x00secret of ann"), "MAIL FROM:<a@example.org>", "RCPT TO:<"+toBob+">", "DATA")
	c.hear("250", "235", "250", "250", "354")
	c.say("", "Hello")
	stopped := make(chan struct{})
	go func() { defer close(stopped); d.stop() }()
	idle.hear("421")
	idle.over()
	if _, err := net.Dial("tcp", d.addr); err == nil {
		t.Error("the listener is still open")
	}
	c.say("you", ".")
	c.hear("250", "421")
	c.over()
	<-stopped
	d.want(bob + ": Hello\nyou")
}
