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
