package store

import (
	"fmt"
	"unicode/utf8"

	"omsbox/modem/sms"
)

// TooLong is why a text is refused: it has more characters than it may have, or takes more segments than
// a message can have.
type TooLong struct {
	Characters, Most int // in UTF-16 units, as Outlook counts
	SBCS, DBCS       int // the limits, of which Most is one
	Segments         int // where they are too many; else 0
}

func (e *TooLong) Error() string {
	if e.Segments > 0 {
		return fmt.Sprintf("the text takes %d segments, and can take %d", e.Segments, sms.MaxSegments)
	}
	return fmt.Sprintf("the text has %d characters, and can have %d: "+
		"%d where the GSM alphabet has all of them (oms.sbcs), else %d (oms.dbcs)", e.Characters, e.Most, e.SBCS, e.DBCS)
}

// TooLong returns why a text is too long for a service ("" is that of the box), as *TooLong; nil where it
// is not.
func (s *Store) TooLong(text, service string) error {
	return s.Limits(service).TooLong(text, s.Coding())
}

// TooLong returns why a text is too long, as *TooLong; nil where it is not. SBCS holds for what a 7-bit
// alphabet of the coding can carry, and for US-ASCII, of which serviceInfo promises it: a grave accent is
// US-ASCII, and no GSM alphabet has it. DBCS holds for any other text.
func (l Limits) TooLong(text string, coding sms.Coding) error {
	e := &TooLong{Most: l.SBCS, SBCS: l.SBCS, DBCS: l.DBCS}
	ascii := true
	for _, r := range text {
		if e.Characters++; r > 0xFFFF {
			e.Characters++
		}
		ascii = ascii && r < utf8.RuneSelf
	}
	switch {
	case e.Characters > max(l.SBCS, l.DBCS): // in any alphabet, so which need not be found out
		e.Most = max(l.SBCS, l.DBCS)
	case !ascii && !coding.GSM7(text):
		e.Most = l.DBCS
	}
	if e.Characters > e.Most {
		return e
	}
	if n := coding.Segments(text); n > sms.MaxSegments {
		e.Segments = n
		return e
	}
	return nil
}
