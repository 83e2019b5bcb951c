package certificate

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	protocol "github.com/mholt/acmez/v3/acme"

	"omsbox/store"
	"omsbox/web/dns"
)

// newBoxACME is what -tls acme makes, with these settings; nothing runs yet.
func newBoxACME(t *testing.T, settings map[string]string, hosts ...string) *acme {
	t.Helper()
	s, err := store.Create(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for key, value := range settings {
		if err := s.Set(t.Context(), key, value); err != nil {
			t.Fatal(err)
		}
	}
	a, err := newACME(s, slog.New(slog.DiscardHandler), Config{Mode: ACME, Data: t.TempDir(), Hosts: hosts,
		HTTP: "127.0.0.1:80", HTTPS: "127.0.0.1:443"})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// keyPair is a certificate for 127.0.0.1 and sms.example.org that signs itself, with its key, in PEM.
func keyPair(t *testing.T, from, until time.Time) (certificate, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(from.Unix()), NotBefore: from, NotAfter: until, IsCA: true, BasicConstraintsValid: true,
		Subject: pkix.Name{Organization: []string{"Somebody"}}, DNSNames: []string{"sms.example.org"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

// keepFiles stores the certificate of sms.example.org as if the CA had issued it.
func keepFiles(t *testing.T, ca *publicCA, certificate, key []byte) {
	t.Helper()
	issuer := ca.config.Issuers[0].IssuerKey()
	for file, content := range map[string][]byte{
		certmagic.StorageKeys.SiteCert(issuer, "sms.example.org"):       certificate,
		certmagic.StorageKeys.SitePrivateKey(issuer, "sms.example.org"): key,
		certmagic.StorageKeys.SiteMeta(issuer, "sms.example.org"):       []byte(`{"sans":["sms.example.org"]}`),
	} {
		if err := ca.config.Storage.Store(t.Context(), file, content); err != nil {
			t.Fatal(err)
		}
	}
}

func TestACMEKeepsACertificateOverAStart(t *testing.T) {
	t.Parallel()
	a := newBoxACME(t, nil, "sms.example.org")
	ca := a.newPublicCA(a.wishes())
	certificate, key := keyPair(t, time.Now().Add(-time.Hour), time.Now().Add(90*24*time.Hour))
	keepFiles(t, ca, certificate, key)
	hello := &tls.ClientHelloInfo{ServerName: "SMS.example.org."}
	if _, err := a.certificate(hello); !errors.Is(err, errNone) {
		t.Errorf("before it runs, the error is %v, want errNone so that the box's own CA serves", err)
	}
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- a.run(ctx) }()
	await(t, "the certificate is served", func() bool { _, err := a.certificate(hello); return err == nil })
	if ok, text := a.status(); !ok || !strings.HasPrefix(text, "sms.example.org: Somebody vouches for it until ") {
		t.Errorf("the status is %v, %q", ok, text)
	}
	if !a.public("sms.example.org") || a.public("www.example.org") {
		t.Error("the name with the certificate is public, and no other")
	}
	for _, other := range []string{"", "www.example.org", "192.0.2.1"} {
		if _, err := a.certificate(&tls.ClientHelloInfo{ServerName: other}); !errors.Is(err, errNone) {
			t.Errorf("for %q the error is %v, want errNone", other, err)
		}
	}
	end()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	const patience = 3 * time.Minute
	for deadline := time.Now().Add(patience); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not after %v: %s", patience, what)
		}
	}
}

func TestACMEServesNoCertificateWhoseTimeIsOver(t *testing.T) {
	t.Parallel()
	v := &vouched{name: "sms.example.org"}
	pair, err := tls.X509KeyPair(keyPair(t, time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	ca := &publicCA{name: "Let's Encrypt", trusted: true}
	v.meet(ca)
	v.found(&certmagic.Certificate{Certificate: pair}, ca, errors.New("no"), time.Now())
	if _, err := v.serve(time.Now()); !errors.Is(err, errNone) || v.public(time.Now()) {
		t.Errorf("the error is %v, want errNone", err)
	}
	if _, err := v.serve(time.Now().Add(-90 * time.Minute)); err != nil {
		t.Errorf("while it was good, it was not served: %v", err)
	}
}

func TestACMEMendsFilesThatDoNotBelongTogether(t *testing.T) {
	t.Parallel()
	from, until := time.Now().Add(-time.Hour), time.Now().Add(90*24*time.Hour)
	good, key := keyPair(t, from, until)
	_, otherKey := keyPair(t, from, until)
	for _, c := range []struct {
		name             string
		certificate, key []byte
		stays            bool
	}{
		{"a whole one", good, key, true},
		{"the key of another", good, otherKey, false},
		{"an empty certificate", nil, key, false},
		{"half a key", good, key[:len(key)/2], false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := newBoxACME(t, map[string]string{"acme.directory": "https://127.0.0.1:1/dir"}, "sms.example.org")
			ca := a.newPublicCA(a.wishes())
			keepFiles(t, ca, c.certificate, c.key)
			cert, err := ca.look(t.Context(), "sms.example.org", 0)
			if stays := cert != nil && err == nil; stays != c.stays {
				t.Errorf("looking brought %v and the error %v", cert != nil, err)
			}
			if c.stays {
				return
			}
			if text := ca.trouble(err, "sms.example.org", time.Now()); !strings.Contains(text, "cannot be reached") {
				t.Errorf("the trouble is %q, want that with the CA that was asked for another", text)
			}
			key := certmagic.StorageKeys.SitePrivateKey(ca.config.Issuers[0].IssuerKey(), "sms.example.org")
			if _, err := ca.config.Storage.Load(t.Context(), key); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the damaged files are still there: %v", err)
			}
		})
	}
}

func TestACMEForgetsLocksThatAPowerCutLeft(t *testing.T) {
	t.Parallel()
	a := newBoxACME(t, nil, "sms.example.org")
	lock := filepath.Join(a.directory(), "locks", "issue_cert_sms.example.org.lock")
	if err := os.MkdirAll(filepath.Dir(lock), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(lock, []byte(`{"created":"2099-01-01T00:00:00Z","updated":"2099-01-01T00:00:00Z"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newACME(a.store, a.log, a.config); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(lock); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lock is still there: %v", err)
	}
}

func TestACMEIsAskedAboutNamesItCanVouchFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, host, directory string
		want                  bool
	}{
		{"a public name", "sms.example.org", "", true},
		{"a name of one word", "raspberrypi", "", false},
		{"a name of the local network", "raspberrypi.local", "", false},
		{"an address", "192.0.2.1", "", false},
		{"a local name and a CA of one's own", "raspberrypi.local", "https://ca.local/dir", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newBoxACME(t, nil, c.host)
			ca := a.newPublicCA(wishes{directory: c.directory})
			if got := ca.serves(c.host); got != c.want {
				t.Errorf("it is asked: %v, want %v", got, c.want)
			}
			a.names[0].meet(ca)
			if _, text := a.status(); strings.Contains(text, "no name of this box") == c.want {
				t.Errorf("the status is %q", text)
			}
		})
	}
}

func TestACMESettingsThatCannotWork(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		wishes wishes
		config Config
		want   string
	}{
		{"roots that are not there", wishes{roots: "/nowhere/root.pem"}, Config{HTTP: ":80"}, "acme.roots names cannot be read"},
		{"roots without a certificate", wishes{roots: empty}, Config{HTTP: ":80"}, "no certificate in PEM"},
		{"a DNS provider that makes no sense", wishes{dns: "rfc2136 ns key hmac-md5 s3cret"}, Config{HTTP: ":80"}, "acme.dns is wrong"},
		{"no way to prove anything", wishes{}, Config{}, "no way to prove the name"},
		{"an address without a port", wishes{}, Config{HTTPS: "127.0.0.1"}, "127.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newBoxACME(t, nil, "sms.example.org")
			a.config.HTTP, a.config.HTTPS = c.config.HTTP, c.config.HTTPS
			ca := a.newPublicCA(c.wishes)
			cert, err := ca.look(t.Context(), "sms.example.org", 0)
			if cert != nil || err == nil {
				t.Fatalf("looking brought %v and the error %v", cert, err)
			}
			text := ca.trouble(err, "sms.example.org", time.Now())
			if !strings.Contains(text, c.want) || strings.Contains(text, "s3cret") {
				t.Errorf("the trouble is %q, want %q", text, c.want)
			}
		})
	}
}

// deafCA is a CA that knows no request. Its own certificate is good from one time until another; root
// is the file that vouches for it.
func deafCA(t *testing.T, from, until time.Time) (directory, root string) {
	t.Helper()
	certificate, key := keyPair(t, from, until)
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	t.Cleanup(server.Close)
	root = filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(root, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	return server.URL + "/dir", root
}

func TestACMETellsWhyTheCACannotBeAsked(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for _, c := range []struct {
		name        string
		from, until time.Time // of the CA's own certificate
		trusted     bool
		want        string
	}{
		{"our clock is behind", time.Now().Add(24 * time.Hour), time.Now().Add(48 * time.Hour), true, "set the clock"},
		{"our clock is ahead", time.Now().Add(-48 * time.Hour), time.Now().Add(-24 * time.Hour), true, "set the clock"},
		{"a root of one's own", time.Now().Add(-time.Hour), time.Now().Add(time.Hour), false, "acme.roots"},
		{"nobody there", time.Time{}, time.Time{}, false, "cannot be reached"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			settings := map[string]string{"acme.directory": "https://" + closed.Addr().String() + "/dir"}
			if !c.from.IsZero() {
				url, root := deafCA(t, c.from, c.until)
				settings["acme.directory"] = url
				if c.trusted {
					settings["acme.roots"] = root
				}
			}
			a := newBoxACME(t, settings, "sms.example.org")
			ca := a.newPublicCA(a.wishes())
			_, err := ca.look(t.Context(), "sms.example.org", 0)
			if err == nil {
				t.Fatal("there is no error")
			}
			if text := ca.trouble(err, "sms.example.org", time.Now()); !strings.Contains(text, c.want) {
				t.Errorf("the trouble is %q, want %q; it is %v", text, c.want, err)
			}
			if clock := c.want == "set the clock"; clockIsWrong(err) != clock {
				t.Errorf("it is the clock: %v, want %v", !clock, clock)
			}
		})
	}
}

func TestACMEAsksAgainSoonWhileTheClockIsWrong(t *testing.T) {
	t.Parallel()
	url, root := deafCA(t, time.Now().Add(24*time.Hour), time.Now().Add(48*time.Hour))
	a := newBoxACME(t, map[string]string{"acme.directory": url, "acme.roots": root}, "sms.example.org")
	a.pauses = []time.Duration{time.Millisecond, time.Hour}
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- a.run(ctx) }()
	tries := map[time.Time]bool{}
	await(t, "the CA is asked a third time", func() bool {
		a.names[0].mu.Lock()
		defer a.names[0].mu.Unlock()
		if a.names[0].err != nil {
			tries[a.names[0].next] = true
		}
		return len(tries) == 3
	})
	end()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestACMETellsWhatTheCASays(t *testing.T) {
	t.Parallel()
	problem := func(kind, detail string) error {
		return fmt.Errorf("solving challenge: %w", protocol.Problem{Type: protocol.ProblemTypeNamespace + kind, Status: 403, Detail: detail})
	}
	for _, c := range []struct {
		name  string
		err   error
		byDNS bool
		want  []string
	}{
		{"no address", problem("dns", "NXDOMAIN looking up A for sms.example.org"), false, []string{"no address for sms.example.org", "public address"}},
		{"no proof", problem("dns", "NXDOMAIN looking up TXT"), true, []string{"proof", "acme.dns"}},
		{"no connection", problem("connection", "Timeout during connect (likely firewall problem)"), false, []string{"ports 80 and 443", "acme.dns"}},
		{"another server", problem("unauthorized", "Invalid response: 404"), false, []string{"something else", "ports 80 and 443"}},
		{"another proof", problem("unauthorized", "Incorrect TXT record"), true, []string{"another proof", "acme.dns"}},
		{"too often", problem("rateLimited", "too many certificates (5) already issued for this exact set of identifiers "+
			"in the last 168h0m0s, retry after 2026-11-30 12:34:56 UTC: see"), false,
			[]string{"too often", "2026-11-30 12:34 UTC"}},
		{"too often for now", problem("rateLimited", "Service busy; retry later."), false, []string{"too often"}},
		{"CAA", problem("caa", "CAA record for sms.example.org prevents issuance"), false, []string{"CAA"}},
		{"a name that it does not like", problem("rejectedIdentifier", "Domain name does not end with a valid public "+
			"suffix"), false, []string{"no such name as sms.example.org"}},
		{"a mail address that it does not like", problem("invalidContact", "contact email has forbidden domain"), false, []string{"acme.mail"}},
		{"accounts made by hand", problem("externalAccountRequired", ""), false, []string{"acme.directory"}},
		{"trouble of its own", problem("serverInternal", ""), false, []string{"of its own"}},
		{"one for each name", fmt.Errorf("%w", protocol.Problem{Type: protocol.ProblemTypeCompound,
			Subproblems: []protocol.Subproblem{{Problem: protocol.Problem{Type: protocol.ProblemTypeCAA}}}}), false,
			[]string{"CAA"}},
		{"something new", problem("notYetInvented", strings.Repeat("because ", 100)), false, []string{`it says "because because`, "…"}},
		{"a provider", fmt.Errorf("adding: %w", &dns.Error{Provider: "DuckDNS", Err: errors.New("it refused")}), true,
			[]string{"could not be written", "DuckDNS: it refused"}},
		{"no Internet", fmt.Errorf("performing request: %w", &net.DNSError{Err: "no such host", Name: "ca.example.net"}),
			false, []string{"cannot look up ca.example.net"}},
		{"no zone", errors.New(`could not determine zone for domain "_acme-challenge.sms.example.org"`), true,
			[]string{"which zone sms.example.org is in"}},
		{"slow DNS", errors.New("timed out waiting for record to fully propagate; verify"), true, []string{"does not show there yet"}},
		{"a full disk", errors.New("failed storage check: no space left on device - storage is probably misconfigured"),
			false, []string{"is the disk full?"}},
		{"a disk that cannot be read", fmt.Errorf("read the certificate: %w", &fs.PathError{Op: "read",
			Path: "acme/certificates/sms.key", Err: syscall.EIO}), false, []string{"the data directory", "disk"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ca := &publicCA{name: "Let's Encrypt", host: "ca.example.net", byDNS: c.byDNS}
			text := ca.trouble(c.err, "sms.example.org", time.Now())
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("the trouble is %q, want %q", text, want)
				}
			}
			if len(text) > 200 {
				t.Errorf("it has %d bytes; a line of the status has 300 in all", len(text))
			}
		})
	}
}

func TestACMEStatus(t *testing.T) {
	t.Parallel()
	now := time.Now()
	const day = 24 * time.Hour
	ca := &publicCA{name: "Let's Encrypt", trusted: true}
	refused := protocol.Problem{Type: protocol.ProblemTypeConnection}
	for _, c := range []struct {
		name string
		left time.Duration // of the certificate, out of 90 days; 0: there is none
		err  error
		ok   bool
		want []string
	}{
		{"waiting", 0, nil, false, []string{"Let's Encrypt has been asked", "own CA stands in"}},
		{"failed", 0, refused, false, []string{"no certificate of Let's Encrypt yet", "ports 80 and 443", "Next try: "}},
		{"well", 60 * day, nil, true, []string{"Somebody vouches for it until " + now.Add(60*day).UTC().Format("2006-01-02")}},
		{"not renewed yet", 20*day + time.Hour, refused, true, []string{"good for 20 more days", "does not renew it", "Next try: "}},
		{"not renewed, and it is time", 10*day + time.Hour, refused, false, []string{"good for 10 more days", "ports 80 and 443"}},
		{"not renewed, and it is late", day + time.Minute, refused, false, []string{"good for 24 more hours"}},
		{"over", -day, refused, false, []string{"ended on", "does not renew it"}},
		{"over, and now it goes on", -day, nil, false, []string{"ended on", "being renewed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := &vouched{name: "sms.example.org"}
			v.meet(ca)
			if c.left != 0 {
				pair, err := tls.X509KeyPair(keyPair(t, now.Add(c.left-90*day), now.Add(c.left)))
				if err != nil {
					t.Fatal(err)
				}
				v.found(&certmagic.Certificate{Certificate: pair}, ca, c.err, now.Add(time.Minute))
			} else if c.err != nil {
				v.found(nil, ca, c.err, now.Add(time.Minute))
			}
			ok, text := v.status(now)
			if ok != c.ok {
				t.Errorf("it is well: %v, want %v", ok, c.ok)
			}
			for _, want := range append(c.want, "sms.example.org: ") {
				if !strings.Contains(text, want) {
					t.Errorf("the status is %q, want %q", text, want)
				}
			}
			if len(text) > 300 {
				t.Errorf("it has %d bytes, want 300 at most", len(text))
			}
		})
	}
}

func TestACMEWhatNeedsSomebodyComesFirst(t *testing.T) {
	t.Parallel()
	a := newBoxACME(t, nil, "one.example.org", "two.example.org")
	ca := &publicCA{name: "Let's Encrypt"}
	pair, err := tls.X509KeyPair(keyPair(t, time.Now(), time.Now().Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	for i, err := range []error{nil, errors.New("no")} {
		a.names[i].meet(ca)
		var cert *certmagic.Certificate
		if err == nil {
			cert = &certmagic.Certificate{Certificate: pair}
		}
		a.names[i].found(cert, ca, err, time.Now())
	}
	if ok, text := a.status(); ok || strings.Index(text, "two.example.org") > strings.Index(text, "one.example.org") {
		t.Errorf("the status is %v, %q", ok, text)
	}
}

func TestACMELeavesOtherRequestsAlone(t *testing.T) {
	t.Parallel()
	a := newBoxACME(t, nil, "sms.example.org")
	h := a.challenge(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	for _, path := range []string{"/", "/.well-known/acme-challenge/" + strings.Repeat("a", 43), "/.well-known/acme-challenge/../x"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "http://sms.example.org/", nil)
		r.URL.Path = path
		h.ServeHTTP(w, r)
		if w.Code != http.StatusTeapot {
			t.Errorf("%s: the answer is %d %s", path, w.Code, bytes.TrimSpace(w.Body.Bytes()))
		}
	}
	if _, err := a.certificate(&tls.ClientHelloInfo{ServerName: "sms.example.org",
		SupportedProtos: []string{"acme-tls/1"}}); err == nil || errors.Is(err, errNone) {
		t.Errorf("a TLS-ALPN-01 challenge that nobody asked for: the error is %v", err)
	}
}
