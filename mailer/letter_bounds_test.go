package mailer

import (
	"strings"
	"testing"
	"time"

	"omsbox/store"
)

// A header line with an encoded-word has at most 76 characters, and is as full as can be: RFC 2047 2.
func TestHowLongHeaderLinesAre(t *testing.T) {
	t.Parallel()
	x := func(n int) string { return strings.Repeat("x", n) }
	for _, c := range []struct{ name, display, address, want string }{
		{"plain", x(67), "", "Subject: " + x(67) + "\r\n"},
		{"too long to be plain", x(68), "", "Subject: =?utf-8?q?" + x(55) + "?=\r\n =?utf-8?q?" + x(13) + "?=\r\n"},
		{"three lines", x(118) + "y", "", "Subject: =?utf-8?q?" + x(55) + "?=\r\n =?utf-8?q?" + x(63) + "?=\r\n =?utf-8?q?y?=\r\n"},
		{"a character is never split", x(50) + "ü", "", "Subject: =?utf-8?q?" + x(50) + "?=\r\n =?utf-8?q?=C3=BC?=\r\n"},
		{"a character that fits", x(49) + "ü", "", "Subject: =?utf-8?q?" + x(49) + "=C3=BC?=\r\n"},
		{"signs", "ü aZ09!*+-/_.=", "", "Subject: =?utf-8?q?=C3=BC_aZ09!*+-/=5F=2E=3D?=\r\n"},
		{"an address on the same line", x(55), x(10), `From: "` + x(55) + `" <` + x(10) + ">\r\n"},
		{"an address on the next line", x(56), x(10), `From: "` + x(56) + "\"\r\n <" + x(10) + ">\r\n"},
		{"no name", "", "a@b", "From: <a@b>\r\n"},
		{"a name in another script", "ü", "a@b", "From: =?utf-8?q?=C3=BC?= <a@b>\r\n"},
		{"a name of two lines", strings.Repeat("ü", 12), "a@b", "From: =?utf-8?q?" + strings.Repeat("=C3=BC", 9) + "?=\r\n =?utf-8?q?" +
			strings.Repeat("=C3=BC", 3) + "?= <a@b>\r\n"},
		{"quotes", `a"\b`, "a@b", `From: "a\"\\b" <a@b>` + "\r\n"},
	} {
		var h header
		if c.address == "" {
			h.text("Subject", c.display)
		} else {
			h.address("From", c.display, c.address)
		}
		if got := h.String(); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// What a person sees as one character stays whole: UAX #29.
func TestWhereALineIsCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, character string // of two runes
		whole           bool
	}{
		{"an accent", "e\u0301", true}, {"a joiner", "a\u200d", true},
		{"a skin tone", "👍🏻", true}, {"the darkest", "👍🏿", true}, {"what comes after the skin tones", "👍\U0001F400", false},
		{"what comes before them", "👍\U0001F3FA", false}, {"a tag", "🏴\U000E0067", true}, {"the first tag", "🏴\U000E0020", true},
		{"the last tag", "🏴\U000E007F", true}, {"a vowel of Hangul", "\u1112\u1160", true}, {"a final of Hangul", "\u1112\u11FF", true},
		{"an initial of Hangul", "a\u115F", false}, {"what comes after Hangul", "a\u1200", false},
		{"a flag", "🇩🇪", true}, {"the last letter of a flag", "🇦🇿", true}, {"two letters", "ab", false}, {"a letter behind a flag's", "🇩a", false},
	} {
		before := strings.Repeat("x", 39)
		want := before + "…"
		if !c.whole {
			want = before + string([]rune(c.character)[:1]) + "…"
		}
		if got := cut(before + c.character + "yz"); got != want {
			t.Errorf("%s: got %q, want %q", c.name, got, want)
		}
	}
	for flags, want := range map[int]string{19: "x", 20: "x" + strings.Repeat("🇩🇪", 19) + "…"} {
		line := "x" + strings.Repeat("🇩🇪", flags)
		if flags == 19 {
			want = line
		}
		if got := cut(line); got != want {
			t.Errorf("%d flags: got %q, want %q", flags, got, want)
		}
	}
}

// A person's words stand in no log, also where the relay repeats them.
func TestWordsInTheAnswerOfARelay(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 50)
	for _, c := range []struct{ text, answer, want string }{
		{"Hello you", "spam: Hello you", "spam: …"},
		{"Hello you\nBye now", "Bye now, Hello you", "…, …"},
		{"Hi", "spam: Hi", "spam: Hi"}, // too short to tell anything
		{"abc", "abc", "abc"}, {"abcd", "abcd", "…"},
		{long, "spam: " + strings.Repeat("x", 40) + "…", "spam: …"},
		{"Hello \t you", "Hello you", "…"},
		{"", "no", "no"},
	} {
		if got := (letter{text: c.text}).discreet(c.answer); got != c.want {
			t.Errorf("%q in %q: got %q, want %q", c.text, c.answer, got, c.want)
		}
	}
}

// What can be answered, and how long an address is at most: RFC 5321 4.5.3.1.3.
func TestBoundsOfSenders(t *testing.T) {
	t.Parallel()
	domain := strings.Repeat("d", 60) + "." + strings.Repeat("d", 60) + "." + strings.Repeat("d", 60) + ".org"
	address := func(octets int) string { return strings.Repeat("a", octets-len(domain)-1) + "@" + domain }
	for sender, want := range map[string][2]bool{
		"12": {}, "123": {true}, "+123": {true}, strings.Repeat("1", 20): {true}, strings.Repeat("1", 21): {}, "+": {}, "++123": {}, "12a": {},
		address(254): {false, true}, address(255): {}, "bob@example.org": {false, true}, "Bob <bob@example.org>": {}, "bób@example.org": {}, "bob": {},
	} {
		if got := [2]bool{isNumber(sender), isMailbox(sender)}; got != want {
			t.Errorf("%q: a number %v, a mailbox %v, want %v", sender, got[0], got[1], want)
		}
	}
	if _, why := mailbox(address(255)); why == "" {
		t.Error("a mailbox of 255 octets can be written to")
	}
}

// The date of a mail is the message centre's, where that can be.
func TestBoundsOfDates(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for ahead, believed := range map[time.Duration]bool{
		-30 * day: true, -30*day - time.Second: false, day: true, day + time.Second: false, 0: true,
	} {
		in := store.Incoming{Received: noon, Sent: noon.Add(ahead)}
		want := noon
		if believed {
			want = in.Sent
		}
		if got := date(in); !got.Equal(want) {
			t.Errorf("%v ahead: got %v, want %v", ahead, got, want)
		}
	}
}

func TestHowLongAnAlarmIsInBrief(t *testing.T) {
	t.Parallel()
	ü := strings.Repeat("ü", 70)
	for text, want := range map[string]string{
		ü: ü, ü + "ä": ü + "…", strings.Repeat("ü", 69) + " ä": strings.Repeat("ü", 69) + "…", "a; b: c. d": "a", ": x": ": x", "x. ": "x",
	} {
		if got := brief(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
