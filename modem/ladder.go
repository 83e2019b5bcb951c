package modem

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"
)

// errWordless: the modem answers, but not to segments.
var errWordless = errors.New("the modem answers, but says nothing to the messages that it is given")

// errRestart: the registration ladder asks for a restart of the modem.
var errRestart = errors.New("the modem has to restart")

// rungs are what is tried with a modem that keeps silent, one after the other; after each the modem
// is woken and set up again.
var rungs = []struct {
	name string
	try  func(*Modem, context.Context)
}{
	{"escape and ask again", func(m *Modem, ctx context.Context) { pause(ctx, time.Second) }}, // waking begins with ESC
	{"set up from scratch", func(m *Modem, ctx context.Context) { m.session.shout(ctx, "Z", m.Patience.Command) }},
	{"radio off and on", func(m *Modem, ctx context.Context) { m.cycleRadio(ctx, m.session) }},
	{"close and open the port", (*Modem).reopen},
	{"restart the modem", func(m *Modem, ctx context.Context) { m.restart(ctx) }},
	{"wait", (*Modem).beGentle},
}

const (
	rungReopen = 3
	rungWait   = 5
)

// ladder is how far the climb got, and when the next restart is allowed.
type ladder struct {
	mu       sync.Mutex
	rung     int           // the next to be tried
	silences int           // segments in a row that were not answered
	restarts int           // since the modem was well
	last     time.Time     // restart
	rest     time.Duration // from that to the next at least
	hold     time.Time     // nothing is sent before: the modem is known to be mute
	began    time.Time     // the present serving
	ill      bool          // it refused one text after the other, and took none since
}

// mostSilences is how many segments in a row a modem may leave without an answer.
const mostSilences = 2

// silence counts a segment that was not answered, and reports whether it is one too many.
func (l *ladder) silence() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silences++
	return l.silences >= mostSilences
}

// mute is silence in as many segments as may be: the modem did not ask for them either.
func (l *ladder) mute() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silences = mostSilences
}

// prepared notes that serving begins.
func (l *ladder) prepared() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.began = time.Now()
}

func (l *ladder) climbing() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rung > 0
}

// proof notes that the modem did what it is for. It reports whether the modem climbed before.
func (l *ladder) proof() (well bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	well = l.rung > 0
	l.rung, l.silences, l.hold = 0, 0, time.Time{}
	if l.restarts > 0 && time.Since(l.last) > l.rest {
		l.restarts, l.rest = 0, 0 // what was tried last helped for long
	}
	return well
}

// settled is proof by time: nothing was wrong for a while, and no segment waits for better proof.
func (l *ladder) settled(p Patience) bool {
	l.mu.Lock()
	calm := l.silences == 0 && !l.ill && time.Since(l.began) >= p.Settled
	l.mu.Unlock()
	return calm && l.proof()
}

// mayRestart reports whether a restart is allowed now, and how long it is until one is.
func (l *ladder) mayRestart() (allowed bool, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	wait = max(0, time.Until(l.last.Add(l.rest)))
	return l.last.IsZero() || wait == 0, wait
}

// restarted notes a restart: each doubles the time to the next.
func (l *ladder) restarted(p Patience) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = min(p.Reset<<min(l.restarts, 20), p.MostReset)
	l.last = time.Now()
	l.restarts++
}

// fallIll notes that the modem refuses one text after the other; recovered, that it does not any more.
func (l *ladder) fallIll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ill = true
}

func (l *ladder) recovered() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ill {
		l.ill, l.hold = false, time.Time{}
	}
}

func (l *ladder) isIll() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ill
}

// held returns how long nothing is to be sent.
func (l *ladder) held() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Until(l.hold)
}

// climb takes the next rung.
func (m *Modem) climb(ctx context.Context, stuck bool) {
	l := &m.ladder
	l.mu.Lock()
	if stuck { // nothing can be said to it over this port
		l.rung = max(l.rung, rungReopen)
	}
	rung := rungs[min(l.rung, len(rungs)-1)]
	l.rung = min(l.rung+1, len(rungs)-1)
	l.mu.Unlock()
	m.log.Warn("the modem keeps silent", "rung", rung.name)
	// A stop does not wait for a rung: there is nothing in flight any more.
	s := m.session
	defer context.AfterFunc(ctx, func() {
		if s != nil {
			s.wire.Close()
		}
	})()
	rung.try(m, ctx)
}

