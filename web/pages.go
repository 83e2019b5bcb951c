package web

import (
	"bytes"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"omsbox/store"
)

//go:embed templates
var templateFiles embed.FS

// pageNames are the pages; each is a template of that name, put into layout.html.
func pageNames() []string {
	return []string{"demo", "home", "messages", "problem", "signin", "texts", "trust"}
}

// parseTemplates reads templates/layout.html and the pages. What is there and what is declared
// must be the same.
func parseTemplates(from fs.FS, file func(string) (string, error)) (map[string]*template.Template, error) {
	entries, err := fs.ReadDir(from, "templates")
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	names := pageNames()
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".html")
		if name != "layout" && !slices.Contains(names, name) {
			return nil, fmt.Errorf("template %s belongs to no page", e.Name())
		}
	}
	layout, err := template.New("layout.html").Funcs(template.FuncMap{"file": file}).Option("missingkey=error").ParseFS(from, "templates/layout.html")
	if err != nil {
		return nil, fmt.Errorf("template layout.html: %w", err)
	}
	templates := map[string]*template.Template{}
	for _, name := range names {
		page, err := layout.Clone()
		if err == nil {
			page, err = page.ParseFS(from, "templates/"+name+".html")
		}
		if err == nil && page.Lookup("main") == nil {
			err = errors.New(`it defines no "main"`)
		}
		if err != nil {
			return nil, fmt.Errorf("template %s.html: %w", name, err)
		}
		templates[name] = page
	}
	return templates, nil
}

// view is what every page gets.
type view struct {
	Title   string
	Service string // service.name
	Demo    bool   // whether there is a demo page
	User    string // the login of who has signed in; "" where nobody has
	Links   []link // to other pages
	Trouble string // why nothing can be stored; "" while it can
	Page    any    // the page's own
}

// link leads to another page.
type link struct {
	Address, Name string
	Here          bool // it is the page itself
}

// links are those that every page has.
func (s *Server) links(r *http.Request, signedIn bool) []link {
	var all []link
	add := func(address, name string) { all = append(all, link{address, name, r.URL.Path == address}) }
	if s.config.Demo != nil {
		add("/", "Start")
		add("/demo", "Demo")
	}
	if signedIn {
		add(firstRoom, "Messages")
		add("/texts", "Your texts")
	} else {
		add("/signin", "Sign in")
	}
	return all
}

// render answers with a page. A page that cannot be made is a mistake in its template: it panics,
// before anything was answered.
func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, name, title string, page any) {
	var b bytes.Buffer
	u, signedIn := visitor(r)
	v := view{Title: title, Service: s.store.Setting("service.name"), Demo: s.config.Demo != nil, User: u.Login,
		Links: s.links(r, signedIn), Trouble: s.trouble(), Page: page}
	if err := s.templates[name].Execute(&b, v); err != nil {
		panic(fmt.Errorf("page %s: %w", name, err))
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	b.WriteTo(w)
}

// problem is a page that says in words what is wrong.
type problem struct {
	Text string
	Code string // under which the log tells more; "" where there is nothing to tell
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusNotFound, "problem", "There is no such page",
		problem{Text: "Please check the address for typing errors."})
}

func (s *Server) foreign(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusForbidden, "problem", "That came from another site",
		problem{Text: "Another site's page tried to send something in your name. Nothing was done. If it was you who did " +
			"it, please do it again from the pages here."})
}

// fail answers with a page that has a code under which the log tells what err is.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // nobody waits for the answer any more, and that is why
	}
	if errors.Is(err, store.ErrStorage) { // the page says above why
		s.render(w, r, http.StatusServiceUnavailable, "problem", "That cannot be stored now",
			problem{Text: "Nothing was changed. Please tell the person who runs this box, and try again when it is mended."})
		return
	}
	id := newID()
	s.log.Error("a page failed", "id", id, "method", r.Method, "path", r.URL.Path, "err", err)
	s.broken(w, r, id)
}

// newID is the code of one failure.
func newID() string { return rand.Text()[:8] }

// trouble says why nothing can be stored, and not where: pages are public.
func (s *Server) trouble() string {
	what, _, _ := strings.Cut(s.store.Storage().Condition.Words(), ": ")
	return store.Sentence(what)
}

func (s *Server) broken(w http.ResponseWriter, r *http.Request, code string) {
	s.render(w, r, http.StatusInternalServerError, "problem", "Something went wrong here",
		problem{Text: "It is not your fault. Please try again in a moment. If it stays, tell the person who runs this box, with this code:", Code: code})
}

type home struct {
	Address string       // to be typed into Outlook
	Link    template.URL // oms:…, which sets Outlook up
	Trust   bool         // whether computers must be told to trust that address first
	Modem   light
	NoMail  bool // no answer can be mailed now
}

func (s *Server) home(w http.ResponseWriter, r *http.Request) {
	modems, err := s.store.Modems(r.Context())
	if err != nil {
		s.fail(w, r, fmt.Errorf("read the modems: %w", err))
		return
	}
	parts, err := s.store.Healths(r.Context())
	if err != nil {
		s.fail(w, r, fmt.Errorf("read how the parts are: %w", err))
		return
	}
	origin := s.origin(r)
	_, host, _ := strings.Cut(origin, "://")
	address := origin + OMSPath
	s.render(w, r, http.StatusOK, "home", "", home{
		Address: address,
		Link:    template.URL("oms:" + address),
		Trust:   s.ownCA(host),
		Modem:   modemLight(modems),
		NoMail:  slices.ContainsFunc(parts, func(h store.Health) bool { return h.Part == store.MailRelay && !h.OK }),
	})
}

func (s *Server) demo(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "demo", "Demo", struct {
		*Demo
		OMSPath string
	}{s.config.Demo, OMSPath})
}

// light is the state of something in one line.
type light struct {
	OK   bool
	Text string
}

// modemLight says how the modems are, without what only the owner may know: the page is public.
func modemLight(modems []store.Modem) light {
	ready, problem := 0, ""
	for _, m := range modems {
		switch {
		case m.Up && m.Problem == "":
			ready++
		case problem == "" && m.Problem != "":
			problem = store.Sentence(withoutNumbers(m.Problem))
		}
	}
	switch {
	case len(modems) == 0:
		return light{Text: "No modem is connected."}
	case ready == len(modems) && ready == 1:
		return light{OK: true, Text: "The modem is ready."}
	case ready == len(modems):
		return light{OK: true, Text: fmt.Sprintf("All %d modems are ready.", ready)}
	case problem == "":
		problem = "It is being started."
	}
	if len(modems) == 1 {
		return light{Text: "The modem is not ready. " + problem}
	}
	return light{OK: ready > 0, Text: fmt.Sprintf("%d of %d modems are ready. %s", ready, len(modems), problem)}
}

// withoutNumbers hides what may be a phone number, an IMEI or an IMSI.
func withoutNumbers(s string) string {
	return longNumber.ReplaceAllString(s, "…")
}

var longNumber = regexp.MustCompile(`\+?[0-9]{6,}`)
