package sms

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// windows1252 are the characters of the octets 0x80 to 0x9F in Windows-1252; U+FFFD where it has none.
// In Latin-1, which it has else, they are control characters, which no text holds.
var windows1252 = []rune("€\uFFFD‚ƒ„…†‡ˆ‰Š‹Œ\uFFFDŽ\uFFFD" +
	"\uFFFD‘’“”•–—˜™š›œ\uFFFDžŸ")

// unprinted are characters that unicode.IsPrint does not count and that texts have.
const unprinted = "\r\n\t\u00A0\u00AD\u200B\u200C\u200D\u200E\u200F\uFE0F"

// Octets reads 8-bit user data as text, which some senders put there although it is meant for programs:
// in UTF-8, else in Windows-1252, of which Latin-1 is a part. ok is false where it is no text: where it
// has characters that are not printed, or where in Windows-1252 hardly any of it is of ASCII.
func Octets(data []byte) (text string, ok bool) {
	data = bytes.TrimRight(data, "\x00") // fill
	if len(data) == 0 {
		return "", false
	}
	if utf8.Valid(data) {
		text = strings.TrimPrefix(string(data), "\uFEFF")
		return text, isPrinted(text)
	}
	var b strings.Builder
	ascii := 0
	for _, c := range data {
		switch {
		case c < 0x80:
			ascii++
			b.WriteByte(c)
		case c < 0xA0:
			b.WriteRune(windows1252[c-0x80])
		default:
			b.WriteRune(rune(c))
		}
	}
	text = b.String()
	return text, 2*ascii > len(data) && isPrinted(text)
}

// isPrinted reports whether a person can read text: all of it is printed or ends a line, and there is
// a letter, a digit or a symbol in it.
func isPrinted(text string) bool {
	seen := false
	for _, r := range text {
		if r == utf8.RuneError || !unicode.IsPrint(r) && !strings.ContainsRune(unprinted, r) {
			return false
		}
		seen = seen || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsSymbol(r)
	}
	return seen
}
