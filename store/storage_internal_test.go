package store

import (
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"omsbox/store/condition"
)

// What SQLite and the system say of a disk or a database is told as what it is; any other error stays as it is.
func TestWhatAnErrorSaysOfTheStorage(t *testing.T) {
	t.Parallel()
	s := openInside(t)
	path := filepath.Join(s.dir, File)
	held := func() error { // another program holds the database
		var conns [2]*sql.DB
		for i := range conns {
			db, err := sql.Open("sqlite", path)
			if err != nil {
				return err
			}
			defer db.Close()
			conns[i] = db
		}
		tx, err := conns[0].Conn(t.Context())
		if err != nil {
			return err
		}
		defer tx.Close()
		if _, err := tx.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
			return err
		}
		_, err = conns[1].ExecContext(t.Context(), "BEGIN IMMEDIATE")
		return err
	}
	damaged := func() error {
		other := filepath.Join(t.TempDir(), "other")
		if err := os.WriteFile(other, make([]byte, 8192), 0o600); err != nil {
			return err
		}
		db, err := sql.Open("sqlite", other)
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = db.ExecContext(t.Context(), "SELECT * FROM sqlite_schema")
		return err
	}
	syntax := func() error { _, err := s.read.ExecContext(t.Context(), "SELEKT"); return err }
	for _, c := range []struct {
		name string
		err  error
		want condition.Code
	}{
		{"the database is held", held(), condition.DatabaseBusy},
		{"the database is damaged", damaged(), condition.DatabaseDamaged},
		{"the disk is full", &os.PathError{Op: "write", Path: path, Err: syscall.ENOSPC}, condition.DiskFull},
		{"the user's share of the disk is full", syscall.EDQUOT, condition.DiskFull},
		{"the disk is read-only", fmt.Errorf("open: %w", syscall.EROFS), condition.DiskReadOnly},
		{"the disk fails", syscall.EIO, condition.DiskFails},
		{"a mistake in a statement", syntax(), ""},
		{"another error", ErrNotFound, ""},
		{"none", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := ails(s.dir, c.err); got.Code != c.want {
				t.Errorf("%v is told as %q, want %q", c.err, got.Row(), c.want)
			}
			err := s.refused(c.err)
			if is := errors.Is(err, ErrStorage); is != (c.want != "") || !errors.Is(err, c.err) {
				t.Errorf("%v becomes %v", c.err, err)
			}
			if got := s.Storage().Condition.Code; c.want != "" && got != c.want {
				t.Errorf("the storage is said to be %q", got)
			}
		})
	}
}

// A text that cannot be stored is refused as such, alone or with others.
func TestTextsInADatabaseThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := Create(t.Context(), dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	beside, err := open(t.Context(), dir, slog.New(slog.DiscardHandler), nil, "mode=ro", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	text := Message{Source: SourceCommand, Parts: []string{"hello"}, To: []Recipient{{Number: "+447911123456"}}}
	for _, texts := range [][]Message{{text}, {text, text}} {
		if results, err := beside.EnqueueAll(t.Context(), texts); !errors.Is(err, ErrStorage) {
			t.Errorf("%d texts are answered with %+v, %v", len(texts), results, err)
		}
	}
	if log, err := s.Backlog(t.Context()); err != nil || log.Queued != 0 {
		t.Errorf("%d wait, %v", log.Queued, err)
	}
}
