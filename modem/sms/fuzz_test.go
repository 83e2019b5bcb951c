package sms_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"omsbox/modem/sms"
)

func FuzzTextSurvivesTheWay(f *testing.F) {
	for _, text := range []string{"", "hi", "5€", "a\x1bb", "\xff\xfe", "я😀", "\r\n\f@", "\uFEFFa\x00б", "\uFFFEб", "“it’s”…\u00AD",
		strings.Repeat("ğ", 156), strings.Repeat("हि१", 90)} {
		f.Add(text, uint16(7), uint16(0), false, false)
		f.Add(text, uint16(0x1234), uint16(sms.AllLanguages), true, true)
	}
	f.Fuzz(func(t *testing.T, text string, ref, languages uint16, wide, plain bool) {
		coding := sms.Coding{Languages: sms.Languages(languages), WideRef: wide, Plain: plain}
		want := coding.Text(text)
		clean := strings.NewReplacer("\x00", "", "\uFEFF", "", "\uFFFE", "\uFFFD")
		if !plain && want != clean.Replace(string([]rune(text))) { // what cannot be text is sent as U+FFFD
			t.Fatalf("%q became %q", text, want)
		}
		submit, err := sms.Submit{To: "+15551234567", Text: text, Ref: ref, Coding: coding}.TPDUs()
		if coding.Segments(text) > sms.MaxSegments {
			if err == nil {
				t.Fatal("too long a text became TPDUs")
			}
			return
		}
		deliver, err2 := sms.Deliver{From: "+15551234567", Text: text, SCTS: time.Unix(0, 0), Coding: coding}.TPDUs(ref)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		for _, tpdus := range [][][]byte{submit, deliver} {
			if len(tpdus) != coding.Segments(text) {
				t.Fatalf("got %d TPDUs, Segments says %d", len(tpdus), coding.Segments(text))
			}
			if got, err := sms.Join(tpdus); got != want || err != nil {
				t.Fatalf("got %q, %v, want %q", got, err, want)
			}
			for _, b := range tpdus {
				if len(b) > 164 {
					t.Fatalf("a TPDU of %d octets", len(b))
				}
			}
		}
	})
}

func FuzzParseDeliver(f *testing.F) {
	f.Add([]byte("\x04\x0B\x91\x64\x07\x28\x15\x53\xf8\x00\x00\x99\x30\x92\x51\x61\x95\x80\x0A\xE8\x32\x9B\xFD\x46\x97\xD9\xEC\x37"))
	const head = "\x99\x30\x92\x51\x61\x95\x80" // TP-SCTS, then TP-UDL
	f.Add([]byte("\x44\x04\xD0\x1B\x0D\x00\x08" + head + "\x08\x05\x00\x03\x57\x02\x01\xD8\x3D"))
	for _, dcs := range []string{"\x00", "\x04", "\x08"} {
		for _, udhl := range []string{"\x03", "\x04", "\x05", "\x06"} { // of four octets behind it
			f.Add([]byte("\x44\x05\x81\x21\x43\xF5\x00" + dcs + head + "\x05" + udhl + "\x70\x02\x41\x42"))
			f.Add([]byte("\x44\x05\x81\x21\x43\xF5\x00" + dcs + head + "\x20" + udhl + "\x70\x02\x41\x42")) // cut short
		}
	}
	f.Add([]byte("\x44\x05\x81\x21\x43\xF5\x00\x08" + head + "\x0C\x07\x22\x05\x08\x91\x21\x43\x65\xFF\xFE\x41\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := sms.ParseDeliver(b)
		text, joinErr := sms.Join([][]byte{b, b})
		if mti, _ := sms.MessageType(b); mti == sms.MTIDeliver && (err == nil) != (joinErr == nil) {
			t.Fatalf("ParseDeliver says %v, Join %v", err, joinErr)
		}
		if !utf8.ValidString(d.Text) || !utf8.ValidString(d.From) || !utf8.ValidString(d.ReplyTo) || !utf8.ValidString(text) {
			t.Fatalf("invalid UTF-8 in %q from %q", d.Text, d.From)
		}
		if d.Text != "" && d.Data != nil {
			t.Fatal("both text and data")
		}
	})
}

func FuzzOctets(f *testing.F) {
	f.Add([]byte("Gr\xFC\xDFe"))
	f.Add([]byte("\xEF\xBB\xBFGrüße\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if text, ok := sms.Octets(b); ok && (!utf8.ValidString(text) || text == "" || strings.ContainsAny(text, "\x00\x1b\uFFFD")) {
			t.Fatalf("%X became %q", b, text)
		}
	})
}

func FuzzParseSubmit(f *testing.F) {
	f.Add([]byte("\x11\x00\x0B\x91\x64\x07\x28\x15\x53\xF8\x00\x00\xAA\x0A\xE8\x32\x9B\xFD\x46\x97\xD9\xEC\x37"))
	for _, dcs := range []string{"\x00", "\x04", "\x08"} {
		for _, udhl := range []string{"\x03", "\x04", "\x05", "\x06"} { // of four octets behind it
			f.Add([]byte("\x51\x00\x05\x81\x21\x43\xF5\x00" + dcs + "\xAA\x05" + udhl + "\x70\x02\x41\x42"))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, _ := sms.ParseSubmit(b); !utf8.ValidString(s.Text) || !utf8.ValidString(s.To) {
			t.Fatalf("invalid UTF-8 in %q to %q", s.Text, s.To)
		}
	})
}

func FuzzParseStatusReport(f *testing.F) {
	f.Add([]byte("\x06\x2A\x0B\x91\x51\x55\x21\x43\x65\xF7\x62\x11\x12\x22\x13\x23\x00\x62\x11\x12\x22\x13\x43\x00\x46"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := sms.ParseStatusReport(b)
		if err == nil && (r.Reason() == "" || r.Outcome().String() == "") {
			t.Fatalf("status 0x%02X means nothing", r.Status)
		}
	})
}

func FuzzSplitPDU(f *testing.F) {
	f.Add("07917283010010F5040B")
	f.Add("00")
	f.Fuzz(func(t *testing.T, pdu string) {
		smsc, tpdu, err := sms.SplitPDU(pdu)
		if err != nil {
			return
		}
		if _, again, err := sms.SplitPDU(sms.JoinPDU(smsc, tpdu)); string(again) != string(tpdu) || err != nil {
			t.Fatalf("got %X, %v, want %X", again, err, tpdu)
		}
	})
}
