package certificate

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
)

func TestTheRootPermitsItsNamesAndWhatIsBelowThem(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	if err := makeRoot(data, []string{"example.org"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	a, err := readAuthority(data)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"example.org": true, "sms.example.org": true, "a.b.example.org": true,
		"evilexample.org": false, "evil-example.org": false, "org": false, "example.org.evil.net": false, ".example.org": true,
		"192.168.1.2": true, "198.51.100.1": false, "2001:db8::1": false, "fe80::1": true,
	} {
		if got := a.permits(name); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

// Browsers are told to insist on TLS only where everybody trusts the CA.
func TestATrialCAIsNoPublicOne(t *testing.T) {
	t.Parallel()
	pair, err := tls.X509KeyPair(keyPair(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	for directory, want := range map[string]bool{"": true, "staging": false, "https://ca.example.net/directory": false} {
		a := newBoxACME(t, map[string]string{"acme.directory": directory}, "sms.example.org")
		ca := a.newPublicCA(a.wishes())
		a.names[0].meet(ca)
		a.names[0].found(&certmagic.Certificate{Certificate: pair}, ca, nil, time.Now())
		k := &Keeper{sources: []source{a}}
		if got := k.Public("sms.example.org"); got != want {
			t.Errorf("of the CA %q: got %v, want %v", directory, got, want)
		}
	}
}

func TestACAThatRefusesIsAskedLessAndLess(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	refusing := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		http.Error(w, "no", http.StatusForbidden)
	}))
	defer refusing.Close()
	roots := filepath.Join(t.TempDir(), "roots.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: refusing.Certificate().Raw})
	if err := os.WriteFile(roots, text, 0o600); err != nil {
		t.Fatal(err)
	}
	a := newBoxACME(t, map[string]string{"acme.directory": refusing.URL, "acme.roots": roots}, "sms.example.org")
	a.pauses = []time.Duration{time.Millisecond, 2 * time.Millisecond, 3 * time.Millisecond, 6 * time.Hour}
	ctx, end := context.WithCancel(t.Context())
	ca := a.newPublicCA(a.wishes())
	a.names[0].meet(ca)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.keep(ctx, ca, a.names[0])
	}()
	defer func() {
		end()
		<-ended
	}()
	const tries = 40
	await(t, "the pause is the longest one", func() bool {
		a.names[0].mu.Lock()
		defer a.names[0].mu.Unlock()
		return time.Until(a.names[0].next) > 5*time.Hour || asked.Load() > tries
	})
	if n := asked.Load(); n > tries || n == 0 {
		t.Errorf("it was asked %d times, and the pauses do not grow", n)
	}
	for n, pause := range pauses() {
		if n > 0 && pause < pauses()[n-1] {
			t.Errorf("pause %d is shorter than the one before", n)
		}
	}
	if all := pauses(); all[len(all)-1] < time.Hour {
		t.Errorf("in the end it is asked every %v", all[len(all)-1])
	}
}
