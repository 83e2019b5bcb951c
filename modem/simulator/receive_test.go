package simulator_test

import (
	"fmt"
	"strings"
	"testing"

	"omsbox/modem/simulator"
	"omsbox/modem/sms"
)

// hi is the SMS-DELIVER of "hi" from +15551234567 at fixedNow, as a PDU.
const hi = "07915155109999F9040B915155214365F700006211122213238002E834"

func TestReceiveTranscript(t *testing.T) {
	s := newSimulator(t, simulator.Options{Now: fixedNow})
	h := quiet(t, s)
	h.ask("AT+CNMI=2,1,0,0,0", "OK")
	if err := s.Phone("+15551234567").Send("hi"); err != nil {
		t.Fatal(err)
	}
	h.hear("\r\n+CMTI: \"SM\",1\r\n")
	h.ask("AT+CMGL=1", "OK")
	h.ask("AT+CMGL=0", "+CMGL: 1,0,,21|"+hi+"|OK")
	h.ask("AT+CMGL=0", "OK") // it has been read now
	h.ask("AT+CMGL=4", "+CMGL: 1,1,,21|"+hi+"|OK")
	h.ask("AT+CMGR=1", "+CMGR: 1,,21|"+hi+"|OK")
	h.ask("AT+CMGD=?", "+CMGD: (1),(0-4)|OK")
	h.ask("AT+CMGD=1", "OK")
	h.ask("AT+CMGR=1", "+CMS ERROR: 321")
	h.silence()
}

func TestHowArrivalIsTold(t *testing.T) {
	tests := []struct{ name, cnmi, urc, list string }{
		{"stored and told", "2,1", "\r\n+CMTI: \"SM\",1\r\n", "+CMGL: 1,0,,21|" + hi + "|OK"},
		{"stored", "2,0", "", "+CMGL: 1,0,,21|" + hi + "|OK"},
		{"stored, the telling is kept back", "0,1", "", "+CMGL: 1,0,,21|" + hi + "|OK"},
		{"passed on", "2,2", "\r\n+CMT: ,21\r\n" + hi + "\r\n", "OK"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSimulator(t, simulator.Options{Now: fixedNow})
			h := quiet(t, s)
			h.ask("AT+CNMI="+tt.cnmi, "OK")
			s.Phone("+15551234567").Send("hi")
			h.hear(tt.urc)
			h.ask("AT+CMGL=4", tt.list)
		})
	}
}

func TestStorageOfChoice(t *testing.T) {
	s := newSimulator(t, simulator.Options{Now: fixedNow})
	h := quiet(t, s)
	h.ask("AT+CNMI=2,1", "OK")
	h.ask(`AT+CPMS="SM","SM","ME"`, "+CPMS: 0,20,0,20,0,50|OK")
	s.Phone("+15551234567").Send("hi")
	h.hear("\r\n+CMTI: \"ME\",1\r\n")
	h.ask("AT+CMGL=4", "OK") // looks at mem1
	h.ask(`AT+CPMS="ME"`, "+CPMS: 1,50,0,20,1,50|OK")
	h.ask("AT+CMGL=4", "+CMGL: 1,0,,21|"+hi+"|OK")
}

func TestDeleteFlags(t *testing.T) {
	for flag, left := range []int{2, 2, 2, 2, 0} { // of three, the first of which is read
		s := newSimulator(t, simulator.Options{Now: fixedNow})
		h := quiet(t, s)
		for range 3 {
			s.Phone("+15551234567").Send("hi")
		}
		h.ask("AT+CMGR=1", "+CMGR: 0,,21|"+hi+"|OK")
		h.ask(fmt.Sprintf("AT+CMGD=1,%d", flag), "OK")
		h.ask("AT+CPMS?", fmt.Sprintf(`+CPMS: "SM",%d,20,"SM",%d,20,"SM",%d,20|OK`, left, left, left))
	}
}

func TestAFullStorageLeavesMessagesAtTheSMSC(t *testing.T) {
	s := newSimulator(t, simulator.Options{SM: 2})
	h := quiet(t, s)
	h.ask("AT+CNMI=2,1,0,1", "OK")
	phone := s.Phone("+15551234567")
	for n := range 4 {
		phone.Send(fmt.Sprint("text ", n))
	}
	h.hear("\r\n+CMTI: \"SM\",1\r\n\r\n+CMTI: \"SM\",2\r\n")
	h.silence()

	// Reports need no room.
	h.submit(tpdus(t, sms.Submit{To: "+15551234567", Text: "hi", Report: true})[0], "+CMGS: 0|OK")
	h.hear("\r\n+CDS: 25\r\n")
	h.said = ""

	h = reopen(t, s, h)
	h.say("AT+CMGD=1\r")
	h.hear("\r\n+CMTI: \"SM\",1\r\n\r\nOK\r\n")
	h.say("AT+CMGD=1,4\r")
	h.hear("\r\n+CMTI: \"SM\",1\r\n\r\nOK\r\n")
	h.silence()
}

// reopen closes the port, so that what the modem said is forgotten.
func reopen(t *testing.T, s *simulator.Simulator, h *host) *host {
	t.Helper()
	h.port.Close()
	return open(t, s)
}

