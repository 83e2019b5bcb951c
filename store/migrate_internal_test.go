package store

import (
	"database/sql"
	"io/fs"
	"path/filepath"
	"testing"
	"testing/fstest"
)

// A migration is whole or has not been: neither the statements before the one that fails nor the migrations
// before its own are left.
func TestAMigrationThatFailsHalfWay(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]int{"from the version before": len(files), "from nothing": 0} {
		t.Run(name, func(t *testing.T) {
			db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), File))
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			conn, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			some, broken := fstest.MapFS{}, fstest.MapFS{}
			for i, file := range files {
				data, err := fs.ReadFile(migrations, file)
				if err != nil {
					t.Fatal(err)
				}
				broken[file] = &fstest.MapFile{Data: data}
				if i < from {
					some[file] = broken[file]
				}
			}
			broken["migrations/9998_good.sql"] = &fstest.MapFile{Data: []byte(`CREATE TABLE good (x)`)}
			broken["migrations/9999_bad.sql"] = &fstest.MapFile{Data: []byte(`ALTER TABLE users ADD COLUMN half TEXT;
				UPDATE users SET disabled = 1;
				PRAGMA application_id = 7;
				INSERT INTO users (nothing) VALUES (1)`)}
			if err := migrate(t.Context(), conn, some, false); err != nil {
				t.Fatal(err)
			}
			if from > 0 {
				if _, err := conn.ExecContext(t.Context(), `INSERT INTO users (login, password, phone, mail, alias, admin, disabled, created)
					VALUES ('ann', '', '', '', 'ann', 0, 0, 1)`); err != nil {
					t.Fatal(err)
				}
			}
			state := func() (text string) {
				if err := conn.QueryRowContext(t.Context(), `SELECT ifnull((SELECT group_concat(sql, ';') FROM sqlite_schema), '') ||
					(SELECT user_version FROM pragma_user_version) || ' ' || (SELECT application_id FROM pragma_application_id)`).Scan(&text); err != nil {
					t.Fatal(err)
				}
				return text
			}
			before := state()
			if err := migrate(t.Context(), conn, broken, false); err == nil {
				t.Fatal("it does not fail")
			}
			if after := state(); after != before {
				t.Errorf("the database was\n%s\nand is\n%s", before, after)
			}
			if from > 0 {
				var disabled bool
				if err := conn.QueryRowContext(t.Context(), `SELECT disabled FROM users`).Scan(&disabled); err != nil || disabled {
					t.Errorf("the user is disabled: %t, %v", disabled, err)
				}
			}
			// Once the migration is right, it is made.
			delete(broken, "migrations/9999_bad.sql")
			if err := migrate(t.Context(), conn, broken, false); err != nil {
				t.Fatal(err)
			}
			if version, err := schemaVersion(t.Context(), conn); err != nil || version != len(files)+1 {
				t.Errorf("it is of version %d, %v", version, err)
			}
		})
	}
}
