//go:build pebble

package certificate

import (
	"crypto/rsa"
	"strings"
	"testing"
	"time"
)

func TestPebbleEachWayToProveAName(t *testing.T) {
	for _, c := range []struct {
		name, host  string
		http, https bool // whether these doors are open
		dns         bool
	}{
		{"HTTP-01", "http.example.org", true, false, false},
		{"TLS-ALPN-01", "alpn.example.org", false, true, false},
		{"DNS-01", "dns.example.org", false, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t, c.host)
			pebble := newCA(t, b.config.HTTP, b.config.HTTPS, b.resolver, 90*24*time.Hour)
			if !c.http {
				b.config.HTTP = ""
			}
			if !c.https {
				b.config.HTTPS = ""
			}
			if c.dns {
				b.set(t, "acme.dns", "rfc2136 "+b.resolver+" omsbox hmac-sha256 "+zoneKey)
			}
			pebble.start(t)
			b.ask(t, pebble)
			b.run(t)
			await(t, "the CA vouches for the name", func() bool { return b.vouched(t, pebble, c.host) })
			leaf := b.chain(t, c.host)[0]
			if key, ok := leaf.PublicKey.(*rsa.PublicKey); !ok || key.N.BitLen() != 2048 {
				t.Errorf("its key is a %T, want RSA with 2048 bits", leaf.PublicKey)
			}
			if b.vouched(t, pebble, "other.example.org") || !b.ownCA(t, "other.example.org") {
				t.Error("another name is not served by the box's own CA")
			}
			b.says(t, c.host+": Pebble", "vouches for it until "+leaf.NotAfter.Format("2006-01-02"))
			if b.Public(c.host) {
				t.Error("a CA of one's own counts as public")
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			if left := len(b.texts["_acme-challenge."+c.host+"."]); left != 0 || (len(b.seen) > 0) != c.dns {
				t.Errorf("there were the proofs %v in DNS, and %d are left", b.seen, left)
			}
		})
	}
}

func TestPebbleOneNameThatFailsHindersNoOther(t *testing.T) {
	t.Parallel()
	b := newBox(t, "blocked.example.org", "absent.example.org", "works.example.org", "works-too.example.org")
	pebble := newCA(t, b.config.HTTP, b.config.HTTPS, b.resolver, 90*24*time.Hour)
	pebble.start(t)
	b.ask(t, pebble)
	b.run(t)
	for _, name := range []string{"works.example.org", "works-too.example.org"} {
		await(t, "the CA vouches for "+name, func() bool { return b.vouched(t, pebble, name) })
	}
	b.says(t, "blocked.example.org: no certificate", "vouches for no such name as blocked.example.org", "absent.example.org: no certificate")
	for _, name := range []string{"blocked.example.org", "absent.example.org"} {
		if !b.ownCA(t, name) {
			t.Errorf("%s is not served by the box's own CA", name)
		}
	}
	if ok, text := b.Keeper.acme.status(); ok || strings.Index(text, "works") < strings.Index(text, "absent") {
		t.Errorf("the status is %v, %q: want what is wrong first", ok, text)
	}
}

func TestPebbleSettingsTakeEffectWhileItRuns(t *testing.T) {
	t.Parallel()
	b := newBox(t, "moving.example.org")
	nowhere := freeAddress(t)
	unreachable := newCA(t, nowhere, nowhere, b.resolver, 90*24*time.Hour)
	unreachable.start(t)
	b.ask(t, unreachable)
	b.run(t)
	b.says(t, "moving.example.org: no certificate", "ports 80 and 443")
	b.set(t, "acme.dns", "rfc2136 "+b.resolver+" omsbox hmac-sha256 b3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3RoZXI=")
	b.says(t, "moving.example.org: no certificate", "could not be written to DNS", b.resolver)
	b.set(t, "acme.dns", "rfc2136 "+b.resolver+" omsbox hmac-sha256 "+zoneKey)
	await(t, "the CA vouches for the name through DNS", func() bool { return b.vouched(t, unreachable, "moving.example.org") })

	another := newCA(t, b.config.HTTP, b.config.HTTPS, b.resolver, 90*24*time.Hour)
	another.start(t)
	b.set(t, "acme.dns", "")
	b.ask(t, another)
	await(t, "another CA vouches for the name", func() bool {
		if b.ownCA(t, "moving.example.org") {
			t.Fatal("in between, the certificate of the first CA was not served any more")
		}
		return b.vouched(t, another, "moving.example.org")
	})
}
