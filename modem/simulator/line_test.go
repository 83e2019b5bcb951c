package simulator_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"omsbox/modem/simulator"
	"omsbox/modem/sms"
)

func TestBytesAreCounted(t *testing.T) {
	s := newSimulator(t, simulator.Options{})
	h := quiet(t, s)
	heard, said := s.Bytes(simulator.Heard), s.Bytes(simulator.Said)
	h.ask("AT+CSQ", "+CSQ: 20,99|OK")
	heard, said = s.Bytes(simulator.Heard)-heard, s.Bytes(simulator.Said)-said
	if heard != int64(len("AT+CSQ\r")) || said != int64(len("\r\n+CSQ: 20,99\r\n\r\nOK\r\n")) {
		t.Errorf("heard %d, said %d", heard, said)
	}
}

func TestURCAtEveryByte(t *testing.T) {
	const answer, urc = "\r\n+CSQ: 20,99\r\n\r\nOK\r\n", "\r\nRING\r\n"
	for k := range len(answer) {
		s, h, _ := faulty(t, func(m simulator.Moment) simulator.Fault {
			if m.Line != "AT+CSQ" {
				return simulator.Fault{}
			}
			return simulator.Fault{Cuts: []simulator.Cut{{After: k, Say: urc}}}
		})
		h.say("AT+CSQ\r")
		h.hear(answer[:k] + urc + answer[k:])
		if n := s.Planned(); n != 0 {
			t.Errorf("%d cuts are left", n)
		}
	}
}

func TestATextAmidAnAnswer(t *testing.T) {
	s, h, _ := faulty(t, nil)
	s.CutAfter(simulator.Said, 3, simulator.Cut{Text: &simulator.Incoming{From: "+15551234567", Text: "hi"}})
	h.say("AT\r")
	h.hear("\r\nO\r\n+CMTI: \"SM\",1\r\nK\r\n")
	h.ask("AT+CMGL=4", "+CMGL: 1,0,,21|"+hi+"|OK")
}

func TestReadsAreSplit(t *testing.T) {
	s := newSimulator(t, simulator.Options{})
	h := quiet(t, s)
	s.SplitReads(1, 0, 3)
	h.say("AT\r")
	var sizes []int
	b := make([]byte, 64)
	h.port.SetReadDeadline(time.Now().Add(patience))
	for said := 0; said < len("\r\nOK\r\n"); {
		n, err := h.port.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		said += n
		sizes = append(sizes, n)
	}
	if !slices.Equal(sizes, []int{1, 3, 1, 1}) {
		t.Errorf("got reads of %v", sizes)
	}
}

func TestAnAnswerAndAURCInOneRead(t *testing.T) {
	s, h, _ := faulty(t, nil)
	s.CutAfter(simulator.Said, len("\r\nOK\r\n"), simulator.Cut{Say: "\r\nRING\r\n"})
	h.say("AT\r")
	h.port.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 64)
	n, err := h.port.Read(b)
	if got := string(b[:n]); got != "\r\nOK\r\n\r\nRING\r\n" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h, _ := faulty(t, nil)
		defer s.Close()
		s.CutAfter(simulator.Said, 3, simulator.Cut{Pause: time.Second})
		s.CutAfter(simulator.Said, 8, simulator.Cut{Pause: 2 * time.Second})
		start := time.Now()
		h.say("AT\rAT\r")
		for _, want := range []struct {
			said  string
			after time.Duration
		}{{"\r\nO", 0}, {"K\r\n\r\n", time.Second}, {"OK\r\n", 3 * time.Second}} {
			b := make([]byte, len(want.said))
			h.port.SetReadDeadline(time.Now().Add(time.Minute))
			if _, err := io.ReadFull(h.port, b); string(b) != want.said || err != nil || time.Since(start) != want.after {
				t.Errorf("after %v: got %q, %v; want %q after %v", time.Since(start), b, err, want.said, want.after)
			}
		}
		h.ask("AT", "OK")
	})
}

