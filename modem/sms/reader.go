package sms

import (
	"errors"
	"fmt"
	"time"
)

// ErrTruncated says that a TPDU or PDU ends before what it announces.
var ErrTruncated = errors.New("ends too early")

// reader takes a TPDU apart from front to back. After the first error it only
// returns zeros, so that callers look at err once, at the end.
type reader struct {
	b   []byte
	at  int
	err error
}

// take returns the next n octets, or nil and sets err if there are fewer.
func (r *reader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if len(r.b)-r.at < n {
		r.err = fmt.Errorf("octet %d: %w", r.at, ErrTruncated)
		return nil
	}
	r.at += n
	return r.b[r.at-n : r.at : r.at]
}

func (r *reader) octet() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// timestamp reads seven octets of date, time and zone, each with its digits
// swapped. A date that does not exist is the zero Time, since it says nothing
// about the text it stands beside. 3GPP TS 23.040 9.2.3.11
func (r *reader) timestamp() time.Time {
	b := r.take(7)
	if b == nil {
		return time.Time{}
	}
	var f [6]int // year, month, day, hour, minute, second
	for i := range f {
		low, high := int(b[i]>>4), int(b[i]&0x0F)
		if low > 9 || high > 9 {
			return time.Time{}
		}
		f[i] = high*10 + low
	}
	if f[3] > 23 || f[4] > 59 || f[5] > 59 {
		return time.Time{}
	}
	const mostQuarters = 14 * 4 // no zone is further from UTC than 14 hours
	zone := time.UTC
	if low, high := int(b[6]>>4), int(b[6]&0x07); low <= 9 && low+high > 0 && high*10+low <= mostQuarters {
		east := (high*10 + low) * 15 * 60 // quarters of an hour; the fourth bit is the sign
		if b[6]&0x08 != 0 {
			east = -east
		}
		zone = time.FixedZone("", east)
	}
	year := 2000 + f[0]
	if f[0] >= 70 {
		year = 1900 + f[0]
	}
	t := time.Date(year, time.Month(f[1]), f[2], f[3], f[4], f[5], 0, zone)
	if t.Month() != time.Month(f[1]) { // as 30 February
		return time.Time{}
	}
	return t
}
