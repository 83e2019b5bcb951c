package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Unrouted returns the messages of which nobody decided yet whose they are, oldest first.
func (s *Store) Unrouted(ctx context.Context) ([]Incoming, error) {
	return list(ctx, s, scanIncoming, `SELECT `+incomingColumns+` FROM incoming WHERE state = 'received' ORDER BY id LIMIT 100`)
}

// Nobodys returns messages that were nobody's, oldest first and those after that id.
func (s *Store) Nobodys(ctx context.Context, after int64) ([]Incoming, error) {
	return list(ctx, s, scanIncoming, `SELECT `+incomingColumns+` FROM incoming WHERE state = 'unroutable' AND id > ? ORDER BY id LIMIT 100`, after)
}

// LastWriter returns the user who wrote to that number last; ErrNotFound where nobody did. Where nobody
// wrote to it as it is spelled, it is the user who wrote to the same number with the mark of its country put
// in or left out (see marks); where several did, ErrSeveral, since it may be another phone.
func (s *Store) LastWriter(ctx context.Context, number string) (User, error) {
	u, err := one(ctx, s, scanUser, `SELECT `+userColumns+` FROM users WHERE id =
		(SELECT user_id FROM conversations WHERE number = ? AND wrote > 0 ORDER BY wrote DESC LIMIT 1)`, number)
	other := otherSpelling(number)
	if !errors.Is(err, ErrNotFound) || other == "" {
		return u, err
	}
	writers, err := list(ctx, s, scanUser, `SELECT `+userColumns+` FROM users WHERE id IN
		(SELECT user_id FROM conversations WHERE number = ? AND wrote > 0 LIMIT 2)`, other)
	switch {
	case err != nil:
		return User{}, err
	case len(writers) == 0:
		return User{}, fmt.Errorf("user: %w", ErrNotFound)
	case len(writers) > 1:
		return User{}, ErrSeveral
	}
	return writers[0], nil
}

// Mailed makes a received message, or one that was nobody's, these users': it queues the mail that
// carries it to each. One that was mailed before stays as it is.
func (s *Store) Mailed(ctx context.Context, incoming int64, users ...int64) error {
	return s.write(ctx, func(t *tx) error {
		owner := int64(0)
		if len(users) == 1 {
			owner = users[0]
		}
		number, undecided, err := t.route(incoming, "mailed", owner, "")
		if err != nil || !undecided {
			return err
		}
		told, after, err := t.tellUndecodable(incoming)
		if err != nil || told {
			return err
		}
		for _, user := range users {
			if err := t.queueMail(mailRow{kind: Reply, user: user, incoming: incoming, number: number, after: after}); err != nil {
				return err
			}
		}
		return t.allRead()
	})
}

// undecodablePause is the time between two mails about what cannot be read: a phone or a network that sends
// such messages sends many.
const undecodablePause = 24 * time.Hour

// tellUndecodable lets the mail about what cannot be read that waits to be handed over tell of a message too, if
// that cannot be read either. Where no such mail waits, the message gets its own, after the pause.
func (t *tx) tellUndecodable(incoming int64) (told bool, after time.Duration, err error) {
	var kind string
	err = t.row(`SELECT kind FROM incoming WHERE id = ?`, []any{incoming}, &kind)
	if err != nil || kind != KindUndecodable {
		return false, 0, err
	}
	var with, due int64
	var waits bool
	err = t.row(`SELECT incoming_id, max(due), max(attempts) = 0 AND min(state = 'queued') FROM mails
		WHERE incoming_id = (SELECT max(id) FROM incoming
			WHERE kind = 'undecodable' AND told_with IS NULL AND state = 'mailed' AND id <> ?)
		GROUP BY incoming_id`, []any{incoming}, &with, &due, &waits)
	if errors.Is(err, sql.ErrNoRows) {
		return false, 0, nil
	}
	if err != nil || !waits {
		return false, min(max(fromMS(due).Add(undecodablePause).Sub(t.now), 0), undecodablePause), err
	}
	_, err = t.exec(`UPDATE incoming SET told_with = ? WHERE id = ?`, with, incoming)
	return true, 0, err
}

// ToldWith returns of how many other messages the mail of this one tells: of none, unless it cannot be read.
func (s *Store) ToldWith(ctx context.Context, incoming int64) (int, error) {
	return one(ctx, s, func(r scanner) (n int, err error) {
		return n, r.Scan(&n)
	}, `SELECT count(*) FROM incoming WHERE told_with = ?`, incoming)
}

// Unroutable records that a received message is nobody's, and why, and raises the alarm that tells an
// administrator.
func (s *Store) Unroutable(ctx context.Context, incoming int64, reason string) error {
	return s.Unmailable(ctx, incoming, 0, reason)
}

// Unmailable is Unroutable for a message that is a user's who can be sent no mail, and can read it on the pages.
func (s *Store) Unmailable(ctx context.Context, incoming, owner int64, reason string) error {
	return s.write(ctx, func(t *tx) error {
		number, undecided, err := t.route(incoming, "unroutable", owner, reason)
		if err != nil || !undecided {
			return err
		}
		return t.unread(number, owner)
	})
}

// route decides a received message and returns its sender; undecided is false where it was decided
// before. That nobody gets it is not for ever.
func (t *tx) route(incoming int64, state string, user int64, reason string) (number string, undecided bool, err error) {
	err = t.row(`UPDATE incoming SET state = ?1, user_id = nullif(?2, 0), reason = ?3
		WHERE id = ?4 AND (state = 'received' OR state = 'unroutable' AND ?1 <> 'unroutable') RETURNING sender`,
		[]any{state, user, reason, incoming}, &number)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	return number, true, t.trace(Line{Event: state, User: user, Incoming: incoming, Number: number, Detail: reason})
}

// MailOf returns the token of the mail that carried a message to a user; "" where none did.
func (s *Store) MailOf(ctx context.Context, incoming, user int64) (token string, err error) {
	token, err = one(ctx, s, func(r scanner) (token string, err error) {
		return token, r.Scan(&token)
	}, `SELECT token FROM mails WHERE incoming_id = ? AND user_id = ? AND kind = 'reply' ORDER BY id LIMIT 1`, incoming, user)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return token, err
}
