package store

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// SIM is a SIM that was met in a modem.
type SIM struct {
	ID      string    // IMSI; "device:" and the device's name where that cannot be read
	ICCID   string    // "" where it cannot be read
	Swept   bool      // what lay on it when it was first met is stored
	Balance string    // as the network said it last; "" never
	Amount  *float64  // the number in Balance; nil where there is none
	Asked   time.Time // when the balance was last asked for; zero never
	Met     time.Time
}

const simColumns = `id, iccid, swept, balance, amount, asked, met`

func scanSIM(r scanner) (m SIM, err error) {
	var amount sql.NullFloat64
	var asked, met int64
	err = r.Scan(&m.ID, &m.ICCID, &m.Swept, &m.Balance, &amount, &asked, &met)
	if amount.Valid {
		m.Amount = &amount.Float64
	}
	m.Asked, m.Met = fromMS(asked), fromMS(met)
	return m, err
}

// MeetSIM records that a SIM is in a modem and returns what is known of it.
func (s *Store) MeetSIM(ctx context.Context, id, iccid string) (SIM, error) {
	var m SIM
	err := s.write(ctx, func(t *tx) (err error) {
		if _, err := t.exec(`INSERT INTO sims (id, iccid, swept, balance, asked, met) VALUES (?1, ?2, 0, '', 0, ?3)
			ON CONFLICT (id) DO UPDATE SET iccid = excluded.iccid WHERE excluded.iccid <> ''`, id, iccid, ms(t.now)); err != nil {
			return err
		}
		met, err := within(t, scanSIM, `SELECT `+simColumns+` FROM sims WHERE id = ?`, id)
		if err == nil {
			m = met[0]
		}
		t.then(s.reloadNow)
		return err
	})
	return m, err
}

// SweptSIM records that what lay on a SIM when it was first met is stored.
func (s *Store) SweptSIM(ctx context.Context, id string) error {
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE sims SET swept = 1 WHERE id = ?`, id)
		return err
	})
}

// SIMs returns all SIMs that were met, the newest first.
func (s *Store) SIMs(ctx context.Context) ([]SIM, error) {
	return list(ctx, s, scanSIM, `SELECT `+simColumns+` FROM sims ORDER BY met DESC, id`)
}

// PINTrial is what is known of a PIN before it is given to its SIM.
type PINTrial int

const (
	// PINNew: it was never given. It is on record now that it was: give it, once.
	PINNew PINTrial = iota
	// PINGood: the SIM took it before.
	PINGood
	// PINTried: it was given and not taken, or nobody knows what came of it. A person has to look.
	PINTried
)

// TryPIN asks before a PIN is given to a SIM whether it may be, and writes it down as given.
func (s *Store) TryPIN(ctx context.Context, sim, pin string) (trial PINTrial, err error) {
	err = s.write(ctx, func(t *tx) error {
		var digest []byte
		var good bool
		err := t.row(`SELECT digest, good FROM pins WHERE sim = ?`, []any{sim}, &digest, &good)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err == nil && subtle.ConstantTimeCompare(digest, pinDigest(sim, pin)) == 1 {
			if trial = PINTried; good {
				trial = PINGood
			}
			return nil
		}
		trial = PINNew
		_, err = t.exec(`INSERT INTO pins (sim, digest, good) VALUES (?1, ?2, 0)
			ON CONFLICT (sim) DO UPDATE SET digest = excluded.digest, good = 0`, sim, pinDigest(sim, pin))
		return err
	})
	return trial, err
}

// PINTaken records what a SIM said to a PIN that TryPIN let pass.
func (s *Store) PINTaken(ctx context.Context, sim, pin string, taken bool) error {
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE pins SET good = ? WHERE sim = ? AND digest = ?`, taken, sim, pinDigest(sim, pin))
		return err
	})
}

func pinDigest(sim, pin string) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s", sim, pin))
	return sum[:]
}
