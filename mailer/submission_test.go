package mailer_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"omsbox/mailer"
	"omsbox/store"
)

// desk is a submission listener that runs.
type desk struct {
	*box
	addr   string
	client *tls.Config // trusts it
	stop   func()
}

// newDesk has the box take mail, with encryption unless a change takes that away.
func newDesk(t *testing.T, encrypted bool, change ...func(*mailer.Submission)) *desk {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	return deskOn(t, l, encrypted, change...)
}

func deskOn(t *testing.T, l net.Listener, encrypted bool, change ...func(*mailer.Submission)) *desk {
	t.Helper()
	d := &desk{box: newBox(t), addr: l.Addr().String()}
	check(t, d.Set(t.Context(), "sms.region", "GB"))
	check(t, d.SetFront(t.Context(), store.Front{Hosts: []string{"sms.front.example", "gate.local"}, SMTP: d.addr}))
	var config *tls.Config
	if encrypted {
		own, pool := certificate(t, "127.0.0.1")
		config, d.client = own, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}
	}
	s := mailer.NewSubmission(d.Store, slog.New(slog.NewTextHandler(d.log, &slog.HandlerOptions{Level: slog.LevelDebug})), config)
	s.Hush = 50 * time.Millisecond
	for _, c := range change {
		c(s)
	}
	d.serve(s, l)
	return d
}

// serve runs s until the test ends or stop is called, and sees that nothing is left of it.
func (d *desk) serve(s *mailer.Submission, l net.Listener) {
	stop := running(d.t, func(ctx context.Context) error { return s.Run(ctx, l) })
	d.stop = func() {
		stop()
		for _, secret := range []string{"secret of", "Tr0mbone", "c2VjcmV0"} {
			if strings.Contains(d.log.String(), secret) {
				d.t.Errorf("the process log holds %q:\n%s", secret, d.log)
			}
		}
	}
	d.t.Cleanup(d.stop)
}

// signedIn returns a client over STARTTLS, if the desk has that, who is ann or another.
func (d *desk) signedIn(login string) *smtp.Client {
	d.t.Helper()
	var c *smtp.Client
	var err error
	if d.client != nil {
		c, err = smtp.DialStartTLS(d.addr, d.client)
	} else {
		c, err = smtp.Dial(d.addr)
	}
	check(d.t, err)
	d.t.Cleanup(func() { c.Close() })
	check(d.t, c.Auth(sasl.NewPlainClient("", login, "secret of "+login)))
	return c
}

// texts returns the texts that are queued, as NUMBER: TEXT, in the order in which they came.
func (d *desk) texts() (all []string) {
	d.t.Helper()
	for id := int64(1); ; id++ {
		deliveries, err := d.Deliveries(d.t.Context(), id)
		check(d.t, err)
		if len(deliveries) == 0 {
			return all
		}
		parts, err := d.Text(d.t.Context(), id)
		check(d.t, err)
		for _, delivery := range deliveries {
			all = append(all, delivery.Recipient+": "+strings.Join(parts, "|"))
		}
	}
}

func (d *desk) want(texts ...string) {
	d.t.Helper()
	if got := d.texts(); strings.Join(got, "\n") != strings.Join(texts, "\n") {
		d.t.Errorf("got the texts %q, want %q", got, texts)
	}
}

// toBob is where mail to bob goes.
const toBob = bob + "@box.example.org"

func written(id, text string) string {
	return "Message-ID: <" + id + "@example.org>\r\nDate: Mon, 5 Jan 2026 10:00:00 +0000\r\nSubject: x\r\n\r\n" + text + "\r\n"
}

// refused sees that an answer has that code and those words.
func refused(t *testing.T, err error, code int, words string) {
	t.Helper()
	e, ok := err.(*smtp.SMTPError)
	if !ok || e.Code != code || !strings.Contains(e.Message, words) {
		t.Errorf("got %v, want %d … %s", err, code, words)
	}
}

