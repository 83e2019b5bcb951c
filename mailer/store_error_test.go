package mailer_test

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"omsbox/mailer"
)

// What the store refuses while the mailer starts is tried again: mail leaves and replies are routed once it may.
// Meanwhile the relay is not called again and again, and the log is not filled.
func TestTheStoreRefusesForAWhile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		routed bool // the reply is a mail before the store refuses
	}{{"a mail that waits", true}, {"a reply that is not routed", false}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRelay(t)
			synctest.Test(t, func(t *testing.T) {
				b := newBox(t)
				b.relayTo("", "Are you there")
				if c.routed {
					stop := b.run()
					b.until("it waits", func() bool { return b.backlog().MailQueued == 1 })
					stop()
				}
				check(t, b.Set(t.Context(), "mail.relay", r.url()))
				back := b.databaseGone()
				b.run()
				time.Sleep(time.Minute)
				r.none()
				if calls := r.count(); calls > 20 {
					t.Errorf("the relay was called %d times in a minute", calls)
				}
				if errors := strings.Count(b.log.String(), "level=ERROR"); errors > 30 { // every 5 seconds a few
					t.Errorf("%d errors in the log of a minute:\n%s", errors, b.log)
				}
				back()
				time.Sleep(time.Minute)
				b.has(r.next(), "Subject: Are you there\r\n")
				r.none()
			})
		})
	}
}

// A listener that ends by itself is no end of the service that anybody wanted.
func TestAListenerThatFailsIsAnError(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	log := slog.New(slog.DiscardHandler)
	for name, run := range map[string]func(context.Context, net.Listener) error{
		"mail submission":    mailer.NewSubmission(b.Store, log, nil).Run,
		"the demo's mailbox": mailer.NewMailbox(log).Serve,
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		check(t, err)
		l.Close()
		if err := run(t.Context(), l); err == nil || !strings.HasPrefix(err.Error(), name+": ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
