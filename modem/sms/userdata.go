package sms

import (
	"fmt"
	"strings"

	"github.com/warthog618/sms/encoding/gsm7"
	"github.com/warthog618/sms/encoding/tpdu"
)

// Concat is the place of a segment in its message. 3GPP TS 23.040 9.2.3.24.1
// and 9.2.3.24.8. A Total of 0 or 1 means: not concatenated.
type Concat struct {
	Ref        uint16 // the sender's reference of the message
	Total, Seq byte   // Seq counts from 1
	Wide       bool   // Ref has 16 bits: another message than that with the same 8
}

// Port addresses an application in the phone, such as 2948 for WAP push; both
// are 0 if there is none. 3GPP TS 23.040 9.2.3.24.3 and 9.2.3.24.4
type Port struct{ Dest, Source uint16 }

// Waiting is a voice mail (or the like) indication: an instruction to the phone
// to show or hide a symbol. 3GPP TS 23.038 4 and TS 23.040 9.2.3.24.2
type Waiting struct {
	Indicated bool // the message carries an indication; the rest means something
	Active    bool // messages are waiting; false: no longer
	Discard   bool // the text is not meant for people
	Kind      byte // 0 voice mail, 1 fax, 2 e-mail, 3 other
	Count     byte // how many messages are waiting, 255 for more; 0 where that is not told
}

// String says in a phrase for people what is waiting; "" where nothing is.
func (w Waiting) String() string {
	if !w.Indicated || !w.Active {
		return ""
	}
	what := [...]string{"voice message", "fax", "e-mail", "message of another kind"}[w.Kind&3]
	some := [...]string{"voice messages", "faxes", "e-mails", "messages of another kind"}[w.Kind&3]
	switch w.Count {
	case 0:
		return some + " are waiting"
	case 1:
		return "1 " + what + " is waiting"
	case 255:
		return "255 or more " + some + " are waiting"
	}
	return fmt.Sprintf("%d %s are waiting", w.Count, some)
}

// and adds another indication of the same message: what is waiting outweighs what is not, and the
// text is kept if either wants it kept. 3GPP TS 23.040 9.2.3.24.2
func (w Waiting) and(more Waiting) Waiting {
	switch {
	case !w.Indicated:
		return more
	case !more.Indicated:
		return w
	}
	discard := w.Discard && more.Discard
	if more.Active && !w.Active {
		w = more
	}
	w.Discard = discard
	return w
}

// Information element identifiers. 3GPP TS 23.040 9.2.3.24, where they are
// written in hexadecimal (the library takes 24 and 25 for decimal).
const (
	ieConcat8        = 0x00
	ieSpecialMessage = 0x01
	iePort8          = 0x04
	iePort16         = 0x05
	ieConcat16       = 0x08
	ieWCMP           = 0x09 // Wireless Control Message Protocol
	ieFirstObject    = 0x0B // EMS: predefined sound, …
	ieLastObject     = 0x12 // … and variable picture
	ieExtendedObject = 0x14
	ieStandardWVG    = 0x18 // vector graphics
	ieCharacterWVG   = 0x19
	ieReplyAddress   = 0x22
	ieSingleShift    = 0x24
	ieLockingShift   = 0x25
)

// concat returns what makes the element of a segment of the message with this
// reference. 3GPP TS 23.040 9.2.3.24.1 and 9.2.3.24.8
func (c Coding) concat(ref uint16) func(total, seq int) tpdu.InformationElement {
	return func(total, seq int) tpdu.InformationElement {
		if c.WideRef {
			return tpdu.InformationElement{ID: ieConcat16, Data: []byte{byte(ref >> 8), byte(ref), byte(total), byte(seq)}}
		}
		return tpdu.InformationElement{ID: ieConcat8, Data: []byte{byte(ref), byte(total), byte(seq)}}
	}
}

// header names the languages of t. 3GPP TS 23.040 9.2.3.24.15 and 9.2.3.24.16
func (t tables) header() (udh tpdu.UserDataHeader) {
	if t.shift != 0 {
		udh = append(udh, tpdu.InformationElement{ID: ieSingleShift, Data: []byte{t.shift}})
	}
	if t.locking != 0 {
		udh = append(udh, tpdu.InformationElement{ID: ieLockingShift, Data: []byte{t.locking}})
	}
	return udh
}

func portIE(p Port) tpdu.InformationElement {
	return tpdu.InformationElement{ID: iePort16, Data: []byte{
		byte(p.Dest >> 8), byte(p.Dest), byte(p.Source >> 8), byte(p.Source)}}
}

// header is what we understand of a UDH.
type header struct {
	concat  Concat
	port    Port
	waiting Waiting
	tables  tables
	replyTo string
	control bool // WCMP
	objects bool // EMS
}

