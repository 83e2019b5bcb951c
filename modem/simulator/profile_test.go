package simulator_test

import (
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"omsbox/modem/simulator"
	"omsbox/modem/sms"
)

// greeted opens the port as quiet does, and returns what the modem said of
// itself before.
func greeted(t *testing.T, s *simulator.Simulator) (h *host, boot string) {
	t.Helper()
	h = open(t, s)
	h.port.SetReadDeadline(time.Now().Add(patience))
	h.say("ATE0+CMEE=1\r")
	const end = "ATE0+CMEE=1\r\r\nOK\r\n"
	for !strings.HasSuffix(h.said, end) {
		h.more()
	}
	boot = strings.TrimSuffix(h.said, end)
	h.said = ""
	return h, boot
}

func TestFamilies(t *testing.T) {
	for _, c := range []struct{ profile, command, want string }{
		{"huawei-e1550", "ATI", "Manufacturer: huawei|Model: E1550|Revision: 11.608.14.15.311|IMEI: 350000000000006|+GCAP: +CGSM,+DS,+ES|OK"},
		{"huawei-e1550", "AT+CPMS?", `+CPMS: "SM",0,50,"SM",0,50,"SM",0,50|OK`},
		{"huawei-e1550", "AT^CPIN?", "^CPIN: READY,,10,3,10,3|OK"},
		{"huawei-e1550", "AT^ICCID?", "^ICCID: 8900101000000000006|OK"},
		{"huawei-e1550", "AT+QRST", "COMMAND NOT SUPPORT"},
		{"huawei-e1550", "AT^CURC=0", "OK"},
		{"sim800", "ATI", "SIM800 R14.18|OK"},
		{"sim800", "AT+CGMI", "SIMCOM_Ltd|OK"},
		{"sim800", "AT+CGMR", "Revision:1418B05SIM800L24|OK"},
		{"sim800", "AT+CCID", "8900101000000000006|OK"},
		{"sim800", "AT+SPIC", "+SPIC: 3,10,3,10|OK"},
		{"sim800", "AT+CNMI?", "+CNMI: 2,1,0,0,0|OK"},
		{"sim7600", "AT+CGMM", "SIMCOM_SIM7600G-H|OK"},
		{"sim7600", "AT+CPMS=?", `+CPMS: ("ME","MT","SM","SR"),("ME","MT","SM"),("ME","SM")|OK`},
		{"sim7600", "AT+CNMI=1,1,0,1", "+CMS ERROR: 302"},
		{"sim7600", "AT+CNMI=2,1,0,1", "OK"},
		{"sim7600", "AT+CMGR=0", "+CMS ERROR: 321"},
		{"sim7600", "AT+CICCID", "+ICCID: 8900101000000000006|OK"},
		{"ec25", "ATI", "Quectel|EC25|Revision: EC25EFAR06A10M4G|OK"},
		{"ec25", "AT+QPINC?", `+QPINC: "SC",3,10|+QPINC: "P2",3,10|OK`},
		{"ec25", `AT+QURCCFG="urcport"`, `+QURCCFG: "urcport","usbat"|OK`},
		{"ec25", "AT+CMGR=5", "OK"},
		{"zte-mf190", "AT+CGMI", "ZTE CORPORATION|OK"},
		{"zte-mf190", "AT+ZPINPUK=?", "+ZPINPUK: 3,10|OK"},
		{"", "AT+CPINR", "+CPINR: SIM PIN,3,3|+CPINR: SIM PUK,10,10|OK"},
	} {
		t.Run(c.profile+" "+c.command, func(t *testing.T) {
			h, _ := greeted(t, newSimulator(t, simulator.Options{Profile: c.profile}))
			h.ask(c.command, c.want)
			h.silence()
		})
	}
}

// Every family takes a text, gives one, and restarts by its own command.
func TestEveryFamilyWorks(t *testing.T) {
	resets := map[string]string{"huawei-e1550": "^RESET", "sim800": "+CFUN=1,1", "sim7600": "+CRESET", "ec25": "+QRST", "zte-mf190": "+ZRST"}
	if names := simulator.Profiles(); len(names) != len(resets) {
		t.Fatalf("there are %v", names)
	}
	for _, profile := range simulator.Profiles() {
		t.Run(profile, func(t *testing.T) {
			s := newSimulator(t, simulator.Options{Profile: profile, Now: fixedNow})
			h, boot := greeted(t, s)
			if boot == "" {
				t.Error("it says nothing when it starts")
			}
			h.ask("AT+CNMI=2,1,0,1", "OK")
			h.submit(tpdus(t, sms.Submit{To: "+15551234567", Text: "hi"})[0], "+CMGS: 0|OK")
			s.Phone("+15551234567").Send("hi")
			line := h.line()
			if !strings.HasPrefix(line, "+CMTI: ") {
				t.Fatalf("got %q", line)
			}
			index := line[strings.LastIndex(line, ",")+1:]
			h.say("AT+CMGL=4\r")
			if line := h.line(); !strings.HasPrefix(line, "+CMGL: "+index+",0,") {
				t.Fatalf("got %q", line)
			}
			h.hear(hi + "\r\n" + wire("OK"))
			h.ask("AT+CMGD="+index, "OK")
			h.ask("AT+CMGL=4", "OK")

			h.ask("AT"+resets[profile], "OK")
			if profile == "sim800" { // a serial line does not end
				h.hear(boot)
				h.say("AT\r")
				h.hear("AT\r\r\nOK\r\n")
				return
			}
			if _, err := h.port.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("read: %v", err)
			}
			h.port.Close()
			if _, again := greeted(t, s); again != boot {
				t.Errorf("then it says %q", again)
			}
		})
	}
}