func TestAMailIsAText(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true)
	for i, c := range []struct {
		name, to, want string
	}{
		{"a number", "+447911123456@box.example.org", bob},
		{"a national number", "07911123456@BOX.example.org", bob},
		{"with spaces", `"07911 123 456"@box.example.org`, bob},
		{"with dots", "07911.123.456@box.example.org", bob},
		{"a short code", "60777@box.example.org", "60777"},
		{"the name of the box", "+447911123456@sms.front.example", bob},
		{"without sms", "+447911123456@front.example", bob},
		{"the other name", "+447911123456@gate.local", bob},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := d.signedIn("ann")
			check(t, client.Mail("ann@example.org", nil))
			check(t, client.Rcpt(c.to, nil))
			w, err := client.Data()
			check(t, err)
			io.WriteString(w, written(c.name, "Hello"))
			check(t, w.Close())
			if got := d.texts(); len(got) != i+1 || got[i] != c.want+": Hello" { // before QUIT: it is committed with the answer
				t.Errorf("got %q, want one to %s", got, c.want)
			}
			check(t, client.Quit())
		})
	}
}

func TestEachUsersMailIsTheirs(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true)
	d.addUser("eve", "eve@example.org")
	for _, login := range []string{"ann", "eve"} {
		c := d.signedIn(login)
		check(t, c.SendMail("x@example.org", []string{toBob, carol + "@box.example.org", toBob}, strings.NewReader(written("1", "I am "+login))))
	}
	d.want(bob+": I am ann", carol+": I am ann", bob+": I am eve", carol+": I am eve")
	for range 4 {
		d.attempt(store.Verdict{Outcome: store.Accepted, MR: 1})
	}
	if u, err := d.LastWriter(t.Context(), bob); err != nil || u.Login != "eve" {
		t.Errorf("an answer would be %q's (%v), want eve's", u.Login, err)
	}
}

func TestAMailOverAUsersLimitIsRefusedWithTheLimit(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true)
	check(t, d.Set(t.Context(), "user.daily/ann", "1"))
	c := d.signedIn("ann")
	err := c.SendMail("ann@example.org", []string{toBob, carol + "@box.example.org"}, strings.NewReader(written("1", "Hello")))
	refused(t, err, 554, "The limit of 1 segments a day leaves no room for 1 of the recipients. Nothing was sent")
	d.want()
	check(t, c.SendMail("ann@example.org", []string{toBob}, strings.NewReader(written("2", "Hello"))))
	check(t, d.Set(t.Context(), "user.daily", "2"))
	check(t, d.Set(t.Context(), "user.daily/ann", ""))
	check(t, d.Set(t.Context(), "user.monthly", "1"))
	refused(t, c.SendMail("ann@example.org", []string{toBob}, strings.NewReader(written("3", "Hello"))), 554, "The limit of 1 segments a month")
	d.want(bob + ": Hello")
	if strings.Contains(d.log.String(), "level=ERROR") {
		t.Errorf("the process log takes it for a trouble of the box:\n%s", d.log)
	}
}

// The longest text is the same by mail as from Outlook: oms.sbcs and oms.dbcs.
func TestTheLongestTextOfAMail(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	c := d.signedIn("ann")
	send := func(text string) error {
		return c.SendMail("ann@example.org", []string{toBob}, strings.NewReader("Content-Type: text/plain; charset=utf-8\r\n\r\n"+text+"\r\n"))
	}
	var want []string
	for _, text := range []string{strings.Repeat("a", 1530), strings.Repeat("ü", 1530), strings.Repeat("中", 670)} {
		check(t, send(text))
		want = append(want, bob+": "+text)
	}
	refused(t, send(strings.Repeat("a", 1531)), 552, "The text has 1531 characters, and can have 1530")
	refused(t, send(strings.Repeat("中", 671)), 552, "The text has 671 characters, and can have 670")
	refused(t, send(strings.Repeat("😀", 336)), 552, "The text has 672 characters, and can have 670")
	check(t, d.Set(t.Context(), "oms.sbcs", "2000"))
	text := strings.Repeat("a", 2000)
	check(t, send(text))
	d.want(append(want, bob+": "+text)...)
}

