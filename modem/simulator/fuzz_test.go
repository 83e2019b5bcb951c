package simulator_test

import (
	"bytes"
	"testing"
	"time"

	"omsbox/modem/simulator"
)

// Whatever a host says, the modem goes on and answers the next command.
func FuzzHost(f *testing.F) {
	f.Add([]byte("AT+CMGS=22\r0021000B915155214365F700000AE8329BFD4697D9EC37\x1a"))
	f.Add([]byte("ATE0V1&FZ;+CNMI=2,1,0,1,0;+CPMS=\"ME\",\"ME\",\"ME\";+CMGL=4;+CMGD=1,4\rAT+CLAC\r"))
	f.Add([]byte("AT+CPIN=\"\rAT+CREG=,\rAT&\rATS0==\r\x08\x08A/\r"))
	f.Add([]byte("\xff\xff\xffAT\r"))
	f.Add([]byte("AT+CPIN=1\rAT+CUSD=1,\"*100#\",15\rAT+CSMS=1;+CNMI=2,2,0,1\rAT+CNMA=2\rAT+CPINR\r"))
	f.Fuzz(func(t *testing.T, said []byte) {
		s := simulator.New(simulator.Options{PIN: "1", SM: 2, ME: 1, SR: 1, History: 2, USSDDelay: time.Hour, AckWithin: time.Hour})
		defer s.Close()
		p, err := s.Open()
		if err != nil {
			t.Fatal(err)
		}
		h := p.(port)
		s.Phone("+15551234567").Send("hi")
		if _, err := h.Write(append(said, "\r\x1b\r\rAT+CMEE=0;+NONE\r"...)); err != nil {
			return // it was told to restart, as AT+CFUN=1,1 does
		}
		h.SetReadDeadline(time.Now().Add(patience))
		var heard []byte
		b := make([]byte, 4096)
		for !bytes.HasSuffix(heard, []byte("\r\nERROR\r\n")) {
			n, err := h.Read(b)
			heard = append(heard, b[:n]...)
			if err != nil && bytes.Contains(bytes.ToUpper(said), []byte("CFUN")) {
				return
			}
			if err != nil {
				t.Fatalf("heard %q, then %v", heard, err)
			}
		}
	})
}
