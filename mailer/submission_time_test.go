package mailer_test

import (
	"bufio"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"omsbox/mailer"
)

// patient has a listener wait as long as it does for everybody.
func patient(s *mailer.Submission) { s.Patience, s.Hush = 5*time.Minute, 500*time.Millisecond }

// A stranger has a minute, and who has signed in half an hour, whatever they say. Each command has five minutes.
func TestHowLongAClientMayStay(t *testing.T) {
	t.Parallel()
	const signIn = "EHLO x\r\nAUTH PLAIN AGFubgBzZWNyZXQgb2YgYW5u\r\n"
	for _, c := range []struct {
		name, begin string
		every       time.Duration // it says NOOP; 0: it says nothing
		stays       time.Duration
	}{
		{"a stranger", "", 7 * time.Second, time.Minute},
		{"a stranger who says nothing", "", 0, time.Minute},
		{"who has signed in", signIn, 4 * time.Minute, 30 * time.Minute},
		{"who has signed in and says nothing", signIn, 0, 5 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPipes()
				deskOn(t, p, false, patient)
				start := time.Now()
				conn := p.dial()
				defer conn.Close()
				conn.SetDeadline(time.Time{})
				over := make(chan time.Duration)
				go func() {
					all, _ := io.ReadAll(conn)
					if !strings.Contains(string(all), "421 ") {
						t.Errorf("it hears no goodbye: %q", all)
					}
					over <- time.Since(start)
				}()
				io.WriteString(conn, c.begin)
				var beat <-chan time.Time
				if c.every > 0 {
					ticker := time.NewTicker(c.every)
					defer ticker.Stop()
					beat = ticker.C
				}
				for {
					select {
					case <-beat:
						io.WriteString(conn, "NOOP\r\n")
						continue
					case stayed := <-over:
						if stayed < c.stays-time.Second || stayed > c.stays+5*time.Second {
							t.Errorf("it stayed %v, want %v", stayed, c.stays)
						}
					}
					return
				}
			})
		})
	}
}

// A client is greeted after half a second in which it does not begin with TLS.
func TestWhenAClientIsGreeted(t *testing.T) {
	t.Parallel()
	for _, encrypted := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			p := newPipes()
			deskOn(t, p, encrypted, patient)
			start := time.Now()
			conn := p.dial()
			defer conn.Close()
			line, err := bufio.NewReader(conn).ReadString('\n')
			check(t, err)
			want := time.Duration(0)
			if encrypted {
				want = 500 * time.Millisecond
			}
			if took := time.Since(start); took != want || !strings.HasPrefix(line, "220 box.example.org ESMTP") {
				t.Errorf("greeted with %q after %v, want %v", line, took, want)
			}
		})
	}
}

// While the listener stops, a mail that comes in has five seconds.
func TestHowLongAMailMayTakeAtTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		d := deskOn(t, p, false, patient)
		conn := p.dial()
		defer conn.Close()
		conn.SetDeadline(time.Time{})
		go io.Copy(io.Discard, conn)
		io.WriteString(conn, begun+"DATA\r\n\r\nHello")
		synctest.Wait()
		start := time.Now()
		d.stop()
		if took := time.Since(start); took < 5*time.Second || took > 6*time.Second {
			t.Errorf("the listener ended after %v, want 5 s", took)
		}
		d.want()
	})
}
