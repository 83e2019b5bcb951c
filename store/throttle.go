package store

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// places are the line before the derivations. Where it is full, or an address has all it may have,
// the next place goes to the address that has the fewest, so that nobody can fill it for the others.
type places struct {
	mu      sync.Mutex
	taken   int
	held    map[netip.Prefix]int // by household
	outside []*outsider          // in the order they came
}

// outsider waits for a place.
type outsider struct {
	from netip.Prefix
	in   chan struct{} // closed when it has one
}

// take returns when there is a place; ErrBusy when there was none for too long.
func (p *places) take(ctx context.Context, from netip.Prefix) error {
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

func (p *places) leave(from netip.Prefix) {
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
	// freeOfLogin and freeOfAddress are how many wrong passwords are free of a pause: for one name, and for one
	// account, from one address, and for whatever names from one address.
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

// throttle makes who guesses passwords wait longer and longer. It is asked before a derivation.
//
// A guess counts for its address, for the name as it was typed, and for the account that the name means. Only the
// first two are told of (check), since they count alike whether the name is anybody's or not. Where the account
// alone is in a pause, its password is not compared (pauses): so nobody has more guesses by calling an account
// now by its login and now by its number, and nobody learns that the two belong together.
type throttle struct {
	mu     sync.Mutex
	failed map[origin]failures
}

// guess is what a password that was typed counts for, if it is wrong.
type guess struct {
	from    netip.Prefix // a household; the zero one where no address is known
	name    string       // as it was typed: a number as E.164, anything else in lower case
	account string       // the login of whom the name means, in lower case; "" for nobody
}

func (g guess) address() origin { return origin{from: g.from} }
func (g guess) typed() origin   { return origin{from: g.from, name: g.name} }
func (g guess) owner() origin   { return origin{from: g.from, account: g.account} }

// origins are all that the guess counts for.
func (g guess) origins() []origin {
	if g.account == "" {
		return []origin{g.address(), g.typed()}
	}
	return []origin{g.address(), g.typed(), g.owner()}
}

// origin is where wrong passwords came from, and for whom: for a name, for an account, or, where both are "", for
// the address as a whole.
type origin struct {
	from          netip.Prefix
	name, account string
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
	if o.name == "" && o.account == "" {
		free = freeOfAddress
	}
	if f.count < free {
		return time.Time{}
	}
	return f.last.Add(min(firstPause<<min(f.count-free, 10), longestPause))
}

// check returns a *Throttled during a pause of the name or of the address.
func (t *throttle) check(g guess) error {
	if left := t.left(g.typed(), g.address()); left > 0 {
		return &Throttled{Seconds: int((left + time.Second - 1) / time.Second)}
	}
	return nil
}

// pauses reports whether the account is in a pause.
func (t *throttle) pauses(g guess) bool { return g.account != "" && t.left(g.owner()) > 0 }

// left is how much longer the longest pause of some origins lasts; 0 where there is none.
func (t *throttle) left(origins ...origin) (longest time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, o := range origins {
		if end := t.failed[o].until(o); !end.IsZero() {
			longest = max(longest, time.Until(end))
		}
	}
	return longest
}

// count adds a wrong password.
func (t *throttle) count(g guess) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	for _, o := range g.origins() {
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

// forgive forgets the wrong passwords of an account, and of the name that was typed, after the right one, and takes
// those of the account off the address. Those for other accounts stay: else an account of one's own would be worth
// any number of guesses.
func (t *throttle) forgive(g guess) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	f := t.failed[g.address()]
	if f.count = f.at(now) - t.failed[g.owner()].at(now); f.count > 0 {
		t.failed[g.address()] = f
	} else {
		delete(t.failed, g.address())
	}
	delete(t.failed, g.typed())
	delete(t.failed, g.owner())
}

// Household is what of an IP address tells one customer from another: all of IPv4, the first half of
// IPv6, since whoever has one of those addresses has all of the subnet. RFC 4291 2.5.4
func Household(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // none of no address
	return p
}
