package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"omsbox/store/condition"
)

// How the storage is, which rows cannot say: it is what would hold them. Where it refuses what is to be stored,
// the store keeps the reason in memory, tells it to this process by the bell Storage and to the others by the
// file health, and tries until it is over.

const (
	// probeEvery is how often the store tries whether a storage that refused takes something again.
	probeEvery = time.Second
	// compareEvery is how often the store looks for its files while it stores nothing.
	compareEvery = 2 * time.Second
	// lookEvery is how often the store looks at the disk, without writing to it.
	lookEvery = 5 * time.Second
	// enough is how many bytes must be free for a disk to count as full no longer. One commit takes far less;
	// it keeps the end of the trouble from coming and going with each commit.
	enough = 1 << 20
	// little is how many bytes must be free for nobody to fear that the next commit finds no room.
	little = 256 << 10
)

// Trouble is something that is wrong and that is known to the memory of the serving process alone.
type Trouble struct {
	Condition condition.Condition // zero: nothing is wrong
	Since     time.Time           // by the store's clock
}

// storage is what the store knows of the storage below it.
type storage struct {
	mu       sync.Mutex
	trouble  Trouble
	files    map[string]os.FileInfo // of the database, as SQLite opened them, by suffix
	health   *os.File               // nil: this process does not serve
	clock    Trouble                // what the clock is doubted for, as published last
	told     Trouble                // what people were told of without a row, and not yet that it is over
	probed   time.Time              // when the storage that refuses was tried last; monotonic
	compared time.Time              // when the files were looked for last while nothing was stored; monotonic
	looked   time.Time              // when the disk was looked at last; monotonic
	warned   condition.Code         // of the alarm that a disk will soon be full; "" where none is open
	started  bool                   // one of the last run may be open no longer
}

// Storage returns why nothing can be stored at present: that the disk is full, that the database is gone. Its
// Condition is zero while all is well. A process that serves knows it from its own memory, any other from the
// one that serves.
func (s *Store) Storage() Trouble {
	s.storage.mu.Lock()
	trouble := s.storage.trouble
	s.storage.mu.Unlock()
	if s.lock == nil && trouble.Condition.IsZero() {
		return s.published().Storage
	}
	return trouble
}

// became takes note of how the storage is: c is zero where it is well. err is what SQLite says, if it does.
func (s *Store) became(c condition.Condition, err error) {
	since := s.stamp()
	s.storage.mu.Lock()
	was := s.storage.trouble.Condition
	if was.Code == c.Code {
		s.storage.mu.Unlock()
		return
	}
	s.storage.trouble = Trouble{}
	if !c.IsZero() {
		s.storage.trouble = Trouble{c, since}
	}
	s.storage.probed = time.Now()
	s.storage.publish()
	s.storage.mu.Unlock()
	if c.IsZero() {
		s.log.Info("the storage takes again what is to be stored", "was", was.Words())
		s.bells.ringAll() // what could not be stored is tried again
		return
	}
	if s.lock != nil { // else a command gives it to its user as an error
		s.log.Error("nothing can be stored", "reason", c.Words(), "err", err)
	}
	s.bells.ring(Storage)
	s.bells.ring(Traffic)
}

// refused takes note of an error that comes from below the database, and returns it as an ErrStorage. Any
// other error stays as it is.
func (s *Store) refused(err error) error {
	c := ails(s.dir, err)
	if c.IsZero() {
		return err
	}
	s.became(c, err)
	return notStored(c, err)
}

// explained says of an error from below the database what to do about it; any other stays as it is.
func explained(dir string, err error) error {
	if c := ails(dir, err); !c.IsZero() {
		return notStored(c, err)
	}
	return err
}

// LogLevel is the level at which others log an error of the store. The store itself tells once that the disk refuses
// everything; a caller that tries again meets that each time.
func LogLevel(err error) slog.Level {
	if errors.Is(err, ErrStorage) {
		return slog.LevelDebug
	}
	return slog.LevelError
}

