package sms

import (
	"fmt"
	"strings"
	"sync"

	"github.com/warthog618/sms/encoding/gsm7/charset"
)

// Languages is a set of languages that have GSM 7-bit tables of their own, a
// single shift table and (but for Spanish) a locking shift table. The bits are
// the language identifiers. 3GPP TS 23.038 6.2.1.2.4
type Languages uint16

const (
	Turkish Languages = 2 << iota
	Spanish
	Portuguese
	Bengali
	Gujarati
	Hindi
	Kannada
	Malayalam
	Oriya
	Punjabi
	Tamil
	Telugu
	Urdu

	AllLanguages Languages = 1<<identifiers - 2
)

// identifiers is one more than the largest language identifier; 0 is the default
// alphabet.
const identifiers = 14

// names are those of the languages by identifier.
var names = strings.Fields("default turkish spanish portuguese bengali gujarati hindi kannada malayalam oriya punjabi tamil telugu urdu")

// String returns the English names in lower case, separated by blanks, such as
// "turkish spanish".
func (l Languages) String() string {
	var list []string
	for id := 1; id < identifiers; id++ {
		if l.has(id) {
			list = append(list, names[id])
		}
	}
	return strings.Join(list, " ")
}

// ParseLanguages reads what String writes; commas do as well, and so does "all".
func ParseLanguages(s string) (Languages, error) {
	var l Languages
next:
	for _, word := range strings.Fields(strings.ToLower(strings.ReplaceAll(s, ",", " "))) {
		if word == "all" {
			l = AllLanguages
			continue
		}
		for id := 1; id < identifiers; id++ {
			if names[id] == word {
				l |= 1 << id
				continue next
			}
		}
		return 0, fmt.Errorf("%q is no language with a table of its own", word)
	}
	return l, nil
}

func (l Languages) has(id int) bool { return l>>id&1 != 0 }

// tables are the identifiers of the languages whose tables a text is written
// with, 0 for the default ones.
type tables struct{ locking, shift byte }

// escape announces a septet of the shift table. 3GPP TS 23.038 6.2.1
const escape = 0x1B

// A table has the character of each septet, 0 where it has none.
type table [128]rune

// A glyph is where a character stands: its septet in each table, or none.
type glyph struct{ locking, shift [identifiers]byte }

const none = 0xFF

// A char is a character of a text and its glyph, nil if no table has it.
type char struct {
	rune
	*glyph
}

// size is how many septets a character takes, 0 if t does not have it.
func (t tables) size(g *glyph) int {
	switch {
	case g == nil:
		return 0
	case g.locking[t.locking] != none:
		return 1
	case g.shift[t.shift] != none:
		return 2
	}
	return 0
}

func (t tables) append(septets []byte, g *glyph) []byte {
	if s := g.locking[t.locking]; s != none {
		return append(septets, s)
	}
	return append(septets, escape, g.shift[t.shift])
}

// An index has the tables and the glyphs of their characters.
type index struct {
	locking, shift [identifiers]table
	glyphs         map[rune]*glyph
	plain          map[rune][]char // what may stand for a typographic character
}

// characters is the index, made on first use: the library, which builds its
// tables without a lock, is asked here alone.
var characters = sync.OnceValue(func() *index {
	x := &index{glyphs: map[rune]*glyph{}, plain: map[rune][]char{}}
	for id := range x.locking {
		x.locking[id].fill(charset.NewDecoder(id)) // the default one for Spanish
		x.shift[id].fill(charset.NewExtDecoder(id))
	}
	// What the library has wrong. 3GPP TS 23.038 A.3.6 and A.2.3
	const hindi, portuguese = 6, 3
	x.locking[hindi][0x00], x.locking[hindi][0x01], x.locking[hindi][0x02] = '\u0901', '\u0902', '\u0903'
	x.shift[portuguese][0x1F] = 'Ê'
	// It is right, with the phones, about 0x24 of the Kannada locking table,
	// U+0CA1, where A.3.7 prints U+0CAA a second time.

	for id := range identifiers {
		for s := 127; s >= 0; s-- { // of two septets for a character the lower one counts
			if s == escape {
				continue // and U+001B, which the library has there, is no character
			}
			if r := x.locking[id][s]; r != 0 {
				x.glyph(r).locking[id] = byte(s)
			}
			if r := x.shift[id][s]; r != 0 {
				x.glyph(r).shift[id] = byte(s)
			}
		}
	}
	for _, line := range plain {
		for _, r := range line.typographic {
			x.plain[r] = x.chars(line.plain)
		}
	}
	// Addresses of names are encoded by the library.
	charset.DefaultEncoder()
	charset.DefaultExtEncoder()
	return x
})

func (t *table) fill(d charset.Decoder) {
	for s, r := range d {
		t[s] = r
	}
}

func (x *index) glyph(r rune) *glyph {
	g := x.glyphs[r]
	if g == nil {
		g = new(glyph)
		for id := range identifiers {
			g.locking[id], g.shift[id] = none, none
		}
		x.glyphs[r] = g
	}
	return g
}

// chars takes text apart. Invalid UTF-8 is U+FFFD. U+0000 and the byte order mark are left out: phones take
// them for fill and for a mark of UTF-16, and one of them would make a text UTF-16.
func (x *index) chars(text string) []char {
	chars := make([]char, 0, len(text))
	for _, r := range text {
		switch r {
		case 0, '\uFEFF':
			continue
		case '\uFFFE': // no character: the byte order mark of the other order
			r = '\uFFFD'
		}
		chars = append(chars, char{r, x.glyphs[r]})
	}
	return chars
}

// decoders returns the tables of t; unknown languages have the default ones.
// 3GPP TS 23.038 6.2.1.2.4
func (x *index) decoders(t tables) (locking, shift *table) {
	if t.locking >= identifiers {
		t.locking = 0
	}
	if t.shift >= identifiers {
		t.shift = 0
	}
	return &x.locking[t.locking], &x.shift[t.shift]
}
