package oms

import (
	"strings"
	"unicode/utf8"
)

// document is XML being written. Names and attributes are the program's own; text is anybody's.
type document []byte

// raw appends markup.
func (d *document) raw(markup ...string) {
	for _, m := range markup {
		*d = append(*d, m...)
	}
}

// element appends an element that holds text alone.
func (d *document) element(name, text string) {
	d.raw("<", name, ">")
	d.text(text)
	d.raw("</", name, ">")
}

// text appends character data. What XML cannot carry becomes U+FFFD.
// Extensible Markup Language (XML) 1.0, 2.2
func (d *document) text(s string) {
	for len(s) > 0 {
		i := strings.IndexFunc(s, func(r rune) bool {
			return r < ' ' && r != '\n' && r != '\t' || r == '&' || r == '<' || r == '>' || r == utf8.RuneError || r == 0xFFFE || r == 0xFFFF
		})
		if i < 0 {
			d.raw(s)
			return
		}
		d.raw(s[:i])
		r, size := utf8.DecodeRuneInString(s[i:])
		s = s[i+size:]
		switch r {
		case '&':
			d.raw("&amp;")
		case '<':
			d.raw("&lt;")
		case '>':
			d.raw("&gt;")
		case '\r': // it would be read as a line feed
			d.raw("&#xD;")
		default:
			d.raw("\uFFFD")
		}
	}
}
