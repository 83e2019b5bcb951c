package sms

import (
	"bytes"
	"unicode/utf16"

	"github.com/warthog618/sms/encoding/gsm7"
)

// EncodeUSSD packs a USSD code, which has only digits, +, * and #, into septets.
// 3GPP TS 23.038 6.1.2.3
func EncodeUSSD(code string) []byte { return gsm7.Pack7BitUSSD([]byte(code), 0) }

// DecodeUSSD reads packed septets of the default alphabet. A carriage return that ends on the border of an
// octet is fill. 3GPP TS 23.038 6.1.2.3.1
func DecodeUSSD(b []byte) string {
	septets := gsm7.Unpack7Bit(b, 0)
	if len(septets)%8 == 0 { // septets and octets end together
		septets = bytes.TrimSuffix(septets, []byte{'\r'})
	}
	return decodeGSM7(septets, tables{})
}

// USSDIsUCS2 says whether a CBS data coding scheme means UCS2. 3GPP TS 23.038 5
func USSDIsUCS2(dcs byte) bool {
	return dcs == 0x11 || dcs&0xC0 == 0x40 && dcs&0x0C == 0x08 || dcs&0xF0 == 0x90 && dcs&0x0C == 0x08
}

// EncodeUCS2 returns text in UTF-16BE.
func EncodeUCS2(text string) []byte {
	var b []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		b = append(b, byte(unit>>8), byte(unit))
	}
	return b
}

// DecodeUCS2 reads UTF-16BE, which is what the standard calls UCS2.
func DecodeUCS2(b []byte) string { return decodeUTF16(b) }
