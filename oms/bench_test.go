package oms_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"omsbox/oms"
)

// BenchmarkDeliverXms posts messages of one part to one phone over loopback, with a password that
// was proved before. The commits beside it are the least that the store can do, one row each with
// synchronous=FULL: they say what the disk allows.
func BenchmarkDeliverXms(b *testing.B) {
	for _, clients := range []int{1, 16} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			box := newBox(b)
			server := httptest.NewServer(box.handler)
			defer server.Close()
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
			defer client.CloseIdleConnections()
			send := func(n int64) error {
				m := message{to: []string{"+447911123456"}, parts: []string{fmt.Sprintf("Meet me at the station, platform %d.", n)}}
				r, err := client.Post(server.URL, "text/xml; charset=utf-8", strings.NewReader(envelope("DeliverXms", "xmsData", m.String())))
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
			check(b, send(0))
			share(b, clients, "msgs/s", send)
		})
	}
	for _, writers := range []int{1, 16} {
		b.Run(fmt.Sprintf("commits/writers=%d", writers), func(b *testing.B) {
			s := newBox(b).Store
			share(b, writers, "commits/s", func(n int64) error {
				return s.SetHealth(b.Context(), "benchmark", true, fmt.Sprint(n))
			})
		})
	}
}

// share has b.N pieces of work done by so many at once, and reports the rate.
func share(b *testing.B, workers int, unit string, work func(n int64) error) {
	var next atomic.Int64
	var done sync.WaitGroup
	b.ResetTimer()
	for range workers {
		done.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				if err := work(n); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	done.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), unit)
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
