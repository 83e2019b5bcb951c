package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"omsbox/store"
	"omsbox/store/condition"
)

// waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never came about: " + what)
		}
	}
}

// What is written to a file that was deleted or replaced is in no file that anybody finds again: it is not taken.
func TestADatabaseThatIsTakenAway(t *testing.T) {
	t.Parallel()
	move := func(from, to string) func(*testing.T) { return func(t *testing.T) { check(t, os.Rename(from, to)) } }
	for _, c := range []struct {
		name, suffix string
		replace      bool
		code         condition.Code
	}{
		{"the database is moved away", "", false, condition.DatabaseGone},
		{"the database is replaced", "", true, condition.DatabaseReplaced},
		{"its last changes are moved away", "-wal", false, condition.DatabaseGone},
		{"its last changes are replaced", "-wal", true, condition.DatabaseReplaced},
		{"the index of its last changes is moved away", "-shm", false, condition.DatabaseGone},
		{"the index of its last changes is replaced", "-shm", true, condition.DatabaseReplaced},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			u := addUser(t, s, "ann")
			path := filepath.Join(s.Dir(), store.File+c.suffix)
			move(path, path+".away")(t)
			if c.replace {
				data, err := os.ReadFile(path + ".away")
				check(t, err)
				check(t, os.WriteFile(path, data, 0o600))
			}
			bell := s.Subscribe(store.Storage)
			defer bell.Close()
			_, _, err := s.Enqueue(t.Context(), store.Message{User: u.ID, Source: store.SourceCommand, Parts: []string{"hello"},
				To: []store.Recipient{{Number: "+447911123456"}}})
			if !errors.Is(err, store.ErrStorage) || !strings.Contains(err.Error(), path) {
				t.Errorf("a text is answered with %v", err)
			}
			got := s.Storage()
			if got.Condition.Code != c.code || got.Condition.Arg("path") != path || got.Since.IsZero() {
				t.Errorf("the storage is said to be %+v", got)
			}
			if len(bell.C) == 0 {
				t.Error("nobody is told")
			}
			status, err := s.Status(t.Context())
			if err != nil || !strings.Contains(status, "storage      PROBLEM: "+got.Condition.Words()) {
				t.Errorf("the status is %v\n%s", err, status)
			}
			if said := store.CheckStorage(s.Dir()); len(said) != 1 || said[0].OK || said[0].Text != got.Condition.Words() {
				t.Errorf("another process learns %+v", said)
			}
			if c.suffix == "" && !c.replace {
				if _, err := store.Open(t.Context(), s.Dir(), quiet()); !errors.Is(err, store.ErrStorage) {
					t.Errorf("a command beside it says %v", err)
				}
			}
			move(path+".away", path)(t)
			eventually(t, "the storage is well again", func() bool { return s.Storage().Condition.IsZero() })
			if said := store.CheckStorage(s.Dir()); said != nil {
				t.Errorf("another process still learns %+v", said)
			}
			enqueue(t, s, u.ID, "hello", "+447911123456")
			if log, err := s.Backlog(t.Context()); err != nil || log.Queued != 1 {
				t.Errorf("what was refused waits too: %d, %v", log.Queued, err)
			}
		})
	}
}

// Nobody need ask for anything for it to be noticed.
func TestADatabaseThatIsTakenAwayIsNoticedByItself(t *testing.T) {
	t.Parallel()
	s := open(t)
	path := filepath.Join(s.Dir(), store.File)
	check(t, os.Rename(path, path+".away"))
	eventually(t, "it is noticed", func() bool { return s.Storage().Condition.Code == condition.DatabaseGone })
	check(t, os.Rename(path+".away", path))
	eventually(t, "it is over", func() bool { return s.Storage().Condition.IsZero() })
}

// What the serving process told counts while it serves.
func TestNobodyServesAndNobodyTells(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIn(t, dir)
	path := filepath.Join(dir, store.File)
	check(t, os.Rename(path, path+".away"))
	eventually(t, "it is noticed", func() bool { return len(store.CheckStorage(dir)) == 1 })
	check(t, os.Rename(path+".away", path))
	check(t, s.Close())
	if said := store.CheckStorage(dir); said != nil {
		t.Errorf("after the end it is said that %+v", said)
	}
}
