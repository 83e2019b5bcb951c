package oms_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"omsbox/oms"
	"omsbox/store"
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
	t.Parallel()
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
	t.Parallel()
	_, body := newBox(t).get(t, http.MethodGet, `/oms/"><script>alert(1)</script>.asmx`)
	if strings.Contains(body, "<script>") {
		t.Errorf("the page runs what stands in its address:\n%s", body)
	}
}

func TestTheWSDLSaysWhatIsAnsweredAndWhere(t *testing.T) {
	t.Parallel()
	type binding struct {
		Operations []struct {
			Name   string `xml:"name,attr"`
			SOAP11 action `xml:"http://schemas.xmlsoap.org/wsdl/soap/ operation"`
			SOAP12 action `xml:"http://schemas.xmlsoap.org/wsdl/soap12/ operation"`
		} `xml:"operation"`
	}
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
			Bindings  []binding `xml:"binding"`
			Addresses []struct {
				XMLName  xml.Name
				Location string `xml:"location,attr"`
			} `xml:"service>port>address"`
		}
		check(t, xml.Unmarshal([]byte(body), &d))
		if len(d.Addresses) != 2 || len(d.Bindings) != 2 || len(d.Elements) != 10 {
			t.Fatalf("%d addresses, %d bindings, %d elements", len(d.Addresses), len(d.Bindings), len(d.Elements))
		}
		for _, a := range d.Addresses {
			if want := "http://sms.example.org:8080/OMS/Service.asmx"; a.Location != want {
				t.Errorf("the address is %s, want %s", a.Location, want)
			}
		}
		for i, binding := range d.Bindings {
			if len(binding.Operations) != 5 {
				t.Errorf("%d operations", len(binding.Operations))
			}
			for _, o := range binding.Operations {
				if got := []action{o.SOAP11, o.SOAP12}[i]; got.Action != namespace+"/"+o.Name || got.Style != "document" {
					t.Errorf("%s has %+v", o.Name, got)
				}
				if r := b.post(t, envelope(o.Name, "", "")); r.StatusCode != http.StatusOK {
					t.Errorf("%s is in the WSDL and answers %s", o.Name, r.Status)
				}
			}
		}
	}
	if _, body := b.get(t, http.MethodGet, "/oms/service.asmx?disco"); !strings.Contains(body, "<h1>") {
		t.Errorf("?disco got %s", body)
	}
}

// action is what a WSDL says of an operation in one version of SOAP.
type action struct {
	Action string `xml:"soapAction,attr"`
	Style  string `xml:"style,attr"`
}

func TestOtherMethods(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
	b := newBox(t)
	tests := []struct {
		name, host, target string
		tls                bool
		want, signUp       string
	}{
		{"plain", "sms.example.org", "/oms/service.asmx", false, "http://sms.example.org/oms/service.asmx", "http://sms.example.org/"},
		{"TLS", "sms.example.org", "/oms/service.asmx", true, "https://sms.example.org/oms/service.asmx", "https://sms.example.org/"},
		{"capitals and a port", "SMS.Example.org:8443", "/OMS/Service.ASMX", true,
			"https://SMS.Example.org:8443/OMS/Service.ASMX", "https://SMS.Example.org:8443/"},
		{"escapes and a query", "box", "/oms%2Fservice.asmx?x=1", false, "http://box/oms%2Fservice.asmx", "http://box/"},
		{"IPv4", "192.0.2.1", "/oms/service.asmx", false, "http://192.0.2.1/oms/service.asmx", "http://192.0.2.1/"},
		{"IPv6", "[2001:db8::1]:8080", "/oms/service.asmx", false, "http://[2001:db8::1]:8080/oms/service.asmx", "http://[2001:db8::1]:8080/"},
		{"through a proxy", "box", "http://box/oms/service.asmx", false, "http://box/oms/service.asmx", "http://box/"},
		{"no host", "", "/oms/service.asmx", false, "http://localhost/oms/service.asmx", "http://localhost/"},
		{"a host with markup", `x"><y>`, "/oms/service.asmx", false, "http://localhost/oms/service.asmx", "http://localhost/"},
		{"a host with a user", "user@box", "/oms/service.asmx", false, "http://localhost/oms/service.asmx", "http://localhost/"},
		{"a host with a bad port", "box:80a", "/oms/service.asmx", false, "http://localhost/oms/service.asmx", "http://localhost/"},
		{"a host with half a bracket", "[::1", "/oms/service.asmx", false, "http://localhost/oms/service.asmx", "http://localhost/"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, test.target, strings.NewReader(envelope("GetServiceInfo", "", "")))
			r.Host, r.TLS = test.host, nil
			if test.tls {
				r.TLS = &tls.ConnectionState{}
			}
			if uri, signUp := b.addresses(t, r); uri != test.want || signUp != test.signUp {
				t.Errorf("got %s and %s, want %s and %s", uri, signUp, test.want, test.signUp)
			}
		})
	}
}

