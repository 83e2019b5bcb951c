package store

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

const (
	argonLanes = 1
	argonKey   = 32
	argonSalt  = 16
)

// passwordCost is what one guess at a password costs: argon2id's memory in KiB, and its passes over that.
type passwordCost struct{ kib, passes uint32 }

// usualCost is the smaller of the settings that OWASP names, since a Raspberry Pi has to do it too.
var usualCost = passwordCost{kib: 19 * 1024, passes: 2}

// WithPasswordCost gives the passwords that a store takes another cost than the usual 19 MiB and two passes of
// argon2id: memory in KiB, and passes over that. The stored form of each password tells its own cost.
func WithPasswordCost(kib, passes uint32) Option {
	return func(s *Store) { s.signIn.cost = passwordCost{kib, passes} }
}

const (
	// derivations is how many passwords are checked at once: each takes the memory of one guess.
	derivations = 2
	// waiters is how many sign-ins may be in line, those at their turn among them.
	waiters = 64
	// waitersFromOne is how many of them may come from one address.
	waitersFromOne = waiters / 4
	// placeWithin is how long a sign-in that finds the line full waits for a place in it.
	placeWithin = 2 * time.Second
	// shortestPassword is in characters.
	shortestPassword = 8
	// longestPassword bounds what is hashed, in bytes.
	longestPassword = 1024
	// mostProved bounds the cache of verified credentials. The largest service that the guidelines reckon with
	// has 5,000 users. OMS guidelines part 2, Performance and Capacity Considerations
	mostProved = 8192
)

// CheckPassword says what a password that people choose must be: at least eight characters, and nothing
// else. NIST SP 800-63B 5.1.1.2
func CheckPassword(password string) error {
	if utf8.RuneCountInString(password) < shortestPassword {
		return fmt.Errorf("%w password: at least %d characters; a few words are easy to remember", ErrInvalid, shortestPassword)
	}
	return nil
}

// hash derives the stored form of a password: argon2id in the PHC string format.
func (cost passwordCost) hash(password string) (string, error) {
	if password == "" || len(password) > longestPassword {
		return "", fmt.Errorf("%w password: 1 to %d bytes", ErrInvalid, longestPassword)
	}
	salt := random(argonSalt)
	return cost.stored(salt, argon2.IDKey([]byte(password), salt, cost.passes, cost.kib, argonLanes, argonKey)), nil
}

// decoy returns a stored form that no password has.
func (cost passwordCost) decoy() string { return cost.stored(random(argonSalt), random(argonKey)) }

