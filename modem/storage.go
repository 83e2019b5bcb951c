package modem

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"omsbox/modem/sms"
)

// storage is where the modem keeps messages. 3GPP TS 27.005 3.2.2
type storage struct {
	name        string // "SM", "ME", "MT" or "SR"
	used, total int    // messages, as last seen; total 0 where it does not say
	entries     map[entry]*handled
}

// entry is a message at its place.
type entry struct {
	index int
	pdu   string
}

// handled is what was done about an entry that is still there, or was at the last look.
type handled struct {
	stored  bool
	deletes int       // how often it was to be deleted
	again   time.Time // not before, once it was set aside
	looks   int       // at a PDU that is not as long as it says
}

const (
	// mostDeletes is how often an entry is to be deleted before it is set aside.
	mostDeletes = 3
	// mostStorages bounds the storages that a modem can name.
	mostStorages = 6
	// mostSlots bounds the places of a storage that are looked at one by one.
	mostSlots = 300
)

// sweepAll sweeps storages. Once all were, the SIM is no longer one that was never met.
func (m *Modem) sweepAll(ctx context.Context, s *Session, due []*storage) error {
	whole := len(due) > 0 && len(due) >= len(m.storages)
	for _, st := range due {
		done, err := m.sweep(ctx, s, st)
		if err != nil {
			return err
		}
		whole = whole && done
	}
	if whole && !m.met.Swept {
		if err := m.store.SweptSIM(ctx, m.id); err != nil {
			m.cannot("store that the SIM was looked at", err)
			return nil
		}
		m.met.Swept = true
	}
	return nil
}

// sweep stores every message that lies in a storage and deletes it once it is stored. done says
// whether nothing was left unseen or unstored. 3GPP TS 27.005 3.4.2
func (m *Modem) sweep(ctx context.Context, s *Session, st *storage) (done bool, err error) {
	lapses := s.wire.lapses.Load() // a modem that restarts lists, and deletes, in the storage that it prefers
	info, readable, err := m.choose(ctx, s, st)
	if err != nil || !readable {
		return true, err
	}
	st.used, st.total = 0, 0
	if used, total := fill(info); total > 0 {
		st.used, st.total = used, total
	}
	all, listed, err := m.messages(ctx, s, st)
	if err != nil {
		return false, err
	}
	if s.wire.lapses.Load() != lapses {
		return false, nil
	}
	if st.entries == nil {
		st.entries = map[entry]*handled{}
	}
	seen := map[entry]bool{}
	for _, l := range all {
		if l.flaw != "" {
			if err := m.passOver(s, st, l); err != nil {
				return false, err
			}
			continue
		}
		key := entry{l.index, l.pdu}
		h := st.entries[key]
		if h == nil {
			h = new(handled)
			st.entries[key] = h
		}
		seen[key] = true
		if h.deletes >= mostDeletes { // and it is still there
			m.remark("the message at place %d of its storage %s cannot be deleted: it is stored here and passed over there",
				l.index, st.name)
			if time.Now().Before(h.again) {
				continue
			}
		}
		switch fate, err := m.takeIn(ctx, s, st, l, h, lapses); {
		case err != nil || fate == fateEnd:
			return false, err
		case fate == fateUnread:
			listed = false
		}
	}
	if listed {
		for key := range st.entries {
			if !seen[key] {
				delete(st.entries, key)
			}
		}
	}
	return listed, nil
}

// messages lists a storage that was chosen; listed reports whether that was all of it.
func (m *Modem) messages(ctx context.Context, s *Session, st *storage) (all []listed, whole bool, err error) {
	all, err = s.list(ctx)
	switch {
	case err != nil && (over(err) || ctx.Err() != nil):
		return nil, false, err
	case err != nil && len(all) == 0 && st.used > 0:
		m.log.Warn("the modem does not list its messages: they are read one by one", "storage", st.name, "err", err)
		all, err := s.readEach(ctx, st.total)
		return all, false, err
	case err == nil && len(all) == 0 && st.used > 0: // in text mode some list nothing
		if err := s.remainPDU(ctx); err != nil && over(err) {
			return nil, false, err
		}
	}
	return all, err == nil, nil
}

// fate is what became of a message at a look at its storage.
type fate int

const (
	fateDone   fate = iota // it is stored, and was to be deleted
	fateUnread             // it came broken: perhaps the next look is luckier
	fateEnd                // the look at the storage ends
)

