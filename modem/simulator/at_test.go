package simulator_test

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"omsbox/modem/simulator"
)

func fixedNow() time.Time {
	return time.Date(2026, 11, 21, 22, 31, 32, 0, time.FixedZone("", 2*60*60))
}

func TestCommands(t *testing.T) {
	tests := []struct{ name, command, want string }{
		{"attention", "AT", "OK"},
		{"in lower case, after rubbish", "\x1a\x1bxxat", "OK"},
		{"corrected while typing", "ATX\b", "OK"},
		{"identity", "ATI", "Manufacturer: omsbox|Model: Simulator|Revision: 1.0|OK"},
		{"IMEI", "AT+CGSN", "350000000000006|OK"},
		{"IMEI with its name", "AT+CGSN=1", `+CGSN: "350000000000006"|OK`},
		{"IMSI", "AT+CIMI", "001010123456789|OK"},
		{"ICCID", "AT+CCID", "+CCID: 8900101000000000006|OK"},
		{"own number", "AT+CNUM", `+CNUM: ,"+15550100000",145|OK`},
		{"PIN", "AT+CPIN?", "+CPIN: READY|OK"},
		{"registration", "AT+CREG?;+CEREG?", "+CREG: 0,1|+CEREG: 0,1|OK"},
		{"registration with the cell", "AT+CREG=2;+CREG?", `+CREG: 2,1,"0001","00A1"|OK`},
		{"operator", "AT+COPS?", `+COPS: 0,0,"Simulated",7|OK`},
		{"operator's number", "AT+COPS=3,2;+COPS?", `+COPS: 0,2,"00101",7|OK`},
		{"signal", "AT+CSQ", "+CSQ: 20,99|OK"},
		{"SMSC", "AT+CSCA?", `+CSCA: "+15550199999",145|OK`},
		{"another SMSC", `AT+CSCA="123";+CSCA?`, `+CSCA: "123",129|OK`},
		{"clock", "AT+CCLK?", `+CCLK: "26/11/21,22:31:32+08"|OK`},
		{"PDU mode", "AT+CMGF=0;+CMGF?", "+CMGF: 0|OK"},
		{"message service", "AT+CSMS=1;+CSMS?", "+CSMS: 1,1,1|+CSMS: 1,1,1,1|OK"},
		{"what indications there are", "AT+CNMI=?", "+CNMI: (0-2),(0-2),(0),(0-2),(0,1)|OK"},
		{"indications", "AT+CNMI=2,1,0,1;+CNMI?", "+CNMI: 2,1,0,1,0|OK"},
		{"indications that do not exist", "AT+CNMI=2,3", "+CMS ERROR: 302"},
		{"storage", "AT+CPMS?", `+CPMS: "SM",0,20,"SM",0,20,"SM",0,20|OK`},
		{"other storage", `AT+CPMS="SR","ME"`, "+CPMS: 0,20,0,50,0,20|OK"},
		{"reports are not received messages", `AT+CPMS="SM","SM","SR"`, "+CMS ERROR: 302"},
		{"empty list", "AT+CMGL=4", "OK"},
		{"empty place", "AT+CMGR=1", "+CMS ERROR: 321"},
		{"a place that does not exist", "AT+CMGD=21", "+CMS ERROR: 321"},
		{"deleting an empty place", "AT+CMGD=20", "OK"},
		{"what can be deleted", "AT+CMGD=?", "+CMGD: (),(0-4)|OK"},
		{"nothing to acknowledge", "AT+CNMA", "+CMS ERROR: 340"},
		{"more messages to send is not SIMCom's MMS", "AT+CMMS=1;+CMMS?;+CMMSINIT", "+CMMS: 1|ERROR"},
		{"can it send", "AT+CMGS=?", "OK"},
		{"a length that cannot be", "AT+CMGS=200", "+CMS ERROR: 304"},
		{"unknown", "AT+QMMS?", "ERROR"},
		{"unknown basic", "ATW", "ERROR"},
		{"the first error ends the line", "AT+CSQ;+NO;+CSQ", "+CSQ: 20,99|ERROR"},
		{"basic and extended on a line", "ATE0V1Q0S0=0&D2X4+CSQ;+CMGF?", "+CSQ: 20,99|+CMGF: 0|OK"},
		{"a semicolon in quotes", `AT+CSCS=";"`, "+CME ERROR: 50"},
		{"character sets", `AT+CSCS="UCS2";+CSCS?`, `+CSCS: "UCS2"|OK`},
		{"functionality", "AT+CFUN?", "+CFUN: 1|OK"},
		{"flight mode", "AT+CFUN=4;+CREG?;+COPS?", "+CREG: 0,0|+COPS: 0|OK"},
		{"errors in words", "AT+CMEE=2;+CMGR=1", "+CMS ERROR: invalid memory index"},
		{"errors without number", "AT+CMEE=0;+CMGR=1", "ERROR"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSimulator(t, simulator.Options{Now: fixedNow})
			h := quiet(t, s)
			h.ask(tt.command, tt.want)
			h.silence()
		})
	}
}

func TestALineWithoutEndIsCut(t *testing.T) {
	h := quiet(t, newSimulator(t, simulator.Options{}))
	h.ask("AT+"+strings.Repeat("X", 1<<20), "ERROR")
	h.silence()
}

