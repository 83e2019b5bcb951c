package modem_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"omsbox/modem"
	"omsbox/modem/simulator"
)

// tape is a port that says what was recorded, in pieces of any size, once something is written to it.
type tape struct {
	said  *bytes.Reader
	piece int
	asked chan struct{}
}

func (p *tape) Read(b []byte) (int, error) {
	<-p.asked
	return p.said.Read(b[:min(len(b), p.piece)])
}

func (p *tape) Write(b []byte) (int, error) {
	select {
	case <-p.asked:
	default:
		close(p.asked)
	}
	return len(b), nil
}

func (p *tape) Close() error {
	p.Write(nil)
	p.said.Seek(0, io.SeekEnd)
	return nil
}

// Whatever a modem says, a question ends, and so does the session.
func FuzzModem(f *testing.F) {
	for _, said := range []string{
		"\r\n+CSQ: 20,99\r\n\r\nOK\r\n", "\r\n> ", "\r\n>\r\n\r\n+CMGS: 7\r\n\r\nOK\r\n", "+CDS: 25\r\n07911326040000F0", "+CMT: ,24\r\n00\r\nRING\r\n",
		"AT+CSQ\r\r\nERROR\r\n", "+CMS ERROR: no prompt\r\n", "\r\n+CMGL: 1,0,,24\r\n0001000B911326880736F40000\r\n+CMGL: 2\r\n", "NO CARRIER\r\n",
		"+CDS:\r\n0811223344556677\r\n", "+CMT: ,7\r\nFF11223344556677\r\n", "+CMT: ,-2\r\n0811223344556677\r\n",
		`+CDS: 6,300,"",0,"","",-1` + "\r\n", `+CUSD: 0,"no end` + "\r\n\r\nOK\r\n",
	} {
		f.Add([]byte(said), byte(3))
	}
	patience := modem.Patience{Write: time.Second, Command: 20 * time.Millisecond, Prompt: 10 * time.Millisecond, Submit: 20 * time.Millisecond,
		List: 20 * time.Millisecond, Grace: 5 * time.Millisecond, Resync: 15 * time.Millisecond, Stop: time.Second, Sweep: time.Second}
	f.Fuzz(func(t *testing.T, said []byte, piece byte) {
		s := modem.NewSession(&tape{bytes.NewReader(said), 1 + int(piece), make(chan struct{})}, patience, quiet())
		s.Command(context.Background(), "+CSQ")
		mr, err := s.Submit(context.Background(), "0001000B911326880736F40000", 12)
		if err == nil && (mr < -1 || mr > 255) {
			t.Errorf("TP-MR is %d", mr)
		}
		s.Close()
	})
}

// Whatever noise comes amid the answer to AT+CMGS, what Submit says of the segment is true. Noise that
// looks like an answer is left out: nobody can tell it from one.
func FuzzNoise(f *testing.F) {
	for i, line := range unsolicited {
		f.Add([]byte("\r\n"+line+"\r\n"), uint8(i*7%32))
		f.Add([]byte(line), uint8(i*5%32))
	}
	f.Add([]byte("> "), uint8(1))
	f.Add([]byte("\x00\x80\xff\x1b\x1a"), uint8(9))
	answers := regexp.MustCompile(`(?i)OK|ERR|\+CM[GS]|ABORT|COMMAND|MANY`)
	f.Fuzz(func(t *testing.T, noise []byte, at uint8) {
		if answers.Match(noise) || len(noise) > 5000 {
			return
		}
		var err error
		var taken int
		synctest.Test(t, func(t *testing.T) {
			sim := simulator.New(simulator.Options{})
			defer sim.Close()
			port, failed := sim.Open()
			check(t, failed)
			s := modem.NewSession(port, modem.DefaultPatience(), quiet())
			defer s.Close()
			check(t, modem.Prepare(context.Background(), s))
			hex, octets := pdu(t, number, "text")
			sim.CutAfter(simulator.Said, int(at), simulator.Cut{Say: string(noise)})
			_, err = s.Submit(context.Background(), hex, octets)
			time.Sleep(time.Second)
			taken = sim.Count()
		})
		switch {
		// Its TP-MR may be another where the noise came amid it: then its report is not known.
		case err == nil && taken != 1:
			t.Errorf("it was sent, and %d segments left", taken)
		case errors.Is(err, modem.ErrUnsent) && taken != 0:
			t.Error("it was not sent, and a segment left")
		case err != nil && !errors.Is(err, modem.ErrUnsent) && !errors.Is(err, modem.ErrUnanswered):
			t.Errorf("the noise was taken for an answer: %v", err)
		}
	})
}

// unsolicited are the result codes that modems of all families say unasked.
var unsolicited = []string{
	// 3GPP TS 27.005 3.4.1
	`+CMTI: "SM",3`, `+CMTI: "ME",0,"MMS PUSH",2,1`, "+CMT: ,24", "+CMT: \"+447911123456\",\"\",24", "+CDSI: \"SR\",1", "+CDS: 25", "+CDS: 6,77", "+CBMI: \"BM\",1", "+CBM: 88",
	// 3GPP TS 27.007, ITU-T V.250
	"+CREG: 1", `+CREG: 1,"00A1","0001",7`, "+CGREG: 5", "+CEREG: 2", "RING", "+CRING: VOICE", `+CLIP: "+447911123456",145`, "+CCWA: \"1\",129,1", "NO CARRIER", "BUSY", "NO ANSWER",
	"+CIEV: 2,3", "+CGEV: ME PDN ACT 1", `+CUSD: 0,"Balance: 3.50",15`, "+CTZV: +4", `+CTZE: "+04",0,"2026/11/21,20:31:32"`, "+CSSU: 5", "+CSSI: 1", "+CPIN: READY", "+CPIN: NOT READY", "+CFUN: 1",
	// SIMCom
	"RDY", "Call Ready", "SMS Ready", "SMS DONE", "PB DONE", "NORMAL POWER DOWN", "UNDER-VOLTAGE WARNNING", "OVER-VOLTAGE POWER DOWN", `*PSUTTZ: 2026,11,21,20,31,32,"+8",0`, "DST: 0", "+SIMCARD: NOT AVAILABLE", "+PACSP1",
	// Huawei
	"^RSSI:20", "^BOOT:35323129,0,0,0,26", "^MODE:5,4", "^SRVST:2", "^SIMST:1", "^HCSQ:\"LTE\",40,42,131,24", "^STIN:1,0,0", "^NWTIME: 26/11/21,20:31:32+04,00", "^CEND:1,0,67,17", "^DSFLOWRPT:0000001E,00000000,00000000,0000000000000000,0000000000000000,0003E800,0003E800",
	// ZTE, Quectel, Cinterion, Telit, Sierra
	"+ZUSIMR:2", `+ZPASR: "HSDPA"`, `+ZDONR: "Simulated",262,1,"CS_PS","ROAM_OFF"`, "+ZEND", `+QIND: "csq",20,99`, "+QIND: SMS DONE", "+QUSIM: 1", "POWERED DOWN", "^SYSSTART", "^SHUTDOWN", "#QSS: 1", "*EMRDY: 1", "_OSIGQ: 3,0",
}
