package mailer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// A mail of which the relay has all is its mail: where the setting changes while its answer is awaited, the answer is
// waited for a little, and the other relay does not get a second copy.
func TestAChangedRelayDoesNotDoubleTheMailThatIsBeingTaken(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	handed, release := make(chan struct{}), make(chan struct{})
	old := newRelay(t, func(r *relay) {
		r.data = func(int) error {
			close(handed)
			<-release
			return nil
		}
	})
	other := newRelay(t)
	b.relayTo(old.url(), "one")
	b.run()
	<-handed
	check(t, b.Set(t.Context(), "mail.relay", other.url()))
	b.text(bob, "two")
	b.has(other.next(), "Subject: two\r\n")
	close(release)
	b.has(old.next(), "Subject: one\r\n")
	b.until("both are sent", func() bool { return b.tried("mail sent") == 2 })
	other.none()
	if n := b.tried("mail queued"); n != 2 {
		t.Errorf("mails were queued %d times: %s", n, b.details("mail queued"))
	}
}

// There are at most three connections to a relay that hangs.
func TestARelayThatHangsHasFewConnections(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	defer close(release)
	b := newBox(t)
	b.m.Slow = 20 * time.Millisecond
	taken := make(chan struct{}, 10)
	r := newRelay(t, func(r *relay) {
		r.data = func(int) error {
			taken <- struct{}{}
			<-release
			return nil
		}
	})
	b.relayTo(r.url(), "one", "two", "three", "four", "five")
	b.run()
	for range 3 {
		<-taken
	}
	select {
	case <-taken:
		t.Error("there is a fourth connection")
	case <-time.After(300 * time.Millisecond):
	}
	if got := r.count(); got != 4 { // the first one looked at the relay
		t.Errorf("%d connections, want 4", got)
	}
}

// A mail that the relay puts off is tried after pauses that grow, and given up after five days.
func TestWhenAMailIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.addAdmin("root")
	r := newRelay(t, func(r *relay) {
		r.rcpt = func(to string) error {
			if strings.HasPrefix(to, "ann@") {
				return code(451, "still busy")
			}
			return nil
		}
	})
	b.relayTo(r.url(), "Hi")
	b.run()
	var got []string
	for n := 1; b.tried("mail failed") == 0; n++ {
		b.until("another try", func() bool { return b.tried("mail queued") == n+1 || b.tried("mail failed") == 1 })
		if wait, waits, err := b.MailDue(t.Context()); err != nil {
			t.Fatal(err)
		} else if waits && wait > 0 {
			got = append(got, fmt.Sprint(wait.Round(time.Minute)))
			b.later(wait + time.Second)
		}
	}
	want := "1m0s 5m0s 15m0s 30m0s 1h0m0s 2h0m0s 4h0m0s 8h0m0s 12h0m0s 24h0m0s 24h0m0s 24h0m0s 20h0m0s"
	if strings.Join(got, " ") != want {
		t.Errorf("the pauses are\n%s, want\n%s", strings.Join(got, " "), want)
	}
}
