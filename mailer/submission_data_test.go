package mailer_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// pipes is a listener whose connections carry each Write as it is, and seem to come from this computer.
type pipes struct {
	dialled chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

type pipe struct{ net.Conn }

func (pipe) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4711} }

func newPipes() *pipes { return &pipes{dialled: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) dial() net.Conn {
	here, there := net.Pipe()
	p.dialled <- pipe{there}
	here.SetDeadline(time.Now().Add(20 * time.Second))
	return here
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.dialled:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 587} }

// begun is what a client says up to its first mail, and codes are the replies.
const begun = "EHLO client\r\nAUTH PLAIN AGFubgBzZWNyZXQgb2YgYW5u\r\n" + envelope

const envelope = "MAIL FROM:<ann@example.org>\r\nRCPT TO:<" + toBob + ">\r\n"

var beginCodes = []string{"220", "250", "235", "250", "250"}

// codes says all of text, in writes that end at the given places, and returns the codes of all replies.
// It fails where one of them does not come.
func (p *pipes) codes(t *testing.T, text string, ends ...int) (all []string) {
	t.Helper()
	conn := p.dial()
	defer conn.Close()
	said := make(chan struct{})
	go func() {
		defer close(said)
		begin := 0
		for _, end := range append(ends, len(text)) {
			io.WriteString(conn, text[begin:end])
			begin = end
		}
	}()
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v after %v", err, all)
		}
		if len(line) > 3 && line[3] == ' ' {
			all = append(all, line[:3])
		}
	}
	conn.Close()
	<-said
	return all
}

// Exactly CR LF . CR LF ends a mail: RFC 5321 4.1.1.4
func TestTheEndOfAMail(t *testing.T) {
	t.Parallel()
	p := newPipes()
	d := deskOn(t, p, false)
	const hidden = "MAIL FROM:<eve@example.org>\nRCPT TO:<" + toBob + ">\nDATA\n\ntwo"
	for _, c := range []struct {
		name, between string
		ends          bool   // between the first words and the others
		text          string // the two with what was between, where that does not end the mail
	}{
		{"CR LF . CR LF", "\r\n.\r\n", true, ""},
		{"after CR", "\r\r\n.\r\n", true, ""},
		{"after CR CR CR", "\r\r\r\r\n.\r\n", true, ""},
		{"after LF", "\n\r\n.\r\n", true, ""},
		{"after an empty line", "\r\n\r\n.\r\n", true, ""},
		{"after a line of CR", "\r\n\r\r\n.\r\n", true, ""},
		{"after a period of the text", "\r\n..\r\n.\r\n", true, ""},
		{"LF . LF", "\n.\n", false, "one\n.\n"},
		{"LF . CR LF", "\n.\r\n", false, "one\n.\n"},
		{"LF . CR", "\n.\r", false, "one\n.\n"},
		{"CR . CR", "\r.\r", false, "one\n.\n"},
		{"CR . CR LF", "\r.\r\n", false, "one\n.\n"},
		{"CR . LF", "\r.\n", false, "one\n.\n"},
		{"CR LF . LF", "\r\n.\n", false, "one\n\n"},
		{"CR LF . CR", "\r\n.\r", false, "one\n\n"},
		{"CR LF . CR CR LF", "\r\n.\r\r\n", false, "one\n\n"},
		{"CR LF . CR CR CR LF", "\r\n.\r\r\r\n", false, "one\n\n"},
		{"CR CR LF . LF", "\r\r\n.\n", false, "one\n\n"},
		{"CR CR LF . CR", "\r\r\n.\r", false, "one\n\n"},
		{"CR LF . space CR LF", "\r\n. \r\n", false, "one\n\n"},
		{"CR LF . NUL CR LF", "\r\n.\x00\r\n", false, "one\n\n"},
		{"CR LF .. CR LF", "\r\n..\r\n", false, "one\n.\n"},
		{"CR LF ... LF", "\r\n...\n", false, "one\n..\n"},
		{"CR LF .. in a line", "\r\n..x\r\n", false, "one\n.x\n"},
		{"CR LF . in a line", "\r\n.x\r\n", false, "one\nx\n"},
		{"nothing but LF", "\n\n", false, "one\n\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(d.texts())
			hiddenCommands := strings.ReplaceAll(hidden, "\n", "\r\n")
			got := p.codes(t, begun+"DATA\r\nSubject: x\r\n\r\none"+c.between+hiddenCommands+"\r\n.\r\nNOOP\r\nQUIT\r\n")
			want := append(slices.Clone(beginCodes), "354", "250", "250", "221")
			texts := []string{bob + ": " + c.text + hidden}
			if c.ends {
				want = append(slices.Clone(beginCodes), "354", "250", "250", "250", "354", "250", "250", "221")
				texts = []string{"", ""} // both were accepted: what each is, is seen elsewhere
			}
			if !slices.Equal(got, want) {
				t.Errorf("got the replies %v, want %v", got, want)
			}
			if now := d.texts()[before:]; len(now) != len(texts) || !c.ends && now[0] != texts[0] {
				t.Errorf("got the texts %q, want %q", now, texts)
			}
		})
	}
}

