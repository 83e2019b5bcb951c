package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"omsbox/store"
)

func TestWhatIsAcceptedIsOnTheDisk(t *testing.T) {
	t.Parallel()
	// That a power cut loses nothing cannot be tried here; that SQLite is told to see to it can.
	s := open(t)
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1"} {
		got, err := s.Pragma(t.Context(), pragma)
		check(t, err)
		if got != want {
			t.Errorf("%s of the writing connection is %s, want %s", pragma, got, want)
		}
	}
}

func TestASecondServerIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := openIn(t, dir)
	_, err := store.Create(t.Context(), dir, slog.New(slog.DiscardHandler))
	if !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v, want the lock of %s", err, dir)
	}
	check(t, first.Close())
	again, err := store.Create(t.Context(), dir, slog.New(slog.DiscardHandler))
	check(t, err)
	check(t, again.Close())
}

func TestOnlyServingMakesADatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := store.Open(t.Context(), dir, slog.New(slog.DiscardHandler))
	if !errors.Is(err, store.ErrNoDatabase) {
		t.Errorf("got %v, want %v", err, store.ErrNoDatabase)
	}
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		t.Errorf("it left %v behind", entries)
	}
}

func TestNobodyElseMayReadTheDatabase(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Log("Windows has no such permissions")
		return
	}
	dir := t.TempDir()
	s := openIn(t, dir)
	addUser(t, s, "ann")
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	check(t, err)
	for _, file := range files {
		info, err := os.Stat(file)
		check(t, err)
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", file, info.Mode())
		}
	}
	if len(files) < 4 {
		t.Errorf("there are only %v", files)
	}
}

func TestANewerDatabaseIsRefusedUntouched(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("migrations/*.sql")
	check(t, err)
	for _, newer := range []int{len(files) + 1, 1000} {
		dir := t.TempDir()
		check(t, openIn(t, dir).Close())
		path := filepath.Join(dir, store.File)
		db, err := sql.Open("sqlite", path)
		check(t, err)
		_, err = db.Exec(fmt.Sprintf("PRAGMA user_version = %d", newer))
		check(t, err)
		check(t, db.Close())
		before, err := os.ReadFile(path)
		check(t, err)
		for name, f := range map[string]opener{"serve": store.Create, "beside": store.Open} {
			_, err := f(t.Context(), dir, slog.New(slog.DiscardHandler))
			if !errors.Is(err, store.ErrNewer) || !strings.Contains(err.Error(), fmt.Sprint(newer)) {
				t.Errorf("%s: got %v, want %v of %d", name, err, store.ErrNewer, newer)
			}
		}
		after, err := os.ReadFile(path)
		check(t, err)
		if string(after) != string(before) {
			t.Errorf("the database of %d was changed", newer)
		}
	}
}

func TestADirectoryThatCannotBeWrittenSaysSo(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	check(t, os.WriteFile(file, nil, 0o600))
	_, err := store.Create(t.Context(), filepath.Join(file, "data"), slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "data directory") {
		t.Errorf("got %v", err)
	}
}

// TestMain lets the test be its own second process.
func TestMain(m *testing.M) {
	if dir := os.Getenv("OMSBOX_TEST_OTHER"); dir != "" {
		s, err := store.Open(context.Background(), dir, slog.New(slog.DiscardHandler))
		if err == nil {
			err = s.Set(context.Background(), "service.name", "from outside")
		}
		if err == nil {
			err = s.Close()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestAnotherProcessIsHeardAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIn(t, dir)
	bell := s.Subscribe(store.Outgoing)
	defer bell.Close()
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), "OMSBOX_TEST_OTHER="+dir)
	if out, err := other.CombinedOutput(); err != nil {
		t.Fatalf("the other process: %v: %s", err, out)
	}
	select {
	case <-bell.C:
	case <-time.After(2 * time.Second):
		t.Fatal("nothing was heard of the other process")
	}
	if got := s.Setting("service.name"); got != "from outside" {
		t.Errorf("the setting is %q", got)
	}
}

func TestChangesOfManyAreCommittedTogether(t *testing.T) {
	t.Parallel()
	s := open(t)
	const many = 200
	errs := make(chan error, many)
	for i := range many {
		go func() {
			if i%10 == 3 { // one that fails undoes itself alone
				err := s.SetPassword(context.Background(), "nobody", "x")
				if !errors.Is(err, store.ErrNotFound) {
					errs <- fmt.Errorf("got %v, want %v", err, store.ErrNotFound)
					return
				}
				errs <- nil
				return
			}
			errs <- s.SetHealth(context.Background(), fmt.Sprint("part ", i), true, "fine")
		}()
	}
	for range many {
		check(t, <-errs)
	}
	got, err := s.Healths(t.Context())
	check(t, err)
	if len(got) != many-many/10 {
		t.Errorf("%d rows, want %d", len(got), many-many/10)
	}
}

func TestAClosedStoreSaysSo(t *testing.T) {
	t.Parallel()
	s := open(t)
	check(t, s.Close())
	if err := s.SetHealth(t.Context(), "x", true, "y"); !errors.Is(err, store.ErrClosed) {
		t.Errorf("got %v, want %v", err, store.ErrClosed)
	}
}

func TestALinkIsNoDatabase(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	check(t, openIn(t, other).Close())
	for _, part := range []string{"", "-wal"} {
		link := filepath.Join(dir, store.File+part)
		check(t, os.Symlink(filepath.Join(other, store.File), link))
		s, err := store.Create(t.Context(), dir, slog.New(slog.DiscardHandler))
		if err == nil {
			s.Close()
			t.Fatalf("it follows the link %s", link)
		}
		if !strings.Contains(err.Error(), "is no file") {
			t.Error(err)
		}
		check(t, os.Remove(link))
		os.Remove(filepath.Join(dir, store.File))
	}
}
