package simulator

import (
	"fmt"
	"strings"
)

// The commands of 3GPP TS 27.005 about received messages, in PDU mode.

// messages is what every one of them needs: a SIM that is open, and mem1.
func (s *Simulator) messages() (*storage, error) {
	if s.sim.needsPIN() != nil {
		return nil, cmsSIMPIN
	}
	return s.sim.storage(s.settings.cpms[0]), nil
}

func (s *Simulator) messageService(c *call) error {
	switch c.form {
	case test:
		c.say("+CSMS: (0,1)")
	case read:
		c.say(fmt.Sprintf("+CSMS: %d,1,1,1", s.settings.csms))
	case set:
		n, ok := within(c.arg(0), 0, 1, 0)
		if !ok {
			return cmsNotAllowed
		}
		s.settings.csms, s.settings.unack = n, 0
		c.say("+CSMS: 1,1,1")
	}
	return nil
}

func (s *Simulator) serviceCentre(c *call) error {
	if s.sim.needsPIN() != nil {
		return cmsSIMPIN
	}
	switch c.form {
	case read:
		c.say(fmt.Sprintf("+CSCA: %q,%d", s.sim.smsc, typeOf(s.sim.smsc)))
	case set:
		if strings.Trim(c.arg(0), "+0123456789") != "" || len(c.arg(0)) > 21 {
			return cmsNotAllowed
		}
		s.sim.smsc = c.arg(0)
	}
	return nil
}

// newMessageIndications is AT+CNMI; what is left out is 0.
func (s *Simulator) newMessageIndications(c *call) error {
	highest := [5]int{2, 2, 0, 2, 1}
	switch c.form {
	case test:
		c.say("+CNMI: (0-2),(0-2),(0),(0-2),(0,1)")
	case read:
		n := s.settings.cnmi
		c.say(fmt.Sprintf("+CNMI: %d,%d,%d,%d,%d", n[0], n[1], n[2], n[3], n[4]))
	case set:
		var n [5]int
		if len(c.args) > len(n) {
			return cmsNotAllowed
		}
		for i := range n {
			var ok bool
			if n[i], ok = within(c.arg(i), 0, highest[i], 0); !ok {
				return cmsNotAllowed
			}
		}
		s.settings.cnmi = n
	}
	return nil
}

// heard is whether unsolicited result codes about messages are passed on: the
// modem keeps them to itself in mode 0.
func (s *Simulator) heard() bool { return s.listening() && s.settings.cnmi[0] != 0 }

func (s *Simulator) acknowledge(c *call) error {
	if c.form == test {
		c.say("+CNMA: (0-2)")
		return nil
	}
	if s.settings.unack == 0 {
		return cmsNoCNMAAwaited
	}
	s.settings.unack--
	return nil
}

func (s *Simulator) preferredStorage(c *call) error {
	if _, err := s.messages(); err != nil {
		return err
	}
	switch c.form {
	case test:
		c.say(`+CPMS: ("SM","ME","SR"),("SM","ME"),("SM","ME")`)
		return nil
	case set:
		if len(c.args) > len(s.settings.cpms) {
			return cmsNotAllowed
		}
		for i, name := range c.args {
			if s.sim.storage(name) == nil || i > 0 && name == "SR" {
				return cmsNotAllowed
			}
		}
		copy(s.settings.cpms[:], c.args)
		s.deliverWaiting() // there may be room now
	}
	var fill []string
	for _, name := range s.settings.cpms {
		st := s.sim.storage(name)
		counts := fmt.Sprintf("%d,%d", st.used, len(st.slots))
		if c.form == read {
			counts = fmt.Sprintf("%q,", name) + counts
		}
		fill = append(fill, counts)
	}
	c.say("+CPMS: " + strings.Join(fill, ","))
	return nil
}

func (s *Simulator) listMessages(c *call) error {
	st, err := s.messages()
	if err != nil {
		return err
	}
	if c.form == test {
		c.say("+CMGL: (0-4)")
		return nil
	}
	want, ok := within(c.arg(0), 0, 4, 0)
	if !ok || s.settings.cmgf != 0 {
		return cmsNotAllowed
	}
	for i, m := range st.slots {
		if m == nil || want != 4 && want != m.stat() {
			continue
		}
		c.say(fmt.Sprintf("+CMGL: %d,%d,,%d", i+1, m.stat(), len(m.tpdu)))
		c.say(m.pdu())
		m.read = true
	}
	return nil
}

func (s *Simulator) readMessage(c *call) error {
	st, err := s.messages()
	if err != nil || c.form == test {
		return err
	}
	index, ok := within(c.arg(0), 1, len(st.slots), 0)
	m, _ := st.at(index)
	if !ok || m == nil {
		return cmsMemoryIndex
	}
	if s.settings.cmgf != 0 {
		return cmsNotAllowed
	}
	c.say(fmt.Sprintf("+CMGR: %d,,%d", m.stat(), len(m.tpdu)))
	c.say(m.pdu())
	m.read = true
	return nil
}

// deleteMessage is AT+CMGD. There is room afterwards, so the SMSC tries again.
func (s *Simulator) deleteMessage(c *call) error {
	st, err := s.messages()
	if err != nil {
		return err
	}
	if c.form == test {
		var taken []string
		for i, m := range st.slots {
			if m != nil {
				taken = append(taken, fmt.Sprint(i+1))
			}
		}
		c.say("+CMGD: (" + strings.Join(taken, ",") + "),(0-4)")
		return nil
	}
	index, ok := within(c.arg(0), 0, len(st.slots), 0)
	flag, fine := within(c.arg(1), 0, 4, 0)
	if !ok || !fine || flag == 0 && index == 0 {
		return cmsMemoryIndex
	}
	st.remove(func(i int, m *stored) bool {
		// 1 to 3 differ only in what becomes of sent messages.
		return flag == 0 && i == index || flag >= 1 && flag <= 3 && m.read || flag == 4
	})
	s.deliverWaiting()
	return nil
}

// testSubmit answers AT+CMGS=?; any other form comes here only by mistake.
func (s *Simulator) testSubmit(c *call) error {
	if c.form != test {
		return plainError{}
	}
	return nil
}
