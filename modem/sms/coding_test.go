package sms_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"omsbox/modem/sms"
)

func TestSegmentsByCoding(t *testing.T) {
	n := strings.Repeat
	turkish, spanish, hindi := sms.Coding{Languages: sms.Turkish}, sms.Coding{Languages: sms.Spanish}, sms.Coding{Languages: sms.Hindi}
	wide := func(c sms.Coding) sms.Coding { c.WideRef = true; return c }
	tests := []struct {
		name   string
		coding sms.Coding
		text   string
		want   int
	}{
		{"a 16-bit reference changes nothing for a lone segment", wide(sms.Coding{}), n("x", 160), 1},
		{"152 septets beside a 16-bit reference", wide(sms.Coding{}), n("x", 2*152), 2},
		{"and no more", wide(sms.Coding{}), n("x", 2*152+1), 3},
		{"66 UTF-16 units beside it", wide(sms.Coding{}), n("я", 2*66), 2},
		{"and no more of these", wide(sms.Coding{}), n("я", 2*66+1), 3},
		{"a surrogate pair on that border moves on", wide(sms.Coding{}), n("я", 65) + "😀" + n("я", 65), 3},

		{"155 septets beside a single shift", spanish, "á" + n("x", 153), 1},
		{"156 do not fit", spanish, "á" + n("x", 154), 2},
		{"149 septets beside a single shift, concatenated", spanish, "á" + n("x", 2*149-2), 2},
		{"and no more", spanish, "á" + n("x", 2*149-1), 3},
		{"148 with a 16-bit reference", wide(spanish), "á" + n("x", 2*148-2), 2},
		{"and no more", wide(spanish), "á" + n("x", 2*148-1), 3},
		{"an escape on the border moves on", spanish, n("x", 148) + "á" + n("x", 148), 3},
		{"an escape before the border stays", spanish, n("x", 147) + "á" + n("x", 149), 2},

		{"155 septets of a locking shift", turkish, n("ğ", 155), 1},
		{"156 do not fit", turkish, n("ğ", 156), 2},
		{"149 septets of a locking shift, concatenated", turkish, n("ğ", 2*149), 2},
		{"and no more", turkish, n("ğ", 2*149+1), 3},
		{"148 with a 16-bit reference", wide(turkish), n("ğ", 2*148), 2},
		{"and no more", wide(turkish), n("ğ", 2*148+1), 3},

		{"152 septets beside both", hindi, "१" + n("ह", 150), 1},
		{"153 do not fit", hindi, "१" + n("ह", 151), 2},
		{"146 septets beside both, concatenated", hindi, "१" + n("ह", 2*146-2), 2},
		{"and no more", hindi, "१" + n("ह", 2*146-1), 3},
		{"145 with a 16-bit reference", wide(hindi), "१" + n("ह", 2*145-2), 2},
		{"and no more", wide(hindi), "१" + n("ह", 2*145-1), 3},

		{"a language that is not allowed does not help", spanish, n("ğ", 155), 3},
		{"nor does any language with an emoji", sms.Coding{Languages: sms.AllLanguages}, n("ğ", 140) + "😀", 3},
		{"of two languages the better one counts", sms.Coding{Languages: sms.Hindi | sms.Turkish}, n("ğ", 155), 1},
		{"euros are shorter in Turkish", turkish, n("€", 155), 1},
		{"the limit with a table", turkish, n("ğ", 255*149), 255},
		{"bits that are no language", sms.Coding{Languages: 1 | 1<<14 | 1<<15}, n("ğ", 71), 2},
		{"too long a text", sms.Coding{Languages: sms.AllLanguages, Plain: true}, n("ğ", 100_000), 1493},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.coding.Segments(tt.text); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

// A phone that does not know a table shows rubbish, so what more phones know is
// taken as long as it costs no segment.
func TestTheCommonestAlphabetThatDoes(t *testing.T) {
	n := strings.Repeat
	tests := []struct{ name, text, want string }{ // TP-DCS, TP-UDL and the header of the first segment
		{"the default alphabet if it has all", n("x", 160), "00 A0"},
		{"and if a table saves no segment", n("x", 130) + n("€", 15), "00 A0"},
		{"UTF-16 up to 70 units", n("ğ", 70), "08 8C"},
		{"a single shift above", n("ğ", 71), "00 93 03240101"},
		{"a locking shift if that saves a segment", n("ğ", 78), "00 53 03250101"},
		{"both if that saves one", n("ह", 90) + "१", "00 64 06240106250106"},
		{"of two languages the one of the lower identifier", n("Í", 71), "00 93 03240102"},
		{"UTF-16 if no table has all", n("ğ", 80) + "я", "08 8C 050003000201"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tpdus, err := sms.Submit{To: "12345", Text: tt.text, Coding: sms.Coding{Languages: sms.AllLanguages}}.TPDUs()
			if err != nil {
				t.Fatal(err)
			}
			want := octets(t, tt.want)
			if got := tpdus[0][8:][:len(want)]; string(got) != string(want) {
				t.Errorf("got %X, want %X", got, want)
			}
		})
	}
}

// send returns the segments of a text as the SMSC gets them, having seen to it
// that they are what they should be.
func send(t *testing.T, s sms.Submit) []sms.Segment {
	t.Helper()
	s.To = "+15551234567"
	tpdus, err := s.TPDUs()
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Coding.Segments(s.Text); got != len(tpdus) {
		t.Fatalf("%+v %q: got %d TPDUs, Segments says %d", s.Coding, s.Text, len(tpdus), got)
	}
	var list []sms.Segment
	var alone strings.Builder // each segment by itself: no escape, no pair is split
	for _, b := range tpdus {
		const beforeUD = 13
		if len(b)-beforeUD > 140 {
			t.Fatalf("%+v %q: %d octets of user data", s.Coding, s.Text, len(b)-beforeUD)
		}
		segment, err := sms.ParseSubmit(b)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, segment)
		alone.WriteString(segment.Text)
	}
	want := s.Coding.Text(s.Text)
	if got := alone.String(); got != want {
		t.Fatalf("%+v: got\n%q, want\n%q", s.Coding, got, want)
	}
	if got, err := sms.Join(tpdus); got != want || err != nil {
		t.Fatalf("%+v: joined got\n%q, %v, want\n%q", s.Coding, got, err, want)
	}
	return list
}

