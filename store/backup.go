package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// The copy that a backup is made of lies in the data directory while it is needed: so it is never readable to
// anybody else, whatever the backup is written to.
const (
	copyFile = "backup.db"
	copyLock = "backup.lock"
)

// Copy is a consistent copy of the database, as it was at one moment.
type Copy struct {
	Made time.Time // that moment
	Size int64     // octets

	file *os.File
	lock *lock
}

// Copy copies the database as it is at this moment, while other processes go on reading and writing. The files
// themselves cannot be copied meanwhile: what was committed last stands in the -wal file, and SQLite moves it from
// there into the database whenever it likes. One copy can be made at a time: ErrLocked.
func (s *Store) Copy(ctx context.Context) (*Copy, error) {
	lock, err := takeLock(filepath.Join(s.dir, copyLock))
	if errors.Is(err, ErrLocked) {
		return nil, fmt.Errorf("another backup of %s is being made: %w", s.dir, err)
	}
	if err != nil {
		return nil, err
	}
	c := &Copy{lock: lock, Made: s.stamp()}
	if err := s.copy(ctx, c); err != nil {
		c.Close()
		return nil, fmt.Errorf("copy the database: %w", err)
	}
	return c, nil
}

func (s *Store) copy(ctx context.Context, c *Copy) error {
	path := filepath.Join(s.dir, copyFile)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) { // of a backup that was killed
		return err
	}
	if err := s.roomForCopy(ctx); err != nil {
		return err
	}
	// SQLite writes into a file that is there and empty. Made here, the file is nobody else's to read.
	file, err := openOwned(path)
	if err != nil {
		return err
	}
	c.file = file
	conn, err := s.read.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, `PRAGMA query_only(0)`); err != nil {
		return err
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), `PRAGMA query_only(1)`)
	// One read transaction: the service goes on, and its -wal file grows for as long as this takes.
	if _, err := conn.ExecContext(ctx, `VACUUM INTO ?`, path); err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	c.Size = info.Size()
	return nil
}

// roomForCopy refuses a copy that would leave the disk too full for the service to go on.
func (s *Store) roomForCopy(ctx context.Context) error {
	var pages, each int64
	err := s.read.QueryRowContext(ctx, `SELECT (SELECT * FROM pragma_page_count), (SELECT * FROM pragma_page_size)`).
		Scan(&pages, &each)
	if err != nil {
		return err
	}
	return RoomFor(s.dir, uint64(pages*each))
}

// RoomFor refuses to write so many octets to the disk of dir where that would fill it.
func RoomFor(dir string, octets uint64) error {
	free, total, err := spaceOn(dir)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if needed := octets + leastOn(total); err == nil && free < needed {
		err = fmt.Errorf("%s has %s free and needs %s: make room there", dir, size(free), size(needed))
	}
	return err
}

// Read reads on in the copy.
func (c *Copy) Read(p []byte) (int, error) { return c.file.Read(p) }

// Close removes the copy.
func (c *Copy) Close() error {
	var err error
	if c.file != nil {
		err = errors.Join(c.file.Close(), os.Remove(c.file.Name()))
	}
	c.lock.release()
	return err
}

var _ io.ReadCloser = (*Copy)(nil)
