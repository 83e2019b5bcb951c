package simulator

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"omsbox/modem/sms"
)

// The commands of 3GPP TS 27.005 about received messages, in PDU mode and in text mode.

// statuses are the statuses of text mode, by the number that PDU mode has for them. 3GPP TS 27.005 3.1
var statuses = []string{"REC UNREAD", "REC READ", "STO UNSENT", "STO SENT", "ALL"}

const wordsDate = "06/01/02,15:04:05"

// inWords is what text mode tells of a message: what stands beside it, and the lines of its text.
// 3GPP TS 27.005 4.1
func inWords(tpdu []byte) (beside string, lines []string) {
	if r, err := sms.ParseStatusReport(tpdu); err == nil {
		return fmt.Sprintf(`6,%d,%q,%d,"%s+00","%s+00",%d`, r.MR, r.To, typeOf(r.To),
			r.SCTS.UTC().Format(wordsDate), r.Discharge.UTC().Format(wordsDate), r.Status), nil
	}
	if segment, err := sms.ParseSubmit(tpdu); err == nil {
		return fmt.Sprintf("%q,", segment.To), strings.Split(segment.Text, "\n")
	}
	d, err := sms.ParseDeliver(tpdu)
	if err != nil {
		return `"",`, []string{""}
	}
	return fmt.Sprintf(`%q,,"%s+00"`, d.From, d.SCTS.UTC().Format(wordsDate)), strings.Split(d.Text, "\n")
}

// pdu is a message as PDU mode lists it.
func (s *Simulator) pdu(m *stored) string {
	if s.options.NoSMSC {
		return strings.ToUpper(fmt.Sprintf("%x", m.tpdu))
	}
	return sms.JoinPDU(m.smsc, m.tpdu)
}

// messages is what every one of them needs: a SIM that is open, and mem1.
func (s *Simulator) messages() (*storage, error) {
	if err := s.sim.closedForMessages(); err != nil {
		return nil, err
	}
	return s.storage(s.settings.cpms[0]), nil
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
		s.settings.csms = n
		c.say("+CSMS: 1,1,1")
	}
	return nil
}

func (s *Simulator) serviceCentre(c *call) error {
	if err := s.sim.closedForMessages(); err != nil {
		return err
	}
	switch c.form {
	case read:
		centre := s.sim.SMSC
		if time.Since(s.started) < s.options.SMSCLate {
			centre = ""
		}
		c.say(fmt.Sprintf("+CSCA: %q,%d", centre, typeOf(centre)))
	case set:
		if strings.Trim(c.arg(0), "+0123456789") != "" || len(c.arg(0)) > 21 {
			return cmsNotAllowed
		}
		s.sim.SMSC = c.arg(0)
	}
	return nil
}

// newMessageIndications is AT+CNMI; what is left out is 0.
func (s *Simulator) newMessageIndications(c *call) error {
	switch c.form {
	case test:
		c.say("+CNMI: " + s.profile.cnmi)
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
			if n[i], ok = within(c.arg(i), 0, 9, 0); !ok {
				return cmsNotAllowed
			}
		}
		if !s.profile.allows(n) || s.options.CNMI != nil && !s.options.CNMI(n) {
			return cmsNotAllowed
		}
		s.settings.cnmi = n
		s.cnmiSet++
		if this := s.cnmiSet; s.options.CNMILife > 0 {
			s.after(s.options.CNMILife, func() {
				if s.cnmiSet == this {
					s.settings.cnmi = [5]int{}
				}
			})
		}
	}
	return nil
}

// ForgetCNMI makes the modem forget AT+CNMI and say nothing of it.
func (s *Simulator) ForgetCNMI() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settings.cnmi = [5]int{}
}

// heard is whether unsolicited result codes about messages are passed on: the
// modem keeps them to itself in mode 0.
func (s *Simulator) heard() bool { return s.listening() && s.settings.cnmi[0] != 0 }

func (s *Simulator) preferredStorage(c *call) error {
	if _, err := s.messages(); err != nil {
		return err
	}
	switch c.form {
	case test:
		m := s.profile.memories
		c.say(fmt.Sprintf("+CPMS: (%s),(%s),(%s)", m[0], m[1], m[2]))
		return nil
	case set:
		if len(c.args) > len(s.settings.cpms) {
			return cmsNotAllowed
		}
		for i, name := range c.args {
			if !s.profile.takes(i, name) {
				return cmsNotAllowed
			}
		}
		copy(s.settings.cpms[:], c.args)
		s.deliverWaiting() // there may be room now
	}
	var fill []string
	for _, name := range s.settings.cpms {
		st := s.storage(name)
		counts := fmt.Sprintf("%d,%d", st.used(), st.size())
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
	if s.settings.cmgf != 0 { // many take the number too
		if at := slices.Index(statuses, c.arg(0)); at >= 0 {
			want, ok = at, true
		}
	}
	if !ok {
		return cmsNotAllowed
	}
	st.each(func(index int, m *stored) {
		switch {
		case want != 4 && want != m.stat():
			return
		case s.settings.cmgf != 0:
			beside, words := inWords(m.tpdu)
			c.say(fmt.Sprintf("+CMGL: %d,%q,%s", index, statuses[m.stat()], beside))
			c.info = append(c.info, words...)
		default:
			c.say(fmt.Sprintf("+CMGL: %d,%d,%s,%d", index, m.stat(), s.profile.alpha, len(m.tpdu)))
			c.say(s.pdu(m))
		}
		m.read = true
	})
	return nil
}

func (s *Simulator) readMessage(c *call) error {
	st, err := s.messages()
	if err != nil || c.form == test {
		return err
	}
	index, ok := within(c.arg(0), st.first, st.first+st.size()-1, st.first-1)
	m := st.at(index)
	if ok && m == nil && s.profile.emptySlot {
		return nil
	}
	if !ok || m == nil {
		return cmsMemoryIndex
	}
	switch {
	case s.settings.cmgf != 0:
		beside, words := inWords(m.tpdu)
		c.say(fmt.Sprintf("+CMGR: %q,%s", statuses[m.stat()], beside))
		c.info = append(c.info, words...)
	case s.options.BareCMGR:
		c.say(fmt.Sprintf("+CMGR: %d", len(m.tpdu)))
		c.say(s.pdu(m))
	default:
		c.say(fmt.Sprintf("+CMGR: %d,%s,%d", m.stat(), s.profile.alpha, len(m.tpdu)))
		c.say(s.pdu(m))
	}
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
		st.each(func(index int, _ *stored) { taken = append(taken, fmt.Sprint(index)) })
		c.say("+CMGD: (" + strings.Join(taken, ",") + "),(0-4)")
		return nil
	}
	index, ok := within(c.arg(0), 0, st.first+st.size()-1, -1)
	flag, fine := within(c.arg(1), 0, 4, 0)
	if !ok || !fine || flag == 0 && index < st.first {
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
