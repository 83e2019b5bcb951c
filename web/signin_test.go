package web_test

import (
	"html"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"omsbox/store"
	"omsbox/web"
)

// browser keeps cookies, and follows no redirect.
type browser struct {
	client *http.Client
	origin string
}

func (s *site) browser(t testing.TB) *browser {
	t.Helper()
	return newBrowser(t, &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, s.url)
}

func newBrowser(t testing.TB, client *http.Client, origin string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	check(t, err)
	client.Jar = jar
	return &browser{client, origin}
}

// get asks for a page, post sends a form; header is pairs of name and value.
func (b *browser) get(t testing.TB, path string, header ...string) reply {
	t.Helper()
	return b.ask(t, "GET", path, "", header)
}

func (b *browser) post(t testing.TB, path string, form url.Values, header ...string) reply {
	t.Helper()
	return b.ask(t, "POST", path, form.Encode(), append(header, "Content-Type", "application/x-www-form-urlencoded"))
}

func (b *browser) ask(t testing.TB, method, path, body string, header []string) reply {
	t.Helper()
	r, err := http.NewRequest(method, b.origin+path, strings.NewReader(body))
	check(t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return do(t, b.client, r)
}

// cookies are what the browser would show.
func (b *browser) cookies(t testing.TB) (all []*http.Cookie) {
	t.Helper()
	u, err := url.Parse(b.origin)
	check(t, err)
	return b.client.Jar.Cookies(u)
}

// signIn types name and password of a user.
func (b *browser) signIn(t testing.TB, login, password string) reply {
	t.Helper()
	return b.post(t, "/signin", url.Values{"login": {login}, "password": {password}})
}

// enter signs a user in that addUser made.
func (b *browser) enter(t testing.TB, login string) {
	t.Helper()
	if got := b.signIn(t, login, "secret of "+login); got.status != http.StatusSeeOther {
		t.Fatalf("%s cannot sign in: status %d: %s", login, got.status, got.body)
	}
}

func addUser(t testing.TB, s *store.Store, login string) store.User {
	t.Helper()
	u, err := s.AddUser(t.Context(), store.User{Login: login}, "secret of "+login)
	check(t, err)
	return u
}

// leads checks that a reply leads to a path, and that nobody keeps it.
func leads(t testing.TB, got reply, path string) {
	t.Helper()
	if got.status != http.StatusSeeOther || got.header.Get("Location") != path || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("got status %d to %q, Cache-Control %q, want 303 to %q", got.status, got.header.Get("Location"), got.header.Get("Cache-Control"), path)
	}
}

// says checks that a page has a status and words, and that nobody keeps it.
func says(t testing.TB, got reply, status int, words ...string) {
	t.Helper()
	page := html.UnescapeString(got.body)
	if got.status != status || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("got status %d, Cache-Control %q, want %d", got.status, got.header.Get("Cache-Control"), status)
	}
	for _, w := range words {
		if !strings.Contains(page, w) {
			t.Errorf("the page lacks %q: %s", w, page)
		}
	}
}

// A user is known by the mail address and the phone number too, and is called by the user name.
func TestSigningInByMailAddressAndNumber(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	_, err := s.store.AddUser(t.Context(), store.User{Login: "ann", Mail: "ann@example.org", Phone: "+447911123456"}, "secret of ann")
	check(t, err)
	for _, name := range []string{"Ann@example.org", "+44 7911 123456"} {
		b := s.browser(t)
		says(t, b.signIn(t, name, "wrong"), 403, "The name or the password is wrong.")
		leads(t, b.signIn(t, name, "secret of ann"), "/messages")
		says(t, b.get(t, "/messages"), 200, ">ann</span>")
	}
}