// cycleRadio turns the radio off and on. 3GPP TS 27.007 8.2
func (m *Modem) cycleRadio(ctx context.Context, s *Session) {
	if s == nil {
		return
	}
	for _, line := range []string{"+CFUN=4", "+CFUN=0"} { // flight mode is enough, where there is one
		if result, err := s.shout(ctx, line, m.Patience.Radio); err != nil || result == "OK" || ctx.Err() != nil {
			break
		}
	}
	pause(ctx, time.Second)
	s.shout(ctx, "+CFUN=1", m.Patience.Radio)
	pause(ctx, time.Second)
}

// reopen closes the port; it is opened again when the modem is woken.
func (m *Modem) reopen(ctx context.Context) {
	m.hangUp()
	pause(ctx, time.Second)
}

// beGentle tells people, restarts the modem if its time has come, and else waits a while.
func (m *Modem) beGentle(ctx context.Context) {
	l := &m.ladder
	allowed, wait := l.mayRestart()
	l.mu.Lock()
	mute := l.silences >= mostSilences
	if mute && !allowed {
		l.hold = time.Now().Add(wait)
	}
	l.mu.Unlock()
	text := "the modem does not answer, and neither opening its port again nor restarting it helped: unplug it and plug it in again"
	if mute {
		text = "the modem takes texts and does not say what became of them, and restarting it did not help: unplug it and plug it in again, or try another one"
	}
	m.alarms.raise(ctx, m, alarmModem, text)
	m.report(ctx, false, text)
	switch {
	case allowed:
		m.restart(ctx)
	case mute: // it still may receive
	default:
		if m.session != nil {
			m.waitGone(ctx, m.session, m.Patience.Gentle)
		} else {
			pause(ctx, m.Patience.Gentle)
		}
		m.hangUp()
	}
}

// waitGone waits a while, or until the port ends: somebody unplugged the modem.
func (m *Modem) waitGone(ctx context.Context, s *Session, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.wire.closed:
	case <-ctx.Done():
	}
}

// resets are the commands that restart a modem: the standard's, and the makers' own for those that
// do not know it, by a word of the maker's name.
var resets = []struct{ maker, line string }{
	{"", "+CFUN=1,1"}, // 3GPP TS 27.007 8.2
	{"huawei", "^RESET"},
	{"simcom", "+CRESET"},
	{"sim7", "+CRESET"},
	{"telit", "#REBOOT"},
	{"u-blox", "+CFUN=16"},
	{"sierra", "!RESET"},
	{"quectel", "+QPOWD=2"},
}

// restart restarts the modem and waits for it to come back, if its time has come: else it only
// closes the port.
func (m *Modem) restart(ctx context.Context) {
	if allowed, _ := m.ladder.mayRestart(); !allowed {
		m.reopen(ctx)
		return
	}
	m.ladder.restarted(m.Patience)
	ctx, cancel := context.WithTimeout(ctx, m.Patience.Radio+m.Patience.Vanish+m.Patience.Reboot)
	defer cancel()
	if m.session == nil {
		port, err := m.Open(ctx)
		if err != nil {
			m.log.Debug("the modem cannot be restarted", "err", err)
			return
		}
		m.session = newSession(port, m.Patience, m.log, &m.ring, m.inbox)
	}
	s := m.session
	defer context.AfterFunc(ctx, func() { s.wire.Close() })()
	for _, reset := range resets {
		if !strings.Contains(strings.ToLower(m.row.Manufacturer+" "+m.row.Model), reset.maker) {
			continue
		}
		result, err := s.shout(ctx, reset.line, m.Patience.Command)
		if err != nil || result == "OK" {
			break
		}
	}
	m.waitGone(ctx, s, m.Patience.Vanish)
	m.hangUp()
	for ctx.Err() == nil {
		pause(ctx, time.Second)
		port, err := m.Open(ctx)
		if err != nil {
			continue
		}
		back := newSession(port, m.Patience, m.log, &m.ring, m.inbox)
		m.session = back
		hurry := context.AfterFunc(ctx, func() { back.wire.Close() })
		err = back.Resync(ctx)
		if hurry(); err == nil {
			return
		}
		m.hangUp()
	}
}
