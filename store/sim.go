package store

import (
	"context"
	"database/sql"
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
