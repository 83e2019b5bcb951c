package modem

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"omsbox/store"
)

// barredError says why a SIM cannot be used, and what a person has to do.
type barredError struct{ text string }

func (e *barredError) Error() string { return e.text }

// cardState is what AT+CPIN? says: "READY", "SIM PIN", …, or in lower case what an error says.
// 3GPP TS 27.007 8.3
func cardState(ctx context.Context, s *Session) (string, error) {
	info, err := s.Command(ctx, "+CPIN?")
	var refused *CommandError
	switch {
	case err == nil && len(info) > 0:
		return strings.ToUpper(strings.Trim(info[0], `" `)), nil
	case !errors.As(err, &refused):
		return "", err
	case refused.Kind == "":
		return "READY", nil // it does not know the question
	}
	switch refused.Code { // 3GPP TS 27.007 9.2, and 27.005 3.2.5 for +CMS ERROR
	case 10, 310:
		return "none", nil
	case 11, 311:
		return "SIM PIN", nil
	case 12, 316:
		return "SIM PUK", nil
	case 13, 313:
		return "failure", nil
	case 14, 314, 512, 515:
		return "busy", nil
	case 15, 315:
		return "wrong", nil
	case 5, 312:
		return "PH-SIM PIN", nil
	case 17, 317:
		return "SIM PIN2", nil
	case 18, 318:
		return "SIM PUK2", nil
	}
	if refused.Code <= 4 || refused.Code >= 100 {
		return "READY", nil // an error of the question, not of the SIM
	}
	return "", &barredError{fmt.Sprintf("the SIM cannot be used: %v", refused)}
}

// settledCard waits for a SIM that is busy.
func settledCard(ctx context.Context, s *Session) (string, error) {
	for began := time.Now(); ; {
		state, err := cardState(ctx, s)
		if err != nil {
			return "", err
		}
		busy := state == "busy" || state == "NOT READY"
		if !busy || time.Since(began) >= s.patience.SIM {
			return state, nil
		}
		if err := pause(ctx, time.Second); err != nil {
			return "", err
		}
	}
}

// barredBy says what to do about a SIM in such a state; nil where it can be used, or asks for its PIN.
func barredBy(state string) error {
	switch {
	case state == "READY", state == "SIM PIN2", state == "SIM PUK2", state == "SIM PIN":
		return nil
	case state == "SIM PUK":
		return &barredError{"the SIM is locked and asks for its PUK: put it into a phone and enter the PUK there"}
	case state == "none", state == "NOT INSERTED":
		return &barredError{"there is no SIM in the modem, or it does not sit right: put it in"}
	case state == "failure":
		return &barredError{"the SIM does not work: take it out and put it in again, or try another one"}
	case state == "wrong":
		return &barredError{"the modem says that this is the wrong SIM: it may be locked to another operator"}
	case state == "busy", state == "NOT READY":
		return &barredError{"the SIM is busy and does not become ready: take it out and put it in again if that lasts"}
	case strings.HasPrefix(state, "PH-"):
		return &barredError{"the modem is locked to another SIM or operator (" + state + "): use a SIM of that operator, or have it unlocked"}
	}
	return &barredError{"the SIM asks for its " + state + ": put it into a phone and look there"}
}

// openCard brings the SIM into a state in which it can be used. It gives the PIN that sim.pin holds
// where the SIM asks for it: once.
func (m *Modem) openCard(ctx context.Context, s *Session) error {
	state, err := settledCard(ctx, s)
	if err != nil {
		return err
	}
	if err := barredBy(state); err != nil || state != "SIM PIN" {
		return err
	}
	name, key := m.row.ICCID, "sim.pin/"+m.row.ICCID
	if name == "" {
		name, key = "device:"+m.Device, "sim.pin"
	}
	tries := pinTries(ctx, s)
	left := ""
	if tries >= 0 {
		left = fmt.Sprintf("; %d tries are left", tries)
	}
	pin := m.store.SIMSetting("sim.pin", m.row.ICCID)
	if pin == "" {
		return &barredError{fmt.Sprintf("the SIM asks for its PIN: give it with `omsbox set %s PIN`%s", key, left)}
	}
	trial, err := m.store.TryPIN(ctx, name, pin, tries)
	if err != nil {
		return err
	}
	switch trial {
	case store.PINWrong:
		return &barredError{fmt.Sprintf("the SIM refused the PIN in the settings, which is not given again: give the right one with `omsbox set %s PIN`%s", key, left)}
	case store.PINDoubt:
		return &barredError{"whether the SIM took the PIN in the settings is not known" + left + ": put the SIM into a phone and enter the PIN there"}
	case store.PINLast:
		return &barredError{"the SIM asks for its PIN and a single try is left, which is not risked here: put the SIM into a phone and enter the PIN there"}
	}
	m.log.Info("the SIM asks for its PIN and is given it", "sim", mask(name))
	_, answer := s.Command(ctx, fmt.Sprintf("+CPIN=%q", pin))
	if answer != nil && (over(answer) || ctx.Err() != nil) {
		return answer
	}
	var refused *CommandError
	said := errors.As(answer, &refused)
	wrong := said && (refused.Kind == "CME" && (refused.Code == 16 || refused.Code == 12) || refused.Kind == "CMS" && refused.Code == 316)
	if !wrong {
		// The modem's word is the SIM's state, not the result of the command.
		if state, err = settledCard(ctx, s); err != nil {
			return err
		}
		if state == "SIM PIN" {
			pause(ctx, time.Second) // some tell it late
			if state, err = settledCard(ctx, s); err != nil {
				return err
			}
		}
	}
	now := pinTries(ctx, s)
	switch {
	// One that was refused without a reason counts as wrong, whatever tries the modem tells.
	case wrong, state == "SIM PUK", state == "SIM PIN" && (said && !busy(answer) || now >= 0 && now < tries):
		if err := m.store.PINTaken(ctx, name, pin, false); err != nil {
			return err
		}
		return &barredError{fmt.Sprintf("the SIM refused the PIN in the settings: give the right one with `omsbox set %s PIN`; %s", key, triesLeft(now))}
	case state == "SIM PIN":
		why := "and does not say why"
		if refused != nil {
			why = "(" + refused.Error() + ")"
		}
		return &barredError{"the SIM did not take its PIN " + why + ": put the SIM into a phone and enter the PIN there"}
	}
	if err := m.store.PINTaken(ctx, name, pin, true); err != nil {
		return err
	}
	return barredBy(state)
}