func TestSigningInAndOut(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	addUser(t, s.store, "ann")
	b := s.browser(t)
	leads(t, b.get(t, "/messages"), "/signin")
	says(t, b.get(t, "/"), 200, `<a href="/signin">Sign in</a>`, "The person who runs this box gives you a user name")
	says(t, b.get(t, "/signin"), 200, `<label for="login">`, `<label for="password">`, `autocomplete="username"`, `autocomplete="current-password"`)
	says(t, b.signIn(t, "ann", "wrong"), 403, `role="alert"`, "The name or the password is wrong.", `value="ann"`)
	leads(t, b.get(t, "/messages"), "/signin")

	leads(t, b.signIn(t, "ANN", "secret of ann"), "/messages")
	says(t, b.get(t, "/messages"), 200, "Nothing waits", ">ann</span>", "Sign out")
	says(t, b.get(t, "/"), 200, ">ann</span>", "Sign out", `<a href="/messages">Messages</a>`)
	leads(t, b.get(t, "/signin?next=/trust"), "/trust")
	had := b.cookies(t)

	leads(t, b.post(t, "/signout", nil), "/signin?out")
	says(t, b.get(t, "/signin?out"), 200, "You have signed out.")
	if left := b.cookies(t); len(left) != 0 {
		t.Errorf("the browser keeps %v", left)
	}
	leads(t, b.get(t, "/messages", "Cookie", had[0].String()), "/signin") // whoever kept it
	leads(t, b.post(t, "/signout", nil), "/signin?out")
	if log := s.log.String(); strings.Contains(log, "secret of") || strings.Contains(log, had[0].Value) {
		t.Errorf("the log tells a secret: %s", log)
	}
}

func TestTheCookieIsForThisBoxAlone(t *testing.T) {
	t.Parallel()
	proxied := serve(t, web.Config{})
	check(t, proxied.store.Set(t.Context(), "http.proxies", "127.0.0.1"))
	h := serveTLS(t, web.Config{})
	for _, s := range []*store.Store{proxied.store, h.store} {
		addUser(t, s, "ann")
	}
	const always = "; Path=/; Max-Age=7776000; HttpOnly; "
	for _, c := range []struct {
		name   string
		at     *browser
		header []string
		want   string
	}{
		{"all is plain", proxied.browser(t), nil, "omsbox=TOKEN" + always + "SameSite=Lax"},
		{"a proxy has the certificate", proxied.browser(t), []string{"X-Forwarded-Proto", "https", "X-Forwarded-For",
			"203.0.113.9"}, "__Host-omsbox=TOKEN" + always + "Secure; SameSite=Lax"},
		{"https", newBrowser(t, h.newClient(t, "", 0), "https://sms.example.org:"+port(h.https)), nil,
			"__Host-omsbox=TOKEN" + always + "Secure; SameSite=Lax"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.at.post(t, "/signin", url.Values{"login": {"ann"}, "password": {"secret of ann"}}, c.header...)
			leads(t, got, "/messages")
			set := got.header.Values("Set-Cookie")
			if len(set) != 1 {
				t.Fatalf("it sets %q", set)
			}
			cookie, err := http.ParseSetCookie(set[0])
			check(t, err)
			if got := strings.Replace(set[0], cookie.Value, "TOKEN", 1); got != c.want || len(cookie.Value) != 43 {
				t.Errorf("it sets %q with a token of %d letters, want %q", got, len(cookie.Value), c.want)
			}
			shown := []string{"Cookie", cookie.Name + "=" + cookie.Value}
			says(t, c.at.get(t, "/messages", append(shown, c.header...)...), 200, "Nothing waits")
			// Under the other name it may be another's doing.
			other := map[string]string{"omsbox": "__Host-omsbox", "__Host-omsbox": "omsbox"}[cookie.Name]
			c.at.client.Jar = nil
			leads(t, c.at.get(t, "/messages", append([]string{"Cookie", other + "=" + cookie.Value}, c.header...)...), "/signin")
		})
	}
}

func TestNoPasswordIsTakenOverPlainHTTPWhereThereAreCertificates(t *testing.T) {
	t.Parallel()
	h := serveTLS(t, web.Config{})
	addUser(t, h.store, "ann")
	b := newBrowser(t, h.newClient(t, "", 0), "http://sms.example.org:"+port("https"+strings.TrimPrefix(h.url, "http")))
	if got := b.signIn(t, "ann", "secret of ann"); got.status != http.StatusForbidden || got.header.Get("Location") != "" || len(b.cookies(t)) != 0 {
		t.Errorf("got status %d, cookies %v", got.status, b.cookies(t))
	}
	if got := b.get(t, "/signin?next=/messages"); got.header.Get("Location") != "https://sms.example.org:"+port(h.https)+"/signin?next=/messages" {
		t.Errorf("it leads to %q", got.header.Get("Location"))
	}
}

