package modem_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"omsbox/modem"
	"omsbox/modem/simulator"
	"omsbox/modem/sms"
	"omsbox/store"
)

// These are dialogues that modems in the field were seen to lead: what each says, and what is right then.

// heard records the command lines of a modem.
type heard struct {
	mu    sync.Mutex
	lines []string
}

// listen records what the modem hears, and lets fault happen beside.
func (b *bench) listen(fault func(simulator.Moment) simulator.Fault) *heard {
	h := &heard{}
	b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
		if m.Point == simulator.AtCommand {
			h.mu.Lock()
			h.lines = append(h.lines, m.Line)
			h.mu.Unlock()
		}
		if fault == nil {
			return simulator.Fault{}
		}
		return fault(m)
	})
	return h
}

// count is how many lines began so.
func (h *heard) count(prefix string) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, line := range h.lines {
		if strings.HasPrefix(line, prefix) {
			n++
		}
	}
	return n
}

// onlyTo checks that nothing left but to one number.
func (b *bench) onlyTo(t testing.TB, to string, segments int) {
	t.Helper()
	all := b.sim.Submitted()
	for _, got := range all {
		if got.To != to {
			t.Errorf("%q left to %s", got.Text, got.To)
		}
	}
	if len(all) != segments {
		t.Errorf("%d segments left, want %d", len(all), segments)
	}
}

// In text mode the length of a PDU is a number, and the PDU a text to that number.
func TestNoPDUGoesToAModemInTextMode(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, patient)
		b.is(t, time.Minute, "ready", ready)
		after(10*time.Minute + 10*time.Second)
		b.sim.FallIntoTextMode()
		began := time.Now()
		b.becomes(t, b.write(t, strings.Repeat("long ", 50), number), store.Delivered)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
		b.onlyTo(t, number, 2)
	})
}

// A text that a modem in text mode lists in words is neither stored as a PDU nor deleted.
func TestATextInWordsIsReadInPDUModeAndDeletedThen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		refuse bool // text mode does not know AT+CMGL=4: the texts are read one by one
	}{{"listed in words", false}, {"read in words", true}} {
		t.Run(c.name, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{}, patient)
				b.is(t, time.Minute, "ready", ready)
				words := true
				h := b.listen(func(m simulator.Moment) simulator.Fault {
					switch {
					case m.Point != simulator.AtCommand:
					case m.Line == "AT+CMGF=0":
						words = false
					case words && strings.HasPrefix(m.Line, "AT+CMGD"):
						t.Errorf("%s in text mode", m.Line)
					case words && c.refuse && strings.HasPrefix(m.Line, "AT+CMGL"):
						return simulator.Fault{Answer: "+CMS ERROR: 302"}
					}
					return simulator.Fault{}
				})
				b.sim.FallIntoTextMode()
				began := time.Now()
				const text = "DEADBEEFDEADBEEF\nand words"
				check(t, b.sim.Phone(number).Send(text))
				if got := b.arrives(t); got.Text != text || got.Sender != number || got.Kind != store.KindSMS {
					t.Errorf("got %s %q from %s", got.Kind, got.Text, got.Sender)
				}
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("it took %v", took)
				}
				after(time.Minute)
				if n := b.sim.Stored("SM"); n != 0 || h.count("AT+CMGD") != 1 {
					t.Errorf("%d texts are on the SIM, after %d deletes", n, h.count("AT+CMGD"))
				}
			})
		})
	}
}

// A modem that says OK and stays in text mode gets no PDU, and is told of.
func TestAModemThatStaysInTextModeIsNotUsed(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{TextMode: true}, patient, func(b *bench) {
			b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
				if m.Point == simulator.AtCommand && m.Line == "AT+CMGF=0" {
					return simulator.Fault{Answer: "OK"}
				}
				return simulator.Fault{}
			})
		})
		id := b.write(t, "hello", number)
		b.is(t, time.Minute, "told", func(m store.Modem) bool { return !m.Up && strings.Contains(m.Problem, "stays in text mode") })
		after(10 * time.Minute)
		if got := b.alarmed(t); !slices.Equal(got, []string{"modem"}) || b.sim.Count() != 0 {
			t.Errorf("the alarms %v are open, %d segments left", got, b.sim.Count())
		}
		b.sim.Misbehave(nil)
		b.becomes(t, id, store.Delivered)
	})
}

