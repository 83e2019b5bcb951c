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
	"sync"
	"testing"
	"time"
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
		{"a body that does not go on", post + "Content-Length: 100\r\n\r\nhalf", false, http.StatusRequestTimeout},
		{"an empty body", post + "Content-Length: 0\r\nConnection: close\r\n\r\n", false, http.StatusOK},
	}
	server := httptest.NewUnstartedServer(newBox(t).handler)
	server.Config.ReadTimeout = 100 * time.Millisecond
	server.Start()
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

func TestManyLargeRequestsShareTheirMemory(t *testing.T) {
	const many, size, places = 40, 2 << 20, 8
	for _, kind := range []string{fmt.Sprintf("Content-Length: %d", size), "Transfer-Encoding: chunked"} {
		t.Run(kind, func(t *testing.T) {
			server := httptest.NewServer(newBox(t).handler)
			defer server.Close()
			text := envelope("GetServiceInfo", "", "")
			text += strings.Repeat(" ", size-len(text))
			first, last, end := text[:size-1], text[size-1:], ""
			if strings.HasPrefix(kind, "Transfer-Encoding") {
				first, last, end = fmt.Sprintf("%x\r\n%s", size, first), last+"\r\n", "0\r\n\r\n"
			}
			before := heap()
			finish := make(chan struct{})
			refused := make(chan *http.Response, many)
			ok := make(chan *http.Response, many)
			var clients sync.WaitGroup
			for range many {
				conn := dial(t, server, "POST / HTTP/1.1\r\nHost: box\r\nConnection: close\r\n"+kind+"\r\n\r\n")
				clients.Go(func() {
					defer conn.Close()
					answer := make(chan *http.Response, 1)
					go func() {
						r, err := http.ReadResponse(bufio.NewReader(conn), nil)
						if err != nil {
							t.Error(err)
						}
						answer <- r
					}()
					io.WriteString(conn, first)
					select {
					case r := <-answer:
						refused <- r
						return
					case <-finish:
					}
					io.WriteString(conn, last+end)
					ok <- <-answer
				})
			}
			for range many - places {
				r := <-refused
				if r == nil || r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") != "5" {
					t.Fatalf("got %+v, want 503", r)
				}
			}
			if used := heap() - before; used > 40<<20 {
				t.Errorf("they take %d MiB", used>>20)
			}
			// One of ordinary size is not kept waiting.
			r, err := http.Post(server.URL, "text/xml", strings.NewReader(envelope("GetServiceInfo", "", "")))
			check(t, err)
			inner(t, r, "GetServiceInfo")
			r.Body.Close()
			close(finish)
			for range places {
				if r := <-ok; r == nil || r.StatusCode != http.StatusOK {
					t.Errorf("got %+v, want 200", r)
				}
			}
			clients.Wait()
			// And the next of them has its share.
			r, err = http.Post(server.URL, "text/xml", strings.NewReader(text))
			check(t, err)
			inner(t, r, "GetServiceInfo")
			r.Body.Close()
		})
	}
}

// A request that is understood takes at most three times its share: its size, or as UTF-8 half as
// much again. What the collector is late with comes on top here.
func TestTheLargestRequestTakesLittleMemory(t *testing.T) {
	const largest = 2 << 20
	xmsData := func(text string, times int) string {
		return envelope("DeliverXms", "xmsData", "<xmsData>"+strings.Repeat(text, times)+"</xmsData>")
	}
	picture := message{to: []string{"+447911123456"}, format: "MMS", parts: []string{strings.Repeat(strings.Repeat("QUJD", 19)+" ", 27_000)}}
	items := func(one string) string {
		return envelope("DeliverXmsBatch", "packageXml", batch(strings.Repeat(one, (largest-2000)/len(escaped(one)))))
	}
	comment := envelope("DeliverXms", "xmsData", "")
	fill := strings.Repeat("x", largest-1000)
	tests := []struct{ name, body string }{
		{"a picture in base64 with line breaks", envelope("DeliverXms", "xmsData", picture.String())},
		{"a batch of many messages", items(item(`id="0"`, message{to: []string{"nobody"}, parts: slices.Repeat([]string{strings.Repeat("x", 1500)}, 20)}))},
		{"a batch of far too many", items(item(`id="0"`, message{}))},
		{"a batch of almost empty ones", items(`<xmsData id="0">` + strings.Repeat("x", 292) + `</xmsData>`)},
		{"a batch of empty ones", items(`<xmsData id="0"/>`)},
		{"a batch of far too long ids", items(`<xmsData id="` + strings.Repeat(">", 8000) + `"/>`)},
		{"a long recipient", strings.Replace(envelope("DeliverXms", "xmsData", message{to: []string{"no number"}, parts: []string{"Hello"}}.String()),
			"no number", strings.Repeat(">", largest-2000), 1)},
		{"a long comment", strings.Replace(comment, "<soap:Body>", "<!--"+fill+"--><soap:Body>", 1)},
		{"a long processing instruction", strings.Replace(comment, "<soap:Body>", "<?"+fill+"?><soap:Body>", 1)},
		{"a long document type", "<!DOCTYPE " + fill + ">" + comment},
		{"a long name", "<" + fill + "/>"},
		{"a million attributes", "<a" + strings.Repeat(` a=""`, largest/5-100) + "/>"},
		{"a million namespaces", strings.Repeat("<a"+strings.Repeat(` xmlns:a=""`, 60)+">", largest/700)},
		{"a million elements", strings.Replace(comment, "<soap:Body>", strings.Repeat("<element/>", largest/10-200)+"<soap:Body>", 1)},
		{"very deep", strings.Repeat("<a>", largest/3-10)},
		{"UTF-8", xmsData("x", largest-800)},
		{"UTF-16", utf16Of(binary.LittleEndian, xmsData("x", largest/2-400))},
		{"UTF-16 that is larger in UTF-8", utf16Of(binary.LittleEndian, xmsData("中", largest/3-400))},
	}
	b := newBox(t)
	defer debug.SetGCPercent(debug.SetGCPercent(2))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if len(test.body) > largest || len(test.body) < largest/2 {
				t.Fatalf("the request has %d bytes", len(test.body))
			}
			times := 4.0
			for n := 0; n < 3 && times > 3; n++ {
				times = float64(b.peak(t, test.body)) / float64(min(len(test.body)*3/2, largest))
			}
			t.Logf("it takes %.1f times its share", times)
			if times > 3.5 {
				t.Errorf("it takes %.1f times its share", times)
			}
		})
	}
}

// peak returns the most memory that was in use while a body was posted.
func (b *box) peak(t *testing.T, body string) (most int64) {
	before := heap()
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.post(t, body)
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
