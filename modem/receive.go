package modem

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"omsbox/modem/sms"
)

// lookEvery is how often operator, registration and signal are asked for.
const lookEvery = 5 * time.Minute

// receive stores what comes in. What the modem keeps is looked at when the session starts, when
// the modem announces something, and now and then, since announcements get lost.
func (m *Modem) receive(ctx context.Context, s *Session, storages []string) error {
	sweep := time.NewTicker(m.Patience.Sweep)
	defer sweep.Stop()
	looked := time.Now()
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
		if len(storages) > 0 && time.Since(looked) > lookEvery {
			before := m.row
			if err := m.look(ctx, s); err != nil {
				return err
			}
			if m.row != before {
				m.report(ctx, true, "")
			}
			looked = time.Now()
		}
		select {
		case u := <-s.wire.urcs:
			due = m.heed(ctx, u, storages)
			for more := true; more; {
				select {
				case u := <-s.wire.urcs:
					due = merge(due, m.heed(ctx, u, storages))
				default:
					more = false
				}
			}
		case <-sweep.C:
			due = storages
		case <-s.wire.closed:
			return ErrGone
		case <-ctx.Done():
			return nil
		}
	}
}

// heed acts on an unsolicited result code and returns the storages it asks to look at.
func (m *Modem) heed(ctx context.Context, u urc, storages []string) []string {
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
			return storages
		}
		return []string{name}
	case strings.HasPrefix(u.line, "+CDS:"), strings.HasPrefix(u.line, "+CMT:"):
		// It is nowhere else: it is kept here until it is stored.
		for {
			err := m.keep(ctx, u.pdu)
			if err == nil {
				return nil
			}
			m.log.Error("what came in cannot be stored yet", "err", err)
			if pause(ctx, time.Second) != nil {
				return nil
			}
		}
	}
	return nil
}

func merge(a, b []string) []string {
	for _, name := range b {
		found := false
		for _, other := range a {
			found = found || other == name
		}
		if !found {
			a = append(a, name)
		}
	}
	return a
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
		return m.store.Report(context.WithoutCancel(ctx), m.row.IMSI, tpdu)
	}
	return m.store.Receive(context.WithoutCancel(ctx), m.row.IMSI, tpdu)
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
		if !ok || i+1 >= len(lines) || !isPDU(lines[i+1]) {
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
