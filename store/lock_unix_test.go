//go:build unix

package store_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"omsbox/store"
)

// Who tries this as root sees that root may work beside a service of another user.
func TestAllInTheDataDirectoryBelongsToItsOwner(t *testing.T) {
	t.Parallel()
	dir, owner := t.TempDir(), os.Geteuid()
	if owner == 0 {
		owner = 12345
		if err := os.Chown(dir, owner, owner); err != nil {
			t.Fatal(err)
		}
	}
	s, err := store.Create(t.Context(), dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Set(t.Context(), "service.name", "Texts"); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) < 4 {
		t.Fatalf("%d files, want lock, database, WAL and its index: %v", len(entries), err)
	}
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Sys().(*syscall.Stat_t).Uid; int(got) != owner {
			t.Errorf("%s belongs to %d, want %d", e.Name(), got, owner)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
	}
	if h := store.CheckFiles(dir); !h.OK {
		t.Errorf("%+v", h)
	}
}
