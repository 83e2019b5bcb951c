package oms

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

const (
	// deepest bounds the nesting of elements; xmsBatch with slides, the deepest there is, has eight levels.
	deepest = 32
	// longestTag bounds a tag with its attributes, in bytes, and mostAttributes how many it has: the
	// decoder keeps them all, and for long.
	longestTag     = 8 << 10
	mostAttributes = 64
)

var (
	errTag       = fmt.Errorf("a tag of more than %d attributes or %d bytes", mostAttributes, longestTag)
	errDirective = errors.New("a document type is not allowed")
	errElements  = errors.New("elements where text belongs")
	errNone      = errors.New("no XML")
)

// reader walks through a foreign XML document once, forward. It refuses document types (and with
// them all entities but XML's own five) and keeps what is said about errors free of the document's
// content, which may be a password.
type reader struct {
	in    source
	xml   *xml.Decoder
	depth int   // open elements
	start int64 // where the token that was read last begins, in bytes

	whole string // the document, where it is in memory; text is handed out as a part of it where it can be
	size  int64  // of the document, in bytes
}

// newReader reads text that is UTF-8 whatever its XML declaration says, and of that size.
func newReader(in io.Reader, size int) *reader {
	r := &reader{in: source{in: in}, size: int64(size)}
	r.xml = xml.NewDecoder(&r.in)
	r.xml.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	return r
}

// readDocument reads a document that was a string of the client. The label in its XML declaration tells
// what the client thinks of its own memory.
func readDocument(text string) *reader {
	r := newReader(strings.NewReader(text), len(text))
	r.whole = text
	return r
}

// next returns the next token; io.EOF after the last.
func (r *reader) next() (xml.Token, error) {
	r.in.token()
	r.start = r.offset()
	token, err := r.xml.Token()
	if err != nil {
		if syntax := (*xml.SyntaxError)(nil); errors.As(err, &syntax) {
			return nil, fmt.Errorf("not well-formed XML at line %d", int64(syntax.Line)+r.in.lines)
		}
		if fault := (*Fault)(nil); err == io.EOF || err == errTag || err == errDirective || errors.As(err, &fault) {
			return nil, err
		}
		return nil, errors.New("not well-formed XML")
	}
	switch t := token.(type) {
	case xml.StartElement:
		if r.depth++; r.depth > deepest {
			return nil, fmt.Errorf("elements more than %d deep", deepest)
		}
		if len(t.Attr) > mostAttributes {
			return nil, errTag
		}
	case xml.EndElement:
		r.depth--
		r.in.before = 0 // that of an empty element has come by now
	case xml.Directive:
		return nil, errDirective
	}
	return token, nil
}

// offset is where the next token begins, in bytes.
func (r *reader) offset() int64 { return r.xml.InputOffset() + r.in.texts }

// root returns the document's element.
func (r *reader) root() (xml.StartElement, error) {
	for {
		if r.in.around() {
			return xml.StartElement{}, errNone
		}
		token, err := r.next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errNone
			}
			return xml.StartElement{}, err
		}
		if e, ok := token.(xml.StartElement); ok {
			return e, nil
		}
	}
}

// end reads what follows the root element: nothing that means anything.
func (r *reader) end() error {
	for {
		if r.in.around() {
			return errors.New("text after the document")
		}
		token, err := r.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, ok := token.(xml.StartElement); ok {
			return errors.New("more than one document")
		}
	}
}

// children visits the children of the element that was opened last, to its end. What visit leaves
// unread of a child is skipped.
func (r *reader) children(visit func(xml.StartElement) error) error {
	level := r.depth
	for {
		if err := r.in.text(nil, 0); err != nil {
			return err
		}
		token, err := r.next()
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if err := visit(t); err != nil {
				return err
			}
			if err := r.skip(level); err != nil {
				return err
			}
		case xml.EndElement:
			return nil
		}
	}
}

// skip reads to where only so many elements are open.
func (r *reader) skip(level int) error {
	for r.depth > level {
		if err := r.in.text(nil, 0); err != nil {
			return err
		}
		if _, err := r.next(); err != nil {
			return err
		}
	}
	return nil
}

// text returns the content of the element that was opened last, to its end: text alone.
func (r *reader) text() (string, error) {
	text, _, _, err := r.located()
	return text, err
}

// located is text with the place of the content in the document, in bytes.
func (r *reader) located() (content string, from, to int64, err error) {
	from = r.offset()
	room := r.size - from
	switch {
	case r.in.empty():
		room = 0
	case r.whole != "":
		run, rest, _ := strings.Cut(r.whole[from:], "<")
		if strings.HasPrefix(rest, "/") && strings.IndexByte(run, '&') < 0 && strings.IndexByte(run, '\r') < 0 { // as most of it
			to = from + int64(len(run))
			return run, from, to, r.ended(run)
		}
		room = int64(len(run) - 3*strings.Count(run, "&")) // what stands for a character has three more at least
	}
	var text strings.Builder // hands out what it has without a copy
	text.Grow(int(max(room, 0)))
	for {
		if err := r.in.text(&text, math.MaxInt); err != nil {
			return "", 0, 0, err
		}
		to = r.offset()
		token, err := r.next()
		if err != nil {
			return "", 0, 0, err
		}
		switch token.(type) {
		case xml.StartElement:
			return "", 0, 0, errElements
		case xml.EndElement:
			if !wellFormed(text.String()) {
				return "", 0, 0, errText
			}
			return text.String(), from, to, nil
		}
	}
}

// ended reads to the end of the element whose text was found already.
func (r *reader) ended(text string) error {
	if !wellFormed(text) {
		return errText
	}
	if err := r.in.text(nil, 0); err != nil {
		return err
	}
	_, err := r.next()
	return err
}

// attribute returns the value of an attribute by its local name.
func attribute(e xml.StartElement, local string) string {
	for _, a := range e.Attr {
		if a.Name.Local == local {
			return a.Value
		}
	}
	return ""
}
