// The CPU time of a process is asked for as Unix has it.

//go:build unix

package modem_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"omsbox/modem"
	"omsbox/modem/simulator"
	"omsbox/store"
)

// The figures that the radio side is held to. The machine that measures them is not always alone:
// a benchmark fails only where it misses its figure by far, and reports what it measured.
const (
	wantedRate   = 2000                 // segments a second through one modem that answers at once
	wantedShare  = 0.97                 // of the rate of a modem that takes 50 ms for a segment
	wantedCPU    = time.Millisecond     // for a segment, without the simulator's
	wantedFirst  = 5 * time.Millisecond // from the hand-over of a message to its first byte on the line, median
	wantedModems = 15                   // times the rate of one, with sixteen
	byFar        = 4
)

// BenchmarkDrain measures how fast one modem drains a queue, beside two limits of the same moment:
// the AT dialogue alone, with nothing durable, and commits of a single row alone.
func BenchmarkDrain(b *testing.B) {
	for _, c := range []struct {
		name     string
		delay    time.Duration // of the network for each segment
		reports  time.Duration
		segments int
	}{
		{"at once", 0, 1000 * time.Hour, 6000},
		{"at once, with reports", 0, 0, 6000},
		{"50 ms", 50 * time.Millisecond, 1000 * time.Hour, 300},
	} {
		b.Run(c.name, func(b *testing.B) {
			var rates, alone, shares, cpus []float64
			for range b.N {
				options := simulator.Options{SubmitDelay: c.delay, ReportDelay: c.reports}
				bare := dialogueRate(b, options, c.segments)
				rate, cpu := drain(b, options, 1, c.segments)
				rates, alone = append(rates, rate), append(alone, bare)
				shares = append(shares, rate/bare)
				cpus = append(cpus, float64(cpu-simulatorCPU(b, options, c.segments))/float64(time.Millisecond)/float64(c.segments))
			}
			b.ReportMetric(median(rates), "segments/s")
			b.ReportMetric(median(alone), "AT-alone/s")
			b.ReportMetric(median(cpus), "CPU-ms/segment")
			b.ReportMetric(0, "ns/op")
			if c.delay == 0 {
				b.ReportMetric(commitRate(b), "commits-alone/s")
				if median(rates) < wantedRate/byFar {
					b.Errorf("%.0f segments/s, want %d", median(rates), wantedRate)
				}
			} else {
				b.ReportMetric(100*median(shares), "%of-the-modem")
				if median(shares) < 1-byFar*(1-wantedShare) {
					b.Errorf("%.1f %% of the modem's own rate, want %.0f", 100*median(shares), 100*wantedShare)
				}
			}
			if median(cpus) > byFar*float64(wantedCPU)/float64(time.Millisecond) {
				b.Errorf("%.2f ms of CPU for a segment, want %v", median(cpus), wantedCPU)
			}
		})
	}
}

// BenchmarkSixteenModems measures how many times the rate of one modem sixteen have, each of which
// takes 50 ms for a segment.
func BenchmarkSixteenModems(b *testing.B) {
	options := simulator.Options{SubmitDelay: 50 * time.Millisecond, ReportDelay: 1000 * time.Hour}
	var times, rates []float64
	for range b.N {
		one, _ := drain(b, options, 1, 200)
		sixteen, _ := drain(b, options, 16, 16*200)
		rates, times = append(rates, sixteen), append(times, sixteen/one)
	}
	b.ReportMetric(median(rates), "segments/s")
	b.ReportMetric(median(times), "times-one")
	b.ReportMetric(0, "ns/op")
	if median(times) < wantedModems/byFar {
		b.Errorf("sixteen modems are %.1f times as fast as one, want %d", median(times), wantedModems)
	}
}

// BenchmarkCommitToFirstByte measures how long it takes from the moment in which a message is handed
// to the store, its commit included, to the first byte of its AT+CMGS on the modem's line.
func BenchmarkCommitToFirstByte(b *testing.B) {
	began := make(chan time.Time, 1)
	bench := connect(b, simulator.Options{})
	bench.becomes(b, bench.write(b, "warm", number), store.Delivered)
	bench.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
		if m.Point == simulator.AtCommand && len(m.Line) > 8 && m.Line[:8] == "AT+CMGS=" {
			began <- time.Now()
		}
		return simulator.Fault{}
	})
	var took []float64
	b.ResetTimer()
	for i := range max(b.N, 100) {
		start := time.Now()
		id := bench.write(b, fmt.Sprint("text ", i), number)
		took = append(took, float64((<-began).Sub(start))/float64(time.Millisecond))
		bench.becomes(b, id, store.Delivered)
	}
	b.ReportMetric(median(took), "ms/median")
	b.ReportMetric(took[len(took)*99/100], "ms/p99")
	b.ReportMetric(0, "ns/op")
	if median(took) > byFar*float64(wantedFirst)/float64(time.Millisecond) {
		b.Errorf("the median is %.1f ms, want %v", median(took), wantedFirst)
	}
}

