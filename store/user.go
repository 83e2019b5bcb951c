package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// User is a person who may send texts and receives the replies.
type User struct {
	ID       int64
	Login    string // userId of xmsUser and xmsData; case does not matter. Mail and Phone sign in as well: see claims
	Phone    string // replyPhone: the person's own number, E.164; "" where none is known
	Mail     string // the mailbox that replies go to; "" where none is known
	Alias    string // local part of the address that this person's replies come from, unique
	Admin    bool
	Disabled bool
	Expires  time.Time // from then on the person may not sign in; zero: never
	Created  time.Time
}

const userColumns = `id, login, phone, mail, alias, admin, disabled, ifnull(expires, 0), created`

func scanUser(r scanner) (u User, err error) {
	var expires, created int64
	err = r.Scan(&u.ID, &u.Login, &u.Phone, &u.Mail, &u.Alias, &u.Admin, &u.Disabled, &expires, &created)
	u.Expires, u.Created = fromMS(expires), fromMS(created)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("user: %w", ErrNotFound)
	}
	return u, err
}

// AddUser stores a new user with that password. Login, Phone, Mail and Admin are taken from u. ErrTaken where
// the login is another's; ErrInvalid where it looks like an address or a number and is not the user's own.
func (s *Store) AddUser(ctx context.Context, u User, password string) (User, error) {
	if err := checkLogin(u.Login); err != nil {
		return User{}, err
	}
	if u.Mail != "" {
		if err := mailAddress(u.Mail); err != nil {
			return User{}, err
		}
	}
	if u.Phone != "" {
		number, err := s.Number(u.Phone)
		if err != nil {
			return User{}, err
		}
		u.Phone = number
	}
	if err := s.checkOwn(u); err != nil {
		return User{}, err
	}
	hash, err := s.signIn.cost.hash(password)
	if err != nil {
		return User{}, err
	}
	err = s.write(ctx, func(t *tx) error {
		u.Created = t.now
		if u.Alias, err = t.freeAlias(u.Login); err != nil {
			return err
		}
		u.ID, err = t.insert(`INSERT INTO users (login, password, phone, mail, alias, admin, disabled, created)
			VALUES (?, ?, ?, ?, ?, ?, 0, ?)`, u.Login, hash, u.Phone, u.Mail, u.Alias, u.Admin, ms(u.Created))
		if isUnique(err) {
			return fmt.Errorf("user %q: %w", u.Login, ErrTaken)
		}
		return err
	})
	return u, err
}

// checkLogin bounds what a user may be called: it appears in logs, mails and addresses.
func checkLogin(login string) error {
	if login == "" || len(login) > 64 {
		return fmt.Errorf("%w user name: 1 to 64 characters", ErrInvalid)
	}
	for _, r := range login {
		if !unicode.IsPrint(r) || unicode.IsSpace(r) {
			return fmt.Errorf("%w user name %q: no spaces or control characters", ErrInvalid, login)
		}
	}
	return nil
}

// checkOwn refuses a login that looks like the mail address or the phone number of somebody else: that person
// signs in with it. See claims.
func (s *Store) checkOwn(u User) error {
	if strings.Contains(u.Login, "@") {
		if !strings.EqualFold(u.Login, u.Mail) {
			return fmt.Errorf("%w user name %q: it looks like a mail address, so it has to be the user's own: -mail %s",
				ErrInvalid, u.Login, u.Login)
		}
		return nil
	}
	if !s.looksLikeNumber(u.Login) {
		return nil
	}
	if own, err := ParseNumber(u.Login, s.Region()); err != nil || own != u.Phone {
		return fmt.Errorf("%w user name %q: it looks like a phone number, so it has to be the user's own: -phone %s",
			ErrInvalid, u.Login, u.Login)
	}
	return nil
}

// looksLikeNumber reports whether a login is, or may be one day, what people write for a phone number. Which
// country the box is in may not be known yet, so that any digits count that are too many for a short code.
func (s *Store) looksLikeNumber(login string) bool {
	text, _, is := unwrapped(login)
	if !is {
		return false
	}
	number, is := dialled(text)
	if !is {
		return false
	}
	own, err := ParseNumber(login, s.Region())
	return number[0] == '+' || len(number) > longestShortCode || err == nil && own[0] == '+'
}

// Shared returns which of a user's mail address and phone number sign nobody in, since they are another
// user's too.
func (s *Store) Shared(ctx context.Context, u User) ([]string, error) {
	return list(ctx, s, func(r scanner) (name string, err error) {
		return name, r.Scan(&name)
	}, `SELECT ?2 WHERE EXISTS (SELECT 1 FROM users
			WHERE id <> ?1 AND disabled = 0 AND mail = ?2 COLLATE NOCASE AND mail <> '')
		UNION ALL SELECT ?3 WHERE EXISTS (SELECT 1 FROM users
			WHERE id <> ?1 AND disabled = 0 AND phone = ?3 AND phone <> '')`, u.ID, u.Mail, u.Phone)
}

// freeAlias makes the local part of a mail address of a login, that no other user has.
func (t *tx) freeAlias(login string) (string, error) {
	var b strings.Builder
	local, _, _ := strings.Cut(strings.ToLower(login), "@")
	for _, r := range local {
		switch {
		case r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)), r == '_':
			b.WriteRune(r)
		case r == '.' || r == '-':
			if n := b.Len(); n > 0 && b.String()[n-1] != '.' && b.String()[n-1] != '-' {
				b.WriteRune(r)
			}
		}
	}
	base := strings.Trim(b.String(), ".-")
	base = base[:min(len(base), 50)] // a local part has 64 octets at most: RFC 5321 4.5.3.1.1
	if base == "" {
		base = "user"
	}
	for n := 1; ; n++ {
		alias := base
		if n > 1 {
			alias = fmt.Sprintf("%s-%d", base, n)
		}
		var taken bool
		if err := t.row(`SELECT EXISTS (SELECT 1 FROM users WHERE alias = ?)`, []any{alias}, &taken); err != nil {
			return "", err
		}
		if !taken {
			return alias, nil
		}
	}
}

