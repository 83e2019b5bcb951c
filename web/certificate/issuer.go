package certificate

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"golang.org/x/sync/singleflight"
)

const (
	// leafLife is how long a certificate of a server may be valid at most for Apple's systems, less a day.
	leafLife = 397 * 24 * time.Hour
	// leafBackdate is how far a client's clock may be behind ours.
	leafBackdate = 7 * 24 * time.Hour
	// patience is how long making a certificate may take: a Raspberry Pi Zero needs seconds for a key.
	patience = 2 * time.Minute
	// pause is how long nobody tries again after a certificate could not be made.
	pause = 30 * time.Second
)

// programBorn is before anything that this program was built for: a clock that says less is wrong.
var programBorn = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// issuer is an authority at work: a certmagic.Issuer of one certificate. The certificate has every name
// of the box. With addresses it has every private address of the box too.
type issuer struct {
	*authority
	log       *slog.Logger
	directory string   // of what it signed: its IssuerKey
	names     []string // of the box that the root permits; the first is always a name and no address
	now       func() time.Time
	addresses func() []netip.Addr // that the computer has now; nil: the certificate has names alone
	storage   *certmagic.FileStorage
	cache     *certmagic.Cache
	magic     *certmagic.Config
	making    singleflight.Group

	mu     sync.Mutex
	err    error     // why no certificate could be made; nil after one was
	failed time.Time // when
}

func newIssuer(a *authority, data string, hosts []string, now func() time.Time, addresses func() []netip.Addr, log *slog.Logger) *issuer {
	i := &issuer{
		authority: a, log: log, directory: strings.ReplaceAll(strings.ToLower(a.Fingerprint[:23]), ":", ""), now: now, addresses: addresses,
		storage: &certmagic.FileStorage{Path: filepath.Join(data, authorityDir)},
	}
	if addresses == nil {
		i.directory += "-names"
	}
	var literal []string
	for _, name := range boxNames(hosts) {
		switch {
		case !a.permits(name):
		case net.ParseIP(name) != nil:
			literal = append(literal, name)
		default:
			i.names = append(i.names, name)
		}
	}
	if addresses != nil {
		i.names = append(i.names, literal...)
	}
	z := zapLogger(log)
	i.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return i.magic, nil },
		Logger:           z,
	})
	i.magic = certmagic.New(i.cache, certmagic.Config{
		Storage:    i.storage,
		KeySource:  certmagic.StandardKeyGenerator{KeyType: certmagic.RSA2048}, // Windows XP knows no other
		Issuers:    []certmagic.Issuer{i},
		OCSP:       certmagic.OCSPConfig{DisableStapling: true},
		DisableARI: true,
		Logger:     z,
	})
	return i
}

// stop ends the upkeep. The certificate is still given to those who ask.
func (i *issuer) stop() {
	i.cache.Stop()
	i.making.Do("", func() (any, error) { return nil, nil }) // waits for what is being made
}

// IssuerKey names the directory of what this issuer signed: no other root and no other issuer uses it.
func (i *issuer) IssuerKey() string { return i.directory }

// Issue signs the box's certificate for the key of a request. Names and addresses are those that
// the box has now, whatever was asked for.
func (i *issuer) Issue(_ context.Context, csr *x509.CertificateRequest) (*certmagic.IssuedCertificate, error) {
	public, err := x509.MarshalPKIXPublicKey(csr.PublicKey)
	if err != nil {
		return nil, err
	}
	id := sha256.Sum256(public)
	from := i.moment().Add(-leafBackdate)
	leaf := &x509.Certificate{
		SerialNumber: serial(),
		// No subject: Windows XP refuses one where name constraints do not speak of it.
		NotBefore:             from,
		NotAfter:              from.Add(leafLife),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		SubjectKeyId:          id[:20], // RFC 7093 2
	}
	for _, name := range i.names {
		if ip := net.ParseIP(name); ip != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip)
		} else {
			leaf.DNSNames = append(leaf.DNSNames, name)
		}
	}
	for _, addr := range i.currentAddresses() {
		if i.permits(addr.String()) && !names(leaf, addr) {
			leaf.IPAddresses = append(leaf.IPAddresses, addr.AsSlice())
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, i.authority.certificate, csr.PublicKey, i.key)
	if err != nil {
		return nil, err
	}
	return &certmagic.IssuedCertificate{Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}, nil
}

// moment is now by a clock that may be wrong, moved to where certificates of this root make sense.
func (i *issuer) moment() time.Time {
	now := i.now()
	if now.Before(programBorn) {
		return programBorn
	}
	if last := rootUntil.Add(leafBackdate - leafLife); now.After(last) {
		return last
	}
	return now
}

