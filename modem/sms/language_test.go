package sms_test

import (
	"fmt"
	"strings"
	"testing"

	"omsbox/modem/sms"
)

// The hexadecimal is no output of this package: it was packed by another
// program after the tables of 3GPP TS 23.038 Annex A.
func TestNationalTablesAreRead(t *testing.T) {
	tests := []struct{ name, want, ud string }{
		{"Turkish, single shift", "ağ€İıŞşçĞ", "16 03240101 086FCE9BF226B9496FA69BF966BC3902"},
		{"Turkish, locking shift", "€ığĞşŞİç", "0D 03250101 201C188B0E070806"},
		{"Spanish, single shift", "ÁÍÓÚáíóúçñ€", "1A 03240102 D80437C9CD7353DD8437E9CD7B53DF24FA9B32"},
		{"Spanish has no locking shift", "Çñ¿", "08 03250102 48F4C1"},
		{"Portuguese, single shift", "êçÔôÁáΦÀÍÓÚÃÕÂíóúãõâÊ", "2E 03240103 D8143689CD62C3D838360FC926B8496E9E9BEA66BBE16EC29BF4E6BDA96FF61BFEE6BFF900"},
		{"Portuguese, locking shift", "ação ªº∞`~^|Ê", "12 03250103 0827F66F908454E9832D1A0F"},
		{"Bengali", "\u09ac\u09be\u0982\u09b2\u09be\u09f3", "0F 06240104250104 4068C008DDB000"},
		{"Gujarati", "\u0a97\u0ac1\u0a9c\u0ab0\u0abe\u0aa4\u0ac0\u0ae7", "11 06240105250105 976987083D49371D"},
		{"Hindi", "\u091a\u093e\u0901\u0926 \u0939\u093f\u0902\u0926\u0940 \u0926\u0941\u0903\u0916 \u095b\u0964",
			"1C 06240106250106 1A2860056A46032B2968351558401BD82603"},
		{"Kannada", "\u0c95\u0ca8\u0ccd\u0ca8\u0ca1\u0ce7", "0F 06240107250107 95D7F745DA7400"},
		{"Malayalam", "\u0d2e\u0d32\u0d2f\u0d3e\u0d33\u0d02\u0d67", "10 06240108250108 42E3107A0C6C3A"},
		{"Oriya", "\u0b13\u0b5c\u0b3f\u0b06\u0b67", "0F 06240109250109 938D294AD87400"},
		{"Punjabi", "\u0a2a\u0a70\u0a1c\u0a3e\u0a2c\u0a40\u0a67", "10 0624010A25010A BD7D070A946E3A"},
		{"Tamil", "\u0ba4\u0bae\u0bbf\u0bb4\u0bcd\u0be7", "0F 0624010B25010B 276114F9DD7400"},
		{"Telugu", "\u0c24\u0c46\u0c32\u0c41\u0c17\u0c41\u0c67", "10 0624010C25010C 27AC717A996E3A"},
		{"Urdu", "\u0627\u0631\u062f\u0648\u06f1", "0E 0624010D25010D 809266BAE900"},
		{"an unknown language, both tables", "€", "0A 0624010E2501FF 9B32"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			submit, err := sms.ParseSubmit(octets(t, "41 00 05812143F5 00 00"+tt.ud))
			if submit.Text != tt.want || err != nil {
				t.Errorf("SMS-SUBMIT: got %q, %v, want %q", submit.Text, err, tt.want)
			}
			deliver, err := sms.ParseDeliver(octets(t, "44"+from+"00 00"+scts+tt.ud))
			if deliver.Text != tt.want || err != nil {
				t.Errorf("SMS-DELIVER: got %q, %v, want %q", deliver.Text, err, tt.want)
			}
		})
	}
}

// The tables of 3GPP TS 23.038 6.2.1, A.2.1 to A.2.3, A.3.1 and A.3.3 in full, in
// rows of 16. A dot in the middle is no character.
const (
	defaultLocking = "@£$¥èéùìòÇ\nØø\rÅå" + "Δ_ΦΓΛΩΠΨΣΘΞ·ÆæßÉ" + ` !"#¤%&'()*+,-./` + "0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNO" + "PQRSTUVWXYZÄÖÑÜ§" + "¿abcdefghijklmno" + "pqrstuvwxyzäöñüà"
	defaultShift = "··········\f·····" + "····^···········" + "········{}·····\\" + "············[~]·" +
		"|···············" + "················" + "·····€··········" + "················"
	turkishLocking = "@£$¥€éùıòÇ\nĞğ\rÅå" + "Δ_ΦΓΛΩΠΨΣΘΞ·ŞşßÉ" + ` !"#¤%&'()*+,-./` + "0123456789:;<=>?" +
		"İABCDEFGHIJKLMNO" + "PQRSTUVWXYZÄÖÑÜ§" + "çabcdefghijklmno" + "pqrstuvwxyzäöñüà"
	turkishShift = "··········\f·····" + "····^···········" + "········{}·····\\" + "············[~]·" +
		"|······Ğ·İ······" + "···Ş············" + "···ç·€·ğ·ı······" + "···ş············"
	spanishShift = "·········ç\f·····" + "····^···········" + "········{}·····\\" + "············[~]·" +
		"|Á·······Í·····Ó" + "·····Ú··········" + "·á···€···í·····ó" + "·····ú··········"
	portugueseLocking = "@£$¥êéúíóç\nÔô\rÁá" + "Δ_ªÇÀ∞^\\€Ó|·ÂâÊÉ" + ` !"#º%&'()*+,-./` + "0123456789:;<=>?" +
		"ÍABCDEFGHIJKLMNO" + "PQRSTUVWXYZÃÕÚÜ§" + "~abcdefghijklmno" + "pqrstuvwxyzãõ`üà"
	portugueseShift = "·····ê···ç\fÔô·Áá" + "··ΦΓ^ΩΠΨΣΘ·····Ê" + "········{}·····\\" + "············[~]·" +
		"|À·······Í·····Ó" + "·····Ú·····ÃÕ···" + "·Â···€···í·····ó" + "·····ú·····ãõ··â"
)