func TestChatter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimulator(t, simulator.Options{Profile: "huawei-e1550", Chatter: time.Second})
		defer s.Close()
		h, _ := greeted(t, s)
		pass(2500 * time.Millisecond)
		h.hear("\r\n^RSSI:20\r\n\r\n^BOOT:35323129,0,0,0,26\r\n")
		h.ask("AT^CURC=0", "OK")
		pass(time.Hour)
		h.silence()
	})
}

func TestURCsOnAnotherPort(t *testing.T) {
	s := newSimulator(t, simulator.Options{Profile: "ec25", Now: fixedNow})
	h, _ := greeted(t, s)
	modem := openPort(t, s, 3)
	modem.say("ATE0\r")
	modem.hear("ATE0\r\r\nOK\r\n")
	h.ask(`AT+CNMI=2,1;+QURCCFG="urcport","usbmodem"`, "OK")
	s.Phone("+15551234567").Send("hi")
	modem.hear("\r\n+CMTI: \"ME\",0\r\n")
	h.silence()
}

// The storage MT shows what lies in the others.
func TestTheSameMessageInTwoStorages(t *testing.T) {
	s := newSimulator(t, simulator.Options{Profile: "huawei-e1550", Now: fixedNow})
	h, _ := greeted(t, s)
	h.ask(`AT+CPMS="SM","SM","SM"`, "+CPMS: 0,50,0,50,0,50|OK")
	s.Phone("+15551234567").Send("hi")
	h.ask("AT+CMGL=4", "+CMGL: 0,0,,21|"+hi+"|OK")
	h.ask(`AT+CPMS="MT"`, "+CPMS: 1,73,1,50,1,50|OK")
	h.ask("AT+CMGL=4", "+CMGL: 23,1,,21|"+hi+"|OK")
	h.ask("AT+CMGD=23;+CPMS?", `+CPMS: "MT",0,73,"SM",0,50,"SM",0,50|OK`)
}

func TestMMSNotification(t *testing.T) {
	s := newSimulator(t, simulator.Options{Profile: "sim800"})
	h, _ := greeted(t, s)
	s.Phone("MMSC").SendData([]byte{1}, sms.Port{Dest: 2948, Source: 9200})
	h.hear("\r\n+CMTI: \"SM\",1,\"MMS PUSH\",2,1\r\n")
}

func TestFlashIsPassedOnWhateverWasAskedFor(t *testing.T) {
	s := newSimulator(t, simulator.Options{Profile: "sim7600", Now: fixedNow})
	h, _ := greeted(t, s)
	s.Phone("+15551234567").SendClass("hi", 0)
	h.hear("\r\n+CMT: \"\",21\r\n" + strings.Replace(hi, "F70000", "F70010", 1) + "\r\n")
	h.ask("AT+CMGL=4", "OK")
}

func TestUSSD(t *testing.T) {
	for _, c := range []struct{ name, profile, before, code, urc string }{
		{"text", "ec25", "AT+CUSD=1", "*100#", `+CUSD: 0,"Balance 12.34 EUR",15`},
		{"a menu", "ec25", "AT+CUSD=1", "*101#", "+CUSD: 1,\"1 Balance\r\n2 Back\",15"},
		{"not supported", "ec25", "AT+CUSD=1", "*999#", "+CUSD: 4"},
		{"UCS2 when that is chosen", "ec25", `AT+CSCS="UCS2"`, "002A0031003000300023",
			`+CUSD: 0,"00420061006C0061006E00630065002000310032002E00330034002000450055005200",15`},
		{"packed", "huawei-e1550", "AT+CUSD=1", "AA180C3602", `+CUSD: 0,"C2303BEC1E974131996B460315AB52",15`},
		{"UCS2 without a word", "zte-mf190", "AT+CUSD=1", "*100#", `+CUSD: 0,"00420061006C0061006E00630065002000310032002E0033003400200045005500`},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSimulator(t, simulator.Options{Profile: c.profile, USSDDelay: time.Second})
				defer s.Close()
				h, _ := greeted(t, s)
				h.ask(c.before, "OK")
				h.ask(`AT+CUSD=1,"`+c.code+`",15`, "OK")
				h.silence()
				pass(time.Second)
				h.more()
				if want := "\r\n" + c.urc; !strings.HasPrefix(h.said, want) && !strings.HasPrefix(strings.Replace(h.said, "0052\"", "005200\"", 1), want) {
					t.Errorf("\n got %q\nwant %q", h.said, want)
				}
			})
		})
	}
}