// What never becomes a PDU is left where it is, keeps nothing else back, and is told.
func TestWhatIsNoPDUIsNeverDeleted(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, patient)
		b.is(t, time.Minute, "ready", ready)
		storage := ""
		h := b.listen(func(m simulator.Moment) simulator.Fault {
			if m.Point == simulator.AtCommand && strings.HasPrefix(m.Line, "AT+CPMS=") {
				storage = m.Line
			}
			if m.Point == simulator.AtCommand && strings.HasPrefix(m.Line, "AT+CMGL") && strings.HasPrefix(storage, `AT+CPMS="SM"`) {
				return simulator.Fault{Cuts: []simulator.Cut{{After: 2, Say: "+CMGL: 19,1,,24\r\nHello, these are words.\r\n"}}}
			}
			return simulator.Fault{}
		})
		check(t, b.sim.Phone(number).Send("beside it"))
		if got := b.arrives(t); got.Text != "beside it" {
			t.Errorf("got %q", got.Text)
		}
		b.becomes(t, b.write(t, "out", number), store.Delivered)
		after(20 * time.Minute)
		if h.count("AT+CMGD=19") != 0 {
			t.Error("it was deleted")
		}
		b.is(t, time.Minute, "remarked", func(m store.Modem) bool { return strings.Contains(m.Remarks, "is no PDU") })
		before := h.count("ATE0")
		if before != 3 {
			t.Errorf("the modem was set up again %d times, want 3: it may have been in text mode", before)
		}
		after(time.Hour)
		if n := h.count("ATE0") - before; n > 0 {
			t.Errorf("the modem was set up again %d times in an hour", n)
		}
	})
}

// Any line of a start tells alone that all settings are lost.
func TestEachLineOfAStartHasTheModemSetUpAgain(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"RDY", "Call Ready", "SMS Ready", "PB DONE", "SMS DONE", "*ATREADY", "+CFUN: 1",
		"+QIND: SMS DONE", "+QIND: PB DONE", "APP RDY", "^SYSSTART", "+PBREADY", "an echo alone"} {
		t.Run(line, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{TextMode: true}, patient)
				b.is(t, time.Minute, "ready", ready)
				after(10*time.Minute + time.Second)
				h := b.listen(nil)
				began := time.Now()
				if line == "an echo alone" {
					b.sim.Relapse()
				} else {
					b.sim.Relapse(line)
					after(3 * time.Second)
					if h.count("AT+CMGF=0") != 1 || h.count("AT+CNMI=") == 0 {
						t.Errorf("after 3 s it heard %q", h.lines)
					}
				}
				b.becomes(t, b.write(t, "out", number), store.Delivered) // by a report, which AT+CNMI asks for
				check(t, b.sim.Phone(number).Send("in"))
				if got := b.arrives(t); got.Text != "in" {
					t.Errorf("got %q", got.Text)
				}
				if took := time.Since(began); took > 15*time.Second {
					t.Errorf("it took %v", took)
				}
				b.onlyTo(t, number, 1)
			})
		})
	}
}

// The sign may come when AT+CMGS was already said: between that and the prompt, or with the prompt.
func TestASignOfAStartHoldsThePDUBack(t *testing.T) {
	t.Parallel()
	for _, prompt := range []string{"\r\nSMS Ready\r\n\r\n> ", "AT+CMGS=18\r\r\n> "} {
		t.Run(prompt, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{}, patient)
				b.is(t, time.Minute, "ready", ready)
				handed := 0
				b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
					if m.Point == simulator.AtPDU {
						handed++
					}
					if m.Point == simulator.AtPrompt && m.N == 1 {
						return simulator.Fault{Prompt: strings.ReplaceAll(prompt, "AT+CMGS=18", m.Line), Text: true}
					}
					return simulator.Fault{}
				})
				d := b.becomes(t, b.write(t, "hello", number), store.Delivered)
				b.onlyTo(t, number, 1)
				if handed != 1 {
					t.Errorf("%d PDUs were taken, %+v", handed, d)
				}
			})
		})
	}
}

// A modem that says such lines for ever is used all the same.
func TestAModemThatAlwaysSeemsToStartIsUsed(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, patient, func(b *bench) {
			b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
				if m.Point == simulator.AtCommand && (m.Line == "ATE0" || strings.HasPrefix(m.Line, "AT+CPMS")) {
					return simulator.Fault{URCs: []string{"SMS DONE"}}
				}
				return simulator.Fault{}
			})
		})
		b.becomes(t, b.write(t, "out", number), store.Delivered)
		check(t, b.sim.Phone(number).Send("in"))
		if got := b.arrives(t); got.Text != "in" {
			t.Errorf("got %q", got.Text)
		}
	})
}

