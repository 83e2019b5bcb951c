package modem_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"omsbox/modem/simulator"
	"omsbox/store"
)

// Each test of this package has a store and a modem of its own, so all run in parallel. Most of them wait
// for the disk or for a port, so more of them run at once than there are processors.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		flag.Set("test.parallel", "8")
	}
	os.Exit(m.Run())
}

// blank is a database that has no rows yet. Its migrations take longer than most tests.
type blank struct {
	once sync.Once
	file []byte
}

// blanks are the empty databases of real time, and of bubbles of time: the latter begin years ago, and a
// database would not believe a clock that is behind it.
var blanks [2]blank

// dataDir returns a new data directory with an empty database in it.
func dataDir(t testing.TB) string {
	t.Helper()
	e := &blanks[0]
	if time.Now().Year() == 2000 { // testing/synctest
		e = &blanks[1]
	}
	e.once.Do(func() {
		dir := t.TempDir()
		s, err := store.Create(context.Background(), dir, quiet())
		check(t, err)
		check(t, s.Close()) // which moves all of it into the one file
		e.file, err = os.ReadFile(filepath.Join(dir, store.File))
		check(t, err)
	})
	if e.file == nil {
		t.Fatal("there is no empty database")
	}
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, store.File), e.file, 0o600))
	return dir
}

// only returns the one row that there is to be.
func only[T any](t testing.TB, rows []T) T {
	t.Helper()
	if len(rows) != 1 {
		t.Fatalf("there are %d rows, want one: %+v", len(rows), rows)
	}
	return rows[0]
}

// next waits for what comes through a channel.
func next[T any](t testing.TB, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came")
	}
	return v
}

// ends waits for a Run whose context is over, and returns its error. A Run that does not end fails the test: then
// its simulators are closed, so that the test ends and not the time of all tests.
func ends(t testing.TB, done <-chan error, sims ...*simulator.Simulator) error {
	t.Helper()
	const within = time.Minute
	select {
	case err := <-done:
		return err
	case <-time.After(within):
	}
	t.Errorf("a modem is not done %v after its stop", within)
	for _, sim := range sims {
		sim.Close()
	}
	select {
	case err := <-done:
		return err
	case <-time.After(within):
		return errors.New("it is not even done when its port is gone")
	}
}
