package modem_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"omsbox/modem/simulator"
	"omsbox/store"
)

// strike is a fault at one point of the modem's life.
type strike struct {
	point simulator.Point
	line  string // at commands that begin so
	fault simulator.Fault
	times int // how often: once if 0, always if negative

	cure  func(*simulator.Simulator) // nil: it is over by itself, or the modem helps itself
	after time.Duration              // the strike, the cure comes
}

// row is a way in which a modem or a network misbehaves, and what that may lead to.
type row struct {
	name    string
	options simulator.Options
	always  []strike         // from the modem's start
	strikes []strike         // from when the dialogue begins
	before  func(*lab) error // what is done before the modem starts
	begin   func(*lab)       // what happens when the dialogue begins
	lasts   time.Duration
	want    []store.State // what becomes of a text that goes out: sent or delivered if none is said
	parts   []int         // in which order the segments of a text come in
	came    []string      // further texts that come in
	left    bool          // texts may stay on the SIM
}

var (
	doubtful = []store.State{store.Unconfirmed, store.Sent, store.Delivered}
	failed   = []store.State{store.Failed}
)

// What modems and networks answer to a segment, beside the codes of forGood, stayed and stayedCME.
var (
	forNow  = []int{17, 22, 27, 38, 40, 41, 42, 47, 81, 98, 111, 127, 192, 194, 224, 255} // 3GPP TS 24.011 E.2, TS 23.040 9.2.3.22
	unclear = []string{"+CMS ERROR: 0", "+CMS ERROR: 208", "+CMS ERROR: 211", "+CMS ERROR: 300", "+CMS ERROR: 320", "+CMS ERROR: 321",
		"+CMS ERROR: 322", "+CMS ERROR: 332", "+CMS ERROR: 340", "+CMS ERROR: 500", "+CMS ERROR: 512", "+CMS ERROR: 513", "+CMS ERROR: 514",
		"+CMS ERROR: 515", "+CMS ERROR: 999", "+CME ERROR: 0", "+CME ERROR: 20", "+CME ERROR: 31", "+CME ERROR: 100", "+CME ERROR: 515", "ERROR",
		"+CMS ERROR: unknown error", "+CMS ERROR: words that nobody knows", "+CMS ERROR:"}
)

// rows returns the matrix.
func rows() []row { return slices.Concat(misbehaviours, refusals(), stoppages()) }

