package simulator_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"omsbox/modem/simulator"
	"omsbox/modem/sms"
)

// faulty opens the port of a modem that misbehaves.
func faulty(t *testing.T, fault func(simulator.Moment) simulator.Fault) (*simulator.Simulator, *host, []byte) {
	t.Helper()
	s := newSimulator(t, simulator.Options{Now: fixedNow})
	h := quiet(t, s)
	h.ask("AT+CNMI=2,1", "OK")
	s.Misbehave(fault)
	return s, h, tpdus(t, sms.Submit{To: "+15551234567", Text: "hi", Report: true})[0]
}

func expectCount(t *testing.T, s *simulator.Simulator, want int) {
	t.Helper()
	if got := s.Count(); got != want {
		t.Errorf("the SMSC has %d, want %d", got, want)
	}
}

// deaf expects the modem to say nothing for a moment.
func (h *host) deaf() {
	h.t.Helper()
	h.port.SetReadDeadline(time.Now().Add(time.Minute))
	b := make([]byte, 64)
	if n, err := h.port.Read(b); !errors.Is(err, os.ErrDeadlineExceeded) {
		h.t.Fatalf("got %q, %v, want nothing", b[:n], err)
	}
}

func TestFaultErrorInstead(t *testing.T) {
	for point, count := range map[simulator.Point]int{simulator.AtPDU: 0, simulator.AtResult: 1} {
		s, h, b := faulty(t, simulator.Once(point, simulator.Fault{Answer: "+CMS ERROR: 500"}))
		h.submit(b, "+CMS ERROR: 500")
		expectCount(t, s, count)
		h.submit(b, fmt.Sprintf("+CMGS: %d|OK", count))
	}
}

func TestFaultOfTheNthSubmit(t *testing.T) {
	s, h, b := faulty(t, func(m simulator.Moment) simulator.Fault {
		if m.Point == simulator.AtPrompt && m.N == 2 {
			return simulator.Fault{Answer: "COMMAND NOT SUPPORT"}
		}
		return simulator.Fault{}
	})
	h.submit(b, "+CMGS: 0|OK")
	h.ask(fmt.Sprintf("AT+CMGS=%d", len(b)), "COMMAND NOT SUPPORT")
	h.submit(b, "+CMGS: 1|OK")
	expectCount(t, s, 2)
}

func TestFaultLostAnswer(t *testing.T) {
	s, h, b := faulty(t, simulator.Once(simulator.AtResult, simulator.Fault{Lose: true}))
	h.say(fmt.Sprintf("AT+CMGS=%d\r", len(b)))
	h.hear("\r\n> ")
	h.say(sms.JoinPDU("", b) + "\x1a")
	h.silence()
	expectCount(t, s, 1)
}

func TestFaultLateAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h, b := faulty(t, simulator.Once(simulator.AtResult, simulator.Fault{Late: time.Minute}))
		defer s.Close()
		start := time.Now()
		h.say(fmt.Sprintf("AT+CMGS=%d\r", len(b)))
		h.hear("\r\n> ")
		h.say(sms.JoinPDU("", b) + "\x1a")
		h.ask("AT", "OK") // other commands are answered meanwhile
		h.port.SetReadDeadline(time.Time{})
		got := make([]byte, 64)
		n, err := h.port.Read(got)
		if d := time.Since(start); string(got[:n]) != "\r\n+CMGS: 0\r\n\r\nOK\r\n" || d != time.Minute {
			t.Errorf("after %v: got %q, %v", d, got[:n], err)
		}
	})
}

func TestFaultHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for point, count := range map[simulator.Point]int{
			simulator.AtCommand: 0, simulator.AtPrompt: 0, simulator.AtPDU: 0, simulator.AtResult: 1,
		} {
			s, h, b := faulty(t, simulator.Once(point, simulator.Fault{Hang: true}))
			h.say(fmt.Sprintf("AT+CMGS=%d\r", len(b)))
			if point > simulator.AtPrompt {
				h.hear("\r\n> ")
			}
			h.say(sms.JoinPDU("", b) + "\x1a")
			h.say("AT\rAT\r")
			h.deaf()
			expectCount(t, s, count)

			h = reopen(t, s, h) // does not help
			h.say("AT\r")
			h.deaf()
			s.Phone("+15551234567").Send("hi")
			h.deaf()

			s.Reset()
			h = quiet(t, s)
			h.ask("AT+CMGL=4", "+CMGL: 1,0,,21|"+hi+"|OK") // which had waited at the SMSC
		}
	})
}

func TestFaultInterruption(t *testing.T) {
	_, h, b := faulty(t, func(m simulator.Moment) simulator.Fault {
		if m.Point == simulator.AtResult || m.Point == simulator.AtCommand && m.Line == "AT+CSQ;+CREG?" {
			return simulator.Fault{URCs: []string{"^RSSI: 20", "+CMTI: \"SM\",7"}}
		}
		return simulator.Fault{}
	})
	const urcs = "\r\n^RSSI: 20\r\n\r\n+CMTI: \"SM\",7\r\n"
	h.say("AT+CSQ;+CREG?\r")
	h.hear("\r\n+CSQ: 20,99\r\n" + urcs + "+CREG: 0,1\r\n\r\nOK\r\n")
	h.say(fmt.Sprintf("AT+CMGS=%d\r", len(b)))
	h.hear("\r\n> ")
	h.say(sms.JoinPDU("", b) + "\x1a")
	h.hear("\r\n+CMGS: 0\r\n" + urcs + "\r\nOK\r\n")
}

