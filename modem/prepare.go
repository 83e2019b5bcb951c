package modem

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Prepare brings a modem that nothing else uses, whatever state it is in, into the one that a
// message can be sent in: readable answers, the radio on, a SIM that is open, PDU mode. It returns
// an error that says what to do.
func Prepare(ctx context.Context, s *Session) error {
	for {
		mark := s.wire.setUp()
		if err := s.makeReady(ctx); err != nil {
			return err
		}
		if s.wire.settled(mark) {
			return nil
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

func (s *Session) makeReady(ctx context.Context) error {
	if err := attend(ctx, s); err != nil {
		return err
	}
	state, err := settledCard(ctx, s)
	if err != nil {
		return err
	}
	if state == "SIM PIN" {
		return &barredError{"the SIM asks for its PIN, which `omsbox serve` gives it where `omsbox set sim.pin` says it"}
	}
	if err := barredBy(state); err != nil {
		return err
	}
	return pduMode(ctx, s)
}

// attend gets the modem's attention, and makes it answer as everything here expects it.
func attend(ctx context.Context, s *Session) error {
	if err := s.Resync(ctx); err != nil {
		if errors.Is(err, ErrSilent) {
			return fmt.Errorf("%w: is this the port that takes AT commands? a stick often has several", err)
		}
		if errors.Is(err, ErrGone) {
			return fmt.Errorf("%w: it hung up at once; another program may be using this modem", err)
		}
		return err
	}
	for _, line := range []string{
		"E0",
		"+CMEE=1",     // 27.007 9.1: numeric errors
		`+CSCS="GSM"`, // 27.007 5.5: numbers and names as they are, not in hexadecimal
	} {
		if _, err := s.Command(ctx, line); err != nil && over(err) {
			return err
		}
	}
	info, err := s.Command(ctx, "+CFUN?")
	if err != nil && over(err) {
		return err
	}
	if err == nil && len(info) > 0 && !strings.HasPrefix(info[0], "1") {
		// It was left in flight mode, or with its radio off. 27.007 8.2
		if _, err := s.within(ctx, "+CFUN=1", s.patience.Radio); err != nil && over(err) {
			return err
		}
	}
	return nil
}

// pduMode chooses the mode that everything here talks in.
func pduMode(ctx context.Context, s *Session) error {
	_, err := s.Command(ctx, "+CMGF=0") // 27.005 3.2.3
	for began := time.Now(); err != nil && busy(err) && time.Since(began) < s.patience.SIM; {
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
		_, err = s.Command(ctx, "+CMGF=0") // the message service starts after the SIM
	}
	if err != nil {
		return fmt.Errorf("the modem has no PDU mode for text messages: %w", err)
	}
	if err := s.choosePDU(ctx); err != nil { // it may have said OK and not done it
		return err
	}
	// 27.005 3.2.1: with service 0 nothing that comes in has to be acknowledged within seconds.
	if _, err := s.Command(ctx, "+CSMS=0"); err != nil && over(err) {
		return err
	}
	return nil
}

// choosePDU makes sure that the modem obeyed when it was told to use PDU mode.
func (s *Session) choosePDU(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.end()
	mode, err := s.askMode(ctx)
	if err == nil && mode == "1" {
		return errors.New("the modem stays in text mode, whatever it is told: restart it, or try another one")
	}
	s.inPDU = time.Now()
	return err
}

// busy says whether an error means that the modem or its SIM is not ready yet.
func busy(err error) bool {
	var refused *CommandError
	return errors.As(err, &refused) && (refused.Code == 14 || refused.Code == 314 || refused.Code == 512 || refused.Code == 515)
}

// identity asks what modem it is.
func (m *Modem) identity(ctx context.Context, s *Session) error {
	for _, q := range []struct {
		line  string
		field *string
	}{{"+CGMI", &m.row.Manufacturer}, {"+CGMM", &m.row.Model}, {"+CGMR", &m.row.Firmware}} {
		info, err := s.Command(ctx, q.line)
		if err != nil && over(err) {
			return err
		}
		*q.field = ""
		if err == nil && len(info) > 0 {
			*q.field = strings.Trim(info[0], `" `)
		}
	}
	var err error
	m.row.IMEI, err = s.imei(ctx)
	return err
}

// prepare makes a session ready to send and receive, and learns what modem and SIM it has. A modem that
// seems to start meanwhile may have forgotten half of it: then the error is errAnew.
func (m *Modem) prepare(ctx context.Context, s *Session) error {
	m.inbox.leave(m.id)
	mark := s.wire.setUp()
	if err := m.setUp(ctx, s); err != nil {
		return err
	}
	if !s.wire.settled(mark) {
		return s.wire.doubted()
	}
	return nil
}

func (m *Modem) setUp(ctx context.Context, s *Session) error {
	if err := attend(ctx, s); err != nil {
		return err
	}
	m.remarks, m.features = nil, features{}
	if err := m.identity(ctx, s); err != nil {
		return err
	}
	var err error
	m.row.IMSI, m.row.SMSC, m.row.Storage = "", "", ""
	if m.row.ICCID, err = s.iccid(ctx); err != nil {
		return err
	}
	if err := m.openCard(ctx, s); err != nil {
		return err
	}
	if m.row.ICCID == "" { // some tell it only now
		if m.row.ICCID, err = s.iccid(ctx); err != nil {
			return err
		}
	}
	if m.row.IMSI, err = readIMSI(ctx, s); err != nil {
		return err
	}
	if m.id = m.row.IMSI; m.id == "" {
		m.id = "device:" + m.Device
		m.remark("it does not tell the SIM's IMSI: what comes and goes is kept under the device's name")
	}
	if err := pduMode(ctx, s); err != nil {
		return err
	}
	if m.met, err = m.store.MeetSIM(ctx, m.id, m.row.ICCID); err != nil {
		return err
	}
	m.set = time.Now()
	if err := m.readSMSC(ctx, s); err != nil {
		return err
	}
	if err := m.chooseStorages(ctx, s); err != nil {
		return err
	}
	if err := m.chooseAnnouncement(ctx, s); err != nil {
		return err
	}
	_, err = s.Command(ctx, "+CMMS=?") // 27.005 3.5.6
	if err != nil && over(err) {
		return err
	}
	m.features.more = err == nil
	m.stats = map[string]string{}
	for _, name := range networks {
		_, err := s.Command(ctx, name+"=1") // 27.007 7.2: changes are told
		if err != nil && over(err) {
			return err
		}
		if err == nil {
			m.features.networks = append(m.features.networks, name)
		}
	}
	if m.features.networks == nil {
		m.features.networks = []string{"+CREG"}
	}
	return m.look(ctx, s)
}

// readSMSC asks for the number of the message centre that the SIM names. 3GPP TS 27.005 3.3.1
func (m *Modem) readSMSC(ctx context.Context, s *Session) error {
	info, err := s.Command(ctx, "+CSCA?")
	if err != nil && over(err) {
		return err
	}
	if err != nil || len(info) == 0 {
		m.remark("it does not tell the number of the message centre")
		m.row.SMSC = "unknown"
		return nil
	}
	number, _, _ := strings.Cut(info[0], ",")
	m.row.SMSC = strings.Trim(number, `" `)
	return nil
}

// hasCentre reports whether a message centre is known, or left to the SIM.
func (m *Modem) hasCentre() bool { return m.row.SMSC != "" || m.smsc() != "" }

// smsc is the number of the message centre that goes with every segment; "" leaves it to the SIM.
func (m *Modem) smsc() string { return m.store.SIMSetting("sim.smsc", m.row.IMSI, m.row.ICCID) }
