package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Proof is when a modem sent a multimedia message last, and which. Whether one can is known only
// once one did: it takes the right settings of the SIM's network.
type Proof struct {
	Device string
	At     time.Time // zero: never, or an administrator took it back
}

// proofHolds is how long MMS is offered after it was proven: so long that a stick that sleeps or is
// away for a while makes no client set up its account anew.
const proofHolds = 30 * day

const proofMMS = "MMS"

// over is when a proof does not hold any more; zero where there is none.
func (p Proof) over() time.Time {
	if p.At.IsZero() {
		return time.Time{}
	}
	return p.At.Add(proofHolds)
}

// MMS returns the proof that multimedia messages can be sent; ok while it holds, and with it
// MMS_SENDER is offered.
func (s *Store) MMS() (p Proof, ok bool) {
	p = s.services.Load().proof
	// The stamp never runs ahead on a clock that is not trusted, so nothing is over too early.
	return p, !p.At.IsZero() && s.stamp().Before(p.over())
}

// ProveMMS records that a modem has sent a multimedia message.
func (s *Store) ProveMMS(ctx context.Context, device string) error {
	return s.write(ctx, func(t *tx) error {
		if _, offered := s.MMS(); !offered {
			if err := t.outdate(""); err != nil {
				return err
			}
		}
		t.then(s.reloadNow)
		_, err := t.exec(`INSERT INTO proofs (what, device, at) VALUES (?1, ?2, ?3)
			ON CONFLICT (what) DO UPDATE SET device = ?2, at = ?3`, proofMMS, device, ms(t.now))
		return err
	})
}

// ForgetMMS takes the proof back, as an administrator asks; ErrNotFound where there is none.
func (s *Store) ForgetMMS(ctx context.Context) error {
	return s.write(ctx, func(t *tx) error {
		n, err := t.exec(`DELETE FROM proofs WHERE what = ?`, proofMMS)
		if err == nil && n == 0 {
			return fmt.Errorf("%w: no modem has sent a multimedia message, so none are offered anyway", ErrNotFound)
		}
		t.then(s.reloadNow)
		if err == nil {
			err = t.outdate("")
		}
		return err
	})
}

func (s *Store) proof(ctx context.Context) (Proof, error) {
	p, err := one(ctx, s, func(r scanner) (p Proof, err error) {
		var at int64
		err = r.Scan(&p.Device, &at)
		p.At = fromMS(at)
		return p, err
	}, `SELECT device, at FROM proofs WHERE what = ?`, proofMMS)
	if errors.Is(err, sql.ErrNoRows) {
		return Proof{}, nil
	}
	return p, err
}
