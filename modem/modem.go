// Package modem is the radio side of omsbox: it drives GSM modems by AT commands in PDU mode.
//
// From the bottom: a port (any io.ReadWriteCloser), the wire that makes it fit for the AT library,
// a Session that asks and answers, and a Modem that keeps a session alive and runs two loops over
// it: the sender takes segments from the store, the receiver stores what comes in before the modem
// may forget it. An attempt is a row before its first byte leaves; an incoming TPDU is a row before
// it is deleted. 3GPP TS 27.005 and TS 27.007.
package modem

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"omsbox/store"
)

// Modem is one device. Run serves it.
type Modem struct {
	Device   string                                            // as people named it
	Open     func(context.Context) (io.ReadWriteCloser, error) // opens its AT port
	Patience Patience

	store        *store.Store
	log          *slog.Logger
	announcement string      // the AT+CNMI that the modem took; like row
	doubts       chan int64  // the segments whose answers did not come, the oldest first
	refused      atomic.Bool // a segment was not taken since the last look
	row          store.Modem // as last stored; only touched by Run and what it waits for
}

// New returns the modem at a device that Opener knows.
func New(s *store.Store, device string, open func(context.Context) (io.ReadWriteCloser, error), log *slog.Logger) *Modem {
	return &Modem{
		Device: device, Open: open, Patience: DefaultPatience(),
		store: s, log: log.With("part", "modem", "device", device),
		row: store.Modem{Device: device, Signal: 99}, doubts: make(chan int64, 64),
	}
}

// pauses are the times between tries to reach a modem that is not there or does not answer.
var pauses = []time.Duration{
	time.Second,
	2 * time.Second,  // 3 s after the first failure
	5 * time.Second,  // 8 s
	10 * time.Second, // 18 s
	30 * time.Second, // then every half minute: somebody may plug it in
}

// settled is how long a session must have worked for the pauses to start anew.
const settled = time.Minute

// Run opens the device and serves it until ctx ends, again and again whatever happens to it.
func (m *Modem) Run(ctx context.Context) error {
	for failures := 0; ; {
		began := time.Now()
		err := m.serve(ctx)
		if ctx.Err() != nil {
			m.row.Up, m.row.Problem = false, "omsbox is stopped"
			return m.store.SetModem(context.WithoutCancel(ctx), m.row)
		}
		if time.Since(began) > settled {
			failures = 0
		}
		pause := pauses[min(failures, len(pauses)-1)]
		failures++
		m.report(ctx, false, err.Error())
		m.log.Debug("the modem is tried again", "in", pause, "err", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
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
	if err := m.store.SetModem(ctx, m.row); err != nil {
		m.log.Error("store how the modem is", "err", err)
	}
}

// serve lives with one opening of the port. It returns when ctx ends or the session is of no more use.
func (m *Modem) serve(ctx context.Context) error {
	port, err := m.Open(ctx)
	if err != nil {
		return err
	}
	session := NewSession(port, m.Patience, m.log)
	defer session.Close()
	storages, err := m.prepare(ctx, session)
	if err != nil {
		return err
	}
	m.report(ctx, true, m.trouble())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return m.send(ctx, session) })
	group.Go(func() error { return m.receive(ctx, session, storages) })
	return group.Wait()
}

// over says whether an error ends the session; others are the modem's own answers.
func over(err error) bool {
	return errors.Is(err, ErrSilent) || errors.Is(err, ErrGone)
}

// Prepare brings a modem that may be in any state into the one that everything here relies on:
// no echo, numeric errors, PDU mode. It returns an error that says what to do.
func Prepare(ctx context.Context, s *Session) error {
	if err := s.Resync(ctx); err != nil {
		if errors.Is(err, ErrSilent) {
			return fmt.Errorf("%w: is this the port that takes AT commands? a stick often has several", err)
		}
		if errors.Is(err, ErrGone) {
			return fmt.Errorf("%w: it hung up at once; another program may be using this modem", err)
		}
		return err
	}
	for _, c := range []struct {
		line     string
		required bool
	}{
		{"E0", false},
		{"+CMEE=1", false}, // 27.007 9.1: numeric errors
		{"+CFUN?", false},
	} {
		if _, err := s.Command(ctx, c.line); err != nil && over(err) {
			return err
		}
	}
	if pin, err := s.Command(ctx, "+CPIN?"); err != nil && over(err) {
		return err
	} else if err == nil && len(pin) > 0 && !strings.HasPrefix(pin[0], "READY") {
		return fmt.Errorf("the SIM asks for its %s: put it into a phone once and turn that off", pin[0])
	} else if err != nil {
		var refused *CommandError
		if errors.As(err, &refused) && refused.Kind == "CME" {
			return fmt.Errorf("the SIM cannot be used: %w", err)
		}
	}
	if _, err := s.Command(ctx, "+CMGF=0"); err != nil { // 27.005 3.2.3: PDU mode
		return fmt.Errorf("the modem has no PDU mode for text messages: %w", err)
	}
	// 27.005 3.2.1: with service 0 nothing that comes in has to be acknowledged within seconds.
	if _, err := s.Command(ctx, "+CSMS=0"); err != nil && over(err) {
		return err
	}
	return nil
}

