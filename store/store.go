// Package store is the durable middle of omsbox: every text, report and mail is a row here before
// it crosses from one side to the other, and each record carries the rule that belongs to it.
//
// A change runs in the one writer goroutine, which commits what is waiting together
// (synchronous=FULL) and only then answers; so whoever gets an answer may promise. Readers have
// their own connections. Each state change of a record is one method, one transaction, and writes
// its line of the traffic log there. Times in rows are milliseconds UTC and come from the store's clock.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"omsbox/store/condition"
)

// lockWithin is how long the lock of the data directory is waited for.
const lockWithin = 300 * time.Millisecond

// File is the name of the database inside the data directory.
const File = "omsbox.db"

// Store is an open database. Its methods may be called from any goroutine.
type Store struct {
	dir       string
	lock      *lock // nil where another process may hold it
	log       *slog.Logger
	read      *sql.DB
	writer    *writer
	bells     bells
	defaults  map[string]string                 // of the settings
	values    atomic.Pointer[map[string]string] // the settings rows, as last committed
	sims      atomic.Pointer[map[string]string] // the ICCID of each IMSI, and the other way round
	bindings  atomic.Pointer[bindings]          // users and numbers bound to SIMs
	radio     presence
	services  atomic.Pointer[services]
	warned    atomic.Bool           // some setting says which balance is low
	limited   atomic.Bool           // some setting limits what users hand over
	worked    atomic.Bool           // a modem has been in a network once
	front     atomic.Pointer[Front] // how the service can be reached
	restored  atomic.Pointer[Restored]
	countries atomic.Pointer[[]string] // regions of all SIMs in modems
	source    source
	clock     clock
	storage   storage
	answers   answers
	signIn    credentials

	mu    sync.Mutex
	stmts map[string]*sql.Stmt // of read, by their text
}

// Option changes how a store is opened.
type Option func(*Store)

// Create opens the database in dir for the one process that serves from it, makes directory and
// database where there are none, and puts right what a power cut left behind. It holds the
// directory's lock until Close; ErrLocked if another process does.
func Create(ctx context.Context, dir string, log *slog.Logger, options ...Option) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w; use sudo, or choose a directory that this user may write, with -data", err)
	}
	held, err := takeLock(filepath.Join(dir, lockFileName))
	for deadline := time.Now().Add(lockWithin); errors.Is(err, ErrLocked) && time.Now().Before(deadline); {
		time.Sleep(lockWithin / 20) // it may be a command that looks whether anybody serves
		held, err = takeLock(filepath.Join(dir, lockFileName))
	}
	if errors.Is(err, ErrLocked) {
		return nil, fmt.Errorf("%w: another omsbox already serves from %s; stop that one first, or give this one its own -data", ErrLocked, dir)
	}
	if !ails(dir, err).IsZero() {
		return nil, explained(dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("data directory: %w; use sudo, or choose a directory that this user may write, with -data", err)
	}
	if err := finishRestore(dir); err != nil {
		held.release()
		return nil, err
	}
	if err := prepare(ctx, filepath.Join(dir, File)); err != nil {
		held.release()
		return nil, err
	}
	s, err := open(ctx, dir, log, held, "mode=rw", options)
	if err == nil {
		if err = errors.Join(explained(dir, s.openHealth()), s.recover(ctx)); err == nil {
			return s, nil
		}
		s.Close()
		return nil, fmt.Errorf("put right what the last run left: %w", err)
	}
	held.release()
	return nil, err
}

// prepare makes the database at path where there is none, and refuses what cannot be one.
func prepare(ctx context.Context, path string) error {
	err := databaseFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if err = makeDatabase(ctx, path); err == nil {
			return nil
		}
	} else if err == nil {
		var file *os.File
		if file, err = os.OpenFile(path, os.O_RDWR, 0); err == nil {
			return file.Close()
		}
	}
	if dir := filepath.Dir(path); !ails(dir, err).IsZero() {
		return explained(dir, err)
	}
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("data directory: %w; use sudo, or choose a directory that this user may write, with -data", err)
	}
	return err
}

// dataSource names the database at path for the driver. busy_timeout comes first, so that the pragmas after
// it wait for another process too.
func dataSource(path, mode string, pragmas ...string) string {
	name := (&url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path)}).String() +
		"?_dqs=0&_pragma=busy_timeout(10000)&" + mode
	for _, pragma := range pragmas {
		name += "&_pragma=" + pragma
	}
	return name
}

