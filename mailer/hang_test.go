package mailer_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"omsbox/store"
)

// hangs starts a relay that behaves until a command comes, or "greeting", "STARTTLS handshake" or "dot", and says
// nothing from then on. It counts how often it had the whole of a mail.
func hangs(t *testing.T, at string) (url string, had *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	had = &atomic.Int64{}
	var open sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	open.Go(func() {
		for n := 1; ; n++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer context.AfterFunc(ctx, func() { conn.Close() })()
				defer conn.Close()
				hang(conn, at, n, had)
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		l.Close()
		open.Wait()
	})
	login := ""
	if at == "AUTH" {
		login = "ann:secret@"
	}
	return "smtp://" + login + l.Addr().String(), had
}

// hang is the nth session of such a relay. The first one is the look at the relay, which asks MAIL too.
func hang(conn net.Conn, at string, n int, had *atomic.Int64) {
	lines := bufio.NewReader(conn)
	say := func(format string, args ...any) { fmt.Fprintf(conn, format+"\r\n", args...) }
	forever := func() { lines.WriteTo(discard{}) }
	if at == "greeting" {
		forever()
		return
	}
	say("220 relay.example.org ESMTP")
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		word := strings.ToUpper(strings.TrimSpace(line[:min(4, len(line))]))
		if strings.HasPrefix(at, word) && (word != "MAIL" || n > 1) && at != "STARTTLS handshake" {
			forever()
			return
		}
		switch word {
		case "EHLO":
			extension := "8BITMIME"
			if strings.HasPrefix(at, "STAR") {
				extension = "STARTTLS"
			}
			if at == "AUTH" {
				extension = "AUTH PLAIN"
			}
			say("250-relay.example.org\r\n250 %s", extension)
		case "STAR":
			say("220 go ahead")
			forever()
			return
		case "DATA":
			say("354 go ahead")
			for line != ".\r\n" {
				if line, err = lines.ReadString('\n'); err != nil {
					return
				}
			}
			had.Add(1)
			if at == "dot" {
				forever()
				return
			}
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 fine")
		}
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// Wherever a relay hangs, people are told since when, no mail is lost, and another relay is used at once.
func TestWhereverTheRelayHangs(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"greeting", "EHLO", "STARTTLS", "STARTTLS handshake", "AUTH", "MAIL", "RCPT", "DATA", "dot"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			b, good := newBox(t), newRelay(t)
			b.m.Slow = 50 * time.Millisecond // and Patience is five minutes
			url, had := hangs(t, at)
			b.relayTo(url, "Are you there")
			before := time.Now()
			b.run()
			b.until("people are told", func() bool {
				return !b.health().OK && strings.Contains(b.health().Text, "does not answer; its answer is awaited since ")
			})
			status, err := b.Status(t.Context())
			check(t, err)
			_, since, _ := strings.Cut(status, "is awaited since ")
			since, _, _ = strings.Cut(since, "\n")
			at, err := time.ParseInLocation("2006-01-02 15:04:05", since, time.Local)
			if err != nil || at.Before(before.Add(-2*time.Second)) || at.After(time.Now()) {
				t.Errorf("awaited since %q (%v); the status is\n%s", since, err, status)
			}
			if b.backlog().MailFailed != 0 {
				t.Error("a mail has failed")
			}
			changed := time.Now()
			check(t, b.Set(t.Context(), "mail.relay", good.url()))
			b.has(good.next(), "Subject: Are you there\r\n")
			if took := time.Since(changed); took > 15*time.Second {
				t.Errorf("the other relay was used after %v", took)
			}
			b.until("nothing waits", func() bool { return b.backlog().MailQueued == 0 && b.health().OK })
			good.none()
			if n := had.Load(); n > 1 {
				t.Errorf("the relay that hangs had the mail %d times", n)
			}
		})
	}
}

