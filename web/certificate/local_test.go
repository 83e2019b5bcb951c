package certificate_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"omsbox/store"
	"omsbox/web/certificate"
)

func TestWhoTrustsTheRootIsServedUnderEveryNameOfTheBox(t *testing.T) {
	t.Parallel()
	b := aBox(t)
	addr := serve(t, "127.0.0.1:0", b.TLS())
	computer, err := os.Hostname()
	check(t, err)
	computer, _, _ = strings.Cut(strings.ToLower(computer), ".")
	for _, test := range []struct{ name, ask, want string }{
		{"the host", "sms.example.org", ""},
		{"in capitals", "SMS.Example.ORG", ""},
		{"a bare name", "sms", ""},
		{"the computer's name", computer, ""},
		{"the same by multicast DNS", computer + ".local", ""},
		{"localhost", "localhost", ""},
		{"its address, which no client names", "127.0.0.1", ""},
		{"another's name", "www.example.com", "other name"},
		{"a name below the host's that nobody gave it", "mail.sms.example.org", "other name"},
		{"an address that it has not", "192.168.77.77", "other name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := dial(addr, &tls.Config{ServerName: test.ask, RootCAs: b.roots(t)})
			if got := wrong(err); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if _, err := dial(addr, &tls.Config{ServerName: host, RootCAs: x509.NewCertPool()}); wrong(err) != "unknown authority" {
		t.Errorf("who does not trust the root got %v", err)
	}
}

func TestABoxIsServedUnderWhatItWasCalledIfItWasNoPublicName(t *testing.T) {
	t.Parallel()
	computer, err := os.Hostname()
	check(t, err)
	computer, _, _ = strings.Cut(strings.ToLower(computer), ".")
	for _, test := range []struct {
		name  string
		hosts []string
		ask   string
	}{
		{"nothing", nil, computer + ".local"},
		{"an address of the Internet", []string{"203.0.113.9"}, "203.0.113.9"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := start(t, t.TempDir(), certificate.Local, test.hosts...)
			addr := serve(t, "127.0.0.1:0", b.TLS())
			_, err := dial(addr, &tls.Config{ServerName: test.ask, RootCAs: b.roots(t)})
			check(t, err)
		})
	}
}

func TestTheRootCannotVouchForAnybodyElse(t *testing.T) {
	t.Parallel()
	b := aBox(t)
	for _, test := range []struct {
		name    string
		dns, ip string
		usage   x509.ExtKeyUsage
		want    string
	}{
		{"the host", host, "", x509.ExtKeyUsageServerAuth, ""},
		{"a name below the host's", "new.sms.example.org", "", x509.ExtKeyUsageServerAuth, ""},
		{"the bare name", "sms", "", x509.ExtKeyUsageServerAuth, ""},
		{"an address at home", "", "192.168.3.4", x509.ExtKeyUsageServerAuth, ""},
		{"one of an overlay network", "", "100.100.3.4", x509.ExtKeyUsageServerAuth, ""},
		{"a link-local address", "", "fe80::1", x509.ExtKeyUsageServerAuth, ""},
		{"a bank", "www.example.com", "", x509.ExtKeyUsageServerAuth, "name not permitted"},
		{"the host's domain", "example.org", "", x509.ExtKeyUsageServerAuth, "name not permitted"},
		{"a name that ends alike", "badsms.example.org", "", x509.ExtKeyUsageServerAuth, "name not permitted"},
		{"every name", "*", "", x509.ExtKeyUsageServerAuth, "name not permitted"},
		{"an address on the Internet", "", "8.8.8.8", x509.ExtKeyUsageServerAuth, "name not permitted"},
		{"one in IPv6", "", "2001:db8::1", x509.ExtKeyUsageServerAuth, "name not permitted"},
		{"a program that is signed", host, "", x509.ExtKeyUsageCodeSigning, "other usage"},
		{"a mail that is signed", host, "", x509.ExtKeyUsageEmailProtection, "other usage"},
	} {
		t.Run(test.name, func(t *testing.T) {
			template := &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{test.usage}}
			if test.dns != "" {
				template.DNSNames = []string{test.dns}
			} else {
				template.IPAddresses = []net.IP{net.ParseIP(test.ip)}
			}
			_, err := b.asCA(t, template).Verify(x509.VerifyOptions{Roots: b.roots(t), KeyUsages: []x509.ExtKeyUsage{test.usage}})
			if got := wrong(err); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	t.Run("another CA", func(t *testing.T) {
		ca := b.asCA(t, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
		if _, err := ca.Verify(x509.VerifyOptions{Roots: b.roots(t)}); err != nil {
			return // nothing can be below it
		}
		text, err := os.ReadFile(filepath.Join(b.data, "ca", "root.pem"))
		check(t, err)
		pair, err := tls.X509KeyPair(text, text)
		check(t, err)
		between := x509.NewCertPool()
		between.AddCert(ca)
		end := sign(t, &x509.Certificate{DNSNames: []string{host}}, ca, pair.PrivateKey, ca.PublicKey)
		if _, err := end.Verify(x509.VerifyOptions{Roots: b.roots(t), Intermediates: between}); err == nil {
			t.Error("a CA below the root is believed")
		}
	})
}

func TestTheCertificateIsAsClientsWantIt(t *testing.T) {
	t.Parallel()
	b := aBox(t)
	c := leaf(t, serve(t, "127.0.0.1:0", b.TLS()), host)
	r, _ := b.Root()
	root, err := x509.ParseCertificate(r.DER)
	check(t, err)
	if days := c.NotAfter.Sub(c.NotBefore).Hours() / 24; days > 397 {
		t.Errorf("it is valid for %v days, Apple's systems take 397", days)
	}
	if now := time.Now(); now.Sub(c.NotBefore) < 24*time.Hour {
		t.Errorf("it begins at %v: a clock that is behind refuses it", c.NotBefore)
	}
	if bits := c.SerialNumber.BitLen(); bits < 120 || bits > 128 {
		t.Errorf("its serial number has %d bits", bits)
	}
	if !slices.Equal(c.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}) ||
		c.KeyUsage != x509.KeyUsageDigitalSignature|x509.KeyUsageKeyEncipherment || c.IsCA {
		t.Errorf("it is for %v, %v", c.KeyUsage, c.ExtKeyUsage)
	}
	if len(c.SubjectKeyId) == 0 || !bytes.Equal(c.AuthorityKeyId, root.SubjectKeyId) || len(root.SubjectKeyId) == 0 {
		t.Errorf("it names its key %x and its CA's %x, which is %x", c.SubjectKeyId, c.AuthorityKeyId, root.SubjectKeyId)
	}
	if got := c.Subject.String(); got != "" { // Windows XP refuses any, because the root's name constraints permit none
		t.Errorf("its subject is %q", got)
	}
	if c.PublicKeyAlgorithm != x509.RSA || root.PublicKeyAlgorithm != x509.RSA {
		t.Error("Windows XP knows RSA alone")
	}
	if got := root.NotBefore.Format(time.DateOnly) + root.NotAfter.Format(" "+time.DateOnly); got != "2025-01-01 2049-12-31" {
		t.Errorf("the root is valid %s", got)
	}
	if want := "omsbox " + time.Now().UTC().Format("2006-01"); !strings.HasPrefix(root.Subject.CommonName, want) ||
		!strings.HasSuffix(root.Subject.CommonName, host) {
		t.Errorf("the root is called %q", root.Subject.CommonName)
	}
	if !root.MaxPathLenZero || !root.PermittedDNSDomainsCritical {
		t.Error("CAs below the root are possible, or its constraints may be ignored")
	}
	for _, name := range []string{host, "sms", "localhost", "192.168.0.0/16", "fe80::/10"} {
		if !slices.Contains(r.Names, name) {
			t.Errorf("the root's names are %v, without %s", r.Names, name)
		}
	}
	if len(r.Fingerprint) != 95 || strings.Count(r.Fingerprint, ":") != 31 {
		t.Errorf("the root's fingerprint is %q", r.Fingerprint)
	}
}

// Programs on BoringSSL refuse a certificate with IP addresses whose root has IP constraints.
func TestWhoNamesAHostGetsACertificateOfNamesAlone(t *testing.T) {
	t.Parallel()
	b := start(t, usedData(t), certificate.Local, host, "192.168.7.7")
	for _, config := range []*tls.Config{b.TLS(), b.MailTLS(), b.LegacyTLS()} {
		addr := serve(t, "127.0.0.1:0", config)
		for _, test := range []struct {
			name string
			want bool // IP addresses
		}{{host, false}, {"www.example.com", false}, {"localhost", false}, {"", true}, {"127.0.0.1", true}} {
			c := leaf(t, addr, test.name)
			if got := len(c.IPAddresses) > 0; got != test.want {
				t.Errorf("%q: the certificate names %v", test.name, certificate.Names(c))
			}
			if err := c.VerifyHostname(host); err != nil {
				t.Errorf("%q: %v", test.name, err)
			}
		}
	}
}

func TestUnknownNamesMakeNoCertificate(t *testing.T) {
	t.Parallel()
	b := aBox(t)
	addr := serve(t, "127.0.0.1:0", b.TLS())
	for _, test := range []struct {
		like  string
		names []string
	}{
		{host, []string{"www.example.com", "a.sms.example.org", "x y", strings.Repeat("a", 200)}},
		{"", []string{"10.1.2.3", ".."}}, // Go's client says no name then
	} {
		want := leaf(t, addr, test.like).SerialNumber
		for _, name := range test.names {
			if got := leaf(t, addr, name).SerialNumber; got.Cmp(want) != 0 {
				t.Errorf("%q got a certificate of its own", name)
			}
		}
	}
	var kept []string
	check(t, filepath.WalkDir(filepath.Join(b.data, "ca"), func(path string, d fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".crt") {
			kept = append(kept, filepath.Base(path))
		}
		return err
	}))
	if len(kept) != 2 {
		t.Errorf("it keeps %v", kept)
	}
}

func TestManyAtOnceGetTheSameCertificate(t *testing.T) {
	t.Parallel()
	data := usedData(t)
	check(t, os.RemoveAll(filepath.Join(data, "ca", "certificates"))) // it has a root alone
	b := start(t, data, certificate.Local, host)
	addr := serve(t, "127.0.0.1:0", b.TLS())
	serials := make([]string, 40)
	var all sync.WaitGroup
	for n := range serials {
		all.Go(func() {
			state, err := dial(addr, &tls.Config{ServerName: []string{"", host, "localhost", "www.example.com"}[n%4], InsecureSkipVerify: true})
			if err != nil {
				t.Error(err)
				return
			}
			serials[n] = state.PeerCertificates[0].SerialNumber.String()
		})
	}
	all.Wait()
	for n, got := range serials {
		if want := serials[min(n%4, 1)]; got != want {
			t.Errorf("client %d got %s, another of its kind %s", n, got, want)
		}
	}
}

func TestTheCertificateOutlivesARestart(t *testing.T) {
	t.Parallel()
	data := usedData(t)
	var serials []string
	for range 2 {
		t.Run("run", func(t *testing.T) {
			b := start(t, data, certificate.Local, host, "sms")
			serials = append(serials, leaf(t, serve(t, "127.0.0.1:0", b.TLS()), host).SerialNumber.String())
		})
	}
	if serials[0] != serials[1] {
		t.Error("each start makes another one")
	}
}

func TestACertificateThatAPowerCutLeftHalfWrittenIsMadeAnew(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, ext string
		text      string
	}{
		{"the certificate is empty", ".crt", ""},
		{"the key is empty", ".key", ""},
		{"the note is empty", ".json", ""},
		{"the key is another's", ".key", "-----BEGIN PRIVATE " +
			"KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1Z5a0Yd1xk3oVn3r9o0Xn3kYy4bq2m1l0b7z0Q0h0A\n-----END PRIVATE KEY-----\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := usedData(t)
			broken := 0
			check(t, filepath.WalkDir(filepath.Join(data, "ca"), func(path string, d fs.DirEntry, err error) error {
				if filepath.Ext(path) == test.ext {
					broken++
					return os.WriteFile(path, []byte(test.text), 0o600)
				}
				return err
			}))
			if broken != 2 { // that of names, and that of names and addresses
				t.Fatalf("%d files were broken", broken)
			}
			b := start(t, data, certificate.Local, host, "sms")
			addr := serve(t, "127.0.0.1:0", b.TLS())
			for _, name := range []string{host, "127.0.0.1"} {
				_, err := dial(addr, &tls.Config{ServerName: name, RootCAs: b.roots(t)})
				check(t, err)
			}
		})
	}
}

