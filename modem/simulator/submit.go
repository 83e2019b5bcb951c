package simulator

import (
	"fmt"
	"time"

	"omsbox/modem/sms"
)

// submit goes on with AT+CMGS=<length>: prompt, PDU, SMSC, final result.
// 3GPP TS 27.005 4.3. The error says that the port has ended.
func (t *session) submit(line string, c *call, a answer) (answer, error) {
	moment, length, ok := t.prompt(line, c, &a)
	if !ok {
		return a, nil
	}
	if length == 0 {
		return t.submitWords(moment, c.arg(0), a)
	}
	pdu, sent, err := t.pdu()
	if err != nil {
		return a, err
	}
	if !sent { // as 3GPP TS 27.005 3.5.1 has it
		a.final = "OK"
		return a, nil
	}
	delay, ok := t.handOver(moment, pdu, length, &a)
	if !ok || delay <= 0 {
		return a, nil
	}
	wait := time.NewTimer(delay)
	defer wait.Stop()
	select {
	case <-wait.C:
		return a, nil
	case <-t.port.gone:
		// The host does not hear the answer, but the SMSC has the message.
		if a.after != nil {
			t.s.mu.Lock()
			defer t.s.mu.Unlock()
			a.after()
		}
		return a, errHangUp
	}
}

// prompt says that the PDU may come, or is false and leaves the answer in a.
func (t *session) prompt(line string, c *call, a *answer) (m Moment, length int, ok bool) {
	s := t.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if !t.live() {
		return m, 0, false
	}
	length, ok = within(c.arg(0), 1, 164, 0)
	if words := s.settings.cmgf != 0; words { // the argument is a number
		length, ok = 0, c.arg(0) != ""
	} else if !ok || length == 0 || len(c.args) != 1 {
		ok = false
	}
	if !ok {
		a.final = s.settings.final(cmsPDUParameter)
		return m, 0, false
	}
	s.smsc.attempts++
	m = Moment{Point: AtPrompt, Line: line, N: s.smsc.attempts}
	f := s.at(m)
	if a.takes(f) {
		if f.Prompt != "" && f.Answer != "" { // both in one piece
			t.say(f.Prompt + "\r\n" + f.Answer + "\r\n")
			a.final = ""
		}
		return m, 0, false
	}
	if f.Prompt == "" {
		f.Prompt = "\r\n> "
	}
	t.say(f.Prompt)
	return m, length, true
}

// submitWords goes on with AT+CMGS of text mode: what is typed is the text, whatever it looks like.
func (t *session) submitWords(m Moment, to string, a answer) (answer, error) {
	var typed []byte
	for {
		c, err := t.next()
		if err != nil {
			return a, err
		}
		if c == esc || t.stuck {
			a.final = "OK"
			return a, nil
		}
		if c == ctrlZ {
			break
		}
		if len(typed) < maxPDU && c != '\r' {
			typed = append(typed, c)
		}
	}
	tpdus, err := sms.Submit{To: to, Text: string(typed)}.TPDUs()
	s := t.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || !s.inService() {
		a.final = s.settings.final(cmsNoService)
		return a, nil
	}
	for _, tpdu := range tpdus {
		segment, err := sms.ParseSubmit(tpdu)
		if err != nil {
			continue
		}
		phone := s.phone(to)
		submission := s.accept(phone, segment, tpdu)
		s.pass(submission, phone)
		a.info = []string{fmt.Sprintf("+CMGS: %d", submission.MR)}
	}
	m.Point = AtResult
	a.final = "OK"
	a.takes(s.at(m))
	return a, nil
}

// takes adds f to the faults of the answer, and is whether f ends the command.
func (a *answer) takes(f Fault) bool {
	f.URCs = append(a.fault.URCs[:len(a.fault.URCs):len(a.fault.URCs)], f.URCs...)
	f.Lose = f.Lose || a.fault.Lose
	a.fault = f
	if f.Answer != "" {
		a.info, a.final = nil, f.Answer
	}
	return f.ends()
}

