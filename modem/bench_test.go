package modem_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"omsbox/modem"
	"omsbox/modem/simulator"
	"omsbox/store"
)

// BenchmarkCommitToModem measures how long it takes from the moment in which a message is handed to
// the store, its commit included, to the first byte of its AT+CMGS on the modem's line: the median is
// to be 20 ms at most.
func BenchmarkCommitToModem(b *testing.B) {
	began := make(chan time.Time, 1)
	bench := connect(b, simulator.Options{})
	bench.becomes(b, bench.write(b, "warm", number), store.Delivered)
	bench.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
		if m.Point == simulator.AtCommand && len(m.Line) > 8 && m.Line[:8] == "AT+CMGS=" {
			began <- time.Now()
		}
		return simulator.Fault{}
	})
	var took []time.Duration
	b.ResetTimer()
	for i := range b.N {
		start := time.Now()
		id := bench.write(b, fmt.Sprint("text ", i), number)
		took = append(took, (<-began).Sub(start))
		b.StopTimer()
		bench.becomes(b, id, store.Delivered)
		b.StartTimer()
	}
	slices.Sort(took)
	median := took[len(took)/2]
	b.ReportMetric(float64(median.Microseconds())/1000, "ms/median")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms/p99")
	b.ReportMetric(0, "ns/op")
	if median > 20*time.Millisecond {
		b.Errorf("the median is %v", median)
	}
}

// BenchmarkDrain200 measures how fast a queue of 200 messages is sent, beside the rate of the modem
// alone: what is ours is to be 2 ms a segment at most.
func BenchmarkDrain200(b *testing.B) {
	const messages = 200
	for _, delay := range []time.Duration{0, 50 * time.Millisecond} {
		b.Run(fmt.Sprintf("modem=%v", delay), func(b *testing.B) {
			for range b.N {
				alone := bareRate(b, delay, messages)
				sim := simulator.New(simulator.Options{SubmitDelay: delay})
				bench := connect(b, simulator.Options{}, func(bench *bench) {
					bench.sim.Close()
					bench.sim = sim
					for i := range messages {
						bench.write(b, fmt.Sprint("text ", i), number)
					}
				})
				bench.waitFor(b, "the first message", func() bool { return sim.Count() >= 1 })
				start := time.Now()
				bench.waitFor(b, "all messages", func() bool { return sim.Count() >= messages })
				each := time.Since(start) / (messages - 1)
				b.ReportMetric(float64(time.Second)/float64(each), "segments/s")
				b.ReportMetric(float64(time.Second)/float64(alone), "modem-alone/s")
				b.ReportMetric(float64((each-alone).Microseconds())/1000, "ms-ours/segment")
				b.ReportMetric(0, "ns/op")
				if each-alone > 2*time.Millisecond {
					b.Errorf("ours is %v a segment", each-alone)
				}
			}
		})
	}
}

// bareRate is the time that a segment takes with a simulated modem and nothing that is durable.
func bareRate(b *testing.B, delay time.Duration, messages int) time.Duration {
	sim := simulator.New(simulator.Options{SubmitDelay: delay})
	defer sim.Close()
	var port io.ReadWriteCloser
	port, err := sim.Open()
	check(b, err)
	s := modem.NewSession(port, impatient(), quiet())
	defer s.Close()
	check(b, modem.Prepare(context.Background(), s))
	hex, octets := pdu(b, number, "text")
	start := time.Now()
	for range messages {
		_, err := s.Submit(context.Background(), hex, octets)
		check(b, err)
	}
	return time.Since(start) / time.Duration(messages)
}
