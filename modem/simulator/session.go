package simulator

import (
	"fmt"
	"time"
)

const (
	maxLine = 2048 // octets of a command line
	maxPDU  = 1024 // hexadecimal digits of a PDU: the longest has 2*(12+164)

	ctrlZ = 0x1A
	esc   = 0x1B
)

// session is the AT interpreter at one open port. run is its only goroutine;
// what other goroutines touch is guarded by the simulator's lock.
type session struct {
	s      *Simulator
	outlet *outlet
	port   *port
	done   chan struct{} // closed when run has ended

	// What was heard, touched by run only.
	buffer [1024]byte
	raw    []byte // of buffer, not heard yet
	chunk  []byte // heard, not acted on yet
	upTo   int64  // place in all that was heard of the end of chunk
	stuck  bool   // the modem hung when chunk was heard
	typed  []byte // the line or PDU that is coming in

	// What is said.
	running bool     // between a command line and its final result
	held    []string // URCs that wait for the end of that, see Options.HoldURCs
	saying  int      // depth of say
	out     []byte   // said, goes to the host in one piece
	queue   []delayed
	free    time.Time // from then on nothing is delayed

	lost       [2]int // bytes of each Direction that will not arrive
	mute, deaf bool
}

func newSession(s *Simulator, o *outlet, p *port) *session {
	return &session{s: s, outlet: o, port: p, done: make(chan struct{})}
}

// run reads and obeys command lines until the port ends.
func (t *session) run() {
	defer close(t.done)
	defer t.leave()
	for {
		line, place, err := t.command()
		if err != nil {
			return
		}
		if !t.begin(line, place) {
			continue
		}
		submit, answer := t.obey(line)
		if submit != nil {
			if answer, err = t.submit(line, submit, answer); err != nil {
				return
			}
		}
		t.end(answer)
	}
}

// leave ends the session, unless the modem has done so already.
func (t *session) leave() {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	if t.current() {
		t.outlet.session = nil
		t.s.changed()
	}
}

// command returns the next command line, and the place of its first byte in all
// that was heard. As on a real modem, what comes before AT on a line is not
// looked at.
func (t *session) command() (line string, place int64, err error) {
	t.typed = t.typed[:0]
	for {
		c, err := t.next()
		switch {
		case err != nil:
			return "", 0, err
		case c == '\r':
			for i := range len(t.typed) - 1 {
				if t.typed[i]|0x20 == 'a' && t.typed[i+1]|0x20 == 't' {
					return string(t.typed[i:]), place, nil
				}
			}
			t.typed = t.typed[:0]
		case c == ctrlZ, c == esc:
			t.escape()
		case c == '\n':
			// left over from before
		case c == '\b' && len(t.typed) > 0:
			t.typed = t.typed[:len(t.typed)-1]
		case len(t.typed) < maxLine:
			if len(t.typed) == 0 {
				place = t.place()
			}
			t.typed = append(t.typed, c)
		}
	}
}

// escape is ESC or Ctrl-Z outside of a PDU: it may help a modem that hangs.
func (t *session) escape() {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	if t.current() {
		t.s.cured(ByEscape, t.place())
	}
}

// begin echoes the line, which began at place; it is false if the modem will not
// answer.
func (t *session) begin(line string, place int64) bool {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	if t.current() && (t.s.hung.on || t.s.radio.lost.on) {
		t.s.cured(t.s.remedy(line), place)
	}
	if !t.live() || t.outlet.kind == PortDiagnostic {
		return false
	}
	t.running = true
	if t.outlet.echo {
		t.say(line + "\r")
	}
	return true
}

// current is whether this session is the one at its port.
func (t *session) current() bool { return t.outlet.session == t }

// live is whether this session is the one at its port and the modem reacts.
func (t *session) live() bool { return t.current() && !t.s.hung.on && !t.s.absent }

// answer is what a command says: information, a final result, and what is to go
// wrong with it.
type answer struct {
	info  []string
	final string
	fault Fault
	after func() // called with the lock held when the final result has been said
}

// end says the answer, with what the fault does to it.
func (t *session) end(a answer) {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	defer t.s.changed()
	t.running = false
	said := t.live() && !t.s.strike(a.fault)
	if said && a.fault.Tardy > 0 && len(a.info) > 0 {
		late := answer{info: a.info}
		a.info = nil
		t.s.after(a.fault.Tardy, func() {
			if now := t.outlet.session; now != nil && !t.s.hung.on {
				now.say(late.String())
			}
		})
	}
	if said && a.fault.Late > 0 {
		t.s.after(a.fault.Late, func() {
			if now := t.outlet.session; now != nil && !t.s.hung.on {
				now.say(a.String())
			}
		})
	} else if said && !a.fault.Lose {
		t.say(a.String())
	}
	if t.live() {
		for _, urc := range t.held {
			t.say(urc)
		}
	}
	t.held = nil
	if a.after != nil {
		a.after()
	}
}

func (a answer) String() string {
	var b []byte
	for i, line := range a.info {
		if i == 0 {
			b = append(b, "\r\n"...)
		}
		b = append(append(b, line...), "\r\n"...)
		if i == 0 {
			b = a.urcs(b)
		}
	}
	if len(a.info) == 0 {
		b = a.urcs(b)
	}
	if a.final != "" {
		b = append(append(append(b, "\r\n"...), a.final...), "\r\n"...)
	}
	return string(b)
}

func (a answer) urcs(b []byte) []byte {
	for _, line := range a.fault.URCs {
		b = append(append(append(b, "\r\n"...), line...), "\r\n"...)
	}
	return b
}

// urc says an unsolicited result code, of one line or two, to whoever listens.
// The simulator's lock is held.
func (s *Simulator) urc(format string, args ...any) {
	if !s.listening() {
		return
	}
	urc := "\r\n" + fmt.Sprintf(format, args...) + "\r\n"
	for _, p := range s.ports {
		switch t := p.session; {
		case p.kind != PortURC || t == nil:
		case s.options.HoldURCs && t.running:
			t.held = append(t.held, urc)
		default:
			t.say(urc)
		}
	}
}

// obey carries out a command line, except for AT+CMGS, which it returns for the
// session to go on with as it has to read more. The commands before it on the
// line have been carried out.
func (t *session) obey(line string) (submit *call, a answer) {
	s := t.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if !t.live() {
		return nil, answer{fault: Fault{Lose: true}}
	}
	a = answer{fault: s.at(Moment{Point: AtCommand, Line: line})}
	if a.fault.ends() {
		a.final = a.fault.Answer
		return nil, a
	}
	calls, ok := parseLine(line)
	if !ok {
		a.final = "ERROR"
		return nil, a
	}
	for i, c := range calls {
		c.outlet = t.outlet
		if c.name == "+CMGS" && c.form == set && i == len(calls)-1 {
			return &c, a
		}
		command, known := s.commands[c.name]
		if !known {
			a.final = s.profile.unknown
			return nil, a
		}
		err := command(s, &c)
		a.info = append(a.info, c.info...)
		if err != nil {
			a.final = s.settings.final(err)
			return nil, a
		}
		if s.restarts(&c) { // the port ends after the OK has been heard
			a.after = func() { s.restart(s.options.Boot) }
		}
	}
	a.final = "OK"
	return nil, a
}
