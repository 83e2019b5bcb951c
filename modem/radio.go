package modem

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// registrations are the values of +CREG, +CGREG and +CEREG in words. 3GPP TS 27.007 7.2
var registrations = map[string]string{
	"0": "not registered", "1": "registered", "2": "searching", "3": "refused by the network", "4": "unknown", "5": "registered, roaming",
	"6": "registered for SMS only", "7": "registered for SMS only, roaming",
}

// best orders them by what they say of all networks together: whoever is registered in one can
// send, and who is refused in one is not helped by another search.
var best = []string{"1", "5", "6", "7", "3", "2", "0", "4"}

// registration reads how the modem is registered; "" where it does not say.
func registration(ctx context.Context, s *Session, networks []string) (string, error) {
	var found []string
	for _, name := range networks {
		info, err := s.Command(ctx, name+"?")
		if err != nil && over(err) {
			return "", err
		}
		for _, line := range info {
			// +CREG: 1,5,"00A1","0001": the second is the state; a URC has it first and is not meant
			if f := strings.Split(line, ","); err == nil && len(f) > 1 && registrations[strings.TrimSpace(f[1])] != "" {
				found = append(found, strings.TrimSpace(f[1]))
				break
			}
		}
	}
	for _, state := range best {
		if slices.Contains(found, state) {
			return registrations[state], nil
		}
	}
	return "", nil
}

// registered says whether messages can pass, as far as is known.
func (m *Modem) registered() bool {
	switch m.row.Registration {
	case registrations["0"], registrations["2"], registrations["3"]:
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
	case m.row.SMSC == "" && m.smsc() == "":
		return fmt.Sprintf("the SIM does not know its message centre: ask its operator for the number, and `omsbox set sim.smsc/%s +NUMBER`", m.id)
	}
	return ""
}

// look asks how the radio is: registration, operator, signal.
func (m *Modem) look(ctx context.Context, s *Session) error {
	var err error
	if m.row.Registration, err = registration(ctx, s, m.features.networks); err != nil {
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
	if _, err := s.Command(ctx, "+CMGF=0"); err != nil && over(err) {
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
