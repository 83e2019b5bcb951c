package modem_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"omsbox/modem/simulator"
	"omsbox/store"
)

// A SIM that is known stays itself, though it does not tell its IMSI at one start.
func TestWhatCameMeanwhileIsMailedThoughTheIMSIIsNotToldAtOnce(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]simulator.Fault{
		"an error": {Answer: "+CME ERROR: 13"}, "no answer": {Lose: true}, "a bare error": {Answer: "ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{}, patient)
				known := b.is(t, time.Minute, "ready", ready).IMSI
				after(time.Minute)
				b.sim.Unplug()
				check(t, b.sim.Phone(number).Send("while nobody looked"))
				after(time.Hour)
				done := false
				b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
					if done || m.Point != simulator.AtCommand || m.Line != "AT+CIMI" {
						return simulator.Fault{}
					}
					done = true
					return fault
				})
				b.sim.Plug()
				after(20 * time.Minute)
				rows, err := b.Modems(context.Background())
				check(t, err)
				if row := only(t, rows); row.IMSI != known {
					t.Errorf("20 minutes later the SIM is %q, want %q; remarks %q", row.IMSI, known, row.Remarks)
				}
				got, err := b.Unrouted(context.Background())
				check(t, err)
				if len(got) != 1 || got[0].SIM != known {
					t.Errorf("for the mailbox are %+v", got)
				}
			})
		})
	}
}

// A late answer is that of a segment which is still waited for, not of one that was given up long ago.
func TestALateAnswerIsNotGivenToATextOfMonthsAgo(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{ReportDelay: 1000 * time.Hour}, patient)
		b.is(t, time.Minute, "ready", ready)
		b.sim.Misbehave(simulator.Once(simulator.AtResult, simulator.Fault{Lose: true}))
		old := b.write(t, "of long ago", number)
		b.becomes(t, old, store.Unconfirmed)
		after(30 * time.Hour)
		b.sim.Misbehave(simulator.Once(simulator.AtResult, simulator.Fault{Late: 3 * time.Minute}))
		young := b.write(t, "of today", "+447911000002")
		b.becomes(t, young, store.Unconfirmed)
		after(10 * time.Minute)
		for id, want := range map[int64]store.State{old: store.Unconfirmed, young: store.Sent} {
			d, err := b.Deliveries(context.Background(), id)
			check(t, err)
			if d[0].State != want {
				t.Errorf("the text to %s is %s, want %s", d[0].Recipient, d[0].State, want)
			}
		}
	})
}

// A wrong PIN is given once, also where the SIM does not tell its number each time.
func TestAWrongPINIsNotGivenAgainThoughTheICCIDIsNotTold(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{PIN: "1234"}, patient, func(b *bench) { check(t, b.Set(context.Background(), "sim.pin", "9999")) })
		var given atomic.Int64
		var mute atomic.Bool
		b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
			if m.Point != simulator.AtCommand {
				return simulator.Fault{}
			}
			if strings.HasPrefix(m.Line, "AT+CPIN=") {
				given.Add(1)
			}
			for _, q := range []string{"AT+CCID", "AT+ICCID", "AT^ICCID?", "AT+CICCID", "AT+QCCID", "AT+CRSM"} {
				if mute.Load() && strings.HasPrefix(m.Line, q) {
					return simulator.Fault{Answer: "+CME ERROR: 13"}
				}
			}
			for _, q := range []string{"AT+CPINR", "AT^CPIN?", "AT+QPINC", "AT+SPIC", "AT^SPIC", "AT+UPINCNT", "AT#PCT", "AT+ZPINPUK"} {
				if strings.HasPrefix(m.Line, q) {
					return simulator.Fault{Answer: "ERROR"}
				}
			}
			return simulator.Fault{}
		})
		b.is(t, time.Minute, "barred", barred("refused the PIN"))
		mute.Store(true)
		after(5 * time.Minute)
		if n := given.Load(); n != 1 {
			t.Errorf("the wrong PIN was given %d times", n)
		}
	})
}
