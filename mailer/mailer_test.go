package mailer_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"omsbox/mailer"
	"omsbox/modem/sms"
	"omsbox/store"
)

const (
	bob   = "+447911123456"
	carol = "+447911654321"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// clock is the store's, which a test can put forward.
type clock struct{ ahead, ref atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// box is an appliance without a radio and without pages.
type box struct {
	*store.Store
	t     *testing.T
	clock *clock
	ann   store.User
	m     *mailer.Mailer
	log   *journal
}

// journal is the process log.
type journal struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *journal) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *journal) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newBox returns a box with the user ann, whose mailer does not run yet.
func newBox(t *testing.T) *box {
	t.Helper()
	return boxIn(t, t.TempDir())
}

func boxIn(t *testing.T, dir string) *box {
	t.Helper()
	b := &box{t: t, clock: &clock{}, log: &journal{}}
	logger := slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, err := store.Create(t.Context(), dir, logger, store.WithClock(b.clock.now), store.WithPasswordCost(64, 1))
	check(t, err)
	b.Store = s
	t.Cleanup(func() {
		s.Close()
		for _, person := range []string{bob, carol, "AMAZON", "a question", "Hi\n"} {
			if strings.Contains(b.log.String(), person) {
				t.Errorf("the process log holds %q of a person:\n%s", person, b.log)
			}
		}
	})
	check(t, s.Set(t.Context(), "mail.domain", "box.example.org"))
	if b.ann, err = s.UserByLogin(t.Context(), "ann"); err != nil {
		b.ann = b.addUser("ann", "ann@example.org")
	}
	b.m = mailer.New(s, logger)
	return b
}

func (b *box) addUser(login, mail string) store.User {
	b.t.Helper()
	u, err := b.AddUser(b.t.Context(), store.User{Login: login, Mail: mail}, "secret of "+login)
	check(b.t, err)
	return u
}

// run runs the mailer until the test ends or stop is called, and sees that nothing is left of it.
func (b *box) run() (stop func()) {
	b.t.Helper()
	stop = running(b.t, b.m.Run)
	b.t.Cleanup(stop)
	return stop
}

// running runs something until stop is called for the first time, which then sees that no goroutine of it is left.
func running(t testing.TB, run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	mark := rand.Text()
	go pprof.Do(ctx, pprof.Labels("run", mark), func(ctx context.Context) { done <- run(ctx) })
	return sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run returned %v, want nil", err)
			}
		case <-time.After(time.Minute):
			t.Error("Run did not return")
		}
		leftNothing(t, mark)
	})
}

// leftNothing sees that no goroutine with a mark is left. A goroutine has the labels of the one that started it.
func leftNothing(t testing.TB, mark string) {
	for wait := time.Millisecond; ; wait *= 2 {
		var all strings.Builder
		check(t, pprof.Lookup("goroutine").WriteTo(&all, 1))
		at := strings.Index(all.String(), mark)
		if at < 0 {
			return
		}
		if wait > 10*time.Second {
			t.Errorf("goroutines are left:\n%s", all.String()[at:])
			return
		}
		time.Sleep(wait) // what was told to end is on its way
	}
}

// wrote makes user the last one who wrote to number.
func (b *box) wrote(user int64, number, text string) (message int64) {
	b.t.Helper()
	id, _, err := b.Enqueue(b.t.Context(), store.Message{User: user, Source: store.SourceCommand, Parts: []string{text},
		To: []store.Recipient{{Number: number, Typed: number}}})
	check(b.t, err)
	b.attempt(store.Verdict{Outcome: store.Accepted, MR: 1})
	return id
}

// attempt has the modem try what is due, with that verdict.
func (b *box) attempt(v store.Verdict) {
	b.t.Helper()
	a, err := b.Claim(b.t.Context(), "234150000000000", nil)
	check(b.t, err)
	if a == nil {
		b.t.Fatal("nothing to send")
	}
	v.Attempt = *a
	check(b.t, b.Settle(b.t.Context(), v))
}

// text has a phone answer.
func (b *box) text(from, text string) {
	b.t.Helper()
	tpdus, err := sms.Deliver{From: from, Text: text, SCTS: b.clock.now().Truncate(time.Second)}.TPDUs(uint16(b.clock.ref.Add(1)))
	check(b.t, err)
	for _, tpdu := range tpdus {
		check(b.t, b.Receive(b.t.Context(), "234150000000000", tpdu))
	}
}

// until waits for something that rows say.
func (b *box) until(what string, so func() bool) {
	b.t.Helper()
	bell := b.Subscribe(store.Traffic)
	defer bell.Close()
	timeout := time.After(20 * time.Second)
	for !so() {
		select {
		case <-bell.C:
		case <-timeout:
			b.t.Fatal("never came about: " + what)
		}
	}
}

// health returns how the relay is said to be.
func (b *box) health() store.Health {
	b.t.Helper()
	parts, err := b.Healths(b.t.Context())
	check(b.t, err)
	for _, h := range parts {
		if h.Part == "mail relay" {
			return h
		}
	}
	return store.Health{}
}

func (b *box) backlog() store.Backlog {
	b.t.Helper()
	log, err := b.Backlog(b.t.Context())
	check(b.t, err)
	return log
}
