//go:build linux

package store_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"omsbox/modem/sms"
	"omsbox/store"
)

// pile puts first segments of two under one reference straight into the database, as they lay there
// before their number was bounded.
func pile(t testing.TB, dir string, segments int) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, store.File)+"?_pragma=busy_timeout(10000)")
	check(t, err)
	defer db.Close()
	all, err := db.Begin()
	check(t, err)
	insert, err := all.Prepare(`INSERT INTO incoming_segments (key, tpdu, sim, sender, ref, total, seq, data, port, sent, kept, repeats, received)
		VALUES (?, ?, 'imsi', ?, 7, 2, 1, 0, 0, ?, 0, 0, ?)`)
	check(t, err)
	for n := range segments {
		after := time.Duration(n) * time.Second
		tpdu := parts(t, words(fmt.Sprint("pile", n), 2), after)[0]
		_, err := insert.Exec(fmt.Appendf(nil, "pile %d", n), tpdu, number, noon.Add(after).UnixMilli(), noon.UnixMilli())
		check(t, err)
	}
	check(t, all.Commit())
}

// costs returns how long this process works, at the least, to store a segment that stays alone.
func costs(t testing.TB, s *store.Store, name string) time.Duration {
	t.Helper()
	least := time.Hour
	for round := range 10 {
		const each = 5
		start := cpu(t)
		for n := range each {
			tpdu := parts(t, words(fmt.Sprint(name, round, n), 2), time.Hour)[0]
			check(t, s.Receive(t.Context(), "imsi", tpdu))
		}
		least = min(least, (cpu(t)-start)/each)
	}
	return least
}

// BenchmarkSegment tells how long a segment takes, and how many times as long among 8700 under its reference.
func BenchmarkSegment(b *testing.B) {
	dir := b.TempDir()
	s := openIn(b, dir)
	alone := costs(b, s, "alone")
	pile(b, dir, 8700)
	b.ResetTimer()
	for n := range b.N {
		check(b, s.Receive(b.Context(), "imsi", parts(b, words(fmt.Sprint("bench", n), 2), time.Hour)[0]))
	}
	b.StopTimer()
	b.ReportMetric(float64(costs(b, s, "among"))/float64(alone), "times-as-long")
}

// What a sender keeps open is bounded. What is over the bound is handed on as it is; nothing is lost.
func TestWhatASenderKeepsOpenIsBounded(t *testing.T) {
	t.Parallel()
	const most, over = 512, 5
	for _, c := range []struct {
		name string
		ref  func(n int) uint16
	}{
		{"under one reference", func(int) uint16 { return 7 }},
		{"under many", func(n int) uint16 { return uint16(n) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := arrive(t)
			var firsts []string
			send := func(from string, n int) {
				d := sms.Deliver{From: from, Text: words(fmt.Sprint("w", n), 2), SCTS: noon.Add(time.Duration(n) * time.Minute), Coding: sms.Coding{WideRef: true}}
				tpdus, err := d.TPDUs(c.ref(n))
				check(t, err)
				a.receive(tpdus[0])
				first, err := sms.ParseDeliver(tpdus[0])
				check(t, err)
				firsts = append(firsts, first.Text)
			}
			for n := range most {
				send(number, n)
			}
			send("+447911000002", 0) // another sender has a bound of its own
			a.texts()
			for n := range over {
				send(number, most+n)
			}
			got := a.got()
			if len(got) != over {
				t.Fatalf("%d are handed on, want %d", len(got), over)
			}
			for n, in := range got { // the oldest first
				if in.Missing != "2 of 2" || in.Text != firsts[n]+"[…]" || in.Sender != number {
					t.Errorf("%d: got %+v", n, in)
				}
			}
			// What was handed on is completed by what comes later all the same.
			d := sms.Deliver{From: number, Text: words("w0", 2), SCTS: noon, Coding: sms.Coding{WideRef: true}}
			tpdus, err := d.TPDUs(c.ref(0))
			check(t, err)
			a.receive(tpdus[1])
			if got := a.got(); len(got) != over+1 || got[over].Text != words("w0", 2) || got[over].Completes != got[0].ID {
				t.Errorf("got %+v", got[over:])
			}
			a.clock.Pass(7 * time.Hour)
			for range 100 {
				if wait, waits, err := a.Overdue(t.Context()); !waits || wait > 0 || err != nil {
					break
				}
			}
			if n := a.incomplete(); n != 0 {
				t.Errorf("%d still wait", n)
			}
			var all int
			for last := int64(0); ; all++ {
				in, err := a.Incoming(t.Context(), last+1)
				if err != nil {
					break
				}
				last = in.ID
			}
			if all != most+over+1+1 {
				t.Errorf("there are %d messages, want %d", all, most+over+2)
			}
		})
	}
}
