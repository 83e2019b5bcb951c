package web

import "net/http"

// OMSPath is where the OMS service answers; Outlook's users type it, so case does not matter.
const OMSPath = "/oms/service.asmx"

// routes is every way in: all for the HTTPS and HTTP doors, old for the Legacy one.
func (s *Server) routes() (all, old http.Handler) {
	pages := http.NewServeMux()

	// For everybody.
	pages.HandleFunc("GET /{$}", s.home)
	pages.HandleFunc("GET /trust", s.trust)
	pages.HandleFunc("GET /trust/{file}", s.root)
	pages.HandleFunc("GET "+filesPath+"{sum}/{name}", s.file)

	pages.HandleFunc("GET /signin", s.signInPage)
	pages.HandleFunc("POST /signin", s.signIn)
	pages.HandleFunc("POST /signout", s.signOut)

	// For those who have signed in.
	pages.HandleFunc("GET /messages", s.room(s.messages))
	pages.HandleFunc("GET /texts", s.room(s.texts))
	pages.HandleFunc("POST /messages/{id}/cancel", s.room(s.cancel))

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

	// Over plain http where there is https too: what helps to get there.
	plain := http.NewServeMux()
	plain.HandleFunc("GET /trust", s.trust)
	plain.HandleFunc("GET /trust/{file}", s.root)
	plain.HandleFunc("GET "+filesPath+"{sum}/{name}", s.file)
	plain.HandleFunc("/", s.toHTTPS)

	// Programs call OMS with a password in each request and know nothing of origins; pages are for
	// browsers only.
	sameOrigin := http.NewCrossOriginProtection()
	sameOrigin.SetDenyHandler(http.HandlerFunc(s.foreign))

	bounded := func(h http.Handler) http.Handler { return http.MaxBytesHandler(h, maxRequest) }
	each := func(h http.Handler) http.Handler { return s.logged(s.recovered(present(secured(h)))) }
	return each(s.front(bounded(sameOrigin.Handler(s.recognized(pages))), bounded(plain))), each(http.HandlerFunc(s.legacy))
}
