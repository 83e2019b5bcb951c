package modem_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"omsbox/modem"
	"omsbox/modem/simulator"
	"omsbox/store"
)

// The codes that prove what became of a PDU which was written to the modem. All others say nothing of it.
var (
	forGood = []int{ // RP-ERROR: 3GPP TS 24.011 E.2; TP-FCS: TS 23.040 9.2.3.22, where 128..176 are about what the text is
		1, 8, 10, 21, 28, 29, 30, 50, 69, 95, 96, 97, 99, 193, 195, 196, 197, 198, 199}
	stayed    = []int{301, 302, 303, 304, 305, 310, 311, 312, 313, 314, 315, 316, 317, 318, 330, 331}                                   // TS 27.005 3.2.5
	stayedCME = []int{2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 17, 18, 30, 32, 40, 41, 42, 43, 44, 45, 46, 47, 50, 51, 53, 54, 55, 57} // TS 27.007 9.2
)

// proves is what a code is the proof of, after the PDU had left.
func proves(kind string, code int) store.Outcome {
	switch {
	case kind == "CME" && slices.Contains(stayedCME, code), kind == "CMS" && slices.Contains(stayed, code):
		return store.Deferred
	case kind == "CME" && code == 56: // fixed dialling numbers
		return store.Refused
	case kind == "CME":
		return store.Doubtful
	case slices.Contains(forGood, code), code >= 128 && code <= 176:
		return store.Refused
	case code >= 208 && code <= 223: // of a SMS-DELIVER-REPORT: the modem made it
		return store.Doubtful
	case code >= 1 && code <= 255: // a cause that is not known is a temporary failure: TS 24.011 8.2.5.4
		return store.Deferred
	}
	return store.Doubtful
}

// wordsOf are errors in words, with the code that means the same.
var wordsOf = map[string]struct {
	kind string
	code int
}{
	"+CMS ERROR: SIM not inserted":                           {"CMS", 310},
	"+CMS ERROR: (U)SIM not inserted":                        {"CMS", 310},
	"+CMS ERROR: USIM PIN required":                          {"CMS", 311},
	"+CMS ERROR: PH-SIM PIN required":                        {"CMS", 312},
	"+CMS ERROR: SIM failure":                                {"CMS", 313},
	"+CMS ERROR: SIM busy":                                   {"CMS", 314},
	"+CMS ERROR: SIM wrong":                                  {"CMS", 315},
	"+CMS ERROR: SIM PUK required":                           {"CMS", 316},
	"+CMS ERROR: SIM PIN2 required":                          {"CMS", 317},
	"+CMS ERROR: SIM PUK2 required":                          {"CMS", 318},
	"+CMS ERROR: ME failure":                                 {"CMS", 300},
	"+CMS ERROR: SMS service of ME reserved":                 {"CMS", 301},
	"+CMS ERROR: Operation not allowed":                      {"CMS", 302},
	"+CMS ERROR: operation not supported":                    {"CMS", 303},
	"+CMS ERROR: invalid PDU mode parameter":                 {"CMS", 304},
	"+CMS ERROR: Invalid text mode parameter.":               {"CMS", 305},
	"+CMS ERROR: memory failure":                             {"CMS", 320},
	"+CMS ERROR: invalid memory index":                       {"CMS", 321},
	"+CMS ERROR: memory full":                                {"CMS", 322},
	"+CMS ERROR: SMSC address unknown":                       {"CMS", 330},
	"+CMS ERROR: no network service":                         {"CMS", 331},
	"+CMS ERROR: network timeout":                            {"CMS", 332},
	"+CMS ERROR: no +CNMA acknowledgement expected":          {"CMS", 340},
	"+CMS ERROR: unknown error":                              {"CMS", 500},
	"+CMS ERROR: Unassigned (unallocated) number":            {"CMS", 1},
	"+CMS ERROR: Operator determined barring":                {"CMS", 8},
	"+CMS ERROR: Call barred":                                {"CMS", 10},
	"+CMS ERROR: Short message transfer rejected":            {"CMS", 21},
	"+CMS ERROR: Congestion/Memory capacity exceeded":        {"CMS", 22},
	"+CMS ERROR: Destination out of service":                 {"CMS", 27},
	"+CMS ERROR: Unidentified subscriber":                    {"CMS", 28},
	"+CMS ERROR: Facility rejected":                          {"CMS", 29},
	"+CMS ERROR: Unknown subscriber":                         {"CMS", 30},
	"+CMS ERROR: Network out of order":                       {"CMS", 38},
	"+CMS ERROR: Temporary failure":                          {"CMS", 41},
	"+CMS ERROR: Congestion":                                 {"CMS", 42},
	"+CMS ERROR: Resources unavailable, unspecified":         {"CMS", 47},
	"+CMS ERROR: Requested facility not subscribed":          {"CMS", 50},
	"+CMS ERROR: Requested facility not implemented":         {"CMS", 69},
	"+CMS ERROR: Protocol error, unspecified":                {"CMS", 111},
	"+CMS ERROR: Interworking, unspecified":                  {"CMS", 127},
	"+CMS ERROR: SC busy":                                    {"CMS", 192},
	"+CMS ERROR: Invalid SME address":                        {"CMS", 195},
	"+CMS ERROR: Memory capacity exceeded":                   {"CMS", 211},
	"+CMS ERROR: incorrect parameters":                       {"CME", 50}, // the words of the other table
	"+CME ERROR: SIM not inserted":                           {"CME", 10},
	"+CME ERROR: SIM PIN required":                           {"CME", 11},
	"+CME ERROR: SIM PUK required":                           {"CME", 12},
	"+CME ERROR: SIM failure":                                {"CME", 13},
	"+CME ERROR: SIM busy":                                   {"CME", 14},
	"+CME ERROR: SIM wrong":                                  {"CME", 15},
	"+CME ERROR: incorrect password":                         {"CME", 16},
	"+CME ERROR: phone failure":                              {"CME", 0},
	"+CME ERROR: no connection to phone":                     {"CME", 1},
	"+CME ERROR: operation not allowed":                      {"CME", 3},
	"+CME ERROR: operation not supported":                    {"CME", 4},
	"+CME ERROR: memory full":                                {"CME", 20},
	"+CME ERROR: no network service":                         {"CME", 30},
	"+CME ERROR: network timeout":                            {"CME", 31},
	"+CME ERROR: network not allowed - emergency calls only": {"CME", 32},
	"+CME ERROR: Network not allowed, emergency calls only":  {"CME", 32},
	"+CME ERROR: network personalization PIN required":       {"CME", 40},
	"+CME ERROR: incorrect parameters":                       {"CME", 50},
	"+CME ERROR: unknown":                                    {"CME", 100},
	"+CME ERROR: SMSC address unknown":                       {"CMS", 330},
	"+CMS ERROR: the dog ate it":                             {"CMS", -1},
	"+CMS ERROR:":                                            {"CMS", -1},
	"+CME ERROR: ":                                           {"CME", -1},
	"+CMS ERROR: -3":                                         {"CMS", -1},
	"ERROR":                                                  {"", -1},
}