// A mail is the same however the network cuts it up, and so are the commands that follow it at once.
func TestEverySplitOfAMail(t *testing.T) {
	t.Parallel()
	p := newPipes()
	d := deskOn(t, p, false)
	const mail = "DATA\r\nX: y\r\n\r\n..a\r\r\n.b\r\n..\r\n.\r\r\nc\r\r\n.\r\n"
	const chunks = "BDAT 6\r\n\r\nd\r\n.BDAT 5 LAST\r\n\r\n..e"
	all := begun + mail + envelope + chunks + "NOOP\r\nQUIT\r\n"
	want := append(slices.Clone(beginCodes), "354", "250", "250", "250", "250", "250", "250", "221")
	texts := []string{bob + ": .a\nb\n.\n\nc", bob + ": d\n.\n..e"}
	try := func(ends ...int) {
		t.Helper()
		before := len(d.texts())
		if got := p.codes(t, all, ends...); !slices.Equal(got, want) {
			t.Fatalf("cut at %v: got the replies %v, want %v", ends, got, want)
		}
		if got := d.texts()[before:]; !slices.Equal(got, texts) {
			t.Fatalf("cut at %v: got the texts %q, want %q", ends, got, texts)
		}
		d.clock.advance(11 * time.Minute) // the same words are no repetition then
	}
	try()
	for i := len(begun); i < len(all); i++ {
		try(i)
	}
	var each []int
	for i := 1; i < len(all); i++ {
		each = append(each, i)
	}
	try(each...)
}

// A mail whose last line ends in CR CR LF is answered at once, also in TLS and after STARTTLS.
func TestALastLineThatEndsInTwoCR(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"in the clear", "TLS", "STARTTLS"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, way != "in the clear")
			c := d.dial()
			encrypt := func() {
				encrypted := tls.Client(c.conn, d.client)
				encrypted.SetDeadline(time.Now().Add(20 * time.Second))
				check(t, encrypted.Handshake())
				c.conn, c.in = encrypted, bufio.NewReader(encrypted)
			}
			if way == "TLS" {
				encrypt()
			}
			c.hear("220")
			if way == "STARTTLS" {
				c.say("EHLO client", "STARTTLS")
				c.hear("250", "220")
				encrypt()
				c.say("NOOP", "AUTH PLAIN x", "BDAT 6 LAST", "QUIT") // QUIT is the chunk
				c.hear("250", "503", "503")                          // EHLO comes first: RFC 3207 4.2
			}
			c.say("EHLO client", "STARTTLS")
			if c.hear("250"); way == "in the clear" {
				c.hear("502")
			} else {
				c.hear("503 5.5.1 This connection is encrypted already")
				c.say("AUTH LOGIN", "STARTTLS", "*") // a name in Base64, as far as anybody knows
				c.hear("334", "334", "501")
			}
			c.say("AUTH PLAIN "+b64("\x00ann\x00secret of ann"), envelope+"DATA")
			c.hear("235", "250", "250", "354")
			c.say("Subject: x", "", "Hello\r", ".", "NOOP")
			c.hear("250 2.0.0 The text is queued", "250 2.0.0 OK")
			d.want(bob + ": Hello")
		})
	}
}