// misbehaviours are rows of which each has its own cause.
var misbehaviours = []row{
	{name: "a modem that does all as it should"},

	// The line.
	{name: "every byte comes by itself", begin: func(l *lab) { l.sim.SplitReads(1) }},
	{name: "what it says comes in pieces", begin: func(l *lab) { l.sim.SplitReads(2, 3, 5, 7, 11, 1) }},
	{name: "an answer and what comes unasked are read at once", strikes: []strike{{line: "AT", fault: simulator.Fault{URCs: []string{"RING"}}, point: simulator.AtCommand, times: -1}}},
	{name: "each answer takes 8 s", strikes: []strike{{point: simulator.AtCommand, fault: simulator.Fault{Cuts: []simulator.Cut{{Pause: 8 * time.Second}}}, times: 12}}, lasts: 3 * time.Minute},
	{name: "the network takes 30 s for a segment", options: simulator.Options{SubmitDelay: 30 * time.Second}, lasts: 2 * time.Minute},
	{name: "the network takes 100 s for a segment", options: simulator.Options{SubmitDelay: 100 * time.Second}, lasts: 6 * time.Minute},
	{name: "the echo cannot be turned off", always: []strike{{point: simulator.AtCommand, line: "ATE0", fault: simulator.Fault{Answer: "OK"}, times: -1}}},
	{name: "the echo comes back", begin: func(l *lab) { l.sim.Reset() }, always: []strike{{point: simulator.AtCommand, line: "ATE0", fault: simulator.Fault{Answer: "ERROR"}, times: -1}}},
	{name: "it takes no more bytes for a while", strikes: []strike{{point: simulator.AtCommand, fault: simulator.Fault{Stall: true}, cure: flow, after: 5 * time.Second}}},
	{name: "a baud rate nobody speaks for a second", strikes: []strike{{point: simulator.AtCommand, fault: simulator.Fault{Cuts: []simulator.Cut{{Say: "\x80\xfe\x00\x1c~\xe0\xff"}}}, times: 3}}, want: doubtful},

	// The prompt.
	{name: "a prompt without a space", strikes: []strike{{point: simulator.AtPrompt, fault: simulator.Fault{Prompt: "\r\n>"}, times: -1}}},
	{name: "a prompt on a line of its own", strikes: []strike{{point: simulator.AtPrompt, fault: simulator.Fault{Prompt: "\r\n>\r\n"}, times: -1}}},
	{name: "a prompt in the same line as noise", strikes: []strike{{point: simulator.AtPrompt, fault: simulator.Fault{Prompt: "\r\n^RSSI: 4\r\n> "}, times: -1}}},
	{name: "no prompt", strikes: []strike{{point: simulator.AtPrompt, fault: simulator.Fault{Prompt: "\r\n"}}}},
	{name: "no prompt three times", strikes: []strike{{point: simulator.AtPrompt, fault: simulator.Fault{Prompt: "\r\n"}, times: 3}}},
	{name: "a prompt after 9 s", strikes: []strike{{point: simulator.AtPrompt, fault: simulator.Fault{Cuts: []simulator.Cut{{Pause: 9 * time.Second}}}}}},
	{name: "a prompt that comes too late", strikes: []strike{{point: simulator.AtPrompt, fault: simulator.Fault{Cuts: []simulator.Cut{{Pause: 15 * time.Second}}}}}},
	{name: "a prompt that nobody asked for", strikes: []strike{{point: simulator.AtCommand, line: "AT+C", fault: simulator.Fault{URCs: []string{">"}}, times: -1}}},

	// What comes unasked.
	{name: "a storm of what means nothing", strikes: []strike{{point: simulator.AtCommand, fault: simulator.Fault{URCs: noise}, times: -1}, {point: simulator.AtPDU, fault: simulator.Fault{URCs: noise}, times: -1}}},
	{name: "somebody rings and gives up", strikes: []strike{{point: simulator.AtPDU, fault: simulator.Fault{URCs: []string{"RING", "NO CARRIER"}}, times: -1}}},
	{name: "a line longer than any", strikes: []strike{{point: simulator.AtCommand, fault: simulator.Fault{URCs: []string{strings.Repeat("x", 9000)}}, times: 3}}, want: doubtful},
	{name: "a report that is cut off", strikes: []strike{{point: simulator.AtCommand, fault: simulator.Fault{URCs: []string{"+CDS: 25"}}, times: 3}}},
	{name: "an announcement of a place where nothing is", strikes: []strike{{point: simulator.AtCommand, fault: simulator.Fault{URCs: []string{`+CMTI: "SM",19`, `+CMTI: "XX",1`, `+CMTI: 7`, `+CDSI: "SR",4`}}, times: 3}}},

	// Answers.
	{name: "the answer to a segment is lost", strikes: []strike{{point: simulator.AtResult, fault: simulator.Fault{Lose: true}}}, want: doubtful},
	{name: "the answer to a segment comes after 100 s", strikes: []strike{{point: simulator.AtResult, fault: simulator.Fault{Late: 100 * time.Second}}}},
	{name: "the answer to a segment comes after 130 s", strikes: []strike{{point: simulator.AtResult, fault: simulator.Fault{Late: 130 * time.Second}}}},
	{name: "the answer to a segment comes after 4 min", strikes: []strike{{point: simulator.AtResult, fault: simulator.Fault{Late: 4 * time.Minute}}}, want: doubtful, lasts: 2 * time.Minute},
	{name: "the report comes before the answer", strikes: []strike{{point: simulator.AtResult, fault: simulator.Fault{Early: true}, times: -1}}},
	{name: "the reports come an hour later", options: simulator.Options{ReportDelay: time.Hour}},
	{name: "the answer to a command is lost", strikes: []strike{{point: simulator.AtCommand, fault: simulator.Fault{Lose: true}}}, want: doubtful},
	{name: "the list of texts is lost", strikes: []strike{{point: simulator.AtCommand, line: "AT+CMGL", fault: simulator.Fault{Lose: true}}}},
	{name: "the answer to a delete is lost", strikes: []strike{{point: simulator.AtCommand, line: "AT+CMGD", fault: simulator.Fault{Lose: true}}}},
	{name: "the choice of a storage is refused", strikes: []strike{{point: simulator.AtCommand, line: "AT+CPMS", fault: simulator.Fault{Answer: "+CMS ERROR: 302"}}}},
	{name: "the list of texts is refused while the SIM is busy", strikes: []strike{{point: simulator.AtCommand, line: "AT+CMGL", fault: simulator.Fault{Answer: "+CMS ERROR: 314"}}}},
	{name: "a delete is refused", strikes: []strike{{point: simulator.AtCommand, line: "AT+CMGD", fault: simulator.Fault{Answer: "+CMS ERROR: 320"}}}},
	{name: "no delete is obeyed", strikes: []strike{{point: simulator.AtCommand, line: "AT+CMGD", fault: simulator.Fault{Answer: "+CMS ERROR: 320"}, times: -1}}, left: true},
	{name: "a delete is answered and not done", strikes: []strike{{point: simulator.AtCommand, line: "AT+CMGD", fault: simulator.Fault{Answer: "OK"}, times: 2}}},
	{name: "no delete is done", strikes: []strike{{point: simulator.AtCommand, line: "AT+CMGD", fault: simulator.Fault{Answer: "OK"}, times: -1}}, left: true},

	// Texts that come in.
	{name: "a text is delivered twice", strikes: []strike{{point: simulator.AtDeliver, fault: simulator.Fault{Twice: true}, times: -1}}},
	{name: "a text is delivered once more 40 s later", strikes: []strike{{point: simulator.AtDeliver, fault: simulator.Fault{Again: 40 * time.Second}, times: 3}}},
	{name: "the second segment comes first", parts: []int{2, 1}},
	{name: "each segment comes twice", parts: []int{1, 1, 2, 2}},
	{name: "more texts than the SIM holds", options: simulator.Options{SM: 3, ME: 1}, begin: flood, came: flooding},
	{name: "texts come while the stick is out", begin: func(l *lab) {
		l.sim.Unplug()
		flood(l)
		l.in(30*time.Second, l.sim.Plug)
	}, came: flooding},

	// What a modem does not know.
	{name: "no AT+CNMI but the fifth is taken", always: []strike{{point: simulator.AtCommand, line: "AT+CNMI", fault: simulator.Fault{Answer: "+CMS ERROR: 303"}, times: 4}}},
	{name: "no AT+CNMI is taken", always: []strike{{point: simulator.AtCommand, line: "AT+CNMI", fault: simulator.Fault{Answer: "+CMS ERROR: 303"}, times: -1}}},
	{name: "AT+CNMI is answered and not done", always: []strike{{point: simulator.AtCommand, line: "AT+CNMI", fault: simulator.Fault{Answer: "OK"}, times: -1}}},
	{name: "AT+CNMI is forgotten", options: simulator.Options{CNMILife: 3 * time.Second}},
	{name: "texts come directly", options: direct},
	{name: "texts come directly, and an acknowledgement is lost", options: direct, strikes: []strike{{point: simulator.AtCommand, line: "AT+CNMA", fault: simulator.Fault{Lose: true}}}},
	{name: "texts come directly, and an acknowledgement is refused", options: direct, strikes: []strike{{point: simulator.AtCommand, line: "AT+CNMA", fault: simulator.Fault{Answer: "+CMS ERROR: 340"}}}},
	{name: "texts come directly, and it hangs up before the acknowledgement", options: direct, strikes: []strike{{point: simulator.AtCommand, line: "AT+CNMA", fault: simulator.Fault{HangUp: true}}}},
	{name: "AT+CMMS is not known", always: []strike{{point: simulator.AtCommand, line: "AT+CMMS", fault: simulator.Fault{Answer: "ERROR"}, times: -1}}},
	{name: "AT+CSMS is not known", always: []strike{{point: simulator.AtCommand, line: "AT+CSMS", fault: simulator.Fault{Answer: "ERROR"}, times: -1}}},

	// What is not as it was set up, and answers that are not as the standard has them.
	{name: "it fell into text mode", begin: func(l *lab) { l.sim.FallIntoTextMode() }},
	{name: "it starts by itself and says one line", options: words, begin: func(l *lab) { l.sim.Relapse("SMS Ready") }},
	{name: "it starts by itself and says nothing", options: words, begin: func(l *lab) { l.sim.Relapse() }},
	{name: "it starts by itself while it lists its texts", options: words,
		strikes: []strike{{point: simulator.AtCommand, line: "AT+CMGL", fault: simulator.Fault{Anew: true, URCs: []string{"PB DONE"}}}}},
	{name: "it falls into text mode while it lists its texts",
		strikes: []strike{{point: simulator.AtCommand, line: "AT+CMGL", fault: simulator.Fault{Text: true}}}},
	{name: "information comes after its OK", always: tardy},
	{name: "messages without the address of the message centre", options: simulator.Options{NoSMSC: true}},
	{name: "messages with a length alone", options: simulator.Options{BareCMGR: true},
		always: []strike{{point: simulator.AtCommand, line: "AT+CMGL", fault: simulator.Fault{Answer: "+CMS ERROR: 302"}, times: -1}}},
	{name: "a line between the two of a report", options: simulator.Options{Amid: "^RSSI:20"}},
	{name: "a line between the two of a text", options: simulator.Options{Amid: "^RSSI:20", CNMI: direct.CNMI}},
	{name: "5G standalone", options: simulator.Options{Only5G: true}},

	// The SIM.
	{name: "the SIM asks for a PIN that is known", options: simulator.Options{PIN: "4711"}, before: func(l *lab) error {
		return l.Set(context.Background(), "sim.pin", "4711")
	}, strikes: []strike{{point: simulator.AtCommand, fault: simulator.Fault{Drop: true}}}, want: doubtful},

	// The network.
	{name: "the network is found after 2 min", options: simulator.Options{Search: 2 * time.Minute}, lasts: 2 * time.Minute},
	{name: "the network is away for 10 min", begin: func(l *lab) {
		l.sim.Register(2)
		l.in(10*time.Minute, func() { l.sim.Register(1) })
	}, lasts: 10 * time.Minute},
	{name: "the network refuses the SIM for 10 min", begin: func(l *lab) {
		l.sim.Register(3)
		l.in(10*time.Minute, func() { l.sim.Register(1) })
	}, lasts: 10 * time.Minute},
	{name: "the network comes back when it is asked for", begin: func(l *lab) { l.sim.Deregister(2, simulator.ByCOPS) }, lasts: 5 * time.Minute},
	{name: "the network comes back when the radio was off", begin: func(l *lab) { l.sim.Deregister(0, simulator.ByCFUN) }, lasts: 10 * time.Minute},
	{name: "the network comes back when the modem was restarted", begin: func(l *lab) { l.sim.Deregister(2, simulator.ByRestart) }, lasts: 20 * time.Minute},
	{name: "the phone does not exist any more", begin: func(l *lab) { l.sim.Phone(number).Reject(0x49) }, want: failed},

	// The port.
	{name: "the stick is out for 10 s", begin: func(l *lab) { l.out(10 * time.Second) }},
	{name: "the stick is out for an hour", begin: func(l *lab) { l.out(time.Hour) }, lasts: time.Hour},
	{name: "another program has the port for a minute", begin: func(l *lab) {
		l.busy.Store(true)
		l.sim.Reset()
		l.in(time.Minute, func() { l.busy.Store(false) })
	}},
}