func TestARootThatCannotBeReadIsNeverReplaced(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		spoil func([]byte) []byte
	}{
		{"empty", func([]byte) []byte { return nil }},
		{"cut off in the certificate", func(whole []byte) []byte { return whole[:300] }},
		{"cut off before the key", func(whole []byte) []byte { return whole[:bytes.Index(whole, []byte("-----BEGIN PRIVATE"))] }},
		{"zeros", func(whole []byte) []byte { return make([]byte, len(whole)) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := usedData(t)
			path := filepath.Join(data, "ca", "root.pem")
			whole, err := os.ReadFile(path)
			check(t, err)
			spoilt := test.spoil(whole)
			check(t, os.WriteFile(path, spoilt, 0o600))
			s, err := store.Create(t.Context(), data, slog.New(slog.DiscardHandler))
			check(t, err)
			defer s.Close()
			_, err = certificate.New(s, slog.New(slog.DiscardHandler), certificate.Config{Mode: certificate.Local, Data: data, Hosts: []string{host}})
			if err == nil || !strings.Contains(err.Error(), "omsbox root new") || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want what to do", err)
			}
			if _, err := certificate.ReadRoot(data); err == nil {
				t.Error("it was read")
			}
			if now, _ := os.ReadFile(path); !bytes.Equal(now, spoilt) {
				t.Error("it was replaced")
			}
			check(t, certificate.NewRoot(data, []string{host})) // as it says
			_, err = certificate.ReadRoot(data)
			check(t, err)
		})
	}
}

