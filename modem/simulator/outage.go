package simulator

import (
	"slices"
	"time"
)

// Cure is what helps a modem that hangs, or has lost the network. What stands
// further up helps too.
type Cure int

const (
	ByPower     Cure = iota // Reset, or Unplug and Plug
	ByRestart               // a command that restarts the modem, such as AT+CFUN=1,1
	ByReopen                // a port is closed and opened again
	ByCFUN                  // AT+CFUN=…
	ByCOPS                  // AT+COPS=…
	ByInit                  // ATZ or AT&F
	ByEscape                // ESC or Ctrl-Z
	ByAttention             // any command line after the one it began in
)

// outage is a state that a Cure ends.
type outage struct {
	on    bool
	cure  Cure
	until time.Time // when it ends by itself, if it does
	since int64     // place in all that was heard: what came up to there is no cure
}

// end is whether by, heard at place, ended it.
func (o *outage) end(by Cure, place int64) bool {
	if !o.on || by > o.cure || by > ByReopen && place <= o.since {
		return false
	}
	o.on = false
	return true
}

// cured tries a remedy on all that is wrong.
func (s *Simulator) cured(by Cure, place int64) {
	if s.hung.end(by, place) {
		s.deliverWaiting()
	}
	if s.radio.lost.end(by, place) {
		s.registrationChanged()
		s.deliverWaiting()
	}
}

// remedy is what a command line may cure. A line that is nonsense is at least a
// line.
func (s *Simulator) remedy(line string) Cure {
	by := ByAttention
	calls, _ := parseLine(line)
	for _, c := range calls {
		switch {
		case s.restarts(&c):
			by = min(by, ByRestart)
		case c.name == "+CFUN" && c.form == set:
			by = min(by, ByCFUN)
		case c.name == "+COPS" && c.form == set:
			by = min(by, ByCOPS)
		case c.name == "Z", c.name == "&F":
			by = min(by, ByInit)
		}
	}
	return by
}

// Relapse makes the modem restart by itself: it forgets its settings, echo included, says these lines
// and no others, and its ports live on.
func (s *Simulator) Relapse(lines ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.relapse()
	for _, line := range lines {
		s.urc("%s", line)
	}
}

func (s *Simulator) relapse() {
	s.settings = s.factory()
	for _, p := range s.ports {
		p.echo = true
	}
}

// FallIntoTextMode makes the modem leave PDU mode and say nothing of it.
func (s *Simulator) FallIntoTextMode() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settings.cmgf = 1
}

// InTextMode is whether the modem is in text mode.
func (s *Simulator) InTextMode() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settings.cmgf == 1
}

// strike does what a fault does to the whole modem, and says whether that keeps
// it from answering. The simulator's lock is held.
func (s *Simulator) strike(f Fault) bool {
	if f.Hang {
		s.hung = outage{on: true, cure: f.Cure, since: s.line.count[Heard]}
		if f.For > 0 {
			s.hung.until = time.Now().Add(f.For)
			this := s.hung
			s.after(f.For, func() {
				if s.hung == this { // not another one since
					s.hung.on = false
					s.deliverWaiting()
				}
			})
		}
	}
	if f.HangUp {
		s.hangUp()
	}
	if f.Drop {
		s.restart(f.Away)
	}
	return f.Hang || f.HangUp || f.Drop
}

// restart is loss of power, and its return after away; if that is negative, it
// stays away until Plug.
func (s *Simulator) restart(away time.Duration) {
	if s.profile.uart {
		s.forget() // the line does not end
	} else {
		s.powerOff()
	}
	if away == 0 {
		s.powerOn()
		return
	}
	if away > 0 {
		s.after(away, func() {
			if s.absent {
				s.powerOn()
			}
		})
	}
	s.changed()
}

// Unplug takes the modem out: its ports end at once and cannot be opened until
// Plug. What it had only in memory is lost; the SIM keeps its messages.
func (s *Simulator) Unplug() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.powerOff()
	s.changed()
}

// Plug puts the modem back, powered up afresh.
func (s *Simulator) Plug() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.powerOn()
}

// Reset switches the power off and on: the ports end, and can be opened again at
// once.
func (s *Simulator) Reset() {
	s.Unplug()
	s.Plug()
}

// powerOff ends the ports and forgets all that does not survive.
func (s *Simulator) powerOff() {
	s.hangUp()
	s.forget()
	if s.power != nil {
		s.power(false)
	}
}

// forget is what loss of power does to memory.
func (s *Simulator) forget() {
	s.absent, s.greeted = true, false
	s.smsc.offered = nil
	s.hung, s.radio.lost, s.stalled, s.fever = outage{}, outage{}, false, ""
	s.settings = s.factory()
	for _, p := range s.ports {
		p.echo = true
	}
	s.radio.function = 1
	s.sim.locked = s.sim.PIN != ""
}

// powerOn begins afresh, unless the modem is on.
func (s *Simulator) powerOn() {
	if s.absent && s.power != nil {
		s.power(true)
	}
	s.absent, s.started = false, time.Now()
	s.search()
	s.greet()
	s.deliverWaiting()
	s.changed()
}

// hangUp ends the open ports, as seen from the host, without its doing.
func (s *Simulator) hangUp() {
	for _, p := range s.ports {
		if p.session != nil {
			p.session.flush()
			p.session.port.hangUp()
			p.session = nil
		}
	}
}

// StallWrites makes the host's writes block (true) until it is called again
// (false), or until their deadline.
func (s *Simulator) StallWrites(stall bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stall(stall)
}

func (s *Simulator) stall(stall bool) {
	s.stalled = stall
	for _, p := range s.ports {
		if p.session != nil {
			p.session.port.in.stall(stall)
		}
	}
}

// listening is whether a host has a port open on which unsolicited result codes
// come, and the modem uses it.
func (s *Simulator) listening() bool {
	return !s.hung.on && !s.absent && slices.ContainsFunc(s.ports, func(p *outlet) bool {
		return p.kind == PortURC && p.session != nil && !p.session.port.isGone()
	})
}
