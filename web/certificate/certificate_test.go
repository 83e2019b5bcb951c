package certificate_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"omsbox/store"
	"omsbox/web/certificate"
)

const host = "sms.example.org"

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestMain lets more tests run at once than there are processors: most of the time they wait.
func TestMain(m *testing.M) {
	flag.Parse()
	atOnce := flag.Lookup("test.parallel").Value
	if atOnce.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) { // nobody chose otherwise
		atOnce.Set("12")
	}
	m.Run()
}

// box is a Keeper that runs.
type box struct {
	*certificate.Keeper
	store *store.Store
	data  string
}

// aBox runs a box called sms.example.org and sms, that has run before.
func aBox(t testing.TB) *box {
	t.Helper()
	return start(t, usedData(t), certificate.Local, host, "sms")
}

// used is what a box that has run before keeps of its own CA. RSA keys take long to make.
var used = sync.OnceValues(func() (fs.FS, error) {
	dir, err := os.MkdirTemp("", "omsbox-certificate-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	log := slog.New(slog.DiscardHandler)
	s, err := store.Create(context.Background(), dir, log)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	k, err := certificate.New(s, log, certificate.Config{Mode: certificate.Local, Data: dir, Hosts: []string{host, "sms"}})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- k.Run(ctx) }()
	cancel() // it ends after the first certificate was made
	if err := <-ended; err != nil {
		return nil, err
	}
	kept := fstest.MapFS{}
	below := os.DirFS(filepath.Join(dir, "ca"))
	return kept, fs.WalkDir(below, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(below, path)
		kept[path] = &fstest.MapFile{Data: text, Mode: 0o600}
		return err
	})
})

// usedData is a data directory in which a box called sms.example.org and sms has run before.
func usedData(t testing.TB) string {
	t.Helper()
	kept, err := used()
	check(t, err)
	dir := t.TempDir()
	check(t, os.CopyFS(filepath.Join(dir, "ca"), kept))
	return dir
}

// start runs a box until the test ends.
func start(t testing.TB, data, mode string, hosts ...string) *box {
	t.Helper()
	return startWith(t, data, time.Now, certificate.Config{Mode: mode, Data: data, Hosts: hosts})
}

func startWith(t testing.TB, data string, clock func() time.Time, config certificate.Config) *box {
	t.Helper()
	s, err := store.Create(t.Context(), data, slog.New(slog.DiscardHandler), store.WithClock(clock))
	check(t, err)
	k, err := certificate.New(s, slog.New(slog.DiscardHandler), config)
	if err != nil {
		s.Close()
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- k.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		check(t, s.Close())
	})
	return &box{k, s, data}
}

// health waits until the row of the certificates is one that is wanted.
func (b *box) health(t testing.TB, want func(store.Health) bool) store.Health {
	t.Helper()
	bell := b.store.Subscribe(store.Traffic)
	defer bell.Close()
	var last store.Health
	for deadline := time.After(20 * time.Second); ; {
		rows, err := b.store.Healths(t.Context())
		check(t, err)
		for _, h := range rows {
			if h.Part == "certificate" {
				if last = h; want(h) {
					return h
				}
			}
		}
		select {
		case <-bell.C:
		case <-deadline:
			t.Fatalf("the row of the certificates stays %+v", last)
		}
	}
}

// serve answers TLS connections on a loopback address with a line.
func serve(t testing.TB, address string, config *tls.Config) (addr string) {
	t.Helper()
	l, err := tls.Listen("tcp", address, config)
	check(t, err)
	var open sync.WaitGroup
	open.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(20 * time.Second))
				io.WriteString(c, "this is the box\n")
			})
		}
	})
	t.Cleanup(func() { l.Close(); open.Wait() })
	return l.Addr().String()
}

// roots holds the root of a box alone.
func (b *box) roots(t testing.TB) *x509.CertPool {
	t.Helper()
	r, ok := b.Root()
	if !ok {
		t.Fatal("it has no root")
	}
	c, err := x509.ParseCertificate(r.DER)
	check(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(c)
	return pool
}

// dial returns what a client saw, or why it hung up.
func dial(addr string, config *tls.Config) (tls.ConnectionState, error) {
	c, err := tls.Dial("tcp", addr, config)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer c.Close()
	if line, err := io.ReadAll(c); err != nil || string(line) != "this is the box\n" {
		return tls.ConnectionState{}, fmt.Errorf("read %q, %w", line, err)
	}
	return c.ConnectionState(), nil
}

// leaf is the certificate that somebody gets who trusts nobody; name "" asks for none.
func leaf(t testing.TB, addr, name string) *x509.Certificate {
	t.Helper()
	state, err := dial(addr, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	check(t, err)
	return state.PeerCertificates[0]
}

// asCA signs with the key of a box's root what its owner never would.
func (b *box) asCA(t testing.TB, template *x509.Certificate) *x509.Certificate {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(b.data, "ca", "root.pem"))
	check(t, err)
	pair, err := tls.X509KeyPair(text, text)
	check(t, err)
	return sign(t, template, pair.Leaf, pair.PrivateKey, &pair.PrivateKey.(*rsa.PrivateKey).PublicKey)
}

func sign(t testing.TB, template, ca *x509.Certificate, key, public any) *x509.Certificate {
	t.Helper()
	if template.SerialNumber == nil {
		template.SerialNumber = big.NewInt(time.Now().UnixNano())
	}
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(90*24*time.Hour)
	}
	if ca == nil {
		ca = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, public, key)
	check(t, err)
	c, err := x509.ParseCertificate(der)
	check(t, err)
	return c
}

func certificatePEM(certificates ...*x509.Certificate) (text []byte) {
	for _, c := range certificates {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return text
}

// wrong is the kind of error that a client has with a certificate.
func wrong(err error) string {
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &authority):
		return "unknown authority"
	case errors.As(err, &name):
		return "other name"
	case errors.As(err, &invalid) && invalid.Reason == x509.CANotAuthorizedForThisName:
		return "name not permitted"
	case errors.As(err, &invalid) && (invalid.Reason == x509.IncompatibleUsage || invalid.Reason == x509.CANotAuthorizedForExtKeyUsage):
		return "other usage"
	}
	return err.Error()
}
