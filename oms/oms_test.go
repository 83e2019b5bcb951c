package oms_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"omsbox/oms"
	"omsbox/store"
)

var update = flag.Bool("update", false, "write the golden answers anew")

const namespace = "http://schemas.microsoft.com/office/Outlook/2006/OMS"

// box is a store with one user and the service on it.
type box struct {
	*store.Store
	user    store.User
	log     *bytes.Buffer // what the service logged, at every level
	handler http.Handler
}

// newBox returns a box in which DeliverXms does not wait for a modem.
func newBox(t testing.TB, options ...store.Option) *box {
	t.Helper()
	return newBoxIn(t, t.TempDir(), options...)
}

// newBoxIn returns one on the database in a directory, with a modem that is in a network.
func newBoxIn(t testing.TB, dir string, options ...store.Option) *box {
	t.Helper()
	b := newBoxWithoutModem(t, dir, options...)
	check(t, b.SetModem(t.Context(), store.Modem{Device: "sim", Up: true, IMSI: "234150000000000"}))
	return b
}

func newBoxWithoutModem(t testing.TB, dir string, options ...store.Option) *box {
	t.Helper()
	options = append([]store.Option{store.WithPasswordCost(64, 1)}, options...)
	s, err := store.Create(context.Background(), dir, slog.New(slog.DiscardHandler), options...)
	check(t, err)
	b := &box{Store: s, log: &bytes.Buffer{}}
	t.Cleanup(func() { s.Close() })
	for key, value := range map[string]string{"oms.wait": "0", "sms.region": "GB", "mail.domain": "sms.example.org"} {
		check(t, s.Set(t.Context(), key, value))
	}
	b.user, err = s.AddUser(t.Context(), store.User{Login: "myname", Phone: "+447911000001", Mail: "ann@example.org"}, "mypwd")
	check(t, err)
	b.handler = oms.New(s, slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	return b
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// escaped is text as it stands in XML.
func escaped(text string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(text))
	return b.String()
}

// envelope is a SOAP 1.1 request as a .NET client writes it.
func envelope(operation, parameter, argument string) string {
	wrapped := fmt.Sprintf("<%s xmlns=%q />", operation, namespace)
	if parameter != "" {
		wrapped = fmt.Sprintf("<%[1]s xmlns=%[2]q><%[3]s>%[4]s</%[3]s></%[1]s>", operation, namespace, parameter, escaped(argument))
	}
	return `<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"` +
		` xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>` +
		wrapped + `</soap:Body></soap:Envelope>`
}

// message is an xmsData to fill in.
type message struct {
	login     string   // "": myname
	password  string   // "": mypwd
	to        []string // recipients
	parts     []string
	scheduled string
	format    string // "": SMS
	source    string
}

func (m message) String() string {
	if m.login == "" {
		m.login = "myname"
	}
	if m.password == "" {
		m.password = "mypwd"
	}
	if m.format == "" {
		m.format = "SMS"
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="utf-16"?><xmsData client="Microsoft Office Outlook 14.0" xmlns=%q>`, namespace)
	fmt.Fprintf(&b, `<user><userId>%s</userId><password>%s</password><replyPhone/><customData/></user><xmsHead>`, escaped(m.login), escaped(m.password))
	if m.scheduled != "" {
		fmt.Fprintf(&b, `<scheduled>%s</scheduled>`, m.scheduled)
	}
	fmt.Fprintf(&b, `<requiredService>%s_SENDER</requiredService><sourceType>%s</sourceType><to>`, m.format, m.source)
	for _, to := range m.to {
		fmt.Fprintf(&b, `<recipient>%s</recipient>`, escaped(to))
	}
	fmt.Fprintf(&b, `</to></xmsHead><xmsBody format="%s">`, m.format)
	for i, text := range m.parts {
		fmt.Fprintf(&b, `<content contentType="text/plain" contentId="Att%d.txt@AB1B43B2B0594564.B94EF7ABB12B49BA" contentLocation="%d.txt">%s</content>`,
			i, i+1, escaped(text))
	}
	b.WriteString(`</xmsBody></xmsData>`)
	return b.String()
}

// post sends a body to the service and returns the answer.
func (b *box) post(t testing.TB, body string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/OMS/Service.asmx", strings.NewReader(body))
	r.Host = "sms.example.org"
	r.Header.Set("Content-Type", "text/xml; charset=utf-8")
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	return w.Result()
}

// deliver sends a message and returns its xmsResponse.
func (b *box) deliver(t testing.TB, m message) xmsResponse {
	t.Helper()
	return result(t, b.post(t, envelope("DeliverXms", "xmsData", m.String())), "DeliverXms")
}

// xmsResponse is what a client understands of the document of that name.
type xmsResponse struct {
	XMLName xml.Name        `xml:"http://schemas.microsoft.com/office/Outlook/2006/OMS xmsResponse"`
	Errors  []responseError `xml:"http://schemas.microsoft.com/office/Outlook/2006/OMS error"`
}

type responseError struct {
	Code       string `xml:"code,attr"`
	Severity   string `xml:"severity,attr"`
	Content    string `xml:"http://schemas.microsoft.com/office/Outlook/2006/OMS content"`
	Recipients string `xml:"http://schemas.microsoft.com/office/Outlook/2006/OMS recipientList"`
}

func (r xmsResponse) String() string {
	var lines []string
	for _, e := range r.Errors {
		lines = append(lines, strings.TrimRight(fmt.Sprintf("%s/%s %s|%s", e.Code, e.Severity, e.Content, e.Recipients), " |"))
	}
	return strings.Join(lines, "\n")
}

// inner returns the result string of an answer.
func inner(t testing.TB, r *http.Response, operation string) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	check(t, err)
	if r.StatusCode != http.StatusOK {
		t.Fatalf("got %s: %s", r.Status, body)
	}
	var e struct {
		XMLName xml.Name `xml:"http://schemas.xmlsoap.org/soap/envelope/ Envelope"`
		Body    struct {
			Wrapper struct {
				XMLName xml.Name
				Result  struct {
					XMLName xml.Name
					Text    string `xml:",chardata"`
				} `xml:",any"`
			} `xml:",any"`
		} `xml:"http://schemas.xmlsoap.org/soap/envelope/ Body"`
	}
	check(t, xml.Unmarshal(body, &e))
	wrapper, result := e.Body.Wrapper.XMLName, e.Body.Wrapper.Result.XMLName
	if want := (xml.Name{Space: namespace, Local: operation + "Response"}); wrapper != want {
		t.Errorf("the wrapper is %v, want %v", wrapper, want)
	}
	if want := (xml.Name{Space: namespace, Local: operation + "Result"}); result != want {
		t.Errorf("the result is %v, want %v", result, want)
	}
	return e.Body.Wrapper.Result.Text
}

func result(t testing.TB, r *http.Response, operation string) (v xmsResponse) {
	t.Helper()
	check(t, xml.Unmarshal([]byte(inner(t, r, operation)), &v))
	return v
}

// queued counts the deliveries that wait for a modem.
func (b *box) queued(t testing.TB) int {
	t.Helper()
	backlog, err := b.Backlog(t.Context())
	check(t, err)
	return backlog.Queued
}

// stored is a request as it stands in testdata: its header, an empty line, and all that follows is its body.
func stored(t testing.TB, text string) *http.Request {
	t.Helper()
	in := bufio.NewReader(strings.NewReader(text))
	r, err := http.ReadRequest(in)
	check(t, err)
	r.Body, r.ContentLength = io.NopCloser(in), -1
	return r.WithContext(t.Context())
}

// TestGolden answers each testdata/NAME.request with testdata/NAME.answer.
func TestGolden(t *testing.T) {
	t.Parallel()
	requests, err := filepath.Glob("testdata/*.request")
	check(t, err)
	if len(requests) < 10 {
		t.Fatalf("only %d requests", len(requests))
	}
	b := newBox(t)
	for _, path := range requests {
		name := strings.TrimSuffix(filepath.Base(path), ".request")
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			b.handler.ServeHTTP(w, stored(t, read(t, path)))
			r := w.Result()
			answer, err := io.ReadAll(r.Body)
			check(t, err)
			if got := r.Header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control is %q, want no-store", got)
			}
			if got := r.Header.Get("Content-Length"); got != fmt.Sprint(len(answer)) {
				t.Errorf("Content-Length is %s, want %d", got, len(answer))
			}
			got := fmt.Sprintf("%d %s\n\n%s\n", r.StatusCode, r.Header.Get("Content-Type"), answer)
			golden := "testdata/" + name + ".answer"
			if *update {
				check(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			if errors.Is(err, os.ErrNotExist) {
				t.Fatalf("there is no %s: write it with -update, and read it", golden)
			}
			check(t, err)
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}
