// Package modem is the radio side of omsbox: it drives GSM modems by AT commands in PDU mode.
//
// From the bottom: a port (any io.ReadWriteCloser), the wire that makes it fit for the AT library,
// a Session that asks and answers, and a Modem that keeps a session alive and runs its loops over
// it: the sender takes segments from the store, the receiver stores what comes in before the modem
// may forget it. An attempt is a row before its first byte leaves; an incoming TPDU is a row before
// it is deleted. 3GPP TS 27.005 and TS 27.007.
//
// A modem's life has five states:
//
//	           opened              prepared
//	closed ──────────────▶ waking ──────────▶ serving ──┐ the registration ladder: AT+COPS=0,
//	▲ ▲                    ▲ │ │ ▲               │ │ ▲──┘ radio off and on, restart
//	│ │                    │ │ │ └─ began anew ──┘ │
//	│ │        a look,     │ │ └──── silent ──▶ climbing ◀── silent
//	│ │ another setting or │ │ SIM unusable      │ │
//	│ │   another SIM      └─ barred ◀───────────┘ │  escape, set up again, radio off and on ──▶ waking
//	│ └───── the port is gone (from anywhere) ─────┘  open again, restart ──▶ closed
//
// closed, after pauses, is opened again for ever. barred waits for a person and resets nothing.
// climbing takes one rung of the ladder each time; only silence leads there, an ERROR never does. A modem
// that refuses one text after the other is restarted.
package modem

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"omsbox/store"
	"omsbox/store/condition"
)

// Modem is one device. Run serves it.
type Modem struct {
	Device   string                                            // as people named it
	Open     func(context.Context) (io.ReadWriteCloser, error) // opens its AT port
	Patience Patience

	store    *store.Store
	log      *slog.Logger
	ring     ring
	inbox    *inbox
	doubts   doubts
	refused  atomic.Bool // a segment was not taken since the last look
	lapsed   atomic.Bool // the modem gave up on an acknowledgement since the last look
	ladder   ladder
	alarms   alarms
	live     atomic.Pointer[Session] // that answers; nil while none does
	failures int                     // in a row, to open the port and keep it
	missing  time.Time               // since when the port cannot be used; zero while it can
	outage   outage                  // like row
	handed   time.Time               // when a segment was last handed over; only touched by send
	refusals refusals                // like handed

	// Only touched by Run and what it waits for.
	session  *Session       // nil while the port is closed
	wordless map[string]int // how often a message in a storage was no PDU
	row      store.Modem
	id       string // of the SIM, in rows
	met      store.SIM
	stats    map[string]string // of the registration in each network
	set      time.Time         // when the SIM was found to be usable
	features features
	storages []*storage
	remarks  []string
}

// New returns the modem at a device that Opener knows.
func New(s *store.Store, device string, open func(context.Context) (io.ReadWriteCloser, error), log *slog.Logger) *Modem {
	return &Modem{
		Device: device, Open: open, Patience: DefaultPatience(),
		store: s, log: log.With("part", "modem", "device", device), inbox: newInbox(),
		row: store.Modem{Device: device, Signal: 99},
	}
}

// pauses are the times between tries to reach a modem that is not there.
var pauses = []time.Duration{
	time.Second,
	2 * time.Second,  // 3 s after the first failure
	5 * time.Second,  // 8 s
	10 * time.Second, // 18 s
	30 * time.Second, // then every half minute: somebody may plug it in
}

// errAnew: the modem forgot how it was set up, or there is another SIM in it.
var errAnew = errors.New("the modem has to be set up again")

// Run opens the device and serves it until ctx ends, again and again whatever happens to it.
func (m *Modem) Run(ctx context.Context) error {
	var errands sync.WaitGroup
	errands.Go(func() { m.errands(ctx) })
	defer errands.Wait()
	defer m.hangUp()
	for {
		err := m.serve(ctx)
		m.live.Store(nil)
		if ctx.Err() != nil {
			m.storeRest(ctx)
			m.row.Up, m.row.Problem = false, "omsbox is stopped"
			return m.store.SetModem(context.WithoutCancel(ctx), m.row)
		}
		m.recover(ctx, err)
	}
}

// serve opens the port where it is closed, wakes the modem and serves it. It returns why that
// ended.
func (m *Modem) serve(ctx context.Context) error {
	if m.session == nil {
		port, err := m.Open(ctx)
		if err != nil {
			return err
		}
		m.session = newSession(port, m.Patience, m.log, &m.ring, m.inbox)
	}
	s := m.session
	hurry := context.AfterFunc(ctx, func() { s.wire.Close() }) // nothing is in flight that a stop has to wait for
	err := m.prepare(ctx, s)
	hurry()
	if err != nil {
		return err
	}
	m.missing = time.Time{}
	m.ladder.prepared()
	if !m.ladder.climbing() {
		m.alarms.clear(ctx, m, alarmModem)
	}
	m.alarms.clear(ctx, m, alarmSIM)
	m.report(ctx, true, m.trouble())
	m.live.Store(s)
	began := time.Now()
	defer func() {
		if time.Since(began) > m.Patience.Settled || s.useful.Load() { // a line that drops often, but works
			m.failures = 0
		}
	}()
	covered := make(chan struct{})
	stored := make(chan time.Time, mostDirect)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return m.send(ctx, s, covered) })
	group.Go(func() error { return m.receive(ctx, s, covered, stored) })
	group.Go(func() error { return m.acknowledge(ctx, s, stored) })
	group.Go(func() error { return m.askBalance(ctx, s, covered) })
	return group.Wait()
}

