package simulator

import (
	"fmt"
	"slices"
	"time"

	"omsbox/modem/sms"
)

// maxPartial is how many texts may be incomplete on one phone.
const maxPartial = 1000

// Phone is a phone behind the SMSC, or a sender with a name for a number.
type Phone struct {
	s      *Simulator
	number string

	// Guarded by the simulator's lock.
	texts   []*Text
	partial map[concat]*partial // incomplete texts
	begun   []concat            // keys of partial, oldest first
	ref     byte                // of the next text sent
	reject  byte                // TP-ST of reports, 0 for delivered
	before  []byte              // TP-ST of the reports before the one that is final
	off     bool
	pending []Submission // while it is off

	reportAs string   // how reports write the number, "" as it was dialled
	refuse   cmsError // answer to AT+CMGS, 0 for none
}

// Text is a whole text as a phone shows it.
type Text struct {
	From, To string
	Text     string
	Time     time.Time // when it was complete, or sent
	Parts    int
	TPDUs    [][]byte // in order of their place in the text

	sent    bool // by the phone, to the SIM
	missing int  // parts that the modem has not taken yet
}

// concat is what the segments of a text have in common.
type concat struct {
	ref   uint16
	total byte
}

// partial is a text of which segments are missing.
type partial struct {
	tpdus [][]byte // by place, nil if missing
	have  int
}

// Phone returns the phone with this number, in the form the sender writes it;
// it exists from then on. A sender's name works too, but can only send.
func (s *Simulator) Phone(number string) *Phone {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phone(number)
}

func (s *Simulator) phone(number string) *Phone {
	p, ok := s.smsc.phones[number]
	if !ok {
		p = &Phone{s: s, number: number, partial: make(map[concat]*partial)}
		s.smsc.phones[number] = p
		s.smsc.order = append(s.smsc.order, p)
	}
	return p
}

// Number is how the phone is called.
func (p *Phone) Number() string { return p.number }

// Inbox returns the texts that arrived complete, oldest first, as far as
// Options.History reaches back.
func (p *Phone) Inbox() []Text { return p.list(false) }

// Sent returns the texts that the phone sent, oldest first.
func (p *Phone) Sent() []Text { return p.list(true) }

func (p *Phone) list(sent bool) []Text {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	var list []Text
	for _, text := range last(p.texts, p.s.options.History) {
		if text.sent == sent {
			list = append(list, *text)
		}
	}
	return list
}

// Reject makes the SMSC drop what is sent to the phone from now on, and report
// this status (TP-ST, 3GPP TS 23.040 9.2.3.15: 0x46 is "expired", 0x49 "does
// not exist"). 0 ends it.
func (p *Phone) Reject(status byte) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.reject = status
}

// Refuse makes AT+CMGS to the phone fail with this +CMS ERROR, such as 1 for an
// unassigned number. 0 ends it.
func (p *Phone) Refuse(cms int) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.refuse = cmsError(cms)
}

// Reports makes the SMSC send these status reports (TP-ST) before the one that
// is final, such as 0x20 and 0x21, congestion and SME busy.
func (p *Phone) Reports(statuses ...byte) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.before = statuses
}

// ReportAs makes status reports write the phone's number so, without its
// international prefix for example.
func (p *Phone) ReportAs(number string) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.reportAs = number
}

// SwitchOff keeps what is sent to the phone at the SMSC until SwitchOn, or until
// its validity is over. A report says so at first.
func (p *Phone) SwitchOff() {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.off = true
}

// SwitchOn delivers what waited.
func (p *Phone) SwitchOn() {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.off = false
	pending := p.pending
	p.pending = nil
	for _, submission := range pending {
		p.s.reports(submission, p, p.s.pass(submission, p))
	}
	p.s.changed()
}

// wait keeps a segment for a phone that is off.
func (p *Phone) wait(submission Submission) {
	s := p.s
	p.pending = append(p.pending, submission)
	if submission.Validity > 0 {
		s.after(submission.Validity, func() {
			i := slices.IndexFunc(p.pending, func(other Submission) bool { return other.N == submission.N })
			if i >= 0 {
				p.pending = slices.Delete(p.pending, i, i+1)
				s.report(submission, p, 0x46) // validity period expired
			}
		})
	}
}

