package web

import (
	"encoding/pem"
	"net/http"
	"slices"
	"strings"
)

// The files of /trust: the root certificate of the box's own CA.
const (
	rootDER = "omsbox.cer"
	rootPEM = "omsbox.pem"
)

// ownCA says whether over https under that host people meet a certificate of the box's own CA,
// which their computers distrust until they are told otherwise.
func (s *Server) ownCA(host string) bool {
	c := s.config.Certificates
	if c == nil || c.Public(hostname(host)) {
		return false
	}
	_, ok := c.Root()
	return ok
}

// systems are those that the page has instructions for, in its order.
func systems() []string {
	return []string{"windows", "macos", "ios", "android", "firefox", "linux", "sharepoint"}
}

// systemsFor puts first what a visitor seems to use.
func systemsFor(agent string) []string {
	var first []string
	has := func(word string) bool { return strings.Contains(agent, word) }
	switch {
	case has("iPhone"), has("iPad"):
		first = []string{"ios"}
	case has("Android"):
		first = []string{"android"}
	case has("Windows"):
		first = []string{"windows"}
	case has("Macintosh"):
		first = []string{"macos", "ios"} // an iPad says that it is a Mac
	case has("Linux") && has("Firefox"):
		first = []string{"firefox", "linux"}
	case has("Linux"):
		first = []string{"linux"}
	}
	if has("Firefox/") && !slices.Contains(first, "firefox") {
		first = append(first, "firefox")
	}
	for _, s := range systems() {
		if !slices.Contains(first, s) {
			first = append(first, s)
		}
	}
	return first
}

type trust struct {
	Needed      bool     // to trust the box's own CA, for who wants to use it as this visitor does
	Origin      string   // the address to use
	Plain       bool     // this page came over plain http
	Fingerprint []string // an octet each
	Names       []string
	DER, PEM    string   // the addresses of the files
	File        string   // the name under which the first is saved
	PEMFile     string   // and the second
	Systems     []string // the visitor's own first
}

func (s *Server) trust(w http.ResponseWriter, r *http.Request) {
	page := trust{
		Origin: s.origin(r),
		Plain:  r.URL.Scheme == "http",
		DER:    "/trust/" + rootDER, PEM: "/trust/" + rootPEM, File: s.rootName("cer"), PEMFile: s.rootName("pem"),
		Systems: systemsFor(r.UserAgent()),
	}
	_, host, _ := strings.Cut(page.Origin, "://")
	if page.Needed = s.ownCA(host); page.Needed {
		root, _ := s.config.Certificates.Root()
		page.Fingerprint, page.Names = strings.Split(root.Fingerprint, ":"), root.Names
	}
	s.render(w, r, http.StatusOK, "trust", "Trust this box", page)
}

// root hands out the certificate itself.
func (s *Server) root(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	if s.config.Certificates == nil || name != rootDER && name != rootPEM {
		s.notFound(w, r)
		return
	}
	root, ok := s.config.Certificates.Root()
	if !ok {
		s.notFound(w, r)
		return
	}
	h, body := w.Header(), root.DER
	h.Set("Cache-Control", "no-store")
	if name == rootDER {
		// Inline: so Firefox and iOS offer to install it rather than to save it.
		h.Set("Content-Type", "application/x-x509-ca-cert")
		h.Set("Content-Disposition", `inline; filename="`+s.rootName("cer")+`"`)
	} else {
		body = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.DER})
		h.Set("Content-Type", "application/x-pem-file")
		h.Set("Content-Disposition", `attachment; filename="`+s.rootName("pem")+`"`)
	}
	w.Write(body)
}

// rootName is what the file is saved as: people may have more than one such box.
func (s *Server) rootName(ending string) string {
	if s.name == "omsbox" || s.name == "" {
		return "omsbox." + ending
	}
	return "omsbox-" + s.name + "." + ending
}