// Users returns all users by their login.
func (s *Store) Users(ctx context.Context) ([]User, error) {
	return list(ctx, s, scanUser, `SELECT `+userColumns+` FROM users ORDER BY login`)
}

// Mailboxes returns the first users who have a mailbox, and so get mail from an address of their own.
func (s *Store) Mailboxes(ctx context.Context, most int) ([]User, error) {
	return list(ctx, s, scanUser, `SELECT `+userColumns+` FROM users WHERE mail <> '' ORDER BY id LIMIT ?`, most)
}

// ShowUsers writes all users as a table for people.
func (s *Store) ShowUsers(ctx context.Context, out io.Writer) error {
	users, err := s.Users(ctx)
	if err != nil {
		return err
	}
	have, err := s.haveAppPasswords(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tMAIL\tPHONE\tREPLIES COME FROM\tNOTE")
	for _, u := range users {
		var notes []string
		if u.Admin {
			notes = append(notes, "admin")
		}
		if u.Admin && !slices.Contains(have, u.ID) {
			notes = append(notes, "needs an app password for Outlook")
		}
		if u.Disabled {
			notes = append(notes, "disabled")
		}
		switch {
		case u.Expires.IsZero():
		case s.expired(u):
			notes = append(notes, "expired "+u.Expires.Local().Format(time.DateOnly))
		default:
			notes = append(notes, "expires "+u.Expires.Local().Format(time.DateOnly))
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", u.Login, u.Mail, u.Phone, s.Address(u), strings.Join(notes, ", "))
	}
	return table.Flush()
}

// User returns the user with that id; ErrNotFound.
func (s *Store) User(ctx context.Context, id int64) (User, error) {
	return one(ctx, s, scanUser, `SELECT `+userColumns+` FROM users WHERE id = ?`, id)
}

// UserByLogin returns the user of that name, whatever its case; ErrNotFound.
func (s *Store) UserByLogin(ctx context.Context, login string) (User, error) {
	u, err := one(ctx, s, scanUser, `SELECT `+userColumns+` FROM users WHERE login = ?`, login)
	if errors.Is(err, ErrNotFound) {
		return u, nobody(login)
	}
	return u, err
}

// nobody says that there is no such user.
func nobody(login string) error {
	return fmt.Errorf("%w: there is no user %q; `omsbox user list` shows them", ErrNotFound, login)
}

// SetPassword gives the user a new password; the old one, and all sessions that began with it, are
// worth nothing from then on.
func (s *Store) SetPassword(ctx context.Context, login, password string) error {
	hash, err := s.signIn.cost.hash(password)
	if err != nil {
		return err
	}
	return s.changeUser(ctx, login, true, `UPDATE users SET password = ? WHERE login = ?`, hash, login)
}

// Disable ends a user's right to sign in, and all sessions. The user's replies still arrive.
func (s *Store) Disable(ctx context.Context, login string) error {
	return s.changeUser(ctx, login, true, `UPDATE users SET disabled = 1 WHERE login = ?`, login)
}

// Enable gives a disabled user the right to sign in back.
func (s *Store) Enable(ctx context.Context, login string) error {
	return s.changeUser(ctx, login, false, `UPDATE users SET disabled = 0 WHERE login = ?`, login)
}

// Expire sets from when on a user may not sign in; the zero time: never. The user's replies still
// arrive then.
func (s *Store) Expire(ctx context.Context, login string, at time.Time) error {
	return s.changeUser(ctx, login, s.expired(User{Expires: at}), `UPDATE users SET expires = nullif(?, 0) WHERE login = ?`, ms(at), login)
}

// expired says whether a user's time is over. The stamp never runs ahead on a clock that is not trusted.
func (s *Store) expired(u User) bool { return !u.Expires.IsZero() && !s.stamp().Before(u.Expires) }

// MaySend says by the rule of Authenticate whether a user may have texts sent: else it is ErrDisabled, or
// ErrExpired which is one.
func (s *Store) MaySend(u User) error {
	switch {
	case u.Disabled:
		return ErrDisabled
	case s.expired(u):
		return ErrExpired
	}
	return nil
}

// changeUser changes a user's row, and ends the user's sessions where it says so.
func (s *Store) changeUser(ctx context.Context, login string, ends bool, text string, args ...any) error {
	return s.writePeople(ctx, func(t *tx) error {
		n, err := t.exec(text, args...)
		switch {
		case err != nil:
			return err
		case n == 0:
			return nobody(login)
		case ends:
			return t.endSessions(login)
		}
		return nil
	})
}

// writePeople is write for what may take the right to sign in from somebody: once it returns, that is
// in force. A service that runs in another process looks every wakeEvery whether anything changed.
func (s *Store) writePeople(ctx context.Context, work func(*tx) error) error {
	err := s.write(ctx, func(t *tx) error {
		t.then(func() { s.signIn.people.Add(1) })
		return work(t)
	})
	if err == nil && s.lock == nil && s.Serving() {
		select {
		case <-time.After(2 * wakeEvery):
		case <-ctx.Done():
		}
	}
	return err
}

// isUnique says whether a constraint of uniqueness refused the row.
func isUnique(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE
}
