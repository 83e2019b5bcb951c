package simulator

import (
	"errors"
	"slices"
	"time"

	"omsbox/modem/sms"
)

// maxWaiting is how much the SMSC keeps for a modem that takes nothing.
const maxWaiting = 10_000

// ErrQueueFull says that the SMSC keeps no more for a modem that takes nothing.
var ErrQueueFull = errors.New("simulator: the SMSC's queue is full")

// smsc is the message centre: what it took from the modem, the phones it
// serves, and what waits for the modem.
type smsc struct {
	number   string
	mr       byte // of the next submit
	attempts int  // AT+CMGS so far
	count    int  // submits accepted so far
	submits  []Submission
	phones   map[string]*Phone
	order    []*Phone
	waiting  []waiting
}

// Submission is one SMS-SUBMIT that the SMSC accepted.
type Submission struct {
	sms.Segment           // MR is what the modem assigned
	N           int       // 1 for the first one
	Time        time.Time // when it was accepted
	TPDU        []byte    // as the SMSC got it, with MR
}

// waiting is a TPDU on its way to the modem.
type waiting struct {
	tpdu   []byte
	report bool
	text   *Text // of which a SMS-DELIVER is a part; nil for a report
}

// Submitted returns every SMS-SUBMIT that the SMSC accepted, in order: exactly
// those whose whole PDU the modem took and nobody refused, whether the answer
// reached the host or not. Only the last Options.History are kept.
func (s *Simulator) Submitted() []Submission {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(last(s.smsc.submits, s.options.History))
}

// Count is how many SMS-SUBMIT the SMSC has accepted since New.
func (s *Simulator) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.smsc.count
}

// last returns the last n elements.
func last[T any](list []T, n int) []T { return list[max(0, len(list)-n):] }

// keep appends to a list of which only the last limit elements count, and
// forgets the others now and then.
func keep[T any](list []T, v T, limit int) []T {
	list = append(list, v)
	if len(list) >= 2*limit {
		list = slices.Clone(last(list, limit))
	}
	return list
}

// accept takes a segment over from the modem, for phone.
func (s *Simulator) accept(phone *Phone, segment sms.Segment, tpdu []byte) Submission {
	segment.MR = s.smsc.mr
	tpdu[1] = segment.MR
	s.smsc.mr++
	s.smsc.count++
	submission := Submission{Segment: segment, N: s.smsc.count, Time: s.options.Now(), TPDU: tpdu}
	s.smsc.submits = keep(s.smsc.submits, submission, s.options.History)
	if phone.reject == 0 {
		phone.receive(submission)
	}
	return submission
}

// reportLater sends the status report after Options.ReportDelay.
func (s *Simulator) reportLater(submission Submission, status byte) {
	if s.options.ReportDelay > 0 {
		s.after(s.options.ReportDelay, func() { s.report(submission, status) })
	} else {
		s.report(submission, status)
	}
}

// report sends the status report of a segment, with this TP-ST, to the modem.
func (s *Simulator) report(submission Submission, status byte) {
	r := sms.StatusReport{
		MR:        submission.MR,
		To:        submission.To,
		SCTS:      submission.Time,
		Discharge: s.options.Now(),
		Status:    status,
	}
	if tpdu, err := r.TPDU(); err == nil { // else the number it went to is none
		s.toModem(waiting{tpdu: tpdu, report: true})
	}
}

// toModem queues a TPDU and delivers what can be delivered.
func (s *Simulator) toModem(w waiting) error {
	if len(s.smsc.waiting) >= maxWaiting {
		return ErrQueueFull
	}
	s.smsc.waiting = append(s.smsc.waiting, w)
	s.deliverWaiting()
	return nil
}

// deliverWaiting offers the modem all that waits, in order. What it has no room
// for stays.
func (s *Simulator) deliverWaiting() {
	if len(s.smsc.waiting) == 0 || !s.inService() {
		return
	}
	s.smsc.waiting = slices.DeleteFunc(s.smsc.waiting, func(w waiting) bool {
		if w.report {
			s.takeReport(w.tpdu)
			return true
		}
		if !s.takeDeliver(w.tpdu) {
			return false
		}
		w.text.missing--
		return true
	})
	s.changed()
}

// takeDeliver is the modem receiving a SMS-DELIVER; it is false if there is no
// room. 3GPP TS 27.005 3.4.1, mt
func (s *Simulator) takeDeliver(tpdu []byte) bool {
	mt := 0
	if s.heard() {
		mt = s.settings.cnmi[1]
	}
	st := s.sim.storage(s.settings.cpms[2])
	if mt != 2 && st.used == len(st.slots) {
		return false
	}
	copies := 1
	if s.at(Moment{Point: AtDeliver, TPDU: tpdu}).Twice {
		copies = 2
	}
	m := stored{smsc: s.smsc.number, tpdu: tpdu}
	for range copies {
		if mt == 2 {
			s.urc("+CMT: ,%d\r\n%s", len(tpdu), m.pdu())
			s.expectAcknowledge()
			continue
		}
		if index := st.put(m); mt == 1 && index != 0 {
			s.urc("+CMTI: %q,%d", st.name, index)
		}
	}
	return true
}

// takeReport is the modem receiving a SMS-STATUS-REPORT. One that it is not to
// pass on, or has no room for, is lost. 3GPP TS 27.005 3.4.1, ds
func (s *Simulator) takeReport(tpdu []byte) {
	if !s.heard() {
		return
	}
	m := stored{smsc: s.smsc.number, tpdu: tpdu}
	switch s.settings.cnmi[3] {
	case 1:
		s.urc("+CDS: %d\r\n%s", len(tpdu), m.pdu())
		s.expectAcknowledge()
	case 2:
		if index := s.sim.storage("SR").put(m); index != 0 {
			s.urc("+CDSI: \"SR\",%d", index)
		}
	}
}

// expectAcknowledge counts what AT+CNMA may be sent for. 3GPP TS 27.005 4.7
func (s *Simulator) expectAcknowledge() {
	if s.settings.csms == 1 {
		s.settings.unack++
	}
}
