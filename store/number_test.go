package store_test

import (
	"encoding/hex"
	"os"
	"strconv"
	"strings"
	"testing"

	"omsbox/store"
)

// Numbers as people type and paste them.
func TestNumbersAsTyped(t *testing.T) {
	t.Parallel()
	table, err := os.ReadFile("testdata/numbers.txt")
	check(t, err)
	for line := range strings.Lines(string(table)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), " |")
		if strings.HasPrefix(line, "#") || len(fields) < 3 {
			continue
		}
		region, want := fields[0], strings.TrimSpace(fields[2])
		typed, err := strconv.Unquote(`"` + strings.ReplaceAll(strings.TrimPrefix(fields[1], " "), `"`, `\"`) + `"`)
		check(t, err)
		t.Run(region+" "+typed, func(t *testing.T) {
			got, err := store.ParseNumber(typed, region)
			if err != nil {
				got = "refused"
			}
			if got != want {
				t.Errorf("got %s (%v), want %s", got, err, want)
			}
		})
	}
}

// What the table of the field has not, of the same kinds.
func TestNumbersOfTheSameKinds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ region, typed, want string }{
		{"DE", "\ufeff+49 171 1234567", "+491711234567"},
		{"DE", "\u2068+49\u2009171\u20141234567\u2069", "+491711234567"},
		{"DE", "\u00ab+49 171 1234567\u00bb;", "+491711234567"},
		{"DE", "\u201e0171 1234567\u201c", "+491711234567"},
		{"JP", "\uff0b\uff18\uff11\uff08\uff10\uff09\uff19\uff10\uff0d1234\u30fc5678", "+819012345678"},
		{"IN", "\u096f\u096e\u096d\u096c\u096b\u096a\u0969\u0968\u0967\u0966", "+919876543210"},
		{"IR", "\u06f0\u06f9\u06f1\u06f2\u06f1\u06f2\u06f3\u06f4\u06f5\u06f6\u06f7", "+989121234567"},
		{"DE", "tel:%2B49-171-1234567", "+491711234567"},
		{"DE", "tel:07911-123456;phone-context=+44", "+447911123456"},
		{"DE", "tel:555-0123;phone-context=+1-201", "+12015550123"},
		{"DE", "tel:5550123;phone-context=+1201", "+12015550123"},
		{"DE", "tel:0171-1234567;phone-context=example.org", "+491711234567"},
		{"DE", "tel:+491711234567;isub=1", ""},
		{"DE", "smsto:+491711234567", "+491711234567"},
		{"DE", "mailto:+491711234567", ""},
		{"DE", "491711234567", "+491711234567"}, // the + was lost; 0491 is an area code
		{"GB", "447911123456", "+447911123456"},
		{"US", "011 44 7911 123456", "+447911123456"},
		{"US", "0044 7911 123456", "+447911123456"}, // the prefix of most others
		{"JP", "010 44 7911 123456", "+447911123456"},
		{"RU", "8~10 44 7911 123456", ""},
		{"RU", "8 10 44 7911 123456", "+447911123456"},
		{"US", "555-0123", ""},     // without its area code
		{"US", "+1 555 0123", ""},  //
		{"DE", "+49 110", ""},      //
		{"GB", "07700 900123", ""}, // nobody has a number like it
		{"GB", "+44 7700 900123", "+447700900123"},
		{"AR", "011 15-2345-6789", "+5491123456789"},
		{"MX", "+5215512345678", "+525512345678"},
		{"DE", "005215512345678", "+525512345678"},
		{"US", "011 52 1 55 1234 5678", "+525512345678"},
		{"BR", "+55 11 8765-4321", "+551187654321"}, // not mended: it is whatever the person knows it as
		{"DE", "+49 171 1234567 +49 172 1234567", ""},
		{"DE", "0171 1234567 / 0172 7654321", ""},
		{"DE", "++491711234567", ""},
		{"DE", "49+1711234567", ""},
		{"AD", "312 345", "+376312345"}, // a country of short numbers
		{"", "0044 7911 123456", "+447911123456"},
	} {
		t.Run(c.region+" "+c.typed, func(t *testing.T) {
			if got, err := store.ParseNumber(c.typed, c.region); got != c.want || (err != nil) != (c.want == "") {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

// deliverFrom is a SMS-DELIVER with the text "hi" from digits with that type of address.
// 3GPP TS 23.040 9.2.2.1, 9.1.2.5
func deliverFrom(t testing.TB, toa byte, digits string) []byte {
	t.Helper()
	tpdu := []byte{0x04, byte(len(digits)), toa}
	semi := func(i int) byte {
		if i >= len(digits) {
			return 0xF
		}
		return byte(strings.IndexByte("0123456789*#", digits[i]))
	}
	for i := 0; i < len(digits); i += 2 {
		tpdu = append(tpdu, semi(i+1)<<4|semi(i))
	}
	return append(tpdu, 0, 0, 0x62, 0x11, 0x03, 0x29, 0x09, 0x20, 0, 2, 0xE8, 0x34)
}

func TestSendersByTheirTypeOfNumber(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, region string
		toa          byte
		digits, want string
	}{
		{"international", "GB", 0x91, "447911123456", "+447911123456"},
		{"international, with a trunk zero", "GB", 0x91, "4407911123456", "+447911123456"},
		{"international, of a range that no list has", "GB", 0x91, "447700900123", "+447700900123"},
		{"international, with Mexico's 1", "DE", 0x91, "5215512345678", "+525512345678"},
		{"national", "DE", 0xA1, "17112345678", "+4917112345678"},
		{"national, shorter than its range is today", "DE", 0xA1, "1511234567", "+491511234567"},
		{"national, in no range", "AU", 0xA1, "19123456", "19123456"},
		{"national, and possible alone", "DE", 0xA1, "12345678", "12345678"},
		{"national, of six digits", "DE", 0xA1, "110110", "110110"},
		{"unknown, with a trunk zero", "DE", 0x81, "015100000131", "+4915100000131"},
		{"unknown, with a country code", "DE", 0x81, "491711234567", "+491711234567"},
		{"unknown, with an international prefix", "AU", 0x81, "0011447911123456", "+447911123456"},
		{"unknown, and possible alone", "AU", 0x81, "19123456", "19123456"},
		{"unknown, and possible alone", "DE", 0x81, "1511234567", "1511234567"},
		{"unknown, in a country of short numbers", "GL", 0x81, "221234", "+299221234"},
		{"unknown, without a region", "", 0x81, "07911123456", "07911123456"},
		{"network specific", "GB", 0xB1, "07911123456", "07911123456"},
		{"subscriber number", "GB", 0xC1, "7911123456", "7911123456"},
		{"abbreviated", "DK", 0xE1, "20123456", "20123456"},
		{"abbreviated", "AU", 0xE1, "12345678", "12345678"},
		{"with * and #", "DE", 0xA1, "*#123", "*#123"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			check(t, s.Set(t.Context(), "sms.region", c.region))
			check(t, s.Receive(t.Context(), "imsi", deliverFrom(t, c.toa, c.digits)))
			if got := unrouted(t, s)[0].Sender; got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// Whoever answers a text writes to the very number that it came from.
func TestWhoTextedCanBeAnswered(t *testing.T) {
	t.Parallel()
	s := open(t)
	check(t, s.Set(t.Context(), "sms.region", "DE"))
	if got, err := s.Number("12345678"); err == nil {
		t.Fatalf("before it texted it is %s", got)
	}
	check(t, s.Receive(t.Context(), "imsi", deliverFrom(t, 0xE1, "12345678")))
	if got, err := s.Number("12345678"); got != "12345678" {
		t.Errorf("got %q, %v", got, err)
	}
}

// The parts of one text come under two spellings of its sender's number, one of them national.
func TestPartsUnderTwoSpellingsAreOneText(t *testing.T) {
	t.Parallel()
	s := open(t)
	check(t, s.Set(t.Context(), "sms.region", "DE"))
	for _, part := range []string{
		"440D91945101000031F10000621103029092000B050003050201DEEE3208",
		"440C811015000010130000621103029092000A050003050202E8F737",
	} {
		tpdu, err := hex.DecodeString(part)
		check(t, err)
		check(t, s.Receive(t.Context(), "imsi", tpdu))
	}
	if got := unrouted(t, s); len(got) != 1 || got[0].Text != "one two" || got[0].Sender != "+4915100000131" {
		t.Errorf("got %+v", got)
	}
}
