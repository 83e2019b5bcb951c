// Package simulator is a GSM modem with a SIM, a message centre (SMSC) and
// phones behind it, all in memory. It speaks AT as a real USB stick does (PDU
// mode of 3GPP TS 27.005, the general commands of TS 27.007 and V.250), over an
// in-memory port or over TCP, and it can misbehave on command.
//
//	host ── Open, Serve ──▶ modem (AT) ──▶ SMSC ──▶ Phone.Inbox
//	                        modem ◀── SIM storage ◀── SMSC ◀── Phone.Send
//
// One lock guards everything behind the port; nothing waits while it holds it.
// Each open port has one goroutine, the AT interpreter, which ends when the
// port is closed.
package simulator

import (
	"context"
	"errors"
	"io"
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
	Number string // of the SIM, "+15550100000" if empty
	IMSI   string // "001010123456789" if empty
	IMEI   string // "350000000000006" if empty
	ICCID  string // "8900101000000000006" if empty
	PIN    string // of the SIM; empty: none is asked
	SMSC   string // number of the message centre, "+15550199999" if empty

	SM, ME, SR int // slots in the SIM's, the modem's and the report storage: 20, 50 and 20 if 0

	FirstMR     byte          // TP-MR of the first submit
	SubmitDelay time.Duration // from the end of the PDU to the final result of AT+CMGS
	ReportDelay time.Duration // from there to the status report

	// HoldURCs keeps unsolicited result codes back while a command is running,
	// so that a transcript is the same every time. Real modems differ.
	HoldURCs bool

	History int              // how many submits, and texts of each phone, are kept; 100,000 if 0
	Now     func() time.Time // time.Now if nil
}

func (o *Options) fill() {
	text := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	count := func(n *int, value int) {
		if *n <= 0 {
			*n = value
		}
	}
	text(&o.Number, "+15550100000")
	text(&o.IMSI, "001010123456789")
	text(&o.IMEI, "350000000000006")
	text(&o.ICCID, "8900101000000000006")
	text(&o.SMSC, "+15550199999")
	count(&o.SM, 20)
	count(&o.ME, 50)
	count(&o.SR, 20)
	count(&o.History, 100_000)
	if o.Now == nil {
		o.Now = time.Now
	}
}

// Simulator is the modem and all that is behind it. Its methods may be called
// from any goroutine.
type Simulator struct {
	options Options
	closed  chan struct{}
	running sync.WaitGroup // the interpreters of open ports

	mu       sync.Mutex
	session  *session // nil while the port is closed
	absent   bool     // unplugged
	hung     bool     // answers nothing until Reset
	stalled  bool     // takes no bytes from the host
	fault    func(Moment) Fault
	commands map[string]command
	settings settings
	radio    radio
	sim      sim
	smsc     smsc
	timers   map[*time.Timer]struct{}
	watchers map[chan struct{}]struct{}
}

// New returns a modem that is plugged in, registered, and has its port closed.
func New(options Options) *Simulator {
	options.fill()
	s := &Simulator{
		options:  options,
		closed:   make(chan struct{}),
		timers:   make(map[*time.Timer]struct{}),
		watchers: make(map[chan struct{}]struct{}),
		fault:    func(Moment) Fault { return Fault{} },
		commands: commandTable(),
		radio:    radio{function: 1, registration: 1, signal: 20},
	}
	s.sim = newSIM(options)
	s.smsc = smsc{number: options.SMSC, mr: options.FirstMR, phones: make(map[string]*Phone)}
	s.settings = factorySettings()
	return s
}

// Open opens the modem's AT port, which, like a real one, is open only once at
// a time: else ErrBusy. The port also has SetReadDeadline and SetWriteDeadline.
// What the modem knows survives closing and opening again, and what was written
// before closing still reaches it.
func (s *Simulator) Open() (io.ReadWriteCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.session != nil && s.session.port.isGone() { // it still reads what its host wrote last
		done := s.session.done
		s.mu.Unlock()
		<-done
		s.mu.Lock()
	}
	switch {
	case s.isClosed():
		return nil, ErrClosed
	case s.absent:
		return nil, ErrUnplugged
	case s.session != nil || s.at(Moment{Point: AtOpen}).Busy:
		return nil, ErrBusy
	}
	p := newPort()
	p.in.stall(s.stalled)
	s.session = newSession(s, p)
	s.running.Add(1)
	go func(session *session) {
		defer s.running.Done()
		session.run()
	}(s.session)
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

// Unplug takes the modem out: its port ends at once and cannot be opened until
// Plug. What it had only in memory is lost; the SIM keeps its messages.
func (s *Simulator) Unplug() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.absent = true
	s.powerCycle()
	s.changed()
}

// Plug puts the modem back, powered up afresh.
func (s *Simulator) Plug() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.absent = false
	s.deliverWaiting()
	s.changed()
}

// Reset switches the power off and on: the port ends, and can be opened again
// at once. It is the only way out of Fault.Hang.
func (s *Simulator) Reset() {
	s.Unplug()
	s.Plug()
}

// StallWrites makes the host's writes block (true) until it is called again
// (false), or until their deadline.
func (s *Simulator) StallWrites(stall bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stall(stall)
}

func (s *Simulator) stall(stall bool) {
	s.stalled = stall
	if s.session != nil {
		s.session.port.in.stall(stall)
	}
}

// powerCycle ends the port and forgets all that does not survive power loss.
func (s *Simulator) powerCycle() {
	s.hangUp()
	s.hung, s.stalled = false, false
	s.settings = factorySettings()
	s.radio.function = 1
	s.sim.locked = s.sim.pin != ""
	s.deliverWaiting()
}

// hangUp ends the open port, as seen from the host, without its doing.
func (s *Simulator) hangUp() {
	if s.session != nil {
		s.session.port.hangUp()
		s.session = nil
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
