package modem

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
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
			m.log.Error("store that the SIM was looked at", "err", err)
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
	all, err := s.list(ctx)
	listed := err == nil
	if err != nil {
		if over(err) || ctx.Err() != nil {
			return false, err
		}
		if len(all) == 0 && st.used > 0 {
			m.log.Warn("the modem does not list its messages: they are read one by one", "storage", st.name, "err", err)
			if all, err = s.readEach(ctx, st.total); err != nil {
				return false, err
			}
		}
	}
	if s.wire.lapses.Load() != lapses {
		return false, nil
	}
	if st.entries == nil {
		st.entries = map[entry]*handled{}
	}
	seen := map[entry]bool{}
	for _, l := range all {
		key := entry{l.index, l.pdu}
		h := st.entries[key]
		if h == nil {
			h = new(handled)
			st.entries[key] = h
		}
		seen[key] = true
		if h.deletes >= mostDeletes { // and it is still there
			m.remark("the message at place %d of its storage %s cannot be deleted: it is stored here and passed over there", l.index, st.name)
			if time.Now().Before(h.again) {
				continue
			}
		}
		if l.odd && !h.stored {
			if h.looks++; h.looks < mostDeletes {
				if whole, err := s.readAt(ctx, l.index); err != nil {
					return false, err
				} else if whole.pdu != l.pdu && !whole.odd && whole.pdu != "" {
					l = whole // it was cut short on its way
				} else if whole.pdu != l.pdu {
					listed = false
					continue // perhaps the next look is luckier
				}
			}
		}
		if !h.stored {
			if err := m.keep(ctx, l.pdu, true); err != nil {
				m.log.Error("what came in cannot be stored yet: it stays in the modem", "err", err)
				return false, nil
			}
			h.stored = true
		}
		err := s.unlapsed(ctx, lapses, fmt.Sprintf("+CMGD=%d", l.index))
		switch {
		case errors.Is(err, errLapsed):
			return false, nil
		case err != nil && (over(err) || ctx.Err() != nil):
			return false, err
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

// listed is a message in the modem's storage.
type listed struct {
	index int
	pdu   string
	odd   bool // it is not as long as the modem says
}

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
		first, status, _ := strings.Cut(rest, ",")
		index, failed := strconv.Atoi(strings.TrimSpace(first))
		if failed != nil || !received(status) {
			continue
		}
		all = append(all, listed{index, lines[i+1], odd(status, lines[i+1])})
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
	if err != nil {
		if over(err) || ctx.Err() != nil || errors.Is(err, ErrSlow) {
			return l, err
		}
		return l, nil
	}
	for i, line := range lines {
		if status, ok := strings.CutPrefix(line, "+CMGR:"); ok && i+1 < len(lines) && received(status) {
			l.pdu, l.odd = lines[i+1], odd(status, lines[i+1])
		}
	}
	return l, nil
}

// received says of the status of a listed message, and what follows it, whether it came in: others
// are drafts, or were sent, and are not ours. 3GPP TS 27.005 3.1
func received(status string) bool {
	status = strings.TrimSpace(status)
	return !strings.HasPrefix(status, "2") && !strings.HasPrefix(status, "3")
}

// odd says whether a PDU does not have the length of the TPDU that stands last beside its status, or
// none stands there: then the line came broken.
func odd(status, pdu string) bool {
	length := code(status[strings.LastIndexByte(status, ',')+1:])
	if length < 0 || len(pdu) < 2 {
		return true
	}
	smsc, err := strconv.ParseUint(pdu[:2], 16, 8)
	return err != nil || len(pdu) != 2*(1+int(smsc)+length)
}
