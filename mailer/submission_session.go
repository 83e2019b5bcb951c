package mailer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"omsbox/store"
)

// client is one session with a mail program.
type client struct {
	*Submission
	ctx  context.Context
	conn *smtp.Conn
	link *clientConn
	line *line

	login, password string // as they were proved; "" before

	begun bool // by MAIL

	mu sync.Mutex // BDAT has Data run beside the rest: RFC 3030
	to []store.Recipient
}

// open begins a session. Nobody can have signed in before STARTTLS, so the session goes on after it.
func (s *Submission) open(ctx context.Context, conn *smtp.Conn) *client {
	link := conn.Conn().(*clientConn)
	return &client{Submission: s, ctx: ctx, conn: conn, link: link, line: link.line}
}

// refusal is an answer that says no, in words for people.
func refusal(code int, enhanced smtp.EnhancedCode, format string, v ...any) *smtp.SMTPError {
	return &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: ascii(fmt.Sprintf(format, v...))}
}

// ascii is text as an answer may hold it: one line of ASCII. RFC 5321 4.2, 4.5.3.1.5
func ascii(text string) string {
	text = strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII {
			return '?'
		}
		return r
	}, oneLine(text))
	return text[:min(len(text), 400)]
}

// refuse counts a refusal. After too many of them it says goodbye instead.
func (c *client) refuse(no *smtp.SMTPError) error {
	if c.line.refuse() {
		c.log.Info("too many errors on a connection", "from", c.from())
		c.link.answer("421 4.7.0 Too many errors")
		c.conn.Close()
	}
	return no
}

// from is the client's IP address.
func (c *client) from() string {
	ip, _, _ := net.SplitHostPort(c.conn.Conn().RemoteAddr().String())
	return ip
}

// private reports whether a password may be sent on this connection.
func (c *client) private() bool {
	return c.link.encrypted || c.tls == nil && net.ParseIP(c.from()).IsLoopback()
}

// Logout ends the session.
func (c *client) Logout() error { return nil }

// Reset forgets the mail that was begun.
func (c *client) Reset() {
	c.begun = false
	c.mu.Lock()
	defer c.mu.Unlock()
	c.to = nil
}

// AuthMechanisms are offered where a password may be sent.
func (c *client) AuthMechanisms() []string {
	if !c.private() {
		return nil
	}
	return []string{sasl.Plain, sasl.Login}
}

// Auth begins to sign somebody in. RFC 4954
func (c *client) Auth(mechanism string) (sasl.Server, error) {
	switch {
	case c.tls != nil && !c.link.encrypted:
		return nil, c.refuse(refusal(523, smtp.EnhancedCode{5, 7, 10}, "Encrypt first: switch on STARTTLS in your mail program"))
	case !c.private():
		return nil, c.refuse(refusal(538, smtp.EnhancedCode{5, 7, 11}, // RFC 4954 6
			"This server has no encryption, so nobody can sign in to it from another computer"))
	case mechanism == sasl.Plain:
		return plainSignIn{c}, nil
	case mechanism == sasl.Login:
		return &loginSignIn{client: c}, nil
	}
	return nil, c.refuse(refusal(504, smtp.EnhancedCode{5, 5, 4}, "Only PLAIN and LOGIN are known here"))
}

// signIn checks who it is, and keeps that for the session.
func (c *client) signIn(login, password string) error {
	if _, no := c.authenticate(login, password); no != nil {
		return c.refuse(no)
	}
	c.login, c.password = login, password
	c.line.welcome()
	return nil
}

