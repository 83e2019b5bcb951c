package store

import (
	"database/sql"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Through which SIM a text is to leave. Where there are several: the one that the service is bound to
// which took it (service.sim), else the one that the user is bound to (sim.users), else the one that the number is bound to by the longest prefix (sim.prefixes), else
// the one that the recipient texted last, else any. That is decided when the text is queued.
// Another SIM takes it once the right one has been gone for sms.failover; but never the rest of a
// text of which a part has left.

// bindings are what sim.users and sim.prefixes say.
type bindings struct {
	users    map[string]string // SIM of each login, in lower case
	prefixes []binding         // the longest first
}

type binding struct{ prefix, sim string }

// readBindings takes the bindings out of the settings. sims gives the IMSI of an ICCID; a SIM that
// was never met keeps the name that it has in the setting.
func readBindings(values, sims map[string]string) *bindings {
	b := &bindings{users: map[string]string{}}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		base, name, _ := strings.Cut(key, "/")
		name = imsiOf(name, sims)
		for _, word := range words(values[key]) {
			switch base {
			case "sim.users":
				if login := strings.ToLower(word); b.users[login] == "" {
					b.users[login] = name
				}
			case "sim.prefixes":
				b.prefixes = append(b.prefixes, binding{"+" + strings.TrimPrefix(word, "+"), name})
			}
		}
	}
	slices.SortStableFunc(b.prefixes, func(x, y binding) int { return len(y.prefix) - len(x.prefix) })
	return b
}

// imsiOf returns the IMSI of a SIM that is named by either; sims gives the one of each other. The name of
// one that was never met stays as it is.
func imsiOf(name string, sims map[string]string) string {
	if imsi := sims[name]; imsi != "" && len(name) > len(imsi) {
		return imsi // an ICCID is longer: ITU-T E.118
	}
	return name
}

// routes finds the SIMs for the deliveries of one message.
type routes struct {
	bound    string // by its service or its user
	prefixes []binding
	radio    *presence
}

// routes returns how to find the SIMs for what a user hands to a service.
func (t *tx) routes(user int64, service string) (routes, error) {
	s := t.writer.store
	b := s.bindings.Load()
	r := routes{prefixes: b.prefixes, radio: &s.radio}
	if sim := s.ServiceSetting("service.sim", service); sim != "" {
		r.bound = imsiOf(sim, *s.sims.Load())
		return r, nil
	}
	if user == 0 || len(b.users) == 0 {
		return r, nil
	}
	var login string
	if err := t.row(`SELECT login FROM users WHERE id = ?`, []any{user}, &login); err != nil {
		return r, err
	}
	r.bound = b.users[strings.ToLower(login)]
	return r, nil
}

// to returns the SIM for a recipient; "" for any. A number with the mark of its country put in or left out
// counts as the number, where nothing binds the number as it is spelled.
func (t *tx) to(number string, r routes) (sim string, err error) {
	if r.bound != "" {
		return r.bound, nil
	}
	spellings := []string{number}
	if other := otherSpelling(number); other != "" {
		spellings = append(spellings, other)
	}
	for _, spelling := range spellings {
		for _, b := range r.prefixes {
			if strings.HasPrefix(spelling, b.prefix) {
				return b.sim, nil
			}
		}
	}
	if !r.radio.several() {
		return "", nil
	}
	for _, spelling := range spellings {
		err = t.row(`SELECT sim FROM incoming WHERE sender = ? ORDER BY id DESC LIMIT 1`, []any{spelling}, &sim)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err == nil && !r.radio.known(sim) {
			return "", nil // a SIM that was taken out for good is not waited for
		}
		return sim, err
	}
	return "", nil
}

// presence is which SIMs are in modems that work, and since when others are not.
type presence struct {
	mu   sync.Mutex
	up   map[string]bool      // of the SIMs in modems, by IMSI: the modem works
	gone map[string]time.Time // since when a SIM is in no modem that works
	out  time.Time            // since when none works, as far as this process saw; zero while one does
}

// set takes what the rows of the modems say; changed is true where that is new.
func (p *presence) set(modems []Modem, now time.Time) (changed bool) {
	up := map[string]bool{}
	for _, m := range modems {
		name := m.IMSI
		if name == "" {
			name = "device:" + m.Device // as package modem names it in rows
		}
		up[name] = up[name] || m.Up && m.Problem == "" // else it is out of the network
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	changed = !maps.Equal(up, p.up)
	if p.gone == nil {
		p.gone = map[string]time.Time{}
	}
	for sim, was := range p.up {
		if _, there := up[sim]; was && !there {
			p.gone[sim] = now
		}
	}
	any := false
	for sim, works := range up {
		any = any || works
		_, gone := p.gone[sim]
		switch {
		case works:
			delete(p.gone, sim)
		case !gone:
			p.gone[sim] = now
		}
	}
	switch {
	case any:
		p.out = time.Time{}
	case p.out.IsZero():
		p.out = now
	}
	p.up = up
	return changed
}

// silent returns for how long no SIM has worked.
func (p *presence) silent(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out.IsZero() {
		return 0
	}
	return now.Sub(p.out)
}

func (p *presence) several() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.up) > 1
}

func (p *presence) known(sim string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, known := p.up[sim]
	return known
}

// since returns since when a SIM is gone; false where it is not. One that was never there is gone
// since somebody asked first.
func (p *presence) since(sim string, now time.Time) (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.up[sim] {
		return time.Time{}, false
	}
	since, noted := p.gone[sim]
	if !noted {
		since, p.gone[sim] = now, now
	}
	return since, true
}

// door says which lanes are open to a SIM, and from when on.
type door struct {
	sim, iccid string
	begun      bool // only what has begun may go
	failover   time.Duration
	bounded    bool
	radio      *presence
	now        time.Time
}

func (d door) open(at lane) (from int64, ok bool) {
	switch {
	case at.line == lineBegun:
		return 0, at.route == d.sim
	case d.begun:
		return 0, false
	case at.route == "" || at.route == d.sim || at.route == d.iccid:
		return 0, true
	case !d.bounded:
		return 0, false
	}
	gone, is := d.radio.since(at.route, d.now)
	return ms(gone.Add(d.failover)), is
}

// door returns which lanes are open to a SIM now, and the cap that is reached, if one is.
func (t *tx) door(l *lanes, sim string) (door, *capped, error) {
	s := t.writer.store
	d := door{sim: sim, iccid: (*s.sims.Load())[sim], radio: &s.radio, now: t.now}
	d.failover, d.bounded = s.Failover()
	c, err := t.capped(l, sim)
	d.begun = c != nil || s.Held(sim)
	return d, c, err
}