func TestUSSDOfOnesOwn(t *testing.T) {
	s := newSimulator(t, simulator.Options{})
	s.SetUSSD(func(code string) simulator.USSD { return simulator.USSD{Text: "you asked " + code} })
	h := quiet(t, s)
	h.say("AT+CUSD=1,\"*5#\",15\r")
	for heard := []string{h.line(), h.line()}; !slices.Contains(heard, `+CUSD: 0,"you asked *5#",15`); {
		t.Fatalf("got %q", heard)
	}
	s.Register(2)
	h.ask(`AT+CUSD=1,"*5#",15`, "+CME ERROR: 30")
	h.ask(`AT+CUSD=1,"five",15`, "+CME ERROR: 50")
}

func TestPUK(t *testing.T) {
	s := newSimulator(t, simulator.Options{PIN: "1234"})
	h := quiet(t, s)
	h.ask("AT+CCID", "+CCID: 8900101000000000006|OK") // before the PIN
	for range 3 {
		h.ask("AT+CPIN=0000", "+CME ERROR: 16")
	}
	h.ask(`AT+CPINR="SIM PIN"`, "+CPINR: SIM PIN,0,3|OK")
	h.ask("AT+CMGL=4", "+CMS ERROR: 316")
	h.ask(`AT+CPIN="11111111","4321"`, "+CME ERROR: 16")
	h.ask("AT+CPINR", "+CPINR: SIM PIN,0,3|+CPINR: SIM PUK,9,10|OK")
	h.ask(`AT+CPIN="12345678","4321"`, "OK")
	h.ask("AT+CPIN?", "+CPIN: READY|OK")
	s.Reset()
	h = quiet(t, s)
	h.ask("AT+CPIN=4321", "OK")
}

func TestSIMCards(t *testing.T) {
	s := newSimulator(t, simulator.Options{})
	h := quiet(t, s)
	s.Phone("Bank").Send("hi")
	s.RemoveSIM()
	for command, want := range map[string]string{
		"AT+CPIN?": "+CME ERROR: 10", "AT+CIMI": "+CME ERROR: 10", "AT+CCID": "+CME ERROR: 10", "AT+CMGL=4": "+CMS ERROR: 310",
	} {
		h.ask(command, want)
	}
	s.InsertSIM(simulator.Card{Number: "+15550300000", IMSI: "001010000000003"})
	h = quiet(t, s)
	h.ask("AT+CIMI;+CMGL=4", "001010000000003|OK")
	s.SetSMSC("")
	h.ask("AT+CSCA?", `+CSCA: "",129|OK`)
	h.submit(tpdus(t, sms.Submit{To: "+15551234567", Text: "hi"})[0], "+CMS ERROR: 330")
}

func TestBus(t *testing.T) {
	var bus simulator.Bus
	huawei := newSimulator(t, simulator.Options{Profile: "huawei-e1550"})
	quectel := newSimulator(t, simulator.Options{Profile: "ec25"})
	bus.Attach(huawei, "1-1.2")
	bus.Attach(quectel, "1-1.3")
	names := func(path string) (names string) {
		for _, p := range bus.Ports() {
			if p.Path == path {
				names += strings.TrimPrefix(p.Name, "ttyUSB")
			}
		}
		return names
	}
	if got := names("1-1.2") + " " + names("1-1.3"); got != "012 3456" {
		t.Fatalf("got %s", got)
	}
	p, err := bus.Open("ttyUSB2")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bus.Open("ttyUSB2"); !errors.Is(err, simulator.ErrBusy) {
		t.Errorf("a second time: %v", err)
	}
	huawei.Unplug()
	if _, err := bus.Open("ttyUSB2"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("unplugged: %v", err)
	}
	huawei.Plug()
	if got := names("1-1.2"); got != "017" { // its host still has ttyUSB2
		t.Errorf("got %s", got)
	}
	p.Close()
	huawei.Reset()
	if got := names("1-1.2"); got != "012" {
		t.Errorf("got %s", got)
	}
	for _, p := range bus.Ports() {
		if p.Name == "ttyUSB4" && (p.Vendor != "2c7c" || p.Product != "0125" || p.Interface != 1) {
			t.Errorf("got %+v", p)
		}
	}
	if _, err := bus.Open("ttyUSB9"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no such port: %v", err)
	}
	p, err = bus.Open("ttyUSB5")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	(&host{t: t, port: p.(port)}).say("AT\r")
}

func TestAnUnknownProfile(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it was made")
		}
	}()
	simulator.New(simulator.Options{Profile: "nokia"})
}
