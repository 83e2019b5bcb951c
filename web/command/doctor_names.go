package command

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"
)

// namesWithin bounds each question to DNS.
const namesWithin = 5 * time.Second

// lookUp asks for the addresses of a name as the other programs of this computer do.
func lookUp(ctx context.Context, host string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, namesWithin)
	defer cancel()
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// shared are the addresses of a provider's inner network, RFC 6598: nobody can come in by them.
var shared = netip.MustParsePrefix("100.64.0.0/10")

// leads says where a name leads. router is an address, if any, that may be the router's in front
// of this computer: whether it leads back here is to be tried.
func leads(host string, found, mine []netip.Addr) (ok bool, text string, router netip.Addr) {
	var here, private, public []string
	for _, addr := range found {
		addr = addr.Unmap()
		switch {
		case addr.IsLoopback():
			return true, host + " is this computer's own name here (" + addr.String() + "); whether other computers find it too is to be tried there", router
		case slices.Contains(mine, addr):
			here = append(here, addr.String())
		case addr.IsPrivate() || addr.IsLinkLocalUnicast():
			private = append(private, addr.String())
		case shared.Contains(addr):
			return false, fmt.Sprintf("%s leads to %s, an address inside your provider's network, where nobody can come in: "+
				"ask the provider for a public address", host, addr), router
		case addr.Is6():
			return false, fmt.Sprintf("%s leads to %s, which is not this computer: correct the AAAA record of the name, or remove it", host, addr), router
		default:
			public, router = append(public, addr.String()), addr
		}
	}
	switch {
	case len(private) > 0:
		return false, fmt.Sprintf("%s leads to %s, which is another computer: this one is %s; correct the A record of "+
			"the name", host, enumerate(private), addressesOf(mine)), netip.Addr{}
	case len(public) > 0:
		return true, fmt.Sprintf("%s leads to %s, which is right if that is your router and it forwards to this computer "+
			"(%s)", host, enumerate(public), addressesOf(mine)), router
	case len(here) > 0 && !slices.ContainsFunc(found, func(a netip.Addr) bool { return !a.Unmap().IsPrivate() && !a.IsLinkLocalUnicast() }):
		return true, fmt.Sprintf("%s leads to this computer (%s), from your own network; from the Internet nobody can "+
			"come in", host, enumerate(here)), router
	case len(here) > 0:
		return true, fmt.Sprintf("%s leads to this computer (%s)", host, enumerate(here)), router
	}
	return false, host + " leads to no address: make an A record for it", router
}

// addressesOf are this computer's addresses as other computers may know them.
func addressesOf(mine []netip.Addr) string {
	var words []string
	for _, a := range mine {
		if !a.IsLoopback() && !a.IsLinkLocalUnicast() {
			words = append(words, a.String())
		}
	}
	if words == nil {
		return "in no network"
	}
	return enumerate(words)
}

func enumerate(words []string) string {
	if len(words) > 3 {
		words = append(slices.Clone(words[:3]), fmt.Sprintf("%d more", len(words)-3))
	}
	return strings.Join(words, ", ")
}

// notFound says why the addresses of a name could not be told.
func notFound(host string, err error) string {
	var e *net.DNSError
	switch {
	case errors.As(err, &e) && e.IsNotFound:
		return "DNS does not know " + host + ": make a record for it where you got the name, or correct -host"
	case errors.As(err, &e):
		err = errors.New(e.Err)
	}
	return fmt.Sprintf("DNS could not be asked for %s (%v): is this computer connected to the Internet?", host, err)
}

// multicast says of a name in .local, which no DNS server knows (RFC 6762 3), whether it is this
// computer's.
func multicast(host string) (ok bool, text string) {
	own, err := os.Hostname()
	if err != nil {
		return false, err.Error()
	}
	own, _, _ = strings.Cut(own, ".")
	if own += ".local"; !strings.EqualFold(own, host) {
		return false, fmt.Sprintf("%s is not this computer's name in its own network, which is %s: give that with -host, "+
			"or give the computer the other name", host, own)
	}
	return true, host + " is this computer's name in its own network, if avahi-daemon runs or the router knows it"
}
