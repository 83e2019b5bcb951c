package mailer

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes foreign text fit to be sent: what nobody sees is left out, lines end in LF, and what is
// as wide as a space is one, since others would make the text longer than it is.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == 0x2028, r == 0x2029:
			return '\n'
		case r == '\t', r != 0x3000 && unicode.Is(unicode.Zs, r):
			return ' '
		case unicode.IsControl(r), r == 0xAD, r == 0x200B, r == 0x200E, r == 0x2060, r == 0xFEFF, // soft hyphen, zero width
			r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069: // bidirectional embeddings, overrides and isolates
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// unflow joins the lines of paragraphs that format=flowed broke. RFC 3676 4
func unflow(text string, delsp bool) string {
	var b strings.Builder
	open, depth := false, 0 // the last line goes on, at that depth of quotes
	for line := range strings.SplitSeq(text, "\n") {
		rest := strings.TrimLeft(line, ">")
		quoted := len(line) - len(rest)
		rest = strings.TrimPrefix(rest, " ") // stuffed
		signature := rest == "-- "
		if !open || quoted != depth || signature {
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			if quoted > 0 {
				b.WriteString(line[:quoted] + " ")
			}
		}
		open, depth = strings.HasSuffix(rest, " ") && !signature, quoted
		if open && delsp {
			rest = strings.TrimSuffix(rest, " ")
		}
		b.WriteString(rest)
	}
	return b.String()
}

// unwrap joins lines that a mail program broke because they were too long: what the next one begins with had no
// room, and is in the middle of a sentence. A phone breaks lines where its own screen ends. Other lines end
// where the writer ended them.
func unwrap(text string) string {
	const least, most, longest = 50, 72, 80 // where mail programs break lines
	var b strings.Builder
	length := 0 // of the last line, in characters
	for line := range strings.SplitSeq(text, "\n") {
		word, _, _ := strings.Cut(line, " ")
		first, _ := utf8.DecodeRuneInString(word)
		switch {
		case b.Len() == 0:
		case unicode.IsLower(first) && !enumerates(word) && length >= least && length <= longest &&
			length+1+utf8.RuneCountInString(word) > most:
			b.WriteByte(' ')
		default:
			b.WriteByte('\n')
		}
		b.WriteString(line)
		length = utf8.RuneCountInString(line)
	}
	return b.String()
}

// enumerates reports whether a word is the number of an item: 1. or 2) or a:
func enumerates(word string) bool {
	return len(word) <= 4 && strings.ContainsAny(word[max(0, len(word)-1):], ".):")
}

// traits are what the header of a mail tells of its text.
type traits struct {
	answers  bool
	forwards bool // passes another mail on
	// answersBox is set where In-Reply-To names a mail of the box.
	answersBox bool
	titled     bool   // the subject shows that it answers or passes on
	subject    string // as bareSubject returns it
	program    string // User-Agent or X-Mailer
	from       string // the writer's address
	isBox      func(domain string) bool
}

// knows reports whether a line has a mail address of the box, or the writer's own.
func (t *traits) knows(line string) bool {
	for _, found := range address.FindAllStringSubmatch(line, -1) {
		if t.isBox(strings.Trim(found[1], ".")) || t.from != "" && strings.EqualFold(strings.Trim(found[0], "."), t.from) {
			return true
		}
	}
	return false
}

// ownText leaves of a mail's text what its writer means to send: no signature, with answers nothing of the
// mail that is answered, and of a mail that is passed on no header.
func ownText(text string, mail *traits) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if line != "-- " { // RFC 3676 4.3
			lines[i] = strings.TrimRight(line, " ")
		}
	}
	// The title of a program shows that too, where the writer changed the subject.
	forwards := mail.forwards || !mail.titled && !mail.answersBox && slices.ContainsFunc(lines, passes)
	if mail.answers && (!forwards || mail.answersBox) {
		text = own(withoutHistory(lines, mail), mail)
	} else {
		text = ""
	}
	switch {
	case visible(text):
		return text
	case forwards:
		return own(passedOn(lines, mail), mail)
	case mail.answers:
		return ""
	}
	return own(lines, mail)
}

// own returns lines as a text, without signature and flourish. Lines end without white space, and no two are
// empty.
func own(lines []string, mail *traits) string {
	lines = withoutFlourish(trimmed(withoutSignature(lines, mail.answers)), mail.program)
	var out []string
	for _, line := range trimmed(lines) {
		if line != "" || len(out) > 0 && out[len(out)-1] != "" {
			out = append(out, line)
		}
	}
	return strings.TrimSpace(strings.Join(out, "\n"))
}

// withoutSignature cuts off a signature with the line above it. In answers the space at the end of that line may
// have got lost: the last such line counts. In other mails people draw it.
func withoutSignature(lines []string, answers bool) []string {
	if i := slices.Index(lines, "-- "); i >= 0 { // RFC 3676 4.3
		return lines[:i]
	}
	if answers {
		for i, line := range slices.Backward(lines) {
			if line == "--" {
				return lines[:i]
			}
		}
	}
	return lines
}

// trimmed cuts off empty lines at the end.
func trimmed(lines []string) []string {
	for n := len(lines); n > 0; n-- {
		if strings.TrimSpace(lines[n-1]) != "" {
			return lines[:n]
		}
	}
	return nil
}
