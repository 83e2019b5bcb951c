package modem_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"omsbox/modem"
	"omsbox/modem/simulator"
	"omsbox/store"
)

func TestWhatLayOnASIMBeforeIsKeptAndNotMailed(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, patient, func(b *bench) {
			check(t, b.sim.Phone(number).Send("from long ago"))
			time.Sleep(time.Hour)
			check(t, b.sim.Phone(number).Send("from a moment ago"))
			time.Sleep(time.Minute)
		})
		if got := b.arrives(t); got.Text != "from a moment ago" {
			t.Errorf("got %q", got.Text)
		}
		check(t, b.sim.Phone(number).Send("now"))
		if got := b.arrives(t); got.Text != "now" {
			t.Errorf("got %q", got.Text)
		}
		b.is(t, time.Hour, "emptied", func(m store.Modem) bool { return strings.HasPrefix(m.Storage, "SM 0 of") })
		// A SIM that is known is another matter: what comes while omsbox is off is new.
		sims, err := b.SIMs(t.Context())
		check(t, err)
		if len(sims) != 1 || !sims[0].Swept {
			t.Errorf("the SIMs are %+v", sims)
		}
		b.sim.Unplug()
		check(t, b.sim.Phone(number).Send("while it was off"))
		time.Sleep(5 * time.Hour)
		b.sim.Plug()
		if got := b.arrives(t); got.Text != "while it was off" {
			t.Errorf("got %q", got.Text)
		}
	})
}

func TestAnEntryThatCannotBeDeletedIsSetAside(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{"+CMS ERROR: 500", "OK"} { // refused, or not done
		t.Run(answer, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{}, patient, daily)
				b.is(t, time.Minute, "ready", ready)
				deletes := 0
				b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
					if m.Point == simulator.AtCommand && strings.HasPrefix(m.Line, "AT+CMGD") {
						deletes++
						return simulator.Fault{Answer: answer}
					}
					return simulator.Fault{}
				})
				check(t, b.sim.Phone(number).Send("stays"))
				if got := b.arrives(t); got.Text != "stays" {
					t.Errorf("got %q", got.Text)
				}
				after(100 * time.Minute)
				if deletes != 3 {
					t.Errorf("it was to be deleted %d times", deletes)
				}
				b.is(t, time.Minute, "remarked", func(m store.Modem) bool { return strings.Contains(m.Remarks, "cannot be deleted") })
				b.sim.Misbehave(nil)
				after(time.Hour) // it is tried again each "day"
				b.is(t, time.Minute, "emptied", func(m store.Modem) bool { return strings.HasPrefix(m.Storage, "SM 0 of") })
				if got, err := b.Unrouted(t.Context()); err != nil || len(got) != 0 {
					t.Errorf("it came again: %+v, %v", got, err)
				}
			})
		})
	}
}

func TestAStorageThatFillsUpIsTold(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{SM: 10}, patient, daily)
		b.is(t, time.Minute, "ready", ready)
		b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
			if m.Point == simulator.AtCommand && strings.HasPrefix(m.Line, "AT+CMGD") {
				return simulator.Fault{Answer: "+CMS ERROR: 500"}
			}
			return simulator.Fault{}
		})
		for i := range 10 {
			if i == 7 && b.alarmed(t) != nil {
				t.Errorf("with 7 of 10 the alarms %v are open", b.alarmed(t))
			}
			check(t, b.sim.Phone(number).Send(fmt.Sprint("text ", i)))
			if got := b.arrives(t); got.Text != fmt.Sprint("text ", i) {
				t.Errorf("got %q", got.Text)
			}
			after(5 * time.Minute)
		}
		if got := b.alarmed(t); !slices.Equal(got, []string{"storage"}) {
			t.Errorf("the alarms %v are open", got)
		}
		b.sim.Misbehave(nil)
		after(3 * time.Hour)
		if got := b.alarmed(t); got != nil {
			t.Errorf("the alarms %v are open", got)
		}
	})
}

func TestAnAcknowledgementComesAfterTheCommit(t *testing.T) {
	hours(t, func(t *testing.T) {
		acknowledged, waits := 0, 0
		b := connect(t, simulator.Options{CNMI: func(n [5]int) bool { return n[1] == 2 }}, patient)
		b.is(t, time.Minute, "ready", ready)
		stored := func() int {
			got, err := b.Unrouted(context.Background())
			check(t, err)
			return len(got)
		}
		before := make(chan struct{})
		b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
			if m.Point == simulator.AtCommand && strings.HasPrefix(m.Line, "AT+CNMA") {
				acknowledged++
				close(before)
			}
			return simulator.Fault{}
		})
		check(t, b.sim.Phone(number).Send("direct"))
		next(t, before)
		if waits = stored(); waits != 1 {
			t.Errorf("at the acknowledgement %d texts were stored", waits)
		}
		after(10 * time.Minute) // no other delivery
		if acknowledged != 1 || stored() != 1 {
			t.Errorf("%d acknowledgements, %d texts", acknowledged, stored())
		}
	})
}

