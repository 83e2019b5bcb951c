package sms_test

import (
	"testing"

	"omsbox/modem/sms"
)

func TestOctetsThatAreText(t *testing.T) {
	for octets, want := range map[string]string{
		"Your code is 4711":         "Your code is 4711",
		"Gr\xFC\xDFe 4713":          "Grüße 4713",
		"Grüße 4713":                "Grüße 4713",
		"\xEF\xBB\xBFGrüße":         "Grüße",
		"\x93price\x94: 5 \x80\x00": "“price”: 5 €",
		"\x9Fabc":                   "Ÿabc",
		"one\r\ntwo\tthree\x00\x00": "one\r\ntwo\tthree",
		"😀":                         "😀",
		"👨\u200D👩":                  "👨\u200D👩",
		"7":                         "7",
		"+":                         "+",
		"5\xA0EUR":                  "5\u00A0EUR",
		"ABC\xFF\x80":               "ABCÿ€",
	} {
		if got, ok := sms.Octets([]byte(octets)); got != want || !ok {
			t.Errorf("%q became %q, %t", octets, got, ok)
		}
	}
}

func TestOctetsThatAreNoText(t *testing.T) {
	for _, octets := range []string{
		"", "\x00", "\x00\xFF", "\x01\x06", "\xFF", "hi\x00there", "hi\x1B[31m", "\xE4\xF6\xFC", "a\xE4\xF6\xFC", "ab\xE4\xF6", "caf\xE9\x81", " ", "\r\n", "a\u202Eb", "a\uFFFDb",
		"...", "a\x7Fb", "abc\xE9\x8D",
		"\x02p\x00\x00\x0B\x0A",
	} {
		if got, ok := sms.Octets([]byte(octets)); ok {
			t.Errorf("%q became %q", octets, got)
		}
	}
}