// answer returns the box's certificate, in which addr is, if that is one of the box's private
// addresses. It makes one where there is none that does; only those who need it wait for it.
func (i *issuer) answer(ctx context.Context, addr netip.Addr) (*tls.Certificate, error) {
	kept := i.kept()
	if kept != nil && i.serves(kept.Leaf, addr) {
		return kept, nil
	}
	made, err := i.make(ctx, addr)
	if err != nil && kept != nil && ctx.Err() == nil {
		return kept, nil // better than nothing
	}
	return made, err
}

// make returns a certificate that serves, which it makes where there is none. All who want one wait
// for the same.
func (i *issuer) make(ctx context.Context, addr netip.Addr) (*tls.Certificate, error) {
	made := i.making.DoChan("", func() (any, error) {
		// It is for all who wait, so it does not end with the first of them.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		return i.fresh(ctx, addr)
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case m := <-made:
		c, _ := m.Val.(*tls.Certificate)
		return c, m.Err
	}
}

// kept is the certificate in use; nil where there is none.
func (i *issuer) kept() *tls.Certificate {
	var newest *tls.Certificate
	for _, c := range i.cache.AllMatchingCertificates(i.names[0]) {
		if newest == nil || !c.Leaf.NotBefore.Before(newest.Leaf.NotBefore) { // two, while one replaces the other
			newest = &c.Certificate
		}
	}
	return newest
}

// serves says whether a certificate is good for now and for who came to addr. That it ends soon is
// seen by certmagic, well before.
func (i *issuer) serves(leaf *x509.Certificate, addr netip.Addr) bool {
	if now := i.moment(); now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		return false // it was made while the clock was wrong, or is so now
	}
	for _, name := range i.names {
		if leaf.VerifyHostname(name) != nil {
			return false
		}
	}
	return !addr.IsValid() || names(leaf, addr) || !i.permits(addr.String()) || !slices.Contains(i.currentAddresses(), addr)
}

// currentAddresses are the addresses that the certificate is to have.
func (i *issuer) currentAddresses() []netip.Addr {
	if i.addresses == nil {
		return nil
	}
	return i.addresses()
}

// names says whether a certificate names an address.
func names(leaf *x509.Certificate, addr netip.Addr) bool {
	return slices.ContainsFunc(leaf.IPAddresses, func(ip net.IP) bool { return ip.Equal(addr.AsSlice()) })
}

// fresh returns a certificate that serves: the one on disk, or a new one.
func (i *issuer) fresh(ctx context.Context, addr netip.Addr) (*tls.Certificate, error) {
	i.mu.Lock()
	err, failed := i.err, i.failed
	i.mu.Unlock()
	if err != nil && time.Since(failed) < pause {
		return nil, err
	}
	c, err := i.loadOrIssue(ctx, addr)
	i.mu.Lock()
	defer i.mu.Unlock()
	if err != nil && i.err == nil {
		i.log.Error("no certificate could be made", "err", err)
	}
	i.err, i.failed = err, time.Now()
	return c, err
}

func (i *issuer) loadOrIssue(ctx context.Context, addr netip.Addr) (*tls.Certificate, error) {
	name := i.names[0]
	old := i.cache.AllMatchingCertificates(name)
	if kept := i.kept(); kept != nil && i.serves(kept.Leaf, addr) {
		return kept, nil
	}
	if len(old) == 0 {
		// An error may be a file that a power cut left half written: there will be another.
		if c, err := i.magic.CacheManagedCertificate(ctx, name); err == nil {
			if i.serves(c.Leaf, addr) {
				return &c.Certificate, nil
			}
			old = append(old, c)
		}
	}
	if err := i.storage.Delete(ctx, certmagic.StorageKeys.CertsSitePrefix(i.IssuerKey(), name)); err != nil {
		return nil, err
	}
	if err := i.magic.ObtainCertSync(ctx, name); err != nil {
		return nil, err
	}
	c, err := i.magic.CacheManagedCertificate(ctx, name)
	if err != nil {
		return nil, err
	}
	var hashes []string
	for _, o := range old {
		if o.Hash() != c.Hash() {
			hashes = append(hashes, o.Hash())
		}
	}
	i.cache.Remove(hashes)
	if !i.serves(c.Leaf, netip.Addr{}) {
		return nil, errors.New("the clock was set while it was made")
	}
	i.log.Info("this box's own CA made a certificate", "names", enumerate(c.Names), "until", c.Leaf.NotAfter.Format(time.DateOnly))
	return &c.Certificate, nil
}

// state is the certificate in use, nil where there is none, and why none could be made.
func (i *issuer) state() (*x509.Certificate, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.err != nil {
		return nil, i.err
	}
	if kept := i.kept(); kept != nil {
		return kept.Leaf, nil
	}
	return nil, nil
}
