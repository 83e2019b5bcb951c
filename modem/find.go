package modem

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"omsbox/store"
)

// Finder finds the modems of this computer, whatever they are called and wherever they are plugged
// in, and knows each again by its IMEI. Run looks for them for ever.
type Finder struct {
	Tree  Tree
	Pause time.Duration // between looks at what is plugged in

	// Report is told how the search goes, each time that this changes: ok says whether there is a
	// modem, text what was found, or what was looked at and why it is of no use.
	Report func(ctx context.Context, ok bool, text string) error
	// Alarm is told why there is still no modem after Missing, and "" as soon as there is one. What
	// becomes of a modem that was found, its server tells.
	Alarm   func(ctx context.Context, text string) error
	Missing time.Duration

	// Return is how long one call of open waits for a modem that is known to be away. Its server tries
	// again anyway, at growing pauses: because of the wait, it is served at once when it is plugged in.
	Return time.Duration

	log *slog.Logger

	mu      sync.Mutex
	modems  map[string]Found // those that are plugged in, by device name
	changed chan struct{}    // closed, and made anew, when modems changes
}

// NewFinder returns a Finder of this computer's modems that says nothing but to the process log.
//
// It looks at sysfs every two and a half seconds, which costs about a millisecond. The kernel would
// tell by netlink as well; but it tells before udev has set permissions, a message may be lost, a
// container may not get any, and so the look would be needed all the same.
func NewFinder(log *slog.Logger) *Finder {
	return &Finder{
		Tree: SystemTree(), Pause: 2500 * time.Millisecond, Report: func(context.Context, bool, string) error { return nil },
		Alarm: func(context.Context, string) error { return nil }, Missing: DefaultPatience().Missing, Return: 30 * time.Second,
		log: log.With("part", "finder"), modems: map[string]Found{}, changed: make(chan struct{}),
	}
}

// stick is a device with serial ports: one modem, mostly. Only Run touches it.
type stick struct {
	ports []Port
	asked []Probe // what came of it when it was asked last; nil before that
	found bool    // as a modem that is served
	busy  bool    // it is being asked
	tries int
	due   time.Time // to be asked
}

// answer is what came of asking a stick.
type answer struct {
	key   string
	stick *stick
	found []Found
	asked []Probe
}

