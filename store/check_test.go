package store_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"omsbox/store"
)

func TestChecksOfAHealthyDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	if store.Serves(dir) {
		t.Error("a directory that is not there is served from")
	}
	s, err := store.Create(t.Context(), dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []store.Health{s.CheckDatabase(t.Context()), s.CheckClock(), store.CheckDisk(dir), store.CheckFiles(dir)} {
		if !h.OK || h.Text == "" {
			t.Errorf("%+v", h)
		}
	}
	if !store.Serves(dir) {
		t.Error("who has the lock does not serve")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if store.Serves(dir) {
		t.Error("nobody has the lock, and somebody serves")
	}
}

func TestDamageIsFound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := store.Create(t.Context(), dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, store.File)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	opened := 0
	for from := page; from < len(whole); from += page {
		damaged := slices.Clone(whole)
		copy(damaged[from:], strings.Repeat("damage!!", page/8))
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := store.Open(t.Context(), dir, slog.New(slog.DiscardHandler))
		if err != nil {
			continue // a page that every start reads
		}
		opened++
		if h := s.CheckDatabase(t.Context()); h.OK || !strings.Contains(h.Text, "damaged") {
			t.Errorf("page %d of %d is damaged: %+v", from/page+1, len(whole)/page, h)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if opened == 0 {
		t.Error("no damage was left to the check")
	}
}

func TestACheckThatIsNotFinishedFindsNoDamage(t *testing.T) {
	t.Parallel()
	s, err := store.Create(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if h := s.CheckDatabase(ended); !h.OK {
		t.Errorf("%+v", h)
	}
}
