package simulator

import (
	"fmt"
	"slices"
)

// radio is the modem's tie to the network.
type radio struct {
	function     int // AT+CFUN: 0 minimum, 1 full, 4 flight mode
	registration int // the network's part of the answer to AT+CREG?: 1 home, 5 roaming
	signal       int // AT+CSQ: 0..31, 99 unknown
	searching    bool
	searches     int // so far
	lost         outage
	without      int // what registration is meanwhile
}

// Register sets what the network says to the modem: 0 none found, 1 registered
// at home, 2 searching, 3 denied, 4 unknown, 5 roaming, and so on up to 11. Only
// with 1, 5, 6, 7, 9 and 10 do messages pass. 3GPP TS 27.007 7.2
func (s *Simulator) Register(stat int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.radio.registration = stat
	s.registrationChanged()
	s.deliverWaiting()
}

// Deregister makes the modem lose the network until the cure: it tells stat, as
// Register has it, whatever the network says meanwhile.
func (s *Simulator) Deregister(stat int, cure Cure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deregister(stat, cure)
}

func (s *Simulator) deregister(stat int, cure Cure) {
	s.radio.lost = outage{on: true, cure: cure, since: s.line.count[Heard]}
	s.radio.without = stat
	s.registrationChanged()
}

// SetSignal sets the strength that AT+CSQ tells, 0 to 31, or 99 for unknown.
// 3GPP TS 27.007 8.5
func (s *Simulator) SetSignal(rssi int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.radio.signal = rssi
}

// registered is the stat of AT+CREG?.
func (s *Simulator) registered() int {
	if s.radio.function != 1 || s.sim.closed() != nil {
		return 0
	}
	if s.radio.searching {
		return 2
	}
	if s.radio.lost.on {
		return s.radio.without
	}
	return s.radio.registration
}

// inService is whether messages pass between the modem and the SMSC.
func (s *Simulator) inService() bool {
	stat := s.registered()
	return !s.absent && !s.hung.on && slices.Contains([]int{1, 5, 6, 7, 9, 10}, stat)
}

// search begins to look for the network, see Options.Search.
func (s *Simulator) search() {
	s.radio.searches++
	s.radio.searching = s.options.Search > 0
	if this := s.radio.searches; s.radio.searching {
		s.after(s.options.Search, func() {
			if s.radio.searches == this {
				s.radio.searching = false
				s.registrationChanged()
				s.deliverWaiting()
			}
		})
	}
}

const cell = `,"0001","00A1"` // location area and cell, for n=2

// registrationChanged tells the host, if it asked to be told.
func (s *Simulator) registrationChanged() {
	for _, name := range []string{"+CREG", "+CGREG", "+CEREG", "+C5GREG"} {
		switch s.settings.creg[name] {
		case 1:
			s.urc("%s: %d", name, s.registeredIn(name))
		case 2:
			s.urc("%s: %d%s", name, s.registeredIn(name), cell)
		}
	}
}

// registeredIn is the stat that one of the networks tells.
func (s *Simulator) registeredIn(name string) int {
	if s.options.Only5G && name != "+C5GREG" {
		return 0
	}
	return s.registered()
}

func (s *Simulator) registration(c *call) error {
	switch c.form {
	case test:
		c.say(c.name + ": (0-2)")
	case read:
		n, tail := s.settings.creg[c.name], ""
		if n == 2 {
			tail = cell
		}
		c.say(fmt.Sprintf("%s: %d,%d%s", c.name, n, s.registeredIn(c.name), tail))
	case set:
		n, ok := within(c.arg(0), 0, 2, 0)
		if !ok {
			return cmeWrongParameters
		}
		s.settings.creg[c.name] = n
	}
	return nil
}

func (s *Simulator) operator(c *call) error {
	switch c.form {
	case test:
		c.say(`+COPS: (2,"Simulated Network","Simulated","00101",7),,(0,1,4),(0,2)`)
	case read:
		switch {
		case !s.inService():
			c.say("+COPS: 0")
		case s.settings.cops == 2:
			c.say(`+COPS: 0,2,"00101",7`)
		default:
			c.say(fmt.Sprintf(`+COPS: 0,%d,"%s",7`, s.settings.cops, s.options.Operator))
		}
	case set:
		mode, ok := within(c.arg(0), 0, 4, 0)
		format, fine := within(c.arg(1), 0, 2, s.settings.cops)
		if !ok || !fine {
			return cmeWrongParameters
		}
		if mode == 2 {
			return cmeNotAllowed
		}
		s.settings.cops = format
	}
	return nil
}

func (s *Simulator) signalQuality(c *call) error {
	if c.form == test {
		c.say("+CSQ: (0-31,99),(0-7,99)")
	} else {
		c.say(fmt.Sprintf("+CSQ: %d,99", s.radio.signal))
	}
	return nil
}

// restarts is whether a command restarts the modem, after its answer.
func (s *Simulator) restarts(c *call) bool {
	if c.form == test || c.form == read {
		return false
	}
	return c.name == "+CFUN" && c.arg(1) == "1" || slices.Contains(s.profile.resets, c.name)
}

func (s *Simulator) functionality(c *call) error {
	switch c.form {
	case test:
		c.say("+CFUN: (0,1,4),(0,1)")
	case read:
		c.say(fmt.Sprintf("+CFUN: %d", s.radio.function))
	case set:
		n, ok := within(c.arg(0), 0, 4, 1)
		_, fine := within(c.arg(1), 0, 1, 0)
		if !ok || !fine || n == 2 || n == 3 {
			return cmeWrongParameters
		}
		if s.radio.function != n {
			s.radio.function = n
			s.search()
			s.registrationChanged()
			s.deliverWaiting()
		}
	}
	return nil
}
