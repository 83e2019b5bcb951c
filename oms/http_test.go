package oms_test

import (
	"bytes"
	"crypto/tls"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// get asks for the address and returns the answer and its body.
func (b *box) get(t testing.TB, method, target string) (*http.Response, string) {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	r.Host = "sms.example.org:8080"
	b.handler.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Result().Body)
	check(t, err)
	return w.Result(), string(body)
}

func TestGETIsAPageForPeople(t *testing.T) {
	r, body := newBox(t).get(t, http.MethodGet, "/oms/service.asmx")
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("got %s, %s", r.Status, r.Header.Get("Content-Type"))
	}
	policy := r.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy %q has no %s", policy, want)
		}
	}
	for _, want := range []string{
		"<code>http://sms.example.org:8080/oms/service.asmx</code>",
		`href="oms:http://sms.example.org:8080/oms/service.asmx"`,
		"<h1>Text messages</h1>",
		`href="?wsdl"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page has no %s:\n%s", want, body)
		}
	}
}

func TestThePageQuotesWhatTheAddressHolds(t *testing.T) {
	_, body := newBox(t).get(t, http.MethodGet, `/oms/"><script>alert(1)</script>.asmx`)
	if strings.Contains(body, "<script>") {
		t.Errorf("the page runs what stands in its address:\n%s", body)
	}
}

func TestTheWSDLSaysWhatIsAnsweredAndWhere(t *testing.T) {
	b := newBox(t)
	for _, query := range []string{"?wsdl", "?WSDL", "?Wsdl="} {
		r, body := b.get(t, http.MethodGet, "/OMS/Service.asmx"+query)
		if got := r.Header.Get("Content-Type"); got != "text/xml; charset=utf-8" {
			t.Errorf("%s got %s", query, got)
		}
		var d struct {
			Elements []struct {
				Name string `xml:"name,attr"`
			} `xml:"types>schema>element"`
			Operations []struct {
				Name string `xml:"name,attr"`
				SOAP struct {
					Action string `xml:"soapAction,attr"`
					Style  string `xml:"style,attr"`
				} `xml:"http://schemas.xmlsoap.org/wsdl/soap/ operation"`
			} `xml:"binding>operation"`
			Address struct {
				Location string `xml:"location,attr"`
			} `xml:"service>port>address"`
		}
		check(t, xml.Unmarshal([]byte(body), &d))
		if got, want := d.Address.Location, "http://sms.example.org:8080/OMS/Service.asmx"; got != want {
			t.Errorf("the address is %s, want %s", got, want)
		}
		if len(d.Elements) != 2*len(d.Operations) || len(d.Operations) != 4 {
			t.Errorf("%d elements and %d operations", len(d.Elements), len(d.Operations))
		}
		for _, o := range d.Operations {
			if o.SOAP.Action != namespace+"/"+o.Name || o.SOAP.Style != "document" {
				t.Errorf("%s has the action %s and the style %s", o.Name, o.SOAP.Action, o.SOAP.Style)
			}
			r := b.post(t, envelope(o.Name, "", ""))
			if r.StatusCode != http.StatusOK {
				t.Errorf("%s is in the WSDL and answers %s", o.Name, r.Status)
			}
		}
	}
}

func TestOtherMethods(t *testing.T) {
	b := newBox(t)
	server := httptest.NewServer(b.handler)
	defer server.Close()
	head, err := http.Head(server.URL)
	check(t, err)
	head.Body.Close()
	if head.StatusCode != http.StatusOK || head.ContentLength <= 0 {
		t.Errorf("HEAD got %s, %d bytes", head.Status, head.ContentLength)
	}
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodOptions} {
		if r, _ := b.get(t, method, "/"); r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") != "GET, HEAD, POST" {
			t.Errorf("%s got %s, Allow: %s", method, r.Status, r.Header.Get("Allow"))
		}
	}
}

