package web_test

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"omsbox/web"
)

func TestPlainHTTPLeadsToHTTPS(t *testing.T) {
	t.Parallel()
	h := serveTLS(t, web.Config{})
	name, err := os.Hostname()
	check(t, err)
	name, _, _ = strings.Cut(strings.ToLower(name), ".")
	at := ":" + port(h.https)
	canonical := "https://sms.example.org" + at
	for _, c := range []struct{ name, method, host, path, want string }{
		{"a page", "GET", "sms.example.org", "/demo?a=b&c=%2F", canonical + "/demo?a=b&c=%2F"},
		{"the start page", "GET", "sms.example.org:8080", "/", canonical + "/"},
		{"however it is written", "GET", "SMS.Example.ORG.", "/", canonical + "/"},
		{"the name in the network", "GET", name + ".local", "/", "https://" + name + ".local" + at + "/"},
		{"the name in the network, in short", "GET", name, "/", "https://" + name + at + "/"},
		{"a private address", "GET", "192.168.1.5", "/x", "https://192.168.1.5" + at + "/x"},
		{"a private address of IPv6", "GET", "[fd00::5]:8080", "/x", "https://[fd00::5]" + at + "/x"},
		{"a public address", "GET", "203.0.113.5", "/x", canonical + "/x"},
		{"a name that is not ours", "GET", "evil.example", "/x", canonical + "/x"},
		{"a name that ends like ours", "GET", "evil.sms.example.org", "/x", canonical + "/x"},
		{"a host that is none", "GET", "evil.example!sms.example.org", "/x", canonical + "/x"},
		{"Outlook's address, looked at", "GET", "sms.example.org", "/OMS/service.asmx?wsdl", canonical + "/OMS/service.asmx?wsdl"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := h.fetch(t, c.method, h.url+c.path, "Host", c.host)
			if got.status != http.StatusMovedPermanently || got.header.Get("Location") != c.want {
				t.Errorf("got status %d to %q, want 301 to %q", got.status, got.header.Get("Location"), c.want)
			}
			if got := got.header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("the browser may keep the redirect: Cache-Control %q", got)
			}
		})
	}
	for _, path := range []string{"/sign-in", "/oms/service.asmx/"} { // what was sent must not be sent again
		if got := h.fetch(t, "POST", h.url+path, "Host", "sms.example.org"); got.status != http.StatusForbidden || !strings.Contains(got.body, "https://") {
			t.Errorf("POST %s: got %d %s", path, got.status, got.body)
		}
	}
}

func TestAPasswordIsNeverAskedForOverPlainHTTP(t *testing.T) {
	t.Parallel()
	h := serveTLS(t, web.Config{})
	got := h.fetch(t, "POST", h.url+"/oms/service.asmx", "Host", "sms.example.org")
	if got.status != http.StatusForbidden || got.header.Get("Location") != "" || !strings.HasPrefix(got.header.Get("Content-Type"), "text/plain") {
		t.Errorf("got status %d to %q, %s", got.status, got.header.Get("Location"), got.header.Get("Content-Type"))
	}
	if want := "https://sms.example.org:" + port(h.https) + "/oms/service.asmx"; !strings.Contains(got.body, want) {
		t.Errorf("got %q, want it to name %s", got.body, want)
	}
}

func TestPlainOMSIsForPrivateAddressesIfTheAdministratorSaysSo(t *testing.T) {
	t.Parallel()
	h := serveTLS(t, web.Config{})
	for _, c := range []struct {
		name, plain, proxies string
		header               []string
		want                 string // "" for refused
	}{
		{"not allowed", "no", "", nil, ""},
		{"allowed", "yes", "", nil, "old oms POST /oms/service.asmx"},
		{"allowed, to a proxy that nobody told us of", "yes", "", []string{"X-Forwarded-For", "203.0.113.9"}, ""},
		{"allowed, to a proxy that says so itself", "yes", "", []string{"Via", "1.1 proxy"}, ""},
		{"allowed, and our proxy says it is a stranger", "yes", "127.0.0.1", []string{"X-Forwarded-For", "203.0.113.9"}, ""},
		{"allowed, and our proxy says it is of the network", "yes", "127.0.0.1", []string{"X-Forwarded-For", "192.168.1.9"},
			"old oms POST /oms/service.asmx"},
		{"allowed, and our proxy says it is of an overlay network", "yes", "127.0.0.1", []string{"X-Forwarded-For",
			"100.64.3.4"}, "old oms POST /oms/service.asmx"},
		{"allowed, and our proxy does not say", "yes", "127.0.0.1", nil, ""},
		{"our proxy says it came over https", "no", "127.0.0.1", []string{"X-Forwarded-For", "203.0.113.9",
			"X-Forwarded-Proto", "https"}, "oms POST /oms/service.asmx"},
	} {
		t.Run(c.name, func(t *testing.T) {
			check(t, h.store.Set(t.Context(), "oms.plain", c.plain))
			check(t, h.store.Set(t.Context(), "http.proxies", c.proxies))
			got := h.fetch(t, "POST", h.url+"/oms/service.asmx", c.header...)
			if c.want == "" && got.status != http.StatusForbidden || c.want != "" && got.body != c.want {
				t.Errorf("got status %d %q, want %q", got.status, got.body, c.want)
			}
		})
	}
}

