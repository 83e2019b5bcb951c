package store

import (
	"net/netip"
	"slices"
)

// PrivateNetworks hold the addresses that are nobody's on the Internet. Those of RFC 6598 are among them,
// since overlay networks such as Tailscale use them, where the box is as much at home as in its own
// network. A provider may have given them to its customers too: of such strangers each service must
// be safe by itself, as one without TLS is with app passwords alone.
func PrivateNetworks() []netip.Prefix {
	return slices.Clone(privateNetworks)
}

var privateNetworks = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"), // RFC 1918
	netip.MustParsePrefix("100.64.0.0/10"),                                        // RFC 6598
	netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("127.0.0.0/8"), // RFC 3927, RFC 1122 3.2.1.3
	netip.MustParsePrefix("fc00::/7"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("::1/128"), // RFC 4193, RFC 4291
}

// IsPrivate says whether an address is one of those, or of this computer itself.
func IsPrivate(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(privateNetworks, func(n netip.Prefix) bool { return n.Contains(a) })
}
