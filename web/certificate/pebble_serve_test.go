//go:build pebble

package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"omsbox/store"
)

// TestPebbleVouchesForAServiceThatRuns starts omsbox itself, as people do: nobody tells it more than
// its name.
func TestPebbleVouchesForAServiceThatRuns(t *testing.T) {
	t.Parallel()
	const name = "serve.example.org"
	program := filepath.Join(t.TempDir(), "omsbox.exe")
	if out, err := exec.Command("go", "build", "-o", program, "omsbox").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	names := &nameServer{texts: map[string][]string{}}
	http, https, mail := freeAddress(t), freeAddress(t), freeAddress(t)
	pebble := newCA(t, http, freeAddress(t), names.start(t), 90*24*time.Hour) // it finds nobody at the port for TLS: HTTP-01 is left
	pebble.start(t)
	data := t.TempDir()
	s, err := store.Create(t.Context(), data, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{"acme.roots": pebble.root, "acme.directory": pebble.directory} {
		if err := s.Set(t.Context(), key, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	serve := exec.Command(program, "serve", "-data", data, "-host", name, "-http", http, "-https", https, "-smtp", mail)
	serve.Stderr = t.Output()
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		serve.Process.Signal(os.Interrupt)
		if err := serve.Wait(); err != nil {
			t.Error(err)
		}
	})
	roots, err := pebble.issuers(t)
	if err != nil {
		t.Fatal(err)
	}
	var served *x509.Certificate
	await(t, "the CA vouches for the pages", func() bool {
		c, err := tls.Dial("tcp", https, &tls.Config{ServerName: name, RootCAs: roots})
		if err != nil {
			return false
		}
		defer c.Close()
		served = c.ConnectionState().PeerCertificates[0]
		return true
	})
	c, err := smtp.Dial(mail)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.StartTLS(&tls.Config{ServerName: name, RootCAs: roots}); err != nil {
		t.Fatalf("a mail program that trusts the CA: %v", err)
	}
	if state, _ := c.TLSConnectionState(); !state.PeerCertificates[0].Equal(served) {
		t.Error("mail programs are served another certificate than browsers")
	}
	var status string
	await(t, "the status tells", func() bool {
		out, err := exec.Command(program, "get", "-data", data, "status").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		status = string(out)
		return strings.Contains(status, name+": Pebble") && strings.Contains(status, "vouches for it until "+served.NotAfter.Format(time.DateOnly))
	})
	io.WriteString(t.Output(), status)
}
