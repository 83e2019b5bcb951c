package certificate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"omsbox/store"
)

// local is the box's own CA.
type local struct {
	store    *store.Store
	log      *slog.Logger
	data     string
	hosts    []string
	fallback bool // a public CA vouches for the hosts, sooner or later

	issuers atomic.Pointer[issuers]
	seen    os.FileInfo            // the file that the issuers' root was read from; only touched by newLocal and run
	problem atomic.Pointer[string] // why the root that lies there now is not used; nil while it is
}

// issuers are the box's own CA at work. It has two certificates. A client that names a host gets the one of
// names alone: BoringSSL, which Mono's .NET and Bun are built on, refuses a certificate with IP addresses where
// its root has IP constraints, since it does not know them. A client that says no name (SNI) may have been given
// a name or an address, and gets the one that has both.
type issuers struct {
	*authority
	named, any *issuer
}

func (l *local) newIssuers(a *authority) *issuers {
	return &issuers{
		authority: a,
		named:     newIssuer(a, l.data, l.hosts, l.store.Now, nil, l.log),
		any:       newIssuer(a, l.data, l.hosts, l.store.Now, Addresses, l.log),
	}
}

func (i *issuers) stop() {
	i.named.stop()
	i.any.stop()
}

func newLocal(s *store.Store, log *slog.Logger, config Config) (*local, error) {
	hosts := config.Hosts
	l := &local{store: s, log: log, data: config.Data, hosts: hosts, fallback: config.Mode == ACME}
	a, err := readAuthority(l.data)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeRoot(l.data, hosts, s.Now()); err != nil {
			return nil, err
		}
		log.Info("this box has a CA of its own now: trust its root on every computer, see the page /trust")
		a, err = readAuthority(l.data)
	}
	if err != nil {
		return nil, err
	}
	if l.seen, err = os.Stat(rootPath(l.data)); err != nil {
		return nil, err
	}
	// What another run locked is nobody's; by a clock that was set back it would seem fresh for long.
	if err := os.RemoveAll(filepath.Join(l.data, authorityDir, "locks")); err != nil {
		return nil, err
	}
	l.issuers.Store(l.newIssuers(a))
	return l, nil
}

// certificate returns the box's own certificate for a client, whatever name the client asks for. A client
// that comes to an address which the box has just got finds that address in the certificate.
func (l *local) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	_, err := netip.ParseAddr(hello.ServerName) // against RFC 6066 3, but it is done
	if hello.ServerName != "" && err != nil {
		return l.issuers.Load().named.answer(hello.Context(), netip.Addr{})
	}
	return l.issuers.Load().any.answer(hello.Context(), localAddress(hello.Conn))
}

// localAddress is the address that a connection came to; the zero Addr where it came to none.
func localAddress(conn net.Conn) netip.Addr {
	if tcp, ok := conn.LocalAddr().(*net.TCPAddr); ok {
		return plain(tcp.AddrPort().Addr())
	}
	return netip.Addr{}
}

// Addresses are those that this computer has now.
func Addresses() []netip.Addr {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var addresses []netip.Addr
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok {
			if addr, ok := netip.AddrFromSlice(n.IP); ok {
				addresses = append(addresses, plain(addr))
			}
		}
	}
	return addresses
}

func (l *local) run(ctx context.Context) error {
	defer func() { l.issuers.Load().stop() }()
	bell := l.store.Subscribe(store.Settings) // commands ring it when they made a new root
	defer bell.Close()
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		if err := l.reload(); err != nil {
			text := err.Error()
			if was := l.problem.Swap(&text); was == nil || *was != text {
				l.log.Error("the root cannot be taken up", "err", err)
			}
		} else {
			l.problem.Store(nil)
		}
		i := l.issuers.Load()
		i.named.make(ctx, netip.Addr{}) // the first, and after the clock was set; status tells what went wrong
		i.any.make(ctx, netip.Addr{})
		select {
		case <-ctx.Done():
			return nil
		case <-bell.C:
		case <-tick.C:
		}
	}
}

// reload takes up a root that replaced the one in use.
func (l *local) reload() error {
	info, err := os.Stat(rootPath(l.data))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the root of this box's own CA is gone from %s: put back a copy of that file, or make a new "+
			"root with `omsbox root new` (then everybody must trust the new one)", rootPath(l.data))
	}
	if err != nil {
		return err
	}
	if os.SameFile(info, l.seen) && info.ModTime().Equal(l.seen.ModTime()) && info.Size() == l.seen.Size() {
		return nil
	}
	a, err := readAuthority(l.data)
	if err != nil {
		return err
	}
	l.seen = info
	if a.Fingerprint == l.issuers.Load().Fingerprint {
		return nil
	}
	l.log.Info("this box's own CA has a new root", "fingerprint", a.Fingerprint)
	l.issuers.Swap(l.newIssuers(a)).stop()
	return nil
}

func (l *local) status() (ok bool, text string) {
	if p := l.problem.Load(); p != nil {
		return false, *p
	}
	i := l.issuers.Load()
	leaf, err := i.any.state()
	if err == nil {
		_, err = i.named.state()
	}
	if err != nil {
		return false, fmt.Sprintf("this box's own CA could make no certificate: %v", err)
	}
	if missing := i.uncovered(l.hosts); len(missing) > 0 && !l.fallback {
		return false, fmt.Sprintf("the root of this box's own CA was made without %s: make a new one with `omsbox root "+
			"new` (then everybody must trust the new one)", enumerate(missing))
	}
	switch {
	case l.fallback:
		return true, "other names and addresses: this box's own CA, whose root is on the page /trust"
	case leaf == nil:
		return true, "the first certificate of this box's own CA is being made"
	}
	return true, fmt.Sprintf("%s and the addresses of this box: its own CA, until %s; each computer must trust the root that is on the page /trust",
		enumerate(i.any.names), leaf.NotAfter.Format(time.DateOnly))
}

func (l *local) public(string) bool { return false }

// enumerate writes names for people, not more than three of them.
func enumerate(names []string) string {
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
	}
	return strings.Join(names, ", ")
}
