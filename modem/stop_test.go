package modem_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"omsbox/modem/simulator"
	"omsbox/store"
)

// A stop ends everything in time, whatever the modem is in the middle of.
func TestAStopEndsInTimeWhateverTheModemIsDoing(t *testing.T) {
	t.Parallel()
	for _, hang := range []string{
		`command hang power`,
		`pdu hang power`,
		`result lose`,
		`prompt hang power`,
		`command AT+CMGL* lose`,
		`command AT+COPS* lose`,
		`command AT+CUSD* lose`,
		`command AT+CNMI* hang power`,
		`command AT+CFUN* hang power`,
		`command AT+CPIN* hang power`,
		`pdu stall`,
		`command AT+CMGD* stall`,
		`command every 3 restart away 1h`,
	} {
		for _, when := range []time.Duration{3 * time.Second, 31 * time.Second, 17 * time.Minute} {
			t.Run(fmt.Sprint(hang, " after ", when), func(t *testing.T) {
				hours(t, func(t *testing.T) {
					b := connect(t, simulator.Options{}, patient)
					after(8 * time.Second)
					check(t, b.Set(context.Background(), "sim.balance", "*100#"))
					f, err := simulator.ParseScript(hang)
					check(t, err)
					b.sim.Misbehave(f)
					b.write(t, "hello", number)
					b.write(t, strings.Repeat("long ", 90), "+447911000002")
					b.sim.Phone(number).Send("hi")
					go b.Ask(context.Background(), "sim", "ussd", "*100#")
					after(when)
					began := time.Now()
					b.stop()
					if took := time.Since(began); took > 25*time.Second {
						t.Errorf("a stop takes %v", took)
					}
				})
			})
		}
	}
}

// A modem that says OK to everything at once, or repeats what it hears, loses no text and marks none as sent.
func TestAModemThatAgreesWithEverythingSendsNothing(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, patient)
		b.is(t, time.Minute, "ready", ready)
		b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
			if m.Point == simulator.AtCommand {
				return simulator.Fault{Answer: "OK"}
			}
			return simulator.Fault{}
		})
		id := b.write(t, "hello", number)
		after(2 * time.Hour)
		d, err := b.Deliveries(context.Background(), id)
		check(t, err)
		rows, err := b.Modems(context.Background())
		check(t, err)
		row := only(t, rows)
		t.Logf("%s %q; modem up %t %q; alarms %v", d[0].State, d[0].Reason, row.Up, row.Problem, b.alarmed(t))
		if d[0].State == store.Sent || d[0].State == store.Delivered || d[0].State == store.Failed {
			t.Errorf("the text is %s", d[0].State)
		}
		if len(b.alarmed(t)) == 0 {
			t.Error("nobody is told")
		}
		b.sim.Misbehave(nil)
		after(4 * time.Hour)
		d, err = b.Deliveries(context.Background(), id)
		check(t, err)
		if d[0].State != store.Delivered {
			t.Errorf("4 hours after it recovered the text is %s: %s", d[0].State, d[0].Reason)
		}
	})
}

// A modem that flaps does not flood the administrator.
func TestAModemThatFlapsADayLongIsToldAFewTimes(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, patient)
		b.is(t, time.Minute, "ready", ready)
		for range 3 * 60 * 60 / 20 {
			b.sim.Unplug()
			time.Sleep(10 * time.Second)
			b.sim.Plug()
			time.Sleep(10 * time.Second)
		}
		after(time.Hour)
	})
}

// What the SIM was given while it was out of service is its own: a swapped SIM's texts are not the old one's.
func TestWhatComesThroughAnotherSIMIsNotTheOldOnes(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{SubmitDelay: 3 * time.Second}, patient)
		old := b.is(t, time.Minute, "ready", ready).IMSI
		for i := range 5 {
			b.write(t, fmt.Sprint(i, strings.Repeat(" long", 60)), number)
		}
		after(8 * time.Second)
		b.sim.InsertSIM(simulator.Card{Number: "+15550300000", IMSI: "001010000000003", ICCID: "8900101000000000014"})
		check(t, b.sim.Phone(number).Send("to the new SIM"))
		after(30 * time.Minute)
		got, err := b.Unrouted(context.Background())
		check(t, err)
		for _, i := range got {
			t.Logf("%q through %s", i.Text, i.SIM)
			if i.Text == "to the new SIM" && i.SIM == old {
				t.Error("it is noted as of the old SIM")
			}
		}
		for _, s := range b.sim.Submitted() {
			t.Logf("%d %q", s.Concat.Seq, short(s.Text))
		}
		backlog, err := b.Backlog(context.Background())
		check(t, err)
		t.Logf("%+v", backlog)
	})
}
