package oms_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"omsbox/oms"
)

// BenchmarkDeliverXms posts messages of one part to one phone each over loopback, on connections that are
// kept, with a password that was proved before. The commits that it begins with are the least that the
// store can do, one row each with synchronous=FULL: they say what the disk allows, and "×commit" is how
// many messages are taken in the time of one.
func BenchmarkDeliverXms(b *testing.B) {
	var alone float64
	b.Run("commits", func(b *testing.B) {
		s := newBox(b).Store
		alone = share(b, 1, "commits/s", func(_ int, n int64) error {
			return s.SetHealth(b.Context(), "benchmark", true, fmt.Sprint(n))
		})
	})
	for _, clients := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			box := newBox(b)
			server := httptest.NewServer(box.handler)
			defer server.Close()
			lines := make([]*line, clients)
			for i := range lines {
				lines[i] = call(b, server.Listener.Addr().String())
			}
			check(b, lines[0].send(0))
			rate := share(b, clients, "msgs/s", func(client int, n int64) error { return lines[client].send(n) })
			if alone > 0 {
				b.ReportMetric(rate/alone, "×commit")
			}
		})
	}
}

// line is a connection of a client that costs little itself: its requests differ in five digits alone.
type line struct {
	net.Conn
	in      *bufio.Reader
	request string // with "NNNNN" for the digits
}

func call(t testing.TB, address string) *line {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", address)
	check(t, err)
	t.Cleanup(func() { conn.Close() })
	l := &line{Conn: conn, in: bufio.NewReader(conn)}
	l.as(message{})
	return l
}

// as makes what is sent from now on the messages of who m is.
func (l *line) as(m message) {
	m.to, m.parts = []string{"+4479111NNNNN"}, []string{"Meet me at the station, platform NNNNN."}
	body := envelope("DeliverXms", "xmsData", m.String())
	l.request = fmt.Sprintf("POST /oms/service.asmx HTTP/1.1\r\nHost: sms.example.org\r\nContent-Type: text/xml; "+
		"charset=utf-8\r\nSOAPAction: %s\r\nContent-Length: %d\r\n\r\n%s",
		oms.Action("DeliverXms"), len(body), body)
}

// send posts a message with digits of its own, and fails unless the answer is ok.
func (l *line) send(n int64) error {
	if _, err := io.WriteString(l, strings.ReplaceAll(l.request, "NNNNN", fmt.Sprintf("%05d", n%100_000))); err != nil {
		return err
	}
	r, err := http.ReadResponse(l.in, nil)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	answer, err := io.ReadAll(r.Body)
	if err == nil && !strings.Contains(string(answer), `code="ok"`) {
		err = fmt.Errorf("got %s: %s", r.Status, answer)
	}
	return err
}

// share has b.N pieces of work done by so many at once, and reports their rate and how long one in a
// hundred takes at least.
func share(b *testing.B, workers int, unit string, work func(worker int, n int64) error) (rate float64) {
	var next atomic.Int64
	var done sync.WaitGroup
	took := make([]time.Duration, b.N)
	b.ResetTimer()
	for worker := range workers {
		done.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				start := time.Now()
				if err := work(worker, n); err != nil {
					b.Error(err)
					return
				}
				took[n-1] = time.Since(start)
			}
		})
	}
	done.Wait()
	b.StopTimer()
	slices.Sort(took)
	rate = float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(rate, unit)
	b.ReportMetric(float64(took[b.N*99/100])/1e6, "p99-ms")
	return rate
}

// BenchmarkParse is what it takes to understand the message of BenchmarkDeliverXms: its envelope, and the
// document within.
func BenchmarkParse(b *testing.B) {
	document := message{to: []string{"+447911123456"}, parts: []string{"Meet me at the station, platform 9."}}.String()
	b.Run("envelope", func(b *testing.B) {
		text := []byte(envelope("DeliverXms", "xmsData", document))
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := oms.ParseEnvelope(text, "text/xml; charset=utf-8", ""); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("xmsData", func(b *testing.B) {
		b.SetBytes(int64(len(document)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := oms.ParseXMSData(document); err != nil {
				b.Fatal(err)
			}
		}
	})
}
