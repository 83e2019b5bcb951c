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
	"sync/atomic"
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
	if strings.ContainsAny(setting, " \t") {
		return relay{}, errors.New("mail.relay has a blank in it: write each blank of a user or password as %20, " +
			"or leave the blanks of an app password out where they only part its groups of letters")
	}
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

// mostAnswer is how many octets the relay may say in answer to one command. A TLS handshake has certificates in it.
const mostAnswer = 128 << 10

// errAnswer ends a connection to a relay whose answer does not end.
var errAnswer = errors.New("its answer has no end")

// wire is a connection that shows since when an answer is awaited on it, and on which no answer is endless.
type wire struct {
	net.Conn
	awaits *atomic.Int64 // since when, in nanoseconds since 1970; 0: no answer is awaited
	heard  int           // octets since the last command
}

func (w *wire) Write(p []byte) (int, error) {
	w.awaits.CompareAndSwap(0, time.Now().UnixNano())
	w.heard = 0
	return w.Conn.Write(p)
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if w.heard += n; w.heard > mostAnswer {
		return 0, errAnswer
	}
	return n, err
}

// connection is a relay that is ready to take mail.
type connection struct {
	client  *smtp.Client
	conn    net.Conn
	awaits  *atomic.Int64 // as in wire
	carried int           // mails
	given   atomic.Bool   // all of a mail, and no answer has come
	release func() bool
}

// connect dials the relay, and greets it, encrypts and signs in as far as it offers. Its errors say
// in words for people what is wrong and what to do; they never hold the password.
//
// Without credentials any certificate is good enough: STARTTLS is taken where it is offered, as even
// an unproved encryption is better than none, and nobody is worse off than before it (RFC 7435).
// With credentials the certificate must be valid, or the password is not sent at all; only a relay
// on this very computer is trusted as it is.
// awaits is set to since when an answer is awaited.
func (m *Mailer) connect(ctx context.Context, r relay, awaits *atomic.Int64) (*connection, error) {
	awaits.Store(time.Now().UnixNano())
	defer awaits.Store(0)
	dialer := net.Dialer{Timeout: min(dialTime, m.Patience)}
	dialed, err := dialer.DialContext(ctx, "tcp", r.address)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be reached: %w; check mail.relay and the network", r.address, err)
	}
	conn := &wire{Conn: dialed, awaits: awaits}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	client, err := m.greet(ctx, conn, r)
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	c := &connection{client: client, conn: conn, awaits: awaits}
	c.release = context.AfterFunc(ctx, func() {
		if context.Cause(ctx) == errChanged && !c.given.Load() {
			conn.Close()
			return
		}
		time.AfterFunc(grace, func() { conn.Close() })
	})
	return c, nil
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
		if _, clear := errors.AsType[tls.RecordHeaderError](err); clear {
			return nil, fmt.Errorf("%s speaks in the clear at first, as is usual at the ports 587 and 25: write smtp:// in mail.relay "+
				"(STARTTLS then encrypts), or give the port for smtps://, which is usually 465", r.address)
		}
		if err != nil {
			return nil, fmt.Errorf("%s does not prove who it is: %w; mail.relay must name it as its certificate does", r.address, err)
		}
		conn = encrypted
	}
	client, err := m.hello(conn)
	if netErr, ok := errors.AsType[net.Error](err); ok && netErr.Timeout() && !r.tls && strings.HasSuffix(r.address, ":465") {
		return nil, fmt.Errorf("%s says nothing, as it waits for TLS: write smtps:// in mail.relay", r.address)
	}
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

// isBarred reports whether the relay wants us to sign in first, or does not know the command. RFC 4954 4, 6
func isBarred(err error) bool {
	return slices.Contains([]int{502, 503, 530, 534, 535, 538}, replyCode(err))
}

// bars says in words for people that the relay takes no mail from us.
func bars(r relay, err error) error {
	if isBarred(err) {
		return fmt.Errorf("%s takes no mail from here: %w; it may want user and password in mail.relay", r.address, err)
	}
	return fmt.Errorf("%s takes no mail from here: %w", r.address, err)
}

// outcome is how handing over a mail ended.
type outcome int

const (
	taken       outcome = iota // the relay answers for it now
	refused                    // it will never be taken
	wrongSender                // the relay does not let the box send as that sender
	wrongBox                   // the relay refuses it through another fault of the box
	later                      // it may be taken another time
	doubtful                   // all of it was given, and no answer came: the relay may have taken it
	stale                      // the connection had carried enough; the next one may take it
	barred                     // the relay takes no mail at all from us as things are
)

// hand hands over a letter. After anything but taken the connection is of no further use.
func (c *connection) hand(l letter) (outcome, error) {
	defer c.awaits.Store(0)
	var options *smtp.MailOptions
	if l.utf8() {
		if ok, _ := c.client.Extension("SMTPUTF8"); !ok {
			return refused, errors.New("the relay takes no mail addresses with other than ASCII letters (SMTPUTF8)")
		}
		options = &smtp.MailOptions{UTF8: true}
	}
	if err := c.client.Mail(l.from, options); err != nil {
		code := replyCode(err)
		switch result := judge(commandMail, l, err); {
		case c.carried > 0 && (code == 421 || code == 0):
			return stale, err
		case isBarred(err), result == wrongBox && code != 552:
			return barred, err
		default:
			return result, err
		}
	}
	c.awaits.Store(0)
	if err := c.client.Rcpt(l.to, nil); err != nil {
		return judge(commandRcpt, l, err), err
	}
	c.awaits.Store(0)
	w, err := c.client.Data()
	if err != nil {
		return judge(commandData, l, err), err
	}
	c.awaits.Store(0)
	// smtp.Client bounds the commands only, not the writing of the data.
	c.conn.SetDeadline(time.Now().Add(c.client.SubmissionTimeout))
	if _, err := w.Write(l.data); err != nil {
		return judge(commandData, l, err), err
	}
	c.given.Store(true)
	_, err = w.CloseWithResponse()
	c.given.Store(false)
	switch {
	case err == nil:
		c.carried++
		return taken, nil
	case replyCode(err) == 0:
		return doubtful, err
	}
	return judge(commandData, l, err), err
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
