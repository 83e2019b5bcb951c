package store_test

import (
	"net/netip"
	"testing"

	"omsbox/store"
)

func TestWhichAddressesArePrivate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"127.0.0.1": true, "10.1.2.3": true, "172.31.0.1": true, "192.168.1.9": true, "169.254.1.1": true, "::1": true, "fe80::1%eth0": true, "fd00::1": true,
		"::ffff:192.168.1.9": true, "100.64.0.1": true, "100.127.255.254": true,
		"100.128.0.1": false, "172.32.0.1": false, "203.0.113.9": false, "2001:db8::9": false, "0.0.0.0": false, "::": false, "::ffff:203.0.113.9": false,
	} {
		if got := store.IsPrivate(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is private: %t", text, got)
		}
	}
	if store.IsPrivate(netip.Addr{}) {
		t.Error("no address is private")
	}
}
