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

func TestABurstHoldsTheLinkWithOneCommand(t *testing.T) {
	t.Parallel()
	for _, profile := range simulator.Profiles() {
		t.Run(profile, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{Profile: profile, SubmitDelay: 300 * time.Millisecond}, patient)
				b.is(t, time.Minute, "ready", ready)
				asked := 0
				b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
					if m.Point == simulator.AtCommand && m.Line == "AT+CMMS=1" {
						asked++
					}
					return simulator.Fault{}
				})
				b.becomes(t, b.write(t, "a single one", number), store.Delivered)
				if asked != 0 {
					t.Errorf("for a single segment it was asked %d times", asked)
				}
				b.becomes(t, b.write(t, strings.Repeat("long ", 250), number), store.Delivered)
				if asked != 1 {
					t.Errorf("for %d segments it was asked %d times", b.sim.Count()-1, asked)
				}
			})
		})
	}
}

func TestAModemWithoutHeldLinksSendsAllTheSame(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, patient, func(b *bench) {
			b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
				if m.Point == simulator.AtCommand && m.Line == "AT+CMMS=1" {
					return simulator.Fault{Answer: "+CMS ERROR: 303"}
				}
				return simulator.Fault{}
			})
		})
		b.becomes(t, b.write(t, strings.Repeat("long ", 250), number), store.Delivered)
	})
}

func TestAPaceIsKept(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, patient)
		check(t, b.Set(t.Context(), "sim.pace", "20/m"))
		began := time.Now()
		var last int64
		for i := range 11 {
			last = b.write(t, fmt.Sprint("text ", i), number)
		}
		b.becomes(t, last, store.Delivered)
		if took := time.Since(began); took < 30*time.Second || took > 40*time.Second {
			t.Errorf("11 texts at 20 a minute took %v", took)
		}
	})
}

func TestTwoSegmentsInARowWithoutAnAnswerClimb(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{ReportDelay: time.Hour}, patient)
		b.is(t, time.Minute, "ready", ready)
		mute, pdus := true, 0
		b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
			switch {
			case m.Point == simulator.AtCommand && strings.HasPrefix(m.Line, "AT+CFUN=1"):
				mute = false
			case m.Point == simulator.AtResult && mute:
				pdus++
				return simulator.Fault{Lose: true}
			}
			return simulator.Fault{}
		})
		var ids []int64
		for i := range 8 {
			ids = append(ids, b.write(t, fmt.Sprint("text ", i), fmt.Sprint(number[:12], i)))
		}
		b.becomes(t, ids[7], store.Sent)
		if pdus != 4 { // two, one after ESC, one after it was set up from scratch
			t.Errorf("%d segments were spent", pdus)
		}
		if got := b.sim.Count(); got != 8 {
			t.Errorf("%d segments left", got)
		}
	})
}

func TestALateAnswerIsNotThatOfASegmentOfLongAgo(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{ReportDelay: 1000 * time.Hour}, patient)
		b.sim.Misbehave(simulator.Once(simulator.AtResult, simulator.Fault{Lose: true}))
		old := b.write(t, "its answer never came", number)
		b.becomes(t, old, store.Unconfirmed)
		after(24 * time.Hour)
		b.becomes(t, b.write(t, "all is well", number), store.Sent)
		b.sim.Misbehave(simulator.Once(simulator.AtResult, simulator.Fault{Late: 4 * time.Minute}))
		young := b.write(t, "its answer comes late", number)
		b.becomes(t, young, store.Unconfirmed)
		after(5 * time.Minute)
		b.becomes(t, young, store.Sent)
		b.becomes(t, old, store.Unconfirmed)
	})
}

func TestAPaceThatIsChangedIsTheNewOneAtOnce(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, patient)
		check(t, b.Set(t.Context(), "sim.pace", "1/h"))
		b.becomes(t, b.write(t, "the first", number), store.Delivered)
		next := b.write(t, "the next", number)
		after(time.Minute)
		began := time.Now()
		check(t, b.Set(t.Context(), "sim.pace", "20/m"))
		b.becomes(t, next, store.Delivered)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("the next text left after %v", took)
		}
	})
}

// A SIM that is barred, or has no credit, must not fail all that waits.
func TestWhenTheNetworkRefusesTheSIMWhatWaitsIsKept(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, patient)
		b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
			if m.Point == simulator.AtPDU {
				return simulator.Fault{Answer: "+CMS ERROR: 30"}
			}
			return simulator.Fault{}
		})
		var ids []int64
		for i := range 10 {
			ids = append(ids, b.write(t, "hello", fmt.Sprintf("+4479110000%02d", i)))
		}
		after(2 * time.Hour)
		alarms, err := b.Alarms(context.Background())
		check(t, err)
		if len(alarms) != 1 || alarms[0].Kind != "barred" {
			t.Errorf("the alarms are %+v", alarms)
		}
		b.sim.Misbehave(nil)
		after(3 * time.Hour)
		states := map[store.State]int{}
		for _, id := range ids {
			d, err := b.Deliveries(context.Background(), id)
			check(t, err)
			states[d[0].State]++
		}
		if states[store.Failed] != 3 || states[store.Delivered] != 7 {
			t.Errorf("they are %v, want three failed and the others delivered", states)
		}
		if alarms, _ := b.Alarms(context.Background()); len(alarms) != 0 {
			t.Errorf("in the end the alarms are %+v", alarms)
		}
	})
}