func TestBytesAreLostOrChanged(t *testing.T) {
	s, h, _ := faulty(t, nil)
	s.CutAfter(simulator.Said, 1, simulator.Cut{Say: "\xff\x00", Lose: 2})
	h.say("AT\r")
	h.hear("\r\xff\x00K\r\n")
	s.CutAfter(simulator.Heard, 4, simulator.Cut{Lose: 1})
	h.ask("AT+CXSQ", "+CSQ: 20,99|OK")
}

func TestALineThatIsDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			cut   simulator.Cut
			count int
		}{{simulator.Cut{Mute: true}, 1}, {simulator.Cut{Deaf: true}, 0}} {
			s, h, b := faulty(t, nil)
			s.CutAfter(simulator.Heard, 20, c.cut)
			h.say(fmt.Sprintf("AT+CMGS=%d\r", len(b)))
			h.hear("\r\n> ")
			h.say(sms.JoinPDU("", b) + "\x1a")
			h.deaf()
			expectCount(t, s, c.count)
			h = reopen(t, s, h)
			h.ask("AT", "OK")
			s.CutAfter(simulator.Heard, 0, c.cut)
			h.say("AT\r")
			h.deaf()
			s.Mend()
			h.ask("AT", "OK")
			s.Close()
		}
	})
}

// Whatever byte the line ends at, the SMSC has the message if and only if the
// modem was left to act on Ctrl-Z, and the port can be opened again.
func TestTheEndAtEveryByte(t *testing.T) {
	for _, of := range []simulator.Direction{simulator.Heard, simulator.Said} {
		for _, then := range []simulator.Fault{{HangUp: true}, {Drop: true}} {
			for k := 0; ; k++ {
				s, h, b := faulty(t, nil)
				command, pdu := fmt.Sprintf("AT+CMGS=%d\r", len(b)), sms.JoinPDU("", b)+"\x1a"
				s.CutAfter(of, k, simulator.Cut{Then: then})
				h.port.SetReadDeadline(time.Now().Add(patience))
				said := make([]byte, 4)
				io.WriteString(h.port, command)
				_, err := io.ReadFull(h.port, said)
				if err == nil {
					io.WriteString(h.port, pdu)
					said, err = io.ReadAll(io.LimitReader(h.port, int64(len(wire("+CMGS: 0|OK")))))
				}
				over := s.Planned() > 0
				want := 1
				if of == simulator.Heard && k <= len(command+pdu) || of == simulator.Said && k <= 4 {
					want = 0
				}
				if got := s.Count(); got != want {
					t.Fatalf("%d, byte %d: the SMSC has %d, want %d", of, k, got, want)
				}
				s.Mend()
				h.port.Close()
				h = open(t, s)
				h.say("AT\r")
				if then.Drop && !over {
					h.hear("AT\r")
				}
				h.hear("\r\nOK\r\n")
				if over {
					if err != nil || string(said) != wire("+CMGS: 0|OK") {
						t.Fatalf("%q, %v", said, err)
					}
					break
				}
			}
		}
	}
}

func TestWhatEndsAHang(t *testing.T) {
	rungs := []struct {
		cure  simulator.Cure
		climb func(*testing.T, *simulator.Simulator, *host) *host
	}{
		{simulator.ByAttention, func(t *testing.T, s *simulator.Simulator, h *host) *host { h.say("AT\r"); return h }},
		{simulator.ByEscape, func(t *testing.T, s *simulator.Simulator, h *host) *host { h.say("\x1b"); return h }},
		{simulator.ByInit, func(t *testing.T, s *simulator.Simulator, h *host) *host { h.say("ATZ\r"); return h }},
		{simulator.ByCOPS, func(t *testing.T, s *simulator.Simulator, h *host) *host { h.say("AT+COPS=0\r"); return h }},
		{simulator.ByCFUN, func(t *testing.T, s *simulator.Simulator, h *host) *host { h.say("AT+CFUN=4\r"); return h }},
		{simulator.ByReopen, reopen},
		{simulator.ByRestart, func(t *testing.T, s *simulator.Simulator, h *host) *host {
			h.say("AT+CFUN=1,1\r")
			io.ReadAll(h.port)
			return reopen(t, s, h)
		}},
		{simulator.ByPower, func(t *testing.T, s *simulator.Simulator, h *host) *host {
			s.Reset()
			return reopen(t, s, h)
		}},
	}
	for i, rung := range rungs {
		synctest.Test(t, func(t *testing.T) {
			s, h, b := faulty(t, simulator.Once(simulator.AtPrompt, simulator.Fault{Hang: true, Cure: rung.cure}))
			defer s.Close()
			h.say(fmt.Sprintf("AT+CMGS=%d\r", len(b)))
			for j := range i {
				if rungs[j].cure == simulator.ByRestart {
					h.say("AT+CFUN=1,1\r")
				} else {
					h = rungs[j].climb(t, s, h)
				}
				h.deaf()
			}
			h = rung.climb(t, s, h)
			h.said = ""
			h.say("AT+CSQ\r")
			for h.line() != "+CSQ: 20,99" {
			}
		})
	}
}

func TestAHangPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h, _ := faulty(t, simulator.Once(simulator.AtCommand, simulator.Fault{Hang: true, For: time.Hour}))
		defer s.Close()
		h.say("AT\r")
		h.deaf()
		pass(time.Hour)
		h.ask("AT", "OK")
	})
}

func TestAStickThatTakesTimeToRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimulator(t, simulator.Options{Boot: time.Minute})
		defer s.Close()
		h := quiet(t, s)
		h.ask("AT+CFUN=1,1", "OK")
		if _, err := h.port.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("got %v", err)
		}
		if _, err := s.Open(); !errors.Is(err, simulator.ErrUnplugged) {
			t.Errorf("open: %v", err)
		}
		pass(time.Minute)
		quiet(t, s)
	})
}

func TestTheNetworkComesBackByACure(t *testing.T) {
	for _, c := range []struct {
		cure    simulator.Cure
		in, out string
	}{
		{simulator.ByCOPS, "AT+COPS=0", "AT+CSQ"},
		{simulator.ByCFUN, "AT+CFUN=1", "AT+COPS=0"},
	} {
		s := newSimulator(t, simulator.Options{})
		h := quiet(t, s)
		s.Deregister(3, c.cure)
		h.say(c.out + "\r")
		for h.line() != "OK" {
		}
		h.ask("AT+CREG?", "+CREG: 0,3|OK")
		h.ask(c.in, "OK")
		h.ask("AT+CREG?", "+CREG: 0,1|OK")
	}
}

func TestSeveralPorts(t *testing.T) {
	s := newSimulator(t, simulator.Options{Ports: []simulator.PortKind{simulator.PortAT, simulator.PortDiagnostic, simulator.PortURC}})
	urcs := quiet(t, s)
	urcs.ask("AT+CNMI=2,1", "OK")
	at := openPort(t, s, 0)
	at.say("AT\r")
	at.hear("AT\r\r\nOK\r\n") // the echo is the port's own
	at.say("ATE0+CNMI?\r")
	at.hear("ATE0+CNMI?\r" + wire("+CNMI: 2,1,0,0,0|OK"))
	s.Phone("+15551234567").Send("hi")
	urcs.hear("\r\n+CMTI: \"SM\",1\r\n")
	at.silence()
	if _, err := s.OpenPort(2); !errors.Is(err, simulator.ErrBusy) {
		t.Errorf("the port that Open opened: %v", err)
	}
	if _, err := s.OpenPort(3); !errors.Is(err, simulator.ErrUnplugged) {
		t.Errorf("a port that does not exist: %v", err)
	}
	mute := openPort(t, s, 1)
	mute.say("AT\r")
	mute.port.SetReadDeadline(time.Now().Add(time.Millisecond))
	if n, err := mute.port.Read(make([]byte, 9)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %d octets, %v", n, err)
	}
}

func openPort(t *testing.T, s *simulator.Simulator, i int) *host {
	t.Helper()
	p, err := s.OpenPort(i)
	if err != nil {
		t.Fatal(err)
	}
	return &host{t: t, port: p.(port)}
}
