package modem_test

import (
	"context"
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

// given counts how often each PIN was given to the SIM.
func given(b *bench) map[string]int {
	pins := map[string]int{}
	b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
		if pin, ok := strings.CutPrefix(m.Line, "AT+CPIN="); ok && m.Point == simulator.AtCommand {
			pins[strings.Trim(pin, `"`)]++
		}
		return simulator.Fault{}
	})
	return pins
}

func barred(words string) func(store.Modem) bool {
	return func(m store.Modem) bool { return !m.Up && strings.Contains(m.Problem, words) }
}

func TestAPINIsGivenOnce(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{PIN: "1234"}, patient)
		pins := given(b)
		b.is(t, time.Minute, "barred", barred("give it with `omsbox set sim.pin/8900101000000000006 PIN`; 3 tries are left"))
		if got := b.alarmed(t); !slices.Equal(got, []string{"sim"}) {
			t.Errorf("the alarms %v are open", got)
		}
		check(t, b.Set(t.Context(), "sim.pin", "9999"))
		b.is(t, time.Minute, "barred", barred("refused the PIN in the settings"))
		after(time.Hour)
		check(t, b.Set(t.Context(), "sim.pin", "8888"))
		b.is(t, time.Minute, "barred", barred("a single try is left"))
		check(t, b.Set(t.Context(), "sim.pin", "9999")) // again
		after(time.Hour)
		check(t, b.Set(t.Context(), "sim.pin", "1234")) // the right one, but nobody knows
		after(time.Hour)
		b.is(t, time.Minute, "barred", barred("a single try is left, which is not risked here"))
		if pins["9999"] != 1 || pins["8888"] != 1 || pins["1234"] != 0 {
			t.Errorf("the PINs were given so often: %v", pins)
		}
	})
}

func TestARightPINIsGivenAgainAfterEachRestart(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{PIN: "1234"}, patient, func(b *bench) { check(t, b.Set(context.Background(), "sim.pin", "1234")) })
		b.is(t, time.Minute, "ready", ready)
		for range 3 {
			b.sim.Reset()
			b.becomes(t, b.write(t, "hello", number), store.Delivered)
		}
		if got := b.alarmed(t); got != nil {
			t.Errorf("the alarms %v are open", got)
		}
	})
}

func TestAPINIsNotGivenTwiceThoughOmsboxIsKilledInBetween(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, pin   string
		told, again bool
		want        string
	}{
		{"a wrong one was given", "9999", true, false, "whether the SIM took the PIN in the settings is not known; 2 tries are left"},
		{"the right one was given", "1234", true, true, ""},
		{"none was given yet", "1234", false, true, ""},
		{"no wrong one was given yet", "9999", false, true, "refused the PIN"},
	} {
		t.Run(c.name, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{PIN: "1234"}, patient, func(b *bench) {
					const iccid = "8900101000000000006"
					trial, err := b.TryPIN(context.Background(), iccid, c.pin, 3)
					check(t, err)
					if trial != store.PINNew {
						t.Fatalf("the trial is %v", trial)
					}
					if c.told { // and nobody stored what the SIM said
						port, err := b.sim.Open()
						check(t, err)
						s := modem.NewSession(port, modem.DefaultPatience(), quiet())
						s.Command(context.Background(), fmt.Sprintf("+CPIN=%q", c.pin))
						s.Close()
						if c.pin == "1234" {
							b.sim.Reset() // asks for it again, with all tries
						}
					}
					check(t, b.Set(context.Background(), "sim.pin", c.pin))
				})
				pins := given(b)
				if c.want == "" {
					b.is(t, time.Minute, "ready", ready)
				} else {
					b.is(t, time.Minute, "barred", barred(c.want))
				}
				after(20 * time.Minute)
				if again := pins[c.pin] > 0; again != c.again || pins[c.pin] > 1 {
					t.Errorf("it was given %d times", pins[c.pin])
				}
			})
		})
	}
}

func TestTheTriesOfAPINAreReadFromEachFamily(t *testing.T) {
	t.Parallel()
	for _, profile := range simulator.Profiles() {
		t.Run(profile, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{Profile: profile, PIN: "1234"}, patient)
				b.is(t, time.Minute, "barred", barred("; 3 tries are left"))
				check(t, b.Set(t.Context(), "sim.pin", "4321"))
				b.is(t, time.Minute, "barred", barred("2 tries are left"))
				check(t, b.Set(t.Context(), "sim.pin", "1234"))
				b.is(t, time.Minute, "ready", ready)
			})
		})
	}
}