// addresses returns the serviceUri and the signUpPage in the answer to a GetServiceInfo.
func (b *box) addresses(t testing.TB, r *http.Request) (uri, signUp string) {
	t.Helper()
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	var info struct {
		XMLName    xml.Name `xml:"http://schemas.microsoft.com/office/Outlook/2006/OMS/serviceInfo serviceInfo"`
		ServiceUri string   `xml:"serviceUri"`
		SignUpPage string   `xml:"signUpPage"`
	}
	check(t, xml.Unmarshal([]byte(inner(t, w.Result(), "GetServiceInfo")), &info))
	return info.ServiceUri, info.SignUpPage
}

// What the front door says of a request, and where the service can be reached for good.
func TestTheCanonicalAddressIsGivenWhereHalfAnAddressWasTyped(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	check(t, b.SetFront(t.Context(), store.Front{Origin: "https://sms.example.org:8443"}))
	const canonical = "https://sms.example.org:8443/oms/service.asmx"
	tests := []struct{ name, scheme, host, target, want string }{
		{"the whole address", "https", "box.local", "/OMS/service.asmx", "https://box.local/OMS/service.asmx"},
		{"behind a proxy without TLS", "http", "192.0.2.7:8080", "/oms/service.asmx", "http://192.0.2.7:8080/oms/service.asmx"},
		{"the host alone", "http", "box.local", "/", canonical},
		{"the folder", "https", "box.local", "/oms", canonical},
		{"the folder and a slash", "https", "box.local", "/OMS/?x", canonical},
		{"a host that is none", "https", "a b", "/oms/service.asmx", canonical},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, test.target, strings.NewReader(envelope("GetServiceInfo", "", "")))
			r.URL.Scheme, r.Host = test.scheme, test.host
			if uri, signUp := b.addresses(t, r); uri != test.want || signUp != "https://sms.example.org:8443/" {
				t.Errorf("got %s and %s, want %s", uri, signUp, test.want)
			}
			w := httptest.NewRecorder()
			r = httptest.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSuffix(test.target, "?x")+"?wsdl", nil)
			r.URL.Scheme, r.Host = test.scheme, test.host
			b.handler.ServeHTTP(w, r)
			if !strings.Contains(w.Body.String(), `<soap:address location="`+test.want+`" />`) {
				t.Errorf("the WSDL has another address than %s:\n%s", test.want, w.Body)
			}
		})
	}
}

func TestOldProgramsAreNotSentToADoorThatTheyCannotOpen(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	check(t, b.SetFront(t.Context(), store.Front{Origin: "https://sms.example.org"}))
	b.handler = oms.New(b.Store, slog.New(slog.DiscardHandler)).OldPrograms()
	for _, test := range []struct{ name, scheme, host, target, want string }{
		{"the whole address", "https", "box.local:8443", "/OMS/service.asmx", "https://box.local:8443/OMS/service.asmx"},
		{"half of it", "https", "box.local:8443", "/oms", "https://box.local:8443/oms/service.asmx"},
		{"without TLS", "http", "192.0.2.7", "/", "http://192.0.2.7/oms/service.asmx"},
		{"a host that is none", "https", "a b", "/", "https://sms.example.org/oms/service.asmx"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, test.target, strings.NewReader(envelope("GetServiceInfo", "", "")))
			r.URL.Scheme, r.Host = test.scheme, test.host
			if uri, signUp := b.addresses(t, r); uri != test.want || signUp != "https://sms.example.org/" {
				t.Errorf("got %s and %s, want %s", uri, signUp, test.want)
			}
		})
	}
}

