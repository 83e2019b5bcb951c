package modem_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"omsbox/modem"
	"omsbox/modem/simulator"
	"omsbox/modem/sms"
	"omsbox/store"
)

// TestWhatAFaultDoesToAText injects one fault into the sending of a text and looks at what becomes
// of that text and of the next: nothing goes out twice, and nothing stands still.
func TestWhatAFaultDoesToAText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		point simulator.Point
		fault simulator.Fault
		want  store.State
		taken int // how often the SMSC took it
	}{
		{"no fault", simulator.AtResult, simulator.Fault{}, store.Delivered, 1},
		{"the modem cannot read it once", simulator.AtPrompt, simulator.Fault{Answer: "+CMS ERROR: 304"}, store.Delivered, 1},
		{"refused for good", simulator.AtPDU, simulator.Fault{Answer: "+CMS ERROR: 28"}, store.Failed, 0},
		{"refused for now", simulator.AtPDU, simulator.Fault{Answer: "+CMS ERROR: 42"}, store.Delivered, 1},
		{"an error that nobody knows", simulator.AtPDU, simulator.Fault{Answer: "+CMS ERROR: 999"}, store.Unconfirmed, 0},
		{"an error without a number before the prompt", simulator.AtPrompt, simulator.Fault{Answer: "ERROR"}, store.Delivered, 1},
		{"an error without a number", simulator.AtPDU, simulator.Fault{Answer: "ERROR"}, store.Unconfirmed, 0},
		{"an error that means nothing", simulator.AtPDU, simulator.Fault{Answer: "+CME ERROR: 100"}, store.Unconfirmed, 0},
		{"somebody rang and gave up", simulator.AtPDU, simulator.Fault{URCs: []string{"RING", "NO CARRIER"}}, store.Delivered, 1},
		{"the network did not say", simulator.AtPDU, simulator.Fault{Answer: "+CMS ERROR: 332"}, store.Unconfirmed, 0},
		{"the final result is lost", simulator.AtResult, simulator.Fault{Lose: true}, store.Delivered, 1}, // by its report
		{"the final result is late", simulator.AtResult, simulator.Fault{Late: 1200 * time.Millisecond}, store.Delivered, 1},
		{"the final result comes when nobody waits any more", simulator.AtResult, simulator.Fault{Late: 3 * time.Second}, store.Delivered, 1},
		{"a prompt without a space", simulator.AtPrompt, simulator.Fault{Prompt: "\r\n>"}, store.Delivered, 1},
		{"a prompt on a line of its own", simulator.AtPrompt, simulator.Fault{Prompt: "\r\n>\r\n"}, store.Delivered, 1},
		{"no prompt", simulator.AtPrompt, simulator.Fault{Lose: true, Prompt: "\r\n"}, store.Delivered, 1},
		{"chatter in the middle", simulator.AtPDU, simulator.Fault{URCs: []string{"^RSSI: 3", "RING", "+CREG: 1", "^BOOT: 1,2"}}, store.Delivered, 1},
		{"the report comes first", simulator.AtResult, simulator.Fault{Early: true}, store.Delivered, 1},
		{"the modem hangs with the PDU", simulator.AtPDU, simulator.Fault{Hang: true}, store.Unconfirmed, 0},
		{"the modem hangs after sending", simulator.AtResult, simulator.Fault{Hang: true}, store.Unconfirmed, 1},
		{"the modem hangs before the prompt", simulator.AtPrompt, simulator.Fault{Hang: true}, store.Delivered, 1},
		{"the stick restarts before the prompt", simulator.AtPrompt, simulator.Fault{Drop: true}, store.Delivered, 1},
		{"the stick restarts with the PDU", simulator.AtPDU, simulator.Fault{Drop: true}, store.Unconfirmed, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				var reports atomic.Bool
				b := connect(t, simulator.Options{ReportDelay: 10 * time.Millisecond})
				b.becomes(t, b.write(t, "before", number), store.Delivered)
				fault := simulator.Once(c.point, c.fault)
				if c.fault.Hang {
					// Somebody pulls it out and puts it in again.
					inner := fault
					fault = func(m simulator.Moment) simulator.Fault {
						f := inner(m)
						if f.Hang && !reports.Swap(true) {
							time.AfterFunc(2*time.Second, b.sim.Reset)
						}
						return f
					}
				}
				b.sim.Misbehave(fault)
				id := b.write(t, "hit by a fault", number)
				next := b.write(t, "the next one", "+447911000002")
				b.becomes(t, next, store.Delivered)
				b.becomes(t, id, c.want)
				taken := 0
				for _, got := range b.sim.Submitted() {
					if got.Text == "hit by a fault" {
						taken++
					}
				}
				if taken != c.taken {
					t.Errorf("the SMSC took it %d times, want %d", taken, c.taken)
				}
			})
		})
	}
}

