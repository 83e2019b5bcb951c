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

	// 3GPP TS 24.011 E.2, TS 23.040 9.2.3.22, TS 27.005 3.2.5 and TS 27.007 9.2, and what modems make of them.
	"+CMS ERROR: Unassigned number":                                                         {"CMS", 1},
	"+CMS ERROR: Network failure":                                                           {"CMS", 17},
	"+CMS ERROR: Congestion / Memory capacity exceeded":                                     {"CMS", 22},
	"+CMS ERROR: Destination out of order":                                                  {"CMS", 27},
	"+CMS ERROR: Invalid short message transfer reference value":                            {"CMS", 81},
	"+CMS ERROR: Invalid transaction identifier":                                            {"CMS", 81},
	"+CMS ERROR: Invalid message, unspecified":                                              {"CMS", 95},
	"+CMS ERROR: Semantically incorrect message":                                            {"CMS", 95},
	"+CMS ERROR: Invalid mandatory information":                                             {"CMS", 96},
	"+CMS ERROR: Message type non-existent or not implemented":                              {"CMS", 97},
	"+CMS ERROR: Message not compatible with short message protocol state":                  {"CMS", 98},
	"+CMS ERROR: Information element non-existent or not implemented":                       {"CMS", 99},
	"+CMS ERROR: Telematic interworking not supported":                                      {"CMS", 128},
	"+CMS ERROR: Short message Type 0 not supported":                                        {"CMS", 129},
	"+CMS ERROR: Cannot replace short message":                                              {"CMS", 130},
	"+CMS ERROR: Unspecified TP-PID error":                                                  {"CMS", 143},
	"+CMS ERROR: Data coding scheme (alphabet) not supported":                               {"CMS", 144},
	"+CMS ERROR: Data coding scheme not supported":                                          {"CMS", 144},
	"+CMS ERROR: Message class not supported":                                               {"CMS", 145},
	"+CMS ERROR: Unspecified TP-DCS error":                                                  {"CMS", 159},
	"+CMS ERROR: Command cannot be actioned":                                                {"CMS", 160},
	"+CMS ERROR: Command unsupported":                                                       {"CMS", 161},
	"+CMS ERROR: Unspecified TP-Command error":                                              {"CMS", 175},
	"+CMS ERROR: TPDU not supported":                                                        {"CMS", 176},
	"+CMS ERROR: No SC subscription":                                                        {"CMS", 193},
	"+CMS ERROR: SC system failure":                                                         {"CMS", 194},
	"+CMS ERROR: Destination SME barred":                                                    {"CMS", 196},
	"+CMS ERROR: SM Rejected-Duplicate SM":                                                  {"CMS", 197},
	"+CMS ERROR: TP-VPF not supported":                                                      {"CMS", 198},
	"+CMS ERROR: TP-VP not supported":                                                       {"CMS", 199},
	"+CMS ERROR: (U)SIM SMS storage full":                                                   {"CMS", 208},
	"+CMS ERROR: No SMS storage capability in (U)SIM":                                       {"CMS", 209},
	"+CMS ERROR: Error in MS":                                                               {"CMS", 210},
	"+CMS ERROR: Memory Capacity Exceeded":                                                  {"CMS", 211},
	"+CMS ERROR: (U)SIM Application Toolkit Busy":                                           {"CMS", 212},
	"+CMS ERROR: (U)SIM data download error":                                                {"CMS", 213},
	"+CMS ERROR: Unspecified error cause":                                                   {"CMS", 255},
	"+CMS ERROR: operation not allowed":                                                     {"CMS", 302},
	"+CMS ERROR: invalid text mode parameter":                                               {"CMS", 305},
	"+CMS ERROR: (U)SIM PIN required":                                                       {"CMS", 311},
	"+CMS ERROR: (U)SIM PIN necessary":                                                      {"CMS", 311},
	"+CMS ERROR: PH-(U)SIM PIN required":                                                    {"CMS", 312},
	"+CMS ERROR: PH-(U)SIM PIN necessary":                                                   {"CMS", 312},
	"+CMS ERROR: (U)SIM failure":                                                            {"CMS", 313},
	"+CMS ERROR: (U)SIM busy":                                                               {"CMS", 314},
	"+CMS ERROR: (U)SIM wrong":                                                              {"CMS", 315},
	"+CMS ERROR: (U)SIM PUK required":                                                       {"CMS", 316},
	"+CMS ERROR: (U)SIM PIN2 required":                                                      {"CMS", 317},
	"+CMS ERROR: (U)SIM PUK2 required":                                                      {"CMS", 318},
	"+CMS ERROR: unknown":                                                                   {"CMS", 500},
	"+CME ERROR: phone-adaptor link reserved":                                               {"CME", 2},
	"+CME ERROR: phone adapter link reserved":                                               {"CME", 2},
	"+CME ERROR: PH-SIM PIN required":                                                       {"CME", 5},
	"+CME ERROR: PH-FSIM PIN required":                                                      {"CME", 6},
	"+CME ERROR: PH-FSIM PUK required":                                                      {"CME", 7},
	"+CME ERROR: SIM PIN necessary":                                                         {"CME", 11},
	"+CME ERROR: SIM PIN2 required":                                                         {"CME", 17},
	"+CME ERROR: SIM PUK2 required":                                                         {"CME", 18},
	"+CME ERROR: invalid index":                                                             {"CME", 21},
	"+CME ERROR: not found":                                                                 {"CME", 22},
	"+CME ERROR: memory failure":                                                            {"CME", 23},
	"+CME ERROR: text string too long":                                                      {"CME", 24},
	"+CME ERROR: invalid characters in text string":                                         {"CME", 25},
	"+CME ERROR: dial string too long":                                                      {"CME", 26},
	"+CME ERROR: invalid characters in dial string":                                         {"CME", 27},
	"+CME ERROR: network personalization PUK required":                                      {"CME", 41},
	"+CME ERROR: network subset personalization PIN required":                               {"CME", 42},
	"+CME ERROR: network subset personalization PUK required":                               {"CME", 43},
	"+CME ERROR: service provider personalization PIN required":                             {"CME", 44},
	"+CME ERROR: service provider personalization PUK required":                             {"CME", 45},
	"+CME ERROR: corporate personalization PIN required":                                    {"CME", 46},
	"+CME ERROR: corporate personalization PUK required":                                    {"CME", 47},
	"+CME ERROR: hidden key required":                                                       {"CME", 48},
	"+CME ERROR: PH-SIM PUK required":                                                       {"CME", 48},
	"+CME ERROR: command implemented but currently disabled":                                {"CME", 51},
	"+CME ERROR: command aborted by user":                                                   {"CME", 52},
	"+CME ERROR: not attached to network due to MT functionality restrictions":              {"CME", 53},
	"+CME ERROR: modem not allowed - MT restricted to emergency calls only":                 {"CME", 54},
	"+CME ERROR: operation not allowed because of MT functionality restrictions":            {"CME", 55},
	"+CME ERROR: fixed dial number only allowed - called number is not a fixed dial number": {"CME", 56},
	"+CME ERROR: fixed dial number only allowed":                                            {"CME", 56},
	"+CME ERROR: temporarily out of service due to other MT usage":                          {"CME", 57},
	"+CME ERROR: language/alphabet not supported":                                           {"CME", 58},
	"+CME ERROR: unexpected data value":                                                     {"CME", 59},
	"+CME ERROR: system failure":                                                            {"CME", 60},
	"+CME ERROR: data missing":                                                              {"CME", 61},
	"+CME ERROR: call barred":                                                               {"CME", 62},
	"+CME ERROR: message waiting indication subscription failure":                           {"CME", 63},
	"+CME ERROR: unknown error":                                                             {"CME", 100},

	"+CMS ERROR: the dog ate it": {"CMS", -1},
	"+CMS ERROR:":                {"CMS", -1},
	"+CME ERROR: ":               {"CME", -1},
	"+CMS ERROR: -3":             {"CMS", -1},
	"ERROR":                      {"", -1},
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
