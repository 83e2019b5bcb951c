package store

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/argon2"
)

// The cost of one guess: 19 MiB and two passes, the smaller of the settings OWASP names, since a
// Raspberry Pi has to do it too.
const (
	argonKiB    = 19 * 1024
	argonPasses = 2
	argonLanes  = 1
	argonKey    = 32
	argonSalt   = 16
)

const (
	// derivations is how many passwords are checked at once: each takes argonKiB of memory.
	derivations = 2
	// waiters is how many sign-ins may be in line, those at their turn among them.
	waiters = 64
	// waitersFromOne is how many of them may come from one address.
	waitersFromOne = waiters / 4
	// placeWithin is how long a sign-in that finds the line full waits for a place in it.
	placeWithin = 2 * time.Second
	// longestPassword bounds what is hashed, in bytes.
	longestPassword = 1024
	// mostProved bounds the cache of verified credentials.
	mostProved = 4096
)

// hashPassword derives the stored form of a password: argon2id in the PHC string format.
func hashPassword(password string) (string, error) {
	if password == "" || len(password) > longestPassword {
		return "", fmt.Errorf("%w password: 1 to %d bytes", ErrInvalid, longestPassword)
	}
	salt := make([]byte, argonSalt)
	rand.Read(salt)
	key := argon2.IDKey([]byte(password), salt, argonPasses, argonKiB, argonLanes, argonKey)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonKiB, argonPasses, argonLanes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key)), nil
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
// kept is HMAC(key of this process, login and password) and the stored hash that it proved: it
// counts only while the user's row has that very hash.
type credentials struct {
	key    [32]byte
	decoy  string // a hash that no password has: an unknown user takes as long as a known one
	wrong  throttle
	places places
	turn   chan struct{} // derivations at once

	mu     sync.Mutex
	proved map[[32]byte]string
}

func (c *credentials) init() {
	rand.Read(c.key[:])
	salt, key := make([]byte, argonSalt), make([]byte, argonKey)
	rand.Read(salt)
	rand.Read(key)
	c.decoy = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonKiB, argonPasses, argonLanes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
	c.turn = make(chan struct{}, derivations)
	c.wrong.failed = map[origin]failures{}
	c.places.held = map[string]int{}
	c.proved = map[[32]byte]string{}
}

// mark is the keyed digest under which a credential is remembered.
func (c *credentials) mark(id int64, password string) (m [32]byte) {
	mac := hmac.New(sha256.New, c.key[:])
	fmt.Fprintf(mac, "%d\x00%s", id, password)
	return [32]byte(mac.Sum(nil))
}

// Authenticate returns the user with that login and password, as asked for from an IP address; ""
// where there is none, and all those count as one. ErrCredentials for an unknown user and a wrong
// password alike, after the same time; ErrDisabled only to who knows the password; *Throttled after
// too many wrong passwords from there, whatever the password is now; ErrBusy when too many others
// wait. A password that was proved before costs nothing and is never made to wait.
func (s *Store) Authenticate(ctx context.Context, login, password, from string) (User, error) {
	if login == "" || len(login) > 256 || len(password) > longestPassword { // nobody's, and seen for free
		return User{}, ErrCredentials
	}
	type row struct {
		User
		hash string
	}
	found, err := one(ctx, s, func(r scanner) (v row, err error) {
		var created int64
		err = r.Scan(&v.ID, &v.Login, &v.Phone, &v.Mail, &v.Alias, &v.Admin, &v.Disabled, &created, &v.hash)
		v.Created = fromMS(created)
		return v, err
	}, `SELECT `+userColumns+`, password FROM users WHERE login = ?
		UNION ALL SELECT 0, '', '', '', '', 0, 0, 0, ? LIMIT 1`, login, s.signIn.decoy)
	if err != nil {
		return User{}, fmt.Errorf("look up user: %w", err)
	}
	proved, err := s.signIn.proves(ctx, found.ID, found.hash, password, origin{network(from), strings.ToLower(login)})
	switch {
	case err != nil:
		return User{}, err
	case !proved || found.ID == 0:
		return User{}, ErrCredentials
	case found.Disabled:
		return User{}, ErrDisabled
	}
	return found.User, nil
}

// proves says whether the password is that of the hash, if need be by a derivation when its turn comes.
func (c *credentials) proves(ctx context.Context, id int64, hash, password string, o origin) (bool, error) {
	mark := c.mark(id, password)
	if c.knows(mark, hash) {
		return true, nil
	}
	if err := c.wrong.check(o); err != nil {
		return false, err
	}
	if err := c.places.take(ctx, o.from); err != nil {
		return false, err
	}
	defer c.places.leave(o.from)
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
	if err := c.wrong.check(o); err != nil {
		return false, err
	}
	if !provesPassword(hash, password) {
		c.wrong.count(o)
		return false, nil
	}
	c.wrong.forgive(o)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.proved) >= mostProved {
		clear(c.proved)
	}
	c.proved[mark] = hash
	return true, nil
}

func (c *credentials) knows(mark [32]byte, hash string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.proved[mark]
	return known != "" && known == hash
}

// places are the line before the derivations. Where it is full, or an address has all it may have,
// the next place goes to the address that has the fewest, so that nobody can fill it for the others.
type places struct {
	mu      sync.Mutex
	taken   int
	held    map[string]int // by address
	outside []*outsider    // in the order they came
}

// outsider waits for a place.
type outsider struct {
	from string
	in   chan struct{} // closed when it has one
}

