package sms

import (
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/warthog618/sms/encoding/tpdu"
)

// MaxSegments is the largest number of segments one message can have: the
// count is one octet. 3GPP TS 23.040 9.2.3.24.1
const MaxSegments = 255

// Coding says how text is encoded: in the GSM 7-bit default alphabet with its
// extension table if that has all of it, else in UTF-16 (which phones take where
// the standard says UCS2), unless a field allows better. The zero value is
// understood by every phone.
type Coding struct {
	// Languages may lend their tables: the single shift table, the locking
	// shift table, or both of one language, where that makes for fewer segments.
	// A phone that does not know the table shows other characters.
	// 3GPP TS 23.038 6.2.1.2
	Languages Languages

	// WideRef gives segments a concatenation reference of 16 bits, which takes
	// one octet more than one of 8. 3GPP TS 23.040 9.2.3.24.8
	WideRef bool

	// Plain replaces typographic characters such as curly quotes, dashes and
	// no-break spaces where nothing else keeps a text out of a 7-bit alphabet,
	// and CR LF by LF in any case.
	Plain bool
}

// Segments says how many segments (TPDUs) text takes. Empty text takes one.
// A number above MaxSegments means that text cannot be sent.
func (c Coding) Segments(text string) int {
	w := c.write(text, 0)
	return w.split.segments()
}

// GSM7 reports whether text goes out in a 7-bit alphabet: the default one or, where c.Languages allows, one
// with a national table. 3GPP TS 23.038 6.2.1
func (c Coding) GSM7(text string) bool { return c.write(text, 0).alphabet == alphabetGSM7 }

// Text is text as the recipient will read it: with c.Plain its typographic
// characters may be replaced. Invalid UTF-8 is U+FFFD; U+0000 and byte order marks
// are left out.
func (c Coding) Text(text string) string {
	var b strings.Builder
	for _, ch := range c.write(text, 0).chars {
		b.WriteRune(ch.rune)
	}
	return b.String()
}

// written is a text in the alphabet in which it takes the fewest segments.
type written struct {
	chars    []char
	alphabet alphabet
	tables   tables
	split    split
}

// write chooses the alphabet. extra is the size in octets of the header elements
// that every segment carries in any case. Among those that take the fewest
// segments the one that more phones understand is chosen.
func (c Coding) write(text string, extra int) written {
	if c.Plain {
		text = strings.ReplaceAll(text, "\r\n", "\n")
	}
	chars := characters().chars(text)
	best, ok := c.gsm7(chars, tables{}, extra)
	if !ok {
		best = c.utf16(chars, extra)
	}
	if c.Languages == 0 || len(chars) > MaxSegments*maxUserData*8/7 { // too long in any of them
		return best
	}
	for _, pick := range []func(id byte) tables{
		func(id byte) tables { return tables{shift: id} },
		func(id byte) tables { return tables{locking: id} },
		func(id byte) tables { return tables{locking: id, shift: id} },
	} {
		for id := 1; id < identifiers && best.split.segments() > 1; id++ {
			if c.Languages.has(id) {
				if w, ok := c.gsm7(chars, pick(byte(id)), extra); ok && w.split.segments() < best.split.segments() {
					best = w
				}
			}
		}
	}
	return best
}

// gsm7 writes chars with these tables; ok is false if they lack a character.
func (c Coding) gsm7(chars []char, t tables, extra int) (w written, ok bool) {
	if chars, ok = c.spell(chars, t); !ok {
		return w, false
	}
	elements := extra + t.header().UDHL()
	w = written{chars, alphabetGSM7, t, split{
		single: room(elements) * 8 / 7,
		part:   room(elements+c.concatSize()) * 8 / 7,
	}}
	for _, ch := range chars {
		w.split.add(t.size(ch.glyph))
	}
	return w, true
}

// spell returns chars in characters that t has.
func (c Coding) spell(chars []char, t tables) (spelled []char, ok bool) {
	lacks := func(ch char) bool { return t.size(ch.glyph) == 0 }
	first := slices.IndexFunc(chars, lacks)
	if first < 0 {
		return chars, true
	}
	if !c.Plain {
		return nil, false
	}
	for i, ch := range chars[first:] {
		if !lacks(ch) {
			spelled = append(spelled, ch)
			continue
		}
		instead, ok := characters().plain[ch.rune]
		if !ok || slices.ContainsFunc(instead, lacks) {
			return nil, false
		}
		if i == 0 {
			spelled = slices.Clone(chars[:first])
		}
		spelled = append(spelled, instead...)
	}
	return spelled, true
}

// utf16 writes chars in UTF-16.
func (c Coding) utf16(chars []char, extra int) written {
	w := written{chars: chars, alphabet: alphabetUTF16, split: split{
		single: room(extra),
		part:   room(extra + c.concatSize()),
	}}
	for _, ch := range chars {
		w.split.add(2 * utf16.RuneLen(ch.rune))
	}
	return w
}

// concatSize is the size in octets of the concatenation element.
// 3GPP TS 23.040 9.2.3.24.1 and 9.2.3.24.8
func (c Coding) concatSize() int {
	if c.WideRef {
		return 6
	}
	return 5
}

// message encodes w.
func (w written) message() message {
	if w.alphabet == alphabetUTF16 {
		units := make([]byte, 0, w.split.total)
		for _, ch := range w.chars {
			for _, unit := range utf16.AppendRune(nil, ch.rune) {
				units = append(units, byte(unit>>8), byte(unit))
			}
		}
		return message{tpdu.DcsUCS2Data, nil, w.split.cut(units)}
	}
	septets := make([]byte, 0, w.split.total)
	for _, ch := range w.chars {
		septets = w.tables.append(septets, ch.glyph)
	}
	return message{0, w.tables.header(), w.split.cut(septets)}
}

// data is 8-bit data as a message.
func (c Coding) data(data []byte, extra int) message {
	s := split{single: room(extra), part: room(extra + c.concatSize())}
	for range data {
		s.add(1)
	}
	return message{tpdu.Dcs8BitData, nil, s.cut(data)}
}
