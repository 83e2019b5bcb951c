package modem_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"omsbox/modem/simulator"
	"omsbox/store"
)

// several queues so many texts to as many phones.
func (b *bench) several(t testing.TB, n int) (ids []int64) {
	t.Helper()
	for i := range n {
		ids = append(ids, b.write(t, fmt.Sprint("text ", i), fmt.Sprintf("+4479110000%02d", i)))
	}
	return ids
}

// states counts what became of messages to one phone each.
func (b *bench) states(t testing.TB, ids []int64) map[store.State]int {
	t.Helper()
	n := map[store.State]int{}
	for _, id := range ids {
		d, err := b.Deliveries(context.Background(), id)
		check(t, err)
		n[d[0].State]++
	}
	return n
}

// onlyOnce looks that the SMSC took no text twice.
func (b *bench) onlyOnce(t testing.TB) {
	t.Helper()
	taken := map[string]int{}
	for _, got := range b.sim.Submitted() {
		if key := got.To + ": " + got.Text; taken[key] > 0 {
			t.Errorf("%s was taken again", key)
		} else {
			taken[key]++
		}
	}
}

// restarts counts the restarts of the modem beside another misbehaviour.
func restarts(n *int, fault func(simulator.Moment) simulator.Fault) func(simulator.Moment) simulator.Fault {
	return func(m simulator.Moment) simulator.Fault {
		if m.Point == simulator.AtCommand && strings.HasPrefix(m.Line, "AT+CFUN=1,1") {
			*n++
		}
		return fault(m)
	}
}

// always is a fault at each moment at a point.
func always(point simulator.Point, fault simulator.Fault) func(simulator.Moment) simulator.Fault {
	return func(m simulator.Moment) simulator.Fault {
		if m.Point == point {
			return fault
		}
		return simulator.Fault{}
	}
}

// A modem that refuses one text after the other, until it is restarted, is restarted. Only what may have left
// is in doubt.
func TestAModemInAFeverIsRestarted(t *testing.T) {
	t.Parallel()
	for answer, doubt := range map[string]int{
		"+CMS ERROR: 304": 0, "+CMS ERROR: 305": 0, "+CMS ERROR: invalid PDU mode parameter": 0, "+CME ERROR: 50": 0,
		"+CMS ERROR: 500": 3, "+CMS ERROR: 300": 3, "+CMS ERROR: 777": 3, "+CME ERROR: 100": 3, "ERROR": 3,
	} {
		t.Run(answer, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{Boot: 5 * time.Second}, patient)
				b.becomes(t, b.write(t, "before", number), store.Delivered)
				resets := 0
				b.sim.Misbehave(restarts(&resets, simulator.Once(simulator.AtPrompt, simulator.Fault{Fever: answer})))
				ids := b.several(t, 8)
				after(10 * time.Minute)
				lines, err := b.Lines(t.Context(), 1000)
				check(t, err)
				if !slices.ContainsFunc(lines, func(l store.Line) bool { return l.Event == "alarm" && strings.Contains(l.Detail, "refuses one text") }) {
					t.Error("nobody was told")
				}
				if n := b.states(t, ids); n[store.Unconfirmed] != doubt || n[store.Delivered] != len(ids)-doubt {
					t.Errorf("they are %v, want %d in doubt and the others delivered", n, doubt)
				}
				b.onlyOnce(t)
				if resets != 1 {
					t.Errorf("it was restarted %d times", resets)
				}
				if open := b.alarmed(t); open != nil {
					t.Errorf("the alarms %v are open", open)
				}
			})
		})
	}
}

func TestALoneTextOfAModemInAFever(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, patient)
		b.becomes(t, b.write(t, "before", number), store.Delivered)
		b.sim.Misbehave(simulator.Once(simulator.AtPrompt, simulator.Fault{Fever: "+CMS ERROR: 304"}))
		id := b.write(t, "alone", number)
		after(30 * time.Minute)
		b.becomes(t, id, store.Delivered)
		b.onlyOnce(t)
	})
}

// A modem that nothing cures costs no text: what did not leave waits, and few are put in doubt.
func TestAModemThatStaysIllFailsNoText(t *testing.T) {
	t.Parallel()
	for answer, doubt := range map[string]int{"+CMS ERROR: 304": 0, "+CMS ERROR: 500": 20} {
		t.Run(answer, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{}, patient)
				b.is(t, time.Minute, "ready", ready)
				resets := 0
				b.sim.Misbehave(restarts(&resets, always(simulator.AtPDU, simulator.Fault{Answer: answer})))
				ids := b.several(t, 60)
				after(12 * time.Hour)
				n := b.states(t, ids)
				if n[store.Failed]+n[store.Expired] != 0 || n[store.Unconfirmed] > doubt {
					t.Errorf("they are %v", n)
				}
				if resets < 2 || resets > 8 {
					t.Errorf("in 12 hours it was restarted %d times", resets)
				}
				if got := b.alarmed(t); !slices.Equal(got, []string{"ill"}) {
					t.Errorf("the alarms %v are open", got)
				}
				check(t, b.sim.Phone(number).Send("it still receives"))
				after(2 * time.Minute)
				all, err := b.Unrouted(context.Background())
				check(t, err)
				if len(all) != 1 {
					t.Errorf("%d texts came in", len(all))
				}
				b.sim.Misbehave(nil)
				after(6 * time.Hour)
				if n := b.states(t, ids); n[store.Delivered] != len(ids)-n[store.Unconfirmed] {
					t.Errorf("in the end they are %v", n)
				}
				b.onlyOnce(t)
				if got := b.alarmed(t); got != nil {
					t.Errorf("in the end the alarms %v are open", got)
				}
			})
		})
	}
}