func TestOneStuckMailBlocksUpNoOther(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	b := newBox(t)
	b.m.Slow = 50 * time.Millisecond
	b.addAdmin("root")
	r := newRelay(t, func(r *relay) {
		r.data = func(n int) error {
			if n == 1 {
				<-release
			}
			return nil
		}
	})
	b.relayTo(r.url(), "stuck", "two", "three")
	b.run()
	b.has(r.next(), "Subject: two\r\n")
	b.has(r.next(), "Subject: three\r\n")
	b.until("people are told of the one", func() bool {
		return b.health().OK && strings.Contains(b.health().Text, "about one mail its answer is awaited since ")
	})
	check(t, b.Raise(t.Context(), "modem", "x", "the modem is gone"))
	b.has(r.next(), "Subject: omsbox: the modem is gone\r\n")
	close(release)
	b.has(r.next(), "Subject: stuck\r\n")
	b.until("nothing waits", func() bool {
		return b.backlog().MailQueued == 0 && strings.HasPrefix(b.health().Text, "mail is handed to "+r.addr) && !strings.Contains(b.health().Text, "awaited")
	})
	r.none()
}

func TestAlarmsGoAheadOfTheQueue(t *testing.T) {
	t.Parallel()
	b, r := newBox(t), newRelay(t)
	b.addAdmin("root")
	b.relayTo("", "one", "two", "three")
	b.run()
	b.until("all wait", func() bool { return b.backlog().MailQueued == 3 })
	check(t, b.Raise(t.Context(), "modem", "x", "the modem is gone"))
	check(t, b.Set(t.Context(), "mail.relay", r.url()))
	b.has(r.next(), "Subject: omsbox: the modem is gone\r\n")
	b.has(r.next(), "Subject: one\r\n")
}

func TestAnAnswerWithoutAnEndIsRefused(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(conn, "220 hello\r\n")
			for err == nil {
				_, err = fmt.Fprint(conn, strings.Repeat("250-more to come\r\n", 1000))
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	b := newBox(t)
	b.relayTo("smtp://"+l.Addr().String(), "Hi")
	b.run()
	b.until("health tells", func() bool { return strings.Contains(b.health().Text, "its answer has no end") })
}

// A relay that takes a mail and never says so must not be given it for five days: each time may be another copy.
func TestAMailThatIsNeverAnsweredIsGivenFewTimes(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.m.Patience = 300 * time.Millisecond
	b.addAdmin("root")
	url, had := hangs(t, "dot")
	b.relayTo(url, "Hi there")
	b.run()
	for n := 1; b.tried("mail failed") == 0; n++ {
		b.until("another try", func() bool { return b.tried("mail queued") == n+1 || b.tried("mail failed") > 0 })
		wait, waits, err := b.MailDue(t.Context())
		check(t, err)
		if waits && wait > 0 && b.tried("mail failed") == 0 {
			b.later(wait + time.Second)
		}
	}
	// On a busy machine a try may end before the box has written all: then it is another kind of try.
	if n := had.Load(); n < 4 || n > 6 {
		t.Errorf("the relay had it %d times, want 4", n)
	}
	all, err := b.Undelivered(t.Context(), 10)
	check(t, err)
	if len(all) == 0 || !strings.Contains(all[len(all)-1].Reason, "so it may have arrived") {
		t.Errorf("the reason is %+v", all)
	}
	alarms, err := b.Alarms(t.Context())
	check(t, err)
	if len(alarms) != 1 || alarms[0].Kind != store.MailboxAlarm || alarms[0].About != "ann" || !strings.Contains(alarms[0].Text, bob) {
		t.Errorf("the alarms are %+v", alarms)
	}
}

func TestWordsForWhatIsOftenWrongInTheRelay(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	if err := b.Set(t.Context(), "mail.relay", "smtp://box:abcd efgh ijkl mnop@mail.example.org"); err == nil || !strings.Contains(err.Error(), "%20") {
		t.Errorf("a password with blanks: %v", err)
	}
	starttls := newRelay(t)
	check(t, b.Set(t.Context(), "mail.relay", strings.Replace(starttls.url(), "smtp:", "smtps:", 1)))
	if h := b.m.CheckRelay(t.Context()); h.OK || !strings.Contains(h.Text, "write smtp:// in mail.relay") {
		t.Errorf("smtps:// at a port for STARTTLS: %+v", h)
	}
}