// announcements are the ways to be told of what comes in, the best first: texts are stored and
// announced by +CMTI, delivery reports come as +CDS. 27.005 3.4.1
var announcements = []string{"+CNMI=2,1,0,1,0", "+CNMI=1,1,0,1,0", "+CNMI=2,1,0,1,1", "+CNMI=2,1,0,0,0", "+CNMI=1,1,0,0,0", "+CNMI=3,1,0,1,0", "+CNMI=0,1,0,0,0"}

// prepare makes a session ready to send and receive, and learns what modem it is. It returns the
// storages that messages may lie in.
func (m *Modem) prepare(ctx context.Context, s *Session) (storages []string, err error) {
	if err := Prepare(ctx, s); err != nil {
		return nil, err
	}
	for _, q := range []struct {
		line  string
		field *string
	}{
		{"+CGMI", &m.row.Manufacturer}, {"+CGMM", &m.row.Model}, {"+CGMR", &m.row.Firmware}, {"+CGSN", &m.row.IMEI}, {"+CIMI", &m.row.IMSI},
	} {
		info, err := s.Command(ctx, q.line)
		if err != nil && over(err) {
			return nil, err
		}
		*q.field = ""
		if err == nil && len(info) > 0 {
			*q.field = strings.Trim(info[0], `" `)
		}
	}
	if storages, err = chooseStorage(ctx, s); err != nil {
		return nil, err
	}
	m.announcement = announcements[len(announcements)-1]
	told := false
	for _, line := range announcements {
		_, err := s.Command(ctx, line)
		if err != nil && over(err) {
			return nil, err
		}
		if err == nil {
			told, m.announcement = true, line
			break
		}
	}
	if !told {
		m.log.Warn("the modem announces nothing that comes in: its storage is looked at every minute")
	}
	return storages, m.look(ctx, s)
}

// chooseStorage has incoming messages stored on the SIM, else in the modem, and returns the
// storages that exist, the chosen one first. 27.005 3.2.2
func chooseStorage(ctx context.Context, s *Session) ([]string, error) {
	info, err := s.Command(ctx, "+CPMS=?")
	if err != nil && over(err) {
		return nil, err
	}
	var known []string
	if err == nil && len(info) > 0 {
		// +CPMS: ("SM","ME"),("SM","ME"),("SM","ME"): the first list is of those to be read
		first, _, _ := strings.Cut(info[0], ")")
		for _, name := range []string{"SM", "ME"} {
			if strings.Contains(first, `"`+name+`"`) {
				known = append(known, name)
			}
		}
	}
	if known == nil {
		known = []string{"SM", "ME"}
	}
	var usable []string
	for i := len(known) - 1; i >= 0; i-- {
		name := known[i]
		for _, line := range []string{fmt.Sprintf(`+CPMS="%[1]s","%[1]s","%[1]s"`, name), fmt.Sprintf(`+CPMS="%s"`, name)} {
			_, err := s.Command(ctx, line)
			if err != nil && over(err) {
				return nil, err
			}
			if err == nil {
				usable = append([]string{name}, usable...)
				break
			}
		}
	}
	if usable == nil {
		return nil, errors.New("the modem has no storage for text messages: its firmware may have no SMS")
	}
	return usable, nil
}

// registrations are the values of +CREG in words. 27.007 7.2
var registrations = map[string]string{
	"0": "not registered", "1": "registered", "2": "searching", "3": "refused by the network", "4": "unknown", "5": "registered, roaming",
	"6": "registered for SMS only", "7": "registered for SMS only, roaming",
}

// sim names the SIM in rows: by its IMSI, or where that cannot be read by the device.
func (m *Modem) sim() string {
	if m.row.IMSI == "" {
		return "device:" + m.Device
	}
	return m.row.IMSI
}

// trouble says what keeps a modem that works from sending; "" where nothing is known.
func (m *Modem) trouble() string {
	switch m.row.Registration {
	case registrations["0"], registrations["2"], registrations["3"]:
		return "the SIM is not in the network (" + m.row.Registration + "): check the antenna, and that the SIM is active"
	}
	return ""
}

// look asks how the radio is: operator, registration, signal.
func (m *Modem) look(ctx context.Context, s *Session) error {
	info, err := s.Command(ctx, "+CREG?")
	if err != nil && over(err) {
		return err
	}
	m.row.Registration = ""
	if err == nil && len(info) > 0 {
		if f := strings.Split(info[0], ","); len(f) > 1 {
			m.row.Registration = registrations[strings.TrimSpace(f[1])]
		}
	}
	info, err = s.Command(ctx, "+COPS?")
	if err != nil && over(err) {
		return err
	}
	m.row.Operator = ""
	if err == nil && len(info) > 0 {
		if f := strings.Split(info[0], ","); len(f) > 2 {
			m.row.Operator = strings.Trim(f[2], `" `)
		}
	}
	info, err = s.Command(ctx, "+CSQ")
	if err != nil && over(err) {
		return err
	}
	m.row.Signal = 99
	if err == nil && len(info) > 0 {
		rssi, _, _ := strings.Cut(info[0], ",")
		if n := code(rssi); n >= 0 {
			m.row.Signal = n
		}
	}
	return nil
}