// recover does what the state asks that err led to, and returns when the modem is to be tried again.
func (m *Modem) recover(ctx context.Context, err error) {
	var barred *barredError
	stuck := m.session != nil && m.session.wire.stuck.Load()
	switch {
	case errors.As(err, &barred):
		m.report(ctx, false, barred.text)
		m.alarms.raise(ctx, m, alarmSIM, barred.text)
		m.ladder.proof()
		m.alarms.clear(ctx, m, alarmModem)
		m.waitBarred(ctx)
	case errors.Is(err, errAnew):
		m.log.Info("the modem is set up again", "why", err)
		pause(ctx, time.Second)
	case errors.Is(err, errRestart):
		m.log.Warn("the modem is restarted: it does not find its network")
		m.restart(ctx)
	case errors.Is(err, errIll):
		m.explain(err)
		m.cure(ctx)
	case errors.Is(err, ErrSilent), errors.Is(err, errWordless), stuck:
		m.explain(err)
		m.report(ctx, false, err.Error())
		m.climb(ctx, stuck)
	default:
		m.explain(err)
		m.hangUp()
		m.outage.since, m.outage.steps = time.Time{}, 0 // it looks for its network anew
		m.report(ctx, false, err.Error())
		if m.missing.IsZero() {
			m.missing = time.Now()
		}
		if time.Since(m.missing) >= m.Patience.Missing {
			m.alarms.raise(ctx, m, alarmModem, err.Error())
		}
		rest := pauses[min(m.failures, len(pauses)-1)]
		m.failures++
		m.log.Debug("the modem is tried again", "in", rest, "err", err)
		pause(ctx, rest)
	}
}

// hangUp closes the port.
func (m *Modem) hangUp() {
	if m.session != nil {
		m.session.Close()
		m.session = nil
	}
}

// report stores how the modem is; the process log says so when that is new.
func (m *Modem) report(ctx context.Context, up bool, problem string) {
	switch {
	case up && problem == "" && (!m.row.Up || m.row.Problem != ""):
		m.log.Info("the modem is ready", "model", strings.TrimSpace(m.row.Manufacturer+" "+m.row.Model), "operator", m.row.Operator)
	case problem != m.row.Problem:
		m.log.Warn("the modem cannot be used", "problem", problem)
	}
	m.row.Up, m.row.Problem = up, problem
	m.row.Remarks = strings.Join(m.remarks, "\n")
	if err := m.store.SetModem(ctx, m.row); err != nil && ctx.Err() == nil {
		m.cannot("store how the modem is", err)
	}
}

// remark notes what was found odd about the modem; the process log says it once.
func (m *Modem) remark(format string, args ...any) {
	const most = 12
	text := fmt.Sprintf(format, args...)
	for _, r := range m.remarks {
		if r == text {
			return
		}
	}
	m.log.Info("remark", "text", text)
	if len(m.remarks) < most {
		m.remarks = append(m.remarks, text)
	}
}

// over says whether an error ends the session; others are the modem's own answers.
func over(err error) bool {
	return errors.Is(err, ErrSilent) || errors.Is(err, ErrGone) || errors.Is(err, errAnew)
}

// Kinds of alarms. What they are about is the device, or the SIM for its balance.
const (
	alarmModem        = "modem"        // it does not answer, or is not there
	alarmSIM          = "sim"          // it waits for a person
	alarmRegistration = "registration" // there is no network
	alarmBarred       = "barred"       // the network refuses the SIM
	alarmIll          = "ill"          // the modem itself refuses one text after the other
	alarmStorage      = "storage"      // it is nearly full
	alarmBalance      = "balance"      // it is low
)

// alarms remembers which alarms are open, so that rows are written only when that changes.
type alarms struct {
	mu   sync.Mutex
	open map[string]string // text by kind; "" closed. What is not in it may be open from an earlier run.
}

func (a *alarms) raise(ctx context.Context, m *Modem, kind, text string) {
	a.set(ctx, m, kind, text, func(ctx context.Context) error { return m.store.Raise(ctx, kind, m.Device, text) })
}

func (a *alarms) clear(ctx context.Context, m *Modem, kind string) {
	a.set(ctx, m, kind, "", func(ctx context.Context) error { return m.store.Clear(ctx, kind, m.Device) })
}

func (a *alarms) set(ctx context.Context, m *Modem, kind, text string, write func(context.Context) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now, known := a.open[kind]; known && now == text {
		return
	}
	if err := write(ctx); err != nil {
		if ctx.Err() == nil {
			m.cannot("store an alarm", err, "kind", kind)
		}
		return
	}
	if a.open == nil {
		a.open = map[string]string{}
	}
	a.open[kind] = text
	if text != "" {
		m.log.Warn("alarm", "kind", kind, "text", condition.WordsOf(text))
	}
}