func TestAPowerCutWhileTheRootIsMadeLeavesNone(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	check(t, os.MkdirAll(filepath.Join(data, "ca"), 0o700))
	check(t, os.WriteFile(filepath.Join(data, "ca", "root.pem.new"), []byte("-----BEGIN CERT"), 0o644))
	if _, err := certificate.ReadRoot(data); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want that there is none", err)
	}
	check(t, certificate.NewRoot(data, []string{host}))
	_, err := certificate.ReadRoot(data)
	check(t, err)
	info, err := os.Stat(filepath.Join(data, "ca", "root.pem"))
	check(t, err)
	if got := info.Mode().Perm(); got&0o077 != 0 {
		t.Errorf("others may read the key: %v", got)
	}
	if _, err := os.Stat(filepath.Join(data, "ca", "root.pem.new")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want nothing left behind", err)
	}
}

func TestANewRootIsTakenUpWhileTheBoxRuns(t *testing.T) {
	t.Parallel()
	b := start(t, usedData(t), certificate.Local, host, "other.example.net")
	addr := serve(t, "127.0.0.1:0", b.TLS())
	leaf(t, addr, "")
	h := b.health(t, func(h store.Health) bool { return !h.OK })
	if !strings.Contains(h.Text, "other.example.net") || !strings.Contains(h.Text, "omsbox root new") || strings.Contains(h.Text, "without "+host) {
		t.Errorf("the row says %q", h.Text)
	}
	_, err := dial(addr, &tls.Config{ServerName: host, RootCAs: b.roots(t)}) // what is covered is served
	check(t, err)
	before, err := os.ReadFile(filepath.Join(b.data, "ca", "root.pem"))
	check(t, err)
	old, _ := b.Root()

	check(t, certificate.NewRoot(b.data, []string{host, "other.example.net"}))
	check(t, b.store.Set(t.Context(), "service.name", "rung")) // any setting rings the bell
	h = b.health(t, func(h store.Health) bool { return h.OK && strings.Contains(h.Text, "until") })
	if !strings.Contains(h.Text, host) {
		t.Errorf("the row says %q", h.Text)
	}
	for _, name := range []string{host, "other.example.net"} {
		_, err := dial(addr, &tls.Config{ServerName: name, RootCAs: b.roots(t)})
		check(t, err)
	}
	now, _ := b.Root()
	if read, err := certificate.ReadRoot(b.data); err != nil || read.Fingerprint != now.Fingerprint || now.Fingerprint == old.Fingerprint {
		t.Errorf("it serves the root %s, %s lies there (%v), and before it was %s", now.Fingerprint, read.Fingerprint, err, old.Fingerprint)
	}
	aside, _ := filepath.Glob(filepath.Join(b.data, "ca", "root-2*.pem"))
	if len(aside) != 1 {
		t.Fatalf("aside lie %v", aside)
	}
	if kept, _ := os.ReadFile(aside[0]); !bytes.Equal(kept, before) {
		t.Error("what was kept aside is not the old root")
	}
}

