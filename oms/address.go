package oms

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// address is how the client named this service: Outlook refuses a service whose serviceUri is not
// the address that was typed, letter by letter.
type address struct {
	scheme string // http or https
	host   string // with the port, as in the Host header
	path   string // as sent, with its case and its escapes
}

func addressOf(r *http.Request) address {
	a := address{scheme: "http", host: r.Host}
	switch scheme := r.URL.Scheme; { // as the client used it, where a proxy ends its TLS
	case scheme == "http" || scheme == "https":
		a.scheme = scheme
	case r.TLS != nil:
		a.scheme = "https"
	}
	if !validHost(a.host) {
		a.host = "localhost"
		if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
			a.host = local.String()
		}
	}
	a.path, _, _ = strings.Cut(r.RequestURI, "?")
	if !strings.HasPrefix(a.path, "/") { // RFC 9112 3.2.2: absolute-form, as to a proxy
		a.path = r.URL.EscapedPath()
	}
	return a
}

// service is the serviceUri.
func (a address) service() string { return a.scheme + "://" + a.host + a.path }

// signUp is the signUpPage.
func (a address) signUp() string { return a.scheme + "://" + a.host + "/" }

// validHost says whether a Host header is a name or an IP address with or without a port.
func validHost(host string) bool {
	if len(host) > 300 {
		return false
	}
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		name, port = host[:i], host[i+1:]
		if port == "" || len(port) > 5 || strings.Trim(port, "0123456789") != "" {
			return false
		}
	}
	if inner, ok := strings.CutPrefix(name, "["); ok {
		ip, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		return err == nil && ip.Is6() && ip.Zone() == "" && strings.HasSuffix(inner, "]")
	}
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_')
	})
}