func TestAnyTextInAnyCoding(t *testing.T) {
	const latin = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCXYZÄÖÑÜ§¿abcxyzäöñüà\f^{}\\[~]|€"
	alphabets := []string{
		latin,
		latin + "ĞğİıŞşç",
		latin + "ÁÍÓÚáíóúç",
		latin + "êçÔôÁáÀÍÓÚÃÕÂíóúãõâÊªº∞`",
		"“don’t” – it’s 1½…\t•\u00A0\u00AD\r\n" + latin,
		"“ğı’–…" + latin,
		"я😀x\U0010FFFF",
		block(0x0600, 0x06FF), block(0x0900, 0x097F), block(0x0980, 0x09FF), block(0x0A00, 0x0A7F),
		block(0x0A80, 0x0AFF), block(0x0B00, 0x0B7F), block(0x0B80, 0x0BFF), block(0x0C00, 0x0C7F),
		block(0x0C80, 0x0CFF), block(0x0D00, 0x0D7F),
		"हिन्दी १२३ abc, xyz", "اردو ۱۲۳ abc", "ಕನ್ನಡ ೧೨೩ (abc)",
	}
	r := rand.New(rand.NewPCG(3, 38))
	for range 3000 {
		letters := []rune(alphabets[r.IntN(len(alphabets))])
		text := make([]rune, r.IntN(600))
		for i := range text {
			text[i] = letters[r.IntN(len(letters))]
		}
		s := sms.Submit{Text: string(text), Ref: uint16(r.Uint32()), Coding: sms.Coding{WideRef: r.IntN(2) == 0}}
		least := s.Coding.Segments(s.Text)
		s.Coding.Languages, s.Coding.Plain = sms.Languages(r.Uint32())&sms.AllLanguages, r.IntN(2) == 0
		if !s.Coding.Plain && s.Coding.Text(s.Text) != s.Text {
			t.Fatalf("%+v: %q became %q", s.Coding, s.Text, s.Coding.Text(s.Text))
		}
		list := send(t, s)
		if len(list) > least && !s.Coding.Plain { // plain text may grow, such as by (tm)
			t.Fatalf("%+v: %d segments, without options %d", s.Coding, len(list), least)
		}
		for i, segment := range list {
			want := sms.Concat{Ref: s.Ref, Total: byte(len(list)), Seq: byte(i + 1), Wide: s.Coding.WideRef}
			if !s.Coding.WideRef {
				want.Ref &= 0xFF
			}
			if len(list) == 1 {
				want = sms.Concat{}
			}
			if segment.Concat != want {
				t.Fatalf("got %+v, want %+v", segment.Concat, want)
			}
		}
	}
}

func block(first, last rune) string {
	var b strings.Builder
	for r := first; r <= last; r++ {
		b.WriteRune(r)
	}
	return b.String()
}

