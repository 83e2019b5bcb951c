package mailer

import (
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

// unwrap joins lines that a mail program broke because they were too long: what the next one begins
// with had no room. A phone breaks lines where its own screen ends.
func unwrap(text string) string {
	const least, most, longest = 50, 72, 80 // where mail programs break lines
	var b strings.Builder
	length := 0 // of the last line, in characters
	for line := range strings.SplitSeq(text, "\n") {
		word, _, _ := strings.Cut(line, " ")
		first, _ := utf8.DecodeRuneInString(word)
		begins := unicode.IsLetter(first) || unicode.IsDigit(first) || strings.ContainsRune(`("'“„«`, first)
		switch {
		case b.Len() == 0:
		case begins && !enumerates(word) && length >= least && length <= longest && length+1+utf8.RuneCountInString(word) > most:
			b.WriteByte(' ')
		default:
			b.WriteByte('\n')
		}
		b.WriteString(line)
		length = utf8.RuneCountInString(line)
	}
	return b.String()
}

// enumerates says whether a word is the number of an item: 1. or 2) or a:
func enumerates(word string) bool {
	return len(word) <= 4 && strings.ContainsAny(word[max(0, len(word)-1):], ".):")
}

// own leaves of a mail's text what its writer wrote: no signature, and with answers nothing of the mail
// that is answered. Lines end where they ended, without white space, and no two are empty.
func own(text string, answers bool) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	if answers {
		lines = withoutHistory(lines)
	}
	for i, line := range lines {
		if line == "--" { // RFC 3676 4.3; the space at its end may have got lost
			lines = lines[:i]
			break
		}
	}
	lines = withoutFlourish(trimmed(lines, answers))
	var out []string
	for _, line := range trimmed(lines, answers) {
		if line != "" || len(out) > 0 && out[len(out)-1] != "" {
			out = append(out, line)
		}
	}
	return strings.TrimSpace(strings.Join(out, "\n"))
}

// trimmed cuts off empty lines at the end, and with answers those that are drawn.
func trimmed(lines []string, answers bool) []string {
	for n := len(lines); n > 0; n-- {
		last := strings.TrimSpace(lines[n-1])
		if last != "" && !(answers && len(last) >= 5 && (strings.Trim(last, "_") == "" || strings.Trim(last, "-") == "")) {
			return lines[:n]
		}
	}
	return nil
}

// withoutFlourish cuts off a last paragraph that says what the mail was written with.
func withoutFlourish(lines []string) []string {
	begin := len(lines)
	for begin > 0 && lines[begin-1] != "" {
		begin--
	}
	const most = 500 // octets
	paragraph := strings.Join(lines[begin:], " ")
	if len(paragraph) == 0 || len(paragraph) > most {
		return lines
	}
	paragraph = strings.TrimSpace(links.ReplaceAllString(paragraph, ""))
	for _, f := range flourishes {
		if f.MatchString(paragraph) {
			return withoutFlourish(trimmed(lines[:begin], false))
		}
	}
	return lines
}