// A modem may tell its errors in words although AT+CMEE=1 asks for their numbers.
func TestASIMThatAsksForItsPINInWords(t *testing.T) {
	hours(t, func(t *testing.T) {
		asked := 0
		b := connect(t, simulator.Options{PIN: "1234", Words: true}, patient, func(b *bench) {
			check(t, b.Set(context.Background(), "sim.pin", "1234"))
			given := false
			b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
				given = given || m.Point == simulator.AtCommand && strings.HasPrefix(m.Line, "AT+CPIN=")
				if m.Point == simulator.AtCommand && m.Line == "AT+CPIN?" && !given {
					asked++
					return simulator.Fault{Answer: "+CME ERROR: SIM PIN required"}
				}
				return simulator.Fault{}
			})
		})
		b.becomes(t, b.write(t, "hello", number), store.Delivered)
		if asked == 0 {
			t.Error("nobody asked for the SIM's state")
		}
	})
}

// PIN2 is for things that no text needs.
func TestASIMThatAsksForItsPIN2IsUsed(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{"+CPIN: SIM PIN2\r\n\r\nOK", "+CME ERROR: 17", "+CME ERROR: SIM PUK2 required", "+CMS ERROR: 317"} {
		t.Run(answer, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{}, patient, func(b *bench) {
					b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
						if m.Point == simulator.AtCommand && m.Line == "AT+CPIN?" {
							return simulator.Fault{Answer: answer}
						}
						return simulator.Fault{}
					})
				})
				b.becomes(t, b.write(t, "hello", number), store.Delivered)
			})
		})
	}
}

func TestASIMThatCannotBeUsedSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, answer, want string
	}{
		{"PUK", "+CPIN: SIM PUK", "asks for its PUK"},
		{"none", "+CME ERROR: 10", "there is no SIM in the modem"},
		{"failure", "+CME ERROR: 13", "the SIM does not work"},
		{"busy", "+CME ERROR: 14", "the SIM is busy"},
		{"wrong", "+CME ERROR: 15", "wrong SIM"},
		{"locked to an operator", "+CPIN: PH-NET PIN", "locked to another SIM or operator"},
		{"locked to an operator, as an error", "+CME ERROR: 40", "the modem is locked to a network"},
		{"none, in words", "+CME ERROR: SIM not inserted", "there is no SIM in the modem"},
		{"none, in words of the message service", "+CMS ERROR: (U)SIM not inserted", "there is no SIM in the modem"},
		{"PUK, in words", "+CME ERROR: SIM PUK required", "asks for its PUK"},
		{"failure, in words", "+CME ERROR: SIM failure", "the SIM does not work"},
		{"busy, in words", "+CME ERROR: SIM busy", "the SIM is busy"},
		{"wrong, in words", "+CME ERROR: SIM wrong", "wrong SIM"},
		{"locked to another SIM, in words", "+CME ERROR: PH-SIM PIN required", "locked to another SIM or operator"},
	} {
		t.Run(c.name, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				resets := 0
				b := connect(t, simulator.Options{}, patient, func(b *bench) {
					b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
						switch {
						case m.Point == simulator.AtCommand && strings.HasPrefix(m.Line, "AT+CFUN="):
							resets++
						case m.Point == simulator.AtCommand && m.Line == "AT+CPIN?":
							if strings.HasPrefix(c.answer, "+CPIN") {
								return simulator.Fault{Answer: c.answer + "\r\n\r\nOK"}
							}
							return simulator.Fault{Answer: c.answer}
						}
						return simulator.Fault{}
					})
				})
				b.is(t, 2*time.Minute, "barred", barred(c.want))
				after(20 * time.Minute)
				if got := b.alarmed(t); !slices.Equal(got, []string{"sim"}) || resets != 0 {
					t.Errorf("the alarms %v are open; the radio was touched %d times", got, resets)
				}
				b.sim.Misbehave(nil)
				b.is(t, time.Minute, "ready", ready)
				if got := b.alarmed(t); got != nil {
					t.Errorf("the alarms %v are open", got)
				}
			})
		})
	}
}

func TestAnotherSIMIsNoticed(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, patient)
		b.is(t, time.Minute, "ready", ready)
		b.sim.RemoveSIM()
		b.is(t, 10*time.Minute, "barred", barred("there is no SIM"))
		b.sim.InsertSIM(simulator.Card{IMSI: "262011234567890", ICCID: "8949222222222222222"})
		b.is(t, time.Minute, "ready", func(m store.Modem) bool {
			return ready(m) && m.IMSI == "262011234567890" && m.ICCID == "8949222222222222222"
		})
		b.becomes(t, b.write(t, "hello", number), store.Delivered)
	})
}