func TestMessagesComeWhileThePortIsClosed(t *testing.T) {
	s := newSimulator(t, simulator.Options{Now: fixedNow})
	h := quiet(t, s)
	h.ask("AT+CNMI=2,2", "OK")
	h.port.Close()
	s.Phone("+15551234567").Send("hi")
	h = open(t, s)
	h.ask("AT+CMGL=4", "+CMGL: 1,0,,21|"+hi+"|OK")
}

func TestMessagesWaitForAModemThatIsAway(t *testing.T) {
	tests := []struct {
		name       string
		away, back func(*simulator.Simulator)
	}{
		{"unplugged", (*simulator.Simulator).Unplug, (*simulator.Simulator).Plug},
		{"not registered",
			func(s *simulator.Simulator) { s.Register(3) },
			func(s *simulator.Simulator) { s.Register(1) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSimulator(t, simulator.Options{Now: fixedNow})
			tt.away(s)
			s.Phone("+15551234567").Send("hi")
			tt.back(s)
			h := quiet(t, s)
			h.ask("AT+CMGL=4", "+CMGL: 1,0,,21|"+hi+"|OK")
			s.Reset() // the SIM remembers
			h = quiet(t, s)
			h.ask("AT+CMGL=4", "+CMGL: 1,1,,21|"+hi+"|OK")
		})
	}
}

func TestMessagesWaitForFlightModeToEnd(t *testing.T) {
	s := newSimulator(t, simulator.Options{Now: fixedNow})
	h := quiet(t, s)
	h.ask("AT+CFUN=4;+CNMI=2,1", "OK")
	s.Phone("+15551234567").Send("hi")
	h.silence()
	h.say("AT+CFUN=1\r")
	h.hear("\r\n+CMTI: \"SM\",1\r\n\r\nOK\r\n")
}

func TestPartsInTheWrongOrder(t *testing.T) {
	s := newSimulator(t, simulator.Options{})
	h := quiet(t, s)
	h.ask("AT+CNMI=2,2", "OK")
	text := strings.Repeat("a long answer ", 15)
	if err := s.Phone("Bank").SendParts(text, 2, 1); err != nil {
		t.Fatal(err)
	}
	var parts [2][]byte
	for _, place := range []byte{2, 1} {
		head := h.line()
		_, b, err := sms.SplitPDU(h.line())
		if err != nil {
			t.Fatal(err)
		}
		d, err := sms.ParseDeliver(b)
		if err != nil || d.Concat.Seq != place || d.From != "Bank" || head != fmt.Sprintf("+CMT: ,%d", len(b)) {
			t.Fatalf("got %s, %+v, %v", head, d, err)
		}
		parts[place-1] = b
	}
	if got, err := sms.Join(parts[:]); got != text || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if err := s.Phone("Bank").SendParts(text, 3); err == nil {
		t.Error("a part was sent that is none")
	}
	if err := s.Phone("no name at all").Send("hi"); err == nil {
		t.Error("a sender that cannot be sent")
	}
}

// line expects a line that is not empty.
func (h *host) line() string {
	h.t.Helper()
	h.hear("")
	for {
		if line, rest, ok := strings.Cut(strings.TrimLeft(h.said, "\r\n"), "\r\n"); ok {
			h.said = rest
			return line
		}
		b := make([]byte, 4096)
		n, err := h.port.Read(b)
		h.said += string(b[:n])
		if err != nil {
			h.t.Fatalf("got %q and %v, want a line", h.said, err)
		}
	}
}

func TestSendTPDUs(t *testing.T) {
	s := newSimulator(t, simulator.Options{})
	h := quiet(t, s)
	phone := s.Phone("+15551234567")
	if err := phone.SendTPDUs([]byte{0x44}); err != nil { // rubbish passes, as on the air
		t.Fatal(err)
	}
	h.ask("AT+CMGL=4", "+CMGL: 1,0,,1|07915155109999F944|OK")
	if got := phone.Sent(); len(got) != 1 || got[0].Parts != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestHoldURCs(t *testing.T) {
	s := newSimulator(t, simulator.Options{HoldURCs: true})
	h := quiet(t, s)
	h.ask("AT+CNMI=2,1", "OK")
	b := tpdus(t, sms.Submit{To: "+15551234567", Text: "hi"})[0]
	h.say(fmt.Sprintf("AT+CMGS=%d\r", len(b)))
	h.hear("\r\n> ")
	s.Phone("+15551234567").Send("in between")
	h.say(sms.JoinPDU("", b) + "\x1a")
	h.hear("\r\n+CMGS: 0\r\n\r\nOK\r\n\r\n+CMTI: \"SM\",1\r\n")
}

func TestTheQueueIsBounded(t *testing.T) {
	s := newSimulator(t, simulator.Options{})
	s.Unplug()
	for range 10_000 {
		if err := s.Phone("Bank").Send("hi"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Phone("Bank").Send("hi"); err != simulator.ErrQueueFull {
		t.Errorf("got %v", err)
	}
}