// Run looks for modems until ctx ends, and has each one served in a goroutine of its own: serve is
// called once for each modem, with the name that it has in rows (imei:NUMBER, or where it does not
// tell its IMEI usb:PLACE or its port), and with what opens its port wherever that is by then. A
// modem that is unplugged goes on being served: open says that it is not there until it is. Run
// returns when all that it started has ended, with the first error that serve returned.
func (f *Finder) Run(ctx context.Context, serve func(ctx context.Context, device string, open func(context.Context) (io.ReadWriteCloser, error)) error) error {
	group, ctx := errgroup.WithContext(ctx)
	sticks, served := map[string]*stick{}, map[string]bool{}
	answers := make(chan answer)
	ticker := time.NewTicker(f.Pause)
	defer ticker.Stop()
	var told string
	alarm := alarmed{since: time.Now(), on: true} // it may be, from an earlier run
	for settle := time.Duration(0); ctx.Err() == nil; settle = f.Pause / 2 {
		problem := f.look(sticks, settle)
		for key, s := range sticks {
			if s.busy || s.found || time.Now().Before(s.due) {
				continue
			}
			s.busy = true
			ports := f.unused(s.ports)
			group.Go(func() error {
				found, asked := probe(ctx, f.Tree, ports, f.log)
				select {
				case answers <- answer{key, s, found, asked}:
				case <-ctx.Done():
				}
				return nil
			})
		}
		if ok, text := f.summary(sticks, problem); text != "" {
			if text != told {
				told = text
				f.tell(ctx, ok, text)
			}
			f.warn(ctx, &alarm, ok || len(served) > 0, text)
		}
		select {
		case a := <-answers:
			a.stick.busy = false
			if sticks[a.key] != a.stick {
				break // it is not plugged in any more
			}
			for _, device := range f.heed(a) {
				if !served[device] {
					served[device] = true
					group.Go(func() error { return serve(ctx, device, f.opener(device)) })
				}
			}
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
	return group.Wait()
}

// look brings sticks up to date with what is plugged in. What is new is given time to settle, since
// the ports of a stick come one after the other.
func (f *Finder) look(sticks map[string]*stick, settle time.Duration) (problem string) {
	ports, err := f.Tree.Ports()
	if err != nil {
		problem = err.Error()
	}
	present := map[string][]Port{}
	for _, p := range ports {
		present[p.device()] = append(present[p.device()], p)
	}
	for key, ports := range present {
		switch s := sticks[key]; {
		case s == nil:
			sticks[key] = &stick{ports: ports, due: time.Now().Add(settle)}
		case len(s.ports) != len(ports):
			s.ports, s.found, s.asked, s.tries, s.due = ports, false, nil, 0, time.Now().Add(settle)
		default:
			s.ports = ports
		}
	}
	for key := range sticks {
		if present[key] == nil {
			delete(sticks, key)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for device, m := range f.modems {
		if !slices.ContainsFunc(present[m.Port.device()], func(p Port) bool { return p.Path == m.Port.Path }) {
			f.log.Info("a modem is not plugged in any more", "device", device, "port", m.Port.Path)
			delete(f.modems, device)
			f.announce()
		}
	}
	return problem
}

// unused are the ports that no modem is served through.
func (f *Finder) unused(ports []Port) []Port {
	f.mu.Lock()
	defer f.mu.Unlock()
	var free []Port
	for _, p := range ports {
		used := false
		for _, m := range f.modems {
			used = used || m.Port.Path == p.Path
		}
		if !used {
			free = append(free, p)
		}
	}
	return free
}

// What is no modem, or not yet, is asked again at growing pauses up to these. Behind a UART or a
// converter there may be anything, which need not like to be asked.
const (
	longestPause     = 2 * time.Minute
	longestUARTPause = 30 * time.Minute
)

// heed takes over what came of asking a stick, and returns the names of the modems behind it.
func (f *Finder) heed(a answer) (devices []string) {
	s := a.stick
	s.asked = a.asked
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, found := range a.found {
		device := "imei:" + found.IMEI
		if other, ok := f.modems[device]; ok && found.IMEI != "" && other.Port.device() == found.Port.device() {
			continue // it is served through another of its ports already
		} else if ok || found.IMEI == "" {
			// Cheap sticks are sold without IMEI, or with one for all.
			device = found.Port.Path
			if found.Port.USB.Location != "" {
				device = "usb:" + found.Port.USB.Location
			}
		}
		f.log.Info("a modem is found", "device", device, "port", found.Port.Path, "model", strings.TrimSpace(found.Maker+" "+found.Model), "why", found.Why)
		f.modems[device] = found
		f.announce()
		devices = append(devices, device)
	}
	for _, m := range f.modems {
		s.found = s.found || m.Port.device() == a.key
	}
	longest := longestPause
	if s.ports[0].UART {
		longest = longestUARTPause
	}
	pause := min(f.Pause<<min(s.tries, 12), longest)
	for _, p := range s.asked {
		if p.held() != nil {
			pause = min(pause, 4*f.Pause) // to see that costs little
		}
	}
	s.tries++
	s.due = time.Now().Add(pause)
	return devices
}

// announce tells those who wait that modems changed. f.mu is held.
func (f *Finder) announce() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// opener returns what opens the port of a modem wherever that is now.
func (f *Finder) opener(device string) func(context.Context) (io.ReadWriteCloser, error) {
	var rate int
	away := false
	return func(ctx context.Context) (io.ReadWriteCloser, error) {
		limit := time.NewTimer(f.Return)
		defer limit.Stop()
		for {
			f.mu.Lock()
			m, ok := f.modems[device]
			changed := f.changed
			f.mu.Unlock()
			if ok && f.inPlace(m.Port) {
				away = false
				if rate == 0 {
					rate = m.Rate
				}
				return f.Tree.open(ctx, m.Port, &rate)
			}
			missing := fmt.Errorf("the modem %s is not plugged in: `omsbox modem detect` lists what is", device)
			if !away {
				away = true // the first time it is told at once
				return nil, missing
			}
			select {
			case <-changed:
			case <-limit.C:
				return nil, missing
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	}
}

// inPlace says whether a port is still the one that was found, and not that of a device that was
// plugged in since the last look.
func (f *Finder) inPlace(found Port) bool {
	ports, err := f.Tree.Ports()
	return err == nil && found.among(ports)
}

// summary says what the search has found; "" while that is not clear yet.
func (f *Finder) summary(sticks map[string]*stick, problem string) (ok bool, text string) {
	var modems, others []string
	for _, s := range sticks {
		if s.asked == nil {
			return false, "" // soon
		}
		for _, p := range s.asked {
			if held := p.held(); p.Err != nil && (held != nil && !held.Self || held == nil && !s.found) {
				others = append(others, why(p))
			}
		}
	}
	f.mu.Lock()
	for device, m := range f.modems {
		modems = append(modems, device+" at "+m.Port.Path)
	}
	f.mu.Unlock()
	slices.Sort(modems)
	slices.Sort(others)
	others = slices.Compact(others)
	switch {
	case problem != "":
		return false, problem
	case len(modems) > 0:
		text = "found " + strings.Join(modems, ", ")
		if len(others) > 0 {
			text += "; of no use: " + strings.Join(others, "; ")
		}
		return true, text
	case len(others) > 0:
		return false, "no modem is found: " + strings.Join(others, "; ")
	}
	return false, "no modem is plugged in: `omsbox modem detect` says what was looked at"
}

// why says in one line why a port is of no use. Most errors begin with its name.
func why(p Probe) string {
	if held := p.held(); held != nil && held.ModemManager {
		return held.Port.Path + " is held by ModemManager (`omsbox modem detect` tells the rule that frees it)"
	}
	if text := p.Err.Error(); p.held() != nil || strings.Contains(text, p.Port.Path) {
		return text
	}
	return p.Port.Path + " " + p.Err.Error()
}

// tell says how the search goes.
func (f *Finder) tell(ctx context.Context, ok bool, text string) {
	if !ok {
		f.log.Warn("modems are looked for", "so far", text)
	}
	if err := f.Report(ctx, ok, text); err != nil {
		f.log.Log(ctx, store.LogLevel(err), "store how the search for modems goes", "err", err)
	}
}

// alarmed is since when there is no modem, and whether people were told.
type alarmed struct {
	since time.Time
	on    bool
}

// warn has people told when there has been no modem for long, and when there is one.
func (f *Finder) warn(ctx context.Context, a *alarmed, ok bool, text string) {
	late := time.Since(a.since) >= f.Missing
	switch {
	case ok && a.on:
		text = ""
	case !ok && late && !a.since.IsZero():
		a.since = time.Time{} // once
	default:
		return
	}
	if err := f.Alarm(ctx, text); err != nil {
		f.log.Log(ctx, store.LogLevel(err), "store an alarm", "err", err)
		return
	}
	a.on = !ok
}
