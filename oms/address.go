package oms

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"omsbox/store"
)

const (
	// folder is the path below which services are, and page the last element of the path of each:
	// /oms/service.asmx is the service of the box, /oms/NAME/service.asmx one beside it.
	folder = "/oms"
	page   = "/service.asmx"
)

// Answers says whether a request is for this service: its own paths with whatever method, and the POST of
// a client whose user typed no more than the beginning of its address. The case of A to Z does not matter.
func Answers(method, path string) bool {
	_, whole := endpoint(path)
	return whole || half(path) && (method == http.MethodPost || path != "/")
}

// endpoint returns the name of the service whose path that is, in lower case, "" for the one of the
// box; ok is false where it is no service's path.
func endpoint(path string) (name string, ok bool) {
	path, whole := strings.CutSuffix(lower(path), page)
	name, ok = strings.CutPrefix(path, folder)
	if !whole || !ok || name == "" {
		return "", whole && ok
	}
	name = name[1:]
	return name, path[len(folder)] == '/' && name != "" && !strings.Contains(name, "/")
}

// half says whether a path is the beginning of the service's.
func half(path string) bool {
	path = lower(path)
	return path == "/" || path == folder || path == folder+"/"
}

// lower is a path in small letters, of A to Z alone: others are no other spelling of them, as of İ for i.
func lower(path string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, path)
}

// address is where a client found this service, and where it finds all else.
type address struct {
	// uri is the serviceUri. Outlook refuses a service whose serviceUri is not the address that was
	// typed, letter by letter; where half an address was typed, it puts this one in its place.
	uri     string
	signUp  string // the signUpPage
	service string // the name in the path, in lower case; "" for the service of the box
}

// addressOf returns the address at which a request was made; ok is false where there is no such
// service and never was.
func (s *Service) addressOf(r *http.Request) (a address, ok bool) {
	name, whole := endpoint(r.URL.Path)
	if !whole && !half(r.URL.Path) || !s.store.HadService(name) {
		return address{}, false
	}
	typed, valid := originOf(r)
	origin := s.store.Front().Origin
	if origin == "" {
		origin = typed
	} else if !valid {
		typed = origin
	}
	a = address{uri: origin + folder + page, signUp: origin + "/", service: name}
	if s.use == store.OldPrograms && valid { // it came by its own door, and could not get in by the canonical one
		a.uri = typed + folder + page
	}
	if whole {
		path, _, _ := strings.Cut(r.RequestURI, "?")
		if !strings.HasPrefix(path, "/") { // RFC 9112 3.2.2: absolute-form, as to a proxy
			path = r.URL.EscapedPath()
		}
		a.uri = typed + path
	}
	return a, true
}

// originOf returns the scheme and the host of a request as the client wrote them. A host that is none
// is not valid, and replaced by the address that the request arrived at.
func originOf(r *http.Request) (origin string, valid bool) {
	scheme, host := r.URL.Scheme, r.Host
	if scheme != "http" && scheme != "https" {
		scheme = "http"
		if r.TLS != nil {
			scheme = "https"
		}
	}
	if valid = validHost(host); !valid {
		host = "localhost"
		if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
			host = local.String()
		}
	}
	return scheme + "://" + host, valid
}

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
