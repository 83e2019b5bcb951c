package oms

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"strings"
)

// pageHTML is what a browser shows: "page" is that of the service, "ended" of one that has, "missing"
// where there is none.
//
//go:embed page.html
var pageHTML string

// serviceWSDL describes the operations, document/literal over SOAP 1.1 and 1.2, as ASP.NET does.
//
//go:embed service.wsdl
var serviceWSDL string

// describe serves what a browser or a program that looks for the WSDL gets.
func (s *Service) describe(w http.ResponseWriter, r *http.Request, at address) {
	if query, _, _ := strings.Cut(r.URL.RawQuery, "="); strings.EqualFold(query, "wsdl") {
		var location document
		location.attribute("location", at.uri)
		var text bytes.Buffer
		if err := s.wsdl.Execute(&text, map[string]any{"Namespace": namespace, "Location": string(location), "Operations": operations}); err != nil {
			s.log.Error("write the WSDL", "err", err)
			http.Error(w, "The description could not be written.", http.StatusInternalServerError)
			return
		}
		write(w, http.StatusOK, "text/xml; charset=utf-8", text.Bytes())
		return
	}
	name := "page"
	if s.store.Ended(at.service) {
		name = "ended"
	}
	s.show(w, http.StatusOK, name, map[string]any{
		"Name":    s.store.ServiceSetting("service.name", at.service),
		"Address": at.uri,
		"Link":    template.URL("oms:" + at.uri), // host and path were checked
		"Home":    at.signUp,
	})
}

// show writes a page.
func (s *Service) show(w http.ResponseWriter, status int, name string, about any) {
	var page bytes.Buffer
	if err := s.pages.ExecuteTemplate(&page, name, about); err != nil {
		s.log.Error("render the page", "page", name, "err", err)
		http.Error(w, "The page could not be shown.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "+
		"form-action 'none'; frame-ancestors 'none'")
	write(w, status, "text/html; charset=utf-8", page.Bytes())
}
