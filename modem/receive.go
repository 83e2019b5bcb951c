package modem

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"omsbox/modem/sms"
)

// receive stores what comes in. What the modem keeps is looked at when the session starts, when
// the modem announces something, and now and then, since announcements get lost. It also looks at
// the network: covered is closed when messages can pass.
func (m *Modem) receive(ctx context.Context, s *Session, covered chan struct{}) error {
	sweep := time.NewTicker(m.Patience.Sweep)
	defer sweep.Stop()
	wake := time.NewTicker(m.Patience.LookSoon)
	defer wake.Stop()
	defer m.rest(ctx, s)
	r := rounds{due: m.storages, looked: time.Now()}
	for {
		if err := m.sweepAll(ctx, s, r.due); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		r.due = nil
		if err := m.goRound(ctx, s, &r); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if covered != nil && m.registered() {
			close(covered)
			covered = nil
		}
		if len(r.due) > 0 {
			continue
		}
		var again <-chan time.Time
		if r.network || r.card {
			again = time.After(lookPause)
		}
		select {
		case u := <-s.wire.urcs:
			if err := m.heedAll(ctx, s, u, &r); err != nil {
				return err
			}
		case <-again:
		case <-sweep.C:
			r.due = m.storages
		case <-wake.C:
			if m.ladder.settled(m.Patience) {
				m.alarms.clear(ctx, m, alarmModem)
			}
		case <-s.wire.closed:
			return ErrGone
		case <-ctx.Done():
			return nil
		}
	}
}

// rounds is what the receiver has to look at next.
type rounds struct {
	due     []*storage // to be swept
	network bool       // it changed
	card    bool       // the SIM may have
	looked  time.Time
	asked   time.Time // for what had changed
}

// lookPause is the time between two looks that the modem asks for: one that tells of a change with
// each of its answers would be asked for ever.
const lookPause = time.Second

// goRound looks at network and SIM if it is time to.
func (m *Modem) goRound(ctx context.Context, s *Session, r *rounds) error {
	every := m.Patience.Look
	if m.trouble() != "" || m.refused.Load() {
		every = m.Patience.LookSoon
	}
	before := m.row
	if whole := time.Since(r.looked) >= every; whole || (r.network || r.card) && time.Since(r.asked) >= lookPause {
		r.asked = time.Now()
		m.refused.Store(false)
		if err := m.look(ctx, s); err != nil {
			return err
		}
		if whole || r.card {
			kept, err := m.inspect(ctx, s)
			if err != nil {
				return err
			}
			if !kept {
				r.due = m.storages // something may have come unannounced
			}
			r.looked = time.Now()
		}
		r.network, r.card = false, false
		if err := m.seekNetwork(ctx, s); err != nil {
			return err
		}
	}
	m.watchFill(ctx)
	m.row.Remarks = strings.Join(m.remarks, "\n")
	if m.row != before || m.trouble() != m.row.Problem {
		m.report(ctx, true, m.trouble())
	}
	return nil
}

// heedAll acts on a URC and on those that wait behind it.
func (m *Modem) heedAll(ctx context.Context, s *Session, u urc, r *rounds) (err error) {
	for {
		err = errors.Join(err, m.heed(ctx, s, u, r))
		select {
		case u = <-s.wire.urcs:
		default:
			return err
		}
	}
}

// rest stores what came in before the end: a report or a text that is not in the modem's storage
// is nowhere else.
func (m *Modem) rest(ctx context.Context, s *Session) {
	select {
	case u := <-s.wire.urcs:
		m.heedAll(ctx, s, u, &rounds{})
	default:
	}
}

// heed acts on an unsolicited result code.
func (m *Modem) heed(ctx context.Context, s *Session, u urc, r *rounds) error {
	name, _, _ := strings.Cut(u.line, ":")
	switch {
	case name == "+CMGS":
		var mr int
		if n, _ := fmt.Sscanf(u.line, "+CMGS: %d", &mr); n == 1 {
			m.late(ctx, mr)
		}
	case name == "+CMTI", name == "+CDSI":
		r.due = m.announced(u.line, r.due)
	case name == "+CDS", name == "+CMT":
		// It is nowhere else: it is kept here until it is stored.
		for {
			err := m.keep(ctx, u.pdu, false)
			if err == nil {
				return m.acknowledge(ctx, s)
			}
			m.log.Error("what came in cannot be stored yet", "err", err)
			if pause(ctx, time.Second) != nil {
				return nil
			}
		}
	case name == "+CREG", name == "+CGREG", name == "+CEREG":
		r.network = true
	case aboutCard(u.line):
		r.card = true
	default:
		return fmt.Errorf("%w: it started by itself", errAnew)
	}
	return nil
}

// acknowledge tells the SMSC that what came directly is stored. Without it the SMSC delivers it
// again. 3GPP TS 27.005 3.4.4
func (m *Modem) acknowledge(ctx context.Context, s *Session) error {
	if !m.features.acks || ctx.Err() != nil {
		return nil
	}
	_, err := s.Command(ctx, "+CNMA")
	if err != nil && (over(err) || ctx.Err() != nil) {
		return err
	}
	if err != nil {
		m.log.Warn("an acknowledgement was not taken: what came in may come again", "err", err)
	}
	return nil
}

// announced adds the storage that a +CMTI or +CDSI names to those to be swept. Some modems announce
// a report in one storage and keep it in another.
func (m *Modem) announced(line string, due []*storage) []*storage {
	_, rest, _ := strings.Cut(line, `"`) // +CMTI: "SM",3
	name, _, ok := strings.Cut(rest, `"`)
	if !ok || len(name) != 2 {
		return m.storages
	}
	names := []string{name}
	if strings.HasPrefix(line, "+CDSI") {
		names = append(names, "SR")
	}
	for _, name := range names {
		i := slices.IndexFunc(m.storages, func(st *storage) bool { return st.name == name })
		if i < 0 && len(m.storages) < mostStorages {
			m.storages = append(m.storages, &storage{name: name})
			i = len(m.storages) - 1
		}
		if i >= 0 && !slices.Contains(due, m.storages[i]) {
			due = append(due, m.storages[i])
		}
	}
	return due
}

// justNow is how old a text may be that is new although it lay on a SIM that was never met before.
const justNow = 10 * time.Minute

// keep stores a PDU of the modem, whatever it is. What was found on a SIM at the first look at it
// is not mailed, unless it came after omsbox met the SIM, or a moment before.
func (m *Modem) keep(ctx context.Context, pdu string, found bool) error {
	ctx = context.WithoutCancel(ctx)
	_, tpdu, err := sms.SplitPDU(pdu)
	if err != nil {
		// Not even a PDU; what can be read of it as octets is kept all the same.
		tpdu = []byte(pdu)
	}
	if kind, err := sms.MessageType(tpdu); err == nil && kind == sms.MTIStatusReport {
		return m.store.Report(ctx, m.id, tpdu)
	}
	if found && !m.met.Swept && !m.isNew(tpdu) {
		return m.store.Keep(ctx, m.id, tpdu)
	}
	return m.store.Receive(ctx, m.id, tpdu)
}

func (m *Modem) isNew(tpdu []byte) bool {
	d, err := sms.ParseDeliver(tpdu)
	if err != nil || d.SCTS.IsZero() {
		return false
	}
	return d.SCTS.After(m.met.Met) || m.store.ClockTrusted() && d.SCTS.After(m.store.Now().Add(-justNow))
}
