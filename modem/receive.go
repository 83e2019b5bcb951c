package modem

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"omsbox/modem/sms"
)

// receive stores what comes in. What the modem keeps is looked at when the session starts, when
// the modem announces something, and now and then, since announcements get lost. It also looks at
// the network: covered is closed when messages can pass.
// stored gets the time of arrival of each text or report that is to be acknowledged.
func (m *Modem) receive(ctx context.Context, s *Session, covered chan struct{}, stored chan<- time.Time) error {
	sweep := time.NewTicker(m.Patience.Sweep)
	defer sweep.Stop()
	wake := time.NewTicker(m.Patience.LookSoon)
	defer wake.Stop()
	defer m.rest(ctx)
	r := rounds{due: m.storages, looked: time.Now()}
	for {
		if err := m.empty(ctx, s, &r, stored); err != nil {
			return err
		}
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
		if covered != nil && m.registered() && m.hasCentre() {
			close(covered)
			covered = nil
		}
		if len(r.due) > 0 {
			continue
		}
		var again <-chan time.Time
		switch {
		case r.network || r.card:
			again = time.After(lookPause)
		case !m.hasCentre():
			again = time.After(centrePause)
		}
		select {
		case <-m.inbox.ready:
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
	centre  time.Time // when the message centre was asked for, which the SIM did not tell before
}

// lookPause is the time between two looks that the modem asks for: one that tells of a change with
// each of its answers would be asked for ever.
const lookPause = time.Second

// centrePause is the time between two questions for a message centre that is not known: some modems
// read it from the SIM only after a while.
const centrePause = 5 * time.Second

// goRound looks at network and SIM if it is time to.
func (m *Modem) goRound(ctx context.Context, s *Session, r *rounds) error {
	every := m.Patience.Look
	if m.trouble() != "" || m.refused.Load() {
		every = m.Patience.LookSoon
	}
	before := m.row
	r.card = m.lapsed.Swap(false) || r.card // then the modem passes nothing more on: 3GPP TS 27.005 3.4.1
	if !m.hasCentre() && time.Since(r.centre) >= centrePause {
		r.centre = time.Now()
		if err := m.readSMSC(ctx, s); err != nil {
			return err
		}
	}
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

// empty stores what came directly and acts on the notes, until nothing waits.
func (m *Modem) empty(ctx context.Context, s *Session, r *rounds, stored chan<- time.Time) error {
	for ctx.Err() == nil {
		select {
		case <-s.wire.closed:
			return ErrGone
		default:
		}
		if err := s.wire.doubted(); err != nil {
			return err
		}
		if u, ok := m.inbox.first(); ok {
			if m.storeDirect(ctx, u, s.wire.closed) != nil {
				continue // it stays in the inbox
			}
			s.useful.Store(true)
			if u.pdu != "" && !u.past {
				select {
				case stored <- u.came:
				default: // as many wait as the inbox holds
				}
			}
			continue
		}
		line, ok := m.inbox.noted()
		if !ok {
			return nil
		}
		m.heed(line, r)
	}
	return nil
}

// storeDirect stores the first of what came directly, and takes it out of the inbox: it is nowhere else.
// It tries until ctx ends or over is closed; once, where over is nil.
func (m *Modem) storeDirect(ctx context.Context, u urc, over <-chan struct{}) error {
	for {
		err := m.storeOne(ctx, u)
		if err == nil {
			m.inbox.drop()
			return nil
		}
		m.cannot("what came in cannot be stored yet", err)
		if over == nil {
			return err
		}
		select {
		case <-time.After(time.Second):
		case <-over:
			return err
		case <-ctx.Done():
			return err
		}
	}
}

func (m *Modem) storeOne(ctx context.Context, u urc) error {
	if u.pdu == "" {
		var mr int
		if n, _ := fmt.Sscanf(u.line, "+CMGS: %d", &mr); n == 1 {
			m.late(ctx, mr)
		}
		return nil
	}
	sim := m.id
	if u.sim != "" {
		sim = u.sim
	}
	tpdu, _ := unfold(u.pdu, code(u.line[strings.LastIndexAny(u.line, ",:")+1:]))
	return m.keep(ctx, sim, tpdu, false)
}

// rest stores what came in before the session ended, as far as the store takes it; the next session
// finds what is left.
func (m *Modem) rest(ctx context.Context) {
	for u, ok := m.inbox.first(); ok && m.storeDirect(ctx, u, nil) == nil; u, ok = m.inbox.first() {
	}
}

// storeRest is rest before the process ends: then nobody has what is left. It tries for a few seconds.
func (m *Modem) storeRest(ctx context.Context) {
	for tries := 0; ; tries++ {
		if m.rest(ctx); tries >= 3 {
			break
		}
		if _, ok := m.inbox.first(); !ok {
			break
		}
		pause(context.WithoutCancel(ctx), time.Second)
	}
}

// heed acts on a note.
func (m *Modem) heed(line string, r *rounds) {
	name, _, _ := strings.Cut(line, ":")
	switch {
	case name == "+CMTI", name == "+CDSI":
		r.due = m.announced(line, r.due)
	case slices.Contains(networks, name):
		r.network = m.told(name, line) || r.network
	case aboutCard(line):
		r.card = true
	}
}

// acknowledge tells the SMSC that what came directly is stored, once for each time of arrival. Without it, and
// where it would come too late, the SMSC delivers it again. It waits for its turn beside the receiver, who goes
// on to store meanwhile.
// 3GPP TS 27.005 3.4.4
func (m *Modem) acknowledge(ctx context.Context, s *Session, stored <-chan time.Time) error {
	for {
		var came time.Time
		select {
		case came = <-stored:
		case <-ctx.Done():
			return nil
		}
		if !m.features.acks || ctx.Err() != nil {
			continue
		}
		err := s.acknowledge(ctx, came)
		if err != nil && (over(err) || ctx.Err() != nil) {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if err != nil {
			m.log.Warn("an acknowledgement was not taken: what came in may come again", "err", err)
			if !m.lapsed.Swap(true) {
				m.inbox.poke()
			}
		}
	}
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

// keep stores a TPDU that came through a SIM, whatever it is. What was found on a SIM at the first look
// at it is not mailed, unless it came after omsbox met the SIM, or a moment before.
func (m *Modem) keep(ctx context.Context, sim string, tpdu []byte, found bool) error {
	ctx = context.WithoutCancel(ctx)
	if kind, err := sms.MessageType(tpdu); err == nil && kind == sms.MTIStatusReport {
		return m.store.Report(ctx, sim, tpdu)
	}
	if found && !m.met.Swept && !m.isNew(tpdu) {
		return m.store.Keep(ctx, sim, tpdu)
	}
	return m.store.Receive(ctx, sim, tpdu)
}

func (m *Modem) isNew(tpdu []byte) bool {
	d, err := sms.ParseDeliver(tpdu)
	if err != nil || d.SCTS.IsZero() {
		return false
	}
	return d.SCTS.After(m.met.Met) || m.store.ClockTrusted() && d.SCTS.After(m.store.Now().Add(-justNow))
}
