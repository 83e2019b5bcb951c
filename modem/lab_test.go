package modem_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"omsbox/modem"
	"omsbox/modem/simulator"
	"omsbox/modem/sms"
	"omsbox/store"
)

// lab is a store and a modem over a simulated one. It lives in a bubble of time (testing/synctest),
// where waiting takes no time: so the modem has the patience of real life, and hours pass at once.
type lab struct {
	*store.Store
	sim   *simulator.Simulator
	stop  func()
	began time.Time
	lasts time.Duration // how long the cause of the fault lasts
	parts []int         // in which order the segments of a text come in; as they are if empty
	next  outgoing      // the text that follow wrote
	busy  atomic.Bool   // another program has the port, if the script says so

	mu     sync.Mutex
	tape   []spoken
	before int   // how much of it was spoken before follow
	garble int64 // a byte of garbage comes into what the host says after so many more; < 0 never
}

// spoken is a byte of the dialogue.
type spoken struct {
	of simulator.Direction
	c  byte
}

// newLab starts a modem, and returns when it is ready and idle.
func newLab(t testing.TB, options simulator.Options, change ...func(*lab)) *lab {
	t.Helper()
	s, err := store.Create(context.Background(), dataDir(t), quiet())
	check(t, err)
	l := &lab{Store: s, sim: simulator.New(options), garble: -1}
	t.Cleanup(func() {
		s.Close()
		l.sim.Close()
	})
	m := modem.New(s, "sim", func(context.Context) (io.ReadWriteCloser, error) {
		port, err := l.sim.Open()
		if err != nil {
			return nil, err
		}
		return &tap{port, l}, nil
	}, quiet())
	for _, f := range change {
		f(l)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	l.stop = sync.OnceFunc(func() {
		cancel()
		if err := ends(t, done, l.sim); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(l.stop)
	time.Sleep(5 * time.Second)
	l.rewind()
	return l
}

// rewind begins a new recording, and the time of a case.
func (l *lab) rewind() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tape, l.began = nil, time.Now()
}

// in does something later.
func (l *lab) in(d time.Duration, do func()) { time.AfterFunc(d, do) }

// out pulls the stick out for a while.
func (l *lab) out(d time.Duration) {
	l.sim.Unplug()
	l.in(d, l.sim.Plug)
}

// recording is what was spoken from rewind to follow.
func (l *lab) recording() []spoken {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.tape[:l.before])
}

// tap is a port whose dialogue is recorded, and into which a byte of garbage may get.
type tap struct {
	io.ReadWriteCloser
	l *lab
}

func (p *tap) Read(b []byte) (int, error) {
	n, err := p.ReadWriteCloser.Read(b)
	p.record(simulator.Said, b[:n])
	return n, err
}

// mostSpoken is more than any dialogue needs, in bytes.
const mostSpoken = 1 << 20

func (p *tap) Write(b []byte) (int, error) {
	p.record(simulator.Heard, b)
	p.l.mu.Lock()
	if len(p.l.tape) > mostSpoken { // without a pause, this would go on for ever: time stands still meanwhile
		p.l.mu.Unlock()
		return 0, io.ErrClosedPipe
	}
	at := p.l.garble
	p.l.garble -= int64(len(b))
	p.l.mu.Unlock()
	if at >= 0 && at < int64(len(b)) {
		n, err := p.ReadWriteCloser.Write(slices.Insert(slices.Clone(b), int(at), '~'))
		return min(n, len(b)), err
	}
	return p.ReadWriteCloser.Write(b)
}

func (p *tap) record(of simulator.Direction, b []byte) {
	p.l.mu.Lock()
	defer p.l.mu.Unlock()
	for _, c := range b {
		p.l.tape = append(p.l.tape, spoken{of, c})
	}
}

// write queues a text.
func (l *lab) write(t testing.TB, text, number string) int64 {
	t.Helper()
	id, _, err := l.Enqueue(context.Background(), store.Message{Source: store.SourceCommand, Parts: []string{text}, To: []store.Recipient{{Number: number}}})
	check(t, err)
	return id
}

// settles waits until nothing more is tried for a message. It returns its delivery as it is then, or
// when it was not settled so long after the cause of the fault had ended.
func (l *lab) settles(t testing.TB, message int64, within time.Duration) store.Delivery {
	t.Helper()
	bell := l.Watch(message)
	defer bell.Close()
	over := time.After(within + l.lasts - time.Since(l.began))
	for {
		d, err := l.Deliveries(context.Background(), message)
		check(t, err)
		if d[0].Settled() {
			return d[0]
		}
		select {
		case <-bell.C:
		case <-over:
			return d[0]
		}
	}
}

// arrives is settles for a text from a phone.
func (l *lab) arrives(t testing.TB, text string, within time.Duration) bool {
	t.Helper()
	bell := l.Subscribe(store.Arrived)
	defer bell.Close()
	over := time.After(within + l.lasts - time.Since(l.began))
	for {
		if l.arrived(t)[text] > 0 {
			return true
		}
		select {
		case <-bell.C:
		case <-over:
			return false
		}
	}
}

// arrived is how often each text from a phone is there.
func (l *lab) arrived(t testing.TB) map[string]int {
	t.Helper()
	all, err := l.Unrouted(context.Background())
	check(t, err)
	count := map[string]int{}
	for _, i := range all {
		count[i.Text]++
	}
	return count
}

// outgoing is a text that was written, to be looked for at the SMSC.
type outgoing struct {
	text, to string
	delivery store.Delivery
	want     []store.State // what it may become: sent or delivered if none is said
}

// expectation is what a fault may lead to.
type expectation struct {
	want []store.State // of a text that goes out
	came []string      // texts that come in beside those of the dialogue
	left bool          // texts may stay in the modem
}

// outcome is what one case came to: what happened, and what should not have.
type outcome struct {
	count  map[string]int
	faults []string
	took   time.Duration // until the next text was through, whichever way it went
}

func (o *outcome) add(what string, n int) {
	if o.count == nil {
		o.count = map[string]int{}
	}
	o.count[what] += n
}

// wrong notes something that must never happen.
func (o *outcome) wrong(kind, format string, args ...any) {
	o.add(kind, 1)
	o.faults = append(o.faults, kind+": "+fmt.Sprintf(format, args...))
}

// merge adds the outcome of a case to that of many.
func (o *outcome) merge(of outcome) {
	o.add("faults", 1)
	for kind, n := range of.count {
		o.add(kind, n)
	}
	o.took = max(o.took, of.took)
}

// String is the counts on one line, what must never happen among them even if it never did.
func (o *outcome) String() string {
	for _, kind := range []string{lost, twice, wrongNumber, wrongText, stuck} {
		o.add(kind, 0)
	}
	var counts []string
	for _, kind := range slices.Sorted(maps.Keys(o.count)) {
		counts = append(counts, fmt.Sprintf("%s %d", kind, o.count[kind]))
	}
	return fmt.Sprintf("%s; the next text each way was through after %v at the latest", strings.Join(counts, ", "), o.took.Round(time.Second))
}

// The kinds of what must never happen.
const (
	lost        = "lost"
	twice       = "twice"
	wrongNumber = "wrong number"
	wrongText   = "wrong text"
	stuck       = "stands still"
	refused     = "given up for a fault of the line"
	undecided   = "in doubt without need"
	undeleted   = "left on the SIM"
)

// countSent holds what the SMSC and the phones have against what the store says of each text.
func (l *lab) countSent(o *outcome, written ...outgoing) {
	type segment struct {
		to, text string
		seq      byte
	}
	taken := map[segment]int{}
	for _, got := range l.sim.Submitted() {
		taken[segment{got.To, got.Text, got.Concat.Seq}]++
	}
	for _, w := range written {
		tpdus, err := sms.Submit{To: w.to, Text: w.text}.TPDUs()
		if err != nil {
			panic(err)
		}
		missing := 0
		for _, tpdu := range tpdus {
			part, err := sms.ParseSubmit(tpdu)
			if err != nil {
				panic(err)
			}
			which := segment{w.to, part.Text, part.Concat.Seq}
			switch n := taken[which]; {
			case n == 0:
				missing++
			case n > 1:
				o.wrong(twice, "segment %d of %q was taken %d times", which.seq, short(w.text), n)
			}
			delete(taken, which)
		}
		o.add(string(w.delivery.State), 1)
		want := w.want
		if want == nil {
			want = []store.State{store.Sent, store.Delivered}
		}
		switch state := w.delivery.State; {
		case !w.delivery.Settled():
			o.wrong(stuck, "%q is %s: %s", short(w.text), state, w.delivery.Reason)
		case (state == store.Sent || state == store.Delivered) && missing > 0:
			o.wrong(lost, "%q is %s, and %d of its %d segments never left", short(w.text), state, missing, len(tpdus))
		case state == store.Unconfirmed && missing > 1:
			o.wrong(lost, "%q is in doubt for one segment, and %d never left", short(w.text), missing)
		case slices.Contains(want, state):
		case state == store.Unconfirmed:
			o.wrong(undecided, "%q had not left: %s", short(w.text), w.delivery.Reason)
		case state == store.Failed || state == store.Expired:
			o.wrong(refused, "%q is %s: %s", short(w.text), state, w.delivery.Reason)
		default:
			o.wrong("not as it is to be", "%q is %s, want %s", short(w.text), state, want)
		}
		whole := 0
		for _, text := range l.sim.Phone(w.to).Inbox() {
			switch {
			case text.Text == w.text:
				whole++
			case !slices.ContainsFunc(written, func(w outgoing) bool { return w.to == text.To && w.text == text.Text }):
				o.wrong(wrongText, "%s shows %q", w.to, text.Text)
			}
		}
		if whole > 1 || whole == 0 && missing == 0 && w.delivery.State != store.Failed {
			o.wrong(twice, "%s shows %q %d times", w.to, short(w.text), whole)
		}
	}
	for which := range taken { // nobody wrote this
		kind := wrongText
		if slices.ContainsFunc(written, func(w outgoing) bool { return strings.Contains(w.text, which.text) }) {
			kind = wrongNumber
		}
		o.wrong(kind, "%+v left", which)
	}
}

// countReceived holds the incoming texts against what the phones sent; with reports, one of these
// may be among them as something that cannot be read.
func (l *lab) countReceived(t testing.TB, o *outcome, reports bool, sent ...string) {
	t.Helper()
	there := l.arrived(t)
	for _, text := range sent {
		switch n := there[text]; {
		case n == 0:
			o.wrong(lost, "%q never arrived", short(text))
		case n > 1:
			o.wrong(twice, "%q arrived %d times", short(text), n)
		default:
			o.add("received", 1)
		}
		delete(there, text)
	}
	for text, n := range there {
		if _, err := hex.DecodeString(text); err == nil && reports {
			o.add("reports kept raw", n) // cut up on the line, and nowhere else
			continue
		}
		o.wrong(wrongText, "%q arrived, which nobody sent", text)
	}
}

// The times in which all must go on after a fault.
const (
	// ladder is how long the next text takes at most, whichever way it goes: the two minutes that an
	// answer is waited for, and all that is tried then, up to a restart of the modem.
	ladder = 7 * time.Minute
	// late is how long a fault may hold something back.
	late = 4 * time.Minute
)

// follow sends a text each way after a fault, and looks that they go through in time and that the
// texts which came before are there.
func (l *lab) follow(t testing.TB, o *outcome, to string, e expectation, before ...string) {
	t.Helper()
	const next, last = "The next one.", "And the last."
	time.Sleep(time.Second) // reports are on their way
	l.mu.Lock()
	l.before = len(l.tape)
	l.mu.Unlock()
	id := l.write(t, next, to)
	if d := l.settles(t, id, ladder); !d.Settled() {
		o.wrong(stuck, "the next text is %s: %s", d.State, d.Reason)
	}
	o.took = max(0, time.Since(l.began)-l.lasts)
	check(t, l.sim.Phone(to).Send(last))
	sent := time.Now()
	if !l.arrives(t, last, o.took+ladder) {
		o.wrong(stuck, "the next text from a phone is not there")
	}
	o.took = max(o.took, time.Since(sent)-l.lasts)
	time.Sleep(l.lasts + late)
	l.next = outgoing{text: next, to: to, delivery: l.settles(t, id, 0)}
	l.stop()
	if n := len(l.tape); n > mostSpoken {
		o.wrong(stuck, "the dialogue never comes to an end")
	}
	l.countReceived(t, o, len(before) == 0, slices.Concat(before, e.came, []string{last})...)
	if got := l.stored(t); got != 0 && !e.left {
		o.wrong(undeleted, "%d texts", got)
	}
}

// stored is how many texts lie in the modem's storages, once the modem was left alone.
func (l *lab) stored(t testing.TB) (n int) {
	t.Helper()
	port, err := l.sim.Open()
	check(t, err)
	s := modem.NewSession(port, modem.DefaultPatience(), quiet())
	defer s.Close()
	check(t, modem.Prepare(context.Background(), s))
	for _, name := range []string{"SM", "ME"} {
		info, err := s.Command(context.Background(), fmt.Sprintf("+CPMS=%q", name))
		check(t, err)
		var used int
		_, err = fmt.Sscan(strings.Split(only(t, info), ",")[0], &used)
		check(t, err)
		n += used
	}
	return n
}

func short(text string) string {
	if len(text) > 20 {
		return text[:20] + "…"
	}
	return text
}
