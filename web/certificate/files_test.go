package certificate_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"omsbox/store"
	"omsbox/web/certificate"
)

// keyPair is what somebody keeps for the box.
type keyPair struct {
	key   *ecdsa.PrivateKey
	chain []*x509.Certificate
}

// publicCA stands for one that the computer trusts, or does not.
func publicCA(t testing.TB) keyPair {
	key := newKey(t)
	return keyPair{key, []*x509.Certificate{sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "Somebody's CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, key, &key.PublicKey)}}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	return key
}

// pairFor signs a certificate for the host that ends after some days.
func (ca keyPair) pairFor(t testing.TB, days int) keyPair {
	key := newKey(t)
	return keyPair{key, []*x509.Certificate{sign(t, &x509.Certificate{
		DNSNames: []string{host}, NotBefore: time.Now().AddDate(0, 0, -60), NotAfter: time.Now().AddDate(0, 0, days).Add(time.Hour),
	}, ca.chain[0], ca.key, &key.PublicKey), ca.chain[0]}}
}

func (p keyPair) keyPEM(t testing.TB) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(p.key)
	check(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func (p keyPair) serial() string { return p.chain[0].SerialNumber.String() }

// replace writes a file as tools do: beside it, and then in its place.
func replace(t testing.TB, path string, text []byte) {
	check(t, os.WriteFile(path+".tmp", text, 0o600))
	check(t, os.Rename(path+".tmp", path))
}

func TestFilesThatCannotBeServedAreRefusedAtStart(t *testing.T) {
	t.Parallel()
	ca := publicCA(t)
	good, other := ca.pairFor(t, 60), ca.pairFor(t, 60)
	for _, test := range []struct {
		name      string
		cert, key []byte
		want      string
	}{
		{"another's key", certificatePEM(good.chain...), other.keyPEM(t), "does not belong to the certificate"},
		{"the chain upside down", certificatePEM(ca.chain[0], good.chain[0]), good.keyPEM(t), "must come first"},
		{"no certificate", []byte("hello"), good.keyPEM(t), "no certificate with its key"},
		{"nothing", nil, nil, "no certificate with its key"},
		{"no key", certificatePEM(good.chain...), certificatePEM(good.chain...), "no certificate with its key"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			config := certificate.Config{Mode: certificate.Files, Data: dir, Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
			s, err := store.Create(t.Context(), dir, slog.New(slog.DiscardHandler))
			check(t, err)
			defer s.Close()
			if _, err := certificate.New(s, slog.New(slog.DiscardHandler), config); err == nil || !strings.Contains(err.Error(), config.Cert) {
				t.Errorf("without files: got %v", err)
			}
			replace(t, config.Cert, test.cert)
			replace(t, config.Key, test.key)
			_, err = certificate.New(s, slog.New(slog.DiscardHandler), config)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
		})
	}
}

func TestFilesAreReadAnewWhenTheyChange(t *testing.T) {
	t.Parallel()
	ca := publicCA(t)
	first, second := ca.pairFor(t, 60), ca.pairFor(t, 90)
	dir := t.TempDir()
	config := certificate.Config{Mode: certificate.Files, Data: dir, Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	replace(t, config.Cert, certificatePEM(first.chain...))
	replace(t, config.Key, first.keyPEM(t))
	b := startWith(t, dir, time.Now, config)
	addr := serve(t, "127.0.0.1:0", b.TLS())
	expect := func(want keyPair, text string, ok bool) {
		t.Helper()
		b.health(t, func(h store.Health) bool { return h.OK == ok && strings.Contains(h.Text, text) })
		if got := leaf(t, addr, host).SerialNumber.String(); got != want.serial() {
			t.Errorf("it serves %s, want %s", got, want.serial())
		}
	}
	expect(first, "signed by Somebody's CA, until "+first.chain[0].NotAfter.Format(time.DateOnly), true)
	replace(t, config.Cert, certificatePEM(second.chain...)) // and its key is not there yet
	expect(first, "does not belong to the certificate", false)
	replace(t, config.Key, second.keyPEM(t))
	expect(second, "until "+second.chain[0].NotAfter.Format(time.DateOnly), true)
	replace(t, config.Cert, nil)
	expect(second, "is no certificate", false)
	replace(t, config.Cert, certificatePEM(second.chain...))
	expect(second, "signed by", true)

	state, err := dial(addr, &tls.Config{InsecureSkipVerify: true})
	check(t, err)
	if len(state.PeerCertificates) != 2 {
		t.Errorf("the chain has %d certificates", len(state.PeerCertificates))
	}
	if _, ok := b.Root(); ok {
		t.Error("there is a root to trust")
	}
	if b.Public(host) {
		t.Error("a CA that nobody trusts counts as public")
	}
}

func TestFilesThatEndSoonAreAProblem(t *testing.T) {
	t.Parallel()
	ca := publicCA(t)
	for _, test := range []struct {
		name string
		days int
		ok   bool
		want string
	}{
		{"in fifteen days", 15, true, "until"},
		{"in thirteen days", 13, false, "ends on"},
		{"yesterday", -1, false, "ended on"},
	} {
		t.Run(test.name, func(t *testing.T) {
			pair := ca.pairFor(t, test.days)
			dir := t.TempDir()
			config := certificate.Config{Mode: certificate.Files, Data: dir, Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
			replace(t, config.Cert, certificatePEM(pair.chain...))
			replace(t, config.Key, pair.keyPEM(t))
			b := startWith(t, dir, time.Now, config)
			h := b.health(t, func(h store.Health) bool { return true })
			if h.OK != test.ok || !strings.Contains(h.Text, test.want) || !strings.Contains(h.Text, pair.chain[0].NotAfter.Format(time.DateOnly)) {
				t.Errorf("the row is %v, %q", h.OK, h.Text)
			}
		})
	}
}
