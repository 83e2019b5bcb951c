package modem_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"omsbox/modem"
	"omsbox/modem/simulator"
	"omsbox/modem/sms"
	"omsbox/store"
)

// bench is a store and a simulated modem that are connected.
type bench struct {
	*store.Store
	sim   *simulator.Simulator
	modem *modem.Modem
	user  store.User
	stop  func()        // ends the modem
	waits time.Duration // for something to happen, 20 s at least
}

const number = "+447911123456"

// impatient waits as long as a simulator needs.
func impatient() modem.Patience {
	p := modem.DefaultPatience()
	p.Write, p.Command, p.Prompt, p.Submit = time.Second, time.Second, 300*time.Millisecond, time.Second
	p.List, p.Grace, p.Resync, p.Stop, p.Sweep = time.Second, 600*time.Millisecond, 900*time.Millisecond, time.Second, time.Hour
	return p
}

func quiet() *slog.Logger {
	if os.Getenv("OMSBOX_TEST_TRACE") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: modem.LevelTrace}))
	}
	return slog.New(slog.DiscardHandler)
}

// connect starts a modem over a simulator; it is stopped when the test ends.
func connect(t testing.TB, options simulator.Options, change ...func(*bench)) *bench {
	t.Helper()
	s, err := store.Create(context.Background(), dataDir(t), quiet())
	check(t, err)
	b := &bench{Store: s, sim: simulator.New(options)}
	t.Cleanup(func() {
		s.Close()
		b.sim.Close()
	})
	b.modem = modem.New(s, "sim", func(context.Context) (io.ReadWriteCloser, error) { return b.sim.Open() }, quiet())
	b.modem.Patience = impatient()
	for _, f := range change {
		f(b)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.modem.Run(ctx) }()
	b.stop = sync.OnceFunc(func() {
		cancel()
		if err := ends(t, done, b.sim); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(b.stop)
	return b
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write queues a text and returns its message.
func (b *bench) write(t testing.TB, text string, numbers ...string) int64 {
	t.Helper()
	m := store.Message{User: b.user.ID, Source: store.SourceCommand, Parts: []string{text}}
	for _, n := range numbers {
		m.To = append(m.To, store.Recipient{Number: n, Typed: n})
	}
	id, _, err := b.Enqueue(t.Context(), m)
	check(t, err)
	return id
}

// becomes waits until the first delivery of a message has a state.
func (b *bench) becomes(t testing.TB, message int64, want store.State) store.Delivery {
	t.Helper()
	bell := b.Watch(message)
	defer bell.Close()
	timeout := time.After(max(b.waits, 20*time.Second))
	for {
		d, err := b.Deliveries(context.Background(), message)
		check(t, err)
		if d[0].State == want {
			return d[0]
		}
		select {
		case <-bell.C:
		case <-timeout:
			t.Fatalf("delivery is %s (%s), want %s", d[0].State, d[0].Reason, want)
		}
	}
}

// waitFor waits for something that the simulator sees.
func (b *bench) waitFor(t testing.TB, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), max(b.waits, 20*time.Second))
	defer cancel()
	if err := b.sim.Wait(ctx, condition); err != nil {
		t.Fatalf("waited for %s: %v", what, err)
	}
}

// arrives waits for the next text from a phone.
func (b *bench) arrives(t testing.TB) store.Incoming {
	t.Helper()
	bell := b.Subscribe(store.Arrived)
	defer bell.Close()
	timeout := time.After(max(b.waits, 20*time.Second))
	for {
		got, err := b.Unrouted(context.Background())
		check(t, err)
		if len(got) > 0 {
			check(t, b.Unroutable(context.Background(), got[0].ID, "seen"))
			return got[0]
		}
		select {
		case <-bell.C:
		case <-timeout:
			t.Fatal("nothing arrived")
		}
	}
}

func TestATextReachesThePhoneAndIsReported(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{})
		text := strings.Repeat("A text of some length, with a smile: 😀. ", 8)
		id := b.write(t, text, number)
		b.becomes(t, id, store.Delivered)
		inbox := b.sim.Phone(number).Inbox()
		if len(inbox) != 1 || inbox[0].Text != text {
			t.Fatalf("the phone has %+v", inbox)
		}
		if got, want := len(b.sim.Submitted()), (sms.Coding{}).Segments(text); got != want {
			t.Errorf("%d segments left, want %d", got, want)
		}
	})
}

func TestAReplyInTheWrongOrderBecomesOneText(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{})
		text := strings.Repeat("reply ", 60)
		check(t, b.sim.Phone(number).SendParts(text, 3, 1, 2))
		got := b.arrives(t)
		if got.Text != text || got.Sender != number {
			t.Errorf("got %q from %s", got.Text, got.Sender)
		}
	})
}
