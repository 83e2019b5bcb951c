package modem

import (
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// mostDirect bounds the texts, delivery reports and late answers that wait to be stored. It is far
	// more than a network hands over in the time that a segment may take.
	mostDirect = 50_000
	// manyDirect is how many of them are worth a line in the log.
	manyDirect = 1000
	// mostNotes bounds the kinds of other unsolicited result codes that wait.
	mostNotes = 32
)

// inbox holds what a modem says unasked until the receiver has dealt with it. It belongs to the
// modem and outlives a session: a text or a report that comes directly is nowhere else.
type inbox struct {
	ready chan struct{} // holds a token when there is something to look at

	mu     sync.Mutex
	direct []urc // in the order of arrival
	notes  []string
	said   bool // the log has the line about many
	signs  map[string]*habit
}

// habit is how often of late a line had the modem set up again.
type habit struct {
	times int
	last  time.Time
}

const (
	// mostTimes is how often a line of a start is believed before it is taken for a habit: some modems
	// say it with each answer.
	mostTimes = 5
	// habitFor is how long a line has to be absent to be believed again.
	habitFor = 10 * time.Minute
	// mostSigns bounds the lines that are remembered.
	mostSigns = 32
)

// believes reports whether a line that tells of a start is a sign of one.
func (b *inbox) believes(sign string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.signs == nil {
		b.signs = map[string]*habit{}
	}
	h := b.signs[sign]
	switch {
	case h == nil && len(b.signs) >= mostSigns:
		clear(b.signs)
		fallthrough
	case h == nil, time.Since(h.last) > habitFor:
		h = new(habit)
		b.signs[sign] = h
	}
	h.last = time.Now()
	h.times++
	return h.times <= mostTimes
}

func newInbox() *inbox { return &inbox{ready: make(chan struct{}, 1)} }

// put adds a URC. many reports whether the log is to say that much comes in, full whether there was
// no room. Notes are merged: the last of each kind counts.
func (b *inbox) put(u urc) (many, full bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.poke()
	if !isDirect(u) {
		b.note(u.line)
		return false, false
	}
	if len(b.direct) >= mostDirect {
		return false, true
	}
	b.direct = append(b.direct, u)
	many = len(b.direct) >= manyDirect && !b.said
	b.said = b.said || many
	return many, false
}

// poke wakes the receiver.
func (b *inbox) poke() {
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

// note keeps a line that tells only that something is to be looked at. b.mu is held.
func (b *inbox) note(line string) {
	kind := noteKind(line)
	if len(b.notes) >= mostNotes { // such storages do not exist: all are looked at
		kind, _, _ = strings.Cut(line, ":")
		line = kind + ":"
	}
	if at := slices.IndexFunc(b.notes, func(n string) bool { return noteKind(n) == kind }); at >= 0 {
		b.notes[at] = line
	} else if len(b.notes) < 2*mostNotes {
		b.notes = append(b.notes, line)
	}
}

// noteKind is what notes have in common of which only the last counts: the name, and the storage that
// an announcement is about.
func noteKind(line string) string {
	if strings.HasPrefix(line, "+CMTI:") || strings.HasPrefix(line, "+CDSI:") {
		if at := strings.IndexByte(line, ','); at >= 0 {
			return line[:at]
		}
	}
	name, _, _ := strings.Cut(line, ":")
	return name
}

// first returns the oldest text, report or late answer. It stays until drop.
func (b *inbox) first() (u urc, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.direct) == 0 {
		return urc{}, false
	}
	return b.direct[0], true
}

// drop removes what first returned.
func (b *inbox) drop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.direct = b.direct[1:]; len(b.direct) == 0 {
		b.direct, b.said = nil, false
	}
}

// noted takes the oldest note.
func (b *inbox) noted() (line string, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.notes) == 0 {
		return "", false
	}
	line, b.notes = b.notes[0], b.notes[1:]
	return line, true
}

// leave marks what waits as of a SIM, and of a session that is over: nobody waits for its
// acknowledgement any more.
func (b *inbox) leave(sim string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.direct {
		if u := &b.direct[i]; !u.past {
			u.past, u.sim = true, sim
		}
	}
	b.notes = nil // setting the modem up looks at everything
}

// isDirect reports whether a URC is nowhere else: a text, a report, or a late answer to AT+CMGS.
func isDirect(u urc) bool { return u.pdu != "" || strings.HasPrefix(u.line, "+CMGS:") }
