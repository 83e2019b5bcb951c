package modem_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"omsbox/modem"
	"omsbox/modem/simulator"
	"omsbox/store"
)

// hours runs a test in a bubble of its own time, in which a modem is as patient as in service.
func hours(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel() // it waits for nothing but for the processor
	synctest.Test(t, test)
}

// patient makes a bench's modem as patient as one in service.
func patient(b *bench) {
	b.modem.Patience = modem.DefaultPatience()
	b.waits = 4 * time.Hour
}

// daily makes a day two hours long.
func daily(b *bench) { b.modem.Patience.SetAside, b.modem.Patience.Balance = 2*time.Hour, 2*time.Hour }

// after lets time go by until all that follows from it has happened.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// is waits for up to d until the modem's row says something.
func (b *bench) is(t testing.TB, within time.Duration, what string, condition func(store.Modem) bool) store.Modem {
	t.Helper()
	var row store.Modem
	for began := time.Now(); time.Since(began) < within; time.Sleep(100 * time.Millisecond) {
		modems, err := b.Modems(context.Background())
		check(t, err)
		if len(modems) == 1 {
			if row = modems[0]; condition(row) {
				return row
			}
		}
	}
	t.Fatalf("the modem does not become %s within %v: %+v", what, within, row)
	return row
}

func ready(m store.Modem) bool { return m.Up && m.Problem == "" }

// alarms are the kinds of the open alarms.
func (b *bench) alarmed(t testing.TB) (kinds []string) {
	t.Helper()
	open, err := b.Alarms(context.Background())
	check(t, err)
	for _, a := range open {
		if a.Kind != store.UnreadAlarm { // nobody routes texts here
			kinds = append(kinds, a.Kind)
		}
	}
	return kinds
}

func TestEachRungOfTheLadderCures(t *testing.T) {
	t.Parallel()
	for cure, name := range map[simulator.Cure]string{
		simulator.ByAttention: "asking again", simulator.ByEscape: "escape", simulator.ByInit: "setting up from scratch",
		simulator.ByCFUN: "radio off and on", simulator.ByReopen: "opening the port again", simulator.ByRestart: "a restart",
	} {
		for _, point := range []simulator.Point{simulator.AtCommand, simulator.AtPDU} {
			t.Run(fmt.Sprintf("%s, point %d", name, point), func(t *testing.T) {
				hours(t, func(t *testing.T) {
					b := connect(t, simulator.Options{Boot: 5 * time.Second}, patient)
					b.becomes(t, b.write(t, "before", number), store.Delivered)
					resets := 0
					hang := simulator.Once(point, simulator.Fault{Hang: true, Cure: cure})
					b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
						if m.Point == simulator.AtCommand && strings.HasPrefix(m.Line, "AT+CFUN=1,1") {
							resets++
						}
						return hang(m)
					})
					began := time.Now()
					hit := b.write(t, "hit", number)
					next := b.write(t, "next", "+447911000002")
					b.becomes(t, next, store.Delivered)
					if took := time.Since(began); took > 6*time.Minute {
						t.Errorf("it took %v", took)
					}
					if point == simulator.AtPDU {
						b.becomes(t, hit, store.Unconfirmed)
					}
					after(2 * time.Minute)
					if open := b.alarmed(t); open != nil {
						t.Errorf("the alarms %v are open", open)
					}
				})
			})
		}
	}
}

func TestAModemThatNothingHelpsIsToldAndTriedGently(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, patient)
		b.becomes(t, b.write(t, "before", number), store.Delivered)
		b.sim.Misbehave(simulator.Once(simulator.AtCommand, simulator.Fault{Hang: true, Cure: simulator.ByPower}))
		id := b.write(t, "waits", number)
		after(15 * time.Minute)
		if got := b.alarmed(t); !slices.Equal(got, []string{"modem"}) {
			t.Fatalf("the alarms %v are open", got)
		}
		after(3 * time.Hour)
		b.sim.Reset()
		b.becomes(t, id, store.Delivered)
		after(2 * time.Minute)
		if got := b.alarmed(t); got != nil {
			t.Errorf("the alarms %v are open", got)
		}
	})
}

// resets counts what restarts the modem.
func (b *bench) resets() *int {
	n := 0
	b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
		if m.Point == simulator.AtCommand && strings.HasPrefix(m.Line, "AT+CFUN=1,1") {
			n++
		}
		return simulator.Fault{}
	})
	return &n
}