func TestAPhoneThatDoesNotExistIsAFailure(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{})
		b.sim.Phone(number).Refuse(1)
		d := b.becomes(t, b.write(t, "hello", number), store.Failed)
		if !strings.Contains(d.Reason, "does not exist") {
			t.Errorf("the reason is %q", d.Reason)
		}
		b.sim.Phone("+447911000002").Reject(0x46)
		d = b.becomes(t, b.write(t, "hello", "+447911000002"), store.Failed)
		if d.Reason == "" {
			t.Error("the report gives no reason")
		}
	})
}

func TestAfterADoubtfulPartTheOthersStillGo(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{ReportDelay: time.Hour})
		n := 0
		b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
			if m.Point == simulator.AtResult {
				if n++; n == 2 {
					return simulator.Fault{Lose: true}
				}
			}
			return simulator.Fault{}
		})
		id := b.write(t, strings.Repeat("long ", 90), number)
		b.becomes(t, id, store.Unconfirmed)
		var seqs []byte
		for _, got := range b.sim.Submitted() {
			seqs = append(seqs, got.Concat.Seq)
		}
		if len(seqs) != 3 || seqs[0] != 1 || seqs[1] != 2 || seqs[2] != 3 {
			t.Errorf("the segments %v left, want 1, 2, 3", seqs)
		}
	})
}

func TestAModemThatIsUnpluggedIsUsedWhenItIsBack(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{})
		b.becomes(t, b.write(t, "before", number), store.Delivered)
		b.sim.Unplug()
		id := b.write(t, "meanwhile", number)
		b.sim.Plug()
		b.becomes(t, id, store.Delivered)
	})
}

func TestAPortThatAnotherHoldsIsWaitedFor(t *testing.T) {
	hours(t, func(t *testing.T) {
		sim := simulator.New(simulator.Options{})
		other, err := sim.Open()
		check(t, err)
		b := connect(t, simulator.Options{}, func(b *bench) { b.sim.Close(); b.sim = sim })
		id := b.write(t, "hello", number)
		b.is(t, time.Minute, "in trouble", func(m store.Modem) bool { return !m.Up && m.Problem != "" })
		check(t, other.Close())
		b.becomes(t, id, store.Delivered)
	})
}

func TestASIMWithAPINSaysSo(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{PIN: "1234"})
		b.is(t, time.Minute, "in trouble", func(m store.Modem) bool { return strings.Contains(m.Problem, "asks for its PIN") })
	})
}

func TestTextsThatCameWhileNobodyLookedAreFound(t *testing.T) {
	hours(t, func(t *testing.T) {
		sim := simulator.New(simulator.Options{SM: 5})
		phone := sim.Phone(number)
		for _, text := range []string{"one", "two", "three", "four", "five", "six", "seven"} { // more than the SIM holds
			check(t, phone.Send(text))
		}
		b := connect(t, simulator.Options{}, func(b *bench) { b.sim.Close(); b.sim = sim })
		for _, want := range []string{"one", "two", "three", "four", "five", "six", "seven"} {
			if got := b.arrives(t); got.Text != want {
				t.Errorf("got %q, want %q", got.Text, want)
			}
		}
	})
}

func TestATextThatTheModemStoredTwiceIsOne(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{})
		b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
			return simulator.Fault{Twice: m.Point == simulator.AtDeliver}
		})
		check(t, b.sim.Phone(number).Send("once"))
		check(t, b.sim.Phone(number).Send("then this"))
		if got := b.arrives(t); got.Text != "once" {
			t.Errorf("got %q", got.Text)
		}
		if got := b.arrives(t); got.Text != "then this" {
			t.Errorf("got %q", got.Text)
		}
	})
}

func TestAnAnnouncementThatGotLostLosesNothing(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, func(b *bench) { b.modem.Patience.Sweep = 100 * time.Millisecond })
		b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
			if m.Point == simulator.AtCommand && strings.HasPrefix(m.Line, "AT+CNMI") {
				return simulator.Fault{Answer: "OK"} // and does nothing of the kind
			}
			return simulator.Fault{}
		})
		b.sim.Unplug()
		b.sim.Plug()
		check(t, b.sim.Phone(number).Send("hello"))
		if got := b.arrives(t); got.Text != "hello" {
			t.Errorf("got %q", got.Text)
		}
	})
}

