package oms

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// source hands the tags of a document to the decoder byte by byte, and the text between them to the
// reader at once; what comments say is left out. The decoder would keep either three times over while it
// grows; and it reads a whole tag before anybody can look at it, of which an attribute costs it twenty
// times its size: so tags are measured here.
type source struct {
	in      io.Reader
	buffer  [1024]byte
	at, end int   // what is left of buffer
	err     error // what comes behind it

	before, last byte // that were handed out
	place        place
	left         int // bytes that the tag may still have

	texts, lines int64 // bytes and line ends of all texts and comments, which the decoder does not know of
}

// place is what the next byte belongs to.
type place byte

const (
	start    place = iota // the first byte of a token
	opened                // what follows a <
	declares              // what follows a <!
	tag                   // a tag, or a processing instruction
	comment               // what follows a <!-
	free                  // the rest
)

// token tells that what comes next is a token of its own. Where it is known by now that it is no text, its
// < was handed out, and put back by the decoder.
func (s *source) token() {
	s.place, s.left = start, longestTag
	if s.last == '<' {
		s.place = opened
	}
}

// fill sees to it that there is something in the buffer.
func (s *source) fill() error {
	for s.at == s.end {
		if s.err != nil {
			return s.err
		}
		s.at = 0
		s.end, s.err = s.in.Read(s.buffer[:])
	}
	return nil
}

