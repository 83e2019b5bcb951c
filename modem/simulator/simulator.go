// Package simulator is a GSM modem with a SIM, a message centre (SMSC) and
// phones behind it, all in memory. It speaks AT as a real USB stick does (PDU
// mode of 3GPP TS 27.005, the general commands of TS 27.007 and V.250), over an
// in-memory port or over TCP, in the ways of a family of modems (Options.Profile).
//
//	host ── Open, Serve ──▶ modem (AT) ──▶ SMSC ──▶ Phone.Inbox
//	                        modem ◀── SIM storage ◀── SMSC ◀── Phone.Send
//
// It can misbehave on command: at a moment of its life (Misbehave, ParseScript),
// at a byte of the dialogue (CutAfter, SplitReads), in its tie to the network
// (Register, Deregister), and as something that is plugged in (Unplug, Bus).
//
// One lock guards everything behind the port; nothing waits while it holds it.
// Each open port has one goroutine, the AT interpreter, which ends when the
// port is closed.
package simulator

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"
)

// Why a port cannot be opened.
var (
	ErrBusy      = errors.New("simulator: port busy")
	ErrUnplugged = errors.New("simulator: no such device")
	ErrClosed    = errors.New("simulator: closed")
)

// Options says what kind of modem and SIM to simulate. The zero value is a
// working one.
type Options struct {
	Profile string // one of Profiles, or none

	Number string // of the SIM, and so on: see Card
	IMSI   string
	IMEI   string // "350000000000006" if empty
	ICCID  string
	PIN    string
	PUK    string
	SMSC   string

	Operator string // the network's name; "Simulated" if empty

	SM, ME, SR int // slots in the SIM's, the modem's and the report storage: 20, 50 and 20, or the profile's, if 0

	FirstMR     byte          // TP-MR of the first submit
	SubmitDelay time.Duration // from the end of the PDU to the final result of AT+CMGS
	ReportDelay time.Duration // from there to the status report, and from one report to the next
	BurstDelay  time.Duration // instead of SubmitDelay while AT+CMMS keeps the link open; SubmitDelay if 0
	USSDDelay   time.Duration // from AT+CUSD to the network's answer

	AckWithin      time.Duration // for AT+CNMA; after it, nothing is passed on any more: 15 seconds if 0
	Unacknowledged bool          // without AT+CNMA in time the modem goes on to pass on what comes, as many do
	Redeliver      time.Duration // until the SMSC tries again what the modem did not take: a minute if 0

	Search   time.Duration          // how long the modem looks for the network after power-on, a PIN, or AT+CFUN=1
	Boot     time.Duration          // how long the stick is away after a command that restarts it
	Chatter  time.Duration          // between unsolicited result codes of the profile that tell nothing; none if 0
	CNMI     func(cnmi [5]int) bool // which settings of AT+CNMI the modem takes; all it lists if nil
	CNMILife time.Duration          // after which it forgets AT+CNMI; never if 0
	TextMode bool                   // it is in text mode after power-on, as with a stored profile
	SMSCLate time.Duration          // after power-on, until AT+CSCA? tells the message centre
	NoSMSC   bool                   // PDUs that it lists or passes on have no address of the message centre in front
	BareCMGR bool                   // AT+CMGR tells nothing of a message but its length
	Amid     string                 // a line that comes between the two lines of +CMT and +CDS, if not empty
	Only5G   bool                   // 5G standalone: AT+C5GREG alone tells that it is registered

	Words bool // errors come in words, also where AT+CMEE=1 asks for their numbers

	// HoldURCs keeps unsolicited result codes back while a command is running,
	// so that a transcript is the same every time. Real modems differ.
	HoldURCs bool

	History int              // how many submits, and texts of each phone, are kept; 100,000 if 0
	Now     func() time.Time // time.Now if nil

	Ports []PortKind // of the stick; the profile's, or one PortURC, if empty
}

// PortKind is what one of a stick's ports is good for.
type PortKind int

const (
	PortURC        PortKind = iota // answers AT, and gives unsolicited result codes
	PortAT                         // answers AT, and gives none
	PortDiagnostic                 // takes everything and says nothing
)

