package mailer

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// inside is a part inside so many multiparts, each in the other, and all of them closed.
func inside(depth int, part string) string {
	for i := range depth {
		part = fmt.Sprintf("Content-Type: multipart/mixed; boundary=y%d\n\n--y%d\n%s\n--y%d--\n", i, i, part, i)
	}
	return part
}

// A mail may be as large as the bound, and not larger.
func TestTheBoundsOfAMail(t *testing.T) {
	t.Parallel()
	header := func(octets int) string {
		return strings.Repeat("X: "+strings.Repeat("y", 96)+"\n", octets/101) + "\nHello\n"
	}
	logo := func(octets int) string {
		return multi("related", helloWeb, picture(octets, "Content-ID: <logo@x>\n"))
	}
	many := func(parts int) string { return multi("mixed", slices.Repeat([]string{hello}, parts)...) }
	received := func(n int) string { return strings.Repeat("Received: by x\n", n) + "\nHello\n" }
	for _, c := range []struct{ name, largest, larger, why string }{
		{"parts", many(49), many(50), "too many parts"},
		{"depth", inside(8, hello), inside(9, hello), "too many parts"},
		{"header", header(65_000), header(66_300), "too long"},
		{"a logo", logo(64 << 10), logo(64<<10 + 1), "picture"},
		{"servers on its way", received(30), received(31), "round in circles"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for i, mail := range []string{c.largest, c.larger} {
				m, no := compose([]byte(strings.ReplaceAll(mail, "\n", "\r\n")), isBox)
				if i == 0 && (no != nil || !strings.HasPrefix(m.text, "Hello")) {
					t.Errorf("the largest one is refused, or is %q: %v", m.text, no)
				}
				if i == 1 && (no == nil || !strings.Contains(no.Message, c.why)) {
					t.Errorf("a larger one is answered %v, want %q", no, c.why)
				}
			}
		})
	}
}