func TestAModemIsUsedWhateverItWasLeftIn(t *testing.T) {
	t.Parallel()
	for _, left := range []string{"ATV0", "ATQ1", "ATE1", "ATE0V0", "AT+CMEE=2", "AT+CMEE=0", "AT+CMGF=1", `AT+CSCS="UCS2"`, "AT+CFUN=4", "AT+CFUN=0", "AT+COPS=2",
		"AT+CSMS=1", "AT+CNMI=2,2,0,1,0", "AT+CREG=2", "AT+CGREG=2", "AT+CMGS=20\r0011000B91", "half a li"} {
		t.Run(left, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{Search: 5 * time.Second}, patient, func(b *bench) {
					port, err := b.sim.Open()
					check(t, err)
					_, err = io.WriteString(port, left)
					check(t, err)
					if !strings.HasPrefix(left, "half") && !strings.Contains(left, "CMGS") {
						io.WriteString(port, "\r")
					}
					time.Sleep(time.Second)
					check(t, port.Close())
				})
				began := time.Now()
				b.becomes(t, b.write(t, "hello", number), store.Delivered)
				if took := time.Since(began); took > time.Minute {
					t.Errorf("it took %v", took)
				}
				check(t, b.sim.Phone(number).Send("and back"))
				if got := b.arrives(t); got.Text != "and back" {
					t.Errorf("got %q", got.Text)
				}
			})
		})
	}
}

func TestEachFamilySendsAndReceives(t *testing.T) {
	t.Parallel()
	for _, profile := range simulator.Profiles() {
		t.Run(profile, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{Profile: profile, Chatter: 3 * time.Second, Search: 4 * time.Second}, patient)
				b.becomes(t, b.write(t, strings.Repeat("long ", 50), number), store.Delivered)
				text := strings.Repeat("reply ", 60)
				check(t, b.sim.Phone(number).SendParts(text, 3, 1, 2))
				if got := b.arrives(t); got.Text != text {
					t.Errorf("got %q", got.Text)
				}
				row := b.is(t, time.Minute, "ready", ready)
				if row.ICCID == "" || row.IMSI == "" || row.SMSC == "" || row.Storage == "" {
					t.Errorf("of the modem is known %+v", row)
				}
				if row.Remarks != "" {
					t.Logf("remarks: %s", row.Remarks)
				}
			})
		})
	}
}

func TestAModemIsToldOfWhatComesInTheBestWayItTakes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		takes func([5]int) bool
	}{
		{"all", nil},
		{"mode 1 alone", func(n [5]int) bool { return n[0] == 1 }},
		{"bfr 1 alone", func(n [5]int) bool { return n[4] == 1 }},
		{"no direct reports", func(n [5]int) bool { return n[3] != 1 }},
		{"direct delivery alone", func(n [5]int) bool { return n[1] == 2 }},
		{"no reports", func(n [5]int) bool { return n[3] == 0 }},
		{"nothing", func(n [5]int) bool { return n == [5]int{} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				b := connect(t, simulator.Options{CNMI: c.takes}, patient)
				want := store.Delivered
				if c.name == "no reports" || c.name == "nothing" {
					want = store.Sent
				}
				b.becomes(t, b.write(t, "hello", number), want)
				check(t, b.sim.Phone(number).Send("hello"))
				if got := b.arrives(t); got.Text != "hello" {
					t.Errorf("got %q", got.Text)
				}
				if want == store.Sent {
					b.is(t, time.Minute, "remarked", func(m store.Modem) bool { return m.Remarks != "" })
				}
			})
		})
	}
}

func TestAnAnnouncementThatIsSilentlyDroppedIsNoticed(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{CNMILife: 3 * time.Minute}, patient)
		b.is(t, time.Minute, "ready", ready)
		after(time.Hour)
		check(t, b.sim.Phone(number).Send("hello"))
		began := time.Now()
		if got := b.arrives(t); got.Text != "hello" {
			t.Errorf("got %q", got.Text)
		}
		if took := time.Since(began); took > 2*time.Minute {
			t.Errorf("it took %v", took)
		}
		b.is(t, time.Minute, "remarked", func(m store.Modem) bool { return strings.Contains(m.Remarks, "stopped to announce") })
	})
}

func TestASIMWithoutItsMessageCentreSaysSo(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, patient, func(b *bench) { b.sim.SetSMSC("") })
		b.is(t, time.Minute, "in trouble", func(m store.Modem) bool { return strings.Contains(m.Problem, "omsbox set sim.smsc/001010123456789") })
		id := b.write(t, "hello", number)
		after(time.Minute)
		check(t, b.Set(t.Context(), "sim.smsc", "+15550199999"))
		b.becomes(t, id, store.Delivered)
		b.is(t, time.Minute, "ready", ready)
	})
}

func TestAPINThatIsRefusedWithoutAReasonIsNotGivenAgain(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{PIN: "1234"}, patient)
		pins := 0
		b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
			if m.Point == simulator.AtCommand && strings.HasPrefix(m.Line, "AT+CPIN=") {
				pins++
				return simulator.Fault{Answer: "ERROR"} // and it goes on to tell three tries
			}
			return simulator.Fault{}
		})
		check(t, b.Set(t.Context(), "sim.pin", "9999"))
		b.is(t, time.Minute, "barred", barred("refused"))
		after(6 * time.Hour)
		if pins != 1 {
			t.Errorf("it was given %d times", pins)
		}
	})
}
