package sms_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"omsbox/modem/sms"
)

const (
	from = "0B 91 5155214365F7 " // +15551234567
	scts = "62111222132304 "     // 2026-11-21 22:31:32 +10:00
)

func TestParseDeliver(t *testing.T) {
	plus10 := time.FixedZone("", 10*60*60)
	at := time.Date(2026, 11, 21, 22, 31, 32, 0, plus10)
	who := sms.Deliver{From: "+15551234567", SCTS: at, Class: -1}
	with := func(change func(*sms.Deliver)) sms.Deliver {
		d := who
		change(&d)
		return d
	}
	tests := []struct {
		name, tpdu string
		want       sms.Deliver
	}{
		{"an example known everywhere", "04 0BC87238880900F1 00 00 99309251619580 0A E8329BFD4697D9EC37",
			sms.Deliver{From: "27838890001", SCTS: time.Date(1999, 3, 29, 15, 16, 59, 0, time.FixedZone("", 2*60*60)), Class: -1, Text: "hellohello"}},
		{"another one", "04 0B911346610089F6 00 00 20806291731408 0C C8F71D14969741F977FD07",
			sms.Deliver{From: "+31641600986", SCTS: time.Date(2002, 8, 26, 19, 37, 41, 0, time.UTC), Class: -1, Text: "How are you?"}},
		{"a zone west of Greenwich", "04" + from + "00 00 6211122213238A 00",
			with(func(d *sms.Deliver) { d.SCTS = time.Date(2026, 11, 21, 22, 31, 32, 0, time.FixedZone("", -7*60*60)) })},
		{"an alphanumeric sender", "04 0BD0C7F7FBCC2E03 00 00" + scts + "01 35",
			with(func(d *sms.Deliver) { d.From, d.Text = "Google", "5" })},
		{"an alphanumeric sender of 11 characters", "04 14D041E19058341E9149E512 00 00" + scts + "01 35",
			with(func(d *sms.Deliver) { d.From, d.Text = "ABCDEFGHIJK", "5" })},
		{"an alphanumeric sender with umlauts", "04 06D05B2E00 00 00" + scts + "01 35",
			with(func(d *sms.Deliver) { d.From, d.Text = "ÄÖ@", "5" })},
		{"no sender", "04 0081 00 00" + scts + "01 35",
			with(func(d *sms.Deliver) { d.From, d.Text = "", "5" })},
		{"an odd number without fill", "04 05812143 05 00 00" + scts + "01 35",
			with(func(d *sms.Deliver) { d.From, d.Text = "12345", "5" })},
		{"the extension table", "04" + from + "00 00" + scts + "03 B54D19",
			with(func(d *sms.Deliver) { d.Text = "5€" })},
		{"a flash message in UTF-16", "04" + from + "00 18" + scts + "04 D83DDE00",
			with(func(d *sms.Deliver) { d.DCS, d.Class, d.Text = 0x18, 0, "😀" })},
		{"a part, 8-bit reference", "44" + from + "00 00" + scts + "0F 050003570202 F0783C1E8FC7E3F1",
			with(func(d *sms.Deliver) { d.Text, d.Concat = "xxxxxxxx", sms.Concat{Ref: 0x57, Total: 2, Seq: 2} })},
		{"a part, 16-bit reference", "44" + from + "00 08" + scts + "09 06080412340302 044F",
			with(func(d *sms.Deliver) {
				d.DCS, d.Text, d.Concat = 8, "я", sms.Concat{Ref: 0x1234, Total: 3, Seq: 2, Wide: true}
			})},
		{"a part that cannot be, part 3 of 2, is a message", "44" + from + "00 08" + scts + "08 050003570203 044F",
			with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "я" })},
		{"a WAP push", "44" + from + "00 04" + scts + "0E 0B05040B8423F0000321030 1 0601",
			with(func(d *sms.Deliver) {
				d.DCS, d.Data, d.Port, d.Concat = 4, []byte{6, 1}, sms.Port{Dest: 2948, Source: 9200}, sms.Concat{Ref: 0x21, Total: 3, Seq: 1}
			})},
		{"8-bit ports", "44" + from + "00 04" + scts + "06 040402F0F1 09",
			with(func(d *sms.Deliver) { d.DCS, d.Data, d.Port = 4, []byte{9}, sms.Port{Dest: 0xF0, Source: 0xF1} })},
		{"empty data is data", "04" + from + "00 04" + scts + "00",
			with(func(d *sms.Deliver) { d.DCS, d.Data = 4, []byte{} })},
		{"Turkish single shift", "44" + from + "00 00" + scts + "08 03240101 086FCE",
			with(func(d *sms.Deliver) { d.Text = "ağ" })},
		{"Turkish locking shift", "44" + from + "00 00" + scts + "09 03250101 601C3A60",
			with(func(d *sms.Deliver) { d.Text = "ğışç" })},
		{"an unknown language is the default alphabet", "44" + from + "00 00" + scts + "06 032501C8 A803",
			with(func(d *sms.Deliver) { d.Text = "u" })},
		{"voice mail waiting, by TP-DCS", "04" + from + "00 C8" + scts + "00",
			with(func(d *sms.Deliver) {
				d.DCS, d.Waiting = 0xC8, sms.Waiting{Indicated: true, Active: true, Discard: true}
			})},
		{"no more e-mail, UCS2, to be kept", "04" + from + "00 E2" + scts + "02 044F",
			with(func(d *sms.Deliver) { d.DCS, d.Text, d.Waiting = 0xE2, "я", sms.Waiting{Indicated: true, Kind: 2} })},
		{"two faxes, by header", "44" + from + "00 00" + scts + "05 04 01028102",
			with(func(d *sms.Deliver) { d.Waiting = sms.Waiting{Indicated: true, Active: true, Kind: 1, Count: 2} })},
		{"no fax, but voice mail, by header", "44" + from + "00 00" + scts + "0A 08 01028003 01028100",
			with(func(d *sms.Deliver) { d.Waiting = sms.Waiting{Indicated: true, Active: true, Count: 3} })},
		{"voice mail by both, kept if one of them wants it", "44" + from + "00 D8" + scts + "07 04 01020005 D400",
			with(func(d *sms.Deliver) {
				d.DCS, d.Text, d.Waiting = 0xD8, "5", sms.Waiting{Indicated: true, Active: true, Count: 5}
			})},

		// Where others give up.
		{"a reserved TP-DCS is the default alphabet", "04" + from + "00 84" + scts + "01 35",
			with(func(d *sms.Deliver) { d.DCS, d.Text = 0x84, "5" })},
		{"half a UTF-16 unit is dropped", "04" + from + "00 08" + scts + "03 044F04",
			with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "я" })},
		{"half a surrogate pair is U+FFFD", "04" + from + "00 08" + scts + "06 0041D83D0042",
			with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "A\uFFFDB" })},
		{"a date that is none", "04" + from + "00 00 FFFFFFFFFFFFFF 01 35",
			with(func(d *sms.Deliver) { d.SCTS, d.Text = time.Time{}, "5" })},
		{"a thirteenth month", "04" + from + "00 00 62311222132304 01 35",
			with(func(d *sms.Deliver) { d.SCTS, d.Text = time.Time{}, "5" })},
		{"a zone that is none", "04" + from + "00 00 621112221323F4 01 35",
			with(func(d *sms.Deliver) { d.SCTS, d.Text = time.Date(2026, 11, 21, 22, 31, 32, 0, time.UTC), "5" })},
		{"an escape without a character in a sender", "04 04D0B50D 00 00" + scts + "01 35",
			with(func(d *sms.Deliver) { d.From, d.Text = "5 ", "5" })},
		{"a header longer than all is text", "44" + from + "00 08" + scts + "02 0441",
			with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "с" })},
		{"a header element longer than its header", "44" + from + "00 08" + scts + "06 030003 57 0041",
			with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "A" })},
		{"more octets than the length says", "04" + from + "00 00" + scts + "01 35 FFFF",
			with(func(d *sms.Deliver) { d.Text = "5" })},
		{"the reserved message type", "07" + from + "00 00" + scts + "01 35",
			with(func(d *sms.Deliver) { d.Text = "5" })},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := sms.ParseDeliver(octets(t, tt.tpdu))
			if err != nil {
				t.Fatal(err)
			}
			if g, w := fmt.Sprintf("%q %+v", got.Text, got), fmt.Sprintf("%q %+v", tt.want.Text, tt.want); g != w {
				t.Errorf("\n got %s\nwant %s", g, w)
			}
		})
	}
}

