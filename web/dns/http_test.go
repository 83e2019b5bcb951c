package dns_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libdns/libdns"

	"omsbox/web/dns"
)

// duck answers as www.duckdns.org does: one TXT record for a domain, OK or KO.
type duck struct {
	mu   sync.Mutex
	text map[string]string
}

func (d *duck) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	q := r.URL.Query()
	_, known := d.text[q.Get("domains")]
	if r.Method != http.MethodGet || r.URL.Path != "/update" || q.Get("token") != "t0ken" || !known || !q.Has("txt") {
		io.WriteString(w, "KO")
		return
	}
	d.text[q.Get("domains")] = q.Get("txt")
	if q.Get("clear") == "true" {
		d.text[q.Get("domains")] = ""
	}
	io.WriteString(w, "OK")
}

func newDuckDNS(t *testing.T, token string, at http.Handler) *dns.DuckDNS {
	p, err := dns.New("duckdns " + token)
	check(t, err)
	server := httptest.NewServer(at)
	t.Cleanup(server.Close)
	p.(*dns.DuckDNS).URL = server.URL
	return p.(*dns.DuckDNS)
}

func TestDuckDNSHasARecordForADomainAndAllBelowIt(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"_acme-challenge.home", "_acme-challenge.sms.home"} {
		service := &duck{text: map[string]string{"home": ""}}
		p := newDuckDNS(t, "t0ken", service)
		records := []libdns.Record{libdns.RR{Name: name, Type: "TXT", Data: value}}
		_, err := p.AppendRecords(t.Context(), "duckdns.org.", records)
		check(t, err)
		if got := service.text["home"]; got != value {
			t.Errorf("the record is %q, want %q", got, value)
		}
		_, err = p.DeleteRecords(t.Context(), "duckdns.org.", records)
		check(t, err)
		if got := service.text["home"]; got != "" {
			t.Errorf("the record is still %q", got)
		}
	}
}

func TestDuckDNSProvesOneNameAtATime(t *testing.T) {
	t.Parallel()
	service := &duck{text: map[string]string{"home": ""}}
	p := newDuckDNS(t, "t0ken", service)
	one := []libdns.Record{libdns.RR{Name: "_acme-challenge.one.home", Type: "TXT", Data: "1"}}
	two := []libdns.Record{libdns.RR{Name: "_acme-challenge.two.home", Type: "TXT", Data: "2"}}
	_, err := p.AppendRecords(t.Context(), "duckdns.org.", one)
	check(t, err)
	hurry, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err = p.AppendRecords(hurry, "duckdns.org.", two)
	says(t, err, "t0ken", "in use for another name")
	second := make(chan error)
	go func() {
		_, err := p.AppendRecords(t.Context(), "duckdns.org.", two)
		second <- err
	}()
	_, err = p.DeleteRecords(t.Context(), "duckdns.org.", one)
	check(t, err)
	check(t, <-second)
	if got := service.text["home"]; got != "2" {
		t.Errorf("the record is %q, want that of the second name", got)
	}
}

func TestDuckDNSTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	silent.Close()
	for _, c := range []struct {
		name, token string
		at          http.Handler
		zone        string
		want        []string
	}{
		{"a wrong token", "wr0ng", &duck{text: map[string]string{"home": ""}}, "duckdns.org.", []string{"DuckDNS", "token", "home.duckdns.org"}},
		{"a domain of somebody else", "t0ken", &duck{}, "duckdns.org.", []string{"token", "account"}},
		{"another zone", "t0ken", &duck{}, "example.org.", []string{"not below duckdns.org"}},
		{"trouble of its own", "t0ken", http.NotFoundHandler(), "duckdns.org.", []string{"404"}},
		{"it sends us elsewhere", "t0ken", http.RedirectHandler("http://127.0.0.1:1/elsewhere", http.StatusFound), "duckdns.org.", []string{"302"}},
		{"nobody there", "t0ken", nil, "duckdns.org.", []string{"cannot be reached"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newDuckDNS(t, c.token, c.at)
			if c.at == nil {
				p.URL = "http://" + silent.Addr().String()
			}
			records := []libdns.Record{libdns.RR{Name: "_acme-challenge.home", Type: "TXT", Data: value}}
			_, err := p.AppendRecords(t.Context(), c.zone, records)
			says(t, err, c.token, c.want...)
			_, err = p.AppendRecords(t.Context(), c.zone, records) // the record is not in use
			says(t, err, c.token, c.want...)
		})
	}
}

