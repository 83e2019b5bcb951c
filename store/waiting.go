package store

import (
	"context"
	"fmt"
	"time"
)

// Waiting is a message of which something can be taken back, since nothing of that has left.
type Waiting struct {
	Message            int64
	Source, SourceType string
	Created            time.Time
	Scheduled          time.Time // when the first of it is to leave; zero where it only waits for its turn
	Reason             string    // why one of it did not leave at the last try, in words for people; "" where none was tried
	Text               string    // the beginning of its first text: at most as many characters as were asked for
	Texts              int       // how many it has
	To                 []string  // the first of those whom it waits for, as the person wrote them
	Held               bool      // it was restored from a backup, and waits for a person to decide
	Left               int       // how many it waits for
	Recipients         int       // how many it has
}

// whatWaits finds the messages of a user that can be taken back, however long the history is: those
// deliveries that are not settled by the ends of their chains, and the way from there to the front.
const whatWaits = `WITH RECURSIVE open(id, message_id, state, held, due, reason, sim, ahead) AS (
		SELECT id, message_id, state, held, due, reason, sim, ahead FROM deliveries WHERE sender = ? AND settled IS NULL AND behind = 0
		UNION ALL
		SELECT d.id, d.message_id, d.state, d.held, d.due, d.reason, d.sim, d.ahead FROM open o JOIN deliveries d ON d.id = o.ahead WHERE o.ahead <> 0),
	waiting AS (
		SELECT message_id, ifnull(min(iif(state = 'scheduled' AND held = 0, due, NULL)), 0) AS first, max(held) AS held, max(reason) AS reason, count(*) AS n
		FROM open WHERE (state = 'scheduled' OR state = 'queued') AND sim = ''
		GROUP BY message_id ORDER BY first = 0, first, message_id LIMIT ?)
	SELECT m.id, m.source, m.source_type, m.created, w.first, w.held, w.reason, w.n,
		ifnull((SELECT substr(text, 1, ?) FROM message_parts WHERE message_id = m.id ORDER BY part LIMIT 1), ''),
		(SELECT count(*) FROM message_parts WHERE message_id = m.id), (SELECT count(*) FROM deliveries WHERE message_id = m.id)
	FROM waiting w JOIN messages m ON m.id = w.message_id ORDER BY w.first = 0, w.first, m.id`

// Waiting returns the messages of a user that can be taken back: first those that are scheduled, in the
// order of their times, then those that wait for their turn, the oldest first. There are at most that many
// messages, each with as many recipients and characters as are asked for; more says that there are others.
func (s *Store) Waiting(ctx context.Context, user int64, messages, recipients, characters int) (waiting []Waiting, more bool, err error) {
	waiting, err = list(ctx, s, func(r scanner) (w Waiting, err error) {
		var created, due int64
		err = r.Scan(&w.Message, &w.Source, &w.SourceType, &created, &due, &w.Held, &w.Reason, &w.Left, &w.Text, &w.Texts, &w.Recipients)
		w.Created, w.Scheduled = fromMS(created), fromMS(due)
		return w, err
	}, whatWaits, user, messages+1, characters)
	if err != nil {
		return nil, false, fmt.Errorf("read what waits: %w", err)
	}
	if more = len(waiting) > messages; more {
		waiting = waiting[:messages]
	}
	for i := range waiting {
		w := &waiting[i]
		w.To, err = list(ctx, s, func(r scanner) (to string, err error) {
			return to, r.Scan(&to)
		}, `SELECT iif(typed <> '', typed, recipient) FROM deliveries
			WHERE message_id = ? AND (state = 'scheduled' OR state = 'queued') AND sim = '' ORDER BY id LIMIT ?`, w.Message, recipients)
		if err != nil {
			return nil, false, fmt.Errorf("read whom message %d waits for: %w", w.Message, err)
		}
	}
	return waiting, more, nil
}

// OwnDeliveries returns the deliveries of a message of a user; ErrNotFound where it is not the user's.
func (s *Store) OwnDeliveries(ctx context.Context, user, message int64) ([]Delivery, error) {
	own, err := list(ctx, s, scanDelivery, `SELECT `+deliveryColumns+` FROM deliveries WHERE message_id = ? AND sender = ? ORDER BY id`, message, user)
	if err == nil && len(own) == 0 {
		err = fmt.Errorf("message %d: %w", message, ErrNotFound)
	}
	return own, err
}
