package web

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"omsbox/store"
)

// forwarding are the headers in which proxies tell of the client. Nobody behind the front sees them.
var forwarding = []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Proto",
	"X-Forwarded-Server", "X-Real-Ip", "Forwarded", "Cf-Connecting-Ip", "True-Client-Ip", "X-Client-Ip"}

// identify makes a request tell who asks for what, as the client sees it: in r.RemoteAddr (its port
// is 0 where a proxy told the address), r.Host and r.URL.Scheme, http or https. What X-Forwarded-For,
// -Host and -Proto say counts if it comes from an address of http.proxies. RFC 7239's Forwarded
// never does: a proxy that sets the others hands on whatever the client wrote there.
//
// It returns whether the client is surely at a private address.
func (s *Server) identify(r *http.Request) (private bool) {
	r.URL.Scheme, r.URL.Host = "http", ""
	if r.TLS != nil {
		r.URL.Scheme = "https"
	}
	if r.Host == "" { // HTTP/1.0 need not say
		if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
			r.Host = local.String()
		}
	}
	client := peer(r.RemoteAddr)
	known := true
	if trusted := s.proxies(); trusted.has(client) {
		var forwarded bool
		client, forwarded, known = trusted.client(client, r.Header.Values("X-Forwarded-For"))
		if forwarded {
			r.RemoteAddr = netip.AddrPortFrom(client, 0).String()
		}
		if proto := values(r.Header.Values("X-Forwarded-Proto")); len(proto) > 0 {
			r.URL.Scheme = scheme(proto)
		}
		if hosts := values(r.Header.Values("X-Forwarded-Host")); len(hosts) > 0 && isHost(hosts[len(hosts)-1]) {
			r.Host = hosts[len(hosts)-1]
		}
	} else if relayed(r.Header) {
		known = false // some proxy that was not told to us; who asks it may be anywhere
	}
	for _, name := range forwarding {
		r.Header.Del(name)
	}
	return known && store.IsPrivate(client)
}

// networks are the proxies that are believed.
type networks []netip.Prefix

// proxies returns what http.proxies says now.
func (s *Server) proxies() networks {
	var all networks
	for _, word := range strings.FieldsFunc(s.store.Setting("http.proxies"), func(c rune) bool { return c == ',' || c == ' ' }) {
		if p, err := netip.ParsePrefix(word); err == nil {
			all = append(all, p)
		} else if a, err := netip.ParseAddr(word); err == nil {
			a = a.Unmap()
			all = append(all, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	return all
}

// isProxy says whether an address is one of http.proxies.
func (s *Server) isProxy(a netip.Addr) bool { return s.proxies().has(a) }

func (n networks) has(a netip.Addr) bool {
	for _, p := range n {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// client returns who asked the proxy at that address: the right-most address of X-Forwarded-For
// that is no proxy of ours, since what stands left of it may be the client's own invention. If all
// are ours it is the left-most. told is false if there is no address at all, and known is false if
// the one that counts is missing or none.
func (n networks) client(proxy netip.Addr, header []string) (client netip.Addr, told, known bool) {
	client = proxy
	hops := values(header)
	for i := len(hops) - 1; i >= 0; i-- {
		hop := peer(strings.TrimSuffix(strings.TrimPrefix(hops[i], "["), "]"))
		if strings.HasPrefix(hops[i], "[") && !hop.IsValid() {
			hop = peer(hops[i]) // [address]:port
		}
		if !hop.IsValid() {
			return client, told, false
		}
		client, told = hop, true
		if !n.has(hop) {
			break
		}
	}
	return client, told, told
}

// scheme is https only if each proxy on the way says so: a client can but make its own case worse.
func scheme(proto []string) string {
	for _, p := range proto {
		if !strings.EqualFold(p, "https") {
			return "http"
		}
	}
	return "https"
}

// values are those of a header that is a list, from however many lines; empty ones do not count.
func values(lines []string) []string {
	var all []string
	for _, line := range lines {
		for v := range strings.SplitSeq(line, ",") {
			if v = strings.TrimSpace(v); v != "" {
				all = append(all, v)
			}
		}
	}
	return all
}

// relayed says whether a proxy left its mark.
func relayed(h http.Header) bool {
	if h.Get("Via") != "" {
		return true
	}
	for _, name := range forwarding {
		if h.Get(name) != "" {
			return true
		}
	}
	return false
}

// isHost says whether text may be a host with or without a port.
func isHost(text string) bool {
	return text != "" && len(text) <= 255 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]") == ""
}
