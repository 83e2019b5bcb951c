package oms

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// decoder reads text in another encoding as UTF-8.
type decoder func(io.ByteReader) io.Reader

// decode finds out what the body is in, and how large it is as UTF-8; charset is what its content type names, ""
// where that names none. It fails with a *Fault.
func (b *body) decode(charset string) error {
	decoder, known := decoderOf(b.rest(), charset)
	if !known {
		return &Fault{Code: faultClient, Text: "The request is in a charset that is not known here: send it in UTF-8."}
	}
	b.decoder, b.size = decoder, b.length()
	if b.decoder != nil { // once its size is known, it needs no room that grows, and twice its memory with it
		size, _ := io.Copy(io.Discard, b.decoder(&body{pieces: slices.Clone(b.pieces)}))
		b.size = int(size)
	}
	if b.size > maxBody {
		return tooLarge
	}
	return nil
}

// utf8 returns a reader of the body as UTF-8.
func (b *body) utf8() io.Reader {
	if b.decoder == nil {
		return b
	}
	return b.decoder(b)
}

// decoderOf returns what reads a text that begins so; nil where it is in UTF-8. What it is in is told by its
// byte order mark, else by the zero octet beside its first < where it is UTF-16, else by the charset of its
// content type, else by its XML declaration. RFC 7303 3; Extensible Markup Language (XML) 1.0, appendix F
func decoderOf(start []byte, charset string) (read decoder, known bool) {
	switch {
	case bytes.HasPrefix(start, []byte("\xFF\xFE")), bytes.HasPrefix(start, []byte("<\x00")):
		return func(in io.ByteReader) io.Reader { return &utf16Reader{in: in, order: binary.LittleEndian} }, true
	case bytes.HasPrefix(start, []byte("\xFE\xFF")), bytes.HasPrefix(start, []byte("\x00<")):
		return func(in io.ByteReader) io.Reader { return &utf16Reader{in: in, order: binary.BigEndian} }, true
	case bytes.HasPrefix(start, []byte("\xEF\xBB\xBF")):
		return nil, true
	case charset == "":
		charset = declared(start)
	}
	switch strings.ToLower(charset) {
	case "", "utf-8", "utf8", "us-ascii", "utf-16", "utf-16le", "utf-16be": // it is not UTF-16, whatever it says
		return nil, true
	case "iso-8859-1", "windows-1252": // the same but for some quotation marks and the like
		return func(in io.ByteReader) io.Reader { return &latinReader{in: in} }, true
	}
	return nil, false
}

// declared returns the encoding that an XML declaration names; "" where there is none.
func declared(start []byte) string {
	declaration, _, found := bytes.Cut(start[:min(len(start), 200)], []byte("?>"))
	_, value, named := bytes.Cut(declaration, []byte("encoding"))
	if value = bytes.TrimLeft(value, " \t\r\n="); !found || !named || !bytes.HasPrefix(declaration, []byte("<?xml")) || len(value) == 0 {
		return ""
	}
	value, _, _ = bytes.Cut(value[1:], value[:1])
	return string(value)
}

// latinReader reads Windows-1252, and with it ISO 8859-1, as UTF-8.
type latinReader struct {
	in io.ByteReader
}

func (l *latinReader) Read(p []byte) (n int, err error) {
	for n+utf8.UTFMax <= len(p) {
		b, err := l.in.ReadByte()
		if err != nil {
			return n, err
		}
		r := rune(b)
		if b >= 0x80 && b < 0xA0 {
			r = windows1252[b-0x80]
		}
		n += utf8.EncodeRune(p[n:], r)
	}
	return n, nil
}

// windows1252 are the characters at 0x80 to 0x9F, where ISO 8859-1 has controls.
var windows1252 = [...]rune{
	'€', 0x81, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0x8D, 'Ž', 0x8F,
	0x90, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0x9D, 'ž', 'Ÿ',
}

// utf16Reader reads UTF-16 as UTF-8.
type utf16Reader struct {
	in     io.ByteReader
	order  binary.ByteOrder
	unit   uint16 // that was read too early
	unread bool
}

func (u *utf16Reader) Read(p []byte) (n int, err error) {
	for n+utf8.UTFMax <= len(p) {
		r, err := u.char()
		if err != nil {
			return n, err
		}
		n += utf8.EncodeRune(p[n:], r)
	}
	return n, nil
}

// char returns the next character; U+FFFD for half a surrogate pair.
func (u *utf16Reader) char() (rune, error) {
	first, err := u.next()
	if err != nil || !utf16.IsSurrogate(rune(first)) {
		return rune(first), err
	}
	second, err := u.next()
	if err != nil {
		return utf8.RuneError, nil // the end comes again
	}
	r := utf16.DecodeRune(rune(first), rune(second))
	if r == utf8.RuneError {
		u.unit, u.unread = second, true
	}
	return r, nil
}

func (u *utf16Reader) next() (uint16, error) {
	if u.unread {
		u.unread = false
		return u.unit, nil
	}
	var pair [2]byte
	for i := range pair {
		var err error
		if pair[i], err = u.in.ReadByte(); err != nil {
			return 0, err
		}
	}
	return u.order.Uint16(pair[:]), nil
}
