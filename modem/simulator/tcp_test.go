package simulator_test

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"omsbox/modem/simulator"
	"omsbox/modem/sms"
)

// serve offers s on a TCP port and returns how to connect to it.
func serve(t *testing.T, s *simulator.Simulator) (dial func() *host, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- s.Serve(ctx, l) }()
	stop = func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
	return func() *host {
		t.Helper()
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return &host{t: t, port: conn.(*net.TCPConn)}
	}, stop
}

func TestTCP(t *testing.T) {
	s := newSimulator(t, simulator.Options{Now: fixedNow})
	dial, stop := serve(t, s)
	h := dial()
	h.say("ATE0\r")
	h.hear("ATE0\r\r\nOK\r\n")
	h.ask("AT+CNMI=2,1", "OK")
	h.submit(tpdus(t, sms.Submit{To: "+15551234567", Text: "hi"})[0], "+CMGS: 0|OK")
	s.Phone("+15551234567").Send("hi")
	h.hear("\r\n+CMTI: \"SM\",1\r\n")

	second := dial()
	second.port.SetReadDeadline(time.Now().Add(patience))
	if n, err := second.port.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a second client got %d octets, %v", n, err)
	}

	h.port.Close()
	eventually(t, s, func() bool {
		p, err := s.Open()
		if err == nil {
			p.Close()
		}
		return err == nil
	})
	h = dial()
	h.ask("AT+CMGL=4", "+CMGL: 1,0,,21|"+hi+"|OK")
	s.Unplug()
	if n, err := h.port.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("unplugged: got %d octets, %v", n, err)
	}
	s.Plug()
	h = dial()
	h.say("AT\r")
	h.hear("AT\r\r\nOK\r\n")
	stop() // with a client connected
	h.port.SetReadDeadline(time.Now().Add(patience))
	if n, err := h.port.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("stopped: got %d octets, %v", n, err)
	}
}