// refusals are the errors that a modem answers to a segment.
func refusals() (all []row) {
	for _, family := range simulator.Profiles() {
		all = append(all,
			row{name: "a " + family, options: simulator.Options{Profile: family}},
			row{name: "a " + family + " that chatters", options: simulator.Options{Profile: family, Chatter: 200 * time.Millisecond, SubmitDelay: time.Second}},
			row{name: "a " + family + " that restarts with the segment", options: simulator.Options{Profile: family, Boot: 10 * time.Second}, want: doubtful,
				strikes: []strike{{point: simulator.AtPDU, fault: simulator.Fault{Drop: true, Away: 10 * time.Second}}}})
	}
	for _, n := range forGood {
		all = append(all, row{name: fmt.Sprintf("+CMS ERROR: %d is for good", n), want: failed,
			strikes: []strike{{point: simulator.AtPDU, fault: simulator.Fault{Answer: fmt.Sprintf("+CMS ERROR: %d", n)}}}})
	}
	for _, n := range slices.Concat(forNow, stayed) {
		all = append(all, row{name: fmt.Sprintf("+CMS ERROR: %d passes", n),
			strikes: []strike{{point: simulator.AtPDU, fault: simulator.Fault{Answer: fmt.Sprintf("+CMS ERROR: %d", n)}}}})
	}
	for _, n := range stayedCME {
		all = append(all, row{name: fmt.Sprintf("+CME ERROR: %d passes", n),
			strikes: []strike{{point: simulator.AtPDU, fault: simulator.Fault{Answer: fmt.Sprintf("+CME ERROR: %d", n)}}}})
	}
	for _, answer := range unclear {
		all = append(all,
			row{name: answer + " before the prompt passes", strikes: []strike{{point: simulator.AtPrompt, fault: simulator.Fault{Answer: answer}}}},
			row{name: answer + " after the segment says nothing", want: []store.State{store.Unconfirmed},
				strikes: []strike{{point: simulator.AtPDU, fault: simulator.Fault{Answer: answer}}}})
	}
	return all
}

