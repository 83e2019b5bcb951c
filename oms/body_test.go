package oms_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
)

// dial opens a connection to a server and writes to it.
func dial(t testing.TB, server *httptest.Server, text string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	check(t, err)
	t.Cleanup(func() { conn.Close() })
	_, err = io.WriteString(conn, text)
	check(t, err)
	return conn.(*net.TCPConn)
}

func TestARequestThatDoesNotArriveWholeIsNoProbe(t *testing.T) {
	t.Parallel()
	const post = "POST /oms/service.asmx HTTP/1.1\r\nHost: box\r\n"
	tests := []struct {
		name, request string
		finished      bool // the client says that no more will come
		want          int
	}{
		{"a short body", post + "Content-Length: 100\r\n\r\nhalf", true, http.StatusBadRequest},
		{"no body where one was announced", post + "Content-Length: 100\r\n\r\n", true, http.StatusBadRequest},
		{"a short large body", post + "Content-Length: 100000\r\n\r\n" + strings.Repeat("x", 70_000), true, http.StatusBadRequest},
		{"a chunk without a size", post + "Transfer-Encoding: chunked\r\n\r\nx\r\n", false, http.StatusBadRequest},
		{"chunks without an end", post + "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", true, http.StatusBadRequest},
		{"half a chunk", post + "Transfer-Encoding: chunked\r\n\r\n8\r\nhalf", true, http.StatusBadRequest},
		{"an empty body", post + "Content-Length: 0\r\nConnection: close\r\n\r\n", false, http.StatusOK},
	}
	server := httptest.NewServer(newBox(t).handler)
	defer server.Close()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			conn := dial(t, server, test.request)
			if test.finished {
				check(t, conn.CloseWrite())
			}
			r, err := http.ReadResponse(bufio.NewReader(conn), nil)
			check(t, err)
			body, err := io.ReadAll(r.Body)
			check(t, err)
			if r.StatusCode != test.want || !r.Close {
				t.Errorf("got %s, closing: %v; want %d, closing", r.Status, r.Close, test.want)
			}
			if test.want != http.StatusOK && !strings.HasSuffix(string(body), "Nothing was sent.\n") {
				t.Errorf("got %q, want a sentence", body)
			}
		})
	}
}

