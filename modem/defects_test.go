package modem_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"omsbox/modem"
	"omsbox/modem/simulator"
	"omsbox/modem/sms"
	"omsbox/store"
)

// These tests hold the session against what was measured of the AT library beneath it, and of the
// GSM layer that comes with that and is not used: one test for each defect.

// session opens a dialogue with a simulated modem that nothing else talks to.
func session(t testing.TB, sim *simulator.Simulator) *modem.Session {
	t.Helper()
	port, err := sim.Open()
	check(t, err)
	s := modem.NewSession(port, impatient(), quiet())
	t.Cleanup(func() { s.Close() })
	check(t, modem.Prepare(t.Context(), s))
	return s
}

func pdu(t testing.TB, to, text string) (string, int) {
	t.Helper()
	tpdus, err := sms.Submit{To: to, Text: text}.TPDUs()
	check(t, err)
	return sms.JoinPDU("", tpdus[0]), len(tpdus[0])
}

// 1: senders shared an array, so that messages went to the wrong phone.
func TestConcurrentSendersNeverMixTheirNumbers(t *testing.T) {
	hours(t, func(t *testing.T) {
		sim := simulator.New(simulator.Options{})
		defer sim.Close()
		s := session(t, sim)
		const each = 300
		var group sync.WaitGroup
		for _, to := range []string{"+447911000001", "+447911000002"} {
			group.Go(func() {
				for i := range each {
					hex, octets := pdu(t, to, fmt.Sprintf("%d for %s", i, to))
					if _, err := s.Submit(context.Background(), hex, octets); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		for _, got := range sim.Submitted() {
			if !strings.HasSuffix(got.Text, "for "+got.To) {
				t.Errorf("%s got %q", got.To, got.Text)
			}
		}
		if got := sim.Count(); got != 2*each {
			t.Errorf("%d messages left, want %d", got, 2*each)
		}
	})
}

// 2: every long message had reference 1, and the reported TP-MR was the library's own count.
func TestEachLongMessageHasItsOwnReferenceAndTheModemsMR(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{FirstMR: 200})
		for range 3 {
			b.becomes(t, b.write(t, strings.Repeat("long ", 50), number), store.Delivered)
		}
		var refs []uint16
		for i, got := range b.sim.Submitted() {
			if got.MR != byte(200+i) {
				t.Errorf("segment %d has TP-MR %d", i, got.MR)
			}
			if !slices.Contains(refs, got.Concat.Ref) {
				refs = append(refs, got.Concat.Ref)
			}
		}
		if len(refs) != 3 {
			t.Errorf("three long messages had the references %v", refs)
		}
	})
}

// 3: an unsolicited line was taken for a part of the running command's answer.
func TestUnsolicitedLinesStayOutOfAnswers(t *testing.T) {
	hours(t, func(t *testing.T) {
		sim := simulator.New(simulator.Options{})
		defer sim.Close()
		s := session(t, sim)
		urcs := []string{`+CMTI: "SM",3`, "^RSSI: 17", "+CREG: 1", "RING", "NO CARRIER", "OVER-VOLTAGE WARNNING"}
		for _, line := range []string{"+CSQ", "+CGMI", "+CMGL=4"} {
			want, err := s.Command(t.Context(), line)
			check(t, err)
			sim.Misbehave(func(m simulator.Moment) simulator.Fault {
				if m.Point == simulator.AtCommand && m.Line == "AT"+line {
					return simulator.Fault{URCs: urcs}
				}
				return simulator.Fault{}
			})
			got, err := s.Command(t.Context(), line)
			check(t, err)
			sim.Misbehave(nil)
			if !slices.Equal(got, want) {
				t.Errorf("AT%s with unsolicited lines inside gives %q, want %q", line, got, want)
			}
		}
	})
}

// 4: after a time-out the late answer counted as the next command's.
func TestALateAnswerIsNotTheNextCommands(t *testing.T) {
	hours(t, func(t *testing.T) {
		sim := simulator.New(simulator.Options{})
		defer sim.Close()
		s := session(t, sim)
		hex, octets := pdu(t, number, "slow")
		sim.Misbehave(simulator.Once(simulator.AtResult, simulator.Fault{Late: impatient().Submit + impatient().Grace/2}))
		if mr, err := s.Submit(t.Context(), hex, octets); mr != 0 || err != nil {
			t.Fatalf("an answer that is a little late gives %d, %v", mr, err)
		}
		sim.Misbehave(simulator.Once(simulator.AtResult, simulator.Fault{Late: 2 * impatient().Submit}))
		if _, err := s.Submit(t.Context(), hex, octets); !errors.Is(err, modem.ErrUnanswered) {
			t.Fatalf("got %v, want %v", err, modem.ErrUnanswered)
		}
		for began := time.Now(); time.Since(began) < impatient().Submit; time.Sleep(10 * time.Millisecond) {
			got, err := s.Command(t.Context(), "+CSQ")
			check(t, err)
			if len(got) != 1 || !strings.Contains(got[0], ",") {
				t.Fatalf("AT+CSQ gives %q", got)
			}
		}
		if mr, err := s.Submit(t.Context(), hex, octets); mr != 2 || err != nil {
			t.Errorf("the next segment has reference %d, %v", mr, err)
		}
	})
}

// 4 again: a late answer while the next segment was with the modem counted as that one's.
func TestALateAnswerDuringTheNextSegmentIsNotItsOwn(t *testing.T) {
	hours(t, func(t *testing.T) {
		submit := impatient().Submit
		b := connect(t, simulator.Options{SubmitDelay: submit * 6 / 10, ReportDelay: time.Hour})
		b.sim.Phone("+447911000002").Refuse(28)
		b.sim.Misbehave(simulator.Once(simulator.AtResult, simulator.Fault{Late: submit * 12 / 10}))
		late := b.write(t, "answered late", number)
		refused := b.write(t, "refused", "+447911000002")
		b.becomes(t, refused, store.Failed)
		b.becomes(t, late, store.Sent)
	})
}

// 4 again: after a segment was given up, the first answer may be its own; only a second one tells.
func TestAnAnswerThatMayBeTheEarlierSegmentsIsNotTakenForCertain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		fault   simulator.Fault // while the next segment is with the modem
		point   simulator.Point
		mr      int
		want    error
		refused bool
	}{
		// The refusal comes between its "+CMGS: 1" and OK here: it is taken, under a reference that is not known.
		{"a late refusal amid its own success", simulator.Fault{URCs: []string{"+CMS ERROR: 38"}}, simulator.AtResult, -1, nil, false},
		{"a refusal and no more", simulator.Fault{Answer: "+CMS ERROR: 38"}, simulator.AtPDU, -1, modem.ErrUnanswered, false},
		{"a late success, then its own refusal", simulator.Fault{URCs: []string{"+CMGS: 0", "OK"}, Answer: "+CMS ERROR: 28"}, simulator.AtPDU, -1, nil, true},
		{"success and no more", simulator.Fault{}, simulator.AtResult, 1, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			hours(t, func(t *testing.T) {
				sim := simulator.New(simulator.Options{})
				defer sim.Close()
				s := session(t, sim)
				sim.Misbehave(simulator.Once(simulator.AtResult, simulator.Fault{Lose: true}))
				hex, octets := pdu(t, number, "given up")
				if _, err := s.Submit(t.Context(), hex, octets); !errors.Is(err, modem.ErrUnanswered) {
					t.Fatalf("got %v, want %v", err, modem.ErrUnanswered)
				}
				sim.Misbehave(simulator.Once(c.point, c.fault))
				mr, err := s.Submit(t.Context(), hex, octets)
				var refused *modem.CommandError
				if mr != c.mr || errors.As(err, &refused) != c.refused || !c.refused && !errors.Is(err, c.want) {
					t.Errorf("got reference %d, %v", mr, err)
				}
			})
		})
	}
}