// stoppages are the ways in which a modem stops to work, at each point at which it may.
func stoppages() (all []row) {
	points := []struct {
		name  string
		point simulator.Point
		line  string
		want  []store.State
	}{
		{"before a segment", simulator.AtCommand, "AT+CMGS", nil},
		{"before the prompt", simulator.AtPrompt, "", nil},
		{"with the segment", simulator.AtPDU, "", doubtful},
		{"with the answer", simulator.AtResult, "", doubtful},
		{"while it lists its texts", simulator.AtCommand, "AT+CMGL", nil},
		{"while it deletes a text", simulator.AtCommand, "AT+CMGD", nil},
	}
	ends := []struct {
		name  string
		fault simulator.Fault
		cure  func(*simulator.Simulator)
		lasts time.Duration // until the cure comes, or the modem's ladder gets there
	}{
		{"it hangs up", simulator.Fault{HangUp: true}, nil, 0},
		{"it restarts", simulator.Fault{Drop: true}, nil, 0},
		{"it restarts and takes 15 s", simulator.Fault{Drop: true, Away: 15 * time.Second}, nil, 0},
		{"it takes no more bytes for a minute", simulator.Fault{Stall: true}, flow, time.Minute},
		{"it hangs for 40 s", simulator.Fault{Hang: true, For: 40 * time.Second}, nil, 0},
		{"it hangs until it hears another command", simulator.Fault{Hang: true, Cure: simulator.ByAttention}, nil, 0},
		{"it hangs until ESC", simulator.Fault{Hang: true, Cure: simulator.ByEscape}, nil, 0},
		{"it hangs until ATZ", simulator.Fault{Hang: true, Cure: simulator.ByInit}, nil, 0},
		{"it hangs until AT+CFUN", simulator.Fault{Hang: true, Cure: simulator.ByCFUN}, nil, 0},
		{"it hangs until the port is reopened", simulator.Fault{Hang: true, Cure: simulator.ByReopen}, nil, 0},
		{"it hangs until it is restarted", simulator.Fault{Hang: true, Cure: simulator.ByRestart}, nil, 0},
		{"it hangs until somebody pulls it out, an hour later", simulator.Fault{Hang: true}, (*simulator.Simulator).Reset, time.Hour},
	}
	for _, e := range ends {
		for _, p := range points {
			want := p.want
			if e.fault.Stall && p.line == "" || e.fault.Stall && p.line == "AT+CMGS" {
				want = doubtful // nobody knows how much of it the modem took
			}
			all = append(all, row{name: e.name + " " + p.name, want: want, lasts: e.lasts,
				strikes: []strike{{point: p.point, line: p.line, fault: e.fault, cure: e.cure, after: e.lasts}}})
		}
	}
	return all
}