// heap returns how much memory is in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A request that is understood takes at most three times its size, or its size as UTF-8 where that is more.
func TestALargeRequestTakesAtMostThreeTimesItsSize(t *testing.T) {
	const size = 2 << 20
	xmsData := func(text string, times int) string {
		return envelope("DeliverXms", "xmsData", "<xmsData>"+strings.Repeat(text, times)+"</xmsData>")
	}
	one := func(m message, text string) string {
		m.to, m.parts = []string{"+447911123456"}, []string{"@"}
		document := envelope("DeliverXms", "xmsData", m.String())
		text = strings.ReplaceAll(escaped(escaped(text)), "\xff", "&amp;") // escaped once less than it may be
		return strings.Replace(document, "&gt;@&lt;", "&gt;"+strings.Repeat(text, (size-len(document))/len(text))+"&lt;", 1)
	}
	items := func(one string) string {
		return envelope("DeliverXmsBatch", "packageXml", batch(strings.Repeat(one, (size-2000)/(len(escaped(one))+1))))
	}
	signs := func(n int) string { // recipients of so many, in CDATA sections within one
		var to []string
		for i := range 50 {
			to = append(to, fmt.Sprintf("<![CDATA[%s%d]]]]><![CDATA[>", strings.Repeat("&", n), i))
		}
		one := strings.Replace(item(`id="0"`, message{to: []string{"nobody"}, parts: []string{"x"}}), "nobody",
			strings.Join(to, "</recipient><recipient>"), 1)
		return strings.Replace(envelope("DeliverXmsBatch", "packageXml", "@"), "@", "<![CDATA["+batch(strings.Repeat(one,
			(size-2000)/(len(one)+1)))+"]]>", 1)
	}
	long := message{to: []string{"nobody"}, parts: slices.Repeat([]string{strings.Repeat("x", 1500)}, 20)}
	comment := envelope("DeliverXms", "xmsData", "")
	fill := strings.Repeat("x", size-1000)
	doubled := fill[:size/2+10]
	tests := []struct{ name, body string }{
		{"one huge part", one(message{}, "Meet me at the station. ")},
		{"one huge part of signs that are escaped", one(message{}, "<&>\"\n")},
		{"one huge part of signs that are escaped once", one(message{}, "\xff")},
		{"one huge part of Chinese", one(message{}, "我们在车站见面。")},
		{"one huge part of Chinese and signs", one(message{}, strings.Repeat("中", 40)+"&")},
		{"one huge part in CDATA sections", strings.Replace(comment, "<xmsData></xmsData>", "<xmsData><![CDATA[<xmsData><xmsBody format='SMS'><content>"+
			strings.Repeat("Meet me at the station &amp; ", size/35)+"]]]]>&gt;<![CDATA["+strings.Repeat("x",
			size/10)+"</content></xmsBody></xmsData>]]></xmsData>", 1)},
		{"a picture in base64 with line breaks", one(message{format: "MMS"}, strings.Repeat("QUJD", 19)+" ")},
		{"a batch of ordinary messages", items(item(`id="{4E2D4E2D-4E2D-4E2D-4E2D-4E2D4E2D4E2D}"`,
			message{to: []string{"+447911123456"}, parts: []string{"Someone has edited <Contract & Co.doc>."}}))},
		{"a batch of long messages", items(item(`id="0"`, long))},
		{"a batch of far too many", items(item(`id="0"`, message{}))},
		{"a batch of almost empty ones", items(`<xmsData id="0">` + strings.Repeat("x", 170) + `</xmsData>`)},
		{"a batch of empty ones", items(`<xmsData id="0"/>`)},
		{"a batch of far too long ids", items(`<xmsData id="` + strings.Repeat(">", 8000) + `"/>`)},
		{"a batch of ids of quotation marks", items(`<xmsData id='` + strings.Repeat(`"`, 40) + `'>` + strings.Repeat("x", 130) + `</xmsData>`)},
		{"a batch of recipients of signs", signs(290)},
		{"a long recipient", strings.Replace(envelope("DeliverXms", "xmsData", message{to: []string{"no number"}, parts: []string{"Hello"}}.String()),
			"no number", strings.Repeat(">", size-2000), 1)},
		{"a long comment", strings.Replace(comment, "<soap:Body>", "<!--"+fill+"--><soap:Body>", 1)},
		{"a comment for which a buffer that doubles has just grown", strings.Replace(comment, "<soap:Body>", "<!--"+doubled+"--><soap:Body>", 1)},
		{"white space before the envelope", strings.Repeat(" ", len(doubled)) + comment[strings.Index(comment, "<soap:"):]},
		{"white space behind the envelope", comment + strings.Repeat("\n", size-1000)},
		{"white space before the document", envelope("DeliverXms", "xmsData", strings.Repeat(" ", size-1000)+"<xmsData/>")},
		{"white space behind the document", envelope("DeliverXms", "xmsData", "<xmsData/>"+strings.Repeat(" ", size-1000))},
		{"much that means nothing", envelope("DeliverXms", "xmsData", strings.Replace(message{}.String(), "<customData/>",
			"<customData>"+doubled+"</customData>", 1))},
		{"much that means nothing, in a CDATA section", envelope("DeliverXms", "xmsData",
			strings.Replace(message{}.String(), "<replyPhone/>", "<replyPhone><![CDATA["+doubled+"]]></replyPhone>", 1))},
		{"a long processing instruction", strings.Replace(comment, "<soap:Body>", "<?"+fill+"?><soap:Body>", 1)},
		{"a long document type", "<!DOCTYPE " + fill + ">" + comment},
		{"a long name", "<" + fill + "/>"},
		{"a million attributes", "<a" + strings.Repeat(` a=""`, size/5-100) + "/>"},
		{"a million namespaces", strings.Repeat("<a"+strings.Repeat(` xmlns:a=""`, 60)+">", size/700)},
		{"a million elements", strings.Replace(comment, "<soap:Body>", strings.Repeat("<element/>", size/10-200)+"<soap:Body>", 1)},
		{"very deep", strings.Repeat("<a>", size/3-10)},
		{"UTF-8", xmsData("x", size-800)},
		{"UTF-16", utf16Of(binary.LittleEndian, xmsData("x", size/2-400))},
		{"UTF-16 of Chinese", utf16Of(binary.BigEndian, xmsData("中", size/2-400))},
		{"UTF-16 of Chinese that is escaped", utf16Of(binary.LittleEndian, xmsData("中文 &amp; 中文", size/40))},
		{"Windows-1252", windows1252 + strings.ReplaceAll(xmsData("Gr@@e aus K@ln, ", size/16-60), "@", "\xfc")},
		{"Windows-1252 that is three times as large in UTF-8", windows1252 + strings.ReplaceAll(xmsData("@", size-1000), "@", "\x80")},
	}
	b := newBox(t)
	defer debug.SetGCPercent(debug.SetGCPercent(2))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if len(test.body) > size || len(test.body) < size/3 {
				t.Fatalf("the request has %d bytes", len(test.body))
			}
			share := len(test.body)
			if strings.HasPrefix(test.body, windows1252) {
				share += strings.Count(test.body, "\xfc") + 2*strings.Count(test.body, "\x80")
			} else if test.name == "UTF-16 of Chinese" {
				share += share / 2
			}
			// On a busy machine the garbage collector comes late, and what it has not collected yet counts. It
			// never comes too early: so the least of many tries is what the request takes.
			times := float64(b.peak(t, test.body)) / float64(share)
			for n := 1; n < 200 && times > 3; n++ {
				times = min(times, float64(b.peak(t, test.body))/float64(share))
			}
			t.Logf("it takes %.2f times its size", times)
			if times > 3 {
				t.Errorf("it takes %.2f times its size", times)
			}
		})
	}
}