// cloud answers as version 4 of Cloudflare's API does for the zone example.org.
type cloud struct {
	mu      sync.Mutex
	records map[string]string // content by id, all at one name
	last    int
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	answer := func(status int, result any, failed ...map[string]any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(map[string]any{"success": status < 300, "errors": failed, "messages": []string{}, "result": result})
	}
	const full = "_acme-challenge.sms.example.org"
	q := r.URL.Query()
	id, one := strings.CutPrefix(r.URL.Path, "/zones/z1/dns_records/")
	switch {
	case r.Header.Get("Authorization") != "Bearer t0ken":
		answer(http.StatusBadRequest, nil, map[string]any{"code": 6003, "message": "Invalid request headers"})
	case r.Method == http.MethodGet && r.URL.Path == "/zones":
		zones := []map[string]string{}
		if q.Get("name") == "example.org" {
			zones = append(zones, map[string]string{"id": "z1", "name": "example.org"})
		}
		answer(http.StatusOK, zones)
	case r.Method == http.MethodPost && r.URL.Path == "/zones/z1/dns_records":
		var body struct {
			Type, Name, Content string
			TTL                 int
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Type != "TXT" || body.Name != full ||
			body.TTL < 60 || !strings.HasPrefix(body.Content, `"`) {
			answer(http.StatusBadRequest, nil, map[string]any{"code": 1004, "message": fmt.Sprintf("DNS Validation Error: %+v", body)})
			return
		}
		for _, content := range c.records {
			if content == body.Content {
				answer(http.StatusBadRequest, nil, map[string]any{"code": 81058, "message": "An identical record already exists."})
				return
			}
		}
		c.last++
		c.records[fmt.Sprint("r", c.last)] = body.Content
		answer(http.StatusOK, map[string]string{"id": fmt.Sprint("r", c.last)})
	case r.Method == http.MethodGet && r.URL.Path == "/zones/z1/dns_records" && q.Get("type") == "TXT" && q.Get("name") == full:
		records := []map[string]any{}
		for id, content := range c.records {
			records = append(records, map[string]any{"id": id, "type": "TXT", "name": full, "content": content, "ttl": 60})
		}
		answer(http.StatusOK, records)
	case r.Method == http.MethodDelete && one && c.records[id] != "":
		delete(c.records, id)
		answer(http.StatusOK, map[string]string{"id": id})
	default:
		answer(http.StatusNotFound, nil, map[string]any{"code": 7003, "message": "No route for that URI"})
	}
}

func newCloudflare(t *testing.T, token string, at http.Handler) *dns.Cloudflare {
	p, err := dns.New("cloudflare " + token)
	check(t, err)
	server := httptest.NewServer(at)
	t.Cleanup(server.Close)
	p.(*dns.Cloudflare).URL = server.URL
	return p.(*dns.Cloudflare)
}

func TestCloudflareKeepsSeveralValuesAtOneName(t *testing.T) {
	t.Parallel()
	service := &cloud{records: map[string]string{}}
	p := newCloudflare(t, "t0ken", service)
	for _, v := range []string{"one", "two", "two"} { // what is there already is well
		_, err := p.AppendRecords(t.Context(), zone, proof(v))
		check(t, err)
	}
	if len(service.records) != 2 {
		t.Fatalf("there are the records %v, want two", service.records)
	}
	for _, v := range []string{"one", "one"} { // what is gone already is well
		_, err := p.DeleteRecords(t.Context(), zone, proof(v))
		check(t, err)
	}
	var left []string
	for _, content := range service.records {
		left = append(left, content)
	}
	if !slices.Equal(left, []string{`"two"`}) {
		t.Errorf("there is %v left, want that with the other value", left)
	}
}

func TestCloudflareTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	with := func(status int, body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, body)
		})
	}
	for _, c := range []struct {
		name, token, zone string
		at                http.Handler
		want              []string
	}{
		{"a wrong token", "wr0ng", zone, &cloud{}, []string{"refuses the token", "DNS Edit"}},
		{"a zone of somebody else", "t0ken", "example.com.", &cloud{}, []string{"sees no zone", "sms.example.com"}},
		{"a token that may not", "t0ken", zone, with(403,
			`{"success":false,"errors":[{"code":10000,"message":"Authentication error"}]}`), []string{"refuses the token"}},
		{"a refusal that quotes the token", "t0ken", zone, with(400, `{"success":false,"errors":[{"code":1,"message":"bad t0ken"}]}`), []string{`"bad …"`}},
		{"no JSON", "t0ken", zone, with(502, "<html>"), []string{"502 Bad Gateway"}},
		{"success that is none", "t0ken", zone, with(200, `{"success":false}`), []string{"200"}},
		{"an answer of another shape", "t0ken", zone, with(200, `{"success":true,"result":"x"}`), []string{"cannot be read"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := newCloudflare(t, c.token, c.at).AppendRecords(t.Context(), c.zone, proof(value))
			says(t, err, c.token, append(c.want, "Cloudflare")...)
		})
	}
}