func TestOverHTTPSEverythingIsThere(t *testing.T) {
	t.Parallel()
	h := serveTLS(t, web.Config{})
	at := "https://sms.example.org:" + port(h.https)
	if got := h.fetch(t, "POST", at+"/OMS/Service.asmx").body; got != "oms POST /OMS/Service.asmx" {
		t.Errorf("got %q", got)
	}
	page := h.fetch(t, "GET", at+"/")
	for _, want := range []string{">" + at + "/oms/service.asmx<", `href="oms:` + at + `/oms/service.asmx"`} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

func TestOnlyANameThatAPublicCAVouchesForInsistsOnTLS(t *testing.T) {
	t.Parallel()
	h := serveTLS(t, web.Config{}) // it does for none here
	for _, url := range []string{"https://sms.example.org:" + port(h.https) + "/", h.url + "/", h.url + "/trust"} {
		if got := h.fetch(t, "GET", url).header.Get("Strict-Transport-Security"); got != "" {
			t.Errorf("%s: got %q", url, got)
		}
	}
}

func TestTheLegacyDoorLeadsToOMSAlone(t *testing.T) {
	t.Parallel()
	h := serveTLS(t, web.Config{})
	h.client = h.newClient(t, "", tls.VersionTLS10)
	at := "https://sms.example.org:" + port(h.legacy)
	if got := h.fetch(t, "POST", at+"/oms/SERVICE.asmx").body; got != "old oms POST /oms/SERVICE.asmx" {
		t.Errorf("got %q", got)
	}
	for _, path := range []string{"/", "/trust", "/trust/omsbox.cer", "/static/x/style.css", "/oms/", "/demo"} {
		got := h.fetch(t, "GET", at+path)
		if got.status != http.StatusNotFound || !strings.HasPrefix(got.header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s: got status %d, %s", path, got.status, got.header.Get("Content-Type"))
		}
	}
}

func TestTheLegacyDoorSpeaksNoHTTP2(t *testing.T) {
	t.Parallel()
	h := serveTLS(t, web.Config{})
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS12} {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(h.legacy, "https://"), &tls.Config{
			InsecureSkipVerify: true, MinVersion: version, MaxVersion: version, NextProtos: []string{"h2", "http/1.1"},
		})
		check(t, err)
		if got := conn.ConnectionState().NegotiatedProtocol; got != "http/1.1" {
			t.Errorf("TLS %x: got %q", version, got)
		}
		conn.Close()
	}
}

func TestADoorWithTLSNeedsCertificates(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	server, err := web.New(s.store, slog.New(slog.DiscardHandler), web.Config{OMS: http.HandlerFunc(oms)})
	check(t, err)
	if err := server.Run(t.Context(), web.Doors{Legacy: newPipes()}); err == nil {
		t.Error("got no error")
	}
}

func TestTheLogTellsThatAClientDistrustsTheCertificate(t *testing.T) {
	t.Parallel()
	h := serveTLS(t, web.Config{})
	conn, err := tls.Dial("tcp", strings.TrimPrefix(h.https, "https://"), &tls.Config{ServerName: "sms.example.org"})
	if err == nil {
		conn.Close()
		t.Fatal("it is trusted without its root")
	}
	for start := time.Now(); !strings.Contains(h.log.String(), "a client distrusts the certificate"); time.Sleep(time.Millisecond) {
		if time.Since(start) > 5*time.Second {
			t.Fatalf("the log lacks it: %s", h.log)
		}
	}
}