func text(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

func count(n *int, value int) {
	if *n <= 0 {
		*n = value
	}
}

func (o *Options) fill(p *profile) {
	text(&o.IMEI, "350000000000006")
	text(&o.Operator, "Simulated")
	count(&o.SM, p.sm)
	count(&o.ME, p.me)
	count(&o.SR, p.sr)
	count(&o.History, 100_000)
	if o.AckWithin <= 0 {
		o.AckWithin = 15 * time.Second
	}
	if o.Redeliver <= 0 {
		o.Redeliver = time.Minute
	}
	if len(o.Ports) == 0 {
		o.Ports = p.ports
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

// Simulator is the modem and all that is behind it. Its methods may be called
// from any goroutine.
type Simulator struct {
	options Options
	profile *profile
	closed  chan struct{}
	running sync.WaitGroup // the interpreters of open ports

	mu       sync.Mutex
	ports    []*outlet
	line     line
	absent   bool   // unplugged
	hung     outage // answers nothing, see Fault.Hang
	stalled  bool   // takes no bytes from the host
	fever    string // the answer to every PDU, see Fault.Fever; "" while it is well
	fault    func(Moment) Fault
	commands map[string]command
	settings settings
	radio    radio
	sim      sim
	storages []*storage
	smsc     smsc
	ussd     func(code string) USSD
	power    func(on bool) // tells a Bus
	greeted  bool          // the boot lines have been said
	started  time.Time     // when the power came on
	cnmiSet  int           // how often AT+CNMI was set
	timers   map[*time.Timer]struct{}
	watchers map[chan struct{}]struct{}
}

// outlet is one port of the stick.
type outlet struct {
	kind    PortKind
	echo    bool
	session *session // nil while the port is closed
}

// New returns a modem that is plugged in, registered, and has its ports closed.
// It panics if there is no such profile.
func New(options Options) *Simulator {
	profile := profileOf(options.Profile)
	options.fill(profile)
	card := Card{options.Number, options.IMSI, options.ICCID, options.PIN, options.PUK, options.SMSC}
	card.fill()
	s := &Simulator{
		options:  options,
		profile:  profile,
		closed:   make(chan struct{}),
		timers:   make(map[*time.Timer]struct{}),
		watchers: make(map[chan struct{}]struct{}),
		fault:    func(Moment) Fault { return Fault{} },
		commands: profile.table(),
		radio:    radio{function: 1, registration: 1, signal: 20},
		sim:      newSIM(card, options.SM),
		smsc:     smsc{mr: options.FirstMR, phones: make(map[string]*Phone)},
		ussd:     balance,
		started:  time.Now(),
	}
	s.settings = s.factory()
	if options.Only5G {
		s.commands["+C5GREG"] = (*Simulator).registration
	}
	for _, kind := range options.Ports {
		s.ports = append(s.ports, &outlet{kind: kind, echo: true})
	}
	s.storages = s.newStorages(s.sim.shelf)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.search()
	s.chatter(0)
	return s
}

// chatter says the profile's lines in turn.
func (s *Simulator) chatter(n int) {
	if lines := s.profile.chatter; s.options.Chatter > 0 && len(lines) > 0 {
		s.after(s.options.Chatter, func() {
			if s.settings.curc == 1 {
				s.urc("%s", lines[n%len(lines)])
			}
			s.chatter(n + 1)
		})
	}
}

// greet says what a modem says when it has started, as soon as somebody listens.
func (s *Simulator) greet() {
	if s.greeted || s.absent || !s.listening() {
		return
	}
	s.greeted = true
	for _, line := range s.profile.boot {
		s.urc("%s", line)
	}
}

// Open opens the modem's AT port, the first PortURC if it has several. Like a
// real one it is open only once at a time: else ErrBusy. The port also has
// SetReadDeadline and SetWriteDeadline. What the modem knows survives closing and
// opening again, and what was written before closing still reaches it.
func (s *Simulator) Open() (io.ReadWriteCloser, error) {
	return s.OpenPort(slices.Index(s.ports, s.main()))
}

// main is the port that Open opens.
func (s *Simulator) main() *outlet {
	for _, p := range s.ports {
		if p.kind == PortURC {
			return p
		}
	}
	return s.ports[0]
}

// OpenPort opens one of Options.Ports, counted from 0, as Open does.
func (s *Simulator) OpenPort(i int) (io.ReadWriteCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i < 0 || i >= len(s.ports) {
		return nil, ErrUnplugged
	}
	outlet := s.ports[i]
	for outlet.session != nil && outlet.session.port.isGone() { // it still reads what its host wrote last
		done := outlet.session.done
		s.mu.Unlock()
		<-done
		s.mu.Lock()
	}
	switch {
	case s.isClosed():
		return nil, ErrClosed
	case s.absent:
		return nil, ErrUnplugged
	case outlet.session != nil:
		return nil, ErrBusy
	}
	f := s.at(Moment{Point: AtOpen})
	if f.Busy {
		return nil, ErrBusy
	}
	p := newPort()
	p.in.stall(s.stalled)
	p.out.split(slices.Concat(s.line.reads, f.Reads))
	t := newSession(s, outlet, p)
	outlet.session = t
	s.cured(ByReopen, 0)
	s.running.Go(t.run)
	s.greet()
	s.changed()
	return p, nil
}

// Close unplugs the modem for good and waits for its goroutines.
func (s *Simulator) Close() error {
	s.mu.Lock()
	if !s.isClosed() {
		close(s.closed)
		s.hangUp()
		for t := range s.timers {
			t.Stop()
		}
		clear(s.timers)
	}
	s.mu.Unlock()
	s.running.Wait()
	return nil
}

func (s *Simulator) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

// after calls f later with the lock held, unless the simulator is closed by
// then.
func (s *Simulator) after(d time.Duration, f func()) {
	var t *time.Timer
	t = time.AfterFunc(d, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.timers, t)
		if !s.isClosed() {
			f()
		}
	})
	s.timers[t] = struct{}{} // the callback waits for the lock we hold
}

// Watch returns a channel that gets a value after every change (a submit, a
// text shown or stored, a port opened or closed), until ctx is done. Changes in
// quick succession may share one value.
func (s *Simulator) Watch(ctx context.Context) <-chan struct{} {
	c := make(chan struct{}, 1)
	s.mu.Lock()
	s.watchers[c] = struct{}{}
	s.mu.Unlock()
	context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, c)
	})
	return c
}

// Wait returns nil as soon as condition holds. It asks at once and after every
// change, outside the lock, and gives up with ctx.
func (s *Simulator) Wait(ctx context.Context, condition func() bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changes := s.Watch(ctx)
	for !condition() {
		select {
		case <-changes:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.closed:
			return ErrClosed
		}
	}
	return nil
}

// changed tells all watchers.
func (s *Simulator) changed() {
	for c := range s.watchers {
		select {
		case c <- struct{}{}:
		default: // it has not seen the last one yet
		}
	}
}