func TestWhoWroteIsToldOfAFailureByMail(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true)
	check(t, d.signedIn("ann").SendMail("ann@example.org", []string{toBob}, strings.NewReader(written("1", "Hello"))))
	d.attempt(store.Verdict{Outcome: store.Refused, Reason: "the network does not know the number"})
	if n := d.backlog().MailQueued; n != 1 {
		t.Errorf("%d mails are queued, want the notice", n)
	}
}

func TestTheSameMailAgainIsOneText(t *testing.T) {
	t.Parallel()
	const undated = "Subject: x\r\n\r\nHello\r\n"
	dated := "Date: Mon, 5 Jan 2026 10:00:00 +0000\r\n" + undated
	d := newDesk(t, false)
	for _, c := range []struct {
		name          string
		first, second string
		to            []string // of the second
		texts         int
	}{
		{"the same", written("1", "Hello"), written("1", "Hello"), nil, 1},
		{"by another way", written("1", "Hello"), "Received: from x\r\n" + written("1", "Hello"), nil, 1},
		{"recipients in another spelling", written("1", "Hello"), written("1", "Hello"), []string{"07911123456@box.example.org"}, 1},
		{"another Message-ID", written("1", "Hello"), written("2", "Hello"), nil, 2},
		{"another text", written("1", "Hello"), written("1", "Goodbye"), nil, 2},
		{"another phone", written("1", "Hello"), written("1", "Hello"), []string{carol + "@box.example.org"}, 2},
		{"no Message-ID", dated, dated, nil, 1},
		{"no Message-ID and no Date", undated, undated, nil, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			d.clock.advance(11 * time.Minute) // since the last case
			before := len(d.texts())
			first := d.signedIn("ann")
			check(t, first.Mail("ann@example.org", nil))
			check(t, first.Rcpt(toBob, nil))
			w, err := first.Data()
			check(t, err)
			io.WriteString(w, c.first)
			check(t, w.Close())
			first.Close() // as if the 250 had got lost
			to := c.to
			if to == nil {
				to = []string{toBob}
			}
			check(t, d.signedIn("ann").SendMail("ann@example.org", to, strings.NewReader(c.second)))
			if got := d.texts()[before:]; len(got) != c.texts {
				t.Errorf("got %q, want %d", got, c.texts)
			}
		})
	}
}

func TestTLSFromTheFirstByteAndWithSTARTTLS(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true)
	c, err := smtp.DialTLS(d.addr, d.client)
	check(t, err)
	defer c.Close()
	check(t, c.Auth(sasl.NewLoginClient("ann", "secret of ann")))
	check(t, c.SendMail("ann@example.org", []string{toBob}, strings.NewReader(written("1", "Hello"))))
	check(t, d.signedIn("ann").SendMail("ann@example.org", []string{toBob}, strings.NewReader(written("2", "Hello"))))
	d.want(bob+": Hello", bob+": Hello")
}

func TestARenewedCertificateCountsAtOnce(t *testing.T) {
	t.Parallel()
	var now atomic.Pointer[tls.Certificate]
	one, _ := certificate(t, "127.0.0.1")
	two, _ := certificate(t, "127.0.0.1")
	now.Store(&one.Certificates[0])
	b := newBox(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	s := mailer.NewSubmission(b.Store, slog.New(slog.DiscardHandler), &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return now.Load(), nil }})
	s.Hush = 50 * time.Millisecond
	d := &desk{box: b, addr: l.Addr().String()}
	d.serve(s, l)
	shown := func(starttls bool) string {
		t.Helper()
		config := &tls.Config{InsecureSkipVerify: true}
		dial := smtp.DialTLS
		if starttls {
			dial = smtp.DialStartTLS
		}
		c, err := dial(d.addr, config)
		check(t, err)
		defer c.Close()
		check(t, c.Noop())
		state, _ := c.TLSConnectionState()
		return string(state.PeerCertificates[0].Raw)
	}
	for _, starttls := range []bool{true, false} {
		now.Store(&one.Certificates[0])
		if shown(starttls) != string(one.Certificates[0].Certificate[0]) {
			t.Error("not the first certificate")
		}
		now.Store(&two.Certificates[0])
		if shown(starttls) != string(two.Certificates[0].Certificate[0]) {
			t.Error("not the second certificate")
		}
	}
}

