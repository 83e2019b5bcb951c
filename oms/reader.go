package oms

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// deepest bounds the nesting of elements; xmsData with slides, the deepest there is, has seven levels.
const deepest = 32

// reader walks through a foreign XML document once, forward. It refuses document types (and with
// them all entities but XML's own five) and keeps what is said about errors free of the document's
// content, which may be a password.
type reader struct {
	xml   *xml.Decoder
	depth int // open elements
}

// newReader reads text that is UTF-8 whatever its XML declaration says: the inner documents were
// strings of the client, and the label tells what it thinks of its own memory.
func newReader(in io.Reader) *reader {
	r := &reader{xml: xml.NewDecoder(in)}
	r.xml.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	return r
}

// next returns the next token; io.EOF after the last.
func (r *reader) next() (xml.Token, error) {
	token, err := r.xml.Token()
	if err != nil {
		if syntax := (*xml.SyntaxError)(nil); errors.As(err, &syntax) {
			return nil, fmt.Errorf("not well-formed XML at line %d", syntax.Line)
		}
		if fault := (*Fault)(nil); errors.Is(err, io.EOF) || errors.As(err, &fault) {
			return nil, err
		}
		return nil, errors.New("not well-formed XML")
	}
	switch token.(type) {
	case xml.StartElement:
		if r.depth++; r.depth > deepest {
			return nil, fmt.Errorf("elements more than %d deep", deepest)
		}
	case xml.EndElement:
		r.depth--
	case xml.Directive:
		return nil, errors.New("a document type is not allowed")
	}
	return token, nil
}

// root returns the document's element.
func (r *reader) root() (xml.StartElement, error) {
	for {
		token, err := r.next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("no XML")
			}
			return xml.StartElement{}, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			return t, nil
		case xml.CharData:
			if !blank(t) {
				return xml.StartElement{}, errors.New("no XML")
			}
		}
	}
}

// end reads what follows the root element: nothing that means anything.
func (r *reader) end() error {
	for {
		token, err := r.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			return errors.New("more than one document")
		case xml.CharData:
			if !blank(t) {
				return errors.New("text after the document")
			}
		}
	}
}

// children visits the children of the element that was opened last, to its end. What visit leaves
// unread of a child is skipped.
func (r *reader) children(visit func(xml.StartElement) error) error {
	level := r.depth
	for {
		token, err := r.next()
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if err := visit(t); err != nil {
				return err
			}
			for r.depth > level {
				if _, err := r.next(); err != nil {
					return err
				}
			}
		case xml.EndElement:
			return nil
		}
	}
}

// text returns the content of the element that was opened last, to its end: text alone.
func (r *reader) text() (string, error) {
	text, _, _, err := r.located()
	return text, err
}

// located is text with the place of the content in the document, in bytes.
func (r *reader) located() (content string, from, to int64, err error) {
	from = r.xml.InputOffset()
	var text strings.Builder // hands out what it has without a copy
	for {
		to = r.xml.InputOffset()
		token, err := r.next()
		if err != nil {
			return "", 0, 0, err
		}
		switch t := token.(type) {
		case xml.CharData: // a run of text, or a CDATA section
			text.Write(t)
		case xml.StartElement:
			return "", 0, 0, errors.New("elements where text belongs")
		case xml.EndElement:
			return text.String(), from, to, nil
		}
	}
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

// blank says whether text outside of the root element is none; a byte order mark is none.
func blank(text []byte) bool {
	return strings.Trim(string(text), " \t\r\n\ufeff") == ""
}