func TestAMessageCentreThatIsToldLateIsAskedForAgain(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{SMSCLate: 10 * time.Second}, patient)
		began := time.Now()
		id := b.write(t, "hello", number)
		problems := 0
		for began := time.Now(); time.Since(began) < 20*time.Second; time.Sleep(500 * time.Millisecond) {
			rows, err := b.Modems(context.Background())
			check(t, err)
			if len(rows) == 1 && rows[0].Problem != "" {
				problems++
			}
		}
		if problems > 0 {
			t.Error("the service went down for it")
		}
		b.becomes(t, id, store.Delivered)
		if took := only(t, b.sim.Submitted()).Time.Sub(began); took < 10*time.Second {
			t.Errorf("the text was tried after %v, before the message centre was known", took)
		}
		b.is(t, time.Second, "ready", func(m store.Modem) bool { return ready(m) && m.SMSC == "+15550199999" })
	})
}

// The values of 3GPP TS 27.007 7.2, and what each says of sending.
func TestEachValueOfTheRegistrationIsUnderstood(t *testing.T) {
	t.Parallel()
	for stat, in := range map[int]bool{
		0: false, 1: true, 2: false, 3: false, 5: true, 6: true, 7: true, 8: false, 9: true, 10: true, 11: false,
	} {
		for _, only5G := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d, 5G %t", stat, only5G), func(t *testing.T) {
				hours(t, func(t *testing.T) {
					b := connect(t, simulator.Options{Only5G: only5G}, patient, func(b *bench) { b.sim.Register(stat) })
					if !in {
						b.is(t, time.Minute, "out of the network", func(m store.Modem) bool { return m.Up && m.Problem != "" })
						return
					}
					row := b.is(t, time.Minute, "ready", ready)
					if !strings.HasPrefix(row.Registration, "registered") {
						t.Errorf("it is %q", row.Registration)
					}
					h := b.listen(nil)
					after(time.Hour) // nobody throws it out of the network
					if n := h.count("AT+COPS=0") + h.count("AT+CFUN="); n > 0 {
						t.Errorf("it was looked for another network %d times", n)
					}
					b.becomes(t, b.write(t, "hello", number), store.Delivered)
				})
			})
		}
	}
}

// An error that comes with the prompt is older than the first octet of the PDU: nothing left.
func TestAnErrorWithThePromptComesBeforeThePDU(t *testing.T) {
	t.Parallel()
	for _, final := range []string{"ERROR", "+CMS ERROR: 500", "+CME ERROR: 100"} {
		for _, waits := range []bool{false, true} { // for the PDU all the same
			t.Run(fmt.Sprintf("%s, waits %t", final, waits), func(t *testing.T) {
				hours(t, func(t *testing.T) {
					b := connect(t, simulator.Options{}, patient)
					b.is(t, time.Minute, "ready", ready)
					fault := simulator.Fault{Prompt: "\r\n> ", Answer: final}
					if waits {
						fault = simulator.Fault{Prompt: "\r\n> \r\n" + final + "\r\n"}
					}
					b.sim.Misbehave(simulator.Once(simulator.AtPrompt, fault))
					b.becomes(t, b.write(t, "hello", number), store.Delivered)
					b.onlyTo(t, number, 1)
				})
			})
		}
	}
}

// A report in words is whole in its one line: it counts, and tells of text mode.
func TestAReportInWordsIsTaken(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{ReportDelay: 5 * time.Second}, patient)
		b.is(t, time.Minute, "ready", ready)
		b.sim.Phone(number).Reject(0x46)
		id := b.write(t, "hello", number)
		after(3 * time.Second)
		b.sim.FallIntoTextMode()
		after(5 * time.Second)
		if d := b.becomes(t, id, store.Failed); d.Reason == "" {
			t.Errorf("it is %+v", d)
		}
		if b.sim.InTextMode() {
			t.Error("it is still in text mode")
		}
	})
}

