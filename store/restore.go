package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"omsbox/store/condition"
)

// A restored box must not do again what the box did that the backup was made of. Nobody can tell what that
// box did after the backup, so what the backup has in its queues is held until a person says that it is to go.
// TestARestoreKnowsEveryTable says of each table what a restore does to it.

// unfinished is the part of a data directory that a restore fills before it puts anything in its place.
const unfinished = "restoring"

// Restored is the last restore from a backup, and what is held since then.
type Restored struct {
	Made time.Time // when the backup was made; zero where nothing was ever restored
	At   time.Time // when it was restored

	Texts int // deliveries that are held
	Late  int // of these are no longer worth sending (sms.validity)
	Mails int // mails that are held
	Doubt int // deliveries that the restore made unconfirmed: a part of each had left. Restore alone counts them

	delivery, incoming, segment int64 // up to these, rows are of the backup
	mails                       bool  // new mails about what had come in are held too
	counted                     bool  // the days since the backup count as used up
}

// Holds reports whether something is held until a person decides.
func (r Restored) Holds() bool { return r.Texts > 0 || r.Mails > 0 }

// Condition says what is held, and what to type; the zero Condition where nothing is.
func (r Restored) Condition() condition.Condition {
	if !r.Holds() {
		return condition.Condition{}
	}
	return condition.New(condition.HeldAfterRestore,
		"texts", r.Texts, "mails", r.Mails, "made", r.Made.Local().Format(clockTime))
}

func (s *Store) readRestored(ctx context.Context) (Restored, error) {
	r, err := one(ctx, s, func(r scanner) (v Restored, err error) {
		var made, at int64
		err = r.Scan(&made, &at, &v.delivery, &v.incoming, &v.segment, &v.mails, &v.counted)
		v.Made, v.At = fromMS(made), fromMS(at)
		return v, err
	}, `SELECT made, at, delivery, incoming, segment, mails, counted FROM restored`)
	if errors.Is(err, sql.ErrNoRows) {
		return Restored{}, nil
	}
	return r, err
}

// Restored returns the last restore from a backup, and what is held since then.
func (s *Store) Restored(ctx context.Context) (Restored, error) {
	r := *s.restored.Load()
	if r.Made.IsZero() {
		return r, nil
	}
	return one(ctx, s, func(row scanner) (Restored, error) {
		v := r
		return v, row.Scan(&v.Texts, &v.Late, &v.Mails)
	}, `SELECT (SELECT count(*) FROM deliveries WHERE held = 1),
		(SELECT count(*) FROM deliveries WHERE held = 1 AND expires < ?),
		(SELECT count(*) FROM mails WHERE held = 1)`, ms(s.stamp()))
}

// Restore makes the data directory dir of a backup. fill puts the files of the backup into the directory that it
// is given, the database among them under the name File, and returns when the backup was made. dir must hold
// nothing; where there is none it is made. Where Restore fails, or its process is killed, dir holds nothing that a
// service could be started from.
func Restore(ctx context.Context, dir string, log *slog.Logger, fill func(*os.Root) (made time.Time, err error),
	options ...Option) (r Restored, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return r, fmt.Errorf("data directory: %w; use sudo, or name another directory with -data", err)
	}
	lock, err := takeLock(filepath.Join(dir, lockFileName))
	if errors.Is(err, ErrLocked) {
		return r, fmt.Errorf("%w: an omsbox serves from %s; name an empty directory with -data", ErrLocked, dir)
	}
	if err != nil {
		return r, fmt.Errorf("data directory: %w; use sudo, or name another directory with -data", err)
	}
	defer lock.release()
	if err := emptied(dir); err != nil {
		return r, err
	}
	stage := filepath.Join(dir, unfinished)
	defer func() {
		if err != nil {
			err = errors.Join(err, discard(dir))
		}
	}()
	if err := os.Mkdir(stage, 0o700); err != nil {
		return r, err
	}
	if err := syncDir(dir); err != nil {
		return r, err
	}
	if r, err = restore(ctx, stage, log, fill, options); err != nil {
		return r, err
	}
	return r, moveIn(dir)
}

// emptied refuses a directory that holds something. What a restore left behind that was killed is removed.
func emptied(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var others []string
	killed := false
	for _, e := range entries {
		switch e.Name() {
		case lockFileName, "lost+found":
		case unfinished:
			killed = true
		default:
			others = append(others, e.Name())
		}
	}
	if killed {
		if _, err := os.Lstat(filepath.Join(dir, File)); errors.Is(err, os.ErrNotExist) {
			return discard(dir)
		}
	}
	if len(others) > 0 {
		return fmt.Errorf("%s is not empty (it holds %s): stop the omsbox that uses it and move it away, "+
			"or name an empty directory with -data", dir, strings.Join(others[:min(3, len(others))], ", "))
	}
	return nil
}

// discard removes what a restore has put into a directory that was empty before.
func discard(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == lockFileName || e.Name() == "lost+found" || e.Name() == unfinished {
			continue
		}
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	if err == nil { // last, since it says that the others are not whole
		err = os.RemoveAll(filepath.Join(dir, unfinished))
	}
	return err
}

// moveIn moves what a restore has prepared to where it belongs. The database comes last: it makes the restore valid.
func moveIn(dir string) error {
	stage := filepath.Join(dir, unfinished)
	entries, err := os.ReadDir(stage)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == File || e.Name() == lockFileName {
			continue
		}
		if err := os.Rename(filepath.Join(stage, e.Name()), filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(stage, File), filepath.Join(dir, File)); err != nil {
		return err
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	return os.RemoveAll(stage)
}

// finishRestore refuses a directory whose restore was not finished, and clears up behind one that was.
func finishRestore(dir string) error {
	stage := filepath.Join(dir, unfinished)
	if _, err := os.Lstat(stage); errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, File)); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the restore into %s was not finished: run `omsbox restore` again, or remove what is in it", dir)
	}
	return os.RemoveAll(stage)
}

