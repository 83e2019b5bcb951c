package simulator

import (
	"slices"
	"strings"

	"omsbox/modem/sms"
)

// What the modem does with what the SMSC has for it. 3GPP TS 27.005 3.4.1

// toModem queues a TPDU and delivers what can be delivered.
func (s *Simulator) toModem(w *waiting) error {
	if len(s.smsc.waiting) >= maxWaiting {
		return ErrQueueFull
	}
	s.smsc.waiting = append(s.smsc.waiting, w)
	s.deliverWaiting()
	return nil
}

// deliverWaiting offers the modem all that waits, in order. What it has no room
// for stays, and so does what is behind a message that the host has yet to
// acknowledge.
func (s *Simulator) deliverWaiting() {
	c := &s.smsc
	if len(c.waiting) == 0 || c.busy {
		return
	}
	c.busy = true // what is said on the way may lead here again
	defer func() { c.busy = false }()
	for i, full := 0, false; i < len(c.waiting) && c.offered == nil && s.inService(); {
		w := c.waiting[i]
		taken := false
		switch {
		case w.later:
		case w.report:
			taken = s.takeReport(w)
		case !full:
			taken = s.takeDeliver(w)
			full = !taken && c.offered == nil && !w.later
		}
		if taken {
			s.delivered(w)
		} else {
			i++
		}
	}
	s.changed()
}

// delivered ends the way of a TPDU.
func (s *Simulator) delivered(w *waiting) {
	if i := slices.Index(s.smsc.waiting, w); i >= 0 {
		s.smsc.waiting = slices.Delete(s.smsc.waiting, i, i+1)
	}
	if w.text != nil {
		w.text.missing--
	}
}

// takeDeliver is the modem receiving a SMS-DELIVER; it is false if there is no
// room, or if the host has to acknowledge it.
func (s *Simulator) takeDeliver(w *waiting) bool {
	class := -1
	d, err := sms.ParseDeliver(w.tpdu)
	if err == nil {
		class = d.Class
	}
	mt := 0
	if s.heard() {
		mt = s.settings.cnmi[1]
	}
	direct := mt == 2 && class != 2 || mt == 3 && class == 3 || mt > 0 && class == 0 && s.profile.flash
	st := s.storage(s.settings.cpms[2])
	if class == 2 {
		st = s.storage("SM")
	}
	if !direct && st.used() == st.size() {
		return false
	}
	f := s.at(Moment{Point: AtDeliver, TPDU: w.tpdu})
	if f.Full {
		s.tryLater(w)
		return false
	}
	if f.Again > 0 {
		again := *w
		again.text = nil
		s.after(f.Again, func() { s.toModem(&again) })
	}
	copies := 1
	if f.Twice {
		copies = 2
	}
	m := stored{smsc: s.sim.SMSC, tpdu: w.tpdu}
	if w.centre != nil {
		m.smsc = *w.centre
	}
	for range copies {
		if direct {
			s.passOn("+CMT", s.profile.alpha+",", &m)
			continue
		}
		if index, ok := st.put(m); ok && mt > 0 {
			s.urc("+CMTI: %q,%d%s", st.name, index, s.push(d))
		}
	}
	return !direct || !s.offer(w)
}

// passOn says a message to the host, in the mode that it chose. 3GPP TS 27.005 3.4.1
func (s *Simulator) passOn(name, alpha string, m *stored) {
	amid := ""
	if s.options.Amid != "" {
		amid = s.options.Amid + "\r\n"
	}
	if s.settings.cmgf == 0 {
		s.urc("%s: %s%d\r\n%s%s", name, alpha, len(m.tpdu), amid, s.pdu(m))
		return
	}
	beside, lines := inWords(m.tpdu)
	s.urc("%s", strings.Join(append([]string{name + ": " + beside}, lines...), "\r\n"))
}

// push is what stands behind the index of an MMS notification.
func (s *Simulator) push(d sms.Deliver) string {
	if s.profile.mmsPush && d.Port.Dest == 2948 {
		return `,"MMS PUSH",2,1`
	}
	return ""
}

// takeReport is the modem receiving a SMS-STATUS-REPORT. One that it is not to
// pass on, or has no room for, is lost.
func (s *Simulator) takeReport(w *waiting) bool {
	if !s.heard() {
		return true
	}
	m := stored{smsc: s.sim.SMSC, tpdu: w.tpdu}
	switch s.settings.cnmi[3] {
	case 1:
		s.passOn("+CDS", "", &m)
		return !s.offer(w)
	case 2:
		name := s.profile.cdsi
		text(&name, "SR")
		if index, ok := s.storage("SR").put(m); ok {
			s.urc("+CDSI: %q,%d", name, index)
		}
	}
	return true
}

// offer waits for AT+CNMA, if that is how it was agreed. 3GPP TS 27.005 3.4.4
func (s *Simulator) offer(w *waiting) bool {
	if s.settings.csms != 1 {
		return false
	}
	s.smsc.offered = w
	s.after(s.options.AckWithin, func() {
		if s.smsc.offered == w {
			if !s.options.Unacknowledged { // the standard has the modem give up on its host
				s.settings.cnmi[1], s.settings.cnmi[3] = 0, 0
			}
			s.refused(w)
		}
	})
	return true
}

// refused is the SMSC hearing that the modem did not take w.
func (s *Simulator) refused(w *waiting) {
	s.smsc.offered = nil
	s.tryLater(w)
	s.deliverWaiting()
}

// tryLater makes the SMSC wait before it tries again.
func (s *Simulator) tryLater(w *waiting) {
	w.later = true
	s.after(s.options.Redeliver, func() {
		w.later = false
		s.deliverWaiting()
	})
}

// acknowledge is AT+CNMA. 3GPP TS 27.005 3.4.4
func (s *Simulator) acknowledge(c *call) error {
	if c.form == test {
		c.say("+CNMA: (0-2)")
		return nil
	}
	n, ok := within(c.arg(0), 0, 2, 0)
	w := s.smsc.offered
	switch {
	case !ok:
		return cmsNotAllowed
	case w == nil:
		return cmsNoCNMAAwaited
	case n == 2:
		s.refused(w)
	default:
		s.smsc.offered = nil
		s.delivered(w)
		s.deliverWaiting()
	}
	return nil
}
