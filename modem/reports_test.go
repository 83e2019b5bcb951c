package modem_test

import (
	"testing"
	"time"

	"omsbox/modem/simulator"
	"omsbox/modem/sms"
	"omsbox/store"
)

// The modem answers the PDU with an unknown error, and 20 s later the report says that it was delivered.
func TestARefusalWhoseReportComesAllTheSame(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{"+CMS ERROR: 500", "+CMS ERROR: unknown error", "+CMS ERROR: 300", "+CMS ERROR: 513", "+CME ERROR: 100", "ERROR"} {
		t.Run(answer, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{ReportDelay: 20 * time.Second}, patient)
				b.is(t, time.Minute, "ready", ready)
				b.sim.Misbehave(simulator.Once(simulator.AtResult, simulator.Fault{Answer: answer}))
				id := b.write(t, "hello", number)
				after(10 * time.Second)
				b.becomes(t, id, store.Unconfirmed)
				after(2 * time.Hour)
				if d := b.becomes(t, id, store.Delivered); d.Attempts != 1 || b.sim.Count() != 1 {
					t.Errorf("it was handed over %d times, and taken %d times", d.Attempts, b.sim.Count())
				}
			})
		})
	}
}

// Nor does a refusal of the network stand against the report of what it refused: the tries end.
func TestAReportEndsTheTriesOfATextThatWaits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, answer string
		delay        time.Duration
		taken        int
	}{
		{"before the second try", "+CMS ERROR: 41", 3 * time.Second, 1},
		{"after the third try, which was refused too", "+CMS ERROR: 42", 40 * time.Second, 3},
		{"a modem that took its own refusal back", "+CMS ERROR: 302", 3 * time.Second, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{ReportDelay: c.delay}, patient)
				b.is(t, time.Minute, "ready", ready)
				b.sim.Misbehave(always(simulator.AtResult, simulator.Fault{Answer: c.answer}))
				id := b.write(t, "hello", number)
				after(6 * time.Hour)
				if d := b.becomes(t, id, store.Delivered); d.Attempts != c.taken || b.sim.Count() != c.taken {
					t.Errorf("it was handed over %d times, and taken %d times, want %d", d.Attempts, b.sim.Count(), c.taken)
				}
			})
		})
	}
}

// Two answers that are late for two segments in doubt give each its own TP-MR.
func TestTwoLateAnswersForTwoDoubts(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{ReportDelay: 1000 * time.Hour, FirstMR: 40}, patient)
		b.is(t, time.Minute, "ready", ready)
		b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
			if m.Point != simulator.AtResult || m.N > 2 {
				return simulator.Fault{}
			}
			return simulator.Fault{Late: []time.Duration{300 * time.Second, 170 * time.Second}[m.N-1]}
		})
		first, second := b.write(t, "first", number), b.write(t, "second", number)
		after(4*time.Minute + 40*time.Second) // both were given up, the first after 2 min 15 s
		if n := b.states(t, []int64{first, second}); n[store.Unconfirmed] != 2 {
			t.Fatalf("they are %v, want both in doubt", n)
		}
		after(time.Minute)
		if n := b.states(t, []int64{first, second}); n[store.Sent] != 2 {
			t.Fatalf("they are %v, want both sent", n)
		}
		for _, report := range []struct {
			mr          byte
			first, then store.State
		}{{41, store.Sent, store.Delivered}, {40, store.Delivered, store.Delivered}} {
			tpdu, err := sms.StatusReport{MR: report.mr, To: number, SCTS: time.Now()}.TPDU()
			check(t, err)
			check(t, b.Report(t.Context(), "001010123456789", tpdu))
			b.becomes(t, first, report.first)
			b.becomes(t, second, report.then)
		}
	})
}
