package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// mostPerCommit bounds how many changes share one commit, so that the first of them need not wait long.
const mostPerCommit = 256

// companyWithin is how long a patient change waits for another that is not.
const companyWithin = 2 * time.Millisecond

// wakeEvery is how often the writer looks whether another process changed the database, and
// whether the wall clock jumped.
const wakeEvery = 500 * time.Millisecond

// writer owns the only writing connection. One goroutine takes every change that is waiting, runs
// each in a SAVEPOINT of its own, commits once, and then answers all.
type writer struct {
	store *Store
	db    *sql.DB
	conn  *sql.Conn
	queue chan *change
	ask   chan struct{} // closed: finish what waits and end
	done  chan struct{} // closed: ended
	once  sync.Once
	stmts map[string]*sql.Stmt
	lanes *lanes // nil: to be read
	turns turns
	swept time.Time // when sweep had work last
	// revoked undoes what is stored although its callers were told that it is not.
	revoked []func(*tx) error
}

// change is one caller's work inside a commit.
type change struct {
	work func(*tx) error
	err  error
	tx   *tx
	done chan struct{} // nil where nobody waits
	// patient: it may wait for company, for companyWithin.
	patient bool
}

// tx is what a change may do. It lives as long as its work function.
type tx struct {
	context.Context
	writer *writer
	now    time.Time
	rings  []any // bells to ring once committed
	after  []func()
	undo   []func(*tx) error // see ifRevoked
	moved  bool              // the writer's lanes may be as they are because of it
}

func newWriter(s *Store, db *sql.DB, conn *sql.Conn) *writer {
	return &writer{
		store: s, db: db, conn: conn,
		queue: make(chan *change, mostPerCommit),
		ask:   make(chan struct{}), done: make(chan struct{}),
		stmts: map[string]*sql.Stmt{},
		turns: turns{last: map[int64]uint64{}},
	}
}

// write runs work in the writer and returns once it is committed, or with the error that undid
// it. A caller that gives up while waiting for its turn leaves no trace; once its turn has come,
// it gets the verdict whatever becomes of ctx.
func (s *Store) write(ctx context.Context, work func(*tx) error) error {
	return s.await(ctx, &change{work: work, done: make(chan struct{})})
}

// writeAlong is write for what may wait for company: while segments leave one after the other, the
// report of one goes into the commit of another, and costs none of its own.
func (s *Store) writeAlong(ctx context.Context, work func(*tx) error) error {
	return s.await(ctx, &change{work: work, done: make(chan struct{}), patient: true})
}

func (s *Store) await(ctx context.Context, c *change) error {
	select {
	case s.writer.queue <- c:
	case <-s.writer.done:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-c.done:
		return c.err
	case <-s.writer.done:
		// The writer ended: it answered everything it took, but may not have taken this one.
		select {
		case <-c.done:
			return c.err
		default:
			return ErrClosed
		}
	}
}

// writeLater runs work in the writer with the next commit; nobody waits for it, so it waits for company
// as writeAlong does. A failure is logged.
func (s *Store) writeLater(work func(*tx) error) {
	select {
	case s.writer.queue <- &change{work: work, patient: true}:
	case <-s.writer.done:
	}
}

// run is the writer goroutine. It lives on its own context: a client that hangs up must not undo
// the changes of others.
func (w *writer) run() {
	defer close(w.done)
	defer w.conn.Close() // SQLite then moves the -wal file into the database: it does so only when no statement is open
	defer func() {
		for _, stmt := range w.stmts {
			stmt.Close()
		}
	}()
	ctx := context.Background()
	ticker := time.NewTicker(wakeEvery)
	defer ticker.Stop()
	version, err := w.dataVersion(ctx)
	if err != nil {
		w.store.log.Error("read data_version", "err", err)
	}
	for {
		select {
		case c := <-w.queue:
			w.commit(ctx, w.gather(c))
		case <-ticker.C:
			// Only commits of other processes change data_version as seen by this connection.
			if v, err := w.dataVersion(ctx); err != nil {
				w.store.refused(err)
			} else if v != version {
				version = v
				w.lanes = nil
				w.store.reloadNow()
				if err := w.store.clock.heed(ctx, w.store); err != nil {
					w.store.log.Error("cannot read what a person says of the clock", "err", err)
				}
				w.store.bells.ringAll()
			}
			if mark := w.store.clock.tick(w.store); mark != nil {
				w.commit(ctx, []*change{{work: mark}})
			}
			if alarm := w.store.clock.alarm(w.store); alarm != nil {
				w.commit(ctx, []*change{{work: alarm}})
			}
			if care := w.store.tend(); care != nil {
				w.commit(ctx, []*change{{work: care}})
			}
			if sweep := w.sweep(); sweep != nil {
				w.commit(ctx, []*change{{work: sweep}})
			}
		case <-w.ask:
			for {
				select {
				case c := <-w.queue:
					w.commit(ctx, w.gather(c))
					continue
				default:
				}
				return
			}
		}
	}
}

