package certificate_test

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"omsbox/web/certificate"
)

// What a client of each kind offers. Debian's openssl has neither 3DES nor RC4, Go's TLS has.
var (
	windowsXP = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10,
		CipherSuites: []uint16{tls.TLS_RSA_WITH_RC4_128_SHA, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}}
	onlyRC4 = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10,
		CipherSuites: []uint16{tls.TLS_RSA_WITH_RC4_128_SHA}}
	windows7 = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10, CipherSuites: []uint16{
		tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.TLS_RSA_WITH_RC4_128_SHA, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA,
		tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA}}
	windows7TLS12 = &tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12,
		CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA256}}
	tls11  = &tls.Config{MinVersion: tls.VersionTLS11, MaxVersion: tls.VersionTLS11, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}}
	modern = &tls.Config{}
	tls13  = &tls.Config{MinVersion: tls.VersionTLS13}
)

func TestOldClientsAreServedAtTheLegacyDoorAlone(t *testing.T) {
	t.Parallel()
	b := aBox(t)
	doors := map[string]string{
		"pages":  serve(t, "127.0.0.1:0", b.TLS()),
		"mail":   serve(t, "127.0.0.1:0", b.MailTLS()),
		"legacy": serve(t, "127.0.0.1:0", b.LegacyTLS()),
	}
	for _, test := range []struct {
		name   string
		client *tls.Config
		offers []string // by ALPN
		want   map[string]string
	}{
		{"Windows XP", windowsXP, nil, map[string]string{"legacy": "TLS 1.0 TLS_RSA_WITH_3DES_EDE_CBC_SHA"}},
		{"RC4 alone", onlyRC4, nil, nil},
		{"Windows 7", windows7, nil, map[string]string{"legacy": "TLS 1.0 TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"}},
		{"Windows 7 with TLS 1.2", windows7TLS12, nil, map[string]string{"legacy": "TLS 1.2 TLS_RSA_WITH_AES_128_CBC_SHA256"}},
		{"TLS 1.1", tls11, nil, map[string]string{"legacy": "TLS 1.1 TLS_RSA_WITH_AES_128_CBC_SHA"}},
		{"TLS 1.0 that offers HTTP/2", windows7, []string{"h2", "http/1.1"},
			map[string]string{"legacy": "TLS 1.0 TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA http/1.1"}},
		{"today's browser", modern, []string{"h2", "http/1.1"}, map[string]string{
			"pages": "TLS 1.3 TLS_AES_128_GCM_SHA256 h2", "mail": "TLS 1.3 TLS_AES_128_GCM_SHA256",
			"legacy": "TLS 1.2 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 http/1.1"}},
		{"TLS 1.3 alone", tls13, nil, map[string]string{"pages": "TLS 1.3 TLS_AES_128_GCM_SHA256", "mail": "TLS 1.3 TLS_AES_128_GCM_SHA256"}},
		{"a mail program that offers ALPN", modern, []string{"smtp"}, map[string]string{"mail": "TLS 1.3 TLS_AES_128_GCM_SHA256"}},
	} {
		for door, addr := range doors {
			for sni, name := range map[string]string{"with SNI": host, "without SNI": "127.0.0.1"} {
				t.Run(fmt.Sprintf("%s, %s, %s", test.name, door, sni), func(t *testing.T) {
					client := test.client.Clone()
					client.RootCAs, client.ServerName, client.NextProtos = b.roots(t), name, test.offers
					got := ""
					if state, err := dial(addr, client); err == nil {
						suite := strings.Replace(tls.CipherSuiteName(state.CipherSuite), "TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", 1)
						suite = strings.Replace(suite, "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256", 1) // by what the processor does best
						got = strings.TrimSpace(tls.VersionName(state.Version) + " " + suite + " " + state.NegotiatedProtocol)
					}
					if want := test.want[door]; got != want {
						t.Errorf("got %q, want %q", got, want)
					}
				})
			}
		}
	}
}

func TestARenewedCertificateReachesEveryDoor(t *testing.T) {
	t.Parallel()
	data := usedData(t)
	now := time.Now()
	b := startWith(t, data, func() time.Time { return now }, certificate.Config{Mode: certificate.Local, Data: data, Hosts: []string{host, "sms"}})
	var doors []string
	for _, config := range []*tls.Config{b.TLS(), b.MailTLS(), b.LegacyTLS()} {
		doors = append(doors, serve(t, "127.0.0.1:0", config))
	}
	old := leaf(t, doors[0], host).SerialNumber
	kept := func() []string {
		directories, err := filepath.Glob(filepath.Join(data, "ca", "certificates", "*"))
		check(t, err)
		return directories
	}
	before := kept()
	check(t, certificate.NewRoot(data, []string{host, "sms"}))
	check(t, b.store.Set(t.Context(), "service.name", "rung"))
	for deadline := time.Now().Add(20 * time.Second); leaf(t, doors[0], host).SerialNumber.Cmp(old) == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it is not renewed")
		}
	}
	for _, addr := range doors {
		if leaf(t, addr, host).SerialNumber.Cmp(old) == 0 {
			t.Error("a door still has the old one")
		}
	}
	if len(before) != 2 { // the certificate of names, and that of names and addresses
		t.Errorf("the old root signed %v", before)
	}
	for _, directory := range kept() {
		if slices.Contains(before, directory) {
			t.Errorf("what the old root signed is still there: %s", directory)
		}
	}
	if _, err := os.Stat(filepath.Join(data, "ca", "root.pem")); err != nil {
		t.Error(err)
	}
}

func TestTheBoxsOwnCAIsNotPublic(t *testing.T) {
	t.Parallel()
	if b := aBox(t); b.Public(host) {
		t.Error("browsers would be told to insist on TLS by a certificate that most of them refuse")
	}
}