// A chunk is taken by its size alone, and also where its command is refused. RFC 3030
func TestChunksThatLookLikeCommands(t *testing.T) {
	t.Parallel()
	p := newPipes()
	d := deskOn(t, p, false)
	const inside = "\r\none\r\n.\r\nRSET\r\nSTARTTLS\r\nQUIT\r\n"
	signedIn := "EHLO client\r\nAUTH PLAIN AGFubgBzZWNyZXQgb2YgYW5u\r\n"
	sized := func(command string) string { return fmt.Sprintf(command, len(inside)) + inside }
	chunk := sized("BDAT %d LAST\r\n")
	for _, c := range []struct {
		name, says string
		want       string // codes after those of signing in
		texts      int
	}{
		{"accepted", envelope + chunk + "NOOP\r\nQUIT\r\n", "250 250 250 250 221", 1},
		{"without a recipient", chunk + "NOOP\r\nQUIT\r\n", "502 250 221", 0},
		{"of nothing", envelope + "BDAT 0 LAST\r\nNOOP\r\nQUIT\r\n", "250 250 554 250 221", 0},
		{"of a size that is none", envelope + "BDAT -1 LAST\r\n" + inside, "250 250 501", 0},
		{"of no size", envelope + "BDAT\r\n" + inside, "250 250 501", 0},
		{"of no size but LAST", envelope + "BDAT LAST\r\n" + inside, "250 250 501", 0},
		{"of a size in hexadecimal", envelope + "BDAT 0x10 LAST\r\n" + inside, "250 250 501", 0},
		{"of more octets than are read away", envelope + "BDAT 99999999 LAST\r\n" + inside, "250 250 552", 0},
		{"of more octets than can be counted", envelope + "BDAT 99999999999999999999 LAST\r\n" + inside, "250 250 552", 0},
		{"of too many words", envelope + sized("BDAT %d LAST NOW\r\n") + "NOOP\r\nQUIT\r\n", "250 250 501 250 221", 0},
		{"of a wrong word", envelope + sized("BDAT %d FIRST\r\n") + "NOOP\r\nQUIT\r\n", "250 250 501 250 221", 0},
		{"after a tab", envelope + sized("BDAT\t%d LAST\r\n") + "NOOP\r\nQUIT\r\n", "250 250 501 250 221", 0},
		{"after a blank", envelope + sized(" BDAT %d LAST\r\n") + "NOOP\r\nQUIT\r\n", "250 250 501 250 221", 0},
		{"too large", envelope + "BDAT 1100004 LAST\r\n" + strings.Repeat("QUIT\r\n", 1100004/6) + "NOOP\r\nQUIT\r\n", "250 250 552 250 221", 0},
		{"after one that was refused", envelope + sized("BDAT %d FIRST\r\n") + chunk + "RSET\r\n" + envelope + chunk + "QUIT\r\n", "250 250 501 503 250 250 250 250 221", 1},
		{"with one in the middle that was refused", envelope + sized("BDAT %d\r\n") + sized("BDAT %d FIRST\r\n") + chunk + "QUIT\r\n", "250 250 250 501 503 221", 0},
		{"after DATA", envelope + "DATA\r\nSubject: x\r\n\r\nHello\r\n.\r\n" + chunk + "NOOP\r\nQUIT\r\n", "250 250 354 250 502 250 221", 1},
		{"with DATA in the middle", envelope + sized("BDAT %d\r\n") + "DATA\r\n" + chunk + "QUIT\r\n", "250 250 250 502 250 221", 1},
		{"in lower case", envelope + strings.ToLower(chunk[:12]) + chunk[12:] + "QUIT\r\n", "250 250 250 221", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(d.texts())
			if got, want := strings.Join(p.codes(t, signedIn+c.says), " "), "220 250 235 "+c.want; got != want {
				t.Errorf("got the replies %s, want %s", got, want)
			}
			if n := len(d.texts()) - before; n != c.texts {
				t.Errorf("%d texts, want %d", n, c.texts)
			}
			d.clock.advance(11 * time.Minute)
		})
	}
}

// The box answers by its own name and in its own words.
func TestTheBoxSpeaksForItself(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true)
	c := d.dial()
	if got := c.hear("220"); got != "220 box.example.org ESMTP" {
		t.Errorf("greeted with %q", got)
	}
	for _, r := range []struct{ says, want string }{
		{"MAIL FROM:<a@example.org>", "502 5.5.1 Say EHLO first"},
		{"HELO client", "250 box.example.org"},
		{"NOOP", "250 2.0.0 OK"},
		{"VRFY ann", "252 2.5.0 An address is checked when a mail is sent to it"},
		{"ANNA ann", "500 5.5.2 Unknown command"},
		{"XY", "501 5.5.2 That is no command"},
		{"HELP", "502 5.5.1 This command is not supported"},
		{"RSET", "250 2.0.0 OK"},
		{"AUTH PLAIN", "523 5.7.10 Encrypt first: switch on STARTTLS in your mail program"},
	} {
		c.say(r.says)
		if got := c.hear(""); got != r.want {
			t.Errorf("%s: got %q, want %q", r.says, got, r.want)
		}
	}
	c.say("EHLO client")
	first, err := c.in.ReadString('\n')
	check(t, err)
	second, err := c.in.ReadString('\n')
	check(t, err)
	if first != "250-box.example.org\r\n" || second != "250-STARTTLS\r\n" {
		t.Errorf("EHLO is answered with %q, %q", first, second)
	}
	c.hear("250")
	c.say("QUIT")
	if got := c.hear("221"); got != "221 2.0.0 box.example.org closes the connection" {
		t.Errorf("got %q", got)
	}
}