// takeIn stores a message that is listed, unless that was done before, and deletes it then.
func (m *Modem) takeIn(ctx context.Context, s *Session, st *storage, l listed, h *handled, lapses int64) (fate, error) {
	if l.odd && !h.stored {
		if h.looks++; h.looks < mostDeletes {
			if whole, err := s.readAt(ctx, l.index); err != nil {
				return fateEnd, err
			} else if whole.pdu != l.pdu && !whole.odd && whole.flaw == "" && whole.pdu != "" {
				l = whole // it was cut short on its way
			} else if whole.pdu != l.pdu {
				return fateUnread, nil
			}
		}
	}
	if !h.stored {
		if err := m.keep(ctx, m.id, l.tpdu, true); err != nil {
			m.cannot("what came in cannot be stored yet: it stays in the modem", err)
			return fateEnd, nil
		}
		h.stored = true
		s.useful.Store(true)
	}
	err := s.unlapsed(ctx, lapses, fmt.Sprintf("+CMGD=%d", l.index))
	switch {
	case errors.Is(err, errLapsed):
		return fateEnd, nil
	case err != nil && (over(err) || ctx.Err() != nil):
		return fateEnd, err
	}
	h.deletes++
	if err == nil {
		st.used--
	}
	if h.deletes >= mostDeletes {
		h.again = time.Now().Add(m.Patience.SetAside)
	} else if err != nil {
		m.log.Warn("a stored message cannot be deleted from the modem", "storage", st.name, "index", l.index, "err", err)
	}
	return fateDone, nil
}

// choose makes a storage the one that is listed and deleted from, and returns what the modem says of
// it; readable is false where it does not let us. Some want all three storages named.
func (m *Modem) choose(ctx context.Context, s *Session, st *storage) (info []string, readable bool, err error) {
	for _, line := range []string{fmt.Sprintf(`+CPMS=%q`, st.name), fmt.Sprintf(`+CPMS=%q,%q,%q`, st.name, m.features.storage, m.features.storage)} {
		info, err := s.Command(ctx, line)
		if err == nil {
			return info, true, nil
		}
		if over(err) || ctx.Err() != nil {
			return nil, false, err
		}
	}
	if st.name == m.features.storage {
		return nil, true, nil // it was chosen when the modem was set up
	}
	m.remark("its storage %s cannot be read", st.name)
	return nil, false, nil
}

// Shares of a storage, in percent, at which people are told that it fills up, and that it did not.
const (
	nearlyFull = 80
	wellBelow  = 60
)

// watchFill tells how full the storages are: a full one lets nothing in.
func (m *Modem) watchFill(ctx context.Context) {
	var words []string
	highest, worst := 0, (*storage)(nil)
	for _, st := range m.storages {
		if st.total <= 0 {
			continue
		}
		words = append(words, fmt.Sprintf("%s %d of %d", st.name, max(0, st.used), st.total))
		if share := 100 * st.used / st.total; share > highest {
			highest, worst = share, st
		}
	}
	m.row.Storage = strings.Join(words, ", ")
	switch {
	case highest >= nearlyFull:
		stuck := 0
		for _, h := range worst.entries {
			if h.deletes >= mostDeletes {
				stuck++
			}
		}
		m.alarms.raise(ctx, m, alarmStorage, fmt.Sprintf("the modem's storage %s holds %d messages of %d, %d of which cannot be deleted: when it is full nothing comes in; "+
			"delete drafts and sent texts with a phone, or get another SIM", worst.name, worst.used, worst.total, stuck))
	case highest < wellBelow:
		m.alarms.clear(ctx, m, alarmStorage)
	}
}

// passOver leaves a message where it is that must not be deleted: nobody has read it. Where what should
// be a PDU is none, the modem may be in text mode, and is set up again before the next look.
func (m *Modem) passOver(s *Session, st *storage, l listed) error {
	if len(m.wordless) >= mostWordless || m.wordless == nil {
		m.wordless = map[string]int{}
	}
	if which := fmt.Sprint(st.name, l.index, l.pdu); l.flaw == flawWords && m.wordless[which] < mostDeletes {
		m.wordless[which]++
		s.wire.suspected("a message in its storage is no PDU")
		return s.wire.doubted()
	}
	m.remark("the message at place %d of its storage %s %s: it is left there", l.index, st.name, l.flaw)
	return nil
}

// mostWordless bounds what is remembered of messages that are no PDUs.
const mostWordless = 100

// Why a message is not deleted.
const (
	flawWords  = "is no PDU"
	flawSubmit = "is one to be sent, although it is said to have come in"
)

// listed is a message in the modem's storage.
type listed struct {
	index int
	pdu   string
	tpdu  []byte
	odd   bool   // it is not as long as the modem says
	flaw  string // why it is not to be deleted; "" it may be, once it is stored
}

