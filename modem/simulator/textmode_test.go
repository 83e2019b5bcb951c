package simulator_test

import (
	"testing"
	"time"

	"omsbox/modem/simulator"
)

func TestInTextModeAPDUIsAText(t *testing.T) {
	s := newSimulator(t, simulator.Options{})
	h := quiet(t, s)
	s.FallIntoTextMode()
	h.ask("AT+CMGF?", "+CMGF: 1|OK")
	h.say("AT+CMGS=23\r")
	h.hear("\r\n> ")
	h.say("0011000B91\x1a")
	h.hear("\r\n+CMGS: 0\r\n\r\nOK\r\n")
	if got := s.Submitted(); len(got) != 1 || got[0].To != "23" || got[0].Text != "0011000B91" {
		t.Errorf("the SMSC has %+v", got)
	}
}

func TestTextModeListsInWords(t *testing.T) {
	s := newSimulator(t, simulator.Options{Now: fixedNow})
	h := quiet(t, s)
	if err := s.Phone("+447911123456").Send("hello\nthere"); err != nil {
		t.Fatal(err)
	}
	if err := s.StoreOwn("+447911000001", "a draft", false); err != nil {
		t.Fatal(err)
	}
	date := fixedNow().UTC().Format("06/01/02,15:04:05")
	h.ask("AT+CMGF=1;+CMGL=4", `+CMGL: 1,"REC UNREAD","+447911123456",,"`+date+`+00"|hello|there|+CMGL: 2,"STO UNSENT","+447911000001",|a draft|OK`)
	h.ask("AT+CMGR=1", `+CMGR: "REC READ","+447911123456",,"`+date+`+00"|hello|there|OK`)
	h.ask(`AT+CMGL="REC UNREAD"`, "OK")
}

func TestARelapseForgetsTheSettingsAndKeepsThePort(t *testing.T) {
	s := newSimulator(t, simulator.Options{TextMode: true})
	h := quiet(t, s)
	h.ask("AT+CMGF=0", "OK")
	s.Relapse("SMS Ready")
	h.hear("\r\nSMS Ready\r\n")
	h.say("AT+CMGF?\r")
	h.hear("AT+CMGF?\r\r\n+CMGF: 1\r\n\r\nOK\r\n")
}

func TestInformationMayComeAfterItsResult(t *testing.T) {
	s := newSimulator(t, simulator.Options{})
	h := quiet(t, s)
	f, err := simulator.ParseScript("command AT+CREG? tardy 10ms; command AT+CSQ textmode")
	if err != nil {
		t.Fatal(err)
	}
	s.Misbehave(f)
	h.say("AT+CREG?\r")
	h.hear("\r\nOK\r\n\r\n+CREG: 0,1\r\n")
	h.ask("AT+CSQ", "+CSQ: 20,99|OK")
	if !s.InTextMode() {
		t.Error("it is not in text mode")
	}
}

func TestWhatModemsLeaveOut(t *testing.T) {
	s := newSimulator(t, simulator.Options{NoSMSC: true, BareCMGR: true, Only5G: true, SMSCLate: time.Hour})
	h := quiet(t, s)
	tpdu := []byte{0x04, 0x05, 0x91, 0x21, 0x43, 0xF5, 0x00, 0x00, 0x62, 0x11, 0x03, 0x02, 0x90, 0x92, 0x00, 0x00}
	if err := s.DeliverTPDU(tpdu); err != nil {
		t.Fatal(err)
	}
	h.ask("AT+CMGR=1", "+CMGR: 16|0405912143F5000062110302909200"+"00|OK")
	h.ask("AT+CREG?;+C5GREG?", "+CREG: 0,0|+C5GREG: 0,1|OK")
	h.ask("AT+CSCA?", `+CSCA: "",129|OK`)
}
