package certificate

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// anIssuer has a root of its own, and believes a clock and addresses that a test may set.
func anIssuer(t *testing.T, now *time.Time, addresses *[]netip.Addr) *issuer {
	t.Helper()
	data := t.TempDir()
	if err := makeRoot(data, []string{"sms.example.org"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	a, err := readAuthority(data)
	if err != nil {
		t.Fatal(err)
	}
	i := newIssuer(a, data, []string{"sms.example.org"},
		func() time.Time { return *now }, func() []netip.Addr { return *addresses }, slog.New(slog.DiscardHandler))
	t.Cleanup(i.stop)
	return i
}

func TestAnAddressThatTheBoxGotIsInTheCertificateAtTheFirstHandshake(t *testing.T) {
	t.Parallel()
	now := time.Now()
	home, moved, public := netip.MustParseAddr("192.168.1.20"), netip.MustParseAddr("10.7.0.3"), netip.MustParseAddr("198.51.100.7")
	addresses := []netip.Addr{home, public}
	i := anIssuer(t, &now, &addresses)
	serial := ""
	for _, step := range []struct {
		name      string
		addresses []netip.Addr
		to        netip.Addr
		fresh, in bool
	}{
		{"the first", []netip.Addr{home, public}, home, true, true},
		{"again", []netip.Addr{home, public}, home, false, true},
		{"an address that no CA of a box may vouch for", []netip.Addr{home, public}, public, false, false},
		{"one that it has not", []netip.Addr{home, public}, moved, false, false},
		{"the router gave it another", []netip.Addr{moved}, moved, true, true},
		{"again", []netip.Addr{moved}, moved, false, true},
		{"a link-local one came too, which nobody asks for", []netip.Addr{moved, netip.MustParseAddr("fe80::5")}, moved, false, true},
		{"until somebody does", []netip.Addr{moved, netip.MustParseAddr("fe80::5")}, netip.MustParseAddr("fe80::5"), true, true},
	} {
		addresses = step.addresses
		c, err := i.answer(t.Context(), step.to)
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if fresh := c.Leaf.SerialNumber.String() != serial; fresh != step.fresh {
			t.Errorf("%s: a fresh one: %v, want %v", step.name, fresh, step.fresh)
		}
		serial = c.Leaf.SerialNumber.String()
		if in := names(c.Leaf, step.to); in != step.in {
			t.Errorf("%s: the address is in it: %v, want %v", step.name, in, step.in)
		}
		if err := c.Leaf.VerifyHostname("sms.example.org"); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
	}
}

func TestACertificateThatCannotBeStoredIsAProblemAndNotTriedAtEachHandshake(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var addresses []netip.Addr
	i := anIssuer(t, &now, &addresses)
	inTheWay := filepath.Join(i.storage.Path, "certificates")
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := i.answer(t.Context(), netip.Addr{})
	if err == nil {
		t.Fatal("it was stored")
	}
	if _, again := i.answer(t.Context(), netip.Addr{}); again != err {
		t.Errorf("it was tried again at once: %v", again)
	}
	l := &local{}
	l.issuers.Store(&issuers{i.authority, i, i})
	if ok, text := l.status(); ok || !strings.Contains(text, err.Error()) {
		t.Errorf("the row says %v, %q", ok, text)
	}
	if err := os.Remove(inTheWay); err != nil {
		t.Fatal(err)
	}
	i.mu.Lock()
	i.failed = i.failed.Add(-pause)
	i.mu.Unlock()
	if _, err := i.answer(t.Context(), netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	if ok, text := l.status(); !ok {
		t.Errorf("the row says %q", text)
	}
}

func TestTheCertificateIsRenewedWellBeforeItEnds(t *testing.T) {
	t.Parallel()
	now := time.Now().Add(-300 * 24 * time.Hour) // so that what is issued has 90 days left
	var addresses []netip.Addr
	i := anIssuer(t, &now, &addresses)
	old, err := i.answer(t.Context(), netip.Addr{})
	if err != nil {
		t.Fatal(err)
	}
	now = time.Now()
	if c, err := i.answer(t.Context(), netip.Addr{}); err != nil || c.Leaf.SerialNumber.Cmp(old.Leaf.SerialNumber) != 0 {
		t.Fatalf("a handshake waited for the renewal (%v)", err)
	}
	if err := i.cache.RenewManagedCertificates(t.Context()); err != nil { // as is done every ten minutes
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c, err := i.answer(t.Context(), netip.Addr{})
		if err != nil {
			t.Fatal(err)
		}
		if c.Leaf.NotAfter.Sub(now) > 380*24*time.Hour {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it still ends on %v", c.Leaf.NotAfter)
		}
	}
}

func TestNobodyWaitsForACertificateThatAnotherNeeds(t *testing.T) {
	t.Parallel()
	now := time.Now()
	addresses := []netip.Addr{netip.MustParseAddr("192.168.1.20")}
	i := anIssuer(t, &now, &addresses)
	if _, err := i.answer(t.Context(), netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	asked, proceed := make(chan bool), make(chan bool)
	moved := netip.MustParseAddr("10.7.0.3")
	i.addresses = func() []netip.Addr {
		asked <- true
		<-proceed
		return []netip.Addr{moved}
	}
	ended := make(chan error)
	go func() {
		c, err := i.answer(t.Context(), moved)
		if err == nil && !names(c.Leaf, moved) {
			err = errNone
		}
		ended <- err
	}()
	for range 3 { // it needs one; who makes it looks again; it is signed
		<-asked
		if _, err := i.answer(t.Context(), netip.Addr{}); err != nil {
			t.Error(err)
		}
		proceed <- true
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