// newListed takes apart what is listed of a message: the parameters beside it, and its PDU. ok is false
// where it is a draft, or was sent, which is not ours. Some modems tell less than the standard has, and
// only the length for certain. 3GPP TS 27.005 3.1, 3.4.2 and 4.1
func newListed(index int, beside []string, pdu string) (l listed, ok bool) {
	status, length := "", -1
	switch last := beside[max(0, len(beside)-1):]; {
	case len(beside) > 1:
		status, length = beside[0], code(last[0])
	case len(beside) == 1 && code(last[0]) > statusAll:
		length = code(last[0])
	case len(beside) == 1:
		status = last[0]
	}
	if status == "2" || status == "3" {
		return listed{}, false
	}
	l = listed{index: index, pdu: pdu}
	if l.tpdu, ok = unfold(pdu, length); l.tpdu == nil {
		l.flaw = flawWords
	}
	l.odd = !ok
	kind, err := sms.MessageType(l.tpdu)
	if err == nil && len(pdu)%2 == 0 && kind == sms.MTISubmitReport { // a SMS-SUBMIT, in a storage
		l.flaw = flawSubmit
	}
	return l, true
}

// statusAll is the highest number that stands for a status.
const statusAll = 4

// list returns the received messages of the chosen storage; with an error those that came before it.
func (s *Session) list(ctx context.Context) ([]listed, error) {
	lines, err := s.lines(ctx, "+CMGL=4", s.patience.List)
	var all []listed
	for i, line := range lines {
		// +CMGL: 3,0,,24 and in the next line the PDU
		rest, ok := strings.CutPrefix(line, "+CMGL:")
		if !ok || i+1 >= len(lines) || strings.HasPrefix(lines[i+1], "+CMGL:") {
			continue
		}
		beside := fields(rest)
		index, failed := strconv.Atoi(beside[0])
		if failed != nil {
			continue
		}
		if l, ours := newListed(index, beside[1:], lines[i+1]); ours {
			all = append(all, l)
		}
	}
	if doubt := s.wire.doubted(); doubt != nil {
		return nil, doubt
	}
	return all, err
}

// readEach reads the messages of the chosen storage one by one, where they cannot be listed.
func (s *Session) readEach(ctx context.Context, slots int) (all []listed, err error) {
	for index := 0; index <= min(slots, mostSlots); index++ {
		l, err := s.readAt(ctx, index)
		if err != nil {
			return nil, err
		}
		if l.pdu != "" {
			all = append(all, l)
		}
	}
	return all, nil
}

// readAt reads one received message; its PDU is "" where there is none. 3GPP TS 27.005 4.2
func (s *Session) readAt(ctx context.Context, index int) (listed, error) {
	lines, err := s.lines(ctx, fmt.Sprintf("+CMGR=%d", index), s.patience.Command)
	l := listed{index: index}
	if doubt := s.wire.doubted(); doubt != nil {
		return l, doubt
	}
	if err != nil {
		if over(err) || ctx.Err() != nil || errors.Is(err, ErrSlow) {
			return l, err
		}
		return l, nil
	}
	for i, line := range lines {
		if rest, ok := strings.CutPrefix(line, "+CMGR:"); ok && i+1 < len(lines) {
			if read, ours := newListed(index, fields(rest), lines[i+1]); ours {
				l = read
			}
		}
	}
	return l, nil
}

// unfold returns the TPDU of a PDU in hexadecimal, of which the modem says that its TPDU has so many
// octets, -1 where it says nothing; nil where it is no hexadecimal. whole reports whether it has that
// length. Some modems leave the address of the SMSC out. 3GPP TS 27.005 3.1
func unfold(pdu string, octets int) (tpdu []byte, whole bool) {
	b, err := hex.DecodeString(pdu)
	if errors.Is(err, hex.ErrLength) { // a digit got lost
		return []byte(pdu), false
	}
	if err != nil || len(b) == 0 {
		return nil, false
	}
	behind := 1 + int(b[0]) // the address of the SMSC
	switch {
	case octets > 0 && len(b) == behind+octets:
		return b[behind:], true
	case comesIn(b) && (len(b) == octets || behind >= len(b) || !comesIn(b[behind:])):
		return b, len(b) == octets
	case behind < len(b):
		// The length counts that address, unless the end of the PDU is missing and just as long as the address.
		return b[behind:], len(b) == octets && comesIn(b[behind:]) && !endMissing(b[behind:])
	}
	return b, false
}

// endMissing reports whether a SMS-DELIVER ends before the end of its user data.
func endMissing(tpdu []byte) bool {
	d, err := sms.ParseDeliver(tpdu)
	return err == nil && d.Cut
}

// comesIn reports whether octets begin as a SMS-DELIVER or SMS-STATUS-REPORT does, and are long enough for
// one. 3GPP TS 23.040 9.2.2.1, 9.2.2.3
func comesIn(tpdu []byte) bool {
	if len(tpdu) < 4 {
		return false
	}
	address, rest := tpdu[1:], 10 // TP-PID, TP-DCS, TP-SCTS and TP-UDL follow it
	switch tpdu[0] & 3 {
	case 0:
	case 2:
		address, rest = tpdu[2:], 15 // TP-SCTS, TP-DT and TP-ST
	default:
		return false
	}
	const mostDigits, aType = 20, 0x80
	return address[0] <= mostDigits && address[1]&aType != 0 && len(address) >= 2+(int(address[0])+1)/2+rest
}