// stop ends the writer; false where that was done before.
func (w *writer) stop() (first bool) {
	w.once.Do(func() {
		first = true
		close(w.ask)
	})
	<-w.done
	return first
}

// gather takes what else is waiting beside first. Where all of that is patient, it waits a moment.
func (w *writer) gather(first *change) []*change {
	batch, patient := []*change{first}, first.patient
	var over <-chan time.Time
	for len(batch) < mostPerCommit {
		select {
		case c := <-w.queue:
			batch, patient = append(batch, c), patient && c.patient
			continue
		default:
		}
		if !patient {
			break
		}
		if over == nil {
			timer := time.NewTimer(companyWithin)
			defer timer.Stop()
			over = timer.C
		}
		select {
		case c := <-w.queue:
			batch, patient = append(batch, c), c.patient
		case <-over:
			patient = false
		case <-w.ask:
			patient = false
		}
	}
	return batch
}

// commit runs the batch in one transaction and answers every change of it.
func (w *writer) commit(ctx context.Context, batch []*change) {
	undone, err := false, w.store.lost()
	if err == nil {
		if len(w.revoked) > 0 {
			batch = append([]*change{{work: w.undoRevoked}}, batch...)
		}
		undone, err = w.transact(ctx, batch)
	}
	if err == nil && !undone {
		if err = w.store.lost(); err != nil { // what went into a file that nobody finds again is not stored
			w.revoke(batch)
		}
	}
	if err != nil {
		w.lanes = nil
		if err = w.store.refused(fmt.Errorf("commit: %w", err)); !errors.Is(err, ErrStorage) { // which was told
			w.store.log.Error("nothing was stored", "err", err)
		}
	}
	for _, c := range batch {
		switch {
		case err != nil:
			c.err = err
		case c.err != nil:
			c.err = w.store.refused(c.err)
		default:
			for _, f := range c.tx.after {
				f()
			}
			for _, key := range c.tx.rings {
				w.store.bells.ring(key)
			}
		}
		if c.done != nil {
			close(c.done)
		} else if c.err != nil && !errors.Is(c.err, ErrStorage) {
			w.store.log.Error("a change that nobody waited for failed", "err", c.err)
		}
	}
}

// revoke keeps how to undo a batch that was committed to a file that is gone, so its callers are told that nothing was
// stored. The file may come back.
func (w *writer) revoke(batch []*change) {
	for _, c := range batch {
		if c.err == nil {
			w.revoked = append(w.revoked, c.tx.undo...)
		}
	}
}

// undoRevoked undoes what is stored although its callers were told that it is not.
func (w *writer) undoRevoked(t *tx) error {
	for _, undo := range slices.Backward(w.revoked) {
		failed, gone := t.apart(func() error { return undo(t) })
		if gone != nil {
			return gone
		}
		if failed != nil {
			w.store.log.Error("what was told to be not stored cannot be undone", "err", failed)
		}
	}
	t.then(func() { w.revoked = nil })
	return nil
}

// ifRevoked keeps what undoes the change where it is stored although its caller is told that it is not: the files of
// the database were taken away while it was committed, and come back. It is for changes that nobody repeats as they
// are: a claim, which has no owner then, and a new message, which its writer sends again.
func (t *tx) ifRevoked(undo func(*tx) error) { t.undo = append(t.undo, undo) }

// transact runs the batch in one transaction: undone says that the only change of it failed. With an error
// nothing of it is stored.
func (w *writer) transact(ctx context.Context, batch []*change) (undone bool, err error) {
	if err = w.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return false, err
	}
	if undone, err = w.work(ctx, batch); err == nil && !undone {
		err = w.exec(ctx, "COMMIT")
	}
	if err != nil || undone {
		w.conn.ExecContext(ctx, "ROLLBACK") // fails where SQLite already did
	}
	return undone, err
}

