package mailer

import (
	"io"
	"log/slog"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// onePipe is a listener with one connection.
type onePipe struct{ conn chan net.Conn }

func (p onePipe) Accept() (net.Conn, error) {
	if c, ok := <-p.conn; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (onePipe) Close() error   { return nil }
func (onePipe) Addr() net.Addr { return &net.TCPAddr{} }

// mails is a session that keeps the mails that it is given.
type mails struct{ all *[]string }

func (mails) Mail(string, *smtp.MailOptions) error { return nil }
func (mails) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (mails) Reset()                               {}
func (mails) Logout() error                        { return nil }

func (m mails) Data(r io.Reader) error {
	mail, err := io.ReadAll(r)
	*m.all = append(*m.all, string(mail))
	return err
}

// mailsOf says octets to go-smtp behind a clientConn, in pieces of so many, and returns the mails that
// came of it.
func mailsOf(t *testing.T, octets string, size int) (all []string) {
	t.Helper()
	here, there := net.Pipe()
	here.SetDeadline(time.Now().Add(20 * time.Second))
	g := &gate{patience: time.Minute, open: map[*line]struct{}{}, from: map[netip.Prefix]int{}}
	l := &line{Conn: there, gate: g, until: time.Now().Add(time.Minute)}
	p := onePipe{make(chan net.Conn, 1)}
	p.conn <- newClientConn(l, l, func() string { return "box.example.org" })
	close(p.conn)
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return mails{&all}, nil }))
	server.MaxLineLength, server.ErrorLog = submissionLine, serverLog{discard()}
	served := make(chan struct{})
	go func() {
		defer close(served)
		server.Serve(p)
		server.Shutdown(t.Context())
	}()
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		io.Copy(io.Discard, here)
	}()
	for len(octets) > 0 {
		n := min(size, len(octets))
		if _, err := io.WriteString(here, octets[:n]); err != nil {
			break // after QUIT, or too many errors
		}
		octets = octets[n:]
	}
	here.Close()
	<-heard
	<-served
	return all
}

// FuzzData sees that a mail ends where CR LF . CR LF stands for the first time and nowhere else, that
// nothing in it becomes a command, and that nothing of it is lost.
func FuzzData(f *testing.F) {
	for _, seed := range []string{"", "a\r\n", ".\r\n", "a\r\r\n.\r\n", "a\n.\n", "\r\n.\r\r\n", "..\r\n.a\r\n.\r", "\n.\r\nRSET\r\n", "\r.\r\n", "a\r\n.\r\nb", "a\r\rb\r\r\rc", ".\x00\r\n"} {
		f.Add(seed, uint8(1))
		f.Add(seed, uint8(100))
	}
	f.Fuzz(func(t *testing.T, octets string, size uint8) {
		const end = "\r\n.\r\n"
		whole := "\r\n" + octets + end
		if len(octets) > 4000 {
			return
		}
		first := strings.Index(whole, end)
		want := whole[len("\r\n") : first+len("\r\n")]
		if first == 0 {
			want = ""
		}
		all := mailsOf(t, "EHLO x\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n"+whole[len("\r\n"):first+len(end)]+"QUIT\r\n", int(size)+1)
		if len(all) != 1 || all[0] != unstuffed(want) {
			t.Errorf("%q became %q, want %q", want, all, unstuffed(want))
		}
	})
}

var manyCR = regexp.MustCompile(`\r{3,}`)

// unstuffed is a mail without the periods that were added, with one CR before each LF that ends a line.
func unstuffed(mail string) string {
	lines := strings.Split(mail, "\r\n")
	for i, line := range lines {
		line = strings.TrimPrefix(line, ".")
		if i < len(lines)-1 {
			line = strings.TrimRight(line, "\r")
		}
		lines[i] = manyCR.ReplaceAllString(line, "\r\r")
	}
	return strings.Join(lines, "\r\n")
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
