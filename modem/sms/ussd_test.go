package sms_test

import (
	"fmt"
	"slices"
	"testing"

	"omsbox/modem/sms"
)

// The hexadecimal was packed by another program after 3GPP TS 23.038 6.1.2.3.1.
func TestUSSDInSeptets(t *testing.T) {
	for code, packed := range map[string]string{
		"*100#":    "AA180C3602",
		"*1002*#":  "AA180C26538D1A", // seven characters leave seven bits free: a carriage return fills them
		"*1002*5#": "AA180C2653D546",
	} {
		if got := sms.EncodeUSSD(code); string(got) != string(octets(t, packed)) {
			t.Errorf("%s is packed as %X, want %s", code, got, packed)
		}
	}
	for _, c := range []struct{ name, packed, text string }{
		{"nothing", "", ""},
		{"one character", "31", "1"},
		{"a code", "AA180C3602", "*100#"},
		{"seven characters and fill", "C2303BEC1E971B", "Balance"},
		{"a carriage return as fill", "31D98C56B3DD1A", "1234567"},
		{"eight characters", "31D98C56B3DD70", "12345678"},
		{"an @ where fill may stand", "31D98C56B3DD00", "1234567@"},
		{"a carriage return that is doubled, as it ends on the border of an octet", "31D98C56B3DD1A0D", "1234567\r\r"},
		{"a carriage return elsewhere", "F3B2BDEC6E00", "seven\r"},
		{"two characters, the last octet of which looks like fill", "311A", "14"},
		{"three characters, the last octet of which looks like fill", "C2B41B", "Bin"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := sms.DecodeUSSD(octets(t, c.packed)); got != c.text {
				t.Errorf("got %q, want %q", got, c.text)
			}
		})
	}
}

// The data coding schemes of cell broadcast, which USSD has. 3GPP TS 23.038 5
func TestUSSDCodings(t *testing.T) {
	ucs2 := []byte{
		0x11,                   // after two characters that name the language
		0x48, 0x49, 0x4A, 0x4B, // general data coding
		0x58, 0x59, 0x5A, 0x5B, // with a class
		0x68, 0x69, 0x6A, 0x6B, 0x78, 0x79, 0x7A, 0x7B, // compressed
		0x98, 0x99, 0x9A, 0x9B, // with a user data header
	}
	for dcs := range 256 {
		if got, want := sms.USSDIsUCS2(byte(dcs)), slices.Contains(ucs2, byte(dcs)); got != want {
			t.Errorf("0x%02X: got %t", dcs, got)
		}
	}
}

func TestUCS2(t *testing.T) {
	const text, packed = "aя😀", "0061044FD83DDE00"
	if got := fmt.Sprintf("%X", sms.EncodeUCS2(text)); got != packed {
		t.Errorf("got %s, want %s", got, packed)
	}
	if got := sms.DecodeUCS2(octets(t, packed)); got != text {
		t.Errorf("got %q, want %q", got, text)
	}
}