// Each code and each word, numeric and in words, known and unknown, meets a segment before its PDU left, when
// nothing is in doubt, and after.
func TestEveryErrorOfASegment(t *testing.T) {
	hours(t, func(t *testing.T) {
		type answer struct {
			line, kind string
			code       int
		}
		var answers []answer
		for code := 0; code <= 600; code++ {
			for _, kind := range []string{"CMS", "CME"} {
				answers = append(answers, answer{fmt.Sprintf("+%s ERROR: %d", kind, code), kind, code})
			}
		}
		for line, means := range wordsOf {
			answers = append(answers, answer{line, means.kind, means.code})
		}
		sim := simulator.New(simulator.Options{})
		defer sim.Close()
		s := session(t, sim)
		hex, octets := pdu(t, number, "text")
		for _, a := range answers {
			for point, want := range map[simulator.Point]store.Outcome{simulator.AtPrompt: store.Deferred, simulator.AtPDU: proves(a.kind, a.code)} {
				sim.Misbehave(simulator.Once(point, simulator.Fault{Answer: a.line}))
				_, err := s.Submit(context.Background(), hex, octets)
				var refused *modem.CommandError
				if !errors.As(err, &refused) {
					t.Fatalf("%q at %d: %v", a.line, point, err)
				}
				if refused.Kind != a.kind || refused.Code != a.code {
					t.Errorf("%q is read as %s %d, want %s %d", a.line, refused.Kind, refused.Code, a.kind, a.code)
				}
				if got := refused.Outcome(); got != want {
					t.Errorf("%q at %d: the outcome is %d, want %d", a.line, point, got, want)
				}
				if text := refused.Error(); text == "" || strings.ContainsAny(text, "\r\n") {
					t.Errorf("%q reads %q", a.line, text)
				}
			}
		}
		if sim.Count() != 0 {
			t.Errorf("the SMSC took %d", sim.Count())
		}
	})
}
