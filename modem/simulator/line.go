package simulator

import (
	"slices"
	"time"
)

// Direction is who says a byte.
type Direction int

const (
	Said  Direction = iota // the modem, to the host
	Heard                  // the host, to the modem
)

// Cut is what happens at one byte of the dialogue, to the line or to the modem.
// The zero value does nothing.
type Cut struct {
	Of    Direction
	After int // more bytes of that direction, those of this moment's answer first; 0 is at once

	Say   string        // the modem says this here, amid whatever it says: a URC, or noise
	Text  *Incoming     // the SMSC hands this text to the modem here
	Pause time.Duration // what the modem says from here on comes so much later
	Lose  int           // so many of the next bytes of that direction are lost
	Mute  bool          // nothing that the modem says arrives any more, until the port is opened again
	Deaf  bool          // nothing that the host says arrives any more, until the port is opened again
	Then  Fault         // Hang, HangUp, Drop and Stall, with what belongs to them
}

// Incoming is a text on its way to the SIM.
type Incoming struct{ From, Text string }

// line is what all ports of the modem have in common: how many bytes went by,
// and what happens at which.
type line struct {
	count [2]int64 // by Direction
	cuts  []planned
	reads []int // sizes of what the host reads at once, see SplitReads
}

// planned is a Cut at its place.
type planned struct {
	Cut
	at int64 // of line.count[Of]
}

// Bytes is how many bytes were said or heard since New, over all ports. A byte
// is said even if it is lost on the way, and heard when the modem takes it up.
func (s *Simulator) Bytes(of Direction) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.line.count[of]
}

// CutAfter makes cut happen after so many more bytes. What the host said takes
// effect up to the byte before; the last byte has been heard but not acted on.
// Several cuts may be planned.
func (s *Simulator) CutAfter(of Direction, bytes int, cut Cut) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cut.Of, cut.After = of, bytes
	s.plan(cut)
	s.changed()
}

// Planned is how many cuts have not happened yet.
func (s *Simulator) Planned() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.line.cuts)
}

// Mend forgets the cuts that have not happened yet, and ends Mute, Deaf and a
// stall of those that have.
func (s *Simulator) Mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line.cuts = nil
	s.stall(false)
	for _, p := range s.ports {
		if t := p.session; t != nil {
			t.mute, t.deaf, t.lost = false, false, [2]int{}
		}
	}
}

// SplitReads makes the host get what the modem says in pieces of at most these
// sizes, one after the other and again from the first; without sizes, as it
// comes.
func (s *Simulator) SplitReads(sizes ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line.reads = slices.DeleteFunc(slices.Clone(sizes), func(n int) bool { return n < 1 })
	for _, p := range s.ports {
		if p.session != nil {
			p.session.port.out.split(s.line.reads)
		}
	}
}

// plan notes a cut, or carries it out if it is due.
func (s *Simulator) plan(cut Cut) {
	p := planned{cut, s.line.count[cut.Of] + int64(max(cut.After, 0))}
	if cut.After <= 0 {
		s.happen(p, s.main().session)
		return
	}
	s.line.cuts = append(s.line.cuts, p)
}

// until returns how many of n bytes go by before something happens.
func (l *line) until(of Direction, n int) (bytes int, cut bool) {
	for _, p := range l.cuts {
		if left := p.at - l.count[of]; p.Of == of && left <= int64(n) {
			n, cut = int(left), true
		}
	}
	return n, cut
}

// gone counts bytes of t and does what is to happen after them.
func (s *Simulator) gone(of Direction, n int, t *session) {
	l := &s.line
	l.count[of] += int64(n)
	for {
		due := slices.IndexFunc(l.cuts, func(p planned) bool { return p.Of == of && p.at <= l.count[of] })
		if due < 0 {
			return
		}
		p := l.cuts[due]
		l.cuts = slices.Delete(l.cuts, due, due+1)
		s.happen(p, t)
	}
}

