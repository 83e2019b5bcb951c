package simulator_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"omsbox/modem/simulator"
	"omsbox/modem/sms"
)

func TestSubmitTranscript(t *testing.T) {
	s := newSimulator(t, simulator.Options{Now: fixedNow, FirstMR: 255})
	h := open(t, s)
	h.say("AT+CNMI=2,1,0,1,0\r")
	h.hear("AT+CNMI=2,1,0,1,0\r\r\nOK\r\n")
	for i, mr := range []string{"FF", "00"} {
		h.say("AT+CMGS=22\r")
		h.hear("AT+CMGS=22\r\r\n> ")
		h.say("0021000B915155214365F700000AE8329BFD4697D9EC37\x1a")
		h.hear("0021000B915155214365F700000AE8329BFD4697D9EC37")
		h.hear([]string{"\r\n+CMGS: 255\r\n\r\nOK\r\n", "\r\n+CMGS: 0\r\n\r\nOK\r\n"}[i])
		h.hear("\r\n+CDS: 25\r\n07915155109999F906" + mr + "0B915155214365F7621112221323806211122213238000\r\n")
	}
	got := s.Submitted()
	if len(got) != 2 || got[0].MR != 255 || got[1].MR != 0 || got[1].N != 2 || got[1].TPDU[1] != 0 || !got[1].Report {
		t.Errorf("got %+v", got)
	}
	inbox := s.Phone("+15551234567").Inbox()
	if len(inbox) != 2 || inbox[0].Text != "hellohello" || inbox[0].From != "+15550100000" || inbox[0].Parts != 1 {
		t.Errorf("got %+v", inbox)
	}
}

func TestSubmitRefusedByTheModem(t *testing.T) {
	tests := []struct{ name, length, body, want string }{
		{"escape", "21", "0021000B91\x1b", "OK"},
		{"a wrong length", "21", "0021000B915155214365F700000AE8329BFD4697D9EC37\x1a", "+CMS ERROR: 304"},
		{"no hexadecimal", "21", "hello\x1a", "+CMS ERROR: 304"},
		{"nothing", "21", "\x1a", "+CMS ERROR: 304"},
		{"a SMS-DELIVER", "22", "0024000B915155214365F700000AE8329BFD4697D9EC37\x1a", "+CMS ERROR: 304"},
		{"a cut one", "11", "0021000B915155214365F700\x1a", "+CMS ERROR: 304"},
		{"one without end", "21", strings.Repeat("00", 5000) + "\x1a", "+CMS ERROR: 304"},
	}
	s := newSimulator(t, simulator.Options{})
	h := quiet(t, s)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h.t = t
			h.say("AT+CMGS=" + tt.length + "\r")
			h.hear("\r\n> ")
			h.say(tt.body)
			h.hear(wire(tt.want))
			h.silence()
		})
	}
	if n := s.Count(); n != 0 {
		t.Errorf("the SMSC has %d", n)
	}
}

func TestSubmitWithoutService(t *testing.T) {
	s := newSimulator(t, simulator.Options{})
	h := quiet(t, s)
	b := tpdus(t, sms.Submit{To: "+15551234567", Text: "hi"})[0]
	s.Register(2)
	h.submit(b, "+CMS ERROR: 331")
	s.Register(5)
	h.submit(b, "+CMGS: 0|OK")
	if n := s.Count(); n != 1 {
		t.Errorf("the SMSC has %d", n)
	}
}