// work runs the changes of a batch, a lone one without a SAVEPOINT: undone says that it failed and
// nothing is to be committed. The error means that the transaction is gone.
func (w *writer) work(ctx context.Context, batch []*change) (undone bool, err error) {
	for _, c := range batch {
		c.tx = &tx{Context: ctx, writer: w, now: w.store.stamp()}
		if len(batch) == 1 {
			w.try(c)
			return c.err != nil, nil
		}
		if err := w.inSavepoint(ctx, c); err != nil {
			return false, err // SQLite gave the whole transaction up, as it does when the disk is full
		}
	}
	return false, nil
}

// inSavepoint runs one change. Its own failure goes to c.err and undoes it alone; the error
// returned means that the transaction is gone.
func (w *writer) inSavepoint(ctx context.Context, c *change) error {
	if err := w.exec(ctx, "SAVEPOINT change"); err != nil {
		return err
	}
	if w.try(c); c.err != nil {
		if err := w.exec(ctx, "ROLLBACK TO change"); err != nil {
			return errors.Join(c.err, err)
		}
	}
	return w.exec(ctx, "RELEASE change")
}

// try does the work of a change. Where that fails, what is remembered of the rows is forgotten, if
// the change may have had a part in it.
func (w *writer) try(c *change) {
	if c.err = c.work(c.tx); c.err != nil && c.tx.moved {
		w.lanes = nil
	}
}

// apart runs a part of a change so that its failure undoes that part alone. gone means that the whole
// transaction is.
func (t *tx) apart(work func() error) (failed, gone error) {
	rings, after, undo := len(t.rings), len(t.after), len(t.undo)
	if err := t.writer.exec(t, "SAVEPOINT part"); err != nil {
		return nil, err
	}
	if failed = work(); failed != nil {
		t.rings, t.after, t.undo = t.rings[:rings], t.after[:after], t.undo[:undo]
		if t.moved {
			t.writer.lanes = nil
		}
		if err := t.writer.exec(t, "ROLLBACK TO part"); err != nil {
			return failed, errors.Join(failed, err)
		}
		if failed = t.writer.store.refused(failed); errors.Is(failed, ErrStorage) {
			return failed, failed // the other parts would fare no better
		}
	}
	return failed, t.writer.exec(t, "RELEASE part")
}

func (w *writer) dataVersion(ctx context.Context) (v int64, err error) {
	stmt, err := w.prepared(ctx, "PRAGMA data_version")
	if err == nil {
		err = stmt.QueryRowContext(ctx).Scan(&v)
	}
	return v, err
}

func (w *writer) prepared(ctx context.Context, text string) (*sql.Stmt, error) {
	if stmt := w.stmts[text]; stmt != nil {
		return stmt, nil
	}
	stmt, err := w.conn.PrepareContext(ctx, text)
	if err == nil {
		w.stmts[text] = stmt
	}
	return stmt, err
}

func (w *writer) exec(ctx context.Context, text string) error {
	stmt, err := w.prepared(ctx, text)
	if err == nil {
		_, err = stmt.ExecContext(ctx)
	}
	return err
}

// exec runs a statement and returns how many rows it changed.
func (t *tx) exec(text string, args ...any) (int64, error) {
	result, err := t.change(text, args)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// insert runs an INSERT and returns the id of its row.
func (t *tx) insert(text string, args ...any) (int64, error) {
	result, err := t.change(text, args)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

func (t *tx) change(text string, args []any) (sql.Result, error) {
	stmt, err := t.writer.prepared(t, text)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(t, args...)
}

// row reads a single row into dest; sql.ErrNoRows where there is none.
func (t *tx) row(text string, args []any, dest ...any) error {
	stmt, err := t.writer.prepared(t, text)
	if err != nil {
		return err
	}
	return stmt.QueryRowContext(t, args...).Scan(dest...)
}

// ids reads a column of ids.
func (t *tx) ids(text string, args ...any) ([]int64, error) {
	return within(t, func(r scanner) (id int64, err error) {
		return id, r.Scan(&id)
	}, text, args...)
}

// within reads all rows of a query inside a change.
func within[T any](t *tx, scan func(scanner) (T, error), text string, args ...any) ([]T, error) {
	stmt, err := t.writer.prepared(t, text)
	if err != nil {
		return nil, err
	}
	return all(t, stmt, scan, args)
}

// ring wakes those who wait for key, once the change is committed.
func (t *tx) ring(key any) { t.rings = append(t.rings, key) }

// then runs f once the change is committed and before its caller is answered. Other changes wait
// meanwhile: it must be quick.
func (t *tx) then(f func()) { t.after = append(t.after, f) }