func TestOtherAddressesHaveAPageForPeople(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	for _, path := range []string{"/oms/nobody/service.asmx", "/oms/service.asmx/DeliverXms", "/oms/x", "/oms//service.asmx", "/omsx/service.asmx"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r, body := b.get(t, method, path)
			if r.StatusCode != http.StatusNotFound || !strings.Contains(body, "<h1>There is no such service</h1>") {
				t.Errorf("%s %s got %s: %s", method, path, r.Status, body)
			}
		}
	}
}

func TestTheClientsOfAServiceThatIsTakenOutAreToldThatItHasEnded(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	post := func(operation, parameter, argument string) *http.Response {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oms/Sales/service.asmx",
			strings.NewReader(envelope(operation, parameter, argument)))
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, r)
		return w.Result()
	}
	page := func(query string) string {
		t.Helper()
		r, body := b.get(t, http.MethodGet, "/oms/sales/service.asmx"+query)
		if r.StatusCode != http.StatusOK {
			t.Errorf("the page got %s", r.Status)
		}
		return body
	}
	hello := message{to: []string{phone}, parts: []string{"hello"}}
	deliver := func(m message) string {
		t.Helper()
		return result(t, post("DeliverXms", "xmsData", m.String()), "DeliverXms").String()
	}
	set("services", "sales", "service.name/sales", "Sales texts", "oms.recipients/sales", "7")(t, b)
	check(t, b.SawService(t.Context(), b.user.ID, "sales"))
	description := inner(t, post("GetServiceInfo", "", ""), "GetServiceInfo")
	if got := deliver(hello); got != "ok/neutral" {
		t.Fatalf("a message got %s", got)
	}
	set("services", "")(t, b)
	guess := hello
	guess.password = "guess"
	for _, m := range []message{hello, guess} { // it needs no password, and costs none
		if got := deliver(m); got != "ceasedService/failure" {
			t.Errorf("DeliverXms got %s", got)
		}
	}
	if got := result(t, post("SendXms", "xmsData", hello.String()), "SendXms").String(); got != "ceasedService/failure" {
		t.Errorf("SendXms got %s", got)
	}
	user := strings.NewReplacer("xmsData", "xmsUser", "<user>", "", "</user>",
		"").Replace(hello.String()[:strings.Index(hello.String(), "<xmsHead>")] + "</xmsData>")
	if got := inner(t, post("GetUserInfo", "xmsUser", user), "GetUserInfo"); !strings.Contains(got,
		`<error code="ceasedService" severity="failure" />`) {
		t.Errorf("GetUserInfo got %s", got)
	}
	item := hello.String()[strings.Index(hello.String(), "<xmsData"):]
	batch := fmt.Sprintf(`<xmsBatch xmlns=%q>%s%s</xmsBatch>`, namespace, item, item)
	if got := inner(t, post("DeliverXmsBatch", "packageXml", batch), "DeliverXmsBatch"); strings.Count(got,
		`<error code="ceasedService" severity="failure" />`) != 2 {
		t.Errorf("DeliverXmsBatch got %s", got)
	}
	if got := inner(t, post("GetServiceInfo", "", ""), "GetServiceInfo"); got != description {
		t.Errorf("it describes itself as\n%s\nand did as\n%s", got, description)
	}
	if got := page(""); !strings.Contains(got, "<h1>Sales texts: this service has ended</h1>") || strings.Contains(got, "add an account") {
		t.Errorf("the page is\n%s", got)
	}
	if got := page("?wsdl"); !strings.Contains(got, `location="http://sms.example.org:8080/oms/sales/service.asmx"`) {
		t.Errorf("the WSDL is\n%s", got)
	}
	if n := b.queued(t); n != 1 {
		t.Errorf("%d deliveries wait, want the one of before", n)
	}
	set("services", "sales")(t, b)
	if got := deliver(hello); got != "ok/neutral" {
		t.Errorf("when it is back, a message got %s", got)
	}
	if got := page(""); !strings.Contains(got, "<h1>Sales texts</h1>") {
		t.Errorf("when it is back, the page is\n%s", got)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		method, path string
		want         bool
	}{
		{"GET", "/oms/service.asmx", true},
		{"PUT", "/OMS/Service.ASMX", true},
		{"POST", "/oms/sales/service.asmx", true}, // there may be such a service, or a page that says there is none
		{"POST", "/", true},
		{"GET", "/", false},
		{"GET", "/oms", true},
		{"POST", "/Oms/", true},
		{"POST", "/oms/other", false},
		{"POST", "/oms/a/b/service.asmx", false},
		{"POST", "/omsx/service.asmx", false},
		{"GET", "/service.asmx", false},
		{"POST", "/oms/servİce.asmx", false}, // whose small letter is i
		{"POST", "/omſ", false},              // whose capital is S
		{"POST", "/omſ/service.asmx", false},
		{"GET", "/oms/service.asmx/DeliverXms", false},
		{"POST", "", false},
	}
	for _, test := range tests {
		if got := oms.Answers(test.method, test.path); got != test.want {
			t.Errorf("%s %s: got %v", test.method, test.path, got)
		}
	}
}

