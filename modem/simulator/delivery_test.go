package simulator_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"omsbox/modem/simulator"
	"omsbox/modem/sms"
)

// at runs a test in a bubble of its own time.
func at(t *testing.T, o simulator.Options, f func(*testing.T, *simulator.Simulator, *host)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.Now = fixedNow
		s := newSimulator(t, o)
		defer s.Close()
		f(t, s, quiet(t, s))
	})
}

// pass lets time pass, and lets all that is due then happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

const direct = "\r\n+CMT: ,21\r\n" + hi + "\r\n"

func TestDirectDeliveryIsAcknowledged(t *testing.T) {
	at(t, simulator.Options{}, func(t *testing.T, s *simulator.Simulator, h *host) {
		h.ask("AT+CSMS=1;+CNMI=2,2,0,1", "+CSMS: 1,1,1|OK")
		phone := s.Phone("+15551234567")
		phone.Send("hi")
		phone.Send("hi")
		h.hear(direct)
		h.silence() // the second waits for the first
		h.say("AT+CNMA\r")
		h.hear(direct + wire("OK"))
		h.ask("AT+CNMA=1", "OK")
		h.ask("AT+CNMA", "+CMS ERROR: 340")
	})
}

func TestDirectDeliveryIsRefused(t *testing.T) {
	at(t, simulator.Options{}, func(t *testing.T, s *simulator.Simulator, h *host) {
		h.ask("AT+CSMS=1;+CNMI=2,2", "+CSMS: 1,1,1|OK")
		s.Phone("+15551234567").Send("hi")
		h.hear(direct)
		h.ask("AT+CNMA=2", "OK")
		pass(time.Minute)
		h.hear(direct)
		h.ask("AT+CNMA=0", "OK")
		pass(time.Hour)
		h.silence()
	})
}

// No AT+CNMA in time, and the modem passes nothing on any more: what the SMSC
// sends again is stored and nobody is told.
func TestDirectDeliveryIsForgotten(t *testing.T) {
	at(t, simulator.Options{}, func(t *testing.T, s *simulator.Simulator, h *host) {
		h.ask("AT+CSMS=1;+CNMI=2,2,0,1", "+CSMS: 1,1,1|OK")
		s.Phone("+15551234567").Send("hi")
		h.hear(direct)
		pass(15 * time.Second)
		h.ask("AT+CNMI?", "+CNMI: 2,0,0,0,0|OK")
		h.ask("AT+CMGL=4", "OK")
		pass(time.Minute)
		h.ask("AT+CMGL=4", "+CMGL: 1,0,,21|"+hi+"|OK")
	})
}

func TestReportsThatAreStored(t *testing.T) {
	for profile, urc := range map[string]string{"": `+CDSI: "SR",1`, "ec25": `+CDSI: "SM",0`} {
		s := newSimulator(t, simulator.Options{Profile: profile, Now: fixedNow})
		h, _ := greeted(t, s)
		h.ask("AT+CNMI=2,1,0,2", "OK")
		h.submit(tpdus(t, sms.Submit{To: "+15551234567", Text: "hi", Report: true})[0], "+CMGS: 0|OK")
		h.hear("\r\n" + urc + "\r\n")
		h.say("AT+CPMS=\"SR\";+CMGL=4\r")
		for !strings.HasPrefix(h.line(), "+CMGL: ") {
		}
	}
}

func TestReportsOfAnotherKind(t *testing.T) {
	at(t, simulator.Options{ReportDelay: time.Second}, func(t *testing.T, s *simulator.Simulator, h *host) {
		h.ask("AT+CNMI=2,1,0,1", "OK")
		phone := s.Phone("+15551234567")
		phone.Reports(0x20, 0x21)
		phone.ReportAs("15551234567")
		h.submit(tpdus(t, sms.Submit{To: "+15551234567", Text: "hi", Report: true})[0], "+CMGS: 0|OK")
		for _, status := range []byte{0x20, 0x21, 0} {
			h.port.SetReadDeadline(time.Now().Add(time.Minute))
			if line := h.line(); line != "+CDS: 25" {
				t.Fatalf("got %q", line)
			}
			_, tpdu, _ := sms.SplitPDU(h.line())
			if r, err := sms.ParseStatusReport(tpdu); r.Status != status || r.To != "15551234567" || err != nil {
				t.Errorf("got %+v, %v, want status %x", r, err, status)
			}
		}
	})
}

