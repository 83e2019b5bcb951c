// Package sms turns text into the TPDUs that carry it and back: alphabets,
// segmentation, concatenation, addresses, delivery reports, and the PDU mode
// of AT commands. It holds no state and talks to nobody.
//
// Encoding is strict: what cannot be sent correctly is an error. Decoding is
// lenient: a text that somebody sent is worth more than a rule that its sender
// broke, so only a TPDU that ends too early is an error, and none panics.
//
// Terms are those of 3GPP TS 23.040 (TPDU, UDH, TP-MR), TS 23.038 (alphabets)
// and TS 27.005 (PDU mode).
package sms

import (
	"fmt"
	"slices"
	"time"

	"github.com/warthog618/sms/encoding/tpdu"
)

// Submit is one text to one address, to be cut into SMS-SUBMIT TPDUs.
// 3GPP TS 23.040 9.2.2.2
type Submit struct {
	To     string // E.164 with +, or a short code or national number without
	Text   string // invalid UTF-8 is sent as U+FFFD
	Ref    uint16 // concatenation reference, of which all is sent if Coding.WideRef, else the low octet
	Report bool   // TP-SRR: ask for a status report of every segment
	Coding Coding
	// Validity is how long the SMSC keeps a segment that it cannot deliver, as
	// far as Relative can tell it; 0 leaves that to the SMSC.
	Validity time.Duration
}

// TPDUs returns one TPDU for each segment in order, s.Coding.Segments(s.Text)
// of them, with TP-MR 0 (the modem assigns it). It is an error
// if To is no number or Text takes more than MaxSegments.
func (s Submit) TPDUs() ([][]byte, error) {
	to, err := number(s.To)
	if err != nil {
		return nil, err
	}
	m := s.Coding.write(s.Text, 0).message()
	tpdus, err := m.encode(s.Coding.concat(s.Ref), func() (*tpdu.TPDU, error) {
		t, err := tpdu.NewSubmit(tpdu.WithDA(to), m.dcs)
		if err != nil {
			return nil, err
		}
		if s.Report {
			t.FirstOctet |= tpdu.FoSRR
		}
		if s.Validity > 0 {
			t.SetVP(tpdu.ValidityPeriod{Format: tpdu.VpfRelative, Duration: relative(255)}) // shortened below
		}
		return t, nil
	})
	for i := range tpdus {
		tpdus[i] = Within(tpdus[i], s.Validity)
	}
	return tpdus, err
}

// Segment is a decoded SMS-SUBMIT: one segment of a text as the SMSC gets it.
// 3GPP TS 23.040 9.2.2.2
type Segment struct {
	MR       byte
	To       string        // with + when the type of number is international
	Report   bool          // TP-SRR
	Validity time.Duration // TP-VP, relative; 0 where it has none or one that names a date
	PID, DCS byte
	Class    int    // message class 0..3, -1 if none
	Text     string // this segment decoded, "" for 8-bit data
	Data     []byte // 8-bit user data without its header, nil for text
	Concat   Concat
	Port     Port
}

// ParseSubmit decodes a SMS-SUBMIT.
func ParseSubmit(b []byte) (Segment, error) {
	s, u, err := parseSubmit(b)
	if err != nil {
		return Segment{}, fmt.Errorf("SMS-SUBMIT: %w", err)
	}
	s.Class, s.Concat, s.Port = u.class(), u.header.concat, u.header.port
	s.Text, s.Data = u.decode()
	return s, nil
}

func parseSubmit(b []byte) (s Segment, u userData, err error) {
	r := reader{b: b}
	fo := r.octet()
	if r.err == nil && tpdu.FirstOctet(fo).MTI() != tpdu.MtSubmit {
		return s, u, fmt.Errorf("first octet 0x%02X is of another message type", fo)
	}
	s.Report = fo&tpdu.FoSRR != 0
	s.MR = r.octet()
	s.To = r.address()
	s.PID, s.DCS = r.octet(), r.octet()
	switch tpdu.FirstOctet(fo).VPF() { // 3GPP TS 23.040 9.2.3.12
	case tpdu.VpfRelative:
		s.Validity = relative(r.octet())
	case tpdu.VpfAbsolute, tpdu.VpfEnhanced:
		r.take(7)
	}
	if u = r.userData(s.DCS, fo); u.cut && r.err == nil {
		r.err = fmt.Errorf("octet %d: %w", r.at, ErrTruncated)
	}
	return s, u, r.err
}

// A message is user data in segments, with the header elements that every one of
// them has beside that of concatenation.
type message struct {
	dcs    tpdu.DCS
	header tpdu.UserDataHeader
	pieces [][]byte // without header; septets one in an octet
}

// encode makes one TPDU of each piece, on the envelope that envelope returns a
// fresh copy of. concat makes the element of concatenation.
func (m message) encode(concat func(total, seq int) tpdu.InformationElement, envelope func() (*tpdu.TPDU, error)) ([][]byte, error) {
	if len(m.pieces) > MaxSegments {
		return nil, fmt.Errorf("text takes %d segments, %d is the limit", len(m.pieces), MaxSegments)
	}
	tpdus := make([][]byte, 0, len(m.pieces))
	for i, piece := range m.pieces {
		t, err := envelope()
		if err != nil {
			return nil, err
		}
		udh := slices.Clone(m.header)
		if len(m.pieces) > 1 {
			udh = slices.Insert(udh, 0, concat(len(m.pieces), i+1))
		}
		if len(udh) > 0 {
			t.SetUDH(udh) // sets TP-UDHI too
		}
		t.UD = piece
		b, err := t.MarshalBinary()
		if err != nil {
			return nil, err
		}
		tpdus = append(tpdus, b)
	}
	return tpdus, nil
}
