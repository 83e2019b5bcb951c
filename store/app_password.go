package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// AppPassword is a password that was made here for one program of a user. The password itself is
// known to that program alone.
type AppPassword struct {
	ID      int64
	Name    string // the program or computer that it is for; no two of a user's have the same, whatever its case
	Created time.Time
	Used    time.Time // the hour in which it last signed the user in; zero: it never did
}

const (
	// appLetters are the 32 letters of app passwords: those that no eye takes for another, 5 bits each.
	appLetters = "abcdefghijkmnpqrstuvwxyz23456789"
	// appLength makes 100 bits, in groups of appGroup: no guess, however quick, ever hits one.
	appLength = 20
	appGroup  = 4
	// mostAppPasswords is how many a user may have.
	mostAppPasswords = 50
	// longestAppName bounds what one is called, in bytes.
	longestAppName = 64
)

// AddAppPassword makes a password for one program of a user: five groups of four letters, with
// hyphens that need not be typed. It cannot be had a second time. name says what it is for; "" is
// "program 1", or the next that is free. ErrTaken where the user has one of that name already.
func (s *Store) AddAppPassword(ctx context.Context, login, name string) (password string, err error) {
	if name, err = appName(name); err != nil {
		return "", err
	}
	u, err := s.UserByLogin(ctx, login)
	if err != nil {
		return "", err
	}
	password = newAppPassword()
	digest, _ := appDigest(password)
	err = s.write(ctx, func(t *tx) error {
		var have int
		if err := t.row(`SELECT count(*) FROM app_passwords WHERE user_id = ?`, []any{u.ID}, &have); err != nil {
			return err
		}
		if have >= mostAppPasswords {
			return fmt.Errorf("%s has %d app passwords already: revoke one first", u.Login, have)
		}
		name, err := t.freeAppName(u, name)
		if err != nil {
			return err
		}
		_, err = t.insert(`INSERT INTO app_passwords (user_id, name, digest, created) VALUES (?, ?, ?, ?)`, u.ID, name, digest[:], ms(t.now))
		return err
	})
	if err != nil {
		return "", err
	}
	return password, nil
}

// appName bounds what an app password may be called.
func appName(name string) (string, error) {
	name = strings.TrimSpace(name)
	switch {
	case len(name) > longestAppName:
		return "", fmt.Errorf("%w name of an app password: at most %d bytes", ErrInvalid, longestAppName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "", fmt.Errorf("%w name of an app password %q: no control characters", ErrInvalid, name)
	case name != "" && strings.Trim(name, "0123456789") == "":
		return "", fmt.Errorf("%w name of an app password %q: it would be taken for the number of one", ErrInvalid, name)
	}
	return name, nil
}

// freeAppName returns the name if none of the user's has it, or for "" one that none has.
func (t *tx) freeAppName(u User, name string) (string, error) {
	for n := 1; ; n++ {
		try := name
		if name == "" {
			try = fmt.Sprintf("program %d", n)
		}
		var taken bool
		err := t.row(`SELECT EXISTS (SELECT 1 FROM app_passwords WHERE user_id = ? AND name = ? COLLATE NOCASE)`, []any{u.ID, try}, &taken)
		switch {
		case err != nil:
			return "", err
		case !taken:
			return try, nil
		case name != "":
			return "", fmt.Errorf("%s has an app password %q already: %w", u.Login, name, ErrTaken)
		}
	}
}

// newAppPassword makes one, as people are shown it.
func newAppPassword() string {
	random := make([]byte, appLength)
	rand.Read(random)
	var b strings.Builder
	for i, octet := range random {
		if i > 0 && i%appGroup == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(appLetters[octet%byte(len(appLetters))]) // 256 is a multiple of 32: all are as likely
	}
	return b.String()
}

// appDigest returns the stored form of an app password, however its letters, hyphens and spaces were
// typed. ok is false where it cannot be one.
func appDigest(password string) (digest [sha256.Size]byte, ok bool) {
	letters := make([]byte, 0, appLength)
	for _, r := range password {
		if r = unicode.ToLower(r); unicode.Is(unicode.Dash, r) || unicode.IsSpace(r) {
			continue
		}
		if !strings.ContainsRune(appLetters, r) || len(letters) == appLength {
			return digest, false
		}
		letters = append(letters, byte(r))
	}
	return sha256.Sum256(letters), len(letters) == appLength
}

// AppPasswords returns those of a user, the oldest first.
func (s *Store) AppPasswords(ctx context.Context, login string) ([]AppPassword, error) {
	u, err := s.UserByLogin(ctx, login)
	if err != nil {
		return nil, err
	}
	return list(ctx, s, func(r scanner) (p AppPassword, err error) {
		var created, used int64
		err = r.Scan(&p.ID, &p.Name, &created, &used)
		p.Created, p.Used = fromMS(created), fromMS(used)
		return p, err
	}, `SELECT id, name, created, ifnull(used, 0) FROM app_passwords WHERE user_id = ? ORDER BY created, id`, u.ID)
}

// haveAppPasswords returns the ids of those users who have any.
func (s *Store) haveAppPasswords(ctx context.Context) ([]int64, error) {
	return list(ctx, s, func(r scanner) (id int64, err error) {
		return id, r.Scan(&id)
	}, `SELECT DISTINCT user_id FROM app_passwords`)
}

// RevokeAppPassword ends an app password of a user: once it returns, nobody signs in with it.
// ErrNotFound where the user has none with that id.
func (s *Store) RevokeAppPassword(ctx context.Context, login string, id int64) error {
	u, err := s.UserByLogin(ctx, login)
	if err != nil {
		return err
	}
	return s.writePeople(ctx, func(t *tx) error {
		n, err := t.exec(`DELETE FROM app_passwords WHERE id = ? AND user_id = ?`, id, u.ID)
		if err == nil && n == 0 {
			return fmt.Errorf("app password %d of %s: %w", id, u.Login, ErrNotFound)
		}
		return err
	})
}

// used writes down that an app password signed somebody in: once an hour, and nobody waits for it.
// last is the hour that its row has.
func (s *Store) used(digest [sha256.Size]byte, last time.Time) {
	hour := s.stamp().Truncate(time.Hour)
	if !hour.After(last) || !s.signIn.first(digest, hour) {
		return
	}
	s.writeLater(func(t *tx) error {
		_, err := t.exec(`UPDATE app_passwords SET used = ?1 WHERE digest = ?2 AND ifnull(used, 0) < ?1`, ms(hour), digest[:])
		return err
	})
}

// first says whether an app password or a session has not been used in that hour before, as far as is
// remembered.
func (c *credentials) first(digest [sha256.Size]byte, hour time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hours[digest].Equal(hour) {
		return false
	}
	if len(c.hours) >= mostProved {
		clear(c.hours)
	}
	c.hours[digest] = hour
	return true
}
