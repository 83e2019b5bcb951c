package simulator

import "omsbox/modem/sms"

// sim is the SIM, and the message storages of the stick it is in. All of it
// survives loss of power but that a PIN has been given.
type sim struct {
	pin      string
	locked   bool
	tries    int // left for the PIN
	smsc     string
	storages []*storage
}

func newSIM(o Options) sim {
	return sim{
		pin:      o.PIN,
		locked:   o.PIN != "",
		tries:    3,
		smsc:     o.SMSC,
		storages: []*storage{newStorage("SM", o.SM), newStorage("ME", o.ME), newStorage("SR", o.SR)},
	}
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

func (m *sim) needsPIN() error {
	switch {
	case m.tries == 0:
		return cmeSIMPUK
	case m.locked:
		return cmeSIMPIN
	}
	return nil
}

// enterPIN locks the SIM for good after the third wrong one.
func (m *sim) enterPIN(pin string) error {
	switch {
	case m.tries == 0:
		return cmeSIMPUK
	case !m.locked:
		return cmeNotAllowed
	case pin != m.pin:
		m.tries--
		return cmeWrongPassword
	}
	m.tries, m.locked = 3, false
	return nil
}

// storage returns the storage of this name, or nil.
func (m *sim) storage(name string) *storage {
	for _, st := range m.storages {
		if st.name == name {
			return st
		}
	}
	return nil
}

// storage keeps received messages at indexes from 1.
type storage struct {
	name  string
	slots []*stored
	used  int
}

// stored is a message with its SMSC's number.
type stored struct {
	smsc string
	tpdu []byte
	read bool
}

func newStorage(name string, slots int) *storage {
	return &storage{name: name, slots: make([]*stored, slots)}
}

// put stores m at the lowest free index, or returns 0 if there is none.
func (st *storage) put(m stored) (index int) {
	for i, slot := range st.slots {
		if slot == nil {
			st.slots[i] = &m
			st.used++
			return i + 1
		}
	}
	return 0
}

// at returns the message at index, or nil; ok is whether there is such an index.
func (st *storage) at(index int) (m *stored, ok bool) {
	if index < 1 || index > len(st.slots) {
		return nil, false
	}
	return st.slots[index-1], true
}

// remove frees every index whose message drop is true for.
func (st *storage) remove(drop func(index int, m *stored) bool) {
	for i, m := range st.slots {
		if m != nil && drop(i+1, m) {
			st.slots[i] = nil
			st.used--
		}
	}
}

// stat is the status AT+CMGL and AT+CMGR tell. 3GPP TS 27.005 3.1
func (m *stored) stat() int {
	if m.read {
		return 1 // REC READ
	}
	return 0 // REC UNREAD
}

func (m *stored) pdu() string { return sms.JoinPDU(m.smsc, m.tpdu) }
