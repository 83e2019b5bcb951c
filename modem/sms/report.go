package sms

import (
	"fmt"
	"time"

	"github.com/warthog618/sms/encoding/tpdu"
)

// StatusReport tells what became of one segment that was submitted with
// TP-SRR. 3GPP TS 23.040 9.2.2.3
type StatusReport struct {
	MR        byte      // TP-MR of the segment
	To        string    // the recipient, as the network writes the number
	SCTS      time.Time // when the SMSC got the segment; zero if the date does not exist
	Discharge time.Time // when Status came about; zero if the date does not exist
	Status    byte      // TP-ST
}

// ParseStatusReport decodes a SMS-STATUS-REPORT. Only one that ends too early,
// or is of another type, is an error.
func ParseStatusReport(b []byte) (StatusReport, error) {
	var s StatusReport
	mti, err := MessageType(b)
	if err == nil && mti != MTIStatusReport {
		err = fmt.Errorf("first octet 0x%02X is of another message type", b[0])
	}
	if err == nil {
		r := reader{b: b}
		r.octet()
		s.MR = r.octet()
		s.To = r.address()
		s.SCTS, s.Discharge = r.timestamp(), r.timestamp()
		s.Status = r.octet()
		err = r.err
	}
	if err != nil {
		return StatusReport{}, fmt.Errorf("SMS-STATUS-REPORT: %w", err)
	}
	return s, nil
}

// TPDU encodes the report as an SMSC would. A zero time becomes a date that does not exist.
func (s StatusReport) TPDU() ([]byte, error) {
	to, err := number(s.To)
	if err != nil {
		return nil, err
	}
	t, err := tpdu.New(tpdu.SmsStatusReport)
	if err != nil {
		return nil, err
	}
	t.FirstOctet |= tpdu.FoMMS // TP-MMS is inverted: no more messages are waiting
	t.MR, t.RA, t.ST = s.MR, to, s.Status
	t.SCTS, t.DT = tpdu.Timestamp{Time: s.SCTS}, tpdu.Timestamp{Time: s.Discharge}
	b, err := t.MarshalBinary()
	if err != nil {
		return nil, err
	}
	times := b[len(b)-15:] // TP-SCTS and TP-DT stand before TP-ST, which is the last octet
	for i, when := range []time.Time{s.SCTS, s.Discharge} {
		if when.IsZero() { // no date, rather than one of the year 2001
			clear(times[7*i : 7*i+7])
		}
	}
	return b, nil
}

// Outcome is what a status report proves.
type Outcome byte

const (
	Delivered Outcome = iota // the phone has it
	Pending                  // the SMSC is still trying; another report will come
	Failed                   // the phone will not get it
	Unproven                 // the SMSC is done with it and cannot tell
)

func (o Outcome) String() string {
	return [...]string{"delivered", "pending", "failed", "unproven"}[o&3]
}

// Outcome reads TP-ST. 3GPP TS 23.040 9.2.3.15
func (s StatusReport) Outcome() Outcome {
	switch st := s.Status; {
	case st == 0x00:
		return Delivered
	case st == 0x01, st == 0x02, st >= 0x10 && st <= 0x1F:
		return Unproven
	case st >= 0x20 && st <= 0x3F:
		return Pending
	}
	return Failed // reserved values are to be read as "service rejected"
}

// reasons are the values of TP-ST in plain words. 3GPP TS 23.040 9.2.3.15
var reasons = map[byte]string{
	0x00: "delivered to the phone",
	0x01: "handed on, but the message centre cannot confirm that the phone has it",
	0x02: "replaced by the message centre",

	0x20: "the network is congested, the message centre keeps trying",
	0x21: "the phone is busy, the message centre keeps trying",
	0x22: "the phone does not answer, the message centre keeps trying",
	0x23: "the service was rejected, the message centre keeps trying",
	0x24: "the quality of service is not available, the message centre keeps trying",
	0x25: "the phone reports an error, the message centre keeps trying",

	0x40: "the network reports a remote procedure error",
	0x41: "the recipient's device cannot take texts",
	0x42: "the phone refused the message",
	0x43: "the number cannot be reached",
	0x44: "the quality of service is not available",
	0x45: "there is no connection to the recipient's network",
	0x46: "the phone was not reached before the message expired",
	0x47: "deleted by the sender",
	0x48: "deleted by the message centre",
	0x49: "the message centre does not know the message",

	0x60: "the network is congested, the message centre gave up",
	0x61: "the phone is busy, the message centre gave up",
	0x62: "the phone does not answer, the message centre gave up",
	0x63: "the service was rejected",
	0x64: "the quality of service is not available, the message centre gave up",
	0x65: "the phone reports an error, the message centre gave up",
}

// Reason says TP-ST in plain words, a whole phrase without a full stop.
func (s StatusReport) Reason() string {
	if reason, ok := reasons[s.Status]; ok {
		return reason
	}
	const unknown = "%s (status 0x%02X of the message centre)"
	switch s.Outcome() {
	case Unproven:
		return fmt.Sprintf(unknown, "completed", s.Status)
	case Pending:
		return fmt.Sprintf(unknown, "not delivered yet", s.Status)
	}
	return fmt.Sprintf(unknown, "not delivered", s.Status)
}
