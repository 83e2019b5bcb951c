package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"omsbox/store"
)

func TestAfterAnOrderlyEndTheDatabaseIsOneFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIn(t, dir)
	addUser(t, s, "ann")
	enqueue(t, s, 0, "hello", number)
	claim(t, s, nil)
	_, err := s.Lines(t.Context(), 10)
	check(t, err)
	check(t, s.Close())
	for _, name := range []string{store.File + "-wal", store.File + "-shm"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Size() > 0 {
			t.Errorf("%s has %d bytes", name, info.Size())
		}
	}
}

func TestTheStatusTellsSinceWhenAndWhy(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s, clock := openAt(t, now)
	enqueue(t, s, 0, "hello", number)
	began := now.Local().Format("15:04:05")
	for range 3 {
		clock.Pass(time.Hour)
		check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Deferred, Reason: "there is no network"}))
	}
	check(t, s.SetModem(t.Context(), store.Modem{Device: "x", Up: true, Problem: "the SIM is not in the network"}))
	got, err := s.Status(t.Context())
	check(t, err)
	for _, want := range []string{"1 waiting", began, "there is no network; the next at", "PROBLEM: the SIM is not in the network"} {
		if !strings.Contains(got, want) {
			t.Errorf("it does not say %q:\n%s", want, got)
		}
	}
}

func TestAForeignFileIsSaidToBeOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, store.File), []byte(strings.Repeat("this is no database ", 100)), 0o600))
	if _, err := store.Open(t.Context(), dir, quiet()); err == nil || !strings.Contains(err.Error(), "damaged or not omsbox's") {
		t.Errorf("it says %v", err)
	}
}