func TestCommandList(t *testing.T) {
	h := quiet(t, newSimulator(t, simulator.Options{}))
	h.say("AT+CLAC\r")
	h.hear("\r\nAT&C\r\nAT&D\r\nAT&F\r\nAT+CCID\r\n")
}

func TestEcho(t *testing.T) {
	h := open(t, newSimulator(t, simulator.Options{}))
	h.say("AT\r")
	h.hear("AT\r\r\nOK\r\n")
	h.say("ATE0\r")
	h.hear("ATE0\r\r\nOK\r\n")
	h.say("AT\r\n\r\nAT\r")
	h.hear("\r\nOK\r\n\r\nOK\r\n")
	h.say("ATZ\r")
	h.hear("\r\nOK\r\n")
	h.say("AT\r")
	h.hear("AT\r\r\nOK\r\n")
}

func TestPIN(t *testing.T) {
	s := newSimulator(t, simulator.Options{PIN: "1234"})
	h := quiet(t, s)
	h.ask("AT+CPIN?;+CREG?", "+CPIN: SIM PIN|+CREG: 0,0|OK")
	h.ask("AT+CIMI", "+CME ERROR: 11")
	h.ask("AT+CMGL=4", "+CMS ERROR: 311")
	h.ask(`AT+CPIN="0000"`, "+CME ERROR: 16")
	h.ask("AT+CREG=1", "OK")
	h.say("AT+CPIN=\"1234\"\r")
	h.hear("\r\n+CREG: 1\r\n\r\nOK\r\n")
	h.ask("AT+CPIN?;+CREG?", "+CPIN: READY|+CREG: 1,1|OK")

	s.Reset()
	h = quiet(t, s)
	for range 3 {
		h.ask("AT+CPIN=0000", "+CME ERROR: 16")
	}
	h.ask("AT+CPIN?", "+CPIN: SIM PUK|OK")
	h.ask("AT+CPIN=1234", "+CME ERROR: 12")
}

func TestRegistrationIsTold(t *testing.T) {
	s := newSimulator(t, simulator.Options{})
	h := quiet(t, s)
	h.ask("AT+CREG=1;+CEREG=2", "OK")
	s.Register(2)
	h.hear("\r\n+CREG: 2\r\n\r\n+CEREG: 2,\"0001\",\"00A1\"\r\n")
	s.Register(5)
	h.hear("\r\n+CREG: 5\r\n\r\n+CEREG: 5,\"0001\",\"00A1\"\r\n")
	s.SetSignal(99)
	h.ask("AT+CSQ", "+CSQ: 99,99|OK")
}

func TestThePortIsOpenOnce(t *testing.T) {
	s := newSimulator(t, simulator.Options{})
	h := quiet(t, s)
	h.ask("AT+CNMI=2,1", "OK")
	if _, err := s.Open(); !errors.Is(err, simulator.ErrBusy) {
		t.Fatalf("a second Open: %v", err)
	}
	h.port.Close()
	if _, err := h.port.Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("read after Close: %v", err)
	}
	if _, err := h.port.Write([]byte("AT\r")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("write after Close: %v", err)
	}

	h = open(t, s) // and the settings are as they were left
	h.ask("AT+CNMI?", "+CNMI: 2,1,0,0,0|OK")
}

func TestCloseUnblocksRead(t *testing.T) {
	h := quiet(t, newSimulator(t, simulator.Options{}))
	done := make(chan error)
	go func() {
		_, err := h.port.Read(make([]byte, 1))
		done <- err
	}()
	h.port.Close()
	if err := <-done; !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimulator(t, simulator.Options{})
		h := quiet(t, s)
		h.port.SetReadDeadline(time.Now().Add(time.Millisecond))
		if _, err := h.port.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read: %v", err)
		}
		h.port.SetReadDeadline(time.Time{})

		s.StallWrites(true)
		h.port.SetWriteDeadline(time.Now().Add(time.Millisecond))
		if _, err := h.port.Write([]byte("AT\r")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("write: %v", err)
		}
		h.port.SetWriteDeadline(time.Time{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.port.Write([]byte("AT\r"))
		}()
		s.StallWrites(false)
		<-done
		h.hear("\r\nOK\r\n")
	})
}

func TestUnplug(t *testing.T) {
	s := newSimulator(t, simulator.Options{})
	h := quiet(t, s)
	s.Unplug()
	if _, err := h.port.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("read: %v", err)
	}
	if _, err := h.port.Write([]byte("AT\r")); err == nil {
		t.Error("write to a modem that is not there")
	}
	h.port.Close()
	if _, err := s.Open(); !errors.Is(err, simulator.ErrUnplugged) {
		t.Errorf("open: %v", err)
	}
	s.Plug()
	h = open(t, s)
	h.say("AT\r")
	h.hear("AT\r\r\nOK\r\n") // it came up afresh
}

func TestRestart(t *testing.T) {
	h := quiet(t, newSimulator(t, simulator.Options{}))
	h.ask("AT+CFUN=1,1", "OK")
	if _, err := h.port.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("read: %v", err)
	}
}

func TestClosed(t *testing.T) {
	s := simulator.New(simulator.Options{})
	h := quiet(t, s)
	s.Close()
	s.Close()
	if _, err := h.port.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("read: %v", err)
	}
	if _, err := s.Open(); !errors.Is(err, simulator.ErrClosed) {
		t.Errorf("open: %v", err)
	}
}
