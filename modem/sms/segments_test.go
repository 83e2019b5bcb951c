package sms_test

import (
	"strings"
	"testing"

	"omsbox/modem/sms"
)

func TestSegments(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	я := func(n int) string { return strings.Repeat("я", n) }
	tests := []struct {
		name string
		text string
		want int
	}{
		{"empty text takes one", "", 1},
		{"160 septets fit", x(160), 1},
		{"161 do not", x(161), 2},
		{"an extension character takes two septets", x(158) + "€", 1},
		{"so 159 and one are too many", x(159) + "€", 2},
		{"two full segments", x(306), 2},
		{"and one more character", x(307), 3},
		{"an escape pair on the border moves on", x(152) + "€" + x(152), 3},
		{"an escape pair before the border stays", x(151) + "€" + x(153), 2},
		{"70 UTF-16 units fit", я(70), 1},
		{"71 do not", я(71), 2},
		{"two full segments of UTF-16", я(134), 2},
		{"and one more unit", я(135), 3},
		{"a surrogate pair takes two units", я(68) + "😀", 1},
		{"so 69 and one are too many", я(69) + "😀", 2},
		{"a surrogate pair on the border moves on", я(66) + "😀" + я(66), 3},
		{"a surrogate pair before the border stays", я(65) + "😀" + я(67), 2},
		{"one character outside GSM-7 makes all UTF-16", x(70) + "ç", 2},
		{"U+001B is not in GSM-7, though its septet is", x(70) + "\x1b", 2},
		{"a byte order mark does not make all UTF-16", "\uFEFF" + x(160), 1},
		{"nor does U+0000", x(160) + "\x00", 1},
		{"invalid UTF-8 is U+FFFD", x(69) + "\xff", 1},
		{"the limit", x(255 * 153), 255},
		{"beyond the limit", x(255*153 + 1), 256},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := (sms.Coding{}).Segments(tt.text); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

func TestPairsAreNeverSplit(t *testing.T) {
	for _, pair := range []string{"€", "😀"} {
		for n := range 160 {
			text := strings.Repeat("x", n) + strings.Repeat(pair, 100)
			tpdus, err := sms.Submit{To: "+15551234567", Text: text}.TPDUs()
			if err != nil {
				t.Fatal(err)
			}
			var joined strings.Builder // of segments decoded one by one
			for _, b := range tpdus {
				s, err := sms.ParseSubmit(b)
				if err != nil {
					t.Fatal(err)
				}
				joined.WriteString(s.Text)
			}
			if got := joined.String(); got != text {
				t.Fatalf("%d characters before %s: got %q, want %q", n, pair, got, text)
			}
		}
	}
}