func TestServiceUriIsTheAddressAsItWasTyped(t *testing.T) {
	b := newBox(t)
	tests := []struct {
		name, host, target string
		tls                bool
		want, signUp       string
	}{
		{"plain", "sms.example.org", "/oms/service.asmx", false, "http://sms.example.org/oms/service.asmx", "http://sms.example.org/"},
		{"TLS", "sms.example.org", "/oms/service.asmx", true, "https://sms.example.org/oms/service.asmx", "https://sms.example.org/"},
		{"capitals and a port", "SMS.Example.org:8443", "/OMS/Service.ASMX", true, "https://SMS.Example.org:8443/OMS/Service.ASMX", "https://SMS.Example.org:8443/"},
		{"escapes and a query", "box", "/oms%2Fservice.asmx?x=1", false, "http://box/oms%2Fservice.asmx", "http://box/"},
		{"IPv4", "192.0.2.1", "/oms", false, "http://192.0.2.1/oms", "http://192.0.2.1/"},
		{"IPv6", "[2001:db8::1]:8080", "/oms", false, "http://[2001:db8::1]:8080/oms", "http://[2001:db8::1]:8080/"},
		{"through a proxy", "box", "http://box/oms", false, "http://box/oms", "http://box/"},
		{"no host", "", "/oms", false, "http://localhost/oms", "http://localhost/"},
		{"a host with markup", `x"><y>`, "/oms", false, "http://localhost/oms", "http://localhost/"},
		{"a host with a user", "user@box", "/oms", false, "http://localhost/oms", "http://localhost/"},
		{"a host with a bad port", "box:80a", "/oms", false, "http://localhost/oms", "http://localhost/"},
		{"a host with half a bracket", "[::1", "/oms", false, "http://localhost/oms", "http://localhost/"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, test.target, strings.NewReader(envelope("GetServiceInfo", "", "")))
			r.Host = test.host
			if test.tls {
				r.TLS = &tls.ConnectionState{}
			} else {
				r.TLS = nil
			}
			w := httptest.NewRecorder()
			b.handler.ServeHTTP(w, r)
			var info struct {
				XMLName    xml.Name `xml:"http://schemas.microsoft.com/office/Outlook/2006/OMS/serviceInfo serviceInfo"`
				ServiceUri string   `xml:"serviceUri"`
				SignUpPage string   `xml:"signUpPage"`
			}
			check(t, xml.Unmarshal([]byte(inner(t, w.Result(), "GetServiceInfo")), &info))
			if info.ServiceUri != test.want || info.SignUpPage != test.signUp {
				t.Errorf("got %s and %s, want %s and %s", info.ServiceUri, info.SignUpPage, test.want, test.signUp)
			}
		})
	}
}

func TestGetServiceInfoNamesTheServiceAsSet(t *testing.T) {
	b := newBox(t)
	check(t, b.Set(t.Context(), "service.provider", "Smith & Sons <Ltd>"))
	check(t, b.Set(t.Context(), "service.name", "Büro 短信"))
	var info struct {
		Provider string `xml:"serviceProvider"`
		Local    string `xml:"localName"`
		English  string `xml:"englishName"`
	}
	check(t, xml.Unmarshal([]byte(inner(t, b.post(t, envelope("GetServiceInfo", "", "")), "GetServiceInfo")), &info))
	if info.Provider != "Smith & Sons <Ltd>" || info.Local != "Büro 短信" || info.English != info.Local {
		t.Errorf("got %+v", info)
	}
}

func TestARequestOfMoreThanTwoMegabytesIsRefused(t *testing.T) {
	b := newBox(t)
	for size, want := range map[int]int{2 << 20: http.StatusOK, 2<<20 + 1: http.StatusInternalServerError} {
		body := envelope("GetServiceInfo", "", "")
		body += strings.Repeat(" ", size-len(body))
		if r := b.post(t, body); r.StatusCode != want {
			t.Errorf("%d bytes got %s, want %d", size, r.Status, want)
		}
	}
}

// TestAnswersHaveTheFormOfASPNET compares with what an ASP.NET web service was seen to write
// around its results.
func TestAnswersHaveTheFormOfASPNET(t *testing.T) {
	const before = `<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"` +
		` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"><soap:Body>`
	const after = `</soap:Body></soap:Envelope>`
	tests := []struct{ name, body, want string }{
		{"a result", envelope("DeliverXms", "xmsData", ""), before + `<DeliverXmsResponse xmlns="http://schemas.microsoft.com/office/Outlook/2006/OMS"><DeliverXmsResult>` +
			`&lt;xmsResponse xmlns="http://schemas.microsoft.com/office/Outlook/2006/OMS"&gt;&lt;error code="ok" severity="neutral" /&gt;&lt;/xmsResponse&gt;` +
			`</DeliverXmsResult></DeliverXmsResponse>` + after},
		{"a fault", envelope("Nope", "", ""), before + `<soap:Fault><faultcode>soap:Client</faultcode>` +
			`<faultstring>This web service has no such operation.</faultstring><detail /></soap:Fault>` + after},
	}
	b := newBox(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := io.ReadAll(b.post(t, test.body).Body)
			check(t, err)
			if string(got) != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestAProbeQueuesNothingAndChecksNoPassword(t *testing.T) {
	b := newBox(t)
	for _, body := range []string{"", "\r\n", envelope("DeliverXms", "xmsData", ""), envelope("SendXms", "xmsData", " "), envelope("GetUserInfo", "xmsUser", "")} {
		if r := b.post(t, body); r.StatusCode != http.StatusOK {
			t.Errorf("%q got %s", body, r.Status)
		}
	}
	if n := b.queued(t); n != 0 {
		t.Errorf("%d deliveries were queued", n)
	}
	if b.log.Len() != 0 {
		t.Errorf("the log has %s", b.log)
	}
}

func TestAChunkedRequestWithoutSOAPAction(t *testing.T) {
	server := httptest.NewServer(newBox(t).handler)
	defer server.Close()
	body, err := os.ReadFile("testdata/GetUserInfo-sample.request")
	check(t, err)
	r, err := http.Post(server.URL, "text/xml", io.MultiReader(bytes.NewReader(body[:100]), bytes.NewReader(body[100:])))
	check(t, err)
	defer r.Body.Close()
	if got := inner(t, r, "GetUserInfo"); !strings.Contains(got, `code="ok"`) {
		t.Errorf("got %s", got)
	}
}
