package mailer

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// relay is the server that takes our mail, as the setting mail.relay names it.
type relay struct {
	host           string
	address        string // host:port; also what people are shown of it
	tls            bool   // from the first byte: smtps
	user, password string
}

// parseRelay reads smtp://[user:password@]host[:port] and smtps://….
func parseRelay(setting string) (relay, error) {
	u, err := url.Parse(setting)
	// Where a path, query or fragment follows, a password holds the sign that begins it, and what
	// stands before it seems to be the host.
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		// The error of url.Parse would show the password.
		return relay{}, errors.New("mail.relay cannot be understood: write smtp://host:port or smtps://user:password@host, " +
			"and in user and password write # as %23, % as %25, / as %2F, ? as %3F, and other signs likewise")
	}
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "smtps":
		port = "465" // RFC 8314 3.3
	default:
		port = "25"
	}
	r := relay{host: u.Hostname(), address: net.JoinHostPort(u.Hostname(), port), tls: u.Scheme == "smtps"}
	if u.User != nil {
		r.user = u.User.Username()
		r.password, _ = u.User.Password()
	}
	return r, nil
}

const (
	// dialTime bounds how long a connection may take to come about.
	dialTime = 30 * time.Second
	// grace is what a mail that is being handed over gets when omsbox stops.
	grace = 5 * time.Second
)

// connection is a relay that is ready to take mail.
type connection struct {
	client  *smtp.Client
	conn    net.Conn
	carried int // mails
	release func() bool
}

// connect dials the relay, and greets it, encrypts and signs in as far as it offers. Its errors say
// in words for people what is wrong and what to do; they never hold the password.
//
// Without credentials any certificate is good enough: STARTTLS is taken where it is offered, as even
// an unproved encryption is better than none, and nobody is worse off than before it (RFC 7435).
// With credentials the certificate must be valid, or the password is not sent at all; only a relay
// on this very computer is trusted as it is.
func (m *Mailer) connect(ctx context.Context, r relay) (*connection, error) {
	dialer := net.Dialer{Timeout: min(dialTime, m.Patience)}
	conn, err := dialer.DialContext(ctx, "tcp", r.address)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be reached: %w; check mail.relay and the network", r.address, err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	client, err := m.greet(ctx, conn, r)
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &connection{client: client, conn: conn, release: context.AfterFunc(ctx, func() {
		time.AfterFunc(grace, func() { conn.Close() })
	})}, nil
}

// greet makes of a fresh connection a client that is ready to hand over mail.
func (m *Mailer) greet(ctx context.Context, conn net.Conn, r relay) (*smtp.Client, error) {
	local := conn.RemoteAddr().(*net.TCPAddr).IP.IsLoopback()
	encryption := &tls.Config{ServerName: r.host, RootCAs: m.RootCAs}
	if !r.tls && (r.user == "" || local) {
		encryption.InsecureSkipVerify = true
		encryption.MinVersion = tls.VersionTLS10
	}
	if r.tls {
		encrypted, err := m.encrypt(ctx, conn, encryption)
		if err != nil {
			return nil, fmt.Errorf("%s does not prove who it is: %w; mail.relay must name it as its certificate does", r.address, err)
		}
		conn = encrypted
	}
	client, err := m.hello(conn)
	if err != nil {
		return nil, fmt.Errorf("%s does not take mail from here: %w", r.address, err)
	}
	if offered, _ := client.Extension("STARTTLS"); offered && !r.tls {
		encrypted, err := m.startTLS(ctx, conn, encryption)
		if err != nil {
			return nil, fmt.Errorf("%s offers STARTTLS, and it fails: %w; correct its certificate, or the name in mail.relay", r.address, err)
		}
		if client, err = m.hello(encrypted); err != nil {
			return nil, fmt.Errorf("%s does not take mail after STARTTLS: %w", r.address, err)
		}
	} else if !r.tls && r.user != "" && !local {
		return nil, fmt.Errorf("%s offers no STARTTLS, so the password is not sent to it; write smtps:// in mail.relay, or leave user and password out", r.address)
	}
	if r.user == "" {
		return client, nil
	}
	var mechanism sasl.Client
	switch {
	case client.SupportsAuth(sasl.Plain):
		mechanism = sasl.NewPlainClient("", r.user, r.password)
	case client.SupportsAuth(sasl.Login):
		mechanism = sasl.NewLoginClient(r.user, r.password)
	default:
		return nil, fmt.Errorf("%s offers no way to sign in with a password (AUTH PLAIN or LOGIN); leave user and password out of mail.relay if it needs none", r.address)
	}
	if err := client.Auth(mechanism); err != nil {
		return nil, fmt.Errorf("%s refuses the user and password of mail.relay: %w", r.address, err)
	}
	return client, nil
}