func TestARootThatBreaksWhileTheBoxRunsIsTold(t *testing.T) {
	t.Parallel()
	b := aBox(t)
	addr := serve(t, "127.0.0.1:0", b.TLS())
	check(t, os.WriteFile(filepath.Join(b.data, "ca", "root.pem"), nil, 0o600))
	check(t, b.store.Set(t.Context(), "service.name", "rung"))
	h := b.health(t, func(h store.Health) bool { return !h.OK })
	if !strings.Contains(h.Text, "omsbox root new") {
		t.Errorf("the row says %q", h.Text)
	}
	_, err := dial(addr, &tls.Config{ServerName: host, RootCAs: b.roots(t)})
	check(t, err)
}

func TestAWrongClockIsForgivenWithoutARestart(t *testing.T) {
	t.Parallel()
	day := func(s string) time.Time {
		d, err := time.Parse(time.DateOnly, s)
		check(t, err)
		return d
	}
	for _, test := range []struct {
		name        string
		first, then time.Time
		begins      string // on the day that its first certificate does
		fresh       bool
	}{
		{"the clock starts in 1970", day("1970-01-01"), day("2028-05-01"), "2025-12-25", true},
		{"it was a month behind", day("2028-04-01"), day("2028-05-01"), "2028-03-25", false},
		{"it was years ahead", day("2040-04-01"), day("2028-05-01"), "2040-03-25", true},
		{"it was beyond the root's end", day("2060-04-01"), day("2028-05-01"), "2048-11-29", true},
		{"it is right", day("2028-04-30"), day("2028-05-01"), "2028-04-23", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := usedData(t)
			check(t, os.RemoveAll(filepath.Join(data, "ca", "certificates")))
			var clock atomic.Pointer[time.Time]
			clock.Store(&test.first)
			b := startWith(t, data, func() time.Time { return *clock.Load() }, certificate.Config{Mode: certificate.Local, Data: data, Hosts: []string{host}})
			addr := serve(t, "127.0.0.1:0", b.TLS())
			first := leaf(t, addr, host)
			if got := first.NotBefore.Format(time.DateOnly); got != test.begins {
				t.Errorf("it begins on %s, want %s", got, test.begins)
			}
			if again := leaf(t, addr, host); again.SerialNumber.Cmp(first.SerialNumber) != 0 {
				t.Error("each handshake makes another one")
			}
			clock.Store(&test.then)
			second := leaf(t, addr, host)
			if fresh := second.SerialNumber.Cmp(first.SerialNumber) != 0; fresh != test.fresh {
				t.Errorf("a fresh one: %v, want %v", fresh, test.fresh)
			}
			if test.then.Before(second.NotBefore) || test.then.After(second.NotAfter) {
				t.Errorf("on %v it is valid from %v to %v", test.then, second.NotBefore, second.NotAfter)
			}
		})
	}
}

func TestNamesThatNoCertificateCanHaveAreRefused(t *testing.T) {
	t.Parallel()
	s, err := store.Create(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler))
	check(t, err)
	defer s.Close()
	for _, name := range []string{"", "*.example.org", "größe.example.org", "a b", "sms..example.org", "-sms", "sms.example.org:443", "https://sms"} {
		_, err := certificate.New(s, slog.New(slog.DiscardHandler), certificate.Config{Mode: certificate.Local, Data: t.TempDir(), Hosts: []string{name}})
		if err == nil || !strings.Contains(err.Error(), "-host") {
			t.Errorf("%q: got %v", name, err)
		}
	}
}