func TestThereIsNoStormOfRestarts(t *testing.T) {
	t.Parallel()
	t.Run("a modem that answers nothing to segments", func(t *testing.T) {
		hours(t, func(t *testing.T) {
			b := connect(t, simulator.Options{}, patient)
			resets, pdus := 0, 0
			b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
				switch {
				case m.Point == simulator.AtCommand && strings.HasPrefix(m.Line, "AT+CFUN=1,1"):
					resets++
				case m.Point == simulator.AtPDU:
					pdus++
					return simulator.Fault{Lose: true, Answer: " "}
				}
				return simulator.Fault{}
			})
			for i := range 100 {
				b.write(t, fmt.Sprint("text ", i), number)
			}
			time.Sleep(12 * time.Hour)
			if resets < 2 || resets > 8 {
				t.Errorf("in 12 hours it was restarted %d times", resets)
			}
			if pdus > 20 {
				t.Errorf("%d messages were spent on it", pdus)
			}
			if got := b.alarmed(t); !slices.Equal(got, []string{"modem"}) {
				t.Errorf("the alarms %v are open", got)
			}
		})
	})
	t.Run("no network", func(t *testing.T) {
		hours(t, func(t *testing.T) {
			b := connect(t, simulator.Options{}, patient)
			b.is(t, time.Minute, "ready", ready)
			resets := b.resets()
			b.sim.Register(2)
			time.Sleep(12 * time.Hour)
			if *resets < 3 || *resets > 7 {
				t.Errorf("in 12 hours it was restarted %d times", *resets)
			}
			if got := b.alarmed(t); !slices.Equal(got, []string{"registration"}) {
				t.Errorf("the alarms %v are open", got)
			}
			b.sim.Register(1)
			id := b.write(t, "at last", number)
			b.becomes(t, id, store.Delivered)
			after(time.Minute)
			if got := b.alarmed(t); got != nil {
				t.Errorf("the alarms %v are open", got)
			}
		})
	})
	t.Run("a network that refuses the SIM", func(t *testing.T) {
		hours(t, func(t *testing.T) {
			b := connect(t, simulator.Options{}, patient)
			b.is(t, time.Minute, "ready", ready)
			resets := b.resets()
			b.sim.Register(3)
			time.Sleep(6 * time.Hour)
			if *resets != 0 {
				t.Errorf("it was restarted %d times", *resets)
			}
			if got := b.alarmed(t); !slices.Equal(got, []string{"registration"}) {
				t.Errorf("the alarms %v are open", got)
			}
		})
	})
}

func TestEachStepOfTheRegistrationLadderCures(t *testing.T) {
	t.Parallel()
	for cure, within := range map[simulator.Cure]time.Duration{
		simulator.ByCOPS: 3 * time.Minute, simulator.ByCFUN: 7 * time.Minute, simulator.ByRestart: 18 * time.Minute,
	} {
		t.Run(within.String(), func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{Boot: 5 * time.Second, Search: 3 * time.Second}, patient)
				b.is(t, time.Minute, "ready", ready)
				b.sim.Deregister(0, cure)
				b.is(t, time.Minute, "unregistered", func(m store.Modem) bool { return strings.Contains(m.Problem, "not in the network") })
				b.is(t, within, "ready", ready)
				b.becomes(t, b.write(t, "hello", number), store.Delivered)
			})
		})
	}
}

func TestAStopDoesNotWaitForARung(t *testing.T) {
	hours(t, func(t *testing.T) {
		for _, moment := range []time.Duration{5 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 3 * time.Minute, 10 * time.Minute} {
			b := connect(t, simulator.Options{}, patient)
			b.is(t, time.Minute, "ready", ready)
			b.sim.Misbehave(simulator.Once(simulator.AtCommand, simulator.Fault{Hang: true, Cure: simulator.ByPower}))
			b.write(t, "hello", number)
			time.Sleep(moment)
			began := time.Now()
			b.stop()
			most := time.Second
			if moment < 10*time.Second { // it waits for a message
				most = modem.DefaultPatience().Stop + most
			}
			if took := time.Since(began); took > most {
				t.Errorf("%v after the hang it took %v to stop", moment, took)
			}
		}
	})
}

func TestAModemThatTakesNothingMoreIsToldAndUsedAgain(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, patient)
		b.is(t, time.Minute, "ready", ready)
		b.sim.StallWrites(true)
		id := b.write(t, "waits", number)
		after(30 * time.Minute)
		if got := b.alarmed(t); !slices.Equal(got, []string{"modem"}) {
			t.Errorf("the alarms %v are open", got)
		}
		b.sim.Reset()
		b.becomes(t, id, store.Delivered)
		after(2 * time.Minute)
		if got := b.alarmed(t); got != nil {
			t.Errorf("the alarms %v are open", got)
		}
	})
}

func TestAModemThatIsGoneForLongIsTold(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, patient)
		b.is(t, time.Minute, "ready", ready)
		b.sim.Unplug()
		after(4 * time.Minute)
		if got := b.alarmed(t); got != nil {
			t.Errorf("after four minutes the alarms %v are open", got)
		}
		after(10 * time.Minute)
		if got := b.alarmed(t); !slices.Equal(got, []string{"modem"}) {
			t.Errorf("the alarms %v are open", got)
		}
		b.sim.Plug()
		b.is(t, time.Minute, "ready", ready)
		if got := b.alarmed(t); got != nil {
			t.Errorf("the alarms %v are open", got)
		}
	})
}