func TestTheSignInLeadsToThePageThatWasAskedForAndNowhereElse(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	addUser(t, s.store, "ann")
	b := s.browser(t)
	leads(t, b.get(t, "/messages?about=7&x=%2F"), "/signin?next="+url.QueryEscape("/messages?about=7&x=%2F"))
	says(t, b.get(t, "/signin?next="+url.QueryEscape("/messages?about=7&x=%2F")), 200, `name="next" value="/messages?about=7&x=%2F"`)
	for next, want := range map[string]string{
		"":                         "/messages",
		"/messages?about=7&x=%2F":  "/messages?about=7&x=%2F",
		"/":                        "/",
		"/trust#windows":           "/trust#windows",
		"/?next=https://x.example": "/?next=https://x.example",
		"messages":                 "/messages",
		"//evil.example":           "/messages",
		"///evil.example":          "/messages",
		`/\evil.example`:           "/messages",
		`\\evil.example`:           "/messages",
		`/trust\..\evil`:           "/messages",
		"https://evil.example/":    "/messages",
		"https:evil.example":       "/messages",
		"javascript:alert(1)":      "/messages",
		"/\t/evil.example":         "/messages",
		"\t//evil.example":         "/messages",
		"/\r\nSet-Cookie: a=b":     "/messages",
		" //evil.example":          "/messages",
		"/%0d%0aSet-Cookie: a=b":   "/messages",
		"/ü":                       "/messages",
		"/%":                       "/messages",
	} {
		form := url.Values{"login": {"ann"}, "password": {"secret of ann"}, "next": {next}}
		leads(t, b.post(t, "/signin", form), want)
		leads(t, b.get(t, "/signin?next="+url.QueryEscape(next)), want) // who is in already
		leads(t, b.post(t, "/signout", nil), "/signin?out")
		if page := b.get(t, "/signin?next="+url.QueryEscape(next)); want == "/messages" && strings.Contains(page.body, `name="next"`) {
			t.Errorf("%q is handed on: %s", next, page.body)
		}
	}
}

func TestEachSignInBeginsAnewAndEndsTheOneBefore(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	addUser(t, s.store, "ann")
	addUser(t, s.store, "bob")
	b := s.browser(t)
	planted := "omsbox=" + strings.Repeat("A", 43)
	leads(t, b.post(t, "/signin", url.Values{"login": {"ann"}, "password": {"secret of ann"}}, "Cookie", planted), "/messages")
	first := b.cookies(t)[0]
	b.enter(t, "bob")
	second := b.cookies(t)[0]
	if first.Value == second.Value || strings.Contains(planted, first.Value) {
		t.Errorf("tokens are %q and then %q", first.Value, second.Value)
	}
	says(t, b.get(t, "/messages"), 200, ">bob</span>")
	b.client.Jar = nil
	leads(t, b.get(t, "/messages", "Cookie", first.String()), "/signin")
}

func TestWhoIsSignedInStaysSoAsLongAsTheAccountIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(s *store.Store, later *atomic.Int64) error
	}{
		{"a new password", func(s *store.Store, _ *atomic.Int64) error { return s.SetPassword(t.Context(), "ann", "another") }},
		{"disabled", func(s *store.Store, _ *atomic.Int64) error { return s.Disable(t.Context(), "ann") }},
		{"expired", func(s *store.Store, _ *atomic.Int64) error { return s.Expire(t.Context(), "ann", s.Now()) }},
		{"ninety days later", func(_ *store.Store, later *atomic.Int64) error {
			later.Store(int64(store.SessionLasts))
			return nil
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var later atomic.Int64 // time that has gone by
			s := serveFrom(t, openStore(t, store.WithClock(func() time.Time {
				return time.Now().Add(time.Duration(later.Load()))
			})), web.Config{})
			addUser(t, s.store, "ann")
			b := s.browser(t)
			b.enter(t, "ann")
			says(t, b.get(t, "/messages"), 200)
			check(t, c.change(s.store, &later))
			leads(t, b.get(t, "/messages"), "/signin")
			if strings.Contains(b.get(t, "/").body, "Sign out") {
				t.Error("the start page takes them for signed in")
			}
		})
	}
}

func TestARestartSignsNobodyOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	before, err := store.Create(t.Context(), dir, slog.New(slog.DiscardHandler), store.WithPasswordCost(64, 1))
	check(t, err)
	addUser(t, before, "ann")
	token, _, err := before.SignIn(t.Context(), "ann", "secret of ann", "")
	check(t, err)
	check(t, before.Close())
	after, err := store.Create(t.Context(), dir, slog.New(slog.DiscardHandler), store.WithPasswordCost(64, 1))
	check(t, err)
	t.Cleanup(func() { after.Close() })
	s := serveFrom(t, after, web.Config{})
	says(t, s.browser(t).get(t, "/messages", "Cookie", "omsbox="+token), 200, ">ann</span>")
}

func TestWhySomebodyCannotSignIn(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	for _, login := range []string{"ann", "gone", "over"} {
		addUser(t, s.store, login)
	}
	check(t, s.store.Disable(t.Context(), "gone"))
	check(t, s.store.Expire(t.Context(), "over", s.store.Now()))
	b := s.browser(t)
	says(t, b.signIn(t, "gone", "secret of gone"), 403, "Your account is disabled.", "ask the person who runs this box")
	says(t, b.signIn(t, "over", "secret of over"), 403, "Your account's time is over.", "ask the person who runs this box")
	wrong := b.signIn(t, "ann", "wrong")
	for _, login := range []string{"nobody", "gone", "over"} {
		got := b.signIn(t, login, "wrong")
		if strings.ReplaceAll(got.body, login, "ann") != wrong.body || got.status != wrong.status {
			t.Errorf("%s with a wrong password is told otherwise than ann: %s", login, got.body)
		}
	}
	var got reply
	for n := 0; n < 20 && got.status != http.StatusTooManyRequests; n++ {
		got = b.signIn(t, "ann", "wrong")
	}
	words := map[string]string{"1": "one second", "2": "2 seconds", "4": "4 seconds"}[got.header.Get("Retry-After")] // one, unless this computer is slow
	if words == "" {
		t.Errorf("Retry-After: %q", got.header.Get("Retry-After"))
	}
	says(t, got, 429, "Too many wrong passwords came from your address. Please try again in "+words+".")
	if len(b.cookies(t)) != 0 {
		t.Error("somebody is signed in")
	}
}

func TestASignInThatIsNone(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	addUser(t, s.store, "ann")
	b := s.browser(t)
	says(t, b.post(t, "/signin", nil), 403, "The name or the password is wrong.")
	says(t, b.post(t, "/signin?login=ann&password=secret+of+ann", nil), 403, "The name or the password is wrong.") // logs of others have addresses
	says(t, b.ask(t, "POST", "/signin", `{"login":"ann"}`, []string{"Content-Type", "application/json"}), 403)
	says(t, b.post(t, "/signin", url.Values{"login": {"ann"}, "password": {strings.Repeat("x", 9<<10)}}), 413, "Please type it again.")
	says(t, b.ask(t, "POST", "/signin", "login=%zz", []string{"Content-Type", "application/x-www-form-urlencoded"}), 400, "Please type it again.")
	says(t, b.get(t, "/signout"), 404)
}

func TestAnotherSiteSignsNobodyInOrOut(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	ann := addUser(t, s.store, "ann")
	message := schedule(t, s.store, ann.ID, "hello", "Bob")
	b := s.browser(t)
	b.enter(t, "ann")
	for _, header := range [][]string{{"Origin", "https://elsewhere.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}} {
		for _, path := range []string{"/signin", "/signout", cancelPath(message)} {
			got := b.post(t, path, url.Values{"login": {"ann"}, "password": {"secret of ann"}}, header...)
			says(t, got, 403, "That came from another site")
		}
	}
	says(t, b.get(t, "/messages"), 200, "Bob")
}

// One who guesses at one address keeps the person out there alone. The pages, OMS and mail programs count so.
func TestAGuesserKeepsNobodyOutElsewhere(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	addUser(t, s.store, "ann")
	at := func(address string) *browser {
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
		return newBrowser(t, &http.Client{
			Transport:     &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}, s.url)
	}
	guesser := at("127.0.0.2")
	for range 5 {
		guesser.signIn(t, "ann", "a guess")
	}
	if got := guesser.signIn(t, "ann", "secret of ann"); got.status != http.StatusTooManyRequests {
		t.Errorf("the guesser got status %d", got.status)
	}
	at("127.0.0.3").enter(t, "ann")
}