// receive takes a segment, and shows the text when it is complete.
func (p *Phone) receive(submission Submission) {
	tpdus, text := [][]byte{submission.TPDU}, submission.Text
	if c := submission.Concat; c.Total > 1 {
		if tpdus = p.collect(c, submission.TPDU); tpdus == nil {
			return
		}
		var err error
		if text, err = sms.Join(tpdus); err != nil {
			return // cannot be: the modem parsed every one of them
		}
	}
	s := p.s
	p.texts = keep(p.texts, &Text{
		From: s.sim.Number, To: p.number, Text: text,
		Time: submission.Time, Parts: len(tpdus), TPDUs: tpdus,
	}, s.options.History)
	if p.number == s.sim.Number { // the SIM texts itself
		p.send(text)
	}
}

// collect keeps a segment and returns all of its text's once they are there. A
// different segment in a taken place begins a new text: the sender uses the
// reference again.
func (p *Phone) collect(c sms.Concat, tpdu []byte) [][]byte {
	key := concat{c.Ref, c.Total}
	t := p.partial[key]
	if t == nil || t.tpdus[c.Seq-1] != nil && !sameUserData(t.tpdus[c.Seq-1], tpdu) {
		if t == nil {
			p.begun = append(p.begun, key)
		}
		t = &partial{tpdus: make([][]byte, c.Total)}
		p.partial[key] = t
	}
	if t.tpdus[c.Seq-1] == nil {
		t.tpdus[c.Seq-1] = tpdu
		t.have++
	}
	if t.have < int(c.Total) {
		if len(p.begun) > maxPartial {
			delete(p.partial, p.begun[0])
			p.begun = slices.Delete(p.begun, 0, 1)
		}
		return nil
	}
	delete(p.partial, key)
	p.begun = slices.DeleteFunc(p.begun, func(k concat) bool { return k == key })
	return t.tpdus
}

// sameUserData compares two SMS-SUBMIT but for TP-MR.
func sameUserData(a, b []byte) bool { return slices.Equal(a[2:], b[2:]) }

// Send sends a text to the SIM, in as many parts as it takes.
func (p *Phone) Send(text string) error {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return p.send(text)
}

// SendParts sends a text in parts in this order, counted from 1: SendParts(t, 2,
// 1) sends the second part first. A part that is not named is never sent, one
// that is named twice is sent twice.
func (p *Phone) SendParts(text string, order ...int) error {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	tpdus, err := p.compose(text)
	if err != nil {
		return err
	}
	chosen := make([][]byte, 0, len(order))
	for _, n := range order {
		if n < 1 || n > len(tpdus) {
			return fmt.Errorf("simulator: part %d of %d", n, len(tpdus))
		}
		chosen = append(chosen, tpdus[n-1])
	}
	return p.sendTPDUs(text, chosen)
}

// SendTPDUs sends SMS-DELIVER TPDUs to the SIM as they are; nobody looks at them
// on the way.
func (p *Phone) SendTPDUs(tpdus ...[]byte) error {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	text, err := sms.Join(tpdus)
	if err != nil {
		text = ""
	}
	return p.sendTPDUs(text, tpdus)
}

// Compose returns the TPDUs of a text, for SendTPDUs to send at different times.
func (p *Phone) Compose(text string) ([][]byte, error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return p.compose(text)
}

func (p *Phone) send(text string) error {
	tpdus, err := p.compose(text)
	if err != nil {
		return err
	}
	return p.sendTPDUs(text, tpdus)
}

// compose makes the SMS-DELIVER TPDUs of a new text.
func (p *Phone) compose(text string) ([][]byte, error) {
	p.ref++
	tpdus, err := sms.Deliver{From: p.number, SCTS: p.s.options.Now(), Text: text}.TPDUs(uint16(p.ref))
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	return tpdus, nil
}

func (p *Phone) sendTPDUs(text string, tpdus [][]byte) error {
	s := p.s
	t := &Text{
		From: p.number, To: s.sim.Number, Text: text, Time: s.options.Now(),
		Parts: len(tpdus), TPDUs: tpdus, sent: true, missing: len(tpdus),
	}
	p.texts = keep(p.texts, t, s.options.History)
	defer s.changed()
	for _, tpdu := range tpdus {
		if err := s.toModem(&waiting{tpdu: tpdu, text: t}); err != nil {
			return err
		}
	}
	return nil
}