// The network's words may lack their closing quote, and the answer to a segment come behind them.
func TestWordsOfTheNetworkWithoutAnEndSwallowNoAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		point simulator.Point
		urcs  []string
	}{
		{"before the answer", simulator.AtPDU, []string{`+CUSD: 0,"Your balance`}},
		{"amid the answer", simulator.AtResult, []string{`+CUSD: 0,"Your balance`}},
		{"several lines", simulator.AtResult, []string{`+CUSD: 0,"Your balance`, "is 3.50"}},
		{"and an announcement behind", simulator.AtPDU, []string{`+CUSD: 0,"Your balance`, `+CMTI: "SM",3`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{}, patient)
				b.is(t, time.Minute, "ready", ready)
				b.sim.Misbehave(simulator.Once(c.point, simulator.Fault{URCs: c.urcs}))
				began := time.Now()
				d := b.becomes(t, b.write(t, "hello", number), store.Delivered)
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("it took %v: %+v", took, d)
				}
			})
		})
	}
}

// Other lines may come between the two of a report, and of a text that is not stored.
func TestALineBetweenTheTwoOfAReportDoesNotLoseIt(t *testing.T) {
	t.Parallel()
	for _, amid := range []string{"^RSSI:20", "+CREG: 1", "RING", "NO CARRIER", "+CDS: 26\r\n^MODE:5,4"} {
		t.Run(amid, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{Amid: amid, CNMI: func(n [5]int) bool { return n[1] == 2 }}, patient)
				b.becomes(t, b.write(t, "hello", number), store.Delivered)
				began := time.Now()
				check(t, b.sim.Phone(number).Send("direct"))
				if got := b.arrives(t); got.Text != "direct" || time.Since(began) > 5*time.Second {
					t.Errorf("got %q after %v", got.Text, time.Since(began))
				}
			})
		})
	}
}

// An answer to AT+CREG? may come after its OK: it counts, and leads to no other question.
func TestARegistrationThatIsToldAfterItsOKIsTaken(t *testing.T) {
	t.Parallel()
	for _, late := range []time.Duration{200 * time.Millisecond, 3 * time.Second} {
		t.Run(late.String(), func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{}, patient)
				b.is(t, time.Minute, "ready", ready)
				h := b.listen(func(m simulator.Moment) simulator.Fault {
					if m.Point == simulator.AtCommand && (m.Line == "AT+CREG?" || m.Line == "AT+CGREG?" || m.Line == "AT+CEREG?") {
						return simulator.Fault{Tardy: late}
					}
					return simulator.Fault{}
				})
				after(time.Hour)
				if n := h.count("AT+CREG?"); n > 15 {
					t.Errorf("in an hour it was asked %d times", n)
				}
				b.is(t, time.Second, "registered", func(m store.Modem) bool { return m.Registration == "registered" })
				b.sim.Register(2)
				b.is(t, time.Minute, "searching", func(m store.Modem) bool { return m.Registration == "searching" })
				b.sim.Register(5)
				b.is(t, time.Minute, "roaming", func(m store.Modem) bool { return m.Registration == "registered, roaming" })
			})
		})
	}
}

// The TP-MR may come after the OK: its report is known by it all the same.
func TestAReferenceThatIsToldAfterItsOKIsTaken(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{ReportDelay: time.Second}, patient)
		b.is(t, time.Minute, "ready", ready)
		b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
			if m.Point == simulator.AtResult {
				return simulator.Fault{Tardy: 200 * time.Millisecond}
			}
			return simulator.Fault{}
		})
		for _, text := range []string{"one", "two", "three"} {
			b.becomes(t, b.write(t, text, number), store.Delivered)
		}
		b.onlyTo(t, number, 3)
	})
}

func TestALengthAloneBesideATextIsEnough(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{BareCMGR: true}, patient)
		b.is(t, time.Minute, "ready", ready)
		check(t, b.sim.StoreOwn(number, "a draft of my own", false))
		b.listen(func(m simulator.Moment) simulator.Fault {
			if m.Point == simulator.AtCommand && strings.HasPrefix(m.Line, "AT+CMGL") {
				return simulator.Fault{Answer: "+CMS ERROR: 302"}
			}
			return simulator.Fault{}
		})
		for i := range 16 { // of all lengths, among them those that begin with 2 and 3
			began := time.Now()
			text := strings.Repeat("x", i)
			check(t, b.sim.Phone(number).Send(text))
			if got := b.arrives(t); got.Text != text || time.Since(began) > 5*time.Second {
				t.Errorf("got %q after %v", got.Text, time.Since(began))
			}
		}
		after(time.Minute)
		if n := b.sim.Stored("SM"); n != 1 {
			t.Errorf("%d texts are on the SIM, want the draft alone", n)
		}
	})
}