func TestATextThatCannotBeStoredIsNotAcknowledged(t *testing.T) {
	hours(t, func(t *testing.T) {
		s, err := store.Create(context.Background(), dataDir(t), quiet())
		check(t, err)
		sim := simulator.New(simulator.Options{CNMI: func(n [5]int) bool { return n[1] == 2 }})
		defer sim.Close()
		sim.Misbehave(func(m simulator.Moment) simulator.Fault {
			if m.Point == simulator.AtCommand && strings.HasPrefix(m.Line, "AT+CNMA") {
				t.Error("it was acknowledged")
			}
			return simulator.Fault{}
		})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() {
			done <- modem.New(s, "sim", func(context.Context) (io.ReadWriteCloser, error) { return sim.Open() }, quiet()).Run(ctx)
		}()
		after(10 * time.Second)
		check(t, s.Close())
		check(t, sim.Phone(number).Send("keep me"))
		after(time.Minute)
		cancel()
		if err := ends(t, done, sim); !errors.Is(err, store.ErrClosed) {
			t.Errorf("it ended with %v", err)
		}
	})
}

func TestReportsThatAreStoredAreFound(t *testing.T) {
	t.Parallel()
	for _, profile := range []string{"", "ec25"} { // which announces them in a storage where they are not
		t.Run(profile, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{Profile: profile, CNMI: func(n [5]int) bool { return n[3] == 2 }}, patient)
				began := time.Now()
				b.becomes(t, b.write(t, "hello", number), store.Delivered)
				if took := time.Since(began); took > 30*time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

func TestAListThatIsCutShortLosesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, answer string }{
		{"it ends in an error", "+CMS ERROR: 313"},
		{"a PDU is missing", "+CMGL: 1,0,,24\r\nOK"},
		{"half a PDU", "+CMGL: 1,0,,24\r\n079144\r\n\r\nOK"},
		{"nothing at all", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{}, patient)
				b.is(t, time.Minute, "ready", ready)
				n := 0
				b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
					if m.Point != simulator.AtCommand || !strings.HasPrefix(m.Line, "AT+CMGL") {
						return simulator.Fault{}
					}
					if n++; n > 2 {
						return simulator.Fault{}
					}
					return simulator.Fault{Answer: c.answer, Lose: c.answer == ""}
				})
				check(t, b.sim.Phone(number).Send("hello"))
				if got := b.arrives(t); got.Text != "hello" || got.Kind != "SMS" {
					t.Errorf("got %q, %s", got.Text, got.Kind)
				}
			})
		})
	}
}

// A restart brings the modem back to the storage that it prefers: what was to be deleted lies in another one.
func TestAModemThatRestartsAmidASweepLosesNothing(t *testing.T) {
	hours(t, func(t *testing.T) {
		struck := false
		b := connect(t, simulator.Options{Profile: "sim800"}, patient, func(b *bench) {
			s := session(t, b.sim)
			_, err := s.Command(context.Background(), `+CPMS="ME","ME","ME"`)
			check(t, err)
			for i := range 3 {
				check(t, b.sim.Phone(number).Send(fmt.Sprint("in the modem ", i)))
			}
			s.Close()
			b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
				if m.Point != simulator.AtCommand || m.Line != "AT+CMGD=1" || struck {
					return simulator.Fault{}
				}
				struck = true
				time.AfterFunc(time.Second, func() {
					for i := range 3 {
						if err := b.sim.Phone(number).Send(fmt.Sprint("on the SIM ", i)); err != nil {
							t.Error(err)
						}
					}
				})
				return simulator.Fault{Drop: true, Away: 3 * time.Second}
			})
		})
		after(time.Hour)
		got := map[string]int{}
		texts, err := b.Unrouted(context.Background())
		check(t, err)
		for _, i := range texts {
			got[i.Text]++
		}
		for i := range 3 {
			for _, text := range []string{fmt.Sprint("in the modem ", i), fmt.Sprint("on the SIM ", i)} {
				if got[text] != 1 {
					t.Errorf("%q arrived %d times", text, got[text])
				}
			}
		}
		if !struck {
			t.Error("it did not restart")
		}
	})
}
