package simulator_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"omsbox/modem/simulator"
	"omsbox/modem/sms"
)

const patience = 5 * time.Second // for what comes at once, or never

// port is what the in-memory port and a TCP connection have in common.
type port interface {
	io.ReadWriteCloser
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// host is a program at the modem's port.
type host struct {
	t    *testing.T
	port port
	said string // by the modem, and not expected yet
}

func newSimulator(t *testing.T, o simulator.Options) *simulator.Simulator {
	s := simulator.New(o)
	t.Cleanup(func() { s.Close() })
	return s
}

func open(t *testing.T, s *simulator.Simulator) *host {
	t.Helper()
	p, err := s.Open()
	if err != nil {
		t.Fatal(err)
	}
	return &host{t: t, port: p.(port)}
}

// quiet opens the port and switches the echo off and error numbers on.
func quiet(t *testing.T, s *simulator.Simulator) *host {
	t.Helper()
	h := open(t, s)
	h.say("ATE0+CMEE=1\r")
	h.hear("ATE0+CMEE=1\r\r\nOK\r\n")
	return h
}

func (h *host) say(s string) {
	h.t.Helper()
	if _, err := io.WriteString(h.port, s); err != nil {
		h.t.Fatalf("write %q: %v", s, err)
	}
}

// hear expects exactly this to come next.
func (h *host) hear(want string) {
	h.t.Helper()
	h.port.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 4096)
	for len(h.said) < len(want) && strings.HasPrefix(want, h.said) {
		n, err := h.port.Read(b)
		h.said += string(b[:n])
		if err != nil {
			h.t.Fatalf("got %q and %v, want %q", h.said, err, want)
		}
	}
	if !strings.HasPrefix(h.said, want) {
		h.t.Fatalf("\n got %q\nwant %q", h.said, want)
	}
	h.said = h.said[len(want):]
}

// ask says a command and expects this answer, in which every line ends as on the
// wire but is written without its control characters: "info|info|OK".
func (h *host) ask(command, want string) {
	h.t.Helper()
	h.say(command + "\r")
	h.hear(wire(want))
}

func wire(answer string) string {
	lines := strings.Split(answer, "|")
	final := "\r\n" + lines[len(lines)-1] + "\r\n"
	if len(lines) == 1 {
		return final
	}
	return "\r\n" + strings.Join(lines[:len(lines)-1], "\r\n") + "\r\n" + final
}

// silence expects nothing to be under way. The modem obeys in order, so that what
// an earlier command led to would come before this one's answer.
func (h *host) silence() {
	h.t.Helper()
	h.ask("AT", "OK")
	if h.said != "" {
		h.t.Fatalf("got %q, want nothing", h.said)
	}
}

// submit sends a TPDU and expects this answer.
func (h *host) submit(tpdu []byte, want string) {
	h.t.Helper()
	h.say(fmt.Sprintf("AT+CMGS=%d\r", len(tpdu)))
	h.hear("\r\n> ")
	h.say(sms.JoinPDU("", tpdu) + "\x1a")
	h.hear(wire(want))
}

func tpdus(t *testing.T, s sms.Submit) [][]byte {
	t.Helper()
	list, err := s.TPDUs()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// eventually waits for condition without asking in a loop.
func eventually(t *testing.T, s *simulator.Simulator, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Wait(ctx, condition); err != nil {
		t.Fatal(err)
	}
}
