package sms_test

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"omsbox/modem/sms"
)

func octets(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The hexadecimal on the right is no output of this package: it is from the
// examples of other programs, or was packed by hand after the specification.
func TestSubmitOnTheWire(t *testing.T) {
	tests := []struct {
		name   string
		submit sms.Submit
		want   []string
	}{
		{"GSM-7 to an international number",
			sms.Submit{To: "+46708251358", Text: "hellohello"},
			[]string{"01 00 0B916407281553F8 00 00 0A E8329BFD4697D9EC37"}},
		{"with a report wanted",
			sms.Submit{To: "+46708251358", Text: "hellohello", Report: true},
			[]string{"21 00 0B916407281553F8 00 00 0A E8329BFD4697D9EC37"}},
		{"a short code is not international",
			sms.Submit{To: "12345", Text: "hellohello"},
			[]string{"01 00 05812143F5 00 00 0A E8329BFD4697D9EC37"}},
		{"nor is a national number",
			sms.Submit{To: "0701234567", Text: "hellohello"},
			[]string{"01 00 0A817010325476 00 00 0A E8329BFD4697D9EC37"}},
		{"a number with star and hash",
			sms.Submit{To: "*100#", Text: ""},
			[]string{"01 00 05811A00FB 00 00 00"}},
		{"the extension table",
			sms.Submit{To: "12345", Text: "5€"},
			[]string{"01 00 05812143F5 00 00 03 B54D19"}},
		{"UTF-16 with a surrogate pair",
			sms.Submit{To: "+491701234567", Text: "Grüße 😀"},
			// ü and ß are in GSM-7, the emoji is not
			[]string{"01 00 0C91947110325476 00 08 10 0047007200FC00DF00650020D83DDE00"}},
		{"concatenated GSM-7 starts at a septet boundary",
			sms.Submit{To: "12345", Text: strings.Repeat("x", 161), Ref: 0x57},
			[]string{
				"41 00 05812143F5 00 00 A0 050003570201 " + "F0" + strings.Repeat("783C1E8FC7E3F1", 19),
				"41 00 05812143F5 00 00 0F 050003570202 F0783C1E8FC7E301",
			}},
		{"concatenated UTF-16",
			sms.Submit{To: "12345", Text: strings.Repeat("я", 71), Ref: 0x57, Report: true},
			[]string{
				"61 00 05812143F5 00 08 8C 050003570201 " + strings.Repeat("044F", 67),
				"61 00 05812143F5 00 08 0E 050003570202 " + strings.Repeat("044F", 4),
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.submit.TPDUs()
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(tt.want) || len(got) != tt.submit.Coding.Segments(tt.submit.Text) {
				t.Fatalf("got %d TPDUs, want %d, Segments says %d", len(got), len(tt.want), tt.submit.Coding.Segments(tt.submit.Text))
			}
			for i := range got {
				if want := octets(t, tt.want[i]); string(got[i]) != string(want) {
					t.Errorf("segment %d:\n got %X\nwant %X", i+1, got[i], want)
				}
			}
		})
	}
}

func TestSubmitThatCannotBeSent(t *testing.T) {
	tests := []struct{ name, to, text string }{
		{"no number", "", "hi"},
		{"only a plus", "+", "hi"},
		{"a name", "Google", "hi"},
		{"blanks", "+1 555 1234567", "hi"},
		{"more digits than an address holds", "+123456789012345678901", "hi"},
		{"hash in an international number", "+1555#", "hi"},
		{"a second plus", "++15551234567", "hi"},
		{"star in an international number", "+1555*", "hi"},
		{"more digits than an address holds, of a short code", "123456789012345678901", "hi"},
		{"more than 255 segments", "+15551234567", strings.Repeat("x", 255*153+1)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := (sms.Submit{To: tt.to, Text: tt.text}).TPDUs(); err == nil {
				t.Errorf("got %d TPDUs, want an error", len(got))
			}
		})
	}
}

func TestSubmitOfTheMostSegments(t *testing.T) {
	tpdus, err := sms.Submit{To: "+12345678901234567890", Text: strings.Repeat("x", 255*153)}.TPDUs() // 20 digits, the most
	if err != nil || len(tpdus) != 255 {
		t.Fatalf("got %d TPDUs, %v", len(tpdus), err)
	}
	last, err := sms.ParseSubmit(tpdus[254])
	if want := (sms.Concat{Total: 255, Seq: 255}); last.Concat != want || last.To != "+12345678901234567890" || err != nil {
		t.Errorf("got %+v, %v", last, err)
	}
}

func TestParseSubmit(t *testing.T) {
	tests := []struct {
		name, tpdu string
		want       sms.Segment
	}{
		{"a relative validity period", "11 00 0B916407281553F8 00 00 AA 0A E8329BFD4697D9EC37",
			sms.Segment{To: "+46708251358", Validity: 96 * time.Hour, Class: -1, Text: "hellohello"}},
		{"an absolute validity period", "39 07 0B916407281553F8 00 00 99309251619580 0A E8329BFD4697D9EC37",
			sms.Segment{MR: 7, To: "+46708251358", Report: true, Class: -1, Text: "hellohello"}},
		{"an enhanced validity period", "09 00 0B916407281553F8 41 00 01FF0000000000 0A E8329BFD4697D9EC37",
			sms.Segment{To: "+46708251358", PID: 0x41, Class: -1, Text: "hellohello"}},
		{"a part of a flash message", "41 FF 05812143F5 00 10 0F 050003570202 F0783C1E8FC7E301",
			sms.Segment{MR: 255, To: "12345", DCS: 0x10, Text: "xxxxxxxx", Concat: sms.Concat{Ref: 0x57, Total: 2, Seq: 2}}},
		{"data to a port", "41 00 05812143F5 00 04 09 0605040B8423F0 0102",
			sms.Segment{To: "12345", DCS: 4, Class: -1, Data: []byte{1, 2}, Port: sms.Port{Dest: 2948, Source: 9200}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := sms.ParseSubmit(octets(t, tt.tpdu))
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, tt.want)
		})
	}
	if got, err := sms.ParseSubmit(octets(t, "04"+from+"00 00"+scts+"01 35")); err == nil {
		t.Errorf("a SMS-DELIVER was taken for %+v", got)
	}
}
