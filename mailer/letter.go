package mailer

import (
	"bytes"
	"fmt"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// letter is a mail as it is handed to the relay.
type letter struct {
	from string // reverse-path; "" is the null one. RFC 5321 4.5.5
	to   string // forward-path
	data []byte // RFC 5322, lines end in CRLF
	key  string // whose it is before any guise: the address that it comes from of itself
	text string // a person's words in it, which no log and no alarm may hold; "" for none
}

// discreet takes a person's words out of what the relay said about the letter.
func (l letter) discreet(answer string) string {
	answer = oneLine(answer)
	for line := range strings.Lines(l.text) {
		if line = oneLine(line); len(line) > 3 {
			answer = strings.ReplaceAll(answer, line, "…")
			answer = strings.ReplaceAll(answer, cut(line), "…")
		}
	}
	return answer
}

// utf8 says whether the letter needs a relay with SMTPUTF8: a mailbox may be spelled in any script.
func (l letter) utf8() bool { return !isASCII(l.from + l.to) }

// mostLine is how long a header line with an encoded-word may be. RFC 2047 2
const mostLine = 76

// header is written field by field. Its methods put nothing of a value into the header that could
// end a line.
type header struct{ bytes.Buffer }

// token writes a field whose value is made here and needs no encoding.
func (h *header) token(name, value string) {
	fmt.Fprintf(h, "%s: %s\r\n", name, value)
}

// text writes an unstructured field, as it is if it is short plain ASCII, else in encoded-words.
func (h *header) text(name, value string) {
	value = oneLine(value)
	if !isPlain(value) || len(name)+2+len(value) > mostLine {
		value = encodedWords(value, len(name)+2)
	}
	h.token(name, value)
}

// address writes a field that holds one address, with the name that is shown for it, if any.
func (h *header) address(name, display, address string) {
	fmt.Fprintf(h, "%s: ", name)
	display = oneLine(display)
	if display != "" {
		if isPlain(display) {
			display = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(display) + `"`
		} else {
			display = encodedWords(display, len(name)+2)
		}
		h.WriteString(display)
		last := display[strings.LastIndexByte(display, '\n')+1:]
		if len(name)+2+len(last)+len(address)+3 > mostLine {
			h.WriteString("\r\n")
		}
		h.WriteString(" ")
	}
	fmt.Fprintf(h, "<%s>\r\n", address)
}

// date writes the Date field, in UTC: the same wherever and whenever it is rendered.
func (h *header) date(t time.Time) {
	h.token("Date", t.UTC().Format("Mon, 02 Jan 2006 15:04:05 -0700"))
}

// body ends the header with the fields that describe text, and writes text. Any of CR, LF and CRLF
// ends a line of it.
func (h *header) body(text string) []byte {
	text = strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n").Replace(strings.ToValidUTF8(text, "\uFFFD"))
	if !strings.HasSuffix(text, "\n") {
		text += "\r\n"
	}
	charset := "us-ascii"
	if !isASCII(text) {
		charset = "utf-8"
	}
	h.token("MIME-Version", "1.0")
	h.token("Content-Type", "text/plain; charset="+charset)
	h.token("Content-Transfer-Encoding", "quoted-printable")
	h.WriteString("\r\n")
	w := quotedprintable.NewWriter(h)
	w.Write([]byte(text)) // to memory
	w.Close()
	return h.Bytes()
}

// mailbox brings the address of a mailbox to the form of a path, and says in words why it cannot be one.
func mailbox(address string) (path, why string) {
	a, err := mail.ParseAddress(address)
	if err != nil || len(address) > 254 || strings.ContainsFunc(a.Address, unicode.IsControl) { // RFC 5321 4.5.3.1.3
		return "", "the mailbox is no mail address"
	}
	a.Name = ""
	return strings.Trim(a.String(), "<>"), ""
}

// encodedWords writes text as encoded-words in Q encoding, each on a line of its own; used is what
// the first line holds already. RFC 2047 2, 4.2, and 5 (3) for the characters left as they are.
func encodedWords(text string, used int) string {
	const open, end = "=?utf-8?q?", "?="
	var b strings.Builder
	b.WriteString(open)
	room := mostLine - used - len(open) - len(end)
	for _, r := range text {
		q := ""
		for _, c := range []byte(string(r)) {
			switch {
			case c == ' ':
				q += "_"
			case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("!*+-/", c) >= 0:
				q += string(c)
			default:
				q += fmt.Sprintf("=%02X", c)
			}
		}
		if len(q) > room { // a character is never split
			b.WriteString(end + "\r\n " + open)
			room = mostLine - 1 - len(open) - len(end)
		}
		b.WriteString(q)
		room -= len(q)
	}
	b.WriteString(end)
	return b.String()
}

// oneLine makes foreign text fit to stand in a line of ours: white space and control characters
// become single spaces, and what turns the direction of all that follows is left out.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), unicode.IsSpace(r):
			return ' '
		case r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069: // bidirectional embeddings, overrides and isolates
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	return strings.Join(strings.Fields(text), " ")
}

// cut returns the first 40 or so characters of a line, with … where it was longer. What a person
// sees as one character, such as a letter with its accents or a joined emoji, stays whole.
func cut(line string) string {
	const most = 40
	runes := []rune(line)
	if len(runes) <= most {
		return line
	}
	n := most
	for n > 0 && !between(runes, n) {
		n--
	}
	if n == 0 {
		n = most // all one character: a joke, not a text
	}
	return strings.TrimRight(string(runes[:n]), " ") + "…"
}

// between says whether a character for people may begin at runes[n]. It knows of Unicode's
// grapheme clusters (UAX #29) those that texts are made of.
func between(runes []rune, n int) bool {
	const joiner = 0x200D
	switch r := runes[n]; {
	case unicode.Is(unicode.M, r), r == joiner, runes[n-1] == joiner, // accents, variation selectors, joined emoji
		r >= 0x1F3FB && r <= 0x1F3FF, // skin tones
		r >= 0xE0020 && r <= 0xE007F, // tags: the flags of regions
		r >= 0x1160 && r <= 0x11FF:   // vowels and finals of Hangul
		return false
	case isFlag(r): // two letters each
		before := 0
		for before < n && isFlag(runes[n-1-before]) {
			before++
		}
		return before%2 == 0
	}
	return true
}

func isFlag(r rune) bool { return r >= 0x1F1E6 && r <= 0x1F1FF }

// visible says whether a person sees anything of text.
func visible(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool {
		return r != ' ' && unicode.IsPrint(r) && !unicode.Is(unicode.M, r)
	})
}

// isPlain says whether a header may hold text without encoding.
func isPlain(text string) bool {
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return !strings.Contains(text, "=?") // would be taken for an encoded-word
}

func isASCII(text string) bool {
	for _, c := range []byte(text) {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
