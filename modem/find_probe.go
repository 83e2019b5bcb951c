package modem

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"
)

// Probe is what came of asking a port for a modem.
type Probe struct {
	Port Port
	Rate int    // at which it answered, baud
	IMEI string // of the modem behind it
	Err  error  // why it cannot be used; nil where it answers AT

	session *Session
	tap     *tap
}

// held returns who has the port, or another one of the same stick.
func (p Probe) held() *HeldError {
	var held *HeldError
	errors.As(p.Err, &held)
	return held
}

// Found is a modem that answered.
type Found struct {
	Identity
	Port   Port    // the one to use
	Rate   int     // baud; without meaning for a modem's own USB port
	Why    string  // this port and not another one
	Others []Probe // what the other ports of the same device are
}

var (
	errMute    = errors.New("does not answer AT commands")
	errConsole = errors.New("is this computer's own console: on a Raspberry Pi `sudo raspi-config`, Interface Options, Serial Port turns that off")
)

// probing is how long a port is waited for that may have no modem at all: 1.4 s together. A modem
// that answers is given the usual time for what is asked next.
func probing() Patience {
	return Patience{
		Write: 500 * time.Millisecond, Command: 500 * time.Millisecond, Prompt: time.Second, Submit: time.Second,
		List: time.Second, Grace: time.Second, Resync: 600 * time.Millisecond,
	}
}

// unasked is how long ports are listened to where nothing else tells which of them is the right one.
const unasked = time.Second

// probe asks the ports of one device for modems, one after the other, since a stick answers on one
// port at a time anyway and old ones do not bear more. It only asks: no setting of the modem is
// changed, and a port that somebody has is left alone. All ports that answer stay open until the
// end, to hear what they say unasked.
func probe(ctx context.Context, t Tree, ports []Port, log *slog.Logger) (found []Found, asked []Probe) {
	probes := make([]Probe, len(ports))
	defer func() {
		for i := range probes {
			if probes[i].session != nil {
				probes[i].session.Close()
			}
			probes[i].session, probes[i].tap = nil, nil
		}
		asked = probes
	}()
	for i, port := range ports {
		probes[i].Port = port
		probes[i].open(ctx, t, log)
	}
	if taken := takenBy(probes); taken != nil {
		for i := range probes {
			if probes[i].Err == nil {
				probes[i].Err = taken
			}
		}
		return nil, nil
	}
	modems := map[string][]*Probe{} // by IMEI
	var order []string
	for i := range probes {
		p := &probes[i]
		if p.Err == nil {
			p.ask(ctx)
		}
		log.Debug("port probed", "port", p.Port.Path, "rate", p.Rate, "err", p.Err)
		if p.Err != nil {
			continue
		}
		if modems[p.IMEI] == nil {
			order = append(order, p.IMEI)
		}
		modems[p.IMEI] = append(modems[p.IMEI], p)
	}
	for _, imei := range order {
		same := modems[imei]
		if imei == "" && len(order) > 1 && same[0].Port.USB.Location != "" {
			continue // that port of the modem knows a few commands only
		}
		if len(same) > 1 {
			listen(ctx, same)
		}
		chosen, why := choose(ctx, t, same)
		id, err := same[chosen].session.identify(ctx)
		if err != nil {
			same[chosen].Err = err
			continue
		}
		id.IMEI = imei
		f := Found{Identity: id, Port: same[chosen].Port, Rate: same[chosen].Rate, Why: why}
		for i := range probes {
			if p := probes[i]; p.Port.Path != f.Port.Path && (p.Err != nil || p.IMEI == imei || p.IMEI == "") && p.Port.device() == f.Port.device() {
				f.Others = append(f.Others, Probe{Port: p.Port, Rate: p.Rate, IMEI: p.IMEI, Err: p.Err})
			}
		}
		found = append(found, f)
	}
	return found, probes
}

// takenBy returns who has one of the ports of a stick: he may read and delete the texts on its SIM
// through it, so that the other ports are left alone too. Where the system does not tell which ports
// are one stick's, each is by itself. pppd only dials.
func takenBy(probes []Probe) *HeldError {
	for _, p := range probes {
		if held := p.held(); held != nil && p.Port.USB.Location != "" && !held.has("pppd") {
			return held
		}
	}
	return nil
}

// open opens the port, if nobody has it, and says nothing yet but to a UART, to learn its rate.
func (p *Probe) open(ctx context.Context, t Tree, log *slog.Logger) {
	if p.Port.Console {
		p.Err = errConsole
		return
	}
	port, err := t.open(ctx, p.Port, &p.Rate)
	switch {
	case err != nil:
		p.Err = err
	case p.Port.UART && p.Rate == 0:
		port.Close()
		p.Err = errMute
	default:
		p.tap = &tap{ReadWriteCloser: port}
		p.session = NewSession(p.tap, probing(), log)
	}
}

// ask sees whether a modem answers, and which.
func (p *Probe) ask(ctx context.Context) {
	if !p.session.attentive(ctx) {
		p.Err = errMute
	} else {
		p.session.patience = DefaultPatience()
		p.session.patience.Stop = 0
		p.IMEI, p.Err = p.session.imei(ctx)
	}
	if p.Err != nil {
		p.session.Close()
		p.session = nil
	}
}

// attentive says whether there is a modem that answers AT, if only by ERROR. The second try is for
// one that waited for the rest of a PDU, which the first one ended.
func (s *Session) attentive(ctx context.Context) bool {
	for range 2 {
		_, err := s.Command(ctx, "")
		var refused *CommandError
		if err == nil || errors.As(err, &refused) {
			return true
		}
		if over(err) || ctx.Err() != nil {
			return false
		}
	}
	return false
}

// listen waits a moment for one of the ports to say something unasked.
func listen(ctx context.Context, asked []*Probe) {
	until := time.NewTimer(unasked)
	defer until.Stop()
	heard := make(chan struct{}, 1)
	for _, p := range asked {
		p.tap.tell(heard)
	}
	select {
	case <-heard:
	case <-until.C:
	case <-ctx.Done():
	}
}

// tap passes a port on and notices what the modem says unasked.
type tap struct {
	io.ReadWriteCloser

	mu      sync.Mutex
	command string // the last one
	pending []byte // the beginning of a line
	heard   string
	bell    chan<- struct{}
}

func (t *tap) Write(p []byte) (int, error) {
	if rest, ok := bytes.CutPrefix(p, []byte("AT")); ok {
		t.mu.Lock()
		t.command = commandID(string(bytes.TrimSpace(rest)))
		t.mu.Unlock()
	}
	return t.ReadWriteCloser.Write(p)
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.ReadWriteCloser.Read(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range p[:n] {
		if c != '\r' && c != '\n' {
			if len(t.pending) < longestLine {
				t.pending = append(t.pending, c)
			}
			continue
		}
		line := string(bytes.TrimSpace(t.pending))
		t.pending = t.pending[:0]
		if line != "" && t.heard == "" && finalResult(line) == "" && isURC(line, t.command) {
			t.heard = line
			t.ring()
		}
	}
	return n, err
}

// tell has a value sent when something is heard, or was.
func (t *tap) tell(bell chan<- struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.bell = bell; t.heard != "" {
		t.ring()
	}
}

// ring tells who wants to be told. t.mu is held.
func (t *tap) ring() {
	select {
	case t.bell <- struct{}{}:
	default: // nobody wants it, or was told
	}
}

// heardUnasked is the first line that came without being asked for; "" where there was none.
func (t *tap) heardUnasked() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.heard
}
