package simulator_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"omsbox/modem/simulator"
	"omsbox/modem/sms"
)

func TestPage(t *testing.T) {
	s := newSimulator(t, simulator.Options{Now: fixedNow})
	page := httptest.NewServer(http.StripPrefix("/demo/phone", s))
	defer page.Close()

	events, err := http.Get(page.URL + "/demo/phone/events")
	if err != nil {
		t.Fatal(err)
	}
	defer events.Body.Close()
	if got := events.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("got %s", got)
	}
	lines := bufio.NewScanner(events.Body)
	changed := func() {
		t.Helper()
		for lines.Scan() {
			if lines.Text() == "event: change" {
				return
			}
		}
		t.Fatal("the events ended")
	}
	changed() // the first one says: look

	h := quiet(t, s)
	changed()
	h.submit(tpdus(t, sms.Submit{To: "+15551234567", Text: "hi"})[0], "+CMGS: 0|OK")
	changed()
	s.Unplug()

	answer, err := http.PostForm(page.URL+"/demo/phone/reply", url.Values{"number": {"+15551234567"}, "text": {"hi you"}})
	if err != nil || answer.StatusCode != http.StatusNoContent {
		t.Fatal(answer, err)
	}
	texts, err := http.Get(page.URL + "/demo/phone/texts")
	if err != nil {
		t.Fatal(err)
	}
	defer texts.Body.Close()
	var got any
	if err := json.NewDecoder(texts.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"phones":[{"number":"+15551234567","texts":[` +
		`{"direction":"in","parts":1,"state":"arrived","text":"hi","time":"2026-11-21T22:31:32+02:00"},` +
		`{"direction":"out","parts":1,"state":"waiting","text":"hi you","time":"2026-11-21T22:31:32+02:00"}]}],` +
		`"sim":"+15550100000"}`
	if string(b) != want {
		t.Errorf("\n got %s\nwant %s", b, want)
	}
	s.Close() // ends the events
	for lines.Scan() {
	}
}

func TestPageRefusesWhatItCannotDo(t *testing.T) {
	s := newSimulator(t, simulator.Options{})
	form := func(number, text string) string {
		return url.Values{"number": {number}, "text": {text}}.Encode()
	}
	tests := []struct {
		name, method, path, body string
		want                     int
	}{
		{"no number", "POST", "/reply", form("", "hi"), 400},
		{"no text", "POST", "/reply", form("+15551234567", ""), 400},
		{"a long text", "POST", "/reply", form("+15551234567", strings.Repeat("x", 4001)), 400},
		{"a huge form", "POST", "/reply", form("+15551234567", strings.Repeat("x", 1<<20)), 400},
		{"a name that cannot send", "POST", "/reply", form("Иван", "hi"), 422},
		{"reply by GET", "GET", "/reply", "", 404},
		{"another page", "GET", "/", "", 404},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code != tt.want {
				t.Errorf("got %d %s, want %d", w.Code, w.Body, tt.want)
			}
		})
	}
}
