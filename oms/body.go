package oms

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"
)

const (
	// maxBody is the largest request that is read, as it was sent and as UTF-8. ASP.NET, which the services of
	// then were made with, takes half of it unless it is told otherwise (maxRequestLength), so no client was
	// ever allowed more. The fullest message that the settings can allow has room in it (store/value.go).
	maxBody = 8 << 20
	// freeBody is how much of any request is read, whatever else goes on, and how large its pieces are.
	freeBody = 64 << 10
	// What is left of a request that was answered before its end is read on, but no more and no longer than
	// this.
	mostDiscarded = 8 * maxBody
	discardWithin = 3 * time.Second
)

// tooLarge is the fault of a request of more than maxBody.
var tooLarge = &Fault{Code: faultClient, Text: "The request is larger than 8 MB. Nothing was sent; hand over fewer messages at a time."}

// body is a request in pieces, which are let go of as they are read.
type body struct {
	pieces  [][]byte
	decoder decoder // of what they are in; nil where that is UTF-8
	size    int     // as UTF-8
}

// read reads the body of a request to its end, and takes a share of the memory for it. It fails with
// tooLarge, errNoShare, or what the connection says.
func read(w http.ResponseWriter, r *http.Request, b *body, share *share) error {
	left := r.ContentLength
	switch {
	case left > maxBody:
		return tooLarge
	case left < 0: // nobody knows
		left = maxBody
	}
	in := http.MaxBytesReader(w, r.Body, maxBody)
	next := func() []byte { return make([]byte, 0, min(left+bytes.MinRead, freeBody)) } // the end needs room too
	for piece := next(); ; {
		if len(piece) == cap(piece) {
			b.pieces = append(b.pieces, piece)
			if err := share.take(r.Context(), freeBody); err != nil {
				return err
			}
			share.await()
			piece = next()
		}
		n, err := in.Read(piece[len(piece):cap(piece)])
		piece = piece[:len(piece)+n]
		left -= int64(n)
		if err == nil {
			continue
		}
		b.pieces = append(b.pieces, piece)
		large := (*http.MaxBytesError)(nil)
		switch evicted := share.arrived(); {
		case err == io.EOF:
			return nil
		case errors.As(err, &large):
			return tooLarge
		case evicted:
			return errNoShare
		}
		return err
	}
}

// discard reads what is left of a request that was answered before its end: a client that could not
// finish writing would not read the answer.
func discard(w http.ResponseWriter, r *http.Request) {
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(discardWithin))
	io.CopyN(io.Discard, r.Body, mostDiscarded)
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

// length is how many octets are left.
func (b *body) length() (n int) {
	for _, piece := range b.pieces {
		n += len(piece)
	}
	return n
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