// hello reads the relay's greeting and says EHLO with the name of our mail domain.
func (m *Mailer) hello(conn net.Conn) (*smtp.Client, error) {
	client := smtp.NewClient(conn)
	client.CommandTimeout, client.SubmissionTimeout = m.Patience, 2*m.Patience
	return client, client.Hello(m.store.MailDomain())
}

// startTLS asks for encryption on a connection on which EHLO was answered. smtp.Client can do that
// only as the first thing it does, under the name localhost.
func (m *Mailer) startTLS(ctx context.Context, conn net.Conn, config *tls.Config) (net.Conn, error) {
	conn.SetDeadline(time.Now().Add(m.Patience))
	if _, err := io.WriteString(conn, "STARTTLS\r\n"); err != nil {
		return nil, err
	}
	// What may follow the answer in the clear is dropped with its reader. RFC 3207 4.2, 6
	answers := textproto.NewReader(bufio.NewReader(io.LimitReader(conn, 4096)))
	if _, _, err := answers.ReadResponse(220); err != nil {
		return nil, err
	}
	encrypted, err := m.encrypt(ctx, conn, config)
	if err != nil {
		return nil, err
	}
	return &greeted{Conn: encrypted, greeting: strings.NewReader("220 ready\r\n")}, nil
}

func (m *Mailer) encrypt(ctx context.Context, conn net.Conn, config *tls.Config) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, min(dialTime, m.Patience))
	defer cancel()
	encrypted := tls.Client(conn, config)
	return encrypted, encrypted.HandshakeContext(ctx)
}

// greeted is a connection on which STARTTLS has succeeded. The relay does not greet again there, but
// smtp.Client waits for it.
type greeted struct {
	net.Conn
	greeting *strings.Reader
}

func (c *greeted) Read(p []byte) (int, error) {
	if c.greeting.Len() > 0 {
		return c.greeting.Read(p)
	}
	return c.Conn.Read(p)
}

// prove connects to the relay and sees whether it would take a mail from us.
func (m *Mailer) prove(ctx context.Context, r relay) error {
	c, err := m.connect(ctx, r)
	if err != nil {
		return err
	}
	defer c.close(true)
	if err := c.client.Mail("postmaster@"+m.store.MailDomain(), nil); isBarred(err) {
		return bars(r, err)
	}
	return nil // what else it may say is about that address
}

// isBarred says whether the relay wants us to sign in first, or does not know the command. RFC 4954 4, 6
func isBarred(err error) bool {
	return slices.Contains([]int{502, 503, 530, 534, 535, 538}, replyCode(err))
}

// bars says in words for people that the relay takes no mail from us.
func bars(r relay, err error) error {
	return fmt.Errorf("%s takes no mail from here: %w; it may want user and password in mail.relay", r.address, err)
}

// outcome is how handing over a mail ended.
type outcome int

const (
	taken   outcome = iota // the relay answers for it now
	refused                // it will never be taken
	later                  // it may be taken another time
	stale                  // the connection had carried enough; the next one may take it
	barred                 // the relay takes no mail at all from us as things are
)

// hand hands over a letter. After anything but taken the connection is of no further use.
func (c *connection) hand(l letter) (outcome, error) {
	var options *smtp.MailOptions
	if l.utf8() {
		if ok, _ := c.client.Extension("SMTPUTF8"); !ok {
			return refused, errors.New("the relay takes no mail addresses with other than ASCII letters (SMTPUTF8)")
		}
		options = &smtp.MailOptions{UTF8: true}
	}
	if err := c.client.Mail(l.from, options); err != nil {
		code := replyCode(err)
		switch {
		case c.carried > 0 && (code == 421 || code == 0):
			return stale, err
		case isBarred(err):
			return barred, err
		}
		return verdict(err), err
	}
	if err := c.client.Rcpt(l.to, nil); err != nil {
		return verdict(err), err
	}
	w, err := c.client.Data()
	if err != nil {
		return verdict(err), err
	}
	// smtp.Client bounds the commands only, not the writing of the data.
	c.conn.SetDeadline(time.Now().Add(c.client.SubmissionTimeout))
	if _, err := w.Write(l.data); err != nil {
		return verdict(err), err
	}
	if _, err := w.CloseWithResponse(); err != nil {
		return verdict(err), err
	}
	c.carried++
	return taken, nil
}

// verdict says whether an error in the middle of a mail is for good. RFC 5321 4.2.1
func verdict(err error) outcome {
	if code := replyCode(err); code >= 500 && code <= 599 {
		return refused
	}
	return later
}

// replyCode is the relay's answer; 0 where it gave none.
func replyCode(err error) int {
	if e, ok := errors.AsType[*smtp.SMTPError](err); ok {
		return e.Code
	}
	return 0
}

// close says goodbye and hangs up.
func (c *connection) close(polite bool) {
	if polite {
		c.client.CommandTimeout = grace
		c.client.Quit()
	}
	c.release()
	c.conn.Close()
}