func TestPDUsWithoutAMessageCentreAreRead(t *testing.T) {
	t.Parallel()
	for _, o := range []simulator.Options{
		{NoSMSC: true}, {NoSMSC: true, BareCMGR: true},
		{NoSMSC: true, CNMI: func(n [5]int) bool { return n[1] == 2 }}, {NoSMSC: true, CNMI: func(n [5]int) bool { return n[3] == 2 }},
	} {
		t.Run(fmt.Sprintf("%t %t", o.BareCMGR, o.CNMI != nil), func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, o, patient)
				b.is(t, time.Minute, "ready", ready)
				for _, from := range []string{number, "+4915100000004", "12345", "Testbox"} {
					check(t, b.sim.Phone(from).Send("no centre"))
					if got := b.arrives(t); got.Text != "no centre" || got.Sender != from {
						t.Errorf("got %q from %s, want it from %s", got.Text, got.Sender, from)
					}
				}
				b.becomes(t, b.write(t, "reported", number), store.Delivered)
				after(2 * time.Minute)
				if n := b.sim.Stored("SM") + b.sim.Stored("SR"); n != 0 {
					t.Errorf("%d are on the SIM", n)
				}
			})
		})
	}
}

// What a person wrote with a phone stays on the SIM, whatever status the modem gives it.
func TestAPersonsOwnTextsStayOnTheSIM(t *testing.T) {
	t.Parallel()
	for _, lies := range []bool{false, true} {
		t.Run(fmt.Sprintf("told as received %t", lies), func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{BareCMGR: lies}, patient, func(b *bench) {
					check(t, b.sim.StoreOwn("+447911000001", "a draft", false))
					check(t, b.sim.StoreOwn("+447911000002", "was sent", true))
				})
				h := b.listen(func(m simulator.Moment) simulator.Fault {
					if lies && m.Point == simulator.AtCommand && strings.HasPrefix(m.Line, "AT+CMGL") {
						return simulator.Fault{Answer: "ERROR"}
					}
					return simulator.Fault{}
				})
				b.is(t, time.Minute, "ready", ready)
				check(t, b.sim.Phone(number).Send("hello"))
				if got := b.arrives(t); got.Text != "hello" {
					t.Errorf("got %q", got.Text)
				}
				after(6 * time.Hour)
				rows, err := b.Modems(context.Background())
				check(t, err)
				remarks := only(t, rows).Remarks
				if remarked := strings.Contains(remarks, "is one to be sent"); remarked != lies {
					t.Errorf("the remarks are %q", remarks)
				}
				if n := b.sim.Stored("SM"); n != 2 || h.count("AT+CMGD") != 1 {
					t.Errorf("%d texts are on the SIM after %d deletes", n, h.count("AT+CMGD"))
				}
				if all, err := b.Unrouted(context.Background()); err != nil || len(all) != 0 {
					t.Errorf("they were taken for texts that came in: %+v, %v", all, err)
				}
			})
		})
	}
}

// A modem may forget how to announce, and say nothing: the next look asks again, so that reports come.
func TestReportsComeAgainAfterTheAnnouncementWasForgotten(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, patient)
		b.is(t, time.Minute, "ready", ready)
		b.sim.ForgetCNMI()
		after(5*time.Minute + 30*time.Second)
		b.becomes(t, b.write(t, "reported", number), store.Delivered)
	})
}

// A modem that falls into text mode unseen is brought back by the next look.
func TestALookFindsTextMode(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, patient)
		b.is(t, time.Minute, "ready", ready)
		b.sim.FallIntoTextMode()
		after(5*time.Minute + 30*time.Second)
		if b.sim.InTextMode() {
			t.Error("it is still in text mode")
		}
	})
}

func TestASIMThatIsSwappedSilentlyIsNoticed(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, patient)
		b.is(t, time.Minute, "ready", ready)
		b.sim.SwapSIM(simulator.Card{Number: "+15550300000", IMSI: "001010000000003", ICCID: "8900101000000000014"})
		b.is(t, 6*time.Minute, "another SIM's", func(m store.Modem) bool {
			return ready(m) && m.IMSI == "001010000000003" && m.ICCID == "8900101000000000014"
		})
		check(t, b.sim.Phone(number).Send("to the new SIM"))
		if got := b.arrives(t); got.SIM != "001010000000003" {
			t.Errorf("it came through %s", got.SIM)
		}
	})
}