// dialogue is a connection that is spoken to line by line.
type dialogue struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func (d *desk) dial() *dialogue {
	d.t.Helper()
	conn, err := net.Dial("tcp", d.addr)
	check(d.t, err)
	d.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &dialogue{d.t, conn, bufio.NewReader(conn)}
}

func (c *dialogue) say(lines ...string) {
	c.t.Helper()
	_, err := io.WriteString(c.conn, strings.Join(lines, "\r\n")+"\r\n")
	check(c.t, err)
}

// hear reads answers, each with its last line, and sees that they begin so.
func (c *dialogue) hear(want ...string) (last string) {
	c.t.Helper()
	for _, want := range want {
		for {
			line, err := c.in.ReadString('\n')
			if err != nil {
				c.t.Fatalf("got %v, want %s", err, want)
			}
			last = strings.TrimRight(line, "\r\n")
			if len(line) < 4 || line[3] != '-' {
				break
			}
		}
		if !strings.HasPrefix(last, want) {
			c.t.Fatalf("got %q, want %s", last, want)
		}
	}
	return last
}

// over sees that the connection is closed.
func (c *dialogue) over() {
	c.t.Helper()
	if line, err := c.in.ReadString('\n'); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Errorf("got %q, %v, want the connection closed", line, err)
	}
}