// parseHeader reads information elements; what is malformed or unknown is
// skipped, and of repeated ones the last counts. 3GPP TS 23.040 9.2.3.24
func parseHeader(b []byte) (h header) {
	for len(b) >= 2 && len(b) >= 2+int(b[1]) {
		id, data := b[0], b[2:2+int(b[1])]
		b = b[2+len(data):]
		switch {
		case id == ieConcat8 && len(data) == 3:
			h.setConcat(Concat{Ref: uint16(data[0]), Total: data[1], Seq: data[2]})
		case id == ieConcat16 && len(data) == 4:
			h.setConcat(Concat{Ref: uint16(data[0])<<8 | uint16(data[1]), Total: data[2], Seq: data[3], Wide: true})
		case id == iePort8 && len(data) == 2:
			h.port = Port{uint16(data[0]), uint16(data[1])}
		case id == iePort16 && len(data) == 4:
			h.port = Port{uint16(data[0])<<8 | uint16(data[1]), uint16(data[2])<<8 | uint16(data[3])}
		case id == ieSpecialMessage && len(data) == 2:
			h.waiting = h.waiting.and(Waiting{Indicated: true, Active: data[1] != 0, Discard: data[0]&0x80 == 0, Kind: data[0] & 3, Count: data[1]})
		case id == ieSingleShift && len(data) == 1:
			h.tables.shift = data[0]
		case id == ieLockingShift && len(data) == 1:
			h.tables.locking = data[0]
		case id == ieReplyAddress:
			r := reader{b: data}
			if address := r.address(); r.err == nil {
				h.replyTo = address
			}
		case id == ieWCMP:
			h.control = true
		case id >= ieFirstObject && id <= ieLastObject, id == ieExtendedObject,
			id == ieStandardWVG, id == ieCharacterWVG:
			h.objects = true
		}
	}
	return h
}

// setConcat ignores an impossible place, as 3GPP TS 23.040 9.2.3.24.1 asks.
func (h *header) setConcat(c Concat) {
	if c.Seq != 0 && c.Seq <= c.Total {
		h.concat = c
	}
}

// userData is TP-UD taken apart but not decoded yet, so that the user data of
// several segments can be joined first.
type userData struct {
	dcs     byte
	header  header
	content []byte // septets one in an octet, octets, or UTF-16BE
	cut     bool   // TP-UD is shorter than TP-UDL says
}

// userData reads TP-UDL and TP-UD. Of user data that is shorter than TP-UDL says
// all that is there is read. 3GPP TS 23.040 9.2.3.16 and 9.2.3.24
func (r *reader) userData(dcs, firstOctet byte) userData {
	u := userData{dcs: dcs}
	udl := int(r.octet())
	if r.err != nil {
		return u
	}
	septets := alphabetOf(dcs) == alphabetGSM7
	octets := udl
	if septets {
		octets = (udl*7 + 7) / 8
	}
	if left := len(r.b) - r.at; left < octets {
		u.cut, octets = true, left
	}
	ud := r.take(octets)
	skip := 0 // octets of header, UDHL included
	if firstOctet&tpdu.FoUDHI != 0 && len(ud) > 0 {
		switch {
		case int(ud[0]) < len(ud):
			skip = 1 + int(ud[0])
			u.header = parseHeader(ud[1:skip])
		case u.cut: // all that is left is the beginning of the header
			skip = len(ud)
			u.header = parseHeader(ud[1:])
		}
		// Else a header that is longer than the user data is none: all is text.
	}
	if !septets {
		u.content = ud[skip:]
		return u
	}
	// The text starts at a septet boundary after the header.
	headerSeptets := (skip*8 + 6) / 7
	fill := headerSeptets*7 - skip*8
	u.content = gsm7.Unpack7Bit(ud[skip:], fill)
	// Seven octets hold eight septets, so there may be one more than was sent.
	u.content = u.content[:max(0, min(udl-headerSeptets, len(u.content)))]
	return u
}

// decode returns the text, or the data if it is none.
func (u userData) decode() (text string, data []byte) {
	switch content := u.plain(); alphabetOf(u.dcs) {
	case alphabetData:
		return "", content
	case alphabetUTF16:
		return decodeUTF16(content), nil
	default:
		return decodeGSM7(content, u.header.tables), nil
	}
}

// plain returns a copy of the content; UTF-16 is big-endian and without the byte
// order mark with which some senders begin each segment, where the standard has none.
func (u userData) plain() []byte {
	content := append([]byte{}, u.content...)
	if alphabetOf(u.dcs) != alphabetUTF16 || len(content) < 2 {
		return content
	}
	switch {
	case content[0] == 0xFE && content[1] == 0xFF:
		return content[2:]
	case content[0] == 0xFF && content[1] == 0xFE: // little-endian
		for i := 2; i+1 < len(content); i += 2 {
			content[i], content[i+1] = content[i+1], content[i]
		}
		return content[2:]
	}
	return content
}

// class is the message class, 0 to 3, or -1. 3GPP TS 23.038 4
func (u userData) class() int {
	if u.dcs&0x90 == 0x10 || u.dcs&0xF0 == 0xF0 {
		return int(u.dcs & 3)
	}
	return -1
}

// waiting are the indications in TP-DCS, of which 3GPP TS 23.038 4 has three groups (discard, store,
// store UCS2), and in the header. The header says more, such as how many.
func (u userData) waiting() Waiting {
	var coding Waiting
	switch group := u.dcs & 0xF0; group {
	case 0xC0, 0xD0, 0xE0:
		coding = Waiting{Indicated: true, Active: u.dcs&0x08 != 0, Discard: group == 0xC0, Kind: u.dcs & 3}
	}
	return u.header.waiting.and(coding)
}

// join decodes user data in order as if it were one, as far as it is of one
// alphabet and nothing is missing in it.
func join(parts []userData) string {
	var text strings.Builder
	for i := 0; i < len(parts); {
		run := parts[i]
		run.content = run.plain()
		for i++; i < len(parts) && parts[i].readsLike(run) && !parts[i-1].cut; i++ {
			run.content = append(run.content, parts[i].plain()...)
		}
		s, _ := run.decode()
		text.WriteString(s)
	}
	return text.String()
}

func (u userData) readsLike(v userData) bool {
	return alphabetOf(u.dcs) == alphabetOf(v.dcs) && u.header.tables == v.header.tables
}