// authenticate returns the user with that login and password.
func (c *client) authenticate(login, password string) (store.User, *smtp.SMTPError) {
	user, err := c.store.Authenticate(c.ctx, login, password, c.from(), store.Programs)
	var throttled *store.Throttled
	switch {
	case err == nil:
		return user, nil
	case errors.Is(err, store.ErrCredentials):
		c.log.Info("sign-in refused", "from", c.from())
		return user, refusal(535, smtp.EnhancedCode{5, 7, 8}, "Unknown user or wrong password")
	case errors.Is(err, store.ErrExpired):
		c.log.Info("sign-in refused: the account has expired", "from", c.from())
		return user, refusal(535, smtp.EnhancedCode{5, 7, 13}, "Your account has expired")
	case errors.Is(err, store.ErrDisabled):
		c.log.Info("sign-in refused: the account is disabled", "from", c.from())
		return user, refusal(535, smtp.EnhancedCode{5, 7, 13}, "Your account is disabled")
	case errors.Is(err, store.ErrAppPassword):
		c.log.Info("sign-in refused: the own password of an administrator", "from", c.from())
		return user, refusal(535, smtp.EnhancedCode{5, 7, 9}, "An administrator signs in here with an app password: omsbox user app-password ID makes one")
	case errors.As(err, &throttled):
		c.log.Debug("sign-in put off", "from", c.from(), "seconds", throttled.Seconds)
		return user, refusal(454, smtp.EnhancedCode{4, 7, 0}, "Too many wrong passwords from your address, try again in %d s", throttled.Seconds)
	case errors.Is(err, store.ErrBusy):
		return user, refusal(454, smtp.EnhancedCode{4, 7, 0}, "Too many people are signing in at once, try again in a moment")
	case c.ctx.Err() == nil:
		c.log.Error("sign in", "err", err)
	}
	return user, refusal(454, smtp.EnhancedCode{4, 3, 0}, "Nobody can sign in just now, try again later")
}

// Mail begins a mail.
func (c *client) Mail(from string, _ *smtp.MailOptions) error {
	switch {
	case c.begun:
		return c.refuse(refusal(503, smtp.EnhancedCode{5, 5, 1}, "One mail at a time")) // RFC 5321 4.1.4
	case c.login == "" && c.tls != nil && !c.link.encrypted:
		return c.refuse(refusal(530, smtp.EnhancedCode{5, 7, 0}, // RFC 3207 4
			"Encrypt and sign in first: switch on STARTTLS, and a user name and password, for outgoing mail in your mail program"))
	case c.login == "" && !c.private():
		return c.refuse(refusal(530, smtp.EnhancedCode{5, 7, 0},
			"Nobody can sign in to this server from another computer, since it has no encryption"))
	case c.login == "":
		return c.refuse(refusal(530, smtp.EnhancedCode{5, 7, 0}, // RFC 4954 6
			"Sign in first: switch on a user name and password for outgoing mail in your mail program"))
	case from == "":
		return c.refuse(refusal(550, smtp.EnhancedCode{5, 7, 1}, "Mail without a sender is written by programs, and becomes no text"))
	case strings.ContainsFunc(from, unicode.IsControl):
		return c.refuse(refusal(553, smtp.EnhancedCode{5, 1, 7}, "That is no mail address"))
	}
	c.begun = true
	return nil
}

