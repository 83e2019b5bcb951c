package modem

import (
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
)

// A PDU of which octets are missing is never taken for a whole one, wherever they are missing at its end and
// whatever its length counts: it is read again. 3GPP TS 27.005 3.1
func TestAPDUThatIsCutIsNotWhole(t *testing.T) {
	t.Parallel()
	smsc, _ := hex.DecodeString("0791447758100650")
	deliver, _ := hex.DecodeString("040C914477990010000000621121213000000AE8329BFD4697D9EC37")
	report, _ := hex.DecodeString("06070C91447799001000621121213000006211212130050000")
	for _, tpdu := range [][]byte{deliver, report} {
		for name, pdu := range map[string]struct {
			front  []byte
			length int
		}{
			"behind the address of the message centre": {smsc, len(tpdu)},
			"with a length that counts the address":    {smsc, len(smsc) + len(tpdu)},
			"without the address":                      {nil, len(tpdu)},
			"behind an empty address":                  {[]byte{0}, len(tpdu)},
		} {
			t.Run(fmt.Sprintf("%X/%s", tpdu[0], name), func(t *testing.T) {
				whole := slices.Concat(pdu.front, tpdu)
				for n := range len(whole) {
					if got, ok := unfold(hex.EncodeToString(whole[:n]), pdu.length); ok {
						t.Errorf("the first %d octets of %d are taken for the whole TPDU % X", n, len(whole), got)
					}
				}
				if got, ok := unfold(hex.EncodeToString(whole), pdu.length); !ok || !slices.Equal(got, tpdu) {
					t.Errorf("got % X, whole: %v, want % X", got, ok, tpdu)
				}
			})
		}
	}
}

// What is no whole PDU is kept as it came, as far as it is one: nothing of it is lost.
func TestWhatIsNoWholePDUIsKeptAsItCame(t *testing.T) {
	t.Parallel()
	for pdu, want := range map[string]string{
		"0791447758100650":         "0791447758100650", // the address of the message centre alone
		"079144775810065004":       "04",               // behind it one octet of the TPDU
		"0791447758100650040C9144": "040C9144",
		"00":                       "00",
		"0791":                     "0791", // the end of the address is missing
	} {
		got, whole := unfold(pdu, 24)
		if fmt.Sprintf("%X", got) != want || whole {
			t.Errorf("%s is read as %X, whole %t, want %s", pdu, got, whole, want)
		}
	}
	if got, whole := unfold("no hexadecimal", 24); got != nil || whole {
		t.Errorf("words are read as %X, whole %t", got, whole)
	}
}
