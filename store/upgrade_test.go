package store_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"omsbox/store"
)

// older makes a database as a program wrote it that knew these migrations alone.
func older(t testing.TB, dir string, migrations []string, rows string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, store.File))
	check(t, err)
	defer db.Close()
	for _, path := range migrations {
		text, err := os.ReadFile(path)
		check(t, err)
		_, err = db.Exec(string(text))
		check(t, err)
	}
	_, err = db.Exec(rows + fmt.Sprintf("; PRAGMA user_version = %d", len(migrations)))
	check(t, err)
}

func TestEveryOlderDatabaseIsBroughtUpToDate(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("migrations/*.sql")
	check(t, err)
	const rows = `INSERT INTO users (login, password, phone, mail, alias, admin, disabled, created) VALUES ('ann', '', '', '', 'ann', 0, 0, 1);
		INSERT INTO sims (id, iccid, swept, balance, asked, met) VALUES ('262011234567890', '', 1, '', 0, 5);
		INSERT INTO messages (user_id, source, client, source_type, answer, created) VALUES (1, 'oms', '', 'reminder', 1, 7)`
	for n := 1; n < len(files); n++ {
		t.Run(filepath.Base(files[n-1]), func(t *testing.T) {
			dir, rows := t.TempDir(), rows
			if n >= 4 { // since then the program itself writes down that a modem worked
				rows += "; INSERT INTO counters (name, value) VALUES ('radio', 5)"
			}
			older(t, dir, files[:n], rows)
			clock := store.NewSteppedClock(time.Now())
			s := openIn(t, dir, clock.Option())
			ann, err := s.UserByLogin(t.Context(), "ann")
			check(t, err)
			if !ann.Expires.IsZero() {
				t.Errorf("the account expires at %v", ann.Expires)
			}
			clock.Pass(time.Hour)
			if !s.Reachable(time.Time{}) { // a modem had worked: its SIM was met
				t.Error("no modem ever worked")
			}
			hand(t, s, store.Message{User: ann.ID}, 1)
		})
	}
}

// Segments that an older program stored are put together with those that come after the upgrade: those that
// wait, and those that were handed on incomplete. What was whole stays as it is.
func TestSegmentsOfAnOlderDatabaseAreCompleted(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("migrations/*.sql")
	check(t, err)
	dir := t.TempDir()
	waits, late, whole := parts(t, words("waits", 2), 0), parts(t, words("late", 2), 3*time.Hour), parts(t, words("whole", 2), 6*time.Hour)
	rows := ""
	segment := func(tpdu []byte, seq int, after time.Duration, incoming string) {
		rows += fmt.Sprintf(`; INSERT INTO incoming_segments (key, tpdu, sim, sender, ref, total, seq, data, port, sent, kept, repeats, incoming_id, received)
			VALUES (x'%x', x'%x', 'imsi', '%s', 7, 2, %d, 0, 0, %d, 0, 0, %s, 0)`, tpdu, tpdu, number, seq, noon.Add(after).UnixMilli(), incoming)
	}
	for id, missing := range map[int]string{1: "2 of 2", 2: ""} {
		rows += fmt.Sprintf(`; INSERT INTO incoming (id, sim, sender, kind, class, pid, port, text, waiting, flaw, missing, sent, state, reason, received)
			VALUES (%d, 'imsi', '%s', 'SMS', -1, 0, 0, '', '', '', '%s', %d, 'mailed', '', 0)`, id, number, missing, noon.Add(time.Duration(id)*3*time.Hour).UnixMilli())
	}
	segment(waits[0], 1, 0, "NULL")
	segment(late[0], 1, 3*time.Hour, "1")
	segment(whole[0], 1, 6*time.Hour, "2")
	segment(whole[1], 2, 6*time.Hour, "2")
	older(t, dir, files[:7], strings.TrimPrefix(rows, "; "))
	s := openIn(t, dir)
	for _, tpdu := range [][]byte{late[1], waits[1]} {
		check(t, s.Receive(t.Context(), "imsi", tpdu))
	}
	check(t, s.Receive(t.Context(), "imsi", parts(t, words("other", 2), 6*time.Hour)[1]))
	got := unrouted(t, s)
	if len(got) != 2 || got[0].Text != words("late", 2) || got[0].Completes != 1 || got[1].Text != words("waits", 2) || got[1].Completes != 0 {
		t.Errorf("got %+v", got)
	}
}

// A limit that could be set higher once is not forgotten.
func TestALimitFromWhenMoreWasAllowedIsInForce(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("migrations/*.sql")
	check(t, err)
	dir := t.TempDir()
	older(t, dir, files, `INSERT INTO settings (key, value) VALUES ('mms.size', '1MB'), ('oms.sbcs', '10000'), ('oms.dbcs', '5000')`)
	if got := openIn(t, dir).Limits(""); got.MMSSize != 1<<20 || got.SBCS != 10_000 || got.DBCS != 5_000 {
		t.Errorf("got %+v", got)
	}
}

func TestServicesThatWereTakenOutOfAnOlderDatabaseAreRemembered(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("migrations/*.sql")
	check(t, err)
	last := slices.Index(files, filepath.Join("migrations", "0007_oms_in_full.sql"))
	dir := t.TempDir()
	older(t, dir, files[:last], `INSERT INTO messages (source, client, source_type, answer, created, service) VALUES ('oms', '', '', 1, 7, 'sales'), ('oms', '', '', 1, 8, 'sales'), ('oms', '', '', 1, 9, '')`)
	if s := openIn(t, dir); !s.HadService("sales") || s.HasService("sales") || s.HadService("other") {
		t.Errorf("there was a service sales: %t, other: %t", s.HadService("sales"), s.HadService("other"))
	}
}

// migrations returns the files of all migrations, in their order.
func migrations(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("migrations/*.sql")
	check(t, err)
	return files
}