func TestWholeTables(t *testing.T) {
	tests := []struct {
		name           string
		locking, shift byte
		lockingTable   string
		shiftTable     string
	}{
		{"default", 0, 0, defaultLocking, defaultShift},
		{"Turkish", 1, 1, turkishLocking, turkishShift},
		{"Spanish", 0, 2, defaultLocking, spanishShift},
		{"Portuguese", 3, 3, portugueseLocking, portugueseShift},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			locking, shift := []rune(tt.lockingTable), []rune(tt.shiftTable)
			for s := range byte(128) {
				if want := locking[s]; want != '·' {
					if got := read(t, tt.locking, tt.shift, s); got != string(want) {
						t.Errorf("0x%02X: got %q, want %q", s, got, want)
					}
				}
				want := shift[s]
				if want == '·' {
					want = locking[s] // 3GPP TS 23.038 6.2.1.1
				}
				if s == 0x0D || s == 0x1B { // control characters
					continue
				}
				if got := read(t, tt.locking, tt.shift, 0x1B, s); got != string(want) {
					t.Errorf("escape and 0x%02X: got %q, want %q", s, got, want)
				}
			}
		})
	}
}

// read returns the text of septets in these tables.
func read(t *testing.T, locking, shift byte, septets ...byte) string {
	t.Helper()
	var packed uint32 // one bit of fill brings seven octets of header to eight septets
	for i, s := range septets {
		packed |= uint32(s) << (7 * i)
	}
	tpdu := octets(t, fmt.Sprintf("41 00 05812143F5 00 00 %02X 062401%02X2501%02X %02X%02X",
		8+len(septets), shift, locking, byte(packed), byte(packed>>8)))
	s, err := sms.ParseSubmit(tpdu)
	if err != nil {
		t.Fatal(err)
	}
	return s.Text
}

func TestNationalTablesOnTheWire(t *testing.T) {
	n := strings.Repeat
	tests := []struct {
		name   string
		submit sms.Submit
		want   []string
	}{
		{"a lone segment with a single shift",
			sms.Submit{Text: n("ş", 77) + "x", Coding: sms.Coding{Languages: sms.Turkish}},
			[]string{"A0 03240101 D8" + n("CC37F3CD7C33DF", 19) + "CCF1"}},
		{"a lone segment with a locking shift",
			sms.Submit{Text: n("ş", 155), Coding: sms.Coding{Languages: sms.AllLanguages}},
			[]string{"A0 03250101 E8" + n("743A9D4EA7D3E9", 19) + "743A"}},
		{"two segments with a single shift",
			sms.Submit{Text: n("ş", 74) + n("x", 150), Ref: 0x1257, Coding: sms.Coding{Languages: sms.Turkish}},
			[]string{
				"A0 080003570201240101 60" + n("33DFCC37F3CD7C", 18) + "33DFCCF1",
				"A0 080003570202240101 00" + n("8FC7E3F1783C1E", 18) + "8FC7E3F1",
			}},
		{"two segments with a single shift and a 16-bit reference",
			sms.Submit{Text: n("ş", 74) + n("x", 148), Ref: 0x1234, Coding: sms.Coding{Languages: sms.Turkish, WideRef: true}},
			[]string{
				"A0 09080412340201240101 B0" + n("996FE69BF966BE", 18) + "996FE6",
				"A0 09080412340202240101 80" + n("C7E3F1783C1E8F", 18) + "C7E3F1",
			}},
		{"two segments with both",
			sms.Submit{Text: n("हि", 72) + "१" + n("हि", 10), Ref: 0x57, Coding: sms.Coding{Languages: sms.Hindi}},
			[]string{
				"A0 0B0003570201240106250106 34" + n("A3CD6833DA8C36", 17) + "A3CD6833DA8C6E3A",
				"22 0B0003570202240106250106 34A3CD6833DA8C36A3CD6833DA8C36A3CD28",
			}},
		{"two segments with a 16-bit reference",
			sms.Submit{Text: n("x", 161), Ref: 0x1234, Coding: sms.Coding{WideRef: true}},
			[]string{
				"A0 06080412340201 " + n("783C1E8FC7E3F1", 19),
				"11 06080412340202 783C1E8FC7E3F178",
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.submit.To = "12345"
			got, err := tt.submit.TPDUs()
			if err != nil || len(got) != len(tt.want) {
				t.Fatalf("got %d TPDUs, %v, want %d", len(got), err, len(tt.want))
			}
			for i := range got {
				if want := octets(t, "41 00 05812143F5 00 00"+tt.want[i]); string(got[i]) != string(want) {
					t.Errorf("segment %d:\n got %X\nwant %X", i+1, got[i], want)
				}
			}
		})
	}
}