// flow ends a stall.
func flow(s *simulator.Simulator) { s.StallWrites(false) }

// direct is a modem that stores no text that comes in.
var direct = simulator.Options{CNMI: func(cnmi [5]int) bool { return cnmi[1] == 2 }}

// words is a modem that starts in text mode.
var words = simulator.Options{TextMode: true}

// tardy are answers that come after their OK.
var tardy = func() (all []strike) {
	for _, line := range []string{"AT+CPIN?", "AT+CFUN?", "AT+CMGF?", "AT+CSCA?", "AT+CNMI?", "AT+CSMS?", "AT+CREG?", "AT+CEREG?", "AT+COPS?"} {
		all = append(all, strike{point: simulator.AtCommand, line: line, fault: simulator.Fault{Tardy: 200 * time.Millisecond}, times: -1})
	}
	return all
}()

var noise = []string{"^RSSI: 3", "RING", "+CREG: 1", "^BOOT:35323129,0,0,0,26", "^MODE:5,4", "+CRING: VOICE", `+CLIP: "+447911000003",145`,
	"UNDER-VOLTAGE WARNNING", "*PSUTTZ: 2026,11,21,20,31,32,\"+8\",0", "+ZPASR: \"HSDPA\"", "+CGEV: ME PDN ACT 1", `+QIND: "csq",20,99`, "NO CARRIER"}