// 4 again: a late answer before the next prompt made the library report success for a PDU that had not left.
func TestALateAnswerBeforeThePromptIsNotForTheNextSegment(t *testing.T) {
	hours(t, func(t *testing.T) {
		sim := simulator.New(simulator.Options{})
		defer sim.Close()
		s := session(t, sim)
		for _, lines := range [][]string{{"+CMGS: 7", "OK"}, {"OK"}, {"NO CARRIER"}} {
			before := sim.Count()
			sim.Misbehave(simulator.Once(simulator.AtPrompt, simulator.Fault{Prompt: "\r\n" + strings.Join(lines, "\r\n\r\n") + "\r\n\r\n> "}))
			hex, octets := pdu(t, number, "text")
			mr, err := s.Submit(t.Context(), hex, octets)
			if err != nil || sim.Count() != before+1 || mr != before {
				t.Errorf("after %q: reference %d, %v, and %d left", lines, mr, err, sim.Count()-before)
			}
		}
	})
}

// 5: a write that blocked was under no time-out.
func TestAWriteThatBlocksEnds(t *testing.T) {
	hours(t, func(t *testing.T) {
		sim := simulator.New(simulator.Options{})
		defer sim.Close()
		s := session(t, sim)
		sim.StallWrites(true)
		defer sim.StallWrites(false)
		began := time.Now()
		if _, err := s.Command(t.Context(), "+CSQ"); err == nil {
			t.Error("a command that could not be written gave no error")
		}
		if took := time.Since(began); took > 3*impatient().Write {
			t.Errorf("it took %v", took)
		}
	})
}

