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

// attribute appends an attribute, with the space before it.
func (d *document) attribute(name, value string) {
	d.raw(" ", name, `="`)
	d.escaped(value, true)
	d.raw(`"`)
}

// text appends character data.
func (d *document) text(s string) { d.escaped(s, false) }

// escaped appends text, or the value of an attribute, in which quotes end it and line ends would be
// read as spaces. What XML cannot carry becomes U+FFFD. Extensible Markup Language (XML) 1.0, 2.2, 3.3.3
func (d *document) escaped(s string, attribute bool) {
	for len(s) > 0 {
		i := strings.IndexFunc(s, func(r rune) bool {
			return r < ' ' && (attribute || r != '\n' && r != '\t') || r == '&' || r == '<' || r == '>' || r == '"' && attribute ||
				r == utf8.RuneError || r == 0xFFFE || r == 0xFFFF
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
		case '"':
			d.raw("&quot;")
		case '\t':
			d.raw("&#x9;")
		case '\n':
			d.raw("&#xA;")
		case '\r': // it would be read as a line feed
			d.raw("&#xD;")
		default:
			d.raw("\uFFFD")
		}
	}
}