func TestAPhoneThatIsOff(t *testing.T) {
	at(t, simulator.Options{}, func(t *testing.T, s *simulator.Simulator, h *host) {
		h.ask("AT+CNMI=2,1,0,1", "OK")
		phone := s.Phone("+15551234567")
		phone.SwitchOff()
		b := tpdus(t, sms.Submit{To: "+15551234567", Text: "hi", Report: true})[0]
		short := append([]byte{b[0] | 0x10}, b[1:]...) // TP-VP, relative: five minutes
		i := 2 + 2 + 6 + 2
		short = append(short[:i:i], append([]byte{0}, short[i:]...)...)
		h.submit(b, "+CMGS: 0|OK")
		h.submitLoud(short, 1)
		pass(5 * time.Minute)
		phone.SwitchOn()
		var statuses []byte
		for range 4 {
			for h.line() != "+CDS: 25" {
			}
			_, tpdu, _ := sms.SplitPDU(h.line())
			r, _ := sms.ParseStatusReport(tpdu)
			statuses = append(statuses, r.MR, r.Status)
		}
		if got, want := fmt.Sprintf("%x", statuses), "0022"+"0122"+"0146"+"0000"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got := s.Submitted(); got[0].Validity != 0 || got[1].Validity != 5*time.Minute {
			t.Errorf("got %v and %v", got[0].Validity, got[1].Validity)
		}
		if n := len(phone.Inbox()); n != 1 {
			t.Errorf("the phone shows %d", n)
		}
	})
}

// submitLoud sends a TPDU while other things are said, and leaves all of that
// to be heard.
func (h *host) submitLoud(tpdu []byte, mr int) {
	h.t.Helper()
	h.say(fmt.Sprintf("AT+CMGS=%d\r", len(tpdu)))
	for !strings.HasSuffix(h.said, "\r\n> ") {
		h.more()
	}
	h.said = strings.TrimSuffix(h.said, "\r\n> ")
	h.say(sms.JoinPDU("", tpdu) + "\x1a")
	for !strings.Contains(h.said, fmt.Sprintf("+CMGS: %d\r\n", mr)) {
		h.more()
	}
}

func (h *host) more() {
	h.t.Helper()
	b := make([]byte, 4096)
	n, err := h.port.Read(b)
	if err != nil {
		h.t.Fatalf("got %q and %v", h.said, err)
	}
	h.said += string(b[:n])
}

func TestRedelivery(t *testing.T) {
	at(t, simulator.Options{}, func(t *testing.T, s *simulator.Simulator, h *host) {
		h.ask("AT+CNMI=2,1", "OK")
		s.Misbehave(simulator.Once(simulator.AtDeliver, simulator.Fault{Again: time.Hour}))
		s.Phone("+15551234567").Send("hi")
		h.hear("\r\n+CMTI: \"SM\",1\r\n")
		h.ask("AT+CMGD=1", "OK")
		pass(time.Hour)
		h.hear("\r\n+CMTI: \"SM\",1\r\n")
		h.ask("AT+CMGL=4", "+CMGL: 1,0,,21|"+hi+"|OK")
	})
}

func TestWhatIsNotSimplyAText(t *testing.T) {
	for _, c := range []struct {
		name  string
		send  func(*simulator.Phone) error
		check func(sms.Deliver) bool
	}{
		{"flash", func(p *simulator.Phone) error { return p.SendClass("now", 0) },
			func(d sms.Deliver) bool { return d.Class == 0 && d.Text == "now" }},
		{"flash in another alphabet", func(p *simulator.Phone) error { return p.SendClass("сейчас", 0) },
			func(d sms.Deliver) bool { return d.Class == 0 && d.Text == "сейчас" }},
		{"silent", (*simulator.Phone).SendSilent,
			func(d sms.Deliver) bool { return d.PID == 0x40 && d.Text == "" }},
		{"voice mail", func(p *simulator.Phone) error { return p.SendVoicemail(true, "") },
			func(d sms.Deliver) bool { return d.Waiting.Indicated && d.Waiting.Active && d.Waiting.Discard }},
		{"no more voice mail", func(p *simulator.Phone) error { return p.SendVoicemail(false, "none") },
			func(d sms.Deliver) bool {
				return d.Waiting.Indicated && !d.Waiting.Active && !d.Waiting.Discard && d.Text == "none"
			}},
		{"data", func(p *simulator.Phone) error { return p.SendData([]byte{1, 2}, sms.Port{Dest: 2948, Source: 9200}) },
			func(d sms.Deliver) bool { return string(d.Data) == "\x01\x02" && d.Port.Dest == 2948 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSimulator(t, simulator.Options{})
			h := quiet(t, s)
			if err := c.send(s.Phone("Bank")); err != nil {
				t.Fatal(err)
			}
			h.say("AT+CMGL=4\r")
			h.line()
			_, tpdu, err := sms.SplitPDU(h.line())
			if err != nil {
				t.Fatal(err)
			}
			if d, err := sms.ParseDeliver(tpdu); err != nil || !c.check(d) {
				t.Errorf("got %+v, %v", d, err)
			}
		})
	}
}

