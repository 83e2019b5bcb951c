package mailer

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"omsbox/store"
	"omsbox/store/condition"
)

// Where it cannot be read who is to be told, nobody is told, and that is no end: it is read again at the next try.
func TestAnEmergencyWithoutKnownAddresseesIsNotTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func() *store.Store {
		s, err := store.Create(t.Context(), dir, slog.New(slog.DiscardHandler), store.WithPasswordCost(64, 1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	s := open()
	_, err := s.AddUser(t.Context(), store.User{Login: "root", Mail: "root@example.org", Admin: true}, "secret of root")
	if err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	e := newEmergency(ended, New(s, logger)) // nothing can be read
	s.Close()
	gone := condition.New(condition.DatabaseGone, "path", dir)
	a := emergencyAlarm(dir, store.Trouble{Condition: gone, Since: s.Now()})
	for _, pause := range relayPauses[:2] {
		if wait, waits := e.tell(t.Context(), a); !waits || wait != pause {
			t.Errorf("the next try is in %v (%v), want %v", wait, waits, pause)
		}
	}
	if told := s.ToldOfStorage(); !told.Condition.IsZero() || !e.open.Condition.IsZero() {
		t.Errorf("it counts as told: %+v, %+v", told, e.open)
	}
	if strings.Count(log.String(), "an alarm can be told to nobody") != 2 || !strings.Contains(log.String(), "it cannot be read who") {
		t.Errorf("the log says\n%s", log.String())
	}
	e.Mailer = New(open(), logger)
	e.tell(t.Context(), a) // no relay is set
	if left := e.left(a); len(left) != 1 || left[0].path != "root@example.org" {
		t.Errorf("to be told are %+v", left)
	}
}
