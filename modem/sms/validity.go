package sms

import (
	"slices"
	"sort"
	"time"

	"github.com/warthog618/sms/encoding/tpdu"
)

// relative is what an octet of TP-VP means. 3GPP TS 23.040 9.2.3.12.1
func relative(octet byte) time.Duration {
	v := time.Duration(octet)
	switch {
	case v <= 143:
		return (v + 1) * 5 * time.Minute
	case v <= 167:
		return 12*time.Hour + (v-143)*30*time.Minute
	case v <= 196:
		return (v - 166) * 24 * time.Hour
	}
	return (v - 192) * 7 * 24 * time.Hour
}

// period is the octet of TP-VP that comes nearest to d from below; for less than
// five minutes it says five, the least there is.
func period(d time.Duration) byte {
	over := sort.Search(256, func(v int) bool { return relative(byte(v)) > d })
	return byte(max(over-1, 0))
}

// Relative returns the longest time that TP-VP can express and that is no longer
// than d: five minutes at least, 63 weeks at most. 3GPP TS 23.040 9.2.3.12.1
func Relative(d time.Duration) time.Duration { return relative(period(d)) }

// Within returns a SMS-SUBMIT like tpdu of which the SMSC gives up after
// Relative(d) at the latest. One without a relative validity period is returned
// as it is.
func Within(submit []byte, d time.Duration) []byte {
	if len(submit) < 3 || tpdu.FirstOctet(submit[0]).VPF() != tpdu.VpfRelative {
		return submit
	}
	// TP-MR, then TP-DA: how many digits, their type, two in an octet; TP-PID, TP-DCS. 9.2.2.2
	at := 2 + 2 + (int(submit[2])+1)/2 + 2
	if at >= len(submit) || submit[at] <= period(d) {
		return submit
	}
	shorter := slices.Clone(submit)
	shorter[at] = period(d)
	return shorter
}