func triesLeft(tries int) string {
	switch {
	case tries < 0:
		return "a few wrong ones lock the SIM"
	case tries == 1:
		return "a single try is left: better put the SIM into a phone and enter it there"
	}
	return fmt.Sprintf("%d tries are left", tries)
}

// pinTries asks how often a PIN may still be given, -1 where the modem does not say. There is no
// command that all know.
func pinTries(ctx context.Context, s *Session) int {
	for _, q := range []struct {
		line  string
		field int // of the answer, counted from 0
	}{
		{"+CPINR", 1},   // 3GPP TS 27.007 8.65: +CPINR: SIM PIN,3,3
		{"^CPIN?", 3},   // Huawei: ^CPIN: SIM PIN,3,10,3,10,3
		{"+QPINC?", 1},  // Quectel: +QPINC: "SC",3,10
		{"+SPIC", 0},    // SIMCom: +SPIC: 3,10,3,10
		{"^SPIC", 0},    // Cinterion
		{"+UPINCNT", 0}, // u-blox: +UPINCNT: 3,3,10,10
		{"#PCT", 0},     // Telit
		{"+ZPINPUK=?", 0},
	} {
		info, err := s.Command(ctx, q.line)
		if err != nil {
			if over(err) || ctx.Err() != nil {
				return -1
			}
			continue
		}
		for _, line := range info {
			fields := strings.Split(line, ",")
			if q.field >= len(fields) {
				continue
			}
			if n, err := strconv.Atoi(strings.TrimSpace(fields[q.field])); err == nil && n >= 0 && n <= 10 {
				return n
			}
		}
	}
	return -1
}

// surely asks until two answers in a row are the same: a digit that the line lost would make another
// SIM, and what is meant for that waits in vain. That there is none, "", is believed last of all.
func surely(ctx context.Context, s *Session, ask func(context.Context, *Session) (string, error)) (string, error) {
	const most = 6
	before, err := ask(ctx, s)
	for range most - 1 {
		if err != nil {
			return "", err
		}
		var again string
		if again, err = ask(ctx, s); err == nil && again == before && again != "" {
			return again, nil
		}
		before = again
	}
	if err == nil && before == "" {
		return "", nil
	}
	return "", errors.Join(err, fmt.Errorf("%w: its SIM has another number each time", errAnew))
}

// readIMSI returns the number of the subscription, waiting for a SIM that is busy; "" where the
// modem does not tell it.
func readIMSI(ctx context.Context, s *Session) (string, error) { return surely(ctx, s, askIMSI) }

func askIMSI(ctx context.Context, s *Session) (string, error) {
	for began := time.Now(); ; {
		info, err := s.Command(ctx, "+CIMI")
		if err != nil && over(err) {
			return "", err
		}
		if err == nil && len(info) > 0 {
			return parseIMSI(info), nil
		}
		if !busy(err) || time.Since(began) >= s.patience.SIM {
			return "", nil
		}
		if err := pause(ctx, time.Second); err != nil {
			return "", err
		}
	}
}

// waitBarred waits until the SIM is to be looked at again: after a while, when a setting changed, or
// when the modem says that a SIM came.
func (m *Modem) waitBarred(ctx context.Context) {
	if m.session == nil {
		pause(ctx, time.Second)
		return
	}
	m.live.Store(m.session)
	defer m.live.Store(nil)
	bell := m.store.Subscribe(store.Settings)
	defer bell.Close()
	timer := time.NewTimer(m.Patience.Barred)
	defer timer.Stop()
	for {
		select {
		case <-m.inbox.ready:
			line, told := m.inbox.noted()
			for told && !aboutCard(line) {
				line, told = m.inbox.noted()
			}
			if !told && m.session.wire.doubted() == nil {
				continue
			}
			pause(ctx, time.Second)
		case <-bell.C:
		case <-timer.C:
		case <-m.session.wire.closed:
		case <-ctx.Done():
		}
		return
	}
}

// aboutCard says whether a URC tells that the SIM came or went.
func aboutCard(line string) bool {
	for _, prefix := range []string{"+CPIN:", "^SIMST:", "+QUSIM:", "+ZUSIMR:"} {
		if strings.HasPrefix(line, prefix) {
			return true
		}
	}
	return false
}