func TestFaultOtherPrompt(t *testing.T) {
	_, h, b := faulty(t, simulator.Once(simulator.AtPrompt, simulator.Fault{Prompt: "\r\n>\r\n"}))
	h.say(fmt.Sprintf("AT+CMGS=%d\r", len(b)))
	h.hear("\r\n>\r\n")
	h.say(sms.JoinPDU("", b) + "\x1a")
	h.hear("\r\n+CMGS: 0\r\n\r\nOK\r\n")
}

func TestFaultDrop(t *testing.T) {
	s, h, b := faulty(t, simulator.Once(simulator.AtResult, simulator.Fault{Drop: true}))
	h.say(fmt.Sprintf("AT+CMGS=%d\r", len(b)))
	h.hear("\r\n> ")
	h.say(sms.JoinPDU("", b) + "\x1a")
	if n, err := h.port.Read(make([]byte, 64)); err != io.EOF {
		t.Errorf("got %d octets, %v", n, err)
	}
	expectCount(t, s, 1)
	quiet(t, s).ask("AT+CNMI?", "+CNMI: 0,0,0,0,0|OK")
}

func TestFaultStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h, b := faulty(t, simulator.Once(simulator.AtPrompt, simulator.Fault{Stall: true}))
		h.say(fmt.Sprintf("AT+CMGS=%d\r", len(b)))
		h.hear("\r\n> ")
		h.port.SetWriteDeadline(time.Now().Add(time.Millisecond))
		if _, err := io.WriteString(h.port, "00"); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		closed := make(chan error)
		go func() {
			h.port.SetWriteDeadline(time.Time{})
			_, err := io.WriteString(h.port, "00")
			closed <- err
		}()
		h.port.Close()
		if err := <-closed; err == nil {
			t.Error("a write to a closed port")
		}
		expectCount(t, s, 0)
	})
}

func TestFaultEarlyReport(t *testing.T) {
	_, h, b := faulty(t, simulator.Once(simulator.AtResult, simulator.Fault{Early: true}))
	h.ask("AT+CNMI=2,1,0,1", "OK")
	h.say(fmt.Sprintf("AT+CMGS=%d\r", len(b)))
	h.hear("\r\n> ")
	h.say(sms.JoinPDU("", b) + "\x1a")
	h.hear("\r\n+CDS: 25\r\n07915155109999F906000B915155214365F7621112221323806211122213238000\r\n" +
		"\r\n+CMGS: 0\r\n\r\nOK\r\n")
}

func TestFaultStoredTwice(t *testing.T) {
	s, h, _ := faulty(t, simulator.Once(simulator.AtDeliver, simulator.Fault{Twice: true}))
	s.Phone("+15551234567").Send("hi")
	h.hear("\r\n+CMTI: \"SM\",1\r\n\r\n+CMTI: \"SM\",2\r\n")
	h.ask("AT+CMGL=4", "+CMGL: 1,0,,21|"+hi+"|+CMGL: 2,0,,21|"+hi+"|OK")
}

func TestFaultBusy(t *testing.T) {
	s := newSimulator(t, simulator.Options{})
	s.Misbehave(simulator.Once(simulator.AtOpen, simulator.Fault{Busy: true}))
	if _, err := s.Open(); !errors.Is(err, simulator.ErrBusy) {
		t.Errorf("got %v", err)
	}
	quiet(t, s)
}

func TestMisbehaviourEnds(t *testing.T) {
	s, h, b := faulty(t, func(simulator.Moment) simulator.Fault { return simulator.Fault{Answer: "BUSY"} })
	h.ask("AT", "BUSY")
	s.Misbehave(nil)
	h.submit(b, "+CMGS: 0|OK")
	if got := s.Submitted(); !bytes.Equal(got[0].TPDU, b) {
		t.Errorf("got %X, want %X", got[0].TPDU, b)
	}
}

// A modem in a fever answers every PDU alike until it restarts.
func TestFaultFever(t *testing.T) {
	s, h, b := faulty(t, simulator.Once(simulator.AtPrompt, simulator.Fault{Fever: "+CMS ERROR: 304"}))
	h.submit(b, "+CMS ERROR: 304")
	s.Misbehave(nil)
	h.submit(b, "+CMS ERROR: 304")
	expectCount(t, s, 0)
	s.Reset()
	quiet(t, s).submit(b, "+CMGS: 0|OK")
}

func TestErrorsInWords(t *testing.T) {
	s := newSimulator(t, simulator.Options{Now: fixedNow, Words: true, PIN: "4711"})
	h := quiet(t, s)
	h.ask("AT+CMEE=1", "OK")
	h.ask("AT+CIMI", "+CME ERROR: SIM PIN required")
	h.ask("AT+CMGL=4", "+CMS ERROR: SIM PIN required")
}
