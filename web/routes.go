package web

import (
	"net/http"
	"strings"
)

// OMSPath is where the OMS service answers; Outlook's users type it, so case does not matter.
const OMSPath = "/oms/service.asmx"

// routes is every way in.
func (s *Server) routes() http.Handler {
	pages := http.NewServeMux()

	// For everybody.
	pages.HandleFunc("GET /{$}", s.home)
	pages.HandleFunc("GET "+filesPath+"{sum}/{name}", s.file)

	// The demo: one page, and the simulated world behind it.
	if d := s.config.Demo; d != nil {
		phone, mailbox := http.StripPrefix("/demo/phone", d.Phone), http.StripPrefix("/demo/mailbox", d.Mailbox)
		pages.HandleFunc("GET /demo", s.demo)
		pages.Handle("GET /demo/{$}", http.RedirectHandler("/demo", http.StatusMovedPermanently))
		pages.Handle("/demo/phone/", phone)
		pages.Handle("GET /demo/phone/events", s.stream(phone))
		pages.Handle("/demo/mailbox/", mailbox)
		pages.Handle("GET /demo/mailbox/events", s.stream(mailbox))
	}

	// Everything else.
	pages.HandleFunc("/", s.notFound)

	// Programs call OMS with a password in each request and know nothing of origins; pages are for
	// browsers only.
	sameOrigin := http.NewCrossOriginProtection()
	sameOrigin.SetDenyHandler(http.HandlerFunc(s.foreign))
	guarded := sameOrigin.Handler(pages)
	front := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.EqualFold(r.URL.Path, OMSPath) {
			s.config.OMS.ServeHTTP(w, r)
			return
		}
		guarded.ServeHTTP(w, r)
	})

	return s.logged(s.recovered(http.MaxBytesHandler(secured(front), maxRequest)))
}
