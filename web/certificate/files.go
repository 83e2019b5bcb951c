package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"omsbox/store"
)

const (
	// lookEvery is how often handshakes look at the files, at most.
	lookEvery = 3 * time.Second
	// soon is when somebody must be told that a certificate which we cannot renew ends.
	soon = 14 * 24 * time.Hour
	// largestPEM bounds what is read: a chain has some kilobytes.
	largestPEM = 1 << 20
)

// files is a PEM pair that somebody else keeps.
type files struct {
	log       *slog.Logger
	now       func() time.Time
	cert, key string
	roots     *x509.CertPool // who counts as a public CA; nil: whom this computer trusts

	pair atomic.Pointer[pair] // the last good one

	mu      sync.Mutex // held by who looks at the files
	looked  time.Time
	seen    [2]os.FileInfo // as they were when they were last read
	broken  error          // what was wrong with them then
	problem string         // why what lies there now is not used; "" while it is
}

// pair is a certificate with its key.
type pair struct {
	tls.Certificate
	public bool // a public CA vouches for it
}

func newFiles(s *store.Store, log *slog.Logger, config Config) (*files, error) {
	if config.Cert == "" || config.Key == "" {
		return nil, fmt.Errorf("-tls files: say where they are with -cert and -key")
	}
	f := &files{log: log, now: s.Now, cert: config.Cert, key: config.Key}
	f.look()
	if f.problem != "" {
		return nil, fmt.Errorf("-tls files: %s", f.problem)
	}
	return f, nil
}

// certificate returns the pair, whatever name it was asked for: whoever gave it to us knows.
func (f *files) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if f.mu.TryLock() { // if another looks just now, the old one is good enough
		if time.Since(f.looked) >= lookEvery {
			f.look()
		}
		f.mu.Unlock()
	}
	return &f.pair.Load().Certificate, nil
}

// look reads the files if they changed, and keeps the pair of before where they cannot be used.
func (f *files) look() {
	f.looked = time.Now()
	problem := ""
	if err := f.reload(); err != nil {
		problem = err.Error()
	}
	if problem != "" && problem != f.problem {
		f.log.Error("the certificate's files cannot be used", "problem", problem)
	}
	f.problem = problem
}

func (f *files) reload() error {
	var now [2]os.FileInfo
	for i, path := range []string{f.cert, f.key} {
		info, err := os.Stat(path)
		if err == nil && !info.Mode().IsRegular() {
			err = fmt.Errorf("%s is no file", path) // to read a pipe would wait for ever
		}
		if err != nil {
			f.seen = [2]os.FileInfo{}
			return err
		}
		now[i] = info
	}
	if same(now[0], f.seen[0]) && same(now[1], f.seen[1]) {
		return f.broken
	}
	p, err := f.read()
	f.seen, f.broken = now, err
	if err != nil {
		return err
	}
	if f.pair.Swap(p) != nil {
		f.log.Info("the certificate's files were read anew", "until", p.Leaf.NotAfter.Format(time.DateOnly))
	}
	return nil
}

// same says whether a file is as it was.
func same(a, b os.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

func (f *files) read() (*pair, error) {
	cert, err := readPEM(f.cert)
	if err != nil {
		return nil, err
	}
	key, err := readPEM(f.key)
	if err != nil {
		return nil, err
	}
	c, err := tls.X509KeyPair(cert, key)
	switch {
	case err != nil && strings.Contains(err.Error(), "does not match"):
		return nil, fmt.Errorf("the key in %s does not belong to the certificate in %s, which must come first in its file", f.key, f.cert)
	case err != nil:
		return nil, fmt.Errorf("%s with %s is no certificate with its key, as PEM: %s", f.cert, f.key, strings.TrimPrefix(err.Error(), "tls: "))
	}
	return &pair{c, f.vouched(c)}, nil
}

func readPEM(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, largestPEM))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return text, nil
}

// vouched says whether the chain leads to a public CA. When is none of its business: the clock may
// be wrong yet, and browsers see an end for themselves.
func (f *files) vouched(c tls.Certificate) bool {
	between := x509.NewCertPool()
	for _, der := range c.Certificate[1:] {
		if ca, err := x509.ParseCertificate(der); err == nil {
			between.AddCert(ca)
		}
	}
	_, err := c.Leaf.Verify(x509.VerifyOptions{Roots: f.roots, Intermediates: between, CurrentTime: c.Leaf.NotBefore.Add(time.Hour)})
	return err == nil
}

func (f *files) run(ctx context.Context) error { <-ctx.Done(); return nil }

func (f *files) status() (ok bool, text string) {
	f.mu.Lock()
	f.look()
	problem := f.problem
	f.mu.Unlock()
	leaf := f.pair.Load().Leaf
	until := leaf.NotAfter.Format(time.DateOnly)
	left := leaf.NotAfter.Sub(f.now())
	switch {
	case problem != "":
		return false, fmt.Sprintf("%s; until that is put right the certificate of before is used, which ends on %s", problem, until)
	case left < 0:
		return false, fmt.Sprintf("the certificate in %s ended on %s: put a new one there", f.cert, until)
	case left < soon:
		return false, fmt.Sprintf("the certificate in %s ends on %s: put a new one there", f.cert, until)
	}
	return true, fmt.Sprintf("%s: files, signed by %s, until %s", enumerate(Names(leaf)), issuerOf(leaf), until)
}

// Names are the names and addresses in a certificate.
func Names(leaf *x509.Certificate) []string {
	names := append([]string{}, leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

func (f *files) public(host string) bool {
	p := f.pair.Load()
	return p.public && p.Leaf.VerifyHostname(host) == nil
}
