package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"time"
)

const (
	// SessionLasts is how long a session lasts at most.
	SessionLasts = 90 * 24 * time.Hour
	// sessionIdle is how long it lasts while nobody uses it.
	sessionIdle = 30 * 24 * time.Hour
	// mostSessions is how many a user may have: of one more, the one that was used the longest ago ends.
	mostSessions = 20
	// tokenOctets is how random a session's token is, and tokenLength how long it is written.
	tokenOctets = 32
	tokenLength = 43
)

// SignIn begins a session of the user whom a name means (see claims) by the own password, as asked for from
// an IP address, and returns the token that proves it from then on: 43 letters of base64url, kept here as a
// digest alone. The errors are those of Authenticate for Pages.
func (s *Store) SignIn(ctx context.Context, name, password, from string) (token string, u User, err error) {
	if nobodys(name, password) {
		return "", User{}, ErrCredentials
	}
	// Not what is remembered of earlier sign-ins: another process may have changed the password just now.
	in, err := s.lookUp(ctx, name, password, from, Pages)
	if err != nil {
		return "", User{}, err
	}
	token = newToken()
	digest := sha256.Sum256([]byte(token))
	err = s.write(ctx, func(t *tx) error {
		n, err := t.exec(`INSERT INTO sessions (user_id, digest, created, used) SELECT id, ?, ?, ? FROM users WHERE id = ? AND password = ? AND disabled = 0`,
			digest[:], ms(t.now), ms(t.now.Truncate(time.Hour)), in.ID, in.hash)
		switch {
		case err != nil:
			return err
		case n == 0:
			return ErrCredentials // the password was changed meanwhile, or the account disabled
		}
		if _, err := t.exec(`DELETE FROM sessions WHERE used < ?`, ms(t.now.Add(-sessionIdle))); err != nil {
			return err
		}
		_, err = t.exec(`DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE user_id = ? ORDER BY used DESC, id DESC LIMIT -1 OFFSET ?)`,
			in.ID, mostSessions)
		return err
	})
	if err != nil {
		return "", User{}, err
	}
	return token, in.User, nil
}

func newToken() string {
	random := make([]byte, tokenOctets)
	rand.Read(random)
	return base64.RawURLEncoding.EncodeToString(random)
}

// Session returns whose session a token proves, and that it is in use. ErrNotFound where there is
// none, or it is over, or its user may not sign in any more.
func (s *Store) Session(ctx context.Context, token string) (User, error) {
	none := fmt.Errorf("session: %w", ErrNotFound)
	if len(token) != tokenLength {
		return User{}, none
	}
	digest := sha256.Sum256([]byte(token))
	type row struct {
		User
		began, used time.Time
	}
	found, err := one(ctx, s, func(r scanner) (v row, err error) {
		var expires, created, began, used int64
		err = r.Scan(&v.ID, &v.Login, &v.Phone, &v.Mail, &v.Alias, &v.Admin, &v.Disabled, &expires, &created, &began, &used)
		v.Expires, v.Created, v.began, v.used = fromMS(expires), fromMS(created), fromMS(began), fromMS(used)
		return v, err
	}, `SELECT u.*, s.created, s.used FROM sessions s JOIN (SELECT `+userColumns+` FROM users) u ON u.id = s.user_id WHERE s.digest = ?`, digest[:])
	now := s.stamp() // which never runs ahead on a clock that is not trusted
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return User{}, none
	case err != nil:
		return User{}, fmt.Errorf("look up session: %w", err)
	case found.Disabled, s.expired(found.User), now.Sub(found.began) >= SessionLasts, now.Sub(found.used) >= sessionIdle:
		return User{}, none
	}
	if hour := now.Truncate(time.Hour); hour.After(found.used) && s.signIn.first(digest, hour) { // nobody waits for that
		s.writeLater(func(t *tx) error {
			_, err := t.exec(`UPDATE sessions SET used = ?1 WHERE digest = ?2 AND used < ?1`, ms(hour), digest[:])
			return err
		})
	}
	return found.User, nil
}

// SignOut ends the session that a token proves. It is no error if there is none.
func (s *Store) SignOut(ctx context.Context, token string) error {
	digest := sha256.Sum256([]byte(token))
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec(`DELETE FROM sessions WHERE digest = ?`, digest[:])
		return err
	})
}

// endSessions ends all sessions of a user.
func (t *tx) endSessions(login string) error {
	_, err := t.exec(`DELETE FROM sessions WHERE user_id = (SELECT id FROM users WHERE login = ?)`, login)
	return err
}