// ReadByte makes the decoder do without a buffer of its own.
func (s *source) ReadByte() (byte, error) {
	if s.at == s.end {
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
	b := s.buffer[s.at]
	s.at++
	s.before, s.last = s.last, b
	if s.place == tag { // most of them
		if s.left--; s.left < 0 {
			return 0, errTag
		}
		return b, nil
	}
	switch s.place {
	case start:
		if s.place = free; b == '<' {
			s.place = opened
		}
	case opened:
		if s.place = tag; b == '!' {
			s.place = declares
		}
	case declares:
		if s.place = comment; b != '-' {
			return 0, errDirective
		}
	case comment:
		if s.place = free; b == '-' {
			s.until(commentEnd, nil, 0)
		}
	}
	return b, nil
}

// Read is never called: the decoder reads bytes where it can.
func (s *source) Read(p []byte) (int, error) {
	b, err := s.ReadByte()
	if err != nil || len(p) == 0 {
		return 0, err
	}
	p[0] = b
	return 1, nil
}

// errText is of text that XML does not allow.
var errText = errors.New("not well-formed XML: a character or an entity that is not allowed")

// empty says whether the tag before was that of an empty element, whose end the decoder has still to tell.
func (s *source) empty() bool { return s.before == '/' && s.last == '>' }

// text appends what there is before the next tag or comment to a text, until that has most bytes or a
// few more, and skips the rest; all of it where there is no text. It may be called where the decoder has
// put nothing back: behind a tag or a comment. Behind the tag of an empty element it reads nothing.
func (s *source) text(to *strings.Builder, most int) error {
	if s.empty() {
		return nil
	}
	returned := false // the text so far ends with a carriage return
	for {
		if err := s.fill(); err == io.EOF {
			return nil // the decoder has a word for it
		} else if err != nil {
			return err
		}
		if to != nil && to.Len() >= most {
			to = nil
		}
		run, ended := s.buffer[s.at:s.end], false
		if i := bytes.IndexByte(run, '<'); i >= 0 {
			run, ended = run[:i], true
		}
		entity := false
		if to != nil {
			if i := bytes.IndexByte(run, '&'); i >= 0 {
				run, ended, entity = run[:i], false, true
			}
			returned = lines(to, run, returned)
		}
		s.take(len(run))
		switch {
		case ended && string(s.ahead(len(sectionStart))) == sectionStart:
			s.take(len(sectionStart))
			if s.until(sectionEnd, to, most) {
				s.take(len(sectionEnd))
			}
			returned = false
		case ended:
			return nil
		case entity:
			if err := s.entity(to); err != nil {
				return err
			}
			returned = false
		}
	}
}

// A CDATA section, and what ends a comment or is wrong in it. Extensible Markup Language (XML) 1.0, 2.5, 2.7
const (
	sectionStart, sectionEnd = "<![CDATA[", "]]>"
	commentEnd               = "--"
)

// until appends what there is before an end to a text, as text does. Where that end does not come, it
// goes on to that of the document, for which the decoder has a word.
func (s *source) until(end string, to *strings.Builder, most int) (found bool) {
	for returned := false; s.fill() == nil; {
		if string(s.ahead(len(end))) == end {
			return true
		}
		if to != nil && to.Len() >= most {
			to = nil
		}
		run := s.buffer[s.at:s.end]
		if i := bytes.IndexByte(run[1:], end[0]); i >= 0 {
			run = run[:1+i]
		}
		if to != nil {
			returned = lines(to, run, returned)
		}
		s.take(len(run))
	}
	return false
}

// mark is a byte order mark as UTF-8.
const mark = "\uFEFF"

// around skips the white space and the byte order marks that may stand around the root element, and says
// whether text follows, which may not. It may be called where text may.
func (s *source) around() (text bool) {
	for s.fill() == nil {
		run := s.buffer[s.at:s.end]
		s.take(len(run) - len(bytes.TrimLeft(run, " \t\r\n")))
		switch {
		case s.at == s.end:
		case string(s.ahead(len(mark))) == mark:
			s.take(len(mark))
		default:
			return s.buffer[s.at] != '<'
		}
	}
	return false
}

// ahead returns what comes next, without taking it: so many bytes, or fewer at the end.
func (s *source) ahead(n int) []byte {
	for s.end-s.at < n && s.err == nil {
		s.end = copy(s.buffer[:], s.buffer[s.at:s.end])
		s.at = 0
		var more int
		more, s.err = s.in.Read(s.buffer[s.end:])
		s.end += more
	}
	return s.buffer[s.at:min(s.end, s.at+n)]
}

// take leaves so many bytes of the buffer behind.
func (s *source) take(n int) {
	if n == 0 {
		return
	}
	s.texts += int64(n)
	s.lines += int64(bytes.Count(s.buffer[s.at:s.at+n], []byte("\n")))
	s.at += n
}

// lines appends text with its line ends as XML has them. Extensible Markup Language (XML) 1.0, 2.11
func lines(to *strings.Builder, run []byte, returned bool) bool {
	for len(run) > 0 {
		if returned && run[0] == '\n' {
			run = run[1:]
		}
		i := bytes.IndexByte(run, '\r')
		if returned = i >= 0; !returned {
			to.Write(run)
			return false
		}
		to.Write(run[:i])
		to.WriteByte('\n')
		run = run[i+1:]
	}
	return returned
}

// entity appends the character that a reference stands for. Extensible Markup Language (XML) 1.0, 4.1, 4.6
func (s *source) entity(to *strings.Builder) error {
	var name [12]byte
	for i := range name {
		if s.fill() != nil {
			return errText
		}
		b := s.buffer[s.at]
		s.take(1)
		if b != ';' {
			name[i] = b
			continue
		}
		switch n := string(name[1:i]); n {
		case "lt":
			to.WriteByte('<')
		case "gt":
			to.WriteByte('>')
		case "amp":
			to.WriteByte('&')
		case "quot":
			to.WriteByte('"')
		case "apos":
			to.WriteByte('\'')
		default:
			digits, numeric := strings.CutPrefix(n, "#")
			base := 10
			if hex, found := strings.CutPrefix(digits, "x"); found {
				digits, base = hex, 16
			}
			code, err := strconv.ParseUint(digits, base, 31)
			if !numeric || err != nil || !allowed(rune(code)) {
				return errText
			}
			to.WriteRune(rune(code))
		}
		return nil
	}
	return errText
}

// wellFormed says whether there is nothing in a text that XML does not allow.
func wellFormed(text string) bool {
	for i := 0; i < len(text); {
		if b := text[i]; b >= ' ' && b < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if !allowed(r) || r == utf8.RuneError && size == 1 {
			return false
		}
		i += size
	}
	return true
}

// allowed says whether a character may stand in XML. Extensible Markup Language (XML) 1.0, 2.2
func allowed(r rune) bool {
	return r >= ' ' && r <= 0xD7FF || r == '\t' || r == '\n' || r == '\r' || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}
