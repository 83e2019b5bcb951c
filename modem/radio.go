package modem

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// networks are the registrations that a modem tells of: of circuit-switched networks, GPRS, LTE and 5G.
// 3GPP TS 27.007 7.2, 10.1.20, 10.1.22 and 10.1.47
var networks = []string{"+CREG", "+CGREG", "+CEREG", "+C5GREG"}

// registrations are their values in words. 3GPP TS 27.007 7.2
var registrations = map[string]string{
	"0": "not registered", "1": "registered", "2": "searching", "3": "refused by the network", "4": "unknown", "5": "registered, roaming",
	"6": "registered for SMS only", "7": "registered for SMS only, roaming", "8": "emergency calls only",
	"9": "registered, CSFB not preferred", "10": "registered, CSFB not preferred, roaming",
	"11": "access to local services only",
}

// best orders them by what they say of all networks together: a SIM that is registered in one can
// send, and one that is refused in one is not helped by another search.
var best = []string{"1", "5", "9", "10", "6", "7", "3", "2", "8", "11", "0", "4"}

// registration reads how the modem is registered; "" where it does not say. told holds what each network
// was last, and what is read: some modems answer OK, and tell it later.
func registration(ctx context.Context, s *Session, names []string, told map[string]string) (string, error) {
	for _, name := range names {
		info, err := s.Command(ctx, name+"?")
		if err != nil && over(err) {
			return "", err
		}
		if err != nil {
			delete(told, name)
		}
		for _, line := range info {
			if state, ok := answeredState(line); ok && err == nil {
				told[name] = state
				break
			}
		}
	}
	return overall(told), nil
}

// answeredState reads the answer to AT+CREG? and the like, without its name, such as 1,5,"00A1","0001":
// the second is the state. A URC has the state first, and is no answer.
func answeredState(line string) (state string, ok bool) {
	f := fields(line)
	if len(f) < 2 || code(f[0]) < 0 || registrations[f[1]] == "" {
		return "", false
	}
	return f[1], true
}

// overall is what the registrations in all networks come to.
func overall(told map[string]string) string {
	for _, state := range best {
		for _, s := range told {
			if s == state {
				return registrations[state]
			}
		}
	}
	return ""
}

// told takes a line that tells unasked how the modem is registered. asks reports whether the network is
// to be looked at: a late answer to that question leads to no other one.
func (m *Modem) told(name, line string) (asks bool) {
	state, late := answeredState(strings.TrimPrefix(line, name+":"))
	if !late {
		return true
	}
	m.stats[name] = state
	m.row.Registration = overall(m.stats)
	return false
}

// registered says whether messages can pass, as far as is known.
func (m *Modem) registered() bool {
	switch m.row.Registration {
	case registrations["0"], registrations["2"], registrations["3"], registrations["8"], registrations["11"]:
		return false
	}
	return true
}

// trouble says what keeps a modem that works from sending; "" where nothing is known.
func (m *Modem) trouble() string {
	switch {
	case m.row.Registration == registrations["3"]:
		return "the network refuses the SIM: ask its operator whether it is active, and whether it may be used in this modem"
	case !m.registered():
		return "the SIM is not in the network (" + m.row.Registration + "): check the antenna, and that the SIM is active"
	case !m.hasCentre() && time.Since(m.set) >= m.Patience.Network:
		return fmt.Sprintf("the SIM does not know its message centre: ask its operator for the number, and `omsbox set sim.smsc/%s +NUMBER`", m.id)
	}
	return ""
}

// look asks how the radio is: registration, operator, signal.
func (m *Modem) look(ctx context.Context, s *Session) error {
	var err error
	if m.row.Registration, err = registration(ctx, s, m.features.networks, m.stats); err != nil {
		return err
	}
	info, err := s.Command(ctx, "+COPS?")
	if err != nil && over(err) {
		return err
	}
	m.row.Operator = ""
	if err == nil && len(info) > 0 {
		f := strings.Split(info[0], ",")
		if len(f) > 2 {
			m.row.Operator = strings.Trim(f[2], `" `)
		}
		if strings.TrimSpace(f[0]) == "2" { // somebody took it off the network for good. 27.007 7.3
			m.remark("it was told to stay out of the network, and is told to look for one")
			if _, err := s.within(ctx, "+COPS=0", m.Patience.Select); err != nil && over(err) {
				return err
			}
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

// inspect looks whether the SIM is still the one that it was, and whether the modem still does what
// it was asked to when it was set up: some forget it by themselves.
// kept is false where texts may have come unannounced.
func (m *Modem) inspect(ctx context.Context, s *Session) (kept bool, err error) {
	imsi, err := readIMSI(ctx, s)
	if err == nil && imsi == m.row.IMSI && imsi == "" {
		var iccid string
		if iccid, err = s.iccid(ctx); iccid != m.row.ICCID {
			imsi = iccid // it tells of another SIM by that alone
		}
	}
	if err != nil {
		return false, err
	}
	if imsi != m.row.IMSI {
		return false, fmt.Errorf("%w: its SIM was changed, or tells its number now", errAnew)
	}
	if err := s.remainPDU(ctx); err != nil && over(err) {
		return false, err
	}
	if m.features.announcement == "" {
		return true, nil
	}
	kept, err = m.announces(ctx, s)
	if err != nil {
		return false, err
	}
	if !kept {
		m.remark("it stopped to announce what comes in, all by itself, and was asked again")
	}
	if m.features.acks { // 27.005 3.4.1: what was not acknowledged in time turns both off
		if _, err := s.Command(ctx, "+CSMS=1"); err != nil && over(err) {
			return false, err
		}
	}
	if _, err := s.Command(ctx, m.features.announcement); err != nil && over(err) {
		return false, err
	}
	return kept, nil
}

// outage is how long the network is gone, and what was done about it.
type outage struct {
	since   time.Time // zero: the modem is registered
	steps   int       // of the ladder that were taken
	again   time.Time // of the next restart
	doubled int
}

// seekNetwork takes the steps of the registration ladder whose time has come. A network that
// refuses the SIM is not asked again by force.
func (m *Modem) seekNetwork(ctx context.Context, s *Session) error {
	o, p := &m.outage, m.Patience
	if m.registered() {
		*o = outage{}
		m.alarms.clear(ctx, m, alarmRegistration)
		return nil
	}
	if o.since.IsZero() {
		o.since = time.Now()
	}
	gone := time.Since(o.since)
	if gone >= p.Unregistered {
		m.alarms.raise(ctx, m, alarmRegistration, m.trouble())
	}
	if m.row.Registration == registrations["3"] {
		return nil
	}
	switch {
	case o.steps == 0 && gone >= p.Reselect:
		o.steps++
		m.log.Warn("there is no network: the modem is told to look for one")
		if _, err := s.within(ctx, "+COPS=0", p.Select); err != nil && over(err) { // 27.007 7.3
			return err
		}
		return m.look(ctx, s)
	case o.steps == 1 && gone >= p.RadioCycle:
		o.steps++
		m.log.Warn("there is no network: the radio goes off and on")
		m.cycleRadio(ctx, s)
		return fmt.Errorf("%w: its radio went off and on", errAnew)
	case o.steps >= 2 && gone >= p.Restart && time.Now().After(o.again):
		o.steps++
		o.again = time.Now().Add(min(p.Again<<min(o.doubled, 20), p.MostReset))
		o.doubled++
		return fmt.Errorf("%w: there is no network", errRestart)
	}
	return nil
}