func TestThePhoneShowsWholeTexts(t *testing.T) {
	s := newSimulator(t, simulator.Options{})
	h := quiet(t, s)
	phone := s.Phone("+15551234567")
	one := strings.Repeat("one 😀 ", 30)
	two := strings.Repeat("two € ", 60)
	a := tpdus(t, sms.Submit{To: phone.Number(), Text: one, Ref: 1})
	b := tpdus(t, sms.Submit{To: phone.Number(), Text: two, Ref: 2})
	other := tpdus(t, sms.Submit{To: "12345", Text: "to a short code"})
	mr := 0
	send := func(tpdus ...[]byte) {
		for _, tpdu := range tpdus {
			h.submit(tpdu, fmt.Sprintf("+CMGS: %d|OK", mr))
			mr++
		}
	}
	send(a[1], b[2], other[0], b[0], a[1]) // a[1] twice
	if got := phone.Inbox(); len(got) != 0 {
		t.Fatalf("an incomplete text was shown: %+v", got)
	}
	send(b[1], a[0])
	send(a[2:]...)
	got := phone.Inbox()
	if len(got) != 2 || got[0].Text != two || got[1].Text != one || got[1].Parts != len(a) {
		t.Errorf("got %+v", got)
	}
	if got := s.Phone("12345").Inbox(); len(got) != 1 || got[0].Text != "to a short code" {
		t.Errorf("got %+v", got)
	}
	// The reference may be used again.
	send(b...)
	if got := phone.Inbox(); len(got) != 3 || got[2].Text != two {
		t.Errorf("got %+v", got)
	}
}

func TestAReferenceUsedAgainTooEarlyBeginsANewText(t *testing.T) {
	s := newSimulator(t, simulator.Options{})
	h := quiet(t, s)
	first := tpdus(t, sms.Submit{To: "+15551234567", Text: strings.Repeat("a", 200), Ref: 1})
	second := tpdus(t, sms.Submit{To: "+15551234567", Text: strings.Repeat("b", 200), Ref: 1})
	h.submit(first[0], "+CMGS: 0|OK")
	h.submit(second[0], "+CMGS: 1|OK")
	h.submit(second[1], "+CMGS: 2|OK")
	if got := s.Phone("+15551234567").Inbox(); len(got) != 1 || got[0].Text != strings.Repeat("b", 200) {
		t.Errorf("got %+v", got)
	}
}

func TestPhonesThatCannotBeReached(t *testing.T) {
	s := newSimulator(t, simulator.Options{Now: fixedNow})
	h := quiet(t, s)
	h.ask("AT+CNMI=2,1,0,1,0", "OK")
	phone := s.Phone("+15551234567")
	b := tpdus(t, sms.Submit{To: phone.Number(), Text: "hi", Report: true})[0]

	phone.Reject(0x46)
	h.submit(b, "+CMGS: 0|OK")
	h.hear("\r\n+CDS: 25\r\n07915155109999F906000B915155214365F7621112221323806211122213238046\r\n")
	phone.Reject(0)
	phone.Refuse(1)
	h.submit(b, "+CMS ERROR: 1")
	phone.Refuse(0)
	if got := phone.Inbox(); len(got) != 0 {
		t.Errorf("it got %+v", got)
	}
	if n := s.Count(); n != 1 { // refused is not accepted
		t.Errorf("the SMSC has %d", n)
	}
}

func TestReports(t *testing.T) {
	tests := []struct{ name, cnmi, urc, list string }{
		{"passed on", "2,1,0,1", "\r\n+CDS: 25\r\n07915155109999F906000B915155214365F7621112221323806211122213238000\r\n", "OK"},
		{"stored", "2,1,0,2", "\r\n+CDSI: \"SR\",1\r\n", "+CMGL: 1,0,,25|07915155109999F906000B915155214365F7621112221323806211122213238000|OK"},
		{"not wanted", "2,1,0,0", "", "OK"},
		{"kept back", "0,1,0,1", "", "OK"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSimulator(t, simulator.Options{Now: fixedNow})
			h := quiet(t, s)
			h.ask("AT+CNMI="+tt.cnmi, "OK")
			h.submit(tpdus(t, sms.Submit{To: "+15551234567", Text: "hi", Report: true})[0], "+CMGS: 0|OK")
			h.hear(tt.urc)
			h.submit(tpdus(t, sms.Submit{To: "+15551234567", Text: "hi"})[0], "+CMGS: 1|OK") // none asked for
			h.silence()
			h.ask(`AT+CPMS="SR"`, fmt.Sprintf("+CPMS: %d,20,0,20,0,20|OK", strings.Count(tt.list, "+CMGL")))
			h.ask("AT+CMGL=4", tt.list)
		})
	}
}

