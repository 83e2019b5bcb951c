package simulator

import "omsbox/modem/sms"

// Card is a SIM. The zero value is a working one without a PIN.
type Card struct {
	Number string // "+15550100000" if empty
	IMSI   string // "001010123456789" if empty
	ICCID  string // "8900101000000000006" if empty
	PIN    string // empty: none is asked
	PUK    string // "12345678" if empty
	SMSC   string // number of the message centre on it, "+15550199999" if empty
}

// sim is the SIM. All of it survives loss of power but that a PIN has been given.
type sim struct {
	Card
	absent   bool
	locked   bool
	tries    int // left for the PIN
	pukTries int
	shelf    *shelf // where SM is
}

func newSIM(c Card, slots int) sim {
	return sim{Card: c, locked: c.PIN != "", tries: 3, pukTries: 10, shelf: newShelf(slots)}
}

func (c *Card) fill() {
	text(&c.Number, "+15550100000")
	text(&c.IMSI, "001010123456789")
	text(&c.ICCID, "8900101000000000006")
	text(&c.PUK, "12345678")
	text(&c.SMSC, "+15550199999")
}

// RemoveSIM takes the SIM out. What waits at the SMSC goes on waiting.
func (s *Simulator) RemoveSIM() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sim.absent = true
	s.registrationChanged()
}

// InsertSIM puts a new SIM in, with nothing on it, in place of the one before.
// Texts from phones come to it from now on. As with most sticks, the modem sees
// it when it is switched on again, so this does that too.
func (s *Simulator) InsertSIM(c Card) {
	c.fill()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.powerOff()
	s.sim = newSIM(c, len(s.sim.shelf.slots))
	s.storages = s.newStorages(s.sim.shelf)
	s.powerOn()
}

// SwapSIM puts another SIM in the place of the one before while the modem is on, and the modem says
// nothing of it.
func (s *Simulator) SwapSIM(c Card) {
	c.fill()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sim = newSIM(c, len(s.sim.shelf.slots))
	s.storages = s.newStorages(s.sim.shelf)
}

// StoreOwn puts a text on the SIM that its owner wrote with a phone: one that was sent, or is still to be.
func (s *Simulator) StoreOwn(to, text string, sent bool) error {
	tpdus, err := sms.Submit{To: to, Text: text}.TPDUs()
	if err != nil {
		return err
	}
	own := 2 // STO UNSENT. 3GPP TS 27.005 3.1
	if sent {
		own = 3
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, tpdu := range tpdus {
		if _, ok := s.storage("SM").put(stored{smsc: s.sim.SMSC, tpdu: tpdu, own: own}); !ok {
			return cmsMemoryIndex
		}
	}
	return nil
}

// Stored is how many messages lie in one of the modem's storages.
func (s *Simulator) Stored(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.storage(name).used()
}

// SetSMSC changes the number of the message centre on the SIM; it may be empty.
func (s *Simulator) SetSMSC(number string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sim.SMSC = number
}

// pinState is the answer to AT+CPIN?. 3GPP TS 27.007 8.3
func (m *sim) pinState() string {
	switch {
	case m.tries == 0:
		return "SIM PUK"
	case m.locked:
		return "SIM PIN"
	}
	return "READY"
}

// closed says why the SIM cannot be used, or nil.
func (m *sim) closed() error {
	switch {
	case m.absent:
		return cmeNoSIM
	case m.tries == 0:
		return cmeSIMPUK
	case m.locked:
		return cmeSIMPIN
	}
	return nil
}

// closedForMessages is closed in terms of the message service.
func (m *sim) closedForMessages() error {
	switch m.closed() {
	case nil:
		return nil
	case cmeNoSIM:
		return cmsNoSIM
	case cmeSIMPUK:
		return cmsSIMPUK
	}
	return cmsSIMPIN
}

// enterPIN locks the SIM after the third wrong one, until the PUK comes with a
// new one.
func (m *sim) enterPIN(pin, next string) error {
	switch {
	case m.absent:
		return cmeNoSIM
	case m.tries == 0 && (pin != m.PUK || next == "" || m.pukTries == 0):
		m.pukTries = max(0, m.pukTries-1)
		if next == "" {
			return cmeSIMPUK
		}
		return cmeWrongPassword
	case m.tries == 0:
		m.PIN = next
	case !m.locked:
		return cmeNotAllowed
	case pin != m.PIN:
		m.tries--
		return cmeWrongPassword
	}
	m.tries, m.pukTries, m.locked = 3, 10, false
	return nil
}

// shelf is memory for messages.
type shelf struct {
	slots []*stored
	used  int
}

func newShelf(slots int) *shelf { return &shelf{slots: make([]*stored, slots)} }

// stored is a message with its SMSC's number.
type stored struct {
	smsc string
	tpdu []byte
	read bool
	own  int // its status where its owner wrote it, else 0
}

// storage is a name under which AT+CPMS knows memory: MT is that of the stick and
// the SIM together. 3GPP TS 27.005 3.2.3
type storage struct {
	name    string
	shelves []*shelf
	first   int // index of the first slot
}

func (st *storage) used() (n int) {
	for _, sh := range st.shelves {
		n += sh.used
	}
	return n
}

func (st *storage) size() (n int) {
	for _, sh := range st.shelves {
		n += len(sh.slots)
	}
	return n
}

// put stores m at the lowest free index; ok is whether there was one.
func (st *storage) put(m stored) (index int, ok bool) {
	index = st.first
	for _, sh := range st.shelves {
		if sh.used == len(sh.slots) {
			index += len(sh.slots)
			continue
		}
		for i, slot := range sh.slots {
			if slot == nil {
				sh.slots[i] = &m
				sh.used++
				return index + i, true
			}
		}
	}
	return 0, false
}

// at returns the message at index, or nil.
func (st *storage) at(index int) *stored {
	i := index - st.first
	for _, sh := range st.shelves {
		if i >= 0 && i < len(sh.slots) {
			return sh.slots[i]
		}
		i -= len(sh.slots)
	}
	return nil
}

// each calls f for every message.
func (st *storage) each(f func(index int, m *stored)) {
	index := st.first
	for _, sh := range st.shelves {
		for _, m := range sh.slots {
			if m != nil {
				f(index, m)
			}
			index++
		}
	}
}

// remove frees every index whose message drop is true for.
func (st *storage) remove(drop func(index int, m *stored) bool) {
	index := st.first
	for _, sh := range st.shelves {
		for i, m := range sh.slots {
			if m != nil && drop(index, m) {
				sh.slots[i] = nil
				sh.used--
			}
			index++
		}
	}
}

// storage returns the storage of this name, or nil.
func (s *Simulator) storage(name string) *storage {
	for _, st := range s.storages {
		if st.name == name {
			return st
		}
	}
	return nil
}

// newStorages are the names under which memory is known, of which SM is on the
// SIM.
func (s *Simulator) newStorages(onSIM *shelf) []*storage {
	first := s.profile.first
	me, sr := newShelf(s.options.ME), newShelf(s.options.SR)
	return []*storage{
		{"SM", []*shelf{onSIM}, first},
		{"ME", []*shelf{me}, first},
		{"SR", []*shelf{sr}, first},
		{"MT", []*shelf{me, onSIM}, first},
	}
}

// stat is the status AT+CMGL and AT+CMGR tell. 3GPP TS 27.005 3.1
func (m *stored) stat() int {
	if m.own > 0 {
		return m.own
	}
	if m.read {
		return 1 // REC READ
	}
	return 0 // REC UNREAD
}