// drain queues so many messages of one segment, starts the modems, and returns how many a second
// the SMSC took between the first and the last, and the CPU time of that.
func drain(b *testing.B, options simulator.Options, modems, segments int) (rate float64, cpu time.Duration) {
	b.Helper()
	s, err := store.Create(context.Background(), dataDir(b), quiet())
	check(b, err)
	defer s.Close()
	var writers sync.WaitGroup
	for w := range 50 { // so that they share commits
		writers.Go(func() {
			for i := w; i < segments; i += 50 {
				if _, _, err := s.Enqueue(context.Background(), store.Message{Source: store.SourceCommand,
					Parts: []string{fmt.Sprint("text ", i)}, To: []store.Recipient{{Number: fmt.Sprintf("+4479%08d", i)}}}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	writers.Wait()
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	var sims []*simulator.Simulator
	for i := range modems {
		options := options
		options.IMSI = fmt.Sprintf("0010101234567%02d", i)
		sim := simulator.New(options)
		defer sim.Close()
		sims = append(sims, sim)
		m := modem.New(s, fmt.Sprint("sim", i), func(context.Context) (io.ReadWriteCloser, error) { return sim.Open() }, quiet())
		running.Go(func() { check(b, m.Run(ctx)) })
	}
	taken := func() (n int) {
		for _, sim := range sims {
			n += sim.Count()
		}
		return n
	}
	await := func(n int) {
		for deadline := time.Now().Add(5 * time.Minute); taken() < n; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				b.Fatalf("%d of %d segments left", taken(), segments)
			}
		}
	}
	await(modems) // all are at work
	first, start, used := taken(), time.Now(), processCPU()
	await(segments - modems) // and none is done
	return float64(taken()-first) / time.Since(start).Seconds(), processCPU() - used
}

// dialogueRate is how many segments a second the AT dialogue alone hands to the modem, with nothing
// durable.
func dialogueRate(b *testing.B, options simulator.Options, segments int) float64 {
	b.Helper()
	sim := simulator.New(options)
	defer sim.Close()
	s := session(b, sim)
	hex, octets := pdu(b, number, "text")
	start := time.Now()
	for range segments {
		_, err := s.Submit(context.Background(), hex, octets)
		check(b, err)
	}
	return float64(segments) / time.Since(start).Seconds()
}

// commitRate is how many commits of a single row the store makes in a second.
func commitRate(b *testing.B) float64 {
	b.Helper()
	s, err := store.Create(context.Background(), dataDir(b), quiet())
	check(b, err)
	defer s.Close()
	const commits = 2000
	start := time.Now()
	for i := range commits {
		check(b, s.SetModem(context.Background(), store.Modem{Device: "sim", Signal: i % 32}))
	}
	return commits / time.Since(start).Seconds()
}

// simulatorCPU is the CPU time that the simulator itself takes for so many segments at that pace, and the
// barest of hosts with it.
func simulatorCPU(b *testing.B, options simulator.Options, segments int) time.Duration {
	b.Helper()
	sim := simulator.New(options)
	defer sim.Close()
	port, err := sim.Open()
	check(b, err)
	defer port.Close()
	chunk := make([]byte, 4096)
	say := func(line, until string) {
		_, err := io.WriteString(port, line)
		check(b, err)
		for said := []byte{}; !bytes.Contains(said, []byte(until)); {
			n, err := port.Read(chunk)
			check(b, err)
			said = append(said, chunk[:n]...)
		}
	}
	hex, octets := pdu(b, number, "text")
	for _, line := range []string{"ATE0\r", "AT+CMGF=0\r"} {
		say(line, "OK\r\n")
	}
	used := processCPU()
	for range segments {
		say(fmt.Sprintf("AT+CMGS=%d\r", octets), "> ")
		say(hex+"\x1a", "OK\r\n")
	}
	return processCPU() - used
}

// processCPU is the CPU time of this process so far.
func processCPU() time.Duration {
	var used syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
