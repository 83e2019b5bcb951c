package mailer_test

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestATryThatWasNotTheMailsFaultDoesNotCount(t *testing.T) {
	t.Parallel()
	const barred = 20 // more than a mail has tries
	var tries atomic.Int64
	b := newBox(t)
	var asked sync.Map
	r := newRelay(t, func(r *relay) {
		r.from = func(from string) error {
			_, again := asked.LoadOrStore(from, true)
			switch {
			case from != "ann@box.example.org", !again: // the look at the relay
				return nil
			case tries.Add(1) <= barred:
				return code(530, "sign in first")
			}
			return code(451, "come back later")
		}
	})
	b.relayTo(r.url(), "Hi")
	b.run()
	for n := range barred {
		b.until("another try", func() bool { return b.tried("mail queued") == n+2 })
		check(t, b.Set(t.Context(), "service.name", fmt.Sprint("try ", n))) // ends the relay's pause
	}
	b.until("it is put off", func() bool { return b.tried("mail queued") == barred+2 || b.tried("mail failed") > 0 })
	if got := b.details("mail queued"); !strings.Contains(got, "come back later") {
		t.Errorf("the reason is %q", got)
	}
	if wait, _, err := b.MailDue(t.Context()); err != nil || wait < 50*time.Second || wait > time.Minute {
		t.Errorf("the first time that it is put off it is due in %v (%v), want a minute", wait, err)
	}
}

func TestAMailThatStoppingCutShortIsDueAtTheNextStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := boxIn(t, dir)
	stopping, handed := make(chan struct{}), make(chan struct{})
	r := newRelay(t, func(r *relay) {
		r.data = func(n int) error {
			if n > 1 {
				return nil
			}
			close(handed)
			<-stopping
			return code(451, "busy")
		}
	})
	b.relayTo(r.url(), "Hi")
	stop := b.run()
	<-handed
	time.AfterFunc(50*time.Millisecond, func() { close(stopping) })
	stop()
	if got := b.details("mail queued"); !strings.HasSuffix(got, "omsbox stopped while it was being handed over") {
		t.Errorf("the reason is %q", got)
	}
	check(t, b.Close())
	b = boxIn(t, dir)
	b.run()
	r.next() // at once: no clock is put forward
}

func TestARelayThatIsChangedMidwayGetsTheRest(t *testing.T) {
	t.Parallel()
	b, second := newBox(t), newRelay(t)
	first := newRelay(t, func(r *relay) {
		r.data = func(int) error { return b.Set(t.Context(), "mail.relay", second.url()) }
	})
	b.relayTo("", "one", "two", "three")
	b.run()
	b.until("all wait", func() bool { return b.backlog().MailQueued == 3 })
	check(t, b.Set(t.Context(), "mail.relay", first.url()))
	for _, want := range []struct {
		relay *relay
		text  string
	}{{first, "one"}, {second, "two"}, {second, "three"}} {
		if got := want.relay.next(); !strings.Contains(got.data, "Subject: "+want.text+"\r\n") {
			t.Errorf("got\n%s\nwant %s", got.data, want.text)
		}
	}
	first.none()
}

func TestASettingEndsThePause(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	l.Close()
	good := newRelay(t)
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		b.relayTo("smtp://"+l.Addr().String(), "Hi")
		b.run()
		time.Sleep(time.Hour) // the pauses are 5 minutes long by now
		if h := b.health(); !strings.Contains(h.Text, "cannot be reached") {
			t.Errorf("health says %+v", h)
		}
		time.Sleep(10 * time.Second) // the last try is over, the next one is far
		if next, err := b.RelayTried(t.Context()); err != nil || next.Before(b.Now()) || next.After(b.Now().Add(5*time.Minute)) {
			t.Errorf("the next try is said to be at %v (%v), and it is %v", next, err, b.Now())
		}
		start := time.Now()
		check(t, b.Set(t.Context(), "mail.relay", good.url()))
		b.until("the mail is taken", func() bool { return b.tried("mail sent") == 1 })
		if took := time.Since(start); took > time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestTroublesThatAreOverAreForgotten(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	r := newRelay(t, func(r *relay) {
		r.greet = func() error {
			if down.Load() {
				return code(421, "too many of you")
			}
			return nil
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		down.Store(true)
		b.relayTo(r.url(), "one")
		b.run()
		time.Sleep(time.Hour) // the pauses are 5 minutes long by now
		down.Store(false)
		time.Sleep(6 * time.Minute)
		if got := b.tried("mail sent"); got != 1 {
			t.Fatalf("%d mails are sent", got)
		}
		down.Store(true)
		b.text(bob, "two")
		b.until("it is in trouble again", func() bool { return !b.health().OK })
		down.Store(false)
		start := time.Now()
		b.until("it is tried again", func() bool { return b.tried("mail sent") == 2 })
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("it took %v, want the first pause, of a second", took)
		}
	})
}