func TestNothingIsDeletedThatWasNotStored(t *testing.T) {
	hours(t, func(t *testing.T) {
		s, err := store.Create(context.Background(), dataDir(t), quiet())
		check(t, err)
		sim := simulator.New(simulator.Options{})
		defer sim.Close()
		listed := 0
		sim.Misbehave(func(m simulator.Moment) simulator.Fault {
			switch {
			case m.Point == simulator.AtCommand && strings.HasPrefix(m.Line, "AT+CMGD"):
				t.Errorf("it was deleted: %s", m.Line)
			case m.Point == simulator.AtCommand && strings.HasPrefix(m.Line, "AT+CMGL"):
				listed++
			}
			return simulator.Fault{}
		})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() {
			done <- modem.New(s, "sim", func(context.Context) (io.ReadWriteCloser, error) { return sim.Open() }, quiet()).Run(ctx)
		}()
		after(10 * time.Second)
		check(t, s.Close()) // it takes nothing any more
		listed = 0
		check(t, sim.Phone(number).Send("keep me"))
		after(5 * time.Minute)
		if listed < 2 {
			t.Errorf("the storage was listed %d times", listed)
		}
		cancel()
		if err := ends(t, done, sim); !errors.Is(err, store.ErrClosed) {
			t.Errorf("it ended with %v", err)
		}
	})
}

func TestStoppingLetsTheSegmentInFlightFinish(t *testing.T) {
	hours(t, func(t *testing.T) {
		s, err := store.Create(context.Background(), dataDir(t), quiet())
		check(t, err)
		defer s.Close()
		sim := simulator.New(simulator.Options{SubmitDelay: 300 * time.Millisecond, ReportDelay: time.Hour})
		defer sim.Close()
		m := modem.New(s, "sim", func(context.Context) (io.ReadWriteCloser, error) { return sim.Open() }, quiet())
		m.Patience = impatient()
		ctx, cancel := context.WithCancel(context.Background())
		sim.Misbehave(func(m simulator.Moment) simulator.Fault {
			if m.Point == simulator.AtPDU {
				cancel()
			}
			return simulator.Fault{}
		})
		id, _, err := s.Enqueue(ctx, store.Message{Parts: []string{strings.Repeat("x", 300)}, To: []store.Recipient{{Number: number}}})
		check(t, err)
		done := make(chan error, 1)
		go func() { done <- m.Run(ctx) }()
		select {
		case <-ctx.Done():
		case <-time.After(time.Minute):
			t.Error("no segment left")
			cancel()
		}
		check(t, ends(t, done, sim))
		d, err := s.Deliveries(context.Background(), id)
		check(t, err)
		if d[0].State != store.Queued || sim.Count() != 1 {
			t.Errorf("after the stop it is %s, and %d segments left", d[0].State, sim.Count())
		}
		a, err := s.Claim(context.Background(), "001010123456789", nil)
		check(t, err)
		if got, err := sms.ParseSubmit(a.TPDU); err != nil || got.Concat.Seq != 2 {
			t.Errorf("next is segment %d, %v", got.Concat.Seq, err)
		}
	})
}

func TestPortsThatCannotBeOpenedSayWhatToDo(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	closed.Close()
	for device, want := range map[string]string{
		"/dev/no-such-port":               "is the modem plugged in?",
		"/dev/null":                       "is no serial port",
		"tcp://" + closed.Addr().String(): "is the program that shares the modem running there?",
	} {
		open, err := modem.Opener(device)
		check(t, err)
		_, err = open(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", device, err)
		}
	}
	if _, err := modem.Opener("tcp://nowhere"); err == nil || errors.Is(err, modem.ErrGone) {
		t.Errorf("tcp://nowhere: %v", err)
	}
}

func TestAModemThatWantsAllThreeStoragesNamedIsReadFrom(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, func(b *bench) {
			b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
				if m.Point == simulator.AtCommand && strings.HasPrefix(m.Line, "AT+CPMS=") && strings.Count(m.Line, ",") == 0 && m.Line != "AT+CPMS=?" {
					return simulator.Fault{Answer: "ERROR"}
				}
				return simulator.Fault{}
			})
		})
		check(t, b.sim.Phone(number).Send("hello"))
		if got := b.arrives(t); got.Text != "hello" {
			t.Errorf("got %q", got.Text)
		}
	})
}
