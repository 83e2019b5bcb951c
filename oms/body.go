package oms

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	// maxBody is the largest request that is read. The fullest text message (50 parts of 1530
	// characters, of up to nine bytes each, as they are escaped twice) takes a third of it.
	maxBody = 2 << 20
	// freeBody is how much of any request is read, whatever else goes on.
	freeBody = 64 << 10
	// maxBodies is how much all requests that are larger may have in sum at one time. To
	// understand a request takes about three times its share of it.
	maxBodies = 16 << 20
	// shareWithin is how long a larger request waits for its share.
	shareWithin = 3 * time.Second
)

// tooLarge is the fault of a request of more than maxBody, as it was sent or as UTF-8.
var tooLarge = &Fault{Code: faultClient, Text: "The request is larger than 2 MB."}

// errNoShare: too many large requests are under way.
var errNoShare = errors.New("no share of the memory for large requests")

// body is a request in pieces, which are let go of as they are read.
type body struct {
	pieces [][]byte
	share  int64 // of Service.bodies, to be given back with the answer
}

// read reads the body of a request to its end. It fails with tooLarge, errNoShare, or what the
// connection says.
func (s *Service) read(w http.ResponseWriter, r *http.Request, b *body) error {
	in, size := http.MaxBytesReader(w, r.Body, maxBody), int64(freeBody)
	if known := r.ContentLength; known > maxBody {
		return tooLarge
	} else if known > freeBody {
		// In UTF-8 it may be half as large again.
		if err := s.take(r, min(known+known/2, maxBody), b); err != nil {
			return err
		}
	} else if known >= 0 {
		size = known
	}
	piece := make([]byte, 0, size+bytes.MinRead)
	for {
		if len(piece) == cap(piece) { // more than freeBody
			if b.share == 0 {
				if err := s.take(r, maxBody, b); err != nil {
					return err
				}
			}
			b.pieces = append(b.pieces, piece)
			piece = make([]byte, 0, freeBody)
		}
		n, err := in.Read(piece[len(piece):cap(piece)])
		piece = piece[:len(piece)+n]
		if err == nil {
			continue
		}
		b.pieces = append(b.pieces, piece)
		if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
			return tooLarge
		}
		if err == io.EOF {
			return nil
		}
		return err
	}
}

// take waits for a share of the memory for large requests.
func (s *Service) take(r *http.Request, share int64, b *body) error {
	ctx, cancel := context.WithTimeout(r.Context(), shareWithin)
	defer cancel()
	if s.bodies.Acquire(ctx, share) != nil {
		return errNoShare
	}
	b.share = share
	return nil
}

// discard reads what is left of a request that was answered before its end: a client that could not
// finish writing would not read the answer.
func discard(w http.ResponseWriter, r *http.Request) {
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(shareWithin))
	io.CopyN(io.Discard, r.Body, maxBody)
}

// blank says whether there is nothing but white space.
func (b *body) blank() bool {
	for _, piece := range b.pieces {
		if len(bytes.TrimSpace(piece)) > 0 {
			return false
		}
	}
	return true
}

// rest returns the piece that is read next; nil at the end.
func (b *body) rest() []byte {
	for len(b.pieces) > 0 && len(b.pieces[0]) == 0 {
		b.pieces[0] = nil
		b.pieces = b.pieces[1:]
	}
	if len(b.pieces) == 0 {
		return nil
	}
	return b.pieces[0]
}

func (b *body) Read(p []byte) (int, error) {
	rest := b.rest()
	if rest == nil {
		return 0, io.EOF
	}
	n := copy(p, rest)
	b.pieces[0] = rest[n:]
	return n, nil
}

// ReadByte is what other encodings are read with.
func (b *body) ReadByte() (byte, error) {
	rest := b.rest()
	if rest == nil {
		return 0, io.EOF
	}
	b.pieces[0] = rest[1:]
	return rest[0], nil
}

// utf8 returns a reader of the body in UTF-8, and how long that is, or 0 where it was not. What it is in is told by its byte order mark, else by the
// zero octet beside its first < where it is UTF-16, else by the charset of its content type, else by
// its XML declaration. RFC 7303 3; Extensible Markup Language (XML) 1.0, appendix F
func (b *body) utf8(charset string) (in io.Reader, size int, err error) {
	start := b.rest()
	switch {
	case bytes.HasPrefix(start, []byte("\xFF\xFE")), bytes.HasPrefix(start, []byte("<\x00")):
		return &utf16Reader{in: b, order: binary.LittleEndian}, 0, nil
	case bytes.HasPrefix(start, []byte("\xFE\xFF")), bytes.HasPrefix(start, []byte("\x00<")):
		return &utf16Reader{in: b, order: binary.BigEndian}, 0, nil
	case bytes.HasPrefix(start, []byte("\xEF\xBB\xBF")):
		return b, b.size(), nil
	case charset == "":
		charset = declared(start)
	}
	switch strings.ToLower(charset) {
	case "", "utf-8", "utf8", "us-ascii", "utf-16", "utf-16le", "utf-16be": // it is not UTF-16, whatever it says
		return b, b.size(), nil
	case "iso-8859-1", "windows-1252": // the same but for some quotation marks and the like
		return &latinReader{in: b}, 0, nil
	}
	return nil, 0, &Fault{Code: faultClient, Text: "The request is in a charset that is not known here: send it in UTF-8."}
}

// size is how many bytes are left.
func (b *body) size() (n int) {
	for _, piece := range b.pieces {
		n += len(piece)
	}
	return n
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

// latinReader reads Windows-1252, and with it ISO 8859-1, as UTF-8, and fails with tooLarge where that
// is too long.
type latinReader struct {
	in   io.ByteReader
	size int // so far, in UTF-8
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
		size := utf8.EncodeRune(p[n:], r)
		if l.size += size; l.size > maxBody {
			return n, tooLarge
		}
		n += size
	}
	return n, nil
}

// windows1252 are the characters at 0x80 to 0x9F, where ISO 8859-1 has controls.
var windows1252 = [...]rune{
	'€', 0x81, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0x8D, 'Ž', 0x8F,
	0x90, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0x9D, 'ž', 'Ÿ',
}

// utf16Reader reads UTF-16 as UTF-8, and fails with tooLarge where that is too long.
type utf16Reader struct {
	in     io.ByteReader
	order  binary.ByteOrder
	unit   uint16 // that was read too early
	unread bool
	size   int // so far, in UTF-8
}

func (u *utf16Reader) Read(p []byte) (n int, err error) {
	for n+utf8.UTFMax <= len(p) {
		r, err := u.char()
		if err != nil {
			return n, err
		}
		size := utf8.EncodeRune(p[n:], r)
		if u.size += size; u.size > maxBody {
			return n, tooLarge
		}
		n += size
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