// Rcpt adds a phone.
func (c *client) Rcpt(to string, _ *smtp.RcptOptions) error {
	domain := c.store.MailDomain()
	at := strings.LastIndexByte(to, '@')
	if at < 0 || !c.ours(to[at+1:]) {
		return c.refuse(refusal(550, smtp.EnhancedCode{5, 7, 1},
			"Only phones can be written to through this server, as +447911123456@%s", domain))
	}
	typed := to[:at]
	recipient, err := c.store.Recipient(typed)
	if errors.Is(err, store.ErrDenied) {
		return c.refuse(refusal(550, smtp.EnhancedCode{5, 7, 1}, "%s", store.Sentence(err.Error())))
	}
	if err != nil {
		return c.refuse(refusal(550, smtp.EnhancedCode{5, 1, 1}, "%s Its address is then +447911123456@%s",
			store.Sentence(err.Error()), domain))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.ContainsFunc(c.to, func(r store.Recipient) bool { return r.Number == recipient.Number }) {
		c.to = append(c.to, recipient)
	}
	return nil
}

// ours reports whether a domain is one of this box's names, or what is left of such a name without its sms.
func (c *client) ours(domain string) bool { return c.isBox(domain) || c.isBox("sms."+domain) }

// isBox reports whether a domain is one of this box's names.
func (c *client) isBox(domain string) bool {
	return slices.ContainsFunc(append([]string{c.store.MailDomain()}, c.store.Front().Hosts...), func(name string) bool {
		return strings.EqualFold(domain, name)
	})
}

// Data takes the mail: once it returns nil, the text is committed.
func (c *client) Data(r io.Reader) error {
	c.mu.Lock()
	to := slices.Clone(c.to)
	c.mu.Unlock()
	c.line.carry(true)
	defer c.line.carry(false)
	c.line.SetReadDeadline(time.Now().Add(c.Patience))
	source, err := io.ReadAll(r) // the server bounds it
	if err != nil {
		no, ok := errors.AsType[*smtp.SMTPError](err)
		switch {
		case ok:
		case errors.Is(err, smtp.ErrTooLongLine):
			no = refusal(554, smtp.EnhancedCode{5, 6, 0}, "The mail has a line that is too long")
		default:
			no = refusal(451, smtp.EnhancedCode{4, 4, 2}, "The message was incomplete")
		}
		return c.refuse(no)
	}
	c.reads <- struct{}{} // soon: taking a mail apart waits for nothing
	m, no := compose(source, c.isBox)
	<-c.reads
	if no != nil {
		return c.refuse(no)
	}
	if err := c.store.TooLong(m.text, ""); err != nil {
		return c.refuse(refusal(552, smtp.EnhancedCode{5, 3, 4}, "%s Nothing was sent", store.Sentence(err.Error())))
	}
	// Whoever signed in a while ago may have lost the right to. A password that was proved costs nothing.
	user, no := c.authenticate(c.login, c.password)
	if no != nil {
		return c.refuse(no)
	}
	id, again, err := c.store.Enqueue(c.ctx, store.Message{
		User: user.ID, Source: store.SourceMail, Client: m.program, Parts: []string{m.text}, To: to, Digest: m.digest(to)})
	var over *store.Over
	switch {
	case errors.As(err, &over): // for longer than a mail program should go on trying
		return c.refuse(refusal(554, smtp.EnhancedCode{5, 7, 1}, "%s Nothing was sent", store.Sentence(over.Error())))
	case errors.Is(err, store.ErrDenied): // by a setting that was changed just now
		return c.refuse(refusal(554, smtp.EnhancedCode{5, 7, 1}, "%s Nothing was sent", store.Sentence(err.Error())))
	case errors.Is(err, store.ErrInvalid): // it quotes a number
		c.log.Error("the store refused a message", "user", user.ID)
		return c.refuse(refusal(554, smtp.EnhancedCode{5, 6, 0}, "The text cannot be sent to these phones"))
	case err != nil:
		c.log.Error("queue a message", "user", user.ID, "err", err)
		return c.refuse(refusal(451, smtp.EnhancedCode{4, 3, 0}, "The text could not be stored just now, try again later"))
	}
	c.log.Info("a mail is a text now", "user", user.ID, "message", id, "recipients", len(to), "again", again)
	return nil
}

// digest tells the text from every other: a client that did not see our 250 sends the same mail again
// (RFC 5321 4.5.4.1). nil where nothing in the mail tells it from one with the same words.
func (m composed) digest(to []store.Recipient) *[sha256.Size]byte {
	if m.identity == "" {
		return nil
	}
	var numbers []string
	for _, r := range to {
		numbers = append(numbers, r.Number)
	}
	slices.Sort(numbers)
	digest := sha256.Sum256([]byte(strings.Join([]string{"mail", m.identity, m.text, strings.Join(numbers, " ")}, "\x00")))
	return &digest
}

// plainSignIn is the server's side of PLAIN. RFC 4616
type plainSignIn struct{ *client }

func (p plainSignIn) Next(response []byte) (challenge []byte, done bool, err error) {
	if response == nil {
		return nil, false, nil
	}
	fields := strings.Split(string(response), "\x00") // whom to be, who it is, password
	if len(fields) != 3 || fields[0] != "" && fields[0] != fields[1] {
		return nil, false, p.refuse(refusal(535, smtp.EnhancedCode{5, 7, 8}, "Sign in as yourself, with a user name and a password"))
	}
	return nil, true, p.signIn(fields[1], fields[2])
}

// loginSignIn is the server's side of LOGIN, which Outlook uses: draft-murchison-sasl-login.
type loginSignIn struct {
	*client
	name *string
}

func (l *loginSignIn) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case response == nil:
		return []byte("Username:"), false, nil
	case l.name == nil:
		name := string(response)
		l.name = &name
		return []byte("Password:"), false, nil
	}
	return nil, true, l.signIn(*l.name, string(response))
}