// directly is what comes in at once, as lines of a modem: so many texts or reports.
func directly(t testing.TB, report bool, n int) (lines []string) {
	t.Helper()
	for i := range n {
		name := "+CMT: ,"
		var tpdu []byte
		if report {
			name = "+CDS: "
			var err error
			r := sms.StatusReport{MR: byte(i), To: fmt.Sprintf("+4479%08d", i), SCTS: time.Now(), Discharge: time.Now()}
			tpdu, err = r.TPDU()
			check(t, err)
		} else {
			tpdus, err := sms.Deliver{From: number, Text: fmt.Sprint("text ", i), SCTS: time.Now()}.TPDUs(0)
			check(t, err)
			tpdu = tpdus[0]
		}
		lines = append(lines, fmt.Sprint(name, len(tpdu)), sms.JoinPDU("", tpdu))
	}
	return lines
}

// counter counts the lines of a log that hold some words.
type counter struct {
	slog.Handler
	words string
	n     *atomic.Int64
}

func (c counter) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, c.words) {
		c.n.Add(1)
	}
	return nil
}
func (c counter) Enabled(context.Context, slog.Level) bool { return true }
func (c counter) WithAttrs([]slog.Attr) slog.Handler       { return c }
func (c counter) WithGroup(string) slog.Handler            { return c }

// What comes directly is nowhere else: however much it is, all of it is stored.
func TestThousandsThatComeDirectlyAtOnceAreAllStored(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		report bool
		n      int
		point  simulator.Point
	}{
		{"5,000 texts while a segment is with the modem", false, 5000, simulator.AtPDU},
		{"3,000 reports", true, 3000, simulator.AtCommand},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var said atomic.Int64
			b := connect(t, simulator.Options{}, func(b *bench) {
				b.waits = 3 * time.Minute
				b.modem = modem.New(b.Store, "sim", func(context.Context) (io.ReadWriteCloser, error) { return b.sim.Open() },
					slog.New(counter{slog.DiscardHandler, "much comes in at once", &said}))
			})
			b.is(t, time.Minute, "ready", ready)
			lines := directly(t, c.report, c.n)
			noise := slices.Repeat([]string{`+CMTI: "SM",1`, "+CREG: 1"}, 2000)
			b.sim.Misbehave(simulator.Once(c.point, simulator.Fault{URCs: slices.Concat(noise, lines)}))
			b.becomes(t, b.write(t, "out", "+447911000002"), store.Delivered)
			stored := func() int {
				if !c.report {
					return b.rows(t, "incoming")
				}
				return b.rows(t, "reports")
			}
			want := c.n
			if c.report {
				want++ // that of the text
			}
			for deadline := time.Now().Add(b.waits); stored() < want && time.Now().Before(deadline); {
				time.Sleep(50 * time.Millisecond)
			}
			if got := stored(); got != want {
				t.Errorf("%d are stored, want %d", got, want)
			}
			if said.Load() != 1 {
				t.Errorf("the log says it %d times", said.Load())
			}
		})
	}
}

// What comes directly while the store takes nothing is stored later, even where the session ends meanwhile:
// as of the SIM through which it came. The modem has given up on the acknowledgements by then.
func TestWhatComesDirectlyAtAStoreErrorIsStoredLater(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		end  func(*simulator.Simulator)
	}{
		{"the session goes on", nil},
		{"the session ends", (*simulator.Simulator).Reset},
		{"another SIM is put in", func(s *simulator.Simulator) {
			s.InsertSIM(simulator.Card{Number: "+15550300000", IMSI: "001010000000003", ICCID: "8900101000000000014"})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{CNMI: func(n [5]int) bool { return n[1] == 2 }}, patient)
				b.is(t, time.Minute, "ready", ready)
				b.becomes(t, b.write(t, "before", number), store.Delivered)
				after(10 * time.Second) // the report of this text is acknowledged, which is not to be counted
				before := b.rows(t, "reports")
				resume := b.jam(t)
				lines := append(directly(t, false, 3), directly(t, true, 2)...)
				h := b.listen(simulator.Once(simulator.AtCommand, simulator.Fault{URCs: lines}))
				after(6 * time.Minute) // a look, at the latest
				if c.end != nil {
					c.end(b.sim)
					after(10 * time.Second)
				}
				resume()
				for i := range 3 {
					if got := b.arrives(t); got.Text != fmt.Sprint("text ", i) || got.SIM != "001010123456789" {
						t.Errorf("got %q through %s", got.Text, got.SIM)
					}
				}
				after(10 * time.Second)
				if got := b.rows(t, "reports") - before; got != 2 {
					t.Errorf("%d reports are stored, want 2", got)
				}
				if n := h.count("AT+CNMA"); n != 0 {
					t.Errorf("%d acknowledgements, want none", n)
				}
			})
		})
	}
}