func TestRawTPDU(t *testing.T) {
	s := newSimulator(t, simulator.Options{})
	h := quiet(t, s)
	h.ask("AT+CNMI=2,1,0,1", "OK")
	if err := s.DeliverTPDU([]byte{0x04, 0xFF}); err != nil {
		t.Fatal(err)
	}
	h.hear("\r\n+CMTI: \"SM\",1\r\n")
	s.DeliverTPDU([]byte{0x06})
	h.hear("\r\n+CDS: 1\r\n07915155109999F906\r\n")
}

func TestPartsDaysApart(t *testing.T) {
	s := newSimulator(t, simulator.Options{})
	h := quiet(t, s)
	phone := s.Phone("Bank")
	parts, err := phone.Compose(strings.Repeat("a long answer ", 15))
	if err != nil || len(parts) != 2 {
		t.Fatal(len(parts), err)
	}
	phone.SendTPDUs(parts[1])
	h.ask("AT+CMGD=1,4", "OK")
	phone.SendTPDUs(parts[0])
	h.say("AT+CMGL=4\r")
	h.line()
	_, tpdu, _ := sms.SplitPDU(h.line())
	if d, err := sms.ParseDeliver(tpdu); err != nil || d.Concat.Seq != 1 || d.Concat.Total != 2 {
		t.Errorf("got %+v, %v", d.Concat, err)
	}
}

func TestCNMIIsForgotten(t *testing.T) {
	at(t, simulator.Options{CNMILife: time.Hour}, func(t *testing.T, s *simulator.Simulator, h *host) {
		h.ask("AT+CNMI=2,1", "OK")
		pass(30 * time.Minute)
		h.ask("AT+CNMI=2,1", "OK")
		pass(45 * time.Minute)
		h.ask("AT+CNMI?", "+CNMI: 2,1,0,0,0|OK")
		pass(15 * time.Minute)
		h.ask("AT+CNMI?", "+CNMI: 0,0,0,0,0|OK")
		h.ask("AT+CNMI=2,1", "OK")
		s.ForgetCNMI()
		h.ask("AT+CNMI?", "+CNMI: 0,0,0,0,0|OK")
	})
}

func TestCNMIVariantsAreRefused(t *testing.T) {
	h := quiet(t, newSimulator(t, simulator.Options{CNMI: func(n [5]int) bool { return n[3] != 1 }}))
	h.ask("AT+CNMI=2,1,0,1", "+CMS ERROR: 302")
	h.ask("AT+CNMI=2,1,0,2", "OK")
}

func TestSlowRegistration(t *testing.T) {
	at(t, simulator.Options{Search: time.Minute}, func(t *testing.T, s *simulator.Simulator, h *host) {
		h.ask("AT+CREG=1", "OK")
		h.ask("AT+CREG?", "+CREG: 1,2|OK")
		pass(time.Minute)
		h.hear("\r\n+CREG: 1\r\n")
		h.say("AT+CFUN=4;+CFUN=1\r")
		h.hear("\r\n+CREG: 0\r\n\r\n+CREG: 2\r\n\r\nOK\r\n")
	})
}

func TestABurst(t *testing.T) {
	at(t, simulator.Options{SubmitDelay: 3 * time.Second, BurstDelay: time.Second}, func(t *testing.T, s *simulator.Simulator, h *host) {
		b := tpdus(t, sms.Submit{To: "+15551234567", Text: "hi"})[0]
		h.ask("AT+CMMS=1", "OK")
		for i, want := range []time.Duration{3 * time.Second, time.Second, time.Second} {
			start := time.Now()
			h.submit(b, fmt.Sprintf("+CMGS: %d|OK", i))
			if took := time.Since(start); took != want {
				t.Errorf("the message %d took %v, want %v", i+1, took, want)
			}
		}
		h.ask("AT+CMMS?", "+CMMS: 1|OK")
		pass(6 * time.Second)
		h.ask("AT+CMMS?", "+CMMS: 0|OK")
		h.ask("AT+CMMS=2", "OK")
		pass(6 * time.Second)
		h.ask("AT+CMMS?", "+CMMS: 2|OK")
	})
}