func TestReportWantsAcknowledgement(t *testing.T) {
	s := newSimulator(t, simulator.Options{Now: fixedNow})
	h := quiet(t, s)
	h.ask("AT+CSMS=1", "+CSMS: 1,1,1|OK")
	h.ask("AT+CNMI=2,1,0,1", "OK")
	h.submit(tpdus(t, sms.Submit{To: "+15551234567", Text: "hi", Report: true})[0], "+CMGS: 0|OK")
	h.hear("\r\n+CDS: 25\r\n07915155109999F906000B915155214365F7621112221323806211122213238000\r\n")
	h.ask("AT+CNMA", "OK")
	h.ask("AT+CNMA", "+CMS ERROR: 340")
}

func TestDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulator.New(simulator.Options{SubmitDelay: 3 * time.Second, ReportDelay: 20 * time.Second})
		defer s.Close()
		h := quiet(t, s)
		h.ask("AT+CNMI=2,1,0,1", "OK")
		start := time.Now()
		h.submit(tpdus(t, sms.Submit{To: "+15551234567", Text: "hi", Report: true})[0], "+CMGS: 0|OK")
		if d := time.Since(start); d != 3*time.Second {
			t.Errorf("AT+CMGS took %v", d)
		}
		h.port.SetReadDeadline(time.Time{})
		b := make([]byte, 200)
		n, err := h.port.Read(b)
		if d := time.Since(start); d != 23*time.Second || !bytes.Contains(b[:n], []byte("+CDS: 25")) {
			t.Errorf("after %v: got %q, %v", d, b[:n], err)
		}
	})
}

// What the host wrote before it went away is on the wire.
func TestSubmitOfAHostThatGoesAway(t *testing.T) {
	s := newSimulator(t, simulator.Options{SubmitDelay: time.Hour})
	h := quiet(t, s)
	b := tpdus(t, sms.Submit{To: "+15551234567", Text: "hi"})[0]
	h.say(fmt.Sprintf("AT+CMGS=%d\r", len(b)))
	h.hear("\r\n> ")
	h.say(sms.JoinPDU("", b) + "\x1a")
	h.port.Close()
	h = open(t, s)
	h.silence()
	if n := s.Count(); n != 1 {
		t.Errorf("the SMSC has %d", n)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	s := newSimulator(t, simulator.Options{History: 10})
	h := quiet(t, s)
	b := tpdus(t, sms.Submit{To: "+15551234567", Text: "hi"})[0]
	for n := range 25 {
		h.submit(b, fmt.Sprintf("+CMGS: %d|OK", n))
	}
	got := s.Submitted()
	if len(got) != 10 || got[0].N != 16 || got[9].N != 25 || s.Count() != 25 {
		t.Errorf("got %d, %+v", len(got), got[0])
	}
	if inbox := s.Phone("+15551234567").Inbox(); len(inbox) != 10 {
		t.Errorf("the phone shows %d", len(inbox))
	}
}

func TestTheSIMTextsItself(t *testing.T) {
	s := newSimulator(t, simulator.Options{})
	h := quiet(t, s)
	h.submit(tpdus(t, sms.Submit{To: "+15550100000", Text: "note"})[0], "+CMGS: 0|OK")
	h.ask("AT+CPMS?", `+CPMS: "SM",1,20,"SM",1,20,"SM",1,20|OK`)
}

func BenchmarkSubmit(b *testing.B) {
	s := simulator.New(simulator.Options{})
	defer s.Close()
	p, err := s.Open()
	if err != nil {
		b.Fatal(err)
	}
	list, err := sms.Submit{To: "+15551234567", Text: "hi"}.TPDUs()
	if err != nil {
		b.Fatal(err)
	}
	read := make([]byte, 4096)
	until := func(end string) {
		var said []byte
		for !bytes.HasSuffix(said, []byte(end)) {
			n, err := p.Read(read)
			if err != nil {
				b.Fatal(err)
			}
			said = append(said, read[:n]...)
		}
	}
	command := []byte(fmt.Sprintf("AT+CMGS=%d\r", len(list[0])))
	pdu := []byte(sms.JoinPDU("", list[0]) + "\x1a")
	for b.Loop() {
		p.Write(command)
		until("> ")
		p.Write(pdu)
		until("OK\r\n")
	}
}