// happen carries out a cut at t, which is nil if no port is open.
func (s *Simulator) happen(p planned, t *session) {
	if t != nil {
		if p.Say != "" {
			t.say(p.Say)
		}
		if p.Pause > 0 {
			t.pause(p.Pause)
		}
		t.lost[p.Of] += p.Lose
		t.mute = t.mute || p.Mute
		t.deaf = t.deaf || p.Deaf
		if p.Mute {
			t.flush() // what came before arrives
		}
	}
	if p.Text != nil {
		s.phone(p.Text.From).send(p.Text.Text)
	}
	if p.Then.Stall {
		s.stall(true)
	}
	s.strike(p.Then)
}

// say sends text to the host, with what happens on the way. It never blocks; the
// simulator's lock is held.
func (t *session) say(text string) {
	t.saying++
	for text != "" && t.current() {
		n, cut := len(text), false
		if len(t.s.line.cuts) > 0 {
			n, cut = t.s.line.until(Said, n)
		}
		t.put(text[:n])
		text = text[n:]
		if t.s.line.count[Said] += int64(n); cut {
			t.s.gone(Said, 0, t)
		}
	}
	if t.saying--; t.saying == 0 {
		t.flush()
	}
}

// put adds text to what goes out next, in one piece.
func (t *session) put(text string) {
	lost := min(t.lost[Said], len(text))
	t.lost[Said] -= lost
	if !t.mute {
		t.out = append(t.out, text[lost:]...)
	}
}

// delayed is what the modem said and the line has not passed on yet.
type delayed struct {
	due  time.Time
	data []byte
}

// flush gives the host what was said, unless it is to come later.
func (t *session) flush() {
	switch {
	case len(t.out) == 0:
		return
	case len(t.queue) > 0 || !t.free.IsZero() && time.Now().Before(t.free):
		t.queue = append(t.queue, delayed{t.free, slices.Clone(t.out)})
		if len(t.queue) == 1 {
			t.s.after(time.Until(t.free), t.release)
		}
	default:
		t.port.out.put(t.out)
	}
	t.out = t.out[:0]
}

// release passes on what is due.
func (t *session) release() {
	now := time.Now()
	for len(t.queue) > 0 && !t.queue[0].due.After(now) {
		t.port.out.put(t.queue[0].data)
		t.queue = t.queue[1:]
	}
	if len(t.queue) > 0 {
		t.s.after(time.Until(t.queue[0].due), t.release)
	}
}

// pause delays what is said from now on.
func (t *session) pause(d time.Duration) {
	t.flush()
	if now := time.Now(); t.free.Before(now) {
		t.free = now
	}
	t.free = t.free.Add(d)
}

// next returns the next byte that the host said.
func (t *session) next() (byte, error) {
	for len(t.chunk) == 0 {
		if err := t.hear(); err != nil {
			return 0, err
		}
	}
	c := t.chunk[0]
	t.chunk = t.chunk[1:]
	return c, nil
}

// hear fills t.chunk with what the host said, but goes no further than to what
// the modem acts on, and to the byte before a cut, or over that one byte.
func (t *session) hear() error {
	if len(t.raw) == 0 {
		n, err := t.port.in.read(t.buffer[:])
		if err != nil {
			return err
		}
		t.raw = t.buffer[:n]
	}
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	n := len(t.raw)
	if end := slices.IndexFunc(t.raw, func(c byte) bool { return c == '\r' || c == ctrlZ || c == esc }); end >= 0 {
		n = end + 1
	}
	n, cut := t.s.line.until(Heard, n)
	if cut && n > 1 {
		n, cut = n-1, false
	}
	t.chunk, t.raw = t.raw[:n], t.raw[n:]
	lost := min(t.lost[Heard], n)
	if t.deaf {
		lost = n
	} else {
		t.lost[Heard] -= lost
	}
	t.chunk = t.chunk[lost:]
	t.s.gone(Heard, n, t)
	t.upTo = t.s.line.count[Heard]
	t.stuck = t.s.hung.on
	return nil
}

// place is where in all that was heard the byte is that next returned last.
func (t *session) place() int64 { return t.upTo - int64(len(t.chunk)) }
