package mailer

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"omsbox/store"
)

// gate is a listener that lets in so many connections in all and from one address, those that have
// signed in before others, and hands out as TLS what begins as TLS.
type gate struct {
	net.Listener
	tls            *tls.Config // nil: there is none
	hush, patience time.Duration
	name           func() string // of the box

	arrived chan arrival
	closed  chan struct{}  // by stop
	doing   sync.WaitGroup // accept, what waits for the end, and each connection that is listened to first

	mu   sync.Mutex
	open map[*line]struct{}
	from map[netip.Prefix]int
}

// arrival is what Accept returns.
type arrival struct {
	conn net.Conn
	err  error
}

// openGate begins to accept connections. stop ends that, or the end of ctx.
func openGate(ctx context.Context, l net.Listener, s *Submission) *gate {
	g := &gate{Listener: l, tls: s.tls, hush: s.Hush, patience: s.Patience, name: s.store.MailDomain,
		arrived: make(chan arrival), closed: make(chan struct{}), open: map[*line]struct{}{}, from: map[netip.Prefix]int{}}
	g.doing.Go(g.accept)
	g.doing.Go(func() {
		select {
		case <-ctx.Done():
			g.stop()
		case <-g.closed:
		}
	})
	return g
}

func (g *gate) Accept() (net.Conn, error) {
	select {
	case a := <-g.arrived:
		return a.conn, a.err
	case <-g.closed:
		return nil, net.ErrClosed
	}
}

// stop closes the listener, and ends every connection as soon as no mail is coming in on it.
func (g *gate) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.closed:
		return
	default:
	}
	close(g.closed)
	g.Listener.Close()
	for l := range g.open {
		l.stop()
	}
}

// closeAll ends every connection now.
func (g *gate) closeAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for l := range g.open {
		l.Conn.Close()
	}
}

// wait returns when nothing of a stopped gate is left.
func (g *gate) wait() { g.doing.Wait() }

func (g *gate) accept() {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			if !g.hand(arrival{err: err}) {
				return
			}
			continue
		}
		l, why := g.admit(conn)
		if l == nil {
			conn.SetWriteDeadline(time.Now().Add(grace))
			io.WriteString(conn, "421 4.7.0 "+why+"\r\n")
			conn.Close()
			continue
		}
		if g.tls == nil {
			if !g.hand(arrival{conn: newClientConn(l, l, g.name)}) {
				l.Close()
			}
			continue
		}
		g.doing.Go(func() {
			if !g.hand(arrival{conn: newClientConn(l, l.listen(), g.name)}) {
				l.Close()
			}
		})
	}
}

// hand gives an arrival to Accept; false where nobody accepts any more.
func (g *gate) hand(a arrival) bool {
	select {
	case g.arrived <- a:
		return true
	case <-g.closed:
		return false
	}
}

// admit counts a connection, or says why there is no place for it.
func (g *gate) admit(conn net.Conn) (l *line, why string) {
	at, _ := netip.ParseAddrPort(conn.RemoteAddr().String())
	from := store.Household(at.Addr())
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.closed:
		return nil, "This service is stopping"
	default:
	}
	crowded := g.from[from] >= submissionFromOne
	if crowded || len(g.open) >= submissionOpen {
		leaver := g.leaver(from, crowded)
		switch {
		case leaver != nil:
			g.remove(leaver)
			leaver.Conn.Close()
		case crowded:
			return nil, "Too many connections from your address, try again when others have ended"
		default:
			return nil, "Too many connections, try again in a minute"
		}
	}
	l = &line{Conn: conn, gate: g, from: from, since: time.Now(), until: time.Now().Add(g.patience / 5)}
	g.open[l] = struct{}{}
	g.from[from]++
	return l, ""
}

// leaver is who makes room for a newcomer: of those that have not signed in, who came first of the
// address that has most; of the newcomer's alone where that is crowded. nil where all have signed in.
// So nobody keeps others out by doing nothing.
func (g *gate) leaver(from netip.Prefix, crowded bool) (first *line) {
	for l := range g.open {
		if crowded && l.from != from || l.isWelcome() {
			continue
		}
		if first == nil || g.from[l.from] > g.from[first.from] || g.from[l.from] == g.from[first.from] && l.since.Before(first.since) {
			first = l
		}
	}
	return first
}

// remove gives a line's place back, once.
func (g *gate) remove(l *line) {
	if _, in := g.open[l]; !in {
		return
	}
	delete(g.open, l)
	if g.from[l.from]--; g.from[l.from] == 0 {
		delete(g.from, l.from)
	}
}

// line is a connection with an end that its reader cannot put off.
type line struct {
	net.Conn
	gate  *gate
	from  netip.Prefix
	since time.Time
	ahead []byte // read already; only touched by whoever reads

	mu       sync.Mutex
	until    time.Time // nothing is read after that
	busy     bool      // a mail is coming in, or being stored
	stopped  bool
	welcomed bool // it has signed in
	refused  int
}

// listen hears who speaks first, and returns the connection as its client wants it.
func (l *line) listen() net.Conn {
	const handshake = 22 // the content type that a TLS client begins with: RFC 8446 5.1
	first := make([]byte, 1)
	l.SetReadDeadline(time.Now().Add(l.gate.hush))
	n, _ := l.Conn.Read(first) // whatever is wrong will be so at the next Read
	l.SetReadDeadline(time.Time{})
	if l.ahead = first[:n]; n == 1 && first[0] == handshake {
		return tls.Server(l, l.gate.tls)
	}
	return l
}

func (l *line) Read(p []byte) (int, error) {
	if len(l.ahead) > 0 {
		n := copy(p, l.ahead)
		l.ahead = l.ahead[n:]
		return n, nil
	}
	return l.Conn.Read(p)
}

// SetReadDeadline is that of net.Conn, but never later than the line's end.
func (l *line) SetReadDeadline(t time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.IsZero() || t.After(l.until) {
		t = l.until
	}
	return l.Conn.SetReadDeadline(t)
}

func (l *line) Close() error {
	l.gate.mu.Lock()
	l.gate.remove(l)
	l.gate.mu.Unlock()
	return l.Conn.Close()
}

// welcome gives a client that signed in its time.
func (l *line) welcome() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.welcomed = true
	if !l.stopped {
		l.until = time.Now().Add(6 * l.gate.patience)
	}
}

func (l *line) isWelcome() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.welcomed
}

// stop lets a mail that is coming in have a little time. What the client says next is not heard.
func (l *line) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
	l.end()
}

// end ends a line that was stopped, as soon as it may be.
func (l *line) end() {
	l.until = time.Now()
	if l.busy {
		l.until = l.until.Add(grace)
	}
	l.Conn.SetReadDeadline(l.until)
}

// carry says that a mail comes in, or that it is done.
func (l *line) carry(busy bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy = busy
	if l.stopped {
		l.end()
	}
}

// refuse counts a refusal, and reports whether it is one too many.
func (l *line) refuse() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused++
	return l.refused > submissionErrors
}