// empty is a port that now and then returns nothing and no error, as one with a read timeout does.
type empty struct {
	io.ReadWriteCloser
	n int
}

func (e *empty) Read(p []byte) (int, error) {
	if e.n++; e.n%300 != 0 {
		return 0, nil
	}
	return e.ReadWriteCloser.Read(p)
}

// 6: a port that returned nothing a hundred times was given up.
func TestAPortWithAReadTimeoutWorks(t *testing.T) {
	hours(t, func(t *testing.T) {
		sim := simulator.New(simulator.Options{})
		defer sim.Close()
		port, err := sim.Open()
		check(t, err)
		patience := impatient()
		patience.Command, patience.Resync = 20*time.Second, 60*time.Second
		s := modem.NewSession(&empty{ReadWriteCloser: port}, patience, quiet())
		defer s.Close()
		if _, err := s.Command(t.Context(), "+CSQ"); err != nil {
			t.Error(err)
		}
	})
}

// 7: an empty text was a panic, and no message at all.
func TestAnEmptyTextIsOneMessage(t *testing.T) {
	hours(t, func(t *testing.T) {
		sim := simulator.New(simulator.Options{})
		defer sim.Close()
		s := session(t, sim)
		hex, octets := pdu(t, number, "")
		_, err := s.Submit(t.Context(), hex, octets)
		check(t, err)
		if got := sim.Phone(number).Inbox(); len(got) != 1 || got[0].Text != "" {
			t.Errorf("the phone has %+v", got)
		}
	})
}

// 8: short codes and national numbers were addressed as international ones.
func TestNumbersAreAddressedAsWhatTheyAre(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{})
		for to, toa := range map[string]byte{"+447911123456": 0x91, "12345": 0x81, "07911123456": 0x81} {
			before := b.sim.Count()
			id := b.write(t, "hello", to)
			b.waitFor(t, "the message to "+to, func() bool { return b.sim.Count() > before })
			got := b.sim.Submitted()[before]
			if got.To != to || got.TPDU[3] != toa { // FO, MR, length of DA, TOA: 23.040 9.2.2.2
				t.Errorf("message %d to %s went to %s with type of address %#x, want %#x", id, to, got.To, got.TPDU[3], toa)
			}
		}
	})
}

// 9: the header of a message went out as its text, since TP-UDHI was not set.
func TestAHeaderIsAnnounced(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{})
		b.becomes(t, b.write(t, strings.Repeat("x", 161), number), store.Delivered)
		for _, got := range b.sim.Submitted() {
			if got.TPDU[0]&0x40 == 0 { // 23.040 9.2.3.23
				t.Errorf("a segment of a long message has first octet %#x", got.TPDU[0])
			}
		}
	})
}

// 10: "+CDS: 25" and "+CMT: 25", without a comma, were errors.
func TestReportsAndTextsAreReadWithoutAComma(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{})
		tpdus, err := sms.Deliver{From: number, Text: "direct", SCTS: time.Now()}.TPDUs(0)
		check(t, err)
		id := b.write(t, "to be reported", "+447911000009")
		b.becomes(t, id, store.Delivered)
		b.sim.Misbehave(simulator.Once(simulator.AtPDU, simulator.Fault{Answer: "ERROR"}))
		doubt := b.write(t, "whether it left is not known", number)
		b.becomes(t, doubt, store.Unconfirmed)
		report, err := sms.StatusReport{MR: 77, To: number, SCTS: time.Now(), Discharge: time.Now()}.TPDU()
		check(t, err)
		b.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
			if m.Point == simulator.AtPDU {
				return simulator.Fault{URCs: []string{
					fmt.Sprintf("+CMT: %d", len(tpdus[0])), sms.JoinPDU("", tpdus[0]),
					fmt.Sprintf("+CDS: %d", len(report)), sms.JoinPDU("", report),
				}}
			}
			return simulator.Fault{}
		})
		last := b.write(t, "and these come with it", "+447911000009")
		if got := b.arrives(t); got.Text != "direct" {
			t.Errorf("got %q", got.Text)
		}
		b.becomes(t, last, store.Delivered)
		b.becomes(t, doubt, store.Delivered) // by the report of TP-MR 77
	})
}