// pdu reads to Ctrl-Z, or to ESC: then sent is false. A modem that hangs
// meanwhile takes what follows for a line.
func (t *session) pdu() (pdu string, sent bool, err error) {
	t.typed = t.typed[:0]
	for {
		c, err := t.next()
		switch {
		case err != nil:
			return "", false, err
		case t.stuck:
			return "", false, nil
		case c == ctrlZ:
			return string(t.typed), true, nil
		case c == esc:
			return "", false, nil
		case c > ' ' && len(t.typed) <= maxPDU: // one more, so that what is too long is wrong
			t.typed = append(t.typed, c)
		}
	}
}

// handOver gives the SMSC what a PDU holds, and leaves the answer in a. It
// returns how long the network takes, or is false if the modem does not ask it.
func (t *session) handOver(m Moment, pdu string, length int, a *answer) (time.Duration, bool) {
	s := t.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if !t.live() {
		return 0, false
	}
	if t.outlet.echo {
		t.say(pdu)
	}
	smsc, tpdu, err := sms.SplitPDU(pdu)
	var segment sms.Segment
	if err == nil {
		segment, err = sms.ParseSubmit(tpdu)
	}
	switch {
	case err != nil || length != len(tpdu):
		a.final = s.settings.final(cmsPDUParameter)
		return 0, false
	case s.sim.closed() != nil:
		a.final = s.settings.final(s.sim.closedForMessages())
		return 0, false
	case smsc == "" && s.sim.SMSC == "":
		a.final = s.settings.final(cmsNoSMSC)
		return 0, false
	case !s.inService():
		a.final = s.settings.final(cmsNoService)
		return 0, false
	}
	delay := s.submitDelay()
	m.Point, m.TPDU = AtPDU, tpdu
	if a.takes(s.at(m)) {
		return delay, true
	}
	if s.fever != "" {
		a.final = s.fever
		return 0, false
	}
	phone := s.phone(segment.To)
	if phone.refuse != 0 {
		a.final = s.settings.final(phone.refuse)
		return delay, true
	}

	submission := s.accept(phone, segment, tpdu)
	m.Point, m.TPDU = AtResult, submission.TPDU
	a.info, a.final = append(a.info, fmt.Sprintf("+CMGS: %d", submission.MR)), "OK"
	a.takes(s.at(m))
	switch statuses := s.pass(submission, phone); {
	case !segment.Report:
	case a.fault.Early:
		s.reports(submission, phone, statuses)
	default:
		a.after = func() { s.reports(submission, phone, statuses) }
	}
	return delay, true
}

// linger is how long AT+CMMS=1 keeps the link open for the next message.
const linger = 5 * time.Second

// submitDelay is how long the network takes for the next message, and keeps the
// link open as AT+CMMS asks. 3GPP TS 27.005 3.5.6
func (s *Simulator) submitDelay() time.Duration {
	delay := s.options.SubmitDelay
	if s.lingers() && s.options.BurstDelay > 0 && s.settings.linked {
		delay = s.options.BurstDelay
	}
	if s.settings.linked = s.settings.cmms != 0; s.settings.linked {
		s.settings.burst = time.Now().Add(delay + linger)
	}
	return delay
}

// lingers is whether the link is kept open: after a while without messages,
// AT+CMMS falls back from 1 to 0.
func (s *Simulator) lingers() bool {
	if s.settings.cmms == 1 && time.Now().After(s.settings.burst) {
		s.settings.cmms, s.settings.linked = 0, false
	}
	return s.settings.cmms != 0
}

func (s *Simulator) moreMessages(c *call) error {
	s.lingers()
	if err := choice("(0-2)", 2, func(t *settings) *int { return &t.cmms })(s, c); err != nil {
		return err
	}
	if c.form == set {
		s.settings.burst, s.settings.linked = time.Now().Add(linger), false
	}
	return nil
}
