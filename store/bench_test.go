//go:build linux

package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"omsbox/store"
)

// BenchmarkClaim measures what a segment costs the store: the result of one and the attempt of the
// next in one commit. Neither a long queue nor a long history may make it slower; with -short the
// histories are small.
func BenchmarkClaim(b *testing.B) {
	histories := []int{0, 20_000, 1_000_000}
	if testing.Short() {
		histories = histories[:2]
	}
	var alone time.Duration
	for _, c := range []struct{ history, queued int }{{0, 0}, {histories[1], 0}, {0, 100_000}, {histories[len(histories)-1], 100_000}} {
		b.Run(fmt.Sprintf("history=%d/queued=%d", c.history, c.queued), func(b *testing.B) {
			dir := b.TempDir()
			s, err := store.Create(context.Background(), dir, quiet())
			check(b, err)
			defer s.Close()
			remember(b, dir, c.history)
			for n := c.queued + b.N; n > 0; n -= 500 {
				m := store.Message{Source: store.SourceCommand, Parts: []string{"hello"}}
				for i := range min(n, 500) {
					m.To = append(m.To, store.Recipient{Number: fmt.Sprintf("+4479%08d", n+i)})
				}
				_, _, err := s.Enqueue(context.Background(), m)
				check(b, err)
			}
			a, err := s.Claim(context.Background(), "imsi", nil)
			check(b, err)
			start := cpu(b)
			b.ResetTimer()
			for i := range b.N {
				previous := &store.Verdict{Attempt: *a, Outcome: store.Accepted, MR: i % 256}
				if a, err = s.Claim(context.Background(), "imsi", previous); err != nil || a == nil && i < b.N-1 {
					b.Fatalf("claim %d: %+v, %v", i, a, err)
				}
			}
			b.StopTimer()
			each := b.Elapsed() / time.Duration(b.N)
			if c.history+c.queued == 0 {
				alone = each
			}
			b.ReportMetric(float64((cpu(b)-start).Microseconds())/float64(b.N), "µs-cpu/op")
			b.ReportMetric(float64(each)/float64(alone), "×empty")
		})
	}
}

// BenchmarkCommit measures the least that any commit costs here: one row.
func BenchmarkCommit(b *testing.B) {
	s := open(b)
	b.ResetTimer()
	start := cpu(b)
	for i := range b.N {
		check(b, s.SetHealth(context.Background(), "x", true, fmt.Sprint(i)))
	}
	b.ReportMetric(float64((cpu(b)-start).Microseconds())/float64(b.N), "µs-cpu/op")
}

// BenchmarkEnqueue measures what a recipient of a long list costs.
func BenchmarkEnqueue(b *testing.B) {
	s := open(b)
	b.ResetTimer()
	for n := b.N; n > 0; n -= 1000 {
		m := store.Message{Source: store.SourceCommand, Parts: []string{"hello"}}
		for i := range min(n, 1000) {
			m.To = append(m.To, store.Recipient{Number: fmt.Sprintf("+4479%08d", n+i)})
		}
		_, _, err := s.Enqueue(context.Background(), m)
		check(b, err)
	}
}

// BenchmarkDrain100000 drains a queue of 100,000 texts and says how much memory that takes.
func BenchmarkDrain100000(b *testing.B) {
	const queued = 100_000
	for range b.N {
		s := open(b)
		for i := range queued / 500 {
			m := store.Message{Source: store.SourceCommand, Parts: []string{"hello"}}
			for j := range 500 {
				m.To = append(m.To, store.Recipient{Number: fmt.Sprintf("+4479%08d", i*500+j)})
			}
			_, _, err := s.Enqueue(context.Background(), m)
			check(b, err)
		}
		b.ResetTimer()
		var previous *store.Verdict
		most := 0
		for i := 0; ; i++ {
			a, err := s.Claim(context.Background(), "imsi", previous)
			check(b, err)
			if a == nil {
				break
			}
			previous = &store.Verdict{Attempt: *a, Outcome: store.Accepted, MR: i % 256}
			if i%5000 == 0 {
				most = max(most, resident(b))
			}
		}
		b.ReportMetric(float64(queued)/b.Elapsed().Seconds(), "segments/s")
		b.ReportMetric(float64(most)/(1<<20), "MiB-resident")
	}
}

// remember writes a history of texts that were sent, straight into the database: queuing and
// sending a million would take a quarter of an hour.
func remember(b *testing.B, dir string, texts int) {
	db, err := sql.Open("sqlite", filepath.Join(dir, store.File)+"?_pragma=busy_timeout(10000)")
	check(b, err)
	defer db.Close()
	const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)`
	for _, insert := range []string{
		`INSERT INTO messages (id, source, client, source_type, answer, created) ` + numbers + ` SELECT i, 'command', '', '', 1, i FROM n WHERE ?1 > 0`,
		`INSERT INTO deliveries (id, message_id, sender, recipient, typed, state, bulk, route, ahead, behind, due, expires, attempts, retries, reason, sim, notice, settled, updated) ` +
			numbers + ` SELECT i, i, 0, '+4478' || printf('%08d', i % 5000), '', 'sent', 0, '', 0, 0, i, i, 1, 0, '', 'imsi', 0, i, i FROM n WHERE ?1 > 0`,
		`INSERT INTO segments (delivery_id, part, tpdu, state, sim, mr, handed, settled) ` +
			numbers + ` SELECT i, 1, randomblob(40), 'sent', 'imsi', i % 256, i, i FROM n WHERE ?1 > 0`,
		`INSERT INTO traffic (at, event, delivery_id, number, detail) ` + numbers + ` SELECT i, 'sent', i, '+447800000000', '' FROM n WHERE ?1 > 0`,
	} {
		_, err := db.Exec(insert, texts)
		check(b, err)
	}
}

// cpu is how long this process has worked.
func cpu(b testing.TB) time.Duration {
	var used syscall.Rusage
	check(b, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// resident is how much memory this process has, in octets.
func resident(b *testing.B) int {
	runtime.GC()
	text, err := os.ReadFile("/proc/self/status")
	check(b, err)
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	var kib int
	_, err = fmt.Sscan(rest, &kib)
	check(b, err)
	return kib << 10
}