func TestGetServiceInfoNamesTheServiceAsSet(t *testing.T) {
	t.Parallel()
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

func TestARequestOfMoreThanEightMegabytesIsRefused(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	const fault = "<faultstring>The request is larger than 8 MB. Nothing was sent; hand over fewer messages at a time.</faultstring>"
	for size, want := range map[int]int{8 << 20: http.StatusOK, 8<<20 + 1: http.StatusInternalServerError, 10 << 20: http.StatusInternalServerError} {
		for _, known := range []bool{true, false} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oms/service.asmx", strings.NewReader(padded(size)))
			if !known {
				r.ContentLength = -1
			}
			w := httptest.NewRecorder()
			b.handler.ServeHTTP(w, r)
			if w.Code != want || want != http.StatusOK && !strings.Contains(w.Body.String(), fault) {
				t.Errorf("%d bytes got %d: %s, want %d", size, w.Code, w.Body, want)
			}
		}
	}
	if line := "msg=\"a request is larger than any may be\" part=oms from=192.0.2.1:1234 octets=10485760 " +
		"most=8388608\n"; !strings.Contains(b.log.String(), line) {
		t.Errorf("the log has no %s: %s", line, b.log)
	}
}

// Most clients write all of their request before they look for an answer.
func TestWhoSendsFarTooMuchReadsTheFault(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(newBox(t).handler)
	defer server.Close()
	for _, size := range []int{10 << 20, 32 << 20} {
		body := make([]byte, size)
		for range 20 {
			r, err := http.Post(server.URL, "text/xml", bytes.NewReader(body))
			check(t, err)
			answer, err := io.ReadAll(r.Body)
			check(t, err)
			check(t, r.Body.Close())
			if r.StatusCode != http.StatusInternalServerError || !strings.Contains(string(answer), "larger than 8 MB") {
				t.Fatalf("%d octets got %s: %s", size, r.Status, answer)
			}
			conn := dial(t, server, fmt.Sprintf("POST / HTTP/1.1\r\nHost: box\r\nContent-Length: %d\r\n\r\n", size))
			_, err = conn.Write(body)
			check(t, err)
			if r, err = http.ReadResponse(bufio.NewReader(conn), nil); err != nil || r.StatusCode != http.StatusInternalServerError {
				t.Fatalf("who wrote %d octets first got %v, %v", size, r, err)
			}
			check(t, conn.Close())
		}
	}
}

// It has as much as the limits can be set to, in the characters that take the most.
func TestTheFullestMessageHasRoomInARequest(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	check(t, b.ProveMMS(t.Context(), "sim"))
	for key, value := range map[string]string{
		"oms.recipients": "1000", "oms.parts": "100", "oms.summary-parts": "100", "oms.sbcs": "7650", "oms.dbcs": "3350",
		"mms.recipients": "1000", "mms.size": "768KB", "mms.slides": "100",
	} {
		check(t, b.Set(t.Context(), key, value))
	}
	quotes := func(n int) string { return strings.Repeat("¤", n) }
	several := message{parts: slices.Repeat([]string{quotes(7650)}, 100)}
	chinese := message{parts: slices.Repeat([]string{strings.Repeat("¶", 3350)}, 100)}
	picture := message{format: "MMS", parts: append(slices.Repeat([]string{quotes(1000)}, 299), quotes(768<<10-299_000))}
	for name, m := range map[string]message{"texts": several, "Chinese texts": chinese, "a multimedia message": picture} {
		for n := range 1000 {
			m.to = append(m.to, fmt.Sprintf("%0200d", n))
		}
		body := envelope("DeliverXms", "xmsData", m.String())
		body = strings.NewReplacer("¤", "&amp;quot;", "¶", "&amp;#x4E2D;").Replace(body)
		if got := result(t, b.post(t, body), "DeliverXms").String(); !strings.HasPrefix(got, "invalidRecipient/") {
			t.Errorf("%s in %d octets got %.100s", name, len(body), got)
		}
	}
}