// flooding are more texts than a small SIM holds.
var flooding = func() (texts []string) {
	for i := range 12 {
		texts = append(texts, fmt.Sprintf("One of many, %d.", i))
	}
	return texts
}()

func flood(l *lab) {
	for _, text := range flooding {
		if err := l.sim.Phone("+447911000055").Send(text); err != nil {
			panic(err)
		}
	}
}

// script is all strikes in one, for Simulator.Misbehave.
func (l *lab) script(strikes []strike) func(simulator.Moment) simulator.Fault {
	left := make([]int, len(strikes))
	for i, s := range strikes {
		left[i] = s.times
		if left[i] == 0 {
			left[i] = 1
		}
	}
	return func(m simulator.Moment) simulator.Fault {
		if m.Point == simulator.AtOpen {
			return simulator.Fault{Busy: l.busy.Load()}
		}
		for i, s := range strikes {
			if s.point != m.Point || !strings.HasPrefix(m.Line, s.line) || left[i] == 0 {
				continue
			}
			if left[i]--; left[i] < 0 {
				left[i] = -1
			}
			if s.cure != nil {
				l.in(s.after, func() { s.cure(l.sim) })
			}
			return s.fault
		}
		return simulator.Fault{}
	}
}

// TestFaultMatrix lets each misbehaviour meet a text that goes out and one that comes in. Whatever
// it is, nothing is lost, nothing is doubled, nothing goes astray, and what comes next goes through.
func TestFaultMatrix(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var total outcome
	t.Cleanup(func() { t.Log(total.String()) })
	for i, r := range rows() {
		for j, what := range dialogues {
			if (i+j)%sparse(4) != 0 {
				continue
			}
			t.Run(r.name+"/"+what.name, func(t *testing.T) {
				t.Parallel()
				var o outcome
				synctest.Test(t, func(t *testing.T) {
					l := newLab(t, r.options, func(l *lab) {
						l.sim.Misbehave(l.script(r.always))
						if r.before != nil {
							check(t, r.before(l))
						}
					})
					l.lasts, l.parts = r.lasts, r.parts
					l.sim.Misbehave(l.script(slices.Concat(r.strikes, r.always)))
					if r.begin != nil {
						r.begin(l)
					}
					what.run(t, l, &o, expectation{want: r.want, came: r.came, left: r.left})
				})
				for _, fault := range o.faults {
					t.Error(fault)
				}
				mu.Lock()
				total.merge(o)
				mu.Unlock()
			})
		}
	}
}

// A SIM that was read wrong was another one: what had begun to leave through it waited for that in vain.
func TestADigitThatTheLineLosesMakesNoOtherSIM(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"AT+CIMI", "AT+CCID"} {
		t.Run(line, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, simulator.Options{}, func(l *lab) {
					l.sim.Misbehave(l.script([]strike{{point: simulator.AtCommand, line: line, fault: simulator.Fault{Cuts: []simulator.Cut{{After: 14, Lose: 1}}}}}))
				})
				sims, err := l.SIMs(t.Context())
				check(t, err)
				if len(sims) != 1 || sims[0].ID != "001010123456789" || sims[0].ICCID != "8900101000000000006" {
					t.Errorf("the SIMs are %+v", sims)
				}
			})
		})
	}
}
