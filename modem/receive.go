package modem

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"omsbox/modem/sms"
)

// lookEvery is how often operator, registration and signal are asked for.
const (
	lookEvery = 5 * time.Minute
	lookSoon  = 20 * time.Second // while something is wrong
)

// receive stores what comes in. What the modem keeps is looked at when the session starts, when
// the modem announces something, and now and then, since announcements get lost.
func (m *Modem) receive(ctx context.Context, s *Session, storages []string) error {
	sweep := time.NewTicker(m.Patience.Sweep)
	defer sweep.Stop()
	defer m.rest(ctx, s, storages)
	wake := time.NewTicker(lookSoon)
	defer wake.Stop()
	looked := time.Now()
	var err error
	due := append([]string(nil), storages...) // to be swept
	for {
		for _, storage := range due {
			if err := m.sweep(ctx, s, storage); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return err
			}
		}
		due = nil
		again := lookEvery
		if m.trouble() != "" || m.refused.Load() {
			again = lookSoon
		}
		if time.Since(looked) > again {
			m.refused.Store(false)
			before := m.row
			if err := m.look(ctx, s); err != nil {
				return err
			}
			// Some modems forget these by themselves; to set them again does no harm.
			for _, line := range []string{"+CMGF=0", m.announcement} {
				if _, err := s.Command(ctx, line); err != nil && over(err) {
					return err
				}
			}
			if m.row != before || m.trouble() != m.row.Problem {
				m.report(ctx, true, m.trouble())
			}
			looked = time.Now()
		}
		select {
		case u := <-s.wire.urcs:
			if due, err = m.heedAll(ctx, s, u, storages); err != nil {
				return err
			}
		case <-sweep.C:
			due = storages
		case <-wake.C:
		case <-s.wire.closed:
			return ErrGone
		case <-ctx.Done():
			return nil
		}
	}
}

// heedAll acts on a URC and on those that wait behind it.
func (m *Modem) heedAll(ctx context.Context, s *Session, u urc, storages []string) (due []string, err error) {
	for {
		more, failed := m.heed(ctx, u, storages)
		err = errors.Join(err, failed)
		for _, name := range more {
			if !slices.Contains(due, name) {
				due = append(due, name)
			}
		}
		select {
		case u = <-s.wire.urcs:
		default:
			return due, err
		}
	}
}

// rest stores what came in before the end: a report or a text that is not in the modem's storage
// is nowhere else.
func (m *Modem) rest(ctx context.Context, s *Session, storages []string) {
	select {
	case u := <-s.wire.urcs:
		m.heedAll(ctx, s, u, storages)
	default:
	}
}

// errRestarted: the modem forgot how it was set up.
var errRestarted = errors.New("the modem started anew")

// heed acts on an unsolicited result code and returns the storages it asks to look at.
func (m *Modem) heed(ctx context.Context, u urc, storages []string) ([]string, error) {
	switch {
	case strings.HasPrefix(u.line, "+CMGS:"):
		var mr int
		if n, _ := fmt.Sscanf(u.line, "+CMGS: %d", &mr); n == 1 {
			m.late(ctx, mr)
		}
	case strings.HasPrefix(u.line, "+CMTI:"), strings.HasPrefix(u.line, "+CDSI:"):
		// +CMTI: "SM",3
		_, rest, _ := strings.Cut(u.line, `"`)
		name, _, ok := strings.Cut(rest, `"`)
		if !ok {
			return storages, nil
		}
		return []string{name}, nil
	case strings.HasPrefix(u.line, "+CDS:"), strings.HasPrefix(u.line, "+CMT:"):
		// It is nowhere else: it is kept here until it is stored.
		for {
			err := m.keep(ctx, u.pdu)
			if err == nil {
				return nil, nil
			}
			m.log.Error("what came in cannot be stored yet", "err", err)
			if pause(ctx, time.Second) != nil {
				return nil, nil
			}
		}
	default:
		return nil, errRestarted
	}
	return nil, nil
}

// sweep stores every message that lies in a storage and deletes it once it is stored. 27.005 3.4.2
func (m *Modem) sweep(ctx context.Context, s *Session, storage string) error {
	if _, err := s.Command(ctx, fmt.Sprintf(`+CPMS="%s"`, storage)); err != nil {
		if over(err) || ctx.Err() != nil {
			return err
		}
		return nil // a storage that the modem does not let us read
	}
	lines, err := s.list(ctx)
	if err != nil {
		if over(err) || ctx.Err() != nil {
			return err
		}
		m.log.Warn("the modem does not list its messages", "storage", storage, "err", err)
		return nil
	}
	for _, l := range lines {
		if err := m.keep(ctx, l.pdu); err != nil {
			m.log.Error("what came in cannot be stored yet: it stays in the modem", "err", err)
			return nil
		}
		if _, err := s.Command(ctx, fmt.Sprintf("+CMGD=%d", l.index)); err != nil {
			if over(err) || ctx.Err() != nil {
				return err
			}
			m.log.Warn("a stored message cannot be deleted from the modem", "storage", storage, "index", l.index, "err", err)
		}
	}
	return nil
}

// keep stores a PDU of the modem, whatever it is.
func (m *Modem) keep(ctx context.Context, pdu string) error {
	_, tpdu, err := sms.SplitPDU(pdu)
	if err != nil {
		// Not even a PDU; what can be read of it as octets is kept all the same.
		tpdu = []byte(pdu)
	}
	if kind, err := sms.MessageType(tpdu); err == nil && kind == sms.MTIStatusReport {
		return m.store.Report(context.WithoutCancel(ctx), m.sim(), tpdu)
	}
	return m.store.Receive(context.WithoutCancel(ctx), m.sim(), tpdu)
}

// listed is a message in the modem's storage.
type listed struct {
	index int
	pdu   string
}

// list returns all messages of the chosen storage.
func (s *Session) list(ctx context.Context) ([]listed, error) {
	lines, err := s.lines(ctx, "+CMGL=4", s.patience.List)
	if err != nil {
		return nil, err
	}
	var all []listed
	for i, line := range lines {
		// +CMGL: 3,0,,24 and in the next line the PDU
		rest, ok := strings.CutPrefix(line, "+CMGL:")
		if !ok || i+1 >= len(lines) || strings.HasPrefix(lines[i+1], "+CMGL:") {
			continue
		}
		first, status, _ := strings.Cut(rest, ",")
		index, err := strconv.Atoi(strings.TrimSpace(first))
		if err != nil {
			continue
		}
		if status = strings.TrimSpace(status); strings.HasPrefix(status, "2") || strings.HasPrefix(status, "3") {
			continue // stored to be sent, or sent: not ours
		}
		all = append(all, listed{index, lines[i+1]})
	}
	return all, nil
}