func (cost passwordCost) stored(salt, key []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, cost.kib, cost.passes, argonLanes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// provesPassword checks a password against its stored form, in the time the derivation takes whatever the outcome.
func provesPassword(hash, password string) bool {
	fields := strings.Split(hash, "$")
	if len(fields) != 6 || fields[1] != "argon2id" {
		return false
	}
	var version, memory, passes, lanes int
	_, err := fmt.Sscanf(fields[2]+" "+fields[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &passes, &lanes)
	salt, badSalt := base64.RawStdEncoding.DecodeString(fields[4])
	key, badKey := base64.RawStdEncoding.DecodeString(fields[5])
	if errors.Join(err, badSalt, badKey) != nil || version != argon2.Version || len(key) == 0 || passes < 1 || lanes < 1 {
		return false
	}
	got := argon2.IDKey([]byte(password), salt, uint32(passes), uint32(memory), uint8(lanes), uint32(len(key)))
	return subtle.ConstantTimeCompare(got, key) == 1
}

// credentials remembers which passwords were proved, since OMS sends them with every call. What is
// kept is HMAC(key of this process, account and password) and the stored hash that it proved: it
// counts only while the user's row has that very hash; and whom it let in, which counts until any
// user or app password changes.
type credentials struct {
	cost   passwordCost
	key    [32]byte
	decoy  string // a hash that no password has: an unknown user takes as long as a known one
	wrong  throttle
	places places
	turn   chan struct{} // derivations at once

	people atomic.Int64 // counts the changes of users and app passwords

	mu     sync.Mutex
	proved map[[32]byte]string
	in     map[[32]byte]signedIn
	hours  map[[sha256.Size]byte]time.Time // of app passwords and sessions: the hour of their last use, as it was written down
}

// signedIn is whom a credential let in. It counts while people is what it was when the row was read, so
// that whoever calls often is looked up once.
type signedIn struct {
	User
	hash   string // of the account's own password
	people int64
	app    bool              // by an app password
	digest [sha256.Size]byte // of that
	used   time.Time         // its last use, as the row had it
}

func (c *credentials) init() {
	rand.Read(c.key[:])
	c.decoy = c.cost.decoy()
	c.turn = make(chan struct{}, derivations)
	c.wrong.failed = map[origin]failures{}
	c.places.held = map[netip.Prefix]int{}
	c.proved, c.in = map[[32]byte]string{}, map[[32]byte]signedIn{}
	c.hours = map[[sha256.Size]byte]time.Time{}
}

// mark is the keyed digest under which a credential is remembered: what was proved under the account's
// login in lower case, whom it let in under the name as it was typed.
func (c *credentials) mark(name, password string, use Use) (m [32]byte) {
	mac := hmac.New(sha256.New, c.key[:])
	fmt.Fprintf(mac, "%d %d %s%s", use, len(name), name, password)
	return [32]byte(mac.Sum(nil))
}

// Use is what somebody signs in for.
type Use int

const (
	// Pages take the account's own password alone.
	Pages Use = iota
	// Programs, which are OMS and SMTP clients, take an app password, or the account's own where it is
	// no administrator's.
	Programs
	// OldPrograms reach us over a connection that may be listened to: an app password alone.
	OldPrograms
)

// Authenticate returns the user whom a name means (their login, mail address or phone number: see
// claims) and a password that the use takes, as asked for from an IP address; "" where there is none, and
// all those count as one. ErrCredentials for an unknown user and a wrong password alike, after the same
// time, and for every password that is no app password where the use takes these alone; ErrDisabled, and
// ErrExpired which is one, only to who knows a password that it takes; ErrAppPassword only to who knows the
// own password of an administrator, for Programs; *Throttled after too many wrong passwords from there, in all or
// for the name as it is typed, whatever the password is now, unless it is an app password, and ErrCredentials after
// too many for the account under other names; ErrBusy when too many others wait. An app password, and one that was
// proved before, costs nothing and is never made to wait.
func (s *Store) Authenticate(ctx context.Context, name, password, from string, use Use) (User, error) {
	if nobodys(name, password) {
		return User{}, ErrCredentials
	}
	mark, people := s.signIn.mark(name, password, use), s.signIn.people.Load()
	in, known := s.signIn.recall(mark)
	if !known || in.people != people {
		var err error
		if in, err = s.lookUp(ctx, name, password, from, use); err != nil {
			return User{}, err
		}
		in.people = people // from before the row was read
		s.signIn.remember(mark, in)
	}
	if s.expired(in.User) {
		return User{}, ErrExpired
	}
	if in.app {
		s.used(in.digest, in.used)
	}
	return in.User, nil
}

// nobodys reports whether a name and a password are certainly not of any user: that is seen for free.
func nobodys(name, password string) bool {
	return name == "" || len(name) > 256 || len(password) > longestPassword
}

// claims finds the user whom a name means: ?1 as a login, ?2 as a mail address, ?3 as a phone number; the
// last two are "" where the name is none. A login of one's own goes before all else. A login that looks like an
// address or a number is that only where it is the user's own address or number (AddUser sees to that; older
// rows may have others); else it is no more than one claim to the name. Where several users have the same
// claim, the name means nobody.
//
// An address or a number may sign in only if it is known to be the user's. Today each is: an administrator
// typed it (user add -mail, -phone). Whoever gives users a way to change theirs needs a column that tells which
// are proven.
const claims = `WITH claims(id, rank) AS (
	SELECT id, iif((?2 = '' OR mail = ?2 COLLATE NOCASE) AND (?3 = '' OR phone = ?3), 3, 2 - disabled) FROM users WHERE login = ?1
	UNION ALL SELECT id, 2 - disabled FROM users WHERE mail = ?2 COLLATE NOCASE AND mail <> ''
	UNION ALL SELECT id, 2 - disabled FROM users WHERE phone = ?3 AND phone <> '')
	SELECT iif(count(DISTINCT id) = 1, max(id), 0) FROM claims WHERE rank = (SELECT max(rank) FROM claims)`

// spelled returns what a name is as a login, as a mail address and as a phone number. Which of them it is
// does not depend on the users there are.
func (s *Store) spelled(name string) (login, mail, phone string) {
	login = strings.TrimSpace(name)
	if strings.Contains(login, "@") {
		return login, login, ""
	}
	if number, err := ParseNumber(login, s.Region()); err == nil && number[0] == '+' {
		phone = number // a short code is nobody's own
	}
	return login, "", phone
}

// lookUp is Authenticate with a look at the row.
func (s *Store) lookUp(ctx context.Context, name, password, from string, use Use) (in signedIn, err error) {
	digest, app := appDigest(password)
	login, mail, phone := s.spelled(name)
	// An unknown user has a row as well, so that the app password is looked for in the same way.
	in, err = one(ctx, s, func(r scanner) (v signedIn, err error) {
		var expires, created, used int64
		err = r.Scan(&v.ID, &v.Login, &v.Phone, &v.Mail, &v.Alias, &v.Admin, &v.Disabled, &expires, &created, &v.hash, &v.app, &used)
		v.Expires, v.Created, v.used, v.digest = fromMS(expires), fromMS(created), fromMS(used), digest
		return v, err
	}, `SELECT u.*, a.id IS NOT NULL, ifnull(a.used, 0)
		FROM (SELECT `+userColumns+`, password FROM users WHERE id = (`+claims+`)
			UNION ALL SELECT 0, '', '', '', '', 0, 0, 0, 0, ?4 LIMIT 1) u
		LEFT JOIN app_passwords a ON a.digest = ?5 AND +a.user_id = u.id AND ?6`,
		login, mail, phone, s.signIn.decoy, digest[:], app && use != Pages)
	if err != nil {
		return in, fmt.Errorf("look up user: %w", err)
	}
	address, _ := netip.ParseAddr(from) // none where there is none
	// What is proved is proved for the account, whatever it was called.
	account := strings.ToLower(cmp.Or(in.Login, phone, login))
	proved, g := in.app, guess{Household(address), strings.ToLower(cmp.Or(phone, login)), strings.ToLower(in.Login)}
	switch {
	case in.app:
	case use == OldPrograms: // it is not even compared with the account's own
		if err = s.signIn.wrong.check(g); err == nil {
			s.signIn.wrong.count(g)
		}
	default:
		proved, err = s.signIn.proves(ctx, s.signIn.mark(account, password, use), in.hash, password, g)
	}
	switch {
	case err != nil:
		return in, err
	case !proved || in.ID == 0:
		return in, ErrCredentials
	case in.Disabled:
		return in, ErrDisabled
	case s.expired(in.User):
		return in, ErrExpired
	case in.Admin && !in.app && use == Programs:
		return in, ErrAppPassword
	}
	return in, nil
}

// proves reports whether the password is that of the hash, if need be by a derivation when its turn comes. During a
// pause of the account no password is.
func (c *credentials) proves(ctx context.Context, mark [32]byte, hash, password string, g guess) (bool, error) {
	if c.knows(mark, hash) {
		return true, nil
	}
	if err := c.wrong.check(g); err != nil {
		return false, err
	}
	if err := c.places.take(ctx, g.from); err != nil {
		return false, err
	}
	defer c.places.leave(g.from)
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	// Those that were in line before: one may have proved the same password, others have guessed wrong.
	if c.knows(mark, hash) {
		return true, nil
	}
	if err := c.wrong.check(g); err != nil {
		return false, err
	}
	against := hash
	if c.wrong.pauses(g) {
		against = c.decoy
	}
	if !provesPassword(against, password) {
		c.wrong.count(g)
		return false, nil
	}
	c.wrong.forgive(g)
	c.mu.Lock()
	defer c.mu.Unlock()
	forgetOne(c.proved)
	c.proved[mark] = hash
	return true, nil
}

func (c *credentials) knows(mark [32]byte, hash string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.proved[mark]
	return known != "" && known == hash
}

func (c *credentials) recall(mark [32]byte) (in signedIn, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	in, known = c.in[mark]
	return in, known
}

func (c *credentials) remember(mark [32]byte, in signedIn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	forgetOne(c.in)
	c.in[mark] = in
}

// forgetOne makes place for one more, if need be: whose it was proves the password again, and no other does.
func forgetOne[V any](proved map[[32]byte]V) {
	if len(proved) < mostProved {
		return
	}
	for mark := range proved {
		delete(proved, mark)
		return
	}
}