// A first line of a file has as many characters as its first one says: POSIX uuencode.
func TestWhatIsUuencoded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		first byte
		more  int
		is    bool
	}{
		{'M', 60, true}, {'M', 61, true}, {'M', 62, false}, // 45 octets; a checksum
		{'M', 56, true}, {'M', 55, false}, // lost spaces
		{'N', 64, false}, // 46
		{'!', 4, true}, {'!', 0, true}, {'!', 6, false},
		{'#', 4, true}, {'$', 8, true}, {'$', 3, false}, {'$', 10, false}, // 3 and 4
		{'`', 0, true}, {'`', 1, true}, {'`', 2, false}, {' ', 0, true}, // none
		{'a', 4, false}, {'\t', 4, false},
	} {
		if line := string(c.first) + strings.Repeat("A", c.more); isUuencoded(line) != c.is {
			t.Errorf("%q: got %v, want %v", line, !c.is, c.is)
		}
	}
	for line, want := range map[string]bool{"": false, "#a```": false, "#`A``": true} {
		if isUuencoded(line) != want {
			t.Errorf("%q: got %v, want %v", line, !want, want)
		}
	}
	for text, want := range map[string]string{
		"Look\nbegin 644 a.bin\n#0V%T\n`\nend":            "a file (uuencode)",
		"Look\nbegin 0644 a.bin\n#0V%T\n`\nend":           "a file (uuencode)",
		"Look\nbegin-base64 644 a.bin\nQ2F0\n====":        "a file (uuencode)",
		"Look\nbegin-base64 644 a.bin\nthis is\n====":     "",
		"begin 644 a.bin\nthen comes more\nend":           "",
		"Look\nbegin 644 a.bin\n#0V%T":                    "", // it does not end
		"-----BEGIN PGP MESSAGE-----\n\nhQEMA":            "something encrypted or signed (PGP)",
		"-----BEGIN PKCS7-----\nMIIB":                     "something encrypted or signed (PGP)",
		"write -----BEGIN PGP MESSAGE----- at the begin":  "",
		"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQENBF6": "something encrypted or signed (PGP)",
	} {
		if got := armour(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// A mail program broke a line where the next word had no room; any other end of a line is the writer's.
func TestWhichLinesAreJoined(t *testing.T) {
	t.Parallel()
	line := func(n int) string { return strings.Repeat("x", n) }
	for _, c := range []struct {
		name, text string
		joined     bool
	}{
		{"fifty characters", line(50) + "\n" + line(22), true},
		{"less than fifty", line(49) + "\n" + line(23), false},
		{"the word had room", line(60) + "\n" + line(11) + " y", false},
		{"the word had no room", line(60) + "\n" + line(12) + " y", true},
		{"eighty characters", line(80) + "\ny", true},
		{"more than eighty", line(81) + "\ny", false},
		{"fifty umlauts", strings.Repeat("ü", 50) + "\n" + strings.Repeat("ä", 22), true},
		{"fewer umlauts", strings.Repeat("ü", 49) + "\n" + strings.Repeat("ä", 23), false},
		{"a capital", line(72) + "\nYou", false},
		{"a digit", line(72) + "\n5 of them", false},
		{"an item", line(72) + "\niv. the last", false},
		{"an item with a bracket", line(72) + "\na) the first", false},
		{"an item with a colon", line(72) + "\nabc: the first", false},
		{"a word at the end of a sentence", line(72) + "\nyours. And", true},
		{"an empty line", line(72) + "\n\nyou", false},
	} {
		want := c.text
		if c.joined {
			want = strings.Replace(c.text, "\n", " ", 1)
		}
		if got := unwrap(c.text); got != want {
			t.Errorf("%s: got %q, want %q", c.name, got, want)
		}
	}
	if got := unwrap(line(70) + "\n" + line(70) + "\n" + line(70)); strings.Count(got, " ") != 2 {
		t.Errorf("three lines of a sentence: got %q", got)
	}
}

// RFC 3676 4
func TestFlowedLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		delsp      bool
		want       string
	}{
		{"a paragraph", "one \ntwo \nthree\nfour", false, "one two three\nfour"},
		{"DelSp", "日本 \n語\nthe end", true, "日本語\nthe end"},
		{"a stuffed line", " From me\n > no quotation", false, "From me\n> no quotation"},
		{"a signature", "one \n-- \nAnn \nLee", false, "one \n-- \nAnn Lee"},
		{"quoted", "> one \n> two\n>> three \nfour", false, "> one two\n>> three \nfour"},
		{"a quoted signature", "> one\n> -- \n> Ann", false, "> one\n> -- \n> Ann"},
		{"an end that flows", "one ", false, "one "},
	} {
		if got := unflow(c.text, c.delsp); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestHowLongAFlourishIs(t *testing.T) {
	t.Parallel()
	pad := func(n int) string { // fill words up to n octets
		line := "Sent from my iPhone"
		for n-len(line) >= 7 {
			line += " my"
		}
		return line + map[int]string{3: " my", 4: " the", 5: " mine", 6: " my my"}[n-len(line)]
	}
	link := func(n int) string {
		return "Sent from my iPhone https://" + strings.Repeat("x", n-len("Sent from my iPhone https://"))
	}
	for _, c := range []struct {
		last     string
		flourish bool
	}{
		{pad(120), true}, {pad(121), false}, {link(500), true}, {link(501), false},
		{"Sent from my phone", true}, {"Sent from the phone", false}, {"Sent from phone", false},
		{"Get Outlook for iOS https://aka.ms/x", true}, {"Get Outlook for iOS", false},
		{"iPhone", false}, {"https://example.org/", false},
		{"Sent from my iPhone, please excuse my brevity.", true}, {"Sent from my Galaxy S24", true},
		{"Envoyé depuis l'appareil Samsung", true}, {"Envoyé depuis samedi'appareil Samsung", false},
		{"Envoyé à partir d’Outlook pour Android", true}, {"Envoyé avec l’aide d’Anne", false},
		{"Sent from Spark", false},
	} {
		want := "Yes\n\n" + c.last
		if c.flourish {
			want = "Yes"
		}
		if got := strings.Join(withoutFlourish([]string{"Yes", "", c.last}, ""), "\n"); got != want {
			t.Errorf("%d octets: got %q, want %q", len(c.last), got, want)
		}
	}
	two := []string{"Yes", "", "Sent from my iPhone", "", "Sent from Outlook for Android"}
	if got := withoutFlourish(two, ""); len(got) != 1 {
		t.Errorf("two flourishes: got %q", got)
	}
	for _, c := range []struct {
		words, program string
		is             bool
	}{
		{"Sent from Spark", "Spark/3.1", true},
		{"Sent from Nine", "Nine/1.0 (Android)", true},
		{"Sent with Mutt Mail Client", "Mutt Mail Client 2.2", true},
		{"Sent with Client Mutt", "Mutt Mail Client 2.2", false}, // a word of its own before its name
		{"Sent from Spark", "Mutt/2.2", false},
	} {
		if got := isFlourish(c.words, c.program); got != c.is {
			t.Errorf("%q of %q: got %v", c.words, c.program, got)
		}
	}
}

func TestNamesOfDevicesAndPrograms(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]bool{
		"iphone": true, "iphones": true, "iphonu": true, "nokia12345678": true,
		"nokia123456789": false, "nokia-of-ann-and-her-friends": true,
		"iphone's": true,
		"ipads":    true, "ipodder": false, "ios": true, "ios-app": true, "iosif": false, "aol": true, "aola": false,
		"nokian": true, "windows": true, "windows-phone": true, "windowsill": false, "phone": false, "": false,
	} {
		if got := isProduct(word); got != want {
			t.Errorf("%q: got %v, want %v", word, got, want)
		}
	}
	for header, want := range map[string]string{
		"microsoft outlook 16.0": "outlook", "apple mail (2.3)": "", "k-9 mail": "", "aol 9": "aol", "the bat! 9": "bat",
		"mozilla thunderbird": "thunderbird", "": "", "mutt/2.2 (debian)": "mutt",
	} {
		if got := programName(header); got != want {
			t.Errorf("%q: got %q, want %q", header, got, want)
		}
	}
}
