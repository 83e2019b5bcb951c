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
	mr       byte // of the next submit
	attempts int  // AT+CMGS so far
	count    int  // submits accepted so far
	submits  []Submission
	phones   map[string]*Phone
	order    []*Phone
	waiting  []*waiting // for the modem, in order
	offered  *waiting   // what the modem passed on to the host and waits for AT+CNMA
	busy     bool       // deliverWaiting is at work
}

// Submission is one SMS-SUBMIT that the SMSC accepted.
type Submission struct {
	sms.Segment               // MR is what the modem assigned
	N           int           // 1 for the first one
	Time        time.Time     // when it was accepted
	TPDU        []byte        // as the SMSC got it, with MR
	Validity    time.Duration // TP-VP: how long the SMSC is to try; 0 if it is left to the SMSC
}

// waiting is a TPDU on its way to the modem.
type waiting struct {
	tpdu   []byte
	report bool
	centre *string // the SMSC's number that the modem is told; the SIM's if nil
	text   *Text   // of which a SMS-DELIVER is a part, or nil
	later  bool    // the SMSC tried in vain, and tries again after a while
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
	submission := Submission{Segment: segment, N: s.smsc.count, Time: s.options.Now(), TPDU: tpdu, Validity: validity(tpdu)}
	s.smsc.submits = keep(s.smsc.submits, submission, s.options.History)
	return submission
}

// pass hands a segment on to its phone, and returns what status reports (TP-ST)
// are to tell of it.
func (s *Simulator) pass(submission Submission, phone *Phone) (statuses []byte) {
	switch {
	case phone.off:
		phone.wait(submission)
		return []byte{0x22} // no response from the SME
	case phone.reject != 0:
		return []byte{phone.reject}
	}
	phone.receive(submission)
	return append(slices.Clip(phone.before), 0)
}

// reports sends status reports with these TP-ST, one after the other, if they
// were asked for: the first after Options.ReportDelay.
func (s *Simulator) reports(submission Submission, phone *Phone, statuses []byte) {
	switch {
	case !submission.Report || len(statuses) == 0:
	case s.options.ReportDelay > 0:
		s.after(s.options.ReportDelay, func() {
			s.report(submission, phone, statuses[0])
			s.reports(submission, phone, statuses[1:])
		})
	default:
		for _, status := range statuses {
			s.report(submission, phone, status)
		}
	}
}

// report sends a status report of a segment to the modem.
func (s *Simulator) report(submission Submission, phone *Phone, status byte) {
	r := sms.StatusReport{
		MR:        submission.MR,
		To:        submission.To,
		SCTS:      submission.Time,
		Discharge: s.options.Now(),
		Status:    status,
	}
	if phone.reportAs != "" {
		r.To = phone.reportAs
	}
	if tpdu, err := r.TPDU(); err == nil { // else the number it went to is none
		s.toModem(&waiting{tpdu: tpdu, report: true})
	}
}

// validity reads TP-VP of a SMS-SUBMIT, as far as it is relative. 3GPP TS 23.040
// 9.2.3.12.1
func validity(tpdu []byte) time.Duration {
	if tpdu[0]&0x18 != 0x10 {
		return 0
	}
	switch vp := time.Duration(tpdu[2+2+(int(tpdu[2])+1)/2+2]); {
	case vp < 144:
		return (vp + 1) * 5 * time.Minute
	case vp < 168:
		return 12*time.Hour + (vp-143)*30*time.Minute
	case vp < 197:
		return (vp - 166) * 24 * time.Hour
	default:
		return (vp - 192) * 7 * 24 * time.Hour
	}
}

// DeliverTPDU makes the SMSC deliver these octets to the modem, whatever they
// are: a SMS-STATUS-REPORT if they begin like one, else a SMS-DELIVER.
func (s *Simulator) DeliverTPDU(tpdu []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	kind, err := sms.MessageType(tpdu)
	return s.toModem(&waiting{tpdu: tpdu, report: err == nil && kind == sms.MTIStatusReport})
}

// DeliverPDU makes the SMSC deliver a SMS-DELIVER that the modem then lists as this PDU, with the SMSC's
// number that the PDU has, or none. 3GPP TS 27.005 3.1
func (s *Simulator) DeliverPDU(pdu string) error {
	centre, tpdu, err := sms.SplitPDU(pdu)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.toModem(&waiting{tpdu: tpdu, centre: &centre})
}
