package sms

import (
	"fmt"
	"time"

	"github.com/warthog618/sms/encoding/tpdu"
)

// MTI is the type of a TPDU that the network sent to the mobile.
// 3GPP TS 23.040 9.2.3.1
type MTI byte

const (
	MTIDeliver      MTI = 0 // SMS-DELIVER: read it with ParseDeliver
	MTISubmitReport MTI = 1 // SMS-SUBMIT-REPORT (or, in a storage, a SMS-SUBMIT)
	MTIStatusReport MTI = 2 // SMS-STATUS-REPORT: read it with ParseStatusReport
)

// MessageType says what kind of TPDU the mobile received. The reserved type
// counts as SMS-DELIVER, as 3GPP TS 23.040 9.2.3.1 asks. Only an empty TPDU is
// an error.
func MessageType(b []byte) (MTI, error) {
	if len(b) == 0 {
		return 0, ErrTruncated
	}
	if mti := MTI(b[0] & tpdu.FoMTIMask); mti <= MTIStatusReport {
		return mti, nil
	}
	return MTIDeliver, nil
}

// Deliver is a decoded SMS-DELIVER: one segment of a text for us.
// 3GPP TS 23.040 9.2.2.1
type Deliver struct {
	From     string    // with + when the type of number is international; may be a name
	SCTS     time.Time // when the SMSC got it; zero if the SMSC's date does not exist
	PID, DCS byte
	Class    int    // message class 0..3, -1 if none; 0 is a flash message
	Text     string // this segment decoded, "" for 8-bit data
	Data     []byte // 8-bit user data without its header, nil for text
	Concat   Concat
	Port     Port
	Waiting  Waiting
	ReplyTo  string // where the sender wants answers to go; "" for From. 3GPP TS 23.040 9.2.3.24
	Control  bool   // it has a control message of WCMP, for programs. 3GPP TS 23.040 9.2.3.24.9
	Objects  bool   // it has pictures, sounds or animations (EMS), which are not read. 3GPP TS 23.040 9.2.3.24.10
	Cut      bool   // it ends before the end of its user data: the end of Text or Data is missing
	Coding   Coding // how TPDUs encodes Text; ParseDeliver leaves it alone
}

// ParseDeliver decodes a SMS-DELIVER. Only one that ends before its user data
// begins (ErrTruncated), or is of another type, is an error; From is set all the
// same if that is whole.
func ParseDeliver(b []byte) (Deliver, error) {
	d, u, err := parseDeliver(b)
	if err != nil {
		return Deliver{From: d.From, Class: -1}, fmt.Errorf("SMS-DELIVER: %w", err)
	}
	d.Class, d.Waiting = u.class(), u.waiting()
	d.Concat, d.Port, d.ReplyTo = u.header.concat, u.header.port, u.header.replyTo
	d.Control, d.Objects, d.Cut = u.header.control, u.header.objects, u.cut
	d.Text, d.Data = u.decode()
	return d, nil
}

func parseDeliver(b []byte) (d Deliver, u userData, err error) {
	if mti, err := MessageType(b); err != nil {
		return d, u, err
	} else if mti != MTIDeliver {
		return d, u, fmt.Errorf("first octet 0x%02X is of another message type", b[0])
	}
	r := reader{b: b}
	fo := r.octet()
	d.From = r.address()
	d.PID, d.DCS = r.octet(), r.octet()
	d.SCTS = r.timestamp()
	u = r.userData(d.DCS, fo)
	return d, u, r.err
}

// TPDUs encodes d.Text (or d.Data, if that is not nil) from d.From at d.SCTS as
// an SMSC would, with concatenation reference ref (its low octet alone, unless
// d.Coding.WideRef), in as many SMS-DELIVER TPDUs as it takes. PID and Port are
// kept; the fields that Text, Data, Coding and Port do not name are not looked at.
func (d Deliver) TPDUs(ref uint16) ([][]byte, error) {
	from, err := sender(d.From)
	if err != nil {
		return nil, err
	}
	var port tpdu.UserDataHeader
	if d.Port != (Port{}) {
		port = tpdu.UserDataHeader{portIE(d.Port)}
	}
	var m message
	if d.Data != nil {
		m = d.Coding.data(d.Data, port.UDHL())
	} else {
		m = d.Coding.write(d.Text, port.UDHL()).message()
	}
	m.header = append(port, m.header...)
	return m.encode(d.Coding.concat(ref), func() (*tpdu.TPDU, error) {
		t, err := tpdu.NewDeliver(tpdu.WithOA(from), m.dcs)
		if err == nil {
			t.PID, t.SCTS = d.PID, tpdu.Timestamp{Time: d.SCTS}
			t.FirstOctet |= tpdu.FoMMS // TP-MMS is inverted: no more messages are waiting
		}
		return t, err
	})
}

// Join decodes the segments of one message, given in order of Concat.Seq, into
// its text. It joins the user data before it decodes, so that a character which
// the sender split over two segments survives. The segments are SMS-DELIVER
// (or, as the SMSC sees them, SMS-SUBMIT) TPDUs.
func Join(tpdus [][]byte) (string, error) {
	parts := make([]userData, 0, len(tpdus))
	for i, b := range tpdus {
		var u userData
		var err error
		if len(b) > 0 && tpdu.FirstOctet(b[0]).MTI() == tpdu.MtSubmit {
			_, u, err = parseSubmit(b)
		} else {
			_, u, err = parseDeliver(b)
		}
		if err != nil {
			return "", fmt.Errorf("segment %d of %d: %w", i+1, len(tpdus), err)
		}
		parts = append(parts, u)
	}
	return join(parts), nil
}
