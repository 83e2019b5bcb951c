package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// PINTrial is whether a PIN may be given to its SIM, and why.
type PINTrial int

const (
	// PINNew: it was never given. It is on record now that it was: give it, once.
	PINNew PINTrial = iota
	// PINGood: the SIM took it before. Give it.
	PINGood
	// PINWrong: the SIM refused it. It must not be given again.
	PINWrong
	// PINDoubt: it was given, nobody knows what came of it, and the tries that are left do not tell.
	PINDoubt
	// PINLast: it was never given, and a single try is left. A person has to look.
	PINLast
)

// What the SIM said to a PIN, in rows.
const (
	pinGiven = 0 // and the answer was not stored
	pinTaken = 1
	pinWrong = 2
)

// allTries is how many tries a SIM has for its PIN, all taken together. ETSI TS 102 221 9.5
const allTries = 3

// TryPIN asks whether a PIN may be given to a SIM, and writes it down as given before it is. tries
// are those that the SIM has left, -1 where that is not known. A PIN that was given while omsbox
// stopped is given again only if no try is missing: then it was not a wrong one.
func (s *Store) TryPIN(ctx context.Context, sim, pin string, tries int) (trial PINTrial, err error) {
	err = s.write(ctx, func(t *tx) error {
		state := -1
		err := t.row(`SELECT state FROM pins WHERE sim = ? AND digest = ?`, []any{sim, pinDigest(sim, pin)}, &state)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		refused := false
		if state < 0 && tries < allTries {
			if refused, err = t.refusedUnderAnotherName(sim, pin); err != nil {
				return err
			}
		}
		switch {
		case state == pinWrong, refused:
			trial = PINWrong
			return nil
		case state == pinGiven && tries < allTries:
			trial = PINDoubt
			return nil
		case state != pinTaken && tries >= 0 && tries <= 1:
			trial = PINLast
			return nil
		}
		if trial = PINNew; state == pinTaken {
			trial = PINGood
		}
		_, err = t.exec(`INSERT INTO pins (sim, digest, state) VALUES (?1, ?2, ?3) ON CONFLICT (sim, digest) DO UPDATE SET state = ?3`,
			sim, pinDigest(sim, pin), pinGiven)
		return err
	})
	return trial, err
}

// nameless begins what a SIM is called that does not tell its number.
const nameless = "device:"

// refusedUnderAnotherName says whether a SIM that may be this one refused a PIN, or was given it and
// nobody knows: a SIM that tells its number at one time and not at another has two names.
func (t *tx) refusedUnderAnotherName(sim, pin string) (bool, error) {
	type given struct {
		sim    string
		digest []byte
	}
	others, err := within(t, func(r scanner) (g given, err error) {
		return g, r.Scan(&g.sim, &g.digest)
	}, `SELECT sim, digest FROM pins WHERE sim <> ? AND state <> ?`, sim, pinTaken)
	return slices.ContainsFunc(others, func(g given) bool {
		return (strings.HasPrefix(sim, nameless) || strings.HasPrefix(g.sim, nameless)) && bytes.Equal(g.digest, pinDigest(g.sim, pin))
	}), err
}

// PINTaken records what a SIM said to a PIN that TryPIN let pass.
func (s *Store) PINTaken(ctx context.Context, sim, pin string, taken bool) error {
	state := pinWrong
	if taken {
		state = pinTaken
	}
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE pins SET state = ? WHERE sim = ? AND digest = ?`, state, sim, pinDigest(sim, pin))
		return err
	})
}

func pinDigest(sim, pin string) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s", sim, pin))
	return sum[:]
}