// storageError is an ErrStorage with its reason, which SQLite tells in words for programmers alone.
type storageError struct {
	condition condition.Condition
	err       error // nil where the store noticed it by itself
}

func (e *storageError) Error() string { return ErrStorage.Error() + ": " + e.condition.Words() }

func (e *storageError) Unwrap() []error {
	if e.err == nil {
		return []error{ErrStorage}
	}
	return []error{ErrStorage, e.err}
}

func notStored(c condition.Condition, err error) error { return &storageError{c, err} }

// ails says what is wrong with the disk or the database in dir where an error comes from there; zero where it
// does not.
func ails(dir string, err error) condition.Condition {
	path := filepath.Join(dir, File)
	var e *sqlite.Error
	switch {
	case err == nil || errors.Is(err, ErrStorage):
		return condition.Condition{}
	case errors.As(err, &e):
	case isDisk(err):
		return ailing(dir, err)
	default:
		return condition.Condition{}
	}
	switch e.Code() & 0xff { // the rest is more about the same
	case sqlite3.SQLITE_FULL:
		return condition.New(condition.DiskFull, "directory", dir, "free", freeOn(dir))
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN:
		if tried := try(dir); tried != nil { // SQLite does not pass on what the system said
			err = tried
		}
		return ailing(dir, err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return condition.New(condition.DatabaseDamaged, "path", path, "error", e.Error())
	case sqlite3.SQLITE_BUSY:
		return condition.New(condition.DatabaseBusy, "path", path)
	}
	return condition.Condition{}
}

// isDisk reports whether an error of the system is about a disk that takes nothing.
func isDisk(err error) bool {
	for _, e := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// ailing says what is wrong with the disk of dir, by what the system said.
func ailing(dir string, err error) condition.Condition {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return condition.New(condition.DiskFull, "directory", dir, "free", freeOn(dir))
	case errors.Is(err, syscall.EROFS):
		return condition.New(condition.DiskReadOnly, "directory", dir)
	}
	return condition.New(condition.DiskFails, "directory", dir, "error", err)
}

// tryFile is the pattern of the files that try makes. One that a power cut left is removed at the next start.
const tryFile = ".try-*"

// try writes a file to the disk of dir, and removes it again: how else is one to know what a disk takes.
func try(dir string) error {
	file, err := os.CreateTemp(dir, tryFile)
	if err != nil {
		return err
	}
	_, err = file.Write(make([]byte, 64<<10))
	return errors.Join(err, file.Sync(), file.Close(), os.Remove(file.Name()))
}

// roomLeft warns of a disk that will soon be full; zero where it will not.
func roomLeft(dir string) condition.Condition {
	free, total, err := spaceOn(dir)
	if least := leastOn(total); err == nil && free < least {
		return condition.New(condition.DiskLow, "directory", dir, "free", size(free), "least", size(least))
	}
	return condition.Condition{}
}

// leastOn is how many octets a disk of that size should have free: SQLite wants room for its journal, and the
// other programs of the computer for theirs. A small disk may be filled to nine tenths.
func leastOn(total uint64) uint64 { return min(200<<20, total/10) }

func freeOn(dir string) string {
	free, _, err := spaceOn(dir)
	if err != nil {
		return "nothing"
	}
	return size(free)
}

// remember keeps which files SQLite has open. It is called when they are all there.
func (s *Store) remember() error {
	s.storage.mu.Lock()
	defer s.storage.mu.Unlock()
	s.storage.files = map[string]os.FileInfo{}
	for _, suffix := range suffixes {
		info, err := os.Stat(filepath.Join(s.dir, File+suffix))
		if errors.Is(err, os.ErrNotExist) && suffix != "" {
			continue // it is made with the first change
		}
		if err != nil {
			return err
		}
		s.storage.files[suffix] = info
	}
	return nil
}

// whole looks whether the files of the database are still those that SQLite has open. What is written to one
// that was deleted, or moved away, is in no file that anybody finds again.
func (s *Store) whole() condition.Condition {
	s.storage.mu.Lock()
	defer s.storage.mu.Unlock()
	for _, suffix := range suffixes {
		path := filepath.Join(s.dir, File+suffix)
		info, err := os.Stat(path)
		known := s.storage.files[suffix]
		switch {
		case known == nil && err == nil:
			s.storage.files[suffix] = info
		case known == nil:
		case errors.Is(err, os.ErrNotExist):
			return condition.New(condition.DatabaseGone, "path", path)
		case err != nil:
			return condition.New(condition.DiskFails, "directory", s.dir, "error", err.Error())
		case !os.SameFile(known, info):
			return condition.New(condition.DatabaseReplaced, "path", path)
		}
	}
	return condition.Condition{}
}

// lost is whole as an error.
func (s *Store) lost() error {
	c := s.whole()
	if c.IsZero() {
		return nil
	}
	s.became(c, nil)
	return notStored(c, nil)
}

// tend looks after the storage, every wakeEvery. Now and then it returns a change to be committed: one that
// tries whether the storage takes it, or the alarm for a disk that will soon be full.
func (s *Store) tend() func(*tx) error {
	now := time.Now()
	if s.compares(now) && s.lost() != nil || s.lock == nil { // a command that looks or changes something, and ends
		return nil
	}
	s.storage.mu.Lock()
	defer s.storage.mu.Unlock()
	if trouble := s.storage.trouble.Condition.Code; trouble != "" {
		if now.Sub(s.storage.probed) < probeEvery {
			return nil
		}
		s.storage.probed = now
		return s.probe(trouble)
	}
	if !s.storage.looked.IsZero() && now.Sub(s.storage.looked) < lookEvery {
		return nil
	}
	s.storage.looked = now
	if free, total, err := spaceOn(s.dir); s.cannotWrite() || err == nil && free < min(little, leastOn(total)) {
		return s.probe("") // it shows what is wrong
	}
	low := roomLeft(s.dir)
	if low.Code == s.storage.warned && s.storage.started {
		return nil
	}
	return func(t *tx) error {
		t.then(func() { // a commit that fails is tried again
			s.storage.mu.Lock()
			defer s.storage.mu.Unlock()
			s.storage.warned, s.storage.started = low.Code, true
		})
		if low.IsZero() {
			return t.clear("disk", s.dir)
		}
		return t.raise("disk", s.dir, low.Row())
	}
}

// compares reports whether it is time to look for the files of the database while nothing is stored.
func (s *Store) compares(now time.Time) bool {
	s.storage.mu.Lock()
	defer s.storage.mu.Unlock()
	if s.storage.trouble.Condition.IsZero() && now.Sub(s.storage.compared) < compareEvery {
		return false
	}
	s.storage.compared = now
	return true
}

// cannotWrite reports whether the system would not even let a file be opened for writing: so an idle box notices
// that its disk became read-only, and no write wears the disk.
func (s *Store) cannotWrite() bool {
	file, err := os.OpenFile(filepath.Join(s.dir, healthFile), os.O_WRONLY, 0)
	if err == nil {
		file.Close()
	}
	return isDisk(err)
}

// probe returns a change that means nothing, to see whether that can be stored. nil: there is no need to try.
func (s *Store) probe(trouble condition.Code) func(*tx) error {
	free, total, err := spaceOn(s.dir)
	if err == nil && trouble == condition.DiskFull && free < min(enough, leastOn(total)) {
		return nil // a small change may fit where the next text does not
	}
	return func(t *tx) error {
		t.then(func() { s.became(condition.Condition{}, nil) })
		_, err := t.exec(`INSERT INTO counters (name, value) VALUES ('probe', 1)
			ON CONFLICT (name) DO UPDATE SET value = value + 1`)
		return err
	}
}

// healthFile is the name of the file in which a process that serves tells the others what only its memory
// knows. It has its size from the start and is written over in place: a full disk lets that be.
const (
	healthFile = "health"
	healthSize = 4096
)

// published is what that file holds.
type published struct {
	Serves         bool // some process does, and tells
	Storage, Clock Trouble
}

type publishedRow struct {
	Storage      string `json:"storage,omitempty"`
	StorageSince int64  `json:"storage_since,omitempty"`
	Clock        string `json:"clock,omitempty"`
	ClockSince   int64  `json:"clock_since,omitempty"`
	Told         string `json:"told,omitempty"`
	ToldSince    int64  `json:"told_since,omitempty"`
}

// openHealth makes the file in which this process tells how it is.
func (s *Store) openHealth() error {
	if left, err := filepath.Glob(filepath.Join(s.dir, tryFile)); err == nil {
		for _, path := range left {
			os.Remove(path)
		}
	}
	file, err := openOwned(filepath.Join(s.dir, healthFile))
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	s.storage.mu.Lock()
	defer s.storage.mu.Unlock()
	if row, ok := readHealth(file); ok { // of the last run
		s.storage.told = Trouble{condition.Parse(row.Told), fromMS(row.ToldSince)}
	}
	s.storage.health = file
	return s.storage.write()
}

// ToldOfStorage returns what people were told of the storage without a row, by this run or an earlier one, and
// not yet that it is over.
func (s *Store) ToldOfStorage() Trouble {
	s.storage.mu.Lock()
	defer s.storage.mu.Unlock()
	return s.storage.told
}

// SetToldOfStorage keeps that people were told of a trouble with the storage, or that it is over, where its
// Condition is zero: as far as the storage allows, over a restart.
func (s *Store) SetToldOfStorage(t Trouble) {
	s.storage.mu.Lock()
	defer s.storage.mu.Unlock()
	s.storage.told = t
	s.storage.publish()
}

// readHealth reads what a process told; false where it is not whole.
func readHealth(file *os.File) (row publishedRow, whole bool) {
	data, err := io.ReadAll(io.NewSectionReader(file, 0, 1<<20))
	if err != nil || json.Unmarshal(data, &row) != nil {
		return publishedRow{}, false
	}
	return row, true
}

// tellClock publishes whether the clock is doubted.
func (s *Store) tellClock(t Trouble) {
	s.storage.mu.Lock()
	defer s.storage.mu.Unlock()
	s.storage.clock = t
	s.storage.publish()
}

// publish writes how the storage and the clock are. A disk that refuses even that tells it itself to those
// who look at it.
func (g *storage) publish() { g.write() }

func (g *storage) write() error {
	if g.health == nil {
		return nil
	}
	data, err := json.Marshal(publishedRow{
		g.trouble.Condition.Row(), ms(g.trouble.Since), g.clock.Condition.Row(), ms(g.clock.Since),
		g.told.Condition.Row(), ms(g.told.Since),
	})
	if err != nil {
		return err
	}
	block := make([]byte, max(healthSize, len(data)))
	for i := copy(block, data); i < len(block); i++ {
		block[i] = '\n'
	}
	_, err = g.health.WriteAt(block, 0)
	return err
}

// close lets go of the file. What it says counts no more: nobody serves.
func (g *storage) close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.health == nil {
		return nil
	}
	defer func() { g.health = nil }()
	return g.health.Close()
}

// published reads what the process that serves tells; zero where none does.
func (s *Store) published() (p published) { return publishedIn(s.dir) }

func publishedIn(dir string) (p published) {
	if !Serves(dir) {
		return p
	}
	file, err := os.Open(filepath.Join(dir, healthFile))
	if err != nil {
		return p // an older version serves
	}
	defer file.Close()
	var row publishedRow
	for range 3 { // it may be written just now
		if row, p.Serves = readHealth(file); p.Serves {
			break
		}
	}
	p.Storage = Trouble{condition.Parse(row.Storage), fromMS(row.StorageSince)}
	p.Clock = Trouble{condition.Parse(row.Clock), fromMS(row.ClockSince)}
	return p
}
