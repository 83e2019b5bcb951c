package mailer

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatBecameOfAMailIsStoredAsSoonAsTheStoreTakesIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		refusals int
		stop     bool // while the store refuses
		tries    int
		took     time.Duration
	}{
		{"at once", 0, false, 1, 0},
		{"after the disk was full for a while", 1000, false, 1001, 1000 * storeRest},
		{"even while omsbox stops", 0, true, 1, 0},
		{"but stopping waits for no disk", 3, true, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.stop {
					cancel()
				}
				q := queue{Mailer: New(nil, slog.New(slog.DiscardHandler))}
				start, tries := time.Now(), 0
				q.record(ctx, func(ctx context.Context) error {
					if ctx.Err() != nil {
						t.Error("what became of it is lost with the context")
					}
					if tries++; tries <= c.refusals {
						return errors.New("the disk is full")
					}
					return nil
				})
				if took := time.Since(start); tries != c.tries || took != c.took {
					t.Errorf("got %d tries in %v, want %d in %v", tries, took, c.tries, c.took)
				}
			})
		})
	}
}

func TestTheTriesOfAMailTakeFiveDays(t *testing.T) {
	t.Parallel()
	var all time.Duration
	for _, pause := range mailPauses {
		all += pause
	}
	if all.Round(time.Hour) != 5*24*time.Hour {
		t.Errorf("they take %v", all)
	}
}