func TestTruncatedIsAnError(t *testing.T) {
	whole := octets(t, "44"+from+"00 00"+scts+"0F 050003570202 F0783C1E8FC7E3F1")
	for n := range whole {
		if got, err := sms.ParseDeliver(whole[:n]); !errors.Is(err, sms.ErrTruncated) {
			t.Errorf("first %d octets: got %+v, %v", n, got, err)
		}
	}
	if _, err := sms.ParseDeliver(whole); err != nil {
		t.Error(err)
	}
}

func TestMessageType(t *testing.T) {
	for first, want := range map[byte]sms.MTI{
		0x04: sms.MTIDeliver, 0x44: sms.MTIDeliver, 0x07: sms.MTIDeliver,
		0x01: sms.MTISubmitReport, 0x06: sms.MTIStatusReport,
	} {
		if got, err := sms.MessageType([]byte{first}); got != want || err != nil {
			t.Errorf("0x%02X: got %d, %v, want %d", first, got, err, want)
		}
	}
	if _, err := sms.MessageType(nil); err == nil {
		t.Error("an empty TPDU has a type")
	}
	if _, err := sms.ParseDeliver(octets(t, "06"+from+"00 00"+scts+"01 35")); err == nil {
		t.Error("a SMS-STATUS-REPORT was taken for a SMS-DELIVER")
	}
}