// TestAnswersHaveTheFormOfASPNET compares with what an ASP.NET web service was seen to write
// around its results.
func TestAnswersHaveTheFormOfASPNET(t *testing.T) {
	t.Parallel()
	const before11 = `<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"` +
		` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"><soap:Body>`
	const before12 = `<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope"` +
		` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"><soap:Body>`
	const after = `</soap:Body></soap:Envelope>`
	const result = `<DeliverXmsResponse xmlns="http://schemas.microsoft.com/office/Outlook/2006/OMS"><DeliverXmsResult>` +
		`&lt;xmsResponse xmlns="http://schemas.microsoft.com/office/Outlook/2006/OMS"&gt;&lt;error code="ok" severity="neutral" /&gt;&lt;/xmsResponse&gt;` +
		`</DeliverXmsResult></DeliverXmsResponse>`
	tests := []struct{ name, file, want string }{
		{"a result", "DeliverXms-empty-string-1.1", before11 + result + after},
		{"a result in SOAP 1.2", "DeliverXms-empty-string-1.2", before12 + result + after},
		{"a fault", "unknown-operation", before11 + `<soap:Fault><faultcode>soap:Client</faultcode>` +
			`<faultstring>This web service has no such operation.</faultstring><detail /></soap:Fault>` + after},
		{"a fault in SOAP 1.2", "malformed-1.2", before12 + `<soap:Fault><soap:Code><soap:Value>soap:Sender</soap:Value></soap:Code>` +
			`<soap:Reason><soap:Text xml:lang="en">The request is no SOAP envelope: not well-formed XML at line 1.</soap:Text></soap:Reason><soap:Detail /></soap:Fault>` + after},
		{"a header that is not understood", "mustUnderstand-1.2",
			before12 + `<soap:Fault><soap:Code><soap:Value>soap:MustUnderstand</soap:Value></soap:Code>` +
				`<soap:Reason><soap:Text xml:lang="en">A SOAP header was not understood.</soap:Text></soap:Reason></soap:Fault>` + after},
	}
	b := newBox(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			b.handler.ServeHTTP(w, stored(t, read(t, "testdata/"+test.file+".request")))
			if got := w.Body.String(); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestAProbeQueuesNothingAndChecksNoPassword(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	for _, body := range []string{
		"", "\r\n", envelope("DeliverXms", "xmsData", ""), envelope("SendXms", "xmsData", " "), envelope("GetUserInfo", "xmsUser", ""),
		envelope("DeliverXmsBatch", "packageXml", ""), envelope("DeliverXmsBatch", "", ""), envelope("GetUserInfo", "", ""),
	} {
		for range 20 { // more wrong passwords than go unpunished
			if r := b.post(t, body); r.StatusCode != http.StatusOK {
				t.Errorf("%q got %s", body, r.Status)
			}
		}
	}
	if n := b.queued(t); n != 0 {
		t.Errorf("%d deliveries were queued", n)
	}
	if b.log.Len() != 0 {
		t.Errorf("the log has %s", b.log)
	}
	if got := b.deliver(t, message{to: []string{"+447911123456"}, parts: []string{"hello"}}).String(); got != "ok/neutral" {
		t.Errorf("behind the probes, a message got %s", got)
	}
}

func TestAChunkedRequestWithoutSOAPAction(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(newBox(t).handler)
	defer server.Close()
	body := envelope("GetUserInfo", "xmsUser", read(t, "testdata/sample.xmsUser"))
	r, err := http.Post(server.URL, "text/xml", io.MultiReader(strings.NewReader(body[:100]), strings.NewReader(body[100:])))
	check(t, err)
	defer r.Body.Close()
	if got := inner(t, r, "GetUserInfo"); !strings.Contains(got, `code="ok"`) {
		t.Errorf("got %s", got)
	}
}
