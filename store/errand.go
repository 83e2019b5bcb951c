package store

import (
	"context"
	"errors"
	"time"

	"omsbox/store/condition"
)

// Errand is what a command asks a modem that the running service has: the port is the service's
// alone, so the question goes through a row, and so does the answer.
type Errand struct {
	ID     int64
	Device string
	Verb   string // "ussd" or "info"
	Text   string // what is asked with it, such as the USSD code
}

// errandWithin is how long an errand may wait for its modem.
const errandWithin = 3 * time.Minute

// Ask has the running service do an errand at a modem, and waits for what that answers.
func (s *Store) Ask(ctx context.Context, device, verb, text string) (answer string, err error) {
	bell := s.Subscribe(Errands)
	defer bell.Close()
	ctx, cancel := context.WithTimeout(ctx, errandWithin)
	defer cancel()
	var id int64
	if err := s.write(ctx, func(t *tx) (err error) {
		t.ring(Errands)
		id, err = t.insert(`INSERT INTO errands (device, verb, text, state, answer, created) VALUES (?, ?, ?, 'asked', '', ?)`,
			device, verb, text, ms(t.now))
		return err
	}); err != nil {
		return "", err
	}
	// Whatever comes of it, nothing of it is kept.
	defer s.write(context.WithoutCancel(ctx), func(t *tx) error {
		_, err := t.exec(`DELETE FROM errands WHERE id = ?`, id)
		return err
	})
	for {
		state, err := one(ctx, s, func(r scanner) (state string, err error) {
			return state, r.Scan(&state, &answer)
		}, `SELECT state, answer FROM errands WHERE id = ?`, id)
		switch {
		case ctx.Err() != nil:
			return "", errors.New("the modem did not get to it in time: look at `omsbox get status`")
		case err != nil:
			return "", err
		case state == "failed":
			return "", errors.New(answer)
		case state == "done":
			return answer, nil
		}
		select {
		case <-bell.C:
		case <-ctx.Done():
		}
	}
}

// Errand returns the oldest errand that waits for a modem; false where none does.
func (s *Store) Errand(ctx context.Context, device string) (e Errand, waits bool, err error) {
	waiting, err := list(ctx, s, func(r scanner) (e Errand, err error) {
		return e, r.Scan(&e.ID, &e.Device, &e.Verb, &e.Text)
	}, `SELECT id, device, verb, text FROM errands WHERE state = 'asked' AND device = ? AND created > ? ORDER BY id LIMIT 1`,
		device, ms(s.stamp().Add(-errandWithin)))
	if err != nil || len(waiting) == 0 {
		return e, false, err
	}
	return waiting[0], true, nil
}

// Done stores what came of an errand: the answer, or why there is none.
func (s *Store) Done(ctx context.Context, errand int64, answer string, failed error) error {
	state := "done"
	if failed != nil {
		state, answer = "failed", failed.Error()
	}
	return s.write(ctx, func(t *tx) error {
		t.ring(Errands)
		_, err := t.exec(`UPDATE errands SET state = ?, answer = ? WHERE id = ? AND state = 'asked'`, state, clip(condition.Lines(answer), 8000), errand)
		return err
	})
}
