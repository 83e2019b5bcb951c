package web

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"

	"omsbox/store"
)

// front decides by how a request came what it may have. Without certificates the administrator
// wants it plain, and everything is there. With them, plain is for those who cannot do better yet.
func (s *Server) front(full, plain http.Handler) http.Handler {
	certificates := s.config.Certificates
	front := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		private := s.identify(r)
		switch {
		case certificates == nil:
			s.serve(w, r, s.config.OMS, full)
		case r.URL.Scheme == "https":
			// Only where a public CA vouches for the name: a browser that was told lets nobody pass
			// a certificate that it distrusts, not even to /trust. RFC 6797 7.2: over TLS alone.
			if r.TLS != nil && certificates.Public(hostname(r.Host)) {
				w.Header().Set("Strict-Transport-Security", "max-age=31536000")
			}
			s.serve(w, r, s.config.OMS, full)
		case private && s.store.Setting("oms.plain") == "yes":
			s.serve(w, r, s.config.OldOMS, plain)
		default:
			s.serve(w, r, http.HandlerFunc(s.plainOMS), plain)
		}
	})
	if certificates == nil {
		return front
	}
	return certificates.Challenge(front)
}

// serve tells calls of OMS, whose programs know nothing of pages, from the rest. Nor do they follow a redirect to
// how a path is spelled better, as browsers do.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, oms, pages http.Handler) {
	if tidy := tidied(r.URL.Path); s.config.Answers(r.Method, tidy) {
		r.URL.Path = tidy
		oms.ServeHTTP(w, r)
		return
	}
	pages.ServeHTTP(w, r)
}

// tidied is a path without what means nothing in it, such as the second of two slashes.
func tidied(p string) string {
	tidy := path.Clean(p)
	if strings.HasSuffix(p, "/") && tidy != "/" {
		tidy += "/"
	}
	return tidy
}

// legacy is for programs that know no good TLS: OMS alone, where app passwords alone count.
func (s *Server) legacy(w http.ResponseWriter, r *http.Request) {
	s.identify(r)
	s.serve(w, r, s.config.OldOMS, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "Only Outlook's web service is here: "+OMSPath, http.StatusNotFound)
	}))
}

// plainOMS never redirects a call: the password is in it, and would have gone over the wire twice.
func (s *Server) plainOMS(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		s.toHTTPS(w, r)
		return
	}
	http.Error(w, "This would send a password that others can read. The address is "+s.origin(r)+OMSPath, http.StatusForbidden)
}

func (s *Server) toHTTPS(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead { // what comes with it may be a secret, and is never asked for twice
		http.Error(w, "Others can read what is sent so. The address is "+s.origin(r), http.StatusForbidden)
		return
	}
	escaped := r.URL.EscapedPath()
	if !strings.HasPrefix(escaped, "/") {
		escaped = "/"
	}
	to := url.URL{RawQuery: r.URL.RawQuery}
	// Otherwise a browser remembers it for good, also when there is no https any more.
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, s.secure(r)+escaped+to.String(), http.StatusMovedPermanently)
}

// secure is the origin over https for the one who asks: under the host that he used if that is
// surely ours, else the canonical one.
func (s *Server) secure(r *http.Request) string {
	host, f := hostname(r.Host), s.store.Front()
	if canonical, err := url.Parse(f.Origin); f.Origin != "" && (err == nil && canonical.Hostname() == host || f.HTTPS == "" || !s.ours(host)) {
		return f.Origin
	}
	if _, port, err := net.SplitHostPort(f.HTTPS); err == nil && port != "443" {
		return "https://" + net.JoinHostPort(host, port)
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return "https://" + host
}

// origin is the one to tell people, scheme://host: as they wrote it if it is over https already or
// nothing is; but the canonical one rather than one that a public CA does not vouch for, if it does
// for that.
func (s *Server) origin(r *http.Request) string {
	certificates, f := s.config.Certificates, s.store.Front()
	if certificates == nil {
		return r.URL.Scheme + "://" + r.Host
	}
	if canonical, err := url.Parse(f.Origin); err == nil && certificates.Public(canonical.Hostname()) && !certificates.Public(hostname(r.Host)) {
		return f.Origin
	}
	if r.URL.Scheme == "https" && (f.Origin == "" || s.ours(hostname(r.Host))) {
		return "https://" + r.Host
	}
	return s.secure(r)
}

// ours says whether people reach this box by that host: a name that it was given, its name in its
// own network, or a private address.
func (s *Server) ours(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Zone() == "" && store.IsPrivate(a)
	}
	own := []string{s.name, s.name + ".local", "localhost"}
	return slices.Contains(own, host) || slices.ContainsFunc(s.store.Front().Hosts, func(h string) bool { return strings.EqualFold(h, host) })
}

// hostname is a host without its port, as names are compared.
func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// boxName is the first label of this computer's name.
func boxName() (string, error) {
	name, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("this computer's name: %w", err)
	}
	name, _, _ = strings.Cut(strings.ToLower(name), ".")
	return name, nil
}
