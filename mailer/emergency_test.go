package mailer_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"omsbox/mailer"
	"omsbox/store"
)

// That nothing can be stored is told by mail although no mail can be stored, and so is the end of that. Who was
// told within the hour is not told again.
func TestAnEmergencyIsToldWithoutTheQueue(t *testing.T) {
	b, r := newBox(t), newRelay(t)
	check(t, b.Set(t.Context(), "mail.relay", r.url()))
	b.addAdmin("root")
	b.run()
	path := filepath.Join(b.Dir(), store.File)
	away, back := path, filepath.Join(b.Dir(), "elsewhere")
	check(t, os.Rename(away, back))
	got := r.next()
	if got.to != "root@example.org" || !strings.Contains(got.data, "Subject: omsbox: the database is gone, so no text is taken or sent\r\n") {
		t.Errorf("to %s:\n%s", got.to, got.data)
	}
	if log := b.backlog(); log.MailQueued != 0 || log.MailFailed != 0 {
		t.Errorf("there is mail in the queue: %+v", log)
	}
	check(t, os.Rename(back, away))
	if got := r.next(); !strings.Contains(got.data, "Subject: omsbox: over: the database is gone, ") || !strings.Contains(got.data, "This is over") {
		t.Errorf("got\n%s", got.data)
	}
	check(t, b.Set(t.Context(), "service.name", "stored again"))
	check(t, os.Rename(away, back))
	b.until("it is noticed again", func() bool { return !b.Storage().Condition.IsZero() })
	time.Sleep(5 * time.Second) // a first mail would be there by now
	r.none()
	check(t, os.Rename(back, away))
	b.until("it is over", func() bool { return b.Storage().Condition.IsZero() })
	r.none()
}

// Who mends the database restarts the service: the next run tells that it is over.
func TestTheEndOfAnEmergencyIsToldByTheNextRun(t *testing.T) {
	r, dir := newRelay(t), t.TempDir()
	run := func(during func(s *store.Store)) {
		s, err := store.Create(t.Context(), dir, slog.New(slog.DiscardHandler))
		check(t, err)
		defer s.Close()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- mailer.New(s, slog.New(slog.DiscardHandler)).Run(ctx) }()
		during(s)
		stop()
		check(t, <-ended)
	}
	path := filepath.Join(dir, store.File)
	run(func(s *store.Store) {
		check(t, s.Set(t.Context(), "mail.relay", r.url()))
		_, err := s.AddUser(t.Context(), store.User{Login: "root", Mail: "root@example.org", Admin: true}, "secret of root")
		check(t, err)
		check(t, os.Rename(path, path+".away"))
		if got := r.next(); !strings.Contains(got.data, "Subject: omsbox: the database is gone") {
			t.Errorf("got\n%s", got.data)
		}
		for s.ToldOfStorage().Condition.IsZero() { // once the relay has it, that is kept
			time.Sleep(10 * time.Millisecond)
		}
	})
	check(t, os.Rename(path+".away", path))
	run(func(s *store.Store) {
		if got := r.next(); !strings.Contains(got.data, "Subject: omsbox: over: the database is gone") {
			t.Errorf("got\n%s", got.data)
		}
	})
	r.none()
}

// What the relay puts off is handed to it again, to those whom it has not reached yet.
func TestAnEmergencyWaitsForTheRelay(t *testing.T) {
	b := newBox(t)
	var tries atomic.Int32
	r := newRelay(t, func(r *relay) {
		r.rcpt = func(string) error {
			if tries.Add(1) == 2 {
				return code(451, "not now")
			}
			return nil
		}
	})
	check(t, b.Set(t.Context(), "mail.relay", r.url()))
	b.addAdmin("root")
	b.addAdmin("boss")
	b.run()
	path := filepath.Join(b.Dir(), store.File)
	check(t, os.Rename(path, path+".away"))
	for _, want := range []string{"root@example.org", "boss@example.org"} {
		if got := r.next(); got.to != want {
			t.Errorf("the mail goes to %s, want %s", got.to, want)
		}
	}
	if tries.Load() != 3 {
		t.Errorf("the relay was asked %d times", tries.Load())
	}
}
