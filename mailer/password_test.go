package mailer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"omsbox/store"
)

// distant is a connection on this computer that seems to lead to another one.
type distant struct{ net.Conn }

func (distant) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 25} }

// asked is a session that counts who tries to sign in.
type asked struct {
	smtp.Session
	times *atomic.Int64
}

func (a *asked) Reset()                   {}
func (a *asked) Logout() error            { return nil }
func (a *asked) AuthMechanisms() []string { return []string{sasl.Plain} }

func (a *asked) Auth(string) (sasl.Server, error) {
	a.times.Add(1)
	return sasl.NewPlainServer(func(_, _, _ string) error { return nil }), nil
}

func TestThePasswordGoesOnlyToWhoProvesWhoItIs(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"relay.example.org"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	certified := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s, err := store.Create(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, c := range []struct {
		name     string
		setting  string
		starttls *tls.Config
		roots    *x509.CertPool
		asked    int64
		want     string
	}{
		{"proved by STARTTLS", "smtp://ann:Tr0mbone@relay.example.org", certified, pool, 1, ""},
		{"no STARTTLS", "smtp://ann:Tr0mbone@relay.example.org", nil, pool, 0, "offers no STARTTLS, so the password is not sent"},
		{"certificate of nobody", "smtp://ann:Tr0mbone@relay.example.org", certified, x509.NewCertPool(), 0, "it fails"},
		{"certificate of another name", "smtp://ann:Tr0mbone@mail.example.org", certified, pool, 0, "it fails"},
		{"no password, certificate of nobody", "smtp://relay.example.org", certified, x509.NewCertPool(), 0, ""},
		{"no password, no STARTTLS", "smtp://relay.example.org", nil, pool, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var times atomic.Int64
			server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &asked{times: &times}, nil }))
			server.AllowInsecureAuth, server.TLSConfig, server.ErrorLog = true, c.starttls, log.New(io.Discard, "", 0)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			go server.Serve(l)
			defer server.Close()
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			m := New(s, slog.New(slog.DiscardHandler))
			m.RootCAs, m.Patience = c.roots, 10*time.Second
			r, err := parseRelay(c.setting)
			if err != nil {
				t.Fatal(err)
			}
			_, err = m.greet(t.Context(), distant{conn}, r)
			if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "Tr0mbone")) {
				t.Errorf("got %v, want something of %q", err, c.want)
			}
			if got := times.Load(); got != c.asked {
				t.Errorf("signed in %d times, want %d", got, c.asked)
			}
		})
	}
}

func TestRelaySettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		setting string
		want    relay
	}{
		{"smtp://relay.example.org", relay{host: "relay.example.org", address: "relay.example.org:25"}},
		{"smtp://relay.example.org:587/", relay{host: "relay.example.org", address: "relay.example.org:587"}},
		{"smtps://a%40b:c%2Fd@relay.example.org", relay{host: "relay.example.org", address: "relay.example.org:465", tls: true, user: "a@b", password: "c/d"}},
		{"smtp://[::1]:2525", relay{host: "::1", address: "[::1]:2525"}},
	} {
		if got, err := parseRelay(c.setting); err != nil || got != c.want {
			t.Errorf("%s: got %+v, %v", c.setting, got, err)
		}
	}
	for _, setting := range []string{"", "relay.example.org:25", "http://relay", "smtp://", "smtp://a:Tr0mb%zz@relay",
		"smtp://a:Tr0mb#7@relay", "smtp://a:1#Tr0mb@relay", "smtp://a:1/Tr0mb@relay", "smtp://a:1?Tr0mb@relay", "smtp://relay/inbox"} {
		if r, err := parseRelay(setting); err == nil || strings.Contains(err.Error(), "Tr0mb") || !strings.Contains(err.Error(), "write # as %23, % as %25") {
			t.Errorf("%q: got %+v, %v", setting, r, err)
		}
	}
}