// A modem may call each text an unknown error and send them all. The reports say so; a restart helps nobody.
func TestAModemThatRefusesWhatItSends(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{ReportDelay: 20 * time.Second}, patient)
		b.is(t, time.Minute, "ready", ready)
		resets := 0
		b.sim.Misbehave(restarts(&resets, always(simulator.AtResult, simulator.Fault{Answer: "+CMS ERROR: 500"})))
		ids := b.several(t, 10)
		after(5 * time.Minute) // after each third it waits a minute for a report
		if n := b.states(t, ids); n[store.Delivered] != len(ids) {
			t.Errorf("they are %v", n)
		}
		b.onlyOnce(t)
		if open := b.alarmed(t); resets != 0 || open != nil {
			t.Errorf("it was restarted %d times, and the alarms %v are open", resets, open)
		}
	})
}

// unsendableTo is a number whose texts the modem cannot send, where it misbehaves so.
const unsendableTo = "+447911999999"

func unsendable(m simulator.Moment) simulator.Fault {
	if m.Point == simulator.AtPDU && strings.Contains(string(m.TPDU), "\x97\x11\x99\x99") { // its last digits. 3GPP TS 23.040 9.1.2.3
		return simulator.Fault{Answer: "+CMS ERROR: 304"}
	}
	return simulator.Fault{}
}

// A single text that the modem cannot send is told to its writer, and makes no modem ill.
func TestATextThatTheModemCannotSend(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, patient)
		b.is(t, time.Minute, "ready", ready)
		resets := 0
		b.sim.Misbehave(restarts(&resets, unsendable))
		bad := b.write(t, "cannot be sent", unsendableTo)
		b.several(t, 3)
		after(time.Minute)
		d := b.becomes(t, bad, store.Failed)
		if !strings.Contains(d.Reason, "invalid") {
			t.Errorf("the reason is %q", d.Reason)
		}
		if open := b.alarmed(t); resets != 0 || open != nil {
			t.Errorf("it was restarted %d times, and the alarms %v are open", resets, open)
		}
	})
}

// A report that comes while nothing is sent, because the modem's next restart is not due yet, ends that hold.
func TestAReportEndsTheHoldOfAnIllModem(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{ReportDelay: 5 * time.Minute}, patient)
		b.is(t, time.Minute, "ready", ready)
		resets := 0
		b.sim.Misbehave(restarts(&resets, always(simulator.AtResult, simulator.Fault{Answer: "+CMS ERROR: 500"})))
		b.several(t, 8)
		after(5 * time.Minute)
		if got := b.sim.Count(); got != 5 || resets != 1 {
			t.Errorf("%d texts left, and it was restarted %d times: want three, a restart, and two", got, resets)
		}
		after(3 * time.Minute)
		if got := b.sim.Count(); got != 8 {
			t.Errorf("when the reports have come %d texts left", got)
		}
		if slices.Contains(b.alarmed(t), "modem") {
			t.Error("it counts as silent")
		}
	})
}

// What the network refuses went through a modem that is well.
func TestARefusalOfTheNetworkProvesTheModemWell(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, patient)
		b.is(t, time.Minute, "ready", ready)
		resets := 0
		b.sim.Misbehave(restarts(&resets, func(m simulator.Moment) simulator.Fault {
			switch {
			case m.Point != simulator.AtPDU:
				return simulator.Fault{}
			case resets == 0:
				return simulator.Fault{Answer: "+CMS ERROR: 304"}
			}
			return simulator.Fault{Answer: "+CMS ERROR: 28"}
		}))
		ids := b.several(t, 3)
		after(5 * time.Minute)
		if n, open := b.states(t, ids), b.alarmed(t); n[store.Failed] != 3 || resets != 1 || open != nil {
			t.Errorf("they are %v, it was restarted %d times, and the alarms %v are open", n, resets, open)
		}
	})
}

// A text that the modem cannot send does not have it restarted again and again where it is the only one, and
// holds up no other.
func TestALoneTextThatTheModemCannotSend(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, patient)
		b.is(t, time.Minute, "ready", ready)
		resets := 0
		b.sim.Misbehave(restarts(&resets, unsendable))
		bad := b.write(t, "cannot be sent", unsendableTo)
		after(12 * time.Hour)
		d := b.becomes(t, bad, store.Queued)
		if open := b.alarmed(t); resets != 1 || !slices.Equal(open, []string{"ill"}) || !strings.Contains(d.Reason, "invalid") {
			t.Errorf("it was restarted %d times, the alarms %v are open, the reason is %q", resets, open, d.Reason)
		}
		began := time.Now()
		b.becomes(t, b.write(t, "another", number), store.Delivered)
		if took := time.Since(began); took > time.Minute {
			t.Errorf("another text took %v", took)
		}
		after(2 * time.Hour)
		b.becomes(t, bad, store.Failed)
		if open := b.alarmed(t); resets != 1 || open != nil {
			t.Errorf("it was restarted %d times, and the alarms %v are open", resets, open)
		}
	})
}

// A network that does not say whether it took a text makes no modem ill.
func TestANetworkThatKeepsSilentMakesNoModemIll(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{"+CMS ERROR: 332", "+CME ERROR: network timeout"} {
		t.Run(answer, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{}, patient)
				b.is(t, time.Minute, "ready", ready)
				resets := 0
				b.sim.Misbehave(restarts(&resets, always(simulator.AtPDU, simulator.Fault{Answer: answer})))
				ids := b.several(t, 6)
				after(time.Minute)
				if n, open := b.states(t, ids), b.alarmed(t); n[store.Unconfirmed] != 6 || resets != 0 || open != nil {
					t.Errorf("%s: they are %v, it was restarted %d times, and the alarms %v are open", answer, n, resets, open)
				}
			})
		})
	}
}