// Open opens the database that already is in dir, beside a process that may be serving from it. On a disk
// that is read-only it can be read, and every change is refused.
func Open(ctx context.Context, dir string, log *slog.Logger, options ...Option) (*Store, error) {
	path := filepath.Join(dir, File)
	err := databaseFile(path)
	switch {
	case (errors.Is(err, os.ErrNotExist) || errors.Is(err, ErrNoDatabase)) && Serves(dir):
		return nil, notStored(condition.New(condition.DatabaseGone, "path", path), nil)
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("%w in %s: start `omsbox serve -data %s` once, or name the right directory with -data", ErrNoDatabase, dir, dir)
	case err != nil:
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	switch {
	case errors.Is(err, syscall.EROFS):
		return open(ctx, dir, log, nil, "mode=ro", options)
	case err != nil:
		return nil, fmt.Errorf("data directory: %w: use sudo, or be the user that serves from %s", err, dir)
	}
	file.Close()
	return open(ctx, dir, log, nil, "mode=rw", options)
}

// Dir is the data directory.
func (s *Store) Dir() string { return s.dir }

// Serving reports whether some process serves from the database's directory.
func (s *Store) Serving() bool { return s.lock != nil || Serves(s.dir) }

// open opens the database; held is the directory's lock if this process has it. mode is SQLite's: mode=ro or
// mode=rw.
func open(ctx context.Context, dir string, log *slog.Logger, held *lock, mode string, options []Option) (
	*Store, error) {
	path := filepath.Join(dir, File)
	db, conn, err := connect(ctx, path, mode)
	if err != nil {
		return nil, explained(dir, err)
	}
	s := &Store{dir: dir, lock: held, log: log.With("part", "store"), stmts: map[string]*sql.Stmt{}, defaults: map[string]string{}}
	for _, k := range AllSettings() {
		s.defaults[k.Key] = k.Default
	}
	s.bells.rings = map[any]map[*Bell]struct{}{}
	s.source, s.signIn.cost = computersClock(time.Now), usualCost
	for _, option := range options {
		option(s)
	}
	s.signIn.init()
	if err = migrate(ctx, conn, migrations, held == nil && Serves(dir)); err == nil {
		s.read, err = sql.Open("sqlite", dataSource(path, mode, "foreign_keys(1)", "query_only(1)"))
	}
	if err != nil {
		conn.Close()
		db.Close()
		return nil, explained(dir, err)
	}
	s.read.SetMaxOpenConns(4)
	s.read.SetMaxIdleConns(4)
	if err := s.remember(); err != nil {
		conn.Close()
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), s.read.Close(), db.Close())
	}
	if err := s.clock.load(ctx, s); err != nil {
		conn.Close()
		return nil, errors.Join(explained(dir, err), s.read.Close(), db.Close())
	}
	s.writer = newWriter(s, db, conn)
	go s.writer.run()
	if err := s.reload(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// connect opens the writing connection to the database at path, and looks whose it is.
func connect(ctx context.Context, path, mode string) (*sql.DB, *sql.Conn, error) {
	db, err := sql.Open("sqlite", dataSource(path, mode, "synchronous(FULL)", "foreign_keys(1)"))
	if err != nil {
		return nil, nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(ctx)
	if err != nil {
		db.Close()
		return nil, nil, fmt.Errorf("open %s: %w", path, err)
	}
	// What another program wrote is left as it is, down to its journal.
	if err = ours(ctx, conn, path); err == nil && mode != "mode=ro" {
		_, err = conn.ExecContext(ctx, "PRAGMA journal_mode = WAL")
	}
	if err != nil {
		conn.Close()
		db.Close()
		return nil, nil, err
	}
	return db, conn, nil
}

// Close ends the writer after the changes that are waiting, closes the database and lets go of
// the directory. Workers must have returned before.
func (s *Store) Close() error {
	if !s.writer.stop() {
		return nil // closed before
	}
	s.mu.Lock()
	for _, stmt := range s.stmts {
		stmt.Close()
	}
	s.stmts = map[string]*sql.Stmt{}
	s.mu.Unlock()
	err := errors.Join(s.read.Close(), s.writer.db.Close(), s.storage.close())
	s.lock.release()
	return err
}

// prepared returns the reading statement of that text, prepared once.
func (s *Store) prepared(ctx context.Context, text string) (*sql.Stmt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stmt := s.stmts[text]; stmt != nil {
		return stmt, nil
	}
	stmt, err := s.read.PrepareContext(ctx, text)
	if err == nil {
		s.stmts[text] = stmt
	}
	return stmt, err
}

// scanner is a row to be read: *sql.Row or *sql.Rows.
type scanner interface{ Scan(...any) error }

// one reads a single row; sql.ErrNoRows where there is none.
func one[T any](ctx context.Context, s *Store, scan func(scanner) (T, error), text string, args ...any) (T, error) {
	stmt, err := s.prepared(ctx, text)
	if err != nil {
		var none T
		return none, err
	}
	return scan(stmt.QueryRowContext(ctx, args...))
}

// list reads all rows of a query that bounds itself.
func list[T any](ctx context.Context, s *Store, scan func(scanner) (T, error), text string, args ...any) ([]T, error) {
	stmt, err := s.prepared(ctx, text)
	if err != nil {
		return nil, err
	}
	return all(ctx, stmt, scan, args)
}

// all reads what a statement finds.
func all[T any](ctx context.Context, stmt *sql.Stmt, scan func(scanner) (T, error), args []any) ([]T, error) {
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, v)
	}
	return found, rows.Err()
}

func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMS(v int64) time.Time {
	if v == 0 {
		return time.Time{}
	}
	return time.UnixMilli(v).UTC()
}

// Pragma reads a setting of the writing connection back from SQLite.
func (s *Store) Pragma(ctx context.Context, name string) (value string, err error) {
	err = s.write(ctx, func(t *tx) error {
		return t.row("PRAGMA "+name, nil, &value)
	})
	return value, err
}
