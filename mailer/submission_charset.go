package mailer

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/charset"
)

// opened returns an entity without its transfer encoding, and with its characters as they came: whether
// they are of the charset that it names is seen by looking at all of them.
func opened(h message.Header, body io.Reader) (*message.Entity, error) {
	bare := h.Copy()
	if kind, _, _ := h.ContentType(); strings.HasPrefix(kind, "text/") {
		bare.SetContentType("application/octet-stream", nil)
	}
	e, err := message.New(bare, body)
	e.Header = h
	return e, err
}

// unicodeOf returns a text that came in the charset of that name, "" for none. What is not of it is taken for
// UTF-8 if it is that, since programs that write UTF-8 are known to name others, and for Windows-1252
// where a part claims to be of plain letters: that is what Western programs had, and what those mean
// that name ISO-8859-1, as Turkish ones mean Windows-1254 by ISO-8859-9. Where characters are left that cannot be read, flaw says why and U+FFFD stands
// for them.
func unicodeOf(octets []byte, name string) (text, flaw string) {
	valid, plain := utf8.Valid(octets), !slices.ContainsFunc(octets, func(b byte) bool { return b >= utf8.RuneSelf })
	as := strings.ToLower(strings.TrimSpace(name))
	switch as {
	case "", "us-ascii", "ascii", "unknown-8bit": // RFC 1428 3
		if valid {
			return string(octets), ""
		}
		as = "windows-1252"
	case "iso-8859-1", "iso_8859-1", "iso_8859-1:1987", "iso-ir-100", "latin1", "l1", "ibm819", "cp819", "csisolatin1":
		as = "windows-1252"
	case "iso-8859-9", "iso_8859-9", "iso_8859-9:1989", "iso-ir-148", "latin5", "l5", "csisolatin5":
		as = "windows-1254"
	}
	flaw = "its charset is not known here: set the mail program to UTF-8"
	r, err := charset.Reader(as, bytes.NewReader(octets))
	switch {
	case err == nil:
		all, _ := io.ReadAll(r) // from memory
		if text = string(all); !strings.ContainsRune(text, utf8.RuneError) {
			return text, ""
		}
		flaw = "it has characters that are not of the charset that it names, " + cut(oneLine(as)) + ": type the text again, or set the mail program to UTF-8"
		if plain { // those of ISO-2022-JP and the like are no UTF-8 of anything
			return text, flaw
		}
	case plain && shifts(octets, as):
		return string(utf8.RuneError), flaw
	}
	if valid {
		return string(octets), ""
	}
	if text == "" {
		text = strings.ToValidUTF8(string(octets), string(utf8.RuneError))
	}
	return text, flaw
}

// shifts reports whether octets below 0x80 may stand for something else than in US-ASCII, in a charset that is not
// known: where they are several for each character, where control characters switch to another set, or where
// signs do, as in UTF-7 and HZ. RFC 1468, RFC 1843, RFC 2152
func shifts(octets []byte, name string) bool {
	return bytes.ContainsAny(octets, "\x00\x0E\x0F\x1B") || strings.Contains(name, "ucs") ||
		strings.Contains(name, "utf-7") && bytes.ContainsRune(octets, '+') || strings.HasPrefix(name, "hz") && bytes.ContainsRune(octets, '~')
}
