package modem_test

import (
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"omsbox/modem/simulator"
	"omsbox/store"
)

var (
	everyByte  = flag.Bool("everybyte", false, "TestEveryByte tries every fault at every byte")
	everyOther = flag.Bool("everyother", false, "TestEveryByte tries one fault at every other byte, and TestFaultMatrix all rows; otherwise a part of that")
)

// sparse returns how much is left out in a run that is to be quick: all but one of so many.
func sparse(quick int) int {
	if *everyByte || *everyOther {
		return 1
	}
	return quick
}

// blow is something that happens to the line or to the modem at one byte.
type blow struct {
	name    string
	cut     simulator.Cut
	garbage bool // what the host says gets a byte of garbage too
}

var blows = []blow{
	{name: "the line hangs up", cut: simulator.Cut{Then: simulator.Fault{HangUp: true}}},
	{name: "the stick restarts", cut: simulator.Cut{Then: simulator.Fault{Drop: true}}},
	{name: "the stick is gone for 20 s", cut: simulator.Cut{Then: simulator.Fault{Drop: true, Away: 20 * time.Second}}},
	{name: "nothing it says arrives until the port is reopened", cut: simulator.Cut{Mute: true}},
	{name: "it hears nothing until the port is reopened", cut: simulator.Cut{Deaf: true}},
	{name: "it hangs until the port is reopened", cut: simulator.Cut{Then: simulator.Fault{Hang: true, Cure: simulator.ByReopen}}},
	{name: "it hangs for 30 s", cut: simulator.Cut{Then: simulator.Fault{Hang: true, For: 30 * time.Second}}},
	{name: "a byte is lost", cut: simulator.Cut{Lose: 1}},
	{name: "three bytes are lost", cut: simulator.Cut{Lose: 3}},
	{name: "a byte of garbage", cut: simulator.Cut{Say: "~"}, garbage: true},
	{name: "a text comes in", cut: simulator.Cut{Text: &simulator.Incoming{From: "+447911000077", Text: "This came in the middle of something else."}}},
	{name: "noise about the signal", cut: simulator.Cut{Say: "\r\n^RSSI: 17\r\n"}},
	{name: "somebody rings", cut: simulator.Cut{Say: "\r\nRING\r\n"}},
	{name: "somebody gives up ringing", cut: simulator.Cut{Say: "\r\nNO CARRIER\r\n"}},
	{name: "a pause longer than a command may take", cut: simulator.Cut{Pause: 14 * time.Second}},
	{name: "a pause longer than a segment may take", cut: simulator.Cut{Pause: 150 * time.Second}},
}

// dialogue is what is going on while a fault strikes. run goes on until a text each way has followed.
type dialogue struct {
	name string
	run  func(t testing.TB, l *lab, o *outcome, e expectation)
}

var dialogues = []dialogue{
	{"a text of two segments goes out", func(t testing.TB, l *lab, o *outcome, e expectation) {
		out := outgoing{text: strings.Repeat("Every byte of this must arrive. ", 5) + "It is two.", to: number, want: e.want}
		id := l.write(t, out.text, out.to)
		l.settles(t, id, ladder)
		l.follow(t, o, "+447911000002", e)
		out.delivery = l.settles(t, id, 0)
		l.countSent(o, out, l.next)
	}},
	{"a text of two segments comes in", func(t testing.TB, l *lab, o *outcome, e expectation) {
		in := strings.Repeat("And every byte of this as well! ", 5) + "So it is."
		if l.parts == nil {
			l.parts = []int{1, 2}
		}
		check(t, l.sim.Phone(number).SendParts(in, l.parts...))
		l.arrives(t, in, ladder)
		l.follow(t, o, "+447911000002", e, in)
		if e.want != nil { // what is meant for a text that goes out may have met this one
			l.next.want = append([]store.State{store.Sent, store.Delivered}, e.want...)
		}
		l.countSent(o, l.next)
	}},
}

// TestEveryByte lets every fault of a line happen at every byte of a text that goes out and of one
// that comes in, whoever says that byte. Nothing is lost, nothing is doubled, nothing goes astray,
// and what comes next goes through in time. Only what had left may be in doubt.
func TestEveryByte(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var total outcome
	t.Cleanup(func() { t.Log(total.String()) })
	for d, what := range dialogues {
		spoken, open := record(t, what)
		for of, speaker := range []string{"said by the modem", "said by the host"} {
			of := simulator.Direction(of)
			for i, b := range blows {
				t.Run(fmt.Sprintf("%s/%s/%s", what.name, speaker, b.name), func(t *testing.T) {
					t.Parallel()
					struck := 0
					for at := 1; at <= spoken[of]; at++ {
						if among := 2 * len(blows) * sparse(4); !*everyByte && at%among != (2*i+7*d+5*int(of))%among {
							continue
						}
						var o outcome
						synctest.Test(t, func(t *testing.T) { o = strikeAt(t, what, b, of, at, open(of, at)) })
						mu.Lock()
						total.merge(o)
						mu.Unlock()
						if len(o.faults) > 0 {
							if struck++; struck <= 3 {
								t.Errorf("at byte %d of %d:\n\t%s", at, spoken[of], strings.Join(o.faults, "\n\t"))
							}
						}
					}
					if struck > 3 {
						t.Errorf("and at %d bytes more", struck-3)
					}
				})
			}
		}
	}
}

// strikeAt runs a dialogue with one fault at one byte.
func strikeAt(t *testing.T, what dialogue, b blow, of simulator.Direction, at int, doubt bool) (o outcome) {
	l := newLab(t, simulator.Options{})
	if b.garbage && of == simulator.Heard {
		l.garble = int64(at - 1)
	} else {
		l.sim.CutAfter(of, at, b.cut)
	}
	var e expectation
	if doubt {
		e.want = doubtful
	}
	if b.cut.Text != nil {
		e.came = []string{b.cut.Text.Text}
	}
	what.run(t, l, &o, e)
	if n := l.sim.Planned(); n > 0 {
		o.wrong("did not happen", "the dialogue had not so many bytes")
	}
	return o
}

// record runs a dialogue without a fault. It returns how many bytes each side says in it, and at
// which of them a segment may be on its way: between the prompt and the end of the answer.
func record(t *testing.T, what dialogue) (spoken [2]int, open func(simulator.Direction, int) bool) {
	away := [2]map[int]bool{{}, {}}
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, simulator.Options{})
		var o outcome
		what.run(t, l, &o, expectation{})
		for _, fault := range o.faults {
			t.Error(fault)
		}
		var asked, out bool // AT+CMGS is with the modem; the PDU follows
		var said, heard string
		for _, b := range l.recording() {
			spoken[b.of]++
			if b.of == simulator.Heard {
				heard += string(b.c)
				asked = asked || b.c == '\r' && strings.Contains(heard, "AT+CMGS=")
				if b.c == '\r' || b.c == 0x1a {
					heard = ""
				}
			} else if said += string(b.c); b.c == '\n' {
				said = ""
			}
			out = out || asked && said == ">"
			if out || asked && b.of == simulator.Said {
				for near := -1; near <= 1; near++ { // a byte that is lost is the next one
					away[b.of][spoken[b.of]+near] = true
				}
			}
			if b.of == simulator.Said && said == "OK\r" {
				asked, out = false, false
			}
		}
	})
	return spoken, func(of simulator.Direction, at int) bool { return away[of][at] }
}
