package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema to this program's version: the numbered files of from after user_version, in
// one transaction. A database that is newer than the program is refused untouched, and one that
// another process is serving from is not changed under it.
func migrate(ctx context.Context, conn *sql.Conn, from fs.FS, inUse bool) error {
	files, err := fs.Glob(from, "migrations/*.sql")
	if err != nil {
		return err
	}
	slices.Sort(files)
	version, err := schemaVersion(ctx, conn)
	if err != nil {
		return fmt.Errorf("read the database: %w", err)
	}
	switch {
	case version > len(files):
		return fmt.Errorf("%w (schema %d, this program knows %d): install the newer omsbox again, or restore a backup made by this one",
			ErrNewer, version, len(files))
	case version == len(files):
		return nil
	case version > 0 && inUse:
		return errors.New("the omsbox that is running is older than this program: restart it first")
	}
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if err := migrateAll(ctx, conn, from, files); err != nil {
		conn.ExecContext(ctx, "ROLLBACK")
		return fmt.Errorf("migrate: %w", err)
	}
	if _, err := conn.ExecContext(ctx, "COMMIT"); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// migrateAll runs inside a transaction and reads the version again: another process may have been faster.
func migrateAll(ctx context.Context, conn *sql.Conn, from fs.FS, files []string) error {
	version, err := schemaVersion(ctx, conn)
	if err != nil {
		return err
	}
	for i := version; i < len(files); i++ {
		text, err := fs.ReadFile(from, files[i])
		if err != nil {
			return err
		}
		if _, err := conn.ExecContext(ctx, string(text)); err != nil {
			return fmt.Errorf("%s: %w", files[i], err)
		}
		if _, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", i+1)); err != nil {
			return err
		}
	}
	return nil
}

func schemaVersion(ctx context.Context, conn *sql.Conn) (v int, err error) {
	err = conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&v)
	return v, err
}
