package simulator

import (
	"bufio"
	"fmt"
	"strings"
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
	s    *Simulator
	port *port
	from *bufio.Reader
	done chan struct{} // closed when run has ended

	running bool     // between a command line and its final result
	held    []string // URCs that wait for the end of that, see Options.HoldURCs
}

func newSession(s *Simulator, p *port) *session {
	return &session{s: s, port: p, from: bufio.NewReader(modemEnd{p}), done: make(chan struct{})}
}

// modemEnd reads what the host wrote.
type modemEnd struct{ *port }

func (m modemEnd) Read(b []byte) (int, error) { return m.in.read(b) }

// run reads and obeys command lines until the port ends.
func (t *session) run() {
	defer close(t.done)
	defer t.leave()
	for {
		line, err := t.line()
		if err != nil {
			return
		}
		if !t.begin(line) {
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
	if t.s.session == t {
		t.s.session = nil
		t.s.changed()
	}
}

// line returns the next command line. As on a real modem, what comes before AT
// on a line is not looked at.
func (t *session) line() (string, error) {
	var line []byte
	for {
		c, err := t.from.ReadByte()
		switch {
		case err != nil:
			return "", err
		case c == '\r':
			if start := strings.Index(strings.ToUpper(string(line)), "AT"); start >= 0 {
				return string(line[start:]), nil
			}
			line = line[:0]
		case c == '\n', c == ctrlZ, c == esc:
			// left over from before
		case c == '\b' && len(line) > 0:
			line = line[:len(line)-1]
		case len(line) < maxLine:
			line = append(line, c)
		}
	}
}

// begin echoes the line; it is false if the modem will not answer.
func (t *session) begin(line string) bool {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	if !t.live() {
		return false
	}
	t.running = true
	if t.s.settings.echo {
		t.port.say(line + "\r")
	}
	return true
}

// live is whether this session is the modem's and the modem reacts.
func (t *session) live() bool { return t.s.session == t && !t.s.hung }

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
	said := t.live() && !a.fault.breaks(t.s)
	if said && a.fault.Late > 0 {
		s := t.s
		s.after(a.fault.Late, func() {
			if s.listening() {
				s.session.port.say(a.String())
			}
		})
	} else if said && !a.fault.Lose {
		t.port.say(a.String())
	}
	if a.after != nil {
		a.after()
	}
	if t.live() {
		for _, urc := range t.held {
			t.port.say(urc)
		}
	}
	t.held = nil
}

// breaks does what a fault does to the whole modem, and says whether that keeps
// it from answering. The simulator's lock is held.
func (f Fault) breaks(s *Simulator) bool {
	if f.Hang {
		s.hung = true
	}
	if f.Drop {
		s.powerCycle()
	}
	return f.Hang || f.Drop
}

func (a answer) String() string {
	var b strings.Builder
	urcs := func() {
		for _, line := range a.fault.URCs {
			fmt.Fprintf(&b, "\r\n%s\r\n", line)
		}
	}
	for i, line := range a.info {
		if i == 0 {
			b.WriteString("\r\n")
		}
		b.WriteString(line + "\r\n")
		if i == 0 {
			urcs()
		}
	}
	if len(a.info) == 0 {
		urcs()
	}
	if a.final != "" {
		fmt.Fprintf(&b, "\r\n%s\r\n", a.final)
	}
	return b.String()
}

// urc says an unsolicited result code, of one line or two, if somebody listens.
// The simulator's lock is held.
func (s *Simulator) urc(format string, args ...any) {
	if !s.listening() {
		return
	}
	urc := "\r\n" + fmt.Sprintf(format, args...) + "\r\n"
	if s.options.HoldURCs && s.session.running {
		s.session.held = append(s.session.held, urc)
	} else {
		s.session.port.say(urc)
	}
}

// listening is whether a host has the port open, and the modem uses it.
func (s *Simulator) listening() bool {
	return s.session != nil && !s.session.port.isGone() && !s.hung
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
	if a.fault.Answer != "" || a.fault.Hang || a.fault.Drop {
		a.final = a.fault.Answer
		return nil, a
	}
	calls, ok := parseLine(line)
	if !ok {
		a.final = "ERROR"
		return nil, a
	}
	for i, c := range calls {
		if c.name == "+CMGS" && c.form == set && i == len(calls)-1 {
			return &c, a
		}
		command, known := s.commands[c.name]
		err := error(plainError{})
		if known {
			err = command(s, &c)
		}
		a.info = append(a.info, c.info...)
		if err != nil {
			a.final = s.settings.final(err)
			return nil, a
		}
		if c.restart { // the port ends after the OK has been heard
			a.after = s.powerCycle
		}
	}
	a.final = "OK"
	return nil, a
}