// restore prepares the files of a backup in stage.
func restore(ctx context.Context, stage string, log *slog.Logger, fill func(*os.Root) (made time.Time, err error),
	options []Option) (r Restored, err error) {
	root, err := os.OpenRoot(stage)
	if err != nil {
		return r, err
	}
	defer root.Close()
	made, err := fill(root)
	if err != nil {
		return r, err
	}
	if err := looksLikeOurs(root); err != nil {
		return r, err
	}
	s, err := open(ctx, stage, log, nil, "mode=rw", options) // without the lock nothing expires meanwhile
	if err != nil {
		return r, fmt.Errorf("the database of the backup: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var words string
	if err := s.read.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&words); err != nil || words != "ok" {
		return r, errors.Join(fmt.Errorf("the database of the backup is damaged: %s", clip(words, 200)), err)
	}
	doubt := 0
	if err := s.write(ctx, func(t *tx) (err error) {
		doubt, err = t.restore(made)
		return err
	}); err != nil {
		return r, fmt.Errorf("hold what was queued: %w", err)
	}
	if err := s.reload(ctx); err != nil {
		return r, err
	}
	r, err = s.Restored(ctx)
	r.Doubt = doubt
	return r, err
}

// looksLikeOurs refuses what SQLite would take for a database that is still empty.
func looksLikeOurs(root *os.Root) error {
	file, err := root.Open(File)
	if errors.Is(err, os.ErrNotExist) {
		return errors.New("the backup has no database")
	}
	if err != nil {
		return err
	}
	defer file.Close()
	var header [64]byte // https://www.sqlite.org/fileformat.html 1.3: at 60 stands user_version
	_, err = io.ReadFull(file, header[:])
	if err != nil || string(header[:16]) != "SQLite format 3\x00" || binary.BigEndian.Uint32(header[60:]) == 0 {
		return errors.New("the database of the backup is none of omsbox's")
	}
	return nil
}

// restore makes the rows of a backup those of a box that has just been restored. It returns of how many deliveries
// a part had left.
func (t *tx) restore(made time.Time) (doubt int, err error) {
	// The clock was once as late as this.
	if _, err := t.exec(`INSERT INTO counters (name, value) VALUES ('clock', ?)
		ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)`, ms(made)); err != nil {
		return 0, err
	}
	if err := t.recover(); err != nil {
		return 0, err
	}
	if doubt, err = t.doubtBegun(); err != nil {
		return 0, err
	}
	for _, change := range []struct {
		text string
		args []any
	}{
		// What waited for another try is due at once when it is released.
		{`UPDATE deliveries SET held = 1, due = iif(state = 'queued', (SELECT created FROM messages WHERE id = message_id), due),
			state = 'scheduled', line = NULL, ahead = 0, behind = 0
			WHERE state = 'queued' OR state = 'scheduled'`, nil},
		{`UPDATE mails SET held = 1 WHERE state = 'queued'`, nil},
		// What was wrong with the old box need not be with this one. What still is will be raised again.
		{`UPDATE alarms SET cleared = ? WHERE cleared IS NULL`, []any{ms(t.now)}},
		{`DELETE FROM health`, nil},
		{`UPDATE modems SET state = 'down', problem = ''`, nil},
		// A session that was ended since would be valid again.
		{`DELETE FROM sessions`, nil},
		{`INSERT INTO restored (id, made, at, delivery, incoming, segment, mails, counted)
			VALUES (1, ?1, ?2, (SELECT ifnull(max(id), 0) FROM deliveries), (SELECT ifnull(max(id), 0) FROM incoming),
				(SELECT ifnull(max(id), 0) FROM incoming_segments), 1, 0)
			ON CONFLICT (id) DO UPDATE SET made = excluded.made, at = excluded.at, delivery = excluded.delivery,
				incoming = excluded.incoming, segment = excluded.segment, mails = 1, counted = 0`, []any{ms(made), ms(t.now)}},
	} {
		if _, err := t.exec(change.text, change.args...); err != nil {
			return 0, err
		}
	}
	// What clients know of a service may be younger than the backup: they are to look again.
	if err := t.outdate(""); err != nil {
		return 0, err
	}
	if err := t.countUnknown(made); err != nil {
		return 0, err
	}
	detail := "from the backup of " + made.Local().Format(clockTime)
	if err := t.trace(Line{Event: "restored", Detail: detail}); err != nil {
		return 0, err
	}
	return doubt, t.holding()
}

// doubtBegun makes those deliveries unconfirmed of which a part had left: the old box may have sent the rest.
func (t *tx) doubtBegun() (int, error) {
	begun, err := t.ids(`SELECT id FROM deliveries WHERE state = 'queued'
		AND id IN (SELECT delivery_id FROM segments WHERE state <> 'pending') ORDER BY id`)
	if err != nil {
		return 0, err
	}
	for _, id := range begun {
		if _, err := t.exec(`UPDATE segments SET state = 'unconfirmed', settled = ? WHERE delivery_id = ? AND state = 'pending'`,
			ms(t.now), id); err != nil {
			return 0, err
		}
		d, err := t.delivery(id)
		if err != nil {
			return 0, err
		}
		d.reason = condition.New(condition.BegunBeforeRestore).Row()
		if err := t.sum(d); err != nil {
			return 0, err
		}
	}
	return len(begun), nil
}
