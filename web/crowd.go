package web

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"omsbox/store"
)

const (
	maxConnections = 1024 // over all doors
	maxPerAddress  = 64   // of one store.Household
	complainEach   = time.Minute
)

// crowd is everybody who is connected, through whichever door. Where it is full, or one address has
// its share, a newcomer takes the place of the connection that has been idle longest: of that
// address, or of the address that has most. So nobody keeps others out by doing nothing; only
// where all have a request under way is the newcomer sent away.
type crowd struct {
	log    *slog.Logger
	exempt func(netip.Addr) bool // speaks for many: has no share of its own

	mu         sync.Mutex
	guests     map[*guest]struct{}
	from       map[netip.Prefix]int // how many guests
	complained time.Time
}

// guest is a connection in the crowd.
type guest struct {
	net.Conn
	crowd *crowd
	from  netip.Prefix

	// Only touched with the crowd's lock.
	busy  bool      // a request is under way: its header has been read, its answer not yet written
	since time.Time // when it became idle, if it is
	left  bool
}

func newCrowd(log *slog.Logger, exempt func(netip.Addr) bool) *crowd {
	return &crowd{log: log, exempt: exempt, guests: map[*guest]struct{}{}, from: map[netip.Prefix]int{}}
}

// listener lets in whom the crowd has a place for.
type listener struct {
	net.Listener
	crowd *crowd
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if g := l.crowd.admit(conn); g != nil {
			return g, nil
		}
		conn.Close()
	}
}

// admit returns the connection as a guest; nil if there is no place for it.
func (c *crowd) admit(conn net.Conn) *guest {
	addr := peer(conn.RemoteAddr().String())
	g := &guest{Conn: conn, crowd: c, from: store.Household(addr), since: time.Now()}
	exempt := c.exempt(addr)

	c.mu.Lock()
	defer c.mu.Unlock()
	crowded := c.from[g.from] >= maxPerAddress && !exempt
	if crowded || len(c.guests) >= maxConnections {
		var leaver *guest
		for o := range c.guests {
			if !o.busy && (!crowded || o.from == g.from) && (leaver == nil || c.leavesBefore(o, leaver)) {
				leaver = o
			}
		}
		if leaver == nil {
			if time.Since(c.complained) >= complainEach {
				c.complained = time.Now()
				c.log.Warn("a connection was refused: all others have a request under way", "from", g.from, "of it", c.from[g.from], "all", len(c.guests))
			}
			return nil
		}
		c.remove(leaver)
		leaver.Conn.Close()
	}
	c.guests[g] = struct{}{}
	c.from[g.from]++
	return g
}

func (c *crowd) leavesBefore(a, b *guest) bool {
	if c.from[a.from] != c.from[b.from] {
		return c.from[a.from] > c.from[b.from]
	}
	return a.since.Before(b.since)
}

func (c *crowd) remove(g *guest) {
	if g.left {
		return
	}
	g.left = true
	delete(c.guests, g)
	if c.from[g.from]--; c.from[g.from] == 0 {
		delete(c.from, g.from)
	}
}

// Close gives the place back.
func (g *guest) Close() error {
	g.crowd.mu.Lock()
	g.crowd.remove(g)
	g.crowd.mu.Unlock()
	return g.Conn.Close()
}

// CloseWrite is what net/http ends a refused request with, so that its answer still arrives.
func (g *guest) CloseWrite() error {
	if c, ok := g.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}

// becomes follows what net/http says of the connection.
func (g *guest) becomes(state http.ConnState) {
	g.crowd.mu.Lock()
	defer g.crowd.mu.Unlock()
	g.busy = state == http.StateActive
	if state == http.StateIdle {
		g.since = time.Now()
	}
}

// gone says whether the guest had to leave. Once a request is under way it need not any more.
func (g *guest) gone() bool {
	g.crowd.mu.Lock()
	defer g.crowd.mu.Unlock()
	return g.left
}

// guestOf returns the guest behind a connection of a http.Server that has a listener.
func guestOf(conn net.Conn) *guest {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	return conn.(*guest)
}

type guestKey struct{}

// withGuest tells the requests of a connection whose they are.
func withGuest(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, guestKey{}, guestOf(conn))
}

// present does not begin a request whose connection was closed for a newcomer in the same moment:
// nobody would hear the answer, and what was sent would be sent again.
func present(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Value(guestKey{}).(*guest).gone() {
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
	})
}

// peer is the address in host:port, or in an address alone; the zero one if there is none.
func peer(text string) netip.Addr {
	a, err := netip.ParseAddr(text)
	if err != nil {
		ap, _ := netip.ParseAddrPort(text)
		a = ap.Addr()
	}
	return a.Unmap().WithZone("")
}