// windows1252 is how a request in that encoding may begin.
const windows1252 = `<?xml version="1.0" encoding="windows-1252"?>`

// peak returns the most memory that was in use while a body was posted.
func (b *box) peak(t *testing.T, body string) (most int64) {
	before := heap()
	done := make(chan struct{})
	go func() {
		defer close(done)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oms/service.asmx", strings.NewReader(body))
		b.handler.ServeHTTP(deaf{http.Header{}}, r)
	}()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	for {
		select {
		case <-done:
			return most
		default:
			metrics.Read(sample)
			most = max(most, int64(sample[0].Value.Uint64())-before)
		}
	}
}

// deaf is a client that keeps nothing of its answer.
type deaf struct{ header http.Header }

func (d deaf) Header() http.Header         { return d.header }
func (d deaf) Write(p []byte) (int, error) { return len(p), nil }
func (d deaf) WriteHeader(int)             {}

// Room is made for what an element holds, not for all that is left of the request: of many empty ones
// that would be thousands of times its size, and minutes.
func TestManyEmptyElementsCostLittle(t *testing.T) {
	const many = 1000
	fill := "<!--" + strings.Repeat("x", 1_000_000) + "-->"
	empty := func(name string) string {
		return strings.Repeat("<"+name+"/>", many) + strings.Repeat("<"+name+"></"+name+">", many) + fill
	}
	body := message{to: []string{"+447911123456"}, parts: []string{"Hello"}}.String()
	tests := []struct{ name, body string }{
		{"recipients", envelope("DeliverXms", "xmsData", strings.Replace(body, "<to>", "<to>"+empty("recipient"), 1))},
		{"contents", envelope("DeliverXms", "xmsData", strings.Replace(body, "</xmsBody>", empty("content")+"</xmsBody>", 1))},
		{"passwords", envelope("GetUserInfo", "xmsUser", "<xmsUser>"+empty("password")+"</xmsUser>")},
		{"parameters", strings.Replace(envelope("DeliverXms", "xmsData", ""), "<xmsData></xmsData>", empty("xmsData"), 1)},
	}
	b := newBox(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if len(test.body) < 1_000_000 {
				t.Fatalf("the request has %d bytes", len(test.body))
			}
			b.deliver(t, message{to: []string{"+447911123456"}, parts: []string{"Hello"}}) // the password is proved by now
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			b.post(t, test.body)
			runtime.ReadMemStats(&after)
			if times := float64(after.TotalAlloc-before.TotalAlloc) / float64(len(test.body)); times > 20 {
				t.Errorf("it allocates %.0f times its size", times)
			}
		})
	}
}
