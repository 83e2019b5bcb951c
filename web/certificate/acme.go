package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"
	"go.uber.org/zap"

	"omsbox/store"
)

// acme gets certificates from a public CA, RFC 8555: one for each name, so that no name waits for
// another. It asks again for as long as it takes.
type acme struct {
	store  *store.Store
	log    *slog.Logger
	config Config
	names  []*vouched // in the order of Config.Hosts; the slice is never changed

	every     time.Duration   // how often a certificate is looked after
	pauses    []time.Duration // before the first try after a failure, the second, …; the last one from then on
	renewal   float64         // the part of its life in which a certificate is renewed; 0: certmagic's
	resolvers []string        // the DNS servers that are asked about a zone, as host:port; none: the computer's
}

func newACME(s *store.Store, log *slog.Logger, config Config) (*acme, error) {
	a := &acme{store: s, log: log, config: config, every: 10 * time.Minute, pauses: pauses()}
	for _, host := range config.Hosts {
		a.names = append(a.names, &vouched{name: normalized(host)})
	}
	// Locks that lie there were left by a power cut, since nobody else may use these data.
	if err := os.RemoveAll(filepath.Join(a.directory(), "locks")); err != nil {
		return nil, err
	}
	return a, nil
}

// directory is where the certificates are kept, with their keys and the accounts at CAs.
func (a *acme) directory() string { return filepath.Join(a.config.Data, "acme") }

// pauses is how long to wait between tries: soon at first, since most hindrances pass or are being
// seen to, later rarely, since CAs count failures. Let's Encrypt's trial CA is asked before the real
// one is asked again, so that these cost nothing.
func pauses() []time.Duration {
	const m, h = time.Minute, time.Hour
	return []time.Duration{m, 2 * m, 2 * m, 5 * m, 10 * m, 10 * m, 10 * m, 20 * m, 30 * m, 30 * m, h, h, 2 * h, 3 * h, 6 * h}
}

// run keeps the certificates fresh, under the settings of the moment, until ctx ends.
func (a *acme) run(ctx context.Context) error {
	bell := a.store.Subscribe(store.Settings)
	defer bell.Close()
	for ctx.Err() == nil {
		a.follow(ctx, a.wishes(), bell)
	}
	return nil
}

// follow keeps the certificates fresh until ctx ends, or the settings say something else.
func (a *acme) follow(ctx context.Context, w wishes, bell *store.Bell) {
	ctx, end := context.WithCancel(ctx)
	ca := a.newPublicCA(w)
	var keeping sync.WaitGroup
	defer keeping.Wait()
	defer end()
	for _, v := range a.names {
		v.meet(ca)
		if ca.serves(v.name) {
			keeping.Go(func() { a.keep(ctx, ca, v) })
		}
	}
	var again <-chan time.Time // where something is wrong that may pass, such as a file that is not there
	if ca.fault != nil {
		again = time.After(a.pauses[0])
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-again:
			return
		case <-bell.C:
			if a.wishes() != w {
				return
			}
		}
	}
}

// keep keeps the certificate of one name fresh until ctx ends.
func (a *acme) keep(ctx context.Context, ca *publicCA, v *vouched) {
	for tries := 0; ; {
		cert, err := ca.look(ctx, v.name, tries)
		if ctx.Err() != nil {
			return
		}
		wait := a.every
		switch {
		case err == nil:
			tries = 0
		case clockIsWrong(err):
			wait = a.pauses[0] // it will be set in a moment, and then all is well
		default:
			wait = a.pauses[min(tries, len(a.pauses)-1)]
			tries++
		}
		if err != nil {
			a.log.Warn("no fresh certificate", "name", v.name, "ca", ca.name, "err", err, "again", wait)
		}
		if v.found(cert, ca, err, time.Now().Add(wait)) {
			a.log.Info("a certificate", "name", v.name, "issuer", issuerOf(cert.Leaf), "until", cert.Leaf.NotAfter)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// certificate answers TLS-ALPN-01 challenges, and hellos that ask for a name which has a
// certificate. A hello without a name may mean an address, for which no public CA vouches.
func (a *acme) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := normalized(hello.ServerName)
	if slices.Equal(hello.SupportedProtos, []string{acmez.ACMETLS1Protocol}) { // RFC 8737 3
		c, ok := certmagic.GetACMEChallenge(name)
		if !ok {
			return nil, errors.New("a TLS-ALPN-01 challenge that nobody asked for")
		}
		return acmez.TLSALPN01ChallengeCert(c.Challenge)
	}
	for _, v := range a.names {
		if v.name == name {
			return v.serve(time.Now())
		}
	}
	return nil, errNone
}

// challenge answers HTTP-01 challenges, RFC 8555 8.3.
func (a *acme) challenge(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if certmagic.LooksLikeHTTPChallenge(r) {
			host, _, err := net.SplitHostPort(r.Host)
			if err != nil {
				host = r.Host
			}
			c, ok := certmagic.GetACMEChallenge(normalized(host))
			if ok && certmagic.SolveHTTPChallenge(zap.NewNop(), w, r, c.Challenge) {
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// status says in words for people how the certificates are; a name that needs somebody comes first.
func (a *acme) status() (ok bool, text string) {
	var good, bad []string
	now := time.Now()
	for _, v := range a.names {
		switch fine, words := v.status(now); {
		case words == "":
		case fine:
			good = append(good, words)
		default:
			bad = append(bad, words)
		}
	}
	if len(good)+len(bad) == 0 {
		return false, "no name of this box is one that a public CA vouches for: start it with -host and such a name, or with -tls local"
	}
	return len(bad) == 0, strings.Join(append(bad, good...), "; ")
}

// public says whether a CA that everybody trusts vouches for a name now.
func (a *acme) public(host string) bool {
	now := time.Now()
	return slices.ContainsFunc(a.names, func(v *vouched) bool { return v.name == host && v.public(now) })
}

// issuerOf is who vouches, as people know them.
func issuerOf(leaf *x509.Certificate) string {
	if len(leaf.Issuer.Organization) > 0 {
		return leaf.Issuer.Organization[0]
	}
	return leaf.Issuer.CommonName
}
