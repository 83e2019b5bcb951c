package store_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"omsbox/store"
)

type opener = func(context.Context, string, *slog.Logger, ...store.Option) (*store.Store, error)

// What is at the place of the database and cannot be the database that was is refused, in words that say
// what to do, and left as it is.
func TestAFileThatIsNoDatabaseOfOurs(t *testing.T) {
	t.Parallel()
	execute := func(path string, statements string) {
		db, err := sql.Open("sqlite", path)
		check(t, err)
		_, err = db.Exec(statements)
		check(t, err)
		check(t, db.Close())
	}
	for _, c := range []struct {
		name string
		file func(path string)
		want error
		says string
	}{
		{"of 0 bytes", func(path string) { check(t, os.WriteFile(path, nil, 0o600)) }, store.ErrEmpty, "0 bytes"},
		{"without tables", func(path string) { execute(path, "CREATE TABLE x (y); DROP TABLE x") }, store.ErrEmpty, "no tables"},
		{"of another program", func(path string) { execute(path, "CREATE TABLE moz_cookies (id)") }, store.ErrForeign, "another program"},
		{"of another program, with a version", func(path string) {
			execute(path, "CREATE TABLE users (id); PRAGMA user_version = 3")
		}, store.ErrForeign, "another program"},
		{"of another program that has a newer version than ours", func(path string) {
			execute(path, "CREATE TABLE users (id); PRAGMA user_version = 300")
		}, store.ErrForeign, "another program"},
		{"of another program with an application_id", func(path string) {
			execute(path, "CREATE TABLE users (id); PRAGMA application_id = 7")
		}, store.ErrForeign, "another program"},
		{"that is no database", func(path string) {
			check(t, os.WriteFile(path, []byte(strings.Repeat("what people write ", 1000)), 0o600))
		}, nil, "not omsbox's"},
		{"that is gone, and its last changes are there", func(path string) {
			check(t, os.WriteFile(path+"-wal", []byte("frames"), 0o600))
		}, store.ErrNoDatabase, "-wal"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, store.File)
			c.file(path)
			before := contents(t, dir)
			for name, f := range map[string]opener{"serve": store.Create, "beside": store.Open} {
				s, err := f(t.Context(), dir, slog.New(slog.DiscardHandler))
				if err == nil {
					s.Close()
					t.Fatalf("%s opens it", name)
				}
				if c.want != nil && !errors.Is(err, c.want) {
					t.Errorf("%s: got %v, want %v", name, err, c.want)
				}
				if !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path) {
					t.Errorf("%s: %v", name, err)
				}
			}
			if after := contents(t, dir); after != before {
				t.Errorf("it was\n%q\nand is\n%q", before, after)
			}
		})
	}
}

// contents are the files of a directory but for its lock.
func contents(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	entries, err := os.ReadDir(dir)
	check(t, err)
	for _, e := range entries {
		if e.Name() == "lock" || strings.HasSuffix(e.Name(), "-shm") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		check(t, err)
		all.WriteString(e.Name() + ": " + string(data) + "\n")
	}
	return all.String()
}

// A first start that was interrupted is begun again.
func TestAHalfMadeDatabaseIsMadeAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	building := filepath.Join(dir, store.File+".new")
	check(t, os.WriteFile(building, []byte("half a page"), 0o600))
	check(t, os.WriteFile(building+"-journal", []byte("half a journal"), 0o600))
	s := openIn(t, dir)
	addUser(t, s, "ann")
	for _, left := range []string{building, building + "-journal"} {
		if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", left, err)
		}
	}
	if id, err := s.Pragma(t.Context(), "application_id"); err != nil || id != "1869443938" { // "omsb"
		t.Errorf("application_id is %s, %v", id, err)
	}
}
