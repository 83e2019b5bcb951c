//go:build openssl

package certificate_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// openssl runs the program and returns all that it says.
func openssl(t testing.TB, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Fatal("these tests need the program openssl: install the package of that name")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, args...).CombinedOutput()
	return string(out), err
}

// rootFile writes the root of a box as a PEM file.
func (b *box) rootFile(t testing.TB) string {
	t.Helper()
	r, _ := b.Root()
	path := filepath.Join(t.TempDir(), "root.pem")
	check(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.DER}), 0o600))
	return path
}

func TestOpenSSLVerifiesTheChain(t *testing.T) {
	t.Parallel()
	b := aBox(t)
	root := b.rootFile(t)
	addr := serve(t, "127.0.0.1:0", b.TLS())
	served, unnamed := leaf(t, addr, host), leaf(t, addr, "") // to who says no name, too
	for _, test := range []struct {
		name string
		cert *x509.Certificate
		args []string
		want string
	}{
		{"what is served, by its name", served, []string{"-verify_hostname", host}, "OK"},
		{"by its bare name", served, []string{"-verify_hostname", "sms"}, "OK"},
		{"by its address", unnamed, []string{"-verify_ip", "127.0.0.1"}, "OK"},
		{"who says no name, by its name", unnamed, []string{"-verify_hostname", host}, "OK"},
		{"who says no name, strictly", unnamed, []string{"-x509_strict", "-purpose", "sslserver"}, "OK"},
		{"by another name", served, []string{"-verify_hostname", "www.example.com"}, "hostname mismatch"},
		{"as a server's", served, []string{"-purpose", "sslserver"}, "OK"},
		{"as a client's", served, []string{"-purpose", "sslclient"}, "purpose"},
		{"as a mail's", served, []string{"-purpose", "smimesign"}, "purpose"},
		{"strictly", served, []string{"-x509_strict", "-purpose", "sslserver"}, "OK"},
		{"a name below the host's", b.asCA(t, &x509.Certificate{DNSNames: []string{"new." + host}}), nil, "OK"},
		{"an address at home", b.asCA(t, &x509.Certificate{IPAddresses: []net.IP{net.ParseIP("192.168.3.4")}}), nil, "OK"},
		{"a bank", b.asCA(t, &x509.Certificate{DNSNames: []string{"www.example.com"}}), nil, "permitted subtree violation"},
		{"the host and a bank", b.asCA(t, &x509.Certificate{DNSNames: []string{host, "www.example.com"}}), nil, "permitted subtree violation"},
		{"an address on the Internet", b.asCA(t, &x509.Certificate{IPAddresses: []net.IP{net.ParseIP("8.8.8.8")}}), nil, "permitted subtree violation"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "leaf.pem")
			check(t, os.WriteFile(path, certificatePEM(test.cert), 0o600))
			out, err := openssl(t, append(append([]string{"verify", "-CAfile", root, "-no-CApath", "-no-CAstore"}, test.args...), path)...)
			if !strings.Contains(out, test.want) || (err == nil) != (test.want == "OK") {
				t.Errorf("got %v, want %q:\n%s", err, test.want, out)
			}
		})
	}
}

func TestOpenSSLWithEachVersionAndSuite(t *testing.T) {
	t.Parallel()
	b := aBox(t)
	root := b.rootFile(t)
	doors := map[string]string{
		"pages":  serve(t, "127.0.0.1:0", b.TLS()),
		"legacy": serve(t, "127.0.0.1:0", b.LegacyTLS()),
	}
	type client struct{ version, suite string }
	for _, test := range []struct {
		client
		pages, legacy bool
	}{
		{client{"tls1", "AES128-SHA"}, false, true},
		{client{"tls1", "AES256-SHA"}, false, true},
		{client{"tls1", "ECDHE-RSA-AES128-SHA"}, false, true},
		{client{"tls1", "ECDHE-RSA-AES256-SHA"}, false, true},
		{client{"tls1", "DHE-RSA-AES128-SHA"}, false, false}, // Go has none of these
		{client{"tls1_1", "AES128-SHA"}, false, true},
		{client{"tls1_1", "ECDHE-RSA-AES256-SHA"}, false, true},
		{client{"tls1_2", "AES128-SHA"}, false, true},
		{client{"tls1_2", "AES256-SHA"}, false, true},
		{client{"tls1_2", "AES128-SHA256"}, false, true},
		{client{"tls1_2", "AES256-SHA256"}, false, false},
		{client{"tls1_2", "AES128-GCM-SHA256"}, false, true},
		{client{"tls1_2", "AES256-GCM-SHA384"}, false, true},
		{client{"tls1_2", "ECDHE-RSA-AES128-SHA"}, true, true},
		{client{"tls1_2", "ECDHE-RSA-AES256-SHA"}, true, true},
		{client{"tls1_2", "ECDHE-RSA-AES128-SHA256"}, false, true},
		{client{"tls1_2", "ECDHE-RSA-AES128-GCM-SHA256"}, true, true},
		{client{"tls1_2", "ECDHE-RSA-AES256-GCM-SHA384"}, true, true},
		{client{"tls1_2", "ECDHE-RSA-CHACHA20-POLY1305"}, true, false},
		{client{"tls1_2", "NULL-SHA256"}, false, false},
		{client{"tls1_3", "TLS_AES_128_GCM_SHA256"}, true, false},
		{client{"tls1_3", "TLS_AES_256_GCM_SHA384"}, true, false},
	} {
		for door, want := range map[string]bool{"pages": test.pages, "legacy": test.legacy} {
			for _, sni := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s %s %s, SNI %v", test.version, test.suite, door, sni), func(t *testing.T) {
					args := []string{"s_client", "-connect", doors[door], "-CAfile", root, "-no-CApath", "-verify_return_error",
						"-" + test.version, "-cipher", test.suite + ":@SECLEVEL=0"}
					if test.version == "tls1_3" {
						args = append(args[:len(args)-2], "-ciphersuites", test.suite)
					}
					if sni {
						args = append(args, "-servername", host, "-verify_hostname", host)
					} else {
						args = append(args, "-noservername", "-verify_ip", "127.0.0.1")
					}
					out, _ := openssl(t, args...) // its exit status tells of what came after the handshake too
					got := regexp.MustCompile(`Cipher is (\S+)`).FindStringSubmatch(out)
					ok := len(got) == 2 && got[1] == test.suite && strings.Contains(out, "Verify return code: 0 (ok)")
					if ok != want {
						t.Errorf("got %v, want %v:\n%s", ok, want, out)
					}
				})
			}
		}
	}
}

func TestOpenSSLThatOffersHTTP2WithTLS10(t *testing.T) {
	t.Parallel()
	b := aBox(t)
	addr := serve(t, "127.0.0.1:0", b.LegacyTLS())
	for _, version := range []string{"tls1", "tls1_1", "tls1_2"} {
		out, err := openssl(t, "s_client", "-connect", addr, "-"+version, "-cipher", "ALL:@SECLEVEL=0", "-alpn", "h2,http/1.1", "-noservername")
		if err != nil || !strings.Contains(out, "ALPN protocol: http/1.1") {
			t.Errorf("%s: %v\n%s", version, err, out)
		}
	}
}