// A text is stored and its acknowledgement has to wait: for the answer of the SMSC to a segment, or for that of
// a modem that was silent. By then the modem has given up on it and passed the next text on, which is not
// stored yet: this one must not be acknowledged. It is when it is stored in time, and the first one comes again.
func TestALateAcknowledgementIsNotTakenForTheNextText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		fault simulator.Fault
		delay time.Duration
	}{
		{"a segment is with the SMSC", simulator.Fault{}, 17 * time.Second},
		{"the modem is silent", simulator.Fault{Lose: true}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{
					SubmitDelay: c.delay, ReportDelay: time.Hour, Unacknowledged: true, CNMI: func(n [5]int) bool { return n[1] == 2 },
				}, patient, func(b *bench) { b.modem.Patience.Submit, b.modem.Patience.Grace = 18*time.Second, time.Second })
				b.is(t, time.Minute, "ready", ready)
				h := b.listen(simulator.Once(simulator.AtPDU, c.fault))
				id := b.write(t, "out", number)
				after(time.Second)
				check(t, b.sim.Phone(number).Send("first"))
				check(t, b.sim.Phone(number).Send("second"))
				after(9 * time.Second)
				if got := b.rows(t, "incoming"); got != 1 {
					t.Fatalf("%d texts are stored, want the first one", got)
				}
				resume := b.jam(t)
				after(14 * time.Second) // the first one was given up, the second one came
				if n := h.count("AT+CNMA"); n != 0 {
					t.Errorf("%d acknowledgements while a text waits that is not stored", n)
				}
				resume()
				after(5 * time.Second)
				if n := h.count("AT+CNMA"); n != 1 {
					t.Errorf("%d acknowledgements, want that of the second text", n)
				}
				after(2 * time.Minute)
				for _, want := range []string{"first", "second"} {
					if got := b.arrives(t); got.Text != want {
						t.Errorf("got %q, want %q", got.Text, want)
					}
				}
				if got := b.rows(t, "incoming"); got != 2 {
					t.Errorf("%d texts are stored, want 2", got)
				}
				if n := h.count("AT+CNMA"); n < 2 {
					t.Error("what came again was not acknowledged")
				}
				if d, err := b.Deliveries(context.Background(), id); err != nil || !d[0].Settled() {
					t.Errorf("the text is %+v, %v", d, err)
				}
			})
		})
	}
}

// After an acknowledgement that came too late the modem passes nothing more on: it is told to at once.
func TestAModemThatGaveUpOnItsHostIsAskedAgainAtOnce(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{SubmitDelay: 30 * time.Second, CNMI: func(n [5]int) bool { return n[1] == 2 }}, patient)
		b.is(t, time.Minute, "ready", ready)
		b.write(t, "out", number)
		after(time.Second)
		check(t, b.sim.Phone(number).Send("first"))
		after(20 * time.Second)
		check(t, b.sim.Phone(number).Send("second"))
		after(15 * time.Second)
		if got := b.rows(t, "incoming"); got != 2 {
			t.Errorf("%d texts are stored, want 2", got)
		}
	})
}

// A modem that is not told to be in a network may be in one all the same: after a while a text is tried.
func TestATextIsTriedThoughNoNetworkIsTold(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, patient, func(b *bench) {
			b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
				if name, ok := strings.CutSuffix(m.Line, "REG?"); ok && m.Point == simulator.AtCommand {
					return simulator.Fault{Answer: name[2:] + "REG: 0,0\r\n\r\nOK"}
				}
				return simulator.Fault{}
			})
		})
		began := time.Now()
		b.becomes(t, b.write(t, "hello", number), store.Delivered)
		if took, want := time.Since(began), modem.DefaultPatience().Network; took < want || took > want+20*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// An OK without the information that was asked for is an answer too, if the information does not follow soon.
func TestAnOKAloneIsAnAnswer(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, patient)
		b.is(t, time.Minute, "ready", ready)
		after(10*time.Minute + 10*time.Second)
		b.listen(func(m simulator.Moment) simulator.Fault {
			if m.Point == simulator.AtCommand && m.Line == "AT+CMGF?" {
				return simulator.Fault{Answer: "OK"}
			}
			return simulator.Fault{}
		})
		began := time.Now()
		b.becomes(t, b.write(t, "hello", number), store.Delivered)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// While the disk takes nothing the store tells so once, and the modem's log is quiet, however often it tries again.