func TestDeliverInAnyCoding(t *testing.T) {
	text := strings.Repeat("Şişe, ağaç ve ığdır. ", 20)
	d := sms.Deliver{From: "+15551234567", SCTS: time.Unix(0, 0), Text: text, Port: sms.Port{Dest: 5000, Source: 1},
		Coding: sms.Coding{Languages: sms.Turkish, WideRef: true}}
	tpdus, err := d.TPDUs(0x1234)
	if err != nil {
		t.Fatal(err)
	}
	if len(tpdus) != 3 { // 420 septets, 140 beside 20 octets of header
		t.Errorf("got %d TPDUs", len(tpdus))
	}
	for i, b := range tpdus {
		got, err := sms.ParseDeliver(b)
		if want := (sms.Concat{Ref: 0x1234, Total: 3, Seq: byte(i + 1), Wide: true}); got.Concat != want || got.Port != d.Port || err != nil {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if got, err := sms.Join(tpdus); got != text || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestPlain(t *testing.T) {
	n := strings.Repeat
	tests := []struct{ name, text, want string }{
		{"Outlook's quotes, dashes and dots", "“Don’t – it’s ‘off’…”", "\"Don't - it's 'off'...\""},
		{"spaces of any kind", "5\u00A0000\u202F€\u2009a\tb", "5 000 € a b"},
		{"what cannot be seen", "\uFEFFsoft\u00ADly\u200B \u202A+44 20\u202C", "softly +44 20"},
		{"a vertical tab is Word's line break", "a\vb\u2028c", "a\nb\nc"},
		{"a list", "•\tone", "* one"},
		{"fractions stay numbers", "1½ or ¾", "1 1/2 or  3/4"},
		{"ligatures", "ﬁve oﬃces, ﬂat", "five offices, flat"},
		{"French quotes", "«Où?» ‹là›", "\"Où?\" 'là'"},
		{"autocorrected signs", "© ® ™ →", "(c) (r) (tm) ->"},
		{"what the alphabet has stays", "¡¿ß§€ ÄÖÜ ñ Δ", "¡¿ß§€ ÄÖÜ ñ Δ"},
		{"nothing is gained beside an emoji", "“no” 😀", "“no” 😀"},
		{"nor beside letters that are in no table", "“нет”…", "“нет”…"},
		{"nor is an accent taken away", "“façade”", "“façade”"},
		{"CR LF is LF", "a\r\nb", "a\nb"},
		{"in UTF-16 too", "я\r\nb", "я\nb"},
		{"a lone CR stays", "a\rb", "a\rb"},
		{"empty", "", ""},
	}
	plain := sms.Coding{Plain: true}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := plain.Text(tt.text); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			send(t, sms.Submit{Text: tt.text, Coding: plain})
			if got, want := (sms.Coding{}).Text(tt.text), strings.TrimPrefix(tt.text, "\uFEFF"); got != want {
				t.Errorf("not asked for: got %q, want %q", got, want)
			}
		})
	}

	if got := plain.Segments("“" + n("x", 158) + "”"); got != 1 {
		t.Errorf("quotes made %d segments of one", got)
	}
	turkish := sms.Coding{Languages: sms.Turkish, Plain: true}
	if got, want := turkish.Text("“"+n("ğ", 70)+"”"), "\""+n("ğ", 70)+"\""; got != want {
		t.Errorf("in Turkish: got %q, want %q", got, want)
	}
	if got, want := turkish.Text("“ğ”"), "“ğ”"; got != want { // fits UTF-16
		t.Errorf("in Turkish: got %q, want %q", got, want)
	}
}

func TestLanguages(t *testing.T) {
	for s, want := range map[string]sms.Languages{
		"": 0, "turkish": sms.Turkish, "Spanish, Turkish": sms.Turkish | sms.Spanish, "urdu portuguese": sms.Portuguese | sms.Urdu,
		"all": sms.AllLanguages,
	} {
		got, err := sms.ParseLanguages(s)
		if got != want || err != nil {
			t.Errorf("%q: got %v, %v, want %v", s, got, err, want)
		}
		if again, err := sms.ParseLanguages(got.String()); again != want || err != nil {
			t.Errorf("%q: got %v, %v, want %v", got.String(), again, err, want)
		}
	}
	if got, err := sms.ParseLanguages("turkish klingon default"); err == nil {
		t.Errorf("got %v", got)
	}
	if got, err := sms.ParseLanguages("default"); err == nil {
		t.Errorf("the default alphabet is a language: %v", got)
	}
	// In the order of their identifiers, from 1. 3GPP TS 23.038 6.2.1.2.4
	const all = "turkish spanish portuguese bengali gujarati hindi kannada malayalam oriya punjabi tamil telugu urdu"
	if got := sms.AllLanguages.String(); got != all {
		t.Errorf("got %s, want %s", got, all)
	}
	if got := sms.Languages(1 | 1<<14 | 1<<15).String(); got != "" {
		t.Errorf("bits that are no language are %s", got)
	}
	for id, name := range strings.Fields(all) {
		if got := sms.Languages(2 << id).String(); got != name {
			t.Errorf("the language %d is %s, want %s", id+1, got, name)
		}
	}
}

// It runs at every key that is pressed.
func BenchmarkSegments(b *testing.B) {
	n := func(s string) string { return string([]rune(strings.Repeat(s, 1000))[:1000]) }
	all := sms.Coding{Languages: sms.AllLanguages, Plain: true}
	for _, bb := range []struct {
		name   string
		coding sms.Coding
		text   string
	}{
		{"GSM-7", sms.Coding{}, n("The quick brown fox. ")},
		{"UTF-16", sms.Coding{}, n("Съешь ещё этих булок. ")},
		{"all languages, none needed", all, n("The quick brown fox. ")},
		{"all languages, Turkish", all, n("“Ağaçlı yolda” ışık… ")},
		{"all languages, Hindi", all, n("हिन्दी में १२३ अक्षर। ")},
		{"all languages, none fits", all, n("The quick brown fox. ")[:999] + "я"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bb.coding.Segments(bb.text)
			}
		})
	}
}
