//go:build pebble

package certificate

import (
	"testing"
	"time"
)

func TestPebbleRenews(t *testing.T) {
	t.Parallel()
	b := newBox(t, "renewed.example.org")
	pebble := newCA(t, b.config.HTTP, b.config.HTTPS, b.resolver, 60*time.Second)
	pebble.start(t)
	b.ask(t, pebble)
	b.run(t)
	await(t, "the CA vouches for the name", func() bool { return b.vouched(t, pebble, "renewed.example.org") })
	old := b.chain(t, "renewed.example.org")[0]
	await(t, "the certificate is renewed", func() bool {
		leaf := b.chain(t, "renewed.example.org")[0]
		if b.ownCA(t, "renewed.example.org") {
			t.Fatal("in between, the certificate was not served any more")
		}
		return leaf.SerialNumber.Cmp(old.SerialNumber) != 0 && leaf.NotAfter.After(old.NotAfter)
	})
	if !b.vouched(t, pebble, "renewed.example.org") {
		t.Error("the CA does not vouch for the new one")
	}
}

func TestPebbleIsDownAtTheStart(t *testing.T) {
	t.Parallel()
	b := newBox(t, "late.example.org")
	pebble := newCA(t, b.config.HTTP, b.config.HTTPS, b.resolver, 90*24*time.Hour)
	b.ask(t, pebble)
	began := time.Now()
	b.run(t)
	if !b.ownCA(t, "late.example.org") {
		t.Error("the box's own CA does not stand in")
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("a client was served after %v: the start waited for the CA", took)
	}
	b.says(t, "late.example.org: no certificate", "127.0.0.1 cannot be reached", "Next try")
	pebble.start(t)
	await(t, "the CA vouches for the name", func() bool { return b.vouched(t, pebble, "late.example.org") })
}

func TestPebbleIsDownWhenItIsTimeToRenew(t *testing.T) {
	t.Parallel()
	b := newBox(t, "steady.example.org")
	pebble := newCA(t, b.config.HTTP, b.config.HTTPS, b.resolver, 60*time.Second)
	pebble.start(t)
	b.ask(t, pebble)
	b.run(t)
	await(t, "the CA vouches for the name", func() bool { return b.vouched(t, pebble, "steady.example.org") })
	pebble.stop()
	b.says(t, "steady.example.org: the certificate of Pebble", "does not renew it", "cannot be reached")
	old := b.chain(t, "steady.example.org")[0]
	if b.ownCA(t, "steady.example.org") || time.Now().After(old.NotAfter) {
		t.Error("the old certificate is not served any more")
	}
	pebble.start(t)
	await(t, "the CA vouches for a new one", func() bool { return b.vouched(t, pebble, "steady.example.org") })
	if b.chain(t, "steady.example.org")[0].SerialNumber.Cmp(old.SerialNumber) == 0 {
		t.Error("it is still the old one")
	}
}
