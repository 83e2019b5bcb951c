package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// applicationID is "omsb": SQLite keeps it in the header of the file, and a migration writes it.
const applicationID = 0x6F6D7362

// suffixes are those of the files that together are one database in WAL mode.
var suffixes = []string{"", "-wal", "-shm"}

// databaseFile looks at the file of the database, before SQLite opens it: nothing there, or something that
// cannot be the database that was.
func databaseFile(path string) error {
	for _, suffix := range suffixes { // a link may lead to what is no business of ours
		if info, err := os.Lstat(path + suffix); err == nil && !info.Mode().IsRegular() {
			return fmt.Errorf("%s is no file but a link or the like: put the file itself there", path+suffix)
		}
	}
	info, err := os.Stat(path)
	switch {
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return err
	case err == nil && info.Size() == 0:
		return fmt.Errorf("%w: %s has 0 bytes, and what it held is lost: put a backup in its place. "+
			"To begin with nothing, remove that file", ErrEmpty, path)
	case err == nil:
		return nil
	}
	if left, wal := os.Stat(path + "-wal"); wal == nil && left.Size() > 0 {
		return fmt.Errorf("%w: %s is not there, but %s is, which holds its last changes: "+
			"put the database back beside it. To begin with nothing, remove %s", ErrNoDatabase, path, path+"-wal", path+"-wal")
	}
	return err
}

// makeDatabase makes the database at path, where there is none. It is built under another name: so whatever
// interrupts that, a file at path is always a whole database.
func makeDatabase(ctx context.Context, path string) error {
	building := path + ".new"
	for _, left := range []string{building, building + "-journal", path + "-wal", path + "-shm"} {
		if err := os.Remove(left); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	// Made here, it is nobody else's to read; the files that SQLite puts beside it follow it.
	file, err := openOwned(building)
	if err != nil {
		return err
	}
	defer file.Close()
	// Whatever goes wrong, it is begun again: so nothing need be on the disk before the whole is.
	db, err := sql.Open("sqlite", dataSource(building, "mode=rw", "synchronous(OFF)", "journal_mode(MEMORY)"))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(ctx)
	if err == nil {
		err = errors.Join(migrate(ctx, conn, migrations, false), conn.Close())
	}
	if err = errors.Join(err, db.Close(), file.Sync()); err != nil {
		os.Remove(building)
		return err
	}
	if err := os.Rename(building, path); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

// ours looks whether what conn has open is a database of this program, of any version.
func ours(ctx context.Context, conn *sql.Conn, path string) error {
	var application, tables, known int64
	err := conn.QueryRowContext(ctx, "PRAGMA application_id").Scan(&application)
	if err == nil {
		err = conn.QueryRowContext(ctx, `SELECT count(*),
				count(*) FILTER (WHERE name IN ('users', 'settings', 'deliveries', 'segments', 'incoming'))
			FROM sqlite_schema WHERE type = 'table'`).Scan(&tables, &known)
	}
	switch {
	case err != nil:
		return fmt.Errorf("read the database: %w", err)
	case known == 5 && (application == applicationID || application == 0):
		return nil
	case tables == 0 && (application == applicationID || application == 0):
		return fmt.Errorf("%w: %s has no tables, and what it held is lost: put a backup in its place. "+
			"To begin with nothing, remove that file", ErrEmpty, path)
	}
	return fmt.Errorf("%w: %s holds the data of another program: put omsbox's own file there, "+
		"or name another directory with -data", ErrForeign, path)
}
