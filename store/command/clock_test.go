package command

import (
	"flag"
	"log/slog"
	"testing"
	"time"

	"omsbox/store"
)

// After a run with a clock that was ahead, a person's word is enough for the clock to be believed at the next start.
func TestAPersonSaysThatTheClockIsRight(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start := func(now func() time.Time) string {
		s, err := store.Create(t.Context(), dir, slog.New(slog.DiscardHandler), store.WithClock(now))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if _, _, err := s.Enqueue(t.Context(), store.Message{Source: store.SourceCommand, Parts: []string{"hello"},
			To: []store.Recipient{{Number: "+447911123456"}}}); err != nil {
			t.Fatal(err)
		}
		return s.ClockProblem()
	}
	if problem := start(func() time.Time { return time.Now().AddDate(1, 0, 0) }); problem != "" {
		t.Fatalf("a first start says %s", problem)
	}
	if problem := start(time.Now); problem == "" {
		t.Fatal("a clock that is a year behind is believed")
	}
	flags := flag.NewFlagSet("clock trust", flag.ContinueOnError)
	if err := ClockTrust(t.Context(), flags, []string{"-data", dir}); err != nil {
		t.Fatal(err)
	}
	if problem := start(time.Now); problem != "" {
		t.Errorf("after that it says %s", problem)
	}
}