// 11: a modem that answers ERROR to AT+GCAP, or spells it unusually, could not be used.
func TestAModemThatKnowsLittleIsUsed(t *testing.T) {
	hours(t, func(t *testing.T) {
		sim := simulator.New(simulator.Options{})
		needed := []string{"AT", "ATE0", "AT+CMGF", "AT+CMGS", "AT+CPMS", "AT+CMGL", "AT+CMGD", "AT+CSQ", "AT+CNMI"}
		sim.Misbehave(func(m simulator.Moment) simulator.Fault {
			name, _, _ := strings.Cut(strings.TrimRight(m.Line, "?"), "=")
			if m.Point == simulator.AtCommand && !slices.Contains(needed, name) {
				return simulator.Fault{Answer: "ERROR"}
			}
			return simulator.Fault{}
		})
		b := connect(t, simulator.Options{}, func(b *bench) { b.sim.Close(); b.sim = sim })
		b.becomes(t, b.write(t, "hello", number), store.Delivered)
	})
}

// 12a: three goroutines stayed behind for each port that was abandoned.
func TestASessionLeavesNothingBehind(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	defer sim.Close()
	before := runtime.NumGoroutine()
	for i := range 50 {
		port, err := sim.Open()
		check(t, err)
		s := modem.NewSession(port, impatient(), quiet())
		if i%2 == 0 {
			_, err = s.Command(t.Context(), "+CSQ")
			check(t, err)
		}
		s.Close()
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
		runtime.Gosched()
	}
}

// 12b: a line that should follow an unsolicited one, and does not, swallowed the next line.
func TestAMissingSecondLineSwallowsNothing(t *testing.T) {
	hours(t, func(t *testing.T) {
		sim := simulator.New(simulator.Options{})
		defer sim.Close()
		s := session(t, sim)
		sim.Misbehave(func(m simulator.Moment) simulator.Fault {
			if m.Point == simulator.AtCommand {
				return simulator.Fault{URCs: []string{"+CDS: 25"}}
			}
			return simulator.Fault{}
		})
		for range 3 {
			got, err := s.Command(t.Context(), "+CSQ")
			if err != nil || len(got) != 1 {
				t.Errorf("AT+CSQ after a +CDS without its PDU gives %q, %v", got, err)
			}
		}
	})
}

// 12b again: nor does it swallow a number that an answer is, whether at once or behind another line.
func TestANumberIsNoSecondLine(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"\r\n+CDS: 25\r\n", "\r\n+CDS: 25\r\n\r\n^RSSI:20\r\n"} {
		t.Run(fmt.Sprintf("%q", before), func(t *testing.T) {
			hours(t, func(t *testing.T) {
				const iccid = "89001010000000000014"
				sim := simulator.New(simulator.Options{Profile: "sim800", ICCID: iccid})
				defer sim.Close()
				s := session(t, sim)
				sim.Misbehave(simulator.Once(simulator.AtCommand, simulator.Fault{Cuts: []simulator.Cut{{Say: before}}}))
				if got, err := s.Command(t.Context(), "+CCID"); err != nil || !slices.Equal(got, []string{iccid}) {
					t.Errorf("after %q AT+CCID gives %q, %v", before, got, err)
				}
			})
		})
	}
}

// 12c: finals of vendors were waited for until the time-out.
func TestVendorsFinalResultsEndACommand(t *testing.T) {
	hours(t, func(t *testing.T) {
		sim := simulator.New(simulator.Options{})
		defer sim.Close()
		s := session(t, sim)
		for _, final := range []string{"COMMAND NOT SUPPORT", "TOO MANY PARAMETERS", "ERROR", "+CME ERROR: 4", "+CMS ERROR: 303"} {
			sim.Misbehave(func(m simulator.Moment) simulator.Fault {
				if m.Point == simulator.AtCommand && m.Line == "AT+CNUM" {
					return simulator.Fault{Answer: final}
				}
				return simulator.Fault{}
			})
			began := time.Now()
			_, err := s.Command(t.Context(), "+CNUM")
			var refused *modem.CommandError
			if !errors.As(err, &refused) || time.Since(began) > impatient().Command/2 {
				t.Errorf("%s: got %v after %v", final, err, time.Since(began))
			}
		}
	})
}
