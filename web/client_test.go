package web_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"omsbox/web"
)

// asked answers with what those behind the front see of a request.
func asked(w http.ResponseWriter, r *http.Request) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = "no host and port: " + r.RemoteAddr
	}
	fmt.Fprintf(w, "%s://%s%s from %s", r.URL.Scheme, r.Host, r.URL.Host, host)
	for name := range r.Header {
		if strings.HasPrefix(name, "X-") || name == "Forwarded" {
			fmt.Fprint(w, " with ", name)
		}
	}
}

func TestAProxyIsBelievedIfItIsOneOfOurs(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{OMS: http.HandlerFunc(asked)})
	const direct = "http://box from 127.0.0.1"
	for _, c := range []struct {
		name, proxies string
		header        []string // pairs
		want          string
	}{
		{"no proxy", "", nil, direct},
		{"not ours", "", []string{"X-Forwarded-For", "203.0.113.9", "X-Forwarded-Proto", "https", "X-Forwarded-Host",
			"sms.example.org", "X-Real-IP", "203.0.113.9", "Forwarded", "for=203.0.113.9;proto=https"}, direct},
		{"another is ours", "127.0.0.2,10.0.0.0/8", []string{"X-Forwarded-For", "203.0.113.9", "X-Forwarded-Proto", "https"}, direct},
		{"ours", "127.0.0.1", []string{"X-Forwarded-For", "203.0.113.9", "X-Forwarded-Proto", "https", "X-Forwarded-Host",
			"sms.example.org"}, "https://sms.example.org from 203.0.113.9"},
		{"ours, by its network", "10.0.0.0/8, 127.0.0.0/8", []string{"X-Forwarded-For", "203.0.113.9", "X-Forwarded-Proto",
			"HTTPS"}, "https://box from 203.0.113.9"},
		{"ours, and tells nothing", "127.0.0.1", nil, direct},
		{"over plain http", "127.0.0.1", []string{"X-Forwarded-For", "203.0.113.9", "X-Forwarded-Proto", "http"}, "http://box from 203.0.113.9"},
		{"what the client invented", "127.0.0.1", []string{"X-Forwarded-For", "10.0.0.1, 127.0.0.1, 203.0.113.9"}, "http://box from 203.0.113.9"},
		{"through two of ours", "127.0.0.1,10.0.0.0/8", []string{"X-Forwarded-For", "198.51.100.1, 203.0.113.9, 10.1.2.3"}, "http://box from 203.0.113.9"},
		{"only ours", "127.0.0.1,10.0.0.0/8", []string{"X-Forwarded-For", "10.9.9.9, 10.1.2.3"}, "http://box from 10.9.9.9"},
		{"several lines", "127.0.0.1,10.0.0.0/8", []string{"X-Forwarded-For", "203.0.113.9", "X-Forwarded-For", "10.1.2.3"}, "http://box from 203.0.113.9"},
		{"with a port", "127.0.0.1", []string{"X-Forwarded-For", "203.0.113.9:4711"}, "http://box from 203.0.113.9"},
		{"IPv6", "127.0.0.1", []string{"X-Forwarded-For", "2001:db8::9"}, "http://box from 2001:db8::9"},
		{"IPv6 in brackets", "127.0.0.1", []string{"X-Forwarded-For", "[2001:db8::9]"}, "http://box from 2001:db8::9"},
		{"IPv6 with a port", "127.0.0.1", []string{"X-Forwarded-For", "[2001:db8::9]:4711"}, "http://box from 2001:db8::9"},
		{"IPv6 with a zone", "127.0.0.1", []string{"X-Forwarded-For", "fe80::1%<b>"}, "http://box from fe80::1"},
		{"IPv4 in IPv6", "127.0.0.1", []string{"X-Forwarded-For", "::ffff:203.0.113.9"}, "http://box from 203.0.113.9"},
		{"spaces and nothing", "127.0.0.1", []string{"X-Forwarded-For", " ,, 203.0.113.9 , "}, "http://box from 203.0.113.9"},
		{"unknown", "127.0.0.1", []string{"X-Forwarded-For", "203.0.113.9, unknown"}, direct},
		{"garbage", "127.0.0.1", []string{"X-Forwarded-For", "203.0.113.9, <script>", "X-Forwarded-Proto", "gopher", "X-Forwarded-Host", "a b/c"}, direct},
		{"half garbage", "127.0.0.1,10.0.0.0/8", []string{"X-Forwarded-For", "[203.0.113.9, 10.1.2.3"}, "http://box from 203.0.113.9"},
		{"https on one leg alone", "127.0.0.1", []string{"X-Forwarded-Proto", "https, http"}, direct},
		{"https on both legs", "127.0.0.1", []string{"X-Forwarded-Proto", "https, https"}, "https://box from 127.0.0.1"},
		{"several hosts", "127.0.0.1", []string{"X-Forwarded-Host", "evil.example, sms.example.org:8443"}, "http://sms.example.org:8443 from 127.0.0.1"},
		{"very many", "127.0.0.0/8", []string{"X-Forwarded-For", strings.Repeat("127.0.0.7,", 2000) + "127.0.0.8"}, "http://box from 127.0.0.7"},
		{"RFC 7239, which is not believed", "127.0.0.1", []string{"Forwarded", "for=203.0.113.9;proto=https;host=evil.example"}, direct},
	} {
		t.Run(c.name, func(t *testing.T) {
			check(t, s.store.Set(t.Context(), "http.proxies", c.proxies))
			r, err := http.NewRequest("POST", s.url+"/oms/service.asmx", nil)
			check(t, err)
			r.Host = "box"
			for i := 0; i < len(c.header); i += 2 {
				r.Header.Add(c.header[i], c.header[i+1])
			}
			if got := do(t, http.DefaultClient, r).body; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestPagesBehindAProxyShowTheAddressThatTheClientUsed(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	check(t, s.store.Set(t.Context(), "http.proxies", "127.0.0.1"))
	page := s.ask(t, "GET", "/", "", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "sms.example.org")
	if want := ">https://sms.example.org/oms/service.asmx<"; !strings.Contains(page.body, want) {
		t.Errorf("the page lacks %s", want)
	}
	if got := page.header.Get("Strict-Transport-Security"); got != "" {
		t.Errorf("the box insists on TLS for a proxy that vouches for it: %q", got)
	}
}