// take returns when there is a place; ErrBusy when there was none for too long.
func (p *places) take(ctx context.Context, from string) error {
	o := &outsider{from, make(chan struct{})}
	p.mu.Lock()
	p.outside = append(p.outside, o)
	p.admit()
	p.mu.Unlock()
	select {
	case <-o.in:
		return nil
	default:
	}
	over := time.NewTimer(placeWithin)
	defer over.Stop()
	err := ErrBusy
	select {
	case <-o.in:
		return nil
	case <-over.C:
	case <-ctx.Done():
		err = ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.outside, o)
	if i < 0 {
		return nil // it was let in at the last moment
	}
	p.outside = slices.Delete(p.outside, i, i+1)
	return err
}

func (p *places) leave(from string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	if p.held[from]--; p.held[from] == 0 {
		delete(p.held, from)
	}
	p.admit()
}

// admit lets in who may have a place.
func (p *places) admit() {
	for p.taken < waiters {
		next := -1
		for i, o := range p.outside {
			if p.held[o.from] < waitersFromOne && (next < 0 || p.held[o.from] < p.held[p.outside[next].from]) {
				next = i
			}
		}
		if next < 0 {
			return
		}
		o := p.outside[next]
		p.outside = slices.Delete(p.outside, next, next+1)
		p.taken++
		p.held[o.from]++
		close(o.in)
	}
}

const (
	// freeOfLogin and freeOfAddress are how many wrong passwords are free of a pause: for one login
	// from one address, and for whatever logins from one address.
	freeOfLogin   = 5
	freeOfAddress = 20
	// firstPause follows the last free one; each further one doubles it, up to longestPause.
	firstPause   = time.Second
	longestPause = time.Minute
	// forgottenAfter is when wrong passwords count no more, from the last of them.
	forgottenAfter = 15 * time.Minute
	// mostOrigins bounds what is remembered of wrong passwords.
	mostOrigins = 8192
)

// ErrThrottled: too many wrong passwords came from that address. See Throttled.
var ErrThrottled = errors.New("too many wrong passwords from there")

// Throttled is ErrThrottled with how long it lasts.
type Throttled struct {
	Seconds int // at least 1
}

func (t *Throttled) Error() string {
	return fmt.Sprintf("%v, try again in %d s", ErrThrottled, t.Seconds)
}

// Unwrap makes it ErrThrottled.
func (t *Throttled) Unwrap() error { return ErrThrottled }

// throttle makes who guesses passwords wait longer and longer. It is asked before a derivation, and
// knows what was typed alone: whether there is such a user makes no difference.
type throttle struct {
	mu     sync.Mutex
	failed map[origin]failures
}

// origin is where wrong passwords came from, and for whom.
type origin struct {
	from  string
	login string // in lower case; "" for the address as a whole
}

// failures are the wrong passwords of an origin.
type failures struct {
	count int
	last  time.Time // monotonic: the clock of a Pi may jump
}

// at returns how many still count.
func (f failures) at(now time.Time) int {
	if now.Sub(f.last) > forgottenAfter {
		return 0
	}
	return f.count
}

// until returns the end of the pause; zero where there is none.
func (f failures) until(o origin) time.Time {
	free := freeOfLogin
	if o.login == "" {
		free = freeOfAddress
	}
	if f.count < free {
		return time.Time{}
	}
	return f.last.Add(min(firstPause<<min(f.count-free, 10), longestPause))
}

// check returns a *Throttled during a pause of the login or of the address.
func (t *throttle) check(o origin) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	end := t.failed[o].until(o)
	address := origin{from: o.from}
	if e := t.failed[address].until(address); e.After(end) {
		end = e
	}
	if end.IsZero() {
		return nil
	}
	if left := time.Until(end); left > 0 {
		return &Throttled{Seconds: int((left + time.Second - 1) / time.Second)}
	}
	return nil
}

// count adds a wrong password.
func (t *throttle) count(o origin) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	for _, o := range []origin{o, {from: o.from}} {
		if _, known := t.failed[o]; !known && len(t.failed) >= mostOrigins {
			t.makeRoom(now)
		}
		t.failed[o] = failures{t.failed[o].at(now) + 1, now}
	}
}

// makeRoom forgets what counts no more, or else what is the oldest.
func (t *throttle) makeRoom(now time.Time) {
	var oldest origin
	var since time.Time
	for o, f := range t.failed {
		if f.at(now) == 0 {
			delete(t.failed, o)
		} else if since.IsZero() || f.last.Before(since) {
			oldest, since = o, f.last
		}
	}
	if len(t.failed) >= mostOrigins {
		delete(t.failed, oldest)
	}
}

// forgive forgets the wrong passwords of a login after the right one, and takes them off the
// address. Those for other logins stay: else an account of one's own would be worth any number of guesses.
func (t *throttle) forgive(o origin) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, address := time.Now(), origin{from: o.from}
	f := t.failed[address]
	if f.count = f.at(now) - t.failed[o].at(now); f.count > 0 {
		t.failed[address] = f
	} else {
		delete(t.failed, address)
	}
	delete(t.failed, o)
}

// network returns what of an IP address tells one customer from another: all of IPv4, the first
// half of IPv6, since whoever has one of those addresses has all of the subnet. RFC 4291 2.5.4
func network(from string) string {
	ip, err := netip.ParseAddr(from)
	if err != nil {
		return from
	}
	if ip = ip.Unmap().WithZone(""); ip.Is6() {
		prefix, _ := ip.Prefix(64)
		return prefix.String()
	}
	return ip.String()
}
