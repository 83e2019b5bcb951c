package sms

import (
	"encoding/binary"
	"strings"
	"sync"
	"unicode/utf16"

	"github.com/warthog618/sms/encoding/gsm7"
	"github.com/warthog618/sms/encoding/gsm7/charset"
	"github.com/warthog618/sms/encoding/tpdu"
	"github.com/warthog618/sms/encoding/ucs2"
)

const (
	maxUserData = 140 // octets of user data in a TPDU, header included. 3GPP TS 23.040 9.2.3.24
	concatSize  = 5   // octets of the concatenation element with 8-bit reference
	escape      = 0x1B
)

// The library fills its tables on first use without a lock; here that happens
// before the program has a second goroutine.
var (
	gsm7Encoder = gsm7.NewEncoder()
	gsm7Decoder = gsm7.NewDecoder()
)

// languages are the national language tables by identifier, 0 and unknown ones
// being the default alphabet. 3GPP TS 23.038 6.2.1.2.4
var languages = sync.OnceValue(func() (tables [charset.End]struct{ locking, shift charset.Decoder }) {
	for n := range tables {
		tables[n].locking, tables[n].shift = charset.NewDecoder(n), charset.NewExtDecoder(n)
	}
	return tables
})

// segment cuts text into the user data of its segments, each without header:
// septets, one in an octet, if all of text is in the GSM 7-bit default alphabet
// with its extension table, else UTF-16BE. extra is the size in octets of the
// header elements that every segment carries in any case.
func segment(text string, extra int) (dcs tpdu.DCS, pieces [][]byte) {
	// U+001B is in the library's table, but its septet is the escape to the
	// extension table and would swallow the next character.
	if strings.IndexByte(text, escape) < 0 {
		if septets, err := gsm7Encoder.Encode([]byte(text)); err == nil {
			return 0, cut(septets, room(extra)*8/7, room(extra+concatSize)*8/7, func(last []byte) bool {
				return last[0] == escape
			}, 1)
		}
	}
	units := ucs2.Encode([]rune(text))
	return tpdu.DcsUCS2Data, cut(units, room(extra)&^1, room(extra+concatSize)&^1, func(last []byte) bool {
		return last[0]&0xFC == 0xD8 // a high surrogate, whose low one follows
	}, 2)
}

// segmentData cuts 8-bit data like segment cuts text.
func segmentData(data []byte, extra int) [][]byte {
	return cut(data, room(extra), room(extra+concatSize), func([]byte) bool { return false }, 1)
}

// room is how many octets a header with elements of this size leaves free.
func room(elements int) int {
	if elements == 0 {
		return maxUserData
	}
	return maxUserData - 1 - elements // UDHL
}

// cut returns b whole if it is no longer than single, else in pieces no longer
// than part. Both lengths are in octets, and so is unit, the size of a
// character; no piece but the last ends with a unit that opens a pair.
func cut(b []byte, single, part int, opens func(unit []byte) bool, unit int) [][]byte {
	if len(b) <= single {
		return [][]byte{b}
	}
	pieces := make([][]byte, 0, len(b)/part+1)
	for len(b) > part {
		n := part
		if opens(b[n-unit : n]) {
			n -= unit
		}
		pieces = append(pieces, b[:n:n])
		b = b[n:]
	}
	return append(pieces, b)
}

// An alphabet is how user data is to be read. 3GPP TS 23.038 4
type alphabet byte

const (
	alphabetGSM7 alphabet = iota
	alphabetData
	alphabetUTF16
)

// alphabetOf reads TP-DCS. Reserved codings are the default alphabet, as
// 3GPP TS 23.038 4 asks; compressed text cannot be read and counts as data.
func alphabetOf(dcs byte) alphabet {
	switch {
	case dcs&0x80 == 0: // general data coding, and marked for automatic deletion
		switch {
		case dcs&0x20 != 0 || dcs&0x0C == 0x04:
			return alphabetData
		case dcs&0x0C == 0x08:
			return alphabetUTF16
		}
	case dcs&0xF0 == 0xE0: // message waiting, UCS2
		return alphabetUTF16
	case dcs&0xF4 == 0xF4: // data coding and message class
		return alphabetData
	}
	return alphabetGSM7
}

// decodeGSM7 decodes septets, one in an octet, with the national language
// tables of these identifiers. What no table has becomes a space.
func decodeGSM7(septets []byte, locking, shift byte) string {
	d := gsm7Decoder
	if locking != 0 || shift != 0 {
		tables := languages()
		if int(locking) < len(tables) {
			d = d.WithCharset(tables[locking].locking)
		}
		if int(shift) < len(tables) {
			d = d.WithExtCharset(tables[shift].shift)
		}
	}
	text, _ := d.Decode(septets) // fails only in strict mode
	return string(text)
}

// decodeUTF16 decodes UTF-16BE. Half a pair becomes U+FFFD and half a unit at
// the end is dropped.
func decodeUTF16(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.BigEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}