func b64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func TestTheDialogue(t *testing.T) {
	t.Parallel()
	name, password := b64("ann"), b64("secret of ann")
	signIn := "AUTH PLAIN " + b64("\x00ann\x00secret of ann")
	d := newDesk(t, false)
	for _, c := range []struct {
		name string
		says []string // each with the codes that are heard then, joined by commas, before it; - for none
		want []string // texts
	}{
		{"LOGIN as Outlook does", []string{"334 VXNlcm5hbWU6|AUTH LOGIN", "334 UGFzc3dvcmQ6|" + name, "235|" + password}, nil},
		{"LOGIN with the name at once", []string{"334|AUTH LOGIN " + name, "235|" + password}, nil},
		{"PLAIN in two steps", []string{"334|AUTH PLAIN", "235|" + b64("\x00ann\x00secret of ann")}, nil},
		{"PLAIN in one", []string{"235|" + signIn, "503|" + signIn}, nil},
		{"PLAIN with the mail address for a name", []string{"235|AUTH PLAIN " + b64("\x00ANN@example.org\x00secret of ann"), "250|MAIL FROM:<a@example.org>",
			"250|RCPT TO:<" + toBob + ">", "354|DATA", "250|\r\nHello\r\n."}, []string{bob + ": Hello"}},
		{"PLAIN as another", []string{"535|AUTH PLAIN " + b64("root\x00ann\x00secret of ann")}, nil},
		{"PLAIN that is none", []string{"535|AUTH PLAIN " + b64("ann"), "454|AUTH PLAIN ####"}, nil},
		{"given up", []string{"334|AUTH LOGIN", "501|*", "530|MAIL FROM:<a@example.org>"}, nil},
		{"wrong password", []string{"535 5.7.8|AUTH PLAIN " + b64("\x00ann\x00Tr0mbone"), "530|MAIL FROM:<a@example.org>"}, nil},
		{"no such user", []string{"535 5.7.8|AUTH PLAIN " + b64("\x00nobody\x00Tr0mbone")}, nil},
		{"another mechanism", []string{"504|AUTH CRAM-MD5"}, nil},
		{"nobody", []string{"530 5.7.0|MAIL FROM:<a@example.org>", "502|RCPT TO:<" + toBob + ">", "502|DATA"}, nil},
		{"pipelined", []string{"235|" + signIn, "-|MAIL FROM:<a@example.org>", "-|RCPT TO:<" + toBob + ">", "-|RCPT TO:<+447911654321@box.example.org>", "250,250,250,354|DATA",
			"250|\r\nHello\r\n..dot\r\n."}, []string{bob + ": Hello\n.dot", carol + ": Hello\n.dot"}},
		{"in chunks", []string{"235|" + signIn, "250|MAIL FROM:<a@example.org>", "250|RCPT TO:<" + toBob + ">", "-|BDAT 12", "250|\r\nHello, y", "-|BDAT 4 LAST", "250|ou"},
			[]string{bob + ": Hello, y\nou"}},
		{"one mail at a time", []string{"235|" + signIn, "250|MAIL FROM:<a@example.org>", "503|MAIL FROM:<a@example.org>", "250|RSET", "250|MAIL FROM:<a@example.org>"}, nil},
		{"the null reverse-path", []string{"235|" + signIn, "550|MAIL FROM:<>"}, nil},
		{"a large mail", []string{"235|" + signIn, "552|MAIL FROM:<a@example.org> SIZE=2000000"}, nil},
		{"relaying", []string{"235|" + signIn, "250|MAIL FROM:<a@example.org>", "550 5.7.1|RCPT TO:<bob@example.org>", "550 5.7.1|RCPT TO:<+447911123456@example.com>"}, nil},
		{"no number", []string{"235|" + signIn, "250|MAIL FROM:<a@example.org>", "550 5.1.1|RCPT TO:<ann@box.example.org>", "550 5.1.1|RCPT TO:<+4479@box.example.org>"}, nil},
		{"denied numbers", []string{"235|" + signIn, "250|MAIL FROM:<a@example.org>",
			"550 5.7.1 No text is sent to 112: it is an emergency number|RCPT TO:<112@box.example.org>",
			"550 5.7.1 No text is sent to +449098790000: the setting sms.premium refuses premium-rate numbers|RCPT TO:<+449098790000@box.example.org>"}, nil},
		{"a quoted end of line", []string{"235|" + signIn, "250|MAIL FROM:<a@example.org>", "550|RCPT TO:<\"bob\x01\\\"\"@box.example.org>"}, nil},
		{"forgotten by RSET", []string{"235|" + signIn, "250|MAIL FROM:<a@example.org>", "250|RCPT TO:<" + toBob + ">", "250|RSET", "502|DATA"}, nil},
		{"forgotten by EHLO", []string{"235|" + signIn, "250|MAIL FROM:<a@example.org>", "250|RCPT TO:<" + toBob + ">", "250|EHLO x", "502|DATA"}, nil},
		{"chunks given up", []string{"235|" + signIn, "250|MAIL FROM:<a@example.org>", "250|RCPT TO:<" + toBob + ">", "-|BDAT 10", "250|\r\nHello.", "250|RSET", "502|BDAT 0 LAST"}, nil},
		{"an automatic answer", []string{"235|" + signIn, "250|MAIL FROM:<a@example.org>", "250|RCPT TO:<" + toBob + ">", "354|DATA",
			"550 5.7.1|Auto-Submitted: auto-replied\r\n\r\nI am away\r\n.", "250|MAIL FROM:<a@example.org>"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(d.texts())
			talk := d.dial()
			defer talk.conn.Close()
			talk.hear("220 box.example.org")
			talk.say("EHLO client")
			talk.hear("250")
			for _, line := range c.says {
				want, say, _ := strings.Cut(line, "|")
				talk.say(say)
				if want == "-" {
					continue
				}
				talk.hear(strings.Split(want, ",")...)
			}
			if got := d.texts()[before:]; !slices.Equal(got, c.want) {
				t.Errorf("got the texts %q, want %q", got, c.want)
			}
		})
	}
}

func TestRepliesAreAnsweredToThePhoneWhileTheListenerRuns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, smtp, from, want string
	}{
		{"with the listener", "0.0.0.0:587", bob, `"` + bob + `" <` + bob + `@box.example.org>`},
		{"without it", "", bob, ""},
		{"of a name", "0.0.0.0:587", "AMAZON", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBox(t)
			check(t, b.SetFront(t.Context(), store.Front{SMTP: c.smtp}))
			check(t, b.Set(t.Context(), "mail.catch-all", "ann"))
			r := newRelay(t)
			check(t, b.Set(t.Context(), "mail.relay", r.url()))
			b.text(c.from, "a question")
			b.run()
			if got := field(r.next(), "Reply-To"); got != c.want {
				t.Errorf("got Reply-To: %s, want %s", got, c.want)
			}
		})
	}
}
