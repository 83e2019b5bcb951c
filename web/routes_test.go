package web_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"omsbox/web"
)

func TestOMSIsFoundHoweverItsAddressIsTyped(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	program := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }} // as most that post
	for path, want := range map[string]string{
		"/oms/service.asmx":       "oms POST /oms/service.asmx",
		"/OMS/Service.asmx":       "oms POST /OMS/Service.asmx",
		"/oms/SERVICE.ASMX?wsdl":  "oms POST /oms/SERVICE.ASMX",
		"/oms/service%2Easmx":     "oms POST /oms/service.asmx",
		"//oms/service.asmx":      "oms POST /oms/service.asmx",
		"/oms/./service.asmx":     "oms POST /oms/service.asmx",
		"/x/../oms/service.asmx":  "oms POST /oms/service.asmx",
		"/oms/service.asmx/":      "",
		"/oms/%C5%BFervice.asmx":  "", // with a long s
		"/oms/":                   "",
		"/oms/service.asmx/other": "",
	} {
		t.Run(path, func(t *testing.T) {
			r, err := http.NewRequest("POST", s.url+path, nil)
			check(t, err)
			got := do(t, program, r)
			if want == "" && got.status != http.StatusNotFound {
				t.Errorf("got status %d, want 404", got.status)
			}
			if want != "" && got.body != want {
				t.Errorf("got %q, want %q", got.body, want)
			}
		})
	}
}

func TestForeignPagesMayCallOMSButNotThePages(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{Demo: &web.Demo{Phone: http.NotFoundHandler(), Mailbox: http.NotFoundHandler()}})
	own := strings.TrimPrefix(s.url, "http://")
	for _, c := range []struct {
		name, path, header, value string
		want                      int
	}{
		{"OMS, foreign origin", "/oms/service.asmx", "Origin", "https://elsewhere.example", 200},
		{"OMS, foreign site", "/Oms/Service.asmx", "Sec-Fetch-Site", "cross-site", 200},
		{"page, foreign origin", "/", "Origin", "https://elsewhere.example", 403},
		{"page, foreign site", "/demo/phone/reply", "Sec-Fetch-Site", "cross-site", 403},
		{"page, own origin", "/demo/phone/reply", "Origin", "http://" + own, 404},
		{"page, no browser", "/demo/phone/reply", "User-Agent", "curl", 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := s.ask(t, "POST", c.path, "", c.header, c.value)
			if got.status != c.want {
				t.Errorf("got status %d, want %d", got.status, c.want)
			}
			if c.want == 403 && !strings.Contains(got.body, "That came from another site") {
				t.Errorf("the answer does not say why: %s", got.body)
			}
		})
	}
}

func TestEveryAnswerTellsTheBrowserToTakeCare(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	for _, path := range []string{"/", "/nowhere", "/oms/service.asmx", file(t, s, "style.css")} {
		got := s.ask(t, "GET", path, "").header
		policy := got.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: policy %q lacks %q", path, policy, want)
			}
		}
		if strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q allows what is unsafe", path, policy)
		}
		if got := got.Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("%s: X-Content-Type-Options %q", path, got)
		}
		if got := got.Get("Referrer-Policy"); got != "same-origin" {
			t.Errorf("%s: Referrer-Policy %q", path, got)
		}
	}
}

// file returns the address under which the start page loads a file.
func file(t *testing.T, s *site, name string) string {
	t.Helper()
	found := regexp.MustCompile(`/static/[0-9a-f]{12}/` + regexp.QuoteMeta(name)).FindString(s.ask(t, "GET", "/", "").body)
	if found == "" {
		t.Fatalf("the start page does not load %s", name)
	}
	return found
}

func TestFilesAreKeptByTheBrowserUntilTheyChange(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	css := file(t, s, "style.css")
	got := s.ask(t, "GET", css, "")
	if got.status != 200 || got.header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("got status %d, type %q", got.status, got.header.Get("Content-Type"))
	}
	if want := "public, max-age=31536000, immutable"; got.header.Get("Cache-Control") != want {
		t.Errorf("got Cache-Control %q, want %q", got.header.Get("Cache-Control"), want)
	}
	for _, path := range []string{"/static/000000000000/style.css", strings.Replace(css, "style", "none", 1), "/static/", "/static/../server.go"} {
		got := s.ask(t, "GET", path, "")
		if got.status != http.StatusNotFound || strings.Contains(got.header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: got status %d, Cache-Control %q", path, got.status, got.header.Get("Cache-Control"))
		}
	}
}

