package sms

import (
	"encoding/binary"
	"unicode/utf16"
)

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

// decodeGSM7 decodes septets, one in an octet. What the shift table lacks is
// what the locking table has there, and what that lacks becomes a space.
// 3GPP TS 23.038 6.2.1.1 and 6.2.1.2.2
func decodeGSM7(septets []byte, t tables) string {
	locking, shift := characters().decoders(t)
	text := make([]rune, 0, len(septets))
	for i := 0; i < len(septets); i++ {
		s := septets[i] & 0x7F
		r := locking[s]
		if s == escape {
			r = ' ' // an escape to nothing
			if i++; i < len(septets) && septets[i] != escape {
				if r = shift[septets[i]&0x7F]; r == 0 {
					r = locking[septets[i]&0x7F]
				}
			}
		}
		if r == 0 {
			r = ' '
		}
		text = append(text, r)
	}
	return string(text)
}

// decodeUTF16 decodes UTF-16BE. Half a pair becomes U+FFFD and half a unit at
// the end is dropped. So is U+0000: it is no character of a text, and some senders
// fill up with it.
func decodeUTF16(b []byte) string {
	units := make([]uint16, 0, len(b)/2)
	for i := 0; i+1 < len(b); i += 2 {
		if unit := binary.BigEndian.Uint16(b[i:]); unit != 0 {
			units = append(units, unit)
		}
	}
	return string(utf16.Decode(units))
}