func TestJoinMendsWhatTheSenderSplit(t *testing.T) {
	part := func(dcs string, seq int, ud string) []byte {
		return octets(t, fmt.Sprintf("44 %s 00 %s %s %02X 0500030102%02X %s",
			from, dcs, scts, 6+len(strings.ReplaceAll(ud, " ", ""))/2, seq, ud))
	}
	gsm7 := func(seq, udl int, ud string) []byte {
		return octets(t, fmt.Sprintf("44 %s 00 00 %s %02X 0500030102%02X %s", from, scts, udl, seq, ud))
	}
	tests := []struct {
		name  string
		parts [][]byte
		want  string
	}{
		{"a surrogate pair", [][]byte{part("08", 1, "0041 D83D"), part("08", 2, "DE00 0042")}, "A😀B"},
		{"a UTF-16 unit", [][]byte{part("08", 1, "0041 04"), part("08", 2, "4F 0042")}, "AяB"},
		{"an escape pair", [][]byte{gsm7(1, 7+1, "36"), gsm7(2, 7+1, "CA")}, "€"},
		{"two alphabets", [][]byte{part("08", 1, "044F"), gsm7(2, 7+1, "6A")}, "я5"},
		{"none", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := sms.Join(tt.parts); got != tt.want || err != nil {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
	if _, err := sms.Join([][]byte{part("08", 1, "0041"), {0x44}}); err == nil {
		t.Error("a truncated segment joined")
	}
}

func TestDeliverRoundTrip(t *testing.T) {
	at := time.Date(2026, 11, 21, 22, 31, 32, 0, time.FixedZone("", -(3*60+30)*60))
	for _, text := range []string{"", "hi", strings.Repeat("€uro {[|]} ", 60), strings.Repeat("я😀", 200)} {
		for _, from := range []string{"+15551234567", "12345", "Bank@ÄÖ"} {
			tpdus, err := sms.Deliver{From: from, SCTS: at, Text: text}.TPDUs(9)
			if err != nil {
				t.Fatal(err)
			}
			if len(tpdus) != (sms.Coding{}).Segments(text) {
				t.Errorf("got %d TPDUs, Segments says %d", len(tpdus), sms.Coding{}.Segments(text))
			}
			for i, b := range tpdus {
				d, err := sms.ParseDeliver(b)
				if err != nil {
					t.Fatal(err)
				}
				if d.From != from || !d.SCTS.Equal(at) {
					t.Errorf("got from %q at %v, want %q at %v", d.From, d.SCTS, from, at)
				}
				if len(tpdus) > 1 && d.Concat != (sms.Concat{Ref: 9, Total: byte(len(tpdus)), Seq: byte(i + 1)}) {
					t.Errorf("segment %d: got %+v", i+1, d.Concat)
				}
			}
			if got, err := sms.Join(tpdus); got != text || err != nil {
				t.Errorf("got %q, %v, want %q", got, err, text)
			}
		}
	}
}

func TestDeliverDataToAPort(t *testing.T) {
	data := []byte(strings.Repeat("\x00\xff\x1b", 100))
	port := sms.Port{Dest: 2948, Source: 9200}
	tpdus, err := sms.Deliver{From: "12345", SCTS: time.Unix(0, 0).UTC(), Data: data, Port: port}.TPDUs(7)
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	for _, b := range tpdus {
		d, err := sms.ParseDeliver(b)
		if err != nil || d.Port != port || d.Text != "" || len(d.Data) > 128 {
			t.Fatalf("got %+v, %v", d, err)
		}
		got = append(got, d.Data...)
	}
	if string(got) != string(data) || len(tpdus) != 3 {
		t.Errorf("got %d octets in %d segments", len(got), len(tpdus))
	}
}

func TestSenderThatCannotBe(t *testing.T) {
	for _, from := range []string{"", "TwelveLetter", "Ивана", "a\x1bb"} {
		if _, err := (sms.Deliver{From: from}).TPDUs(0); err == nil {
			t.Errorf("%q sent a text", from)
		}
	}
}

// The library builds its tables on first use without a lock, which the race
// detector sees if we let it.
func TestDecodingAtTheSameTime(t *testing.T) {
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for language := range 15 {
				b := octets(t, fmt.Sprintf("44 %s 00 00 %s 0B 062401%02X2501%02X 601C3A", from, scts, language, language))
				if _, err := sms.ParseDeliver(b); err != nil {
					t.Error(err)
				}
				if _, err := (sms.Submit{To: "12345", Text: "hi €"}).TPDUs(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func TestWhatIsWaitingInWords(t *testing.T) {
	for want, w := range map[string]sms.Waiting{
		"":                                       {},
		"voice messages are waiting":             {Indicated: true, Active: true},
		"1 voice message is waiting":             {Indicated: true, Active: true, Count: 1},
		"3 e-mails are waiting":                  {Indicated: true, Active: true, Count: 3, Kind: 2},
		"255 or more faxes are waiting":          {Indicated: true, Active: true, Count: 255, Kind: 1},
		"2 messages of another kind are waiting": {Indicated: true, Active: true, Count: 2, Kind: 3},
	} {
		if got := w.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := (sms.Waiting{Indicated: true, Kind: 1}).String(); got != "" {
		t.Errorf("where nothing waits it says %q", got)
	}
}