func TestADiskThatTakesNothingIsNotToldAgainAndAgain(t *testing.T) {
	for _, c := range []struct {
		name    string
		options simulator.Options
	}{
		{"texts come directly", simulator.Options{CNMI: func(n [5]int) bool { return n[1] == 2 }}},
		{"texts come on the SIM", simulator.Options{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				var log bytes.Buffer
				b := connect(t, c.options, patient, func(b *bench) {
					b.modem = modem.New(b.Store, "sim", func(context.Context) (io.ReadWriteCloser, error) { return b.sim.Open() },
						slog.New(slog.NewTextHandler(&log, nil)))
				})
				b.is(t, time.Minute, "ready", ready)
				began := log.Len()
				b.write(t, "it waits", number)
				path := filepath.Join(b.Dir(), store.File)
				check(t, os.Rename(path, path+".away"))
				check(t, b.sim.Phone(number).Send("it comes in"))
				after(10 * time.Minute)
				if said := log.String()[began:]; strings.Contains(said, "ERROR") {
					t.Errorf("the log says %d times that something is wrong:\n%.2000s", strings.Count(said, "ERROR"), said)
				}
				check(t, os.Rename(path+".away", path))
				if got := b.arrives(t); got.Text != "it comes in" {
					t.Errorf("got %q", got.Text)
				}
			})
		})
	}
}

// What comes directly in the moment of a stop is stored before the end, even if the store takes it only then.
func TestWhatComesDirectlyAtAStopIsStored(t *testing.T) {
	t.Parallel()
	for _, jammed := range []bool{false, true} {
		t.Run(fmt.Sprintf("the store is jammed %t", jammed), func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{SubmitDelay: 3 * time.Second}, patient)
				b.is(t, time.Minute, "ready", ready)
				resume := func() {}
				if jammed {
					resume = b.jam(t)
				}
				b.sim.Misbehave(simulator.Once(simulator.AtPDU, simulator.Fault{URCs: directly(t, false, 3)}))
				b.write(t, "in flight", number)
				after(time.Second)
				stopped := make(chan struct{})
				go func() {
					defer close(stopped)
					b.stop()
				}()
				after(4500 * time.Millisecond)
				resume()
				<-stopped
				if got, err := b.Unrouted(context.Background()); err != nil || len(got) != 3 {
					t.Errorf("%d texts are stored, %v", len(got), err)
				}
			})
		})
	}
}

// A line that drops often, but works in between, is opened again at once each time.
func TestALineThatDropsOftenButWorksIsNotPunished(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		out  bool
	}{{"segments go out", true}, {"texts come in", false}} {
		t.Run(c.name, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{}, patient)
				b.is(t, time.Minute, "ready", ready)
				const drops = 30
				began := time.Now()
				for i := range drops {
					if c.out {
						b.becomes(t, b.write(t, fmt.Sprint("text ", i), number), store.Delivered)
					} else {
						check(t, b.sim.Phone(number).Send(fmt.Sprint("text ", i)))
						b.arrives(t)
					}
					b.sim.Reset()
				}
				if took := time.Since(began); took > drops*4*time.Second {
					t.Errorf("%d texts took %v", drops, took)
				}
			})
		})
	}
}

// database does something with the store's database, as another process would.
func (b *bench) database(t testing.TB, do func(*sql.DB)) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(b.Dir(), store.File)+"?_pragma=busy_timeout(10000)")
	check(t, err)
	defer db.Close()
	do(db)
}

// rows is how many rows a table of the store has.
func (b *bench) rows(t testing.TB, table string) (n int) {
	t.Helper()
	b.database(t, func(db *sql.DB) { check(t, db.QueryRow(`SELECT count(*) FROM `+table).Scan(&n)) })
	return n
}

// jam makes the store take nothing that comes in, until resume is called.
func (b *bench) jam(t testing.TB) (resume func()) {
	t.Helper()
	exec := func(format string) {
		b.database(t, func(db *sql.DB) {
			for _, table := range []string{"incoming_segments", "reports"} {
				_, err := db.Exec(fmt.Sprintf(format, table))
				check(t, err)
			}
		})
	}
	exec(`CREATE TRIGGER jam_%[1]s BEFORE INSERT ON %[1]s BEGIN SELECT raise(ABORT, 'jammed'); END`)
	return func() { exec(`DROP TRIGGER jam_%s`) }
}