func TestDemoIsThereOnlyInTheDemo(t *testing.T) {
	t.Parallel()
	without := serve(t, web.Config{})
	for _, path := range []string{"/demo", "/demo/phone/texts", "/demo/mailbox/mails"} {
		if got := without.ask(t, "GET", path, ""); got.status != http.StatusNotFound {
			t.Errorf("%s without a demo: got status %d, want 404", path, got.status)
		}
	}
	if strings.Contains(without.ask(t, "GET", "/", "").body, "/demo") {
		t.Error("the start page speaks of a demo that is not there")
	}

	called := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, name+" "+r.Method+" "+r.URL.Path)
		})
	}
	with := serve(t, web.Config{Demo: &web.Demo{
		Phone: called("phone"), Mailbox: called("mailbox"),
		Login: "sample", Password: `pass"word`, Number: "+15550100001",
	}})
	for request, want := range map[string]string{
		"GET /demo/phone/texts":    "phone GET /texts",
		"GET /demo/phone/events":   "phone GET /events",
		"POST /demo/phone/reply":   "phone POST /reply",
		"GET /demo/mailbox/mails":  "mailbox GET /mails",
		"GET /demo/mailbox/events": "mailbox GET /events",
	} {
		method, path, _ := strings.Cut(request, " ")
		if got := with.ask(t, method, path, "").body; got != want {
			t.Errorf("%s: got %q, want %q", request, got, want)
		}
	}
	page := with.ask(t, "GET", "/demo/", "") // leads to /demo
	for _, want := range []string{`value="sample"`, `value="pass&#34;word"`, `value="&#43;15550100001"`, `data-service="/oms/service.asmx"`, "demo.js"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the demo page lacks %s", want)
		}
	}
}

func TestWhatIsNotThereIsSaidInWords(t *testing.T) {
	t.Parallel()
	got := serve(t, web.Config{}).ask(t, "GET", "/<nowhere>", "")
	if got.status != http.StatusNotFound || !strings.Contains(got.body, "There is no such page") {
		t.Errorf("got status %d: %s", got.status, got.body)
	}
	if strings.Contains(got.body, "nowhere>") {
		t.Error("the page repeats the address")
	}
}

func TestPanicBecomesAPageWithACodeOfTheLog(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{OMS: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { panic("inner matter") })})
	got := s.ask(t, "GET", "/oms/service.asmx", "")
	if got.status != http.StatusInternalServerError {
		t.Errorf("got status %d, want 500", got.status)
	}
	found := regexp.MustCompile(`<code class="code">([A-Z2-7]{8})</code>`).FindStringSubmatch(got.body)
	if found == nil {
		t.Fatalf("no code on the page: %s", got.body)
	}
	if log := s.log.String(); !strings.Contains(log, "id="+found[1]) || !strings.Contains(log, "inner matter") {
		t.Errorf("the log does not tell more under %s: %s", found[1], log)
	}
	if strings.Contains(got.body, "inner matter") {
		t.Error("the page tells what is for the log alone")
	}
}

func TestHalfAnAnswerIsNotTakenForWhole(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{OMS: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "half an ")
		http.NewResponseController(w).Flush()
		panic("no more")
	})})
	answer, err := http.Get(s.url + "/oms/service.asmx")
	check(t, err)
	defer answer.Body.Close()
	if b, err := io.ReadAll(answer.Body); err == nil {
		t.Errorf("got %q without an error", b)
	}
}

// OMS says itself what is too much for it, and reads on so that the client hears of it.
func TestTooLongARequestIsNotRead(t *testing.T) {
	t.Parallel()
	length := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}
		fmt.Fprint(w, n)
	})
	s := serve(t, web.Config{OMS: length, Demo: &web.Demo{Phone: length, Mailbox: length}})
	for _, c := range []struct {
		path             string
		size, read, want int
	}{
		{"/demo/phone/reply", 1 << 20, 1 << 20, 200},
		{"/demo/phone/reply", 1<<20 + 1, 1 << 20, 413},
		{"/oms/service.asmx", 32 << 20, 32 << 20, 200},
	} {
		got := s.ask(t, "POST", c.path, strings.Repeat("x", c.size))
		if got.status != c.want || got.body != fmt.Sprint(c.read) {
			t.Errorf("%s: of %d octets, %s were read and the status is %d, want %d and %d", c.path, c.size, got.body, got.status, c.read, c.want)
		}
	}
}

func TestLogHasRequestsButNotTheirQueries(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	s.ask(t, "POST", "/oms/service.asmx?UserID=somebody", "a secret", "Authorization", "Basic secret")
	s.ask(t, "GET", "/nowhere?number=12345", "")
	log := s.log.String()
	for _, want := range []string{"level=DEBUG", "path=/oms/service.asmx status=200", "path=/nowhere status=404"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q: %s", want, log)
		}
	}
	for _, secret := range []string{"somebody", "12345", "secret"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log tells %q: %s", secret, log)
		}
	}
}

func TestNoServerWithoutOMS(t *testing.T) {
	t.Parallel()
	if _, err := web.New(openStore(t), slog.New(slog.DiscardHandler), web.Config{}); err == nil {
		t.Error("got a server, want an error")
	}
}
