package mailer

// dataDecoder reads the octets of a mail as they come after DATA, and finds its end: exactly CR LF . CR LF,
// whatever comes before. RFC 5321 4.1.1.4. go-smtp misses an end that follows CR CR LF. So the decoder tells
// go-smtp where lines end, and where the mail does, in the one way that go-smtp understands.
// The zero value stands at the beginning of a mail.
type dataDecoder struct {
	place place
	crs   int // CR that came last, one after the other
}

// place is where in a line the decoder stands.
type place int

const (
	lineStart  place = iota // CR LF came last, or nothing
	afterDot                // a period that begins a line came last
	afterDotCR              // after it came CR, and nothing else
	inLine
	afterCR
)

// next takes the next octet of the mail. It appends to out what go-smtp is to read for it, and reports
// whether the mail is over. A line that begins with a period has a second one in out. RFC 5321 4.5.2
//
// Where several CR come before an LF, out has one: some programs write text whose lines end in CR LF
// through a library that puts CR before each LF.
func (d *dataDecoder) next(out []byte, c byte) (_ []byte, over bool) {
	switch {
	case c == '\r':
		d.crs++
		switch d.place {
		case afterDot:
			d.place = afterDotCR
		case lineStart, inLine:
			d.place = afterCR
		}
		return out, false
	case c == '\n' && d.crs > 0:
		over = d.place == afterDotCR && d.crs == 1
		*d = dataDecoder{}
		if over {
			return append(out, ".\r\n"...), true
		}
		return append(out, "\r\n"...), false
	case d.crs > 0: // in the middle of a line
		out = append(out, "\r\r"[:min(d.crs, 2)]...)
	case d.place == lineStart && c == '.':
		d.place = afterDot
		return out, false
	case d.place == afterDot && c == '.':
		out = append(out, '.')
	}
	d.place, d.crs = inLine, 0
	return append(out, c), false
}
