package modem

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"omsbox/store/condition"
)

// Info says on out what modem a device is, how it is, and what was found wrong. Nothing else may
// use it.
func Info(ctx context.Context, open func(context.Context) (io.ReadWriteCloser, error), out io.Writer, log *slog.Logger) error {
	port, err := open(ctx)
	if err != nil {
		return err
	}
	s := NewSession(port, DefaultPatience(), log)
	defer s.Close()
	if err := attend(ctx, s); err != nil {
		return err
	}
	text, err := describe(ctx, s)
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, text)
	return err
}

// useful are the commands that omsbox uses where a modem has them.
var useful = []string{"+CMGS", "+CMGL", "+CMGR", "+CMGD", "+CNMI", "+CNMA", "+CPMS", "+CSCA", "+CSMS", "+CMMS", "+CPIN", "+CPINR",
	"+CREG", "+CGREG", "+CEREG", "+C5GREG", "+COPS", "+CSQ", "+CFUN", "+CUSD", "+CSCS", "+CCID", "+CIMI"}

// report is what is found out about a modem, line by line.
type report struct {
	ctx   context.Context
	s     *Session
	text  strings.Builder
	wrong []string
	err   error // that ended the session
}

func (r *report) line(name, format string, args ...any) {
	fmt.Fprintf(&r.text, "%-13s %s\n", name, condition.OneLine(fmt.Sprintf(format, args...)))
}

// ask returns the first line of an answer, "" where the modem refuses it.
func (r *report) ask(line string) string {
	all := r.all(line)
	if len(all) == 0 {
		return ""
	}
	return strings.Trim(all[0], `" `)
}

func (r *report) all(line string) []string {
	if r.err != nil {
		return nil
	}
	info, err := r.s.Command(r.ctx, line)
	if err != nil {
		var refused *CommandError
		if !errors.As(err, &refused) && !errors.Is(err, ErrSlow) {
			r.err = err
		}
		return nil
	}
	return info
}

// describe asks a modem all that people may want to know of it. It changes nothing.
func describe(ctx context.Context, s *Session) (string, error) {
	r := &report{ctx: ctx, s: s}
	for _, q := range [][2]string{{"maker", "+CGMI"}, {"model", "+CGMM"}, {"firmware", "+CGMR"}, {"IMEI", "+CGSN"}} {
		if answer := r.ask(q[1]); answer != "" {
			r.line(q[0], "%s", answer)
		}
	}
	r.card()
	r.network()
	r.messages()
	r.commands()
	if r.err != nil {
		return "", r.err
	}
	if len(r.wrong) == 0 {
		r.line("found wrong", "nothing")
	}
	for _, w := range r.wrong {
		r.line("found wrong", "%s", w)
	}
	return r.text.String(), nil
}

func (r *report) card() {
	iccid, err := r.s.iccid(r.ctx)
	if err != nil {
		r.err = err
	}
	state, err := cardState(r.ctx, r.s)
	words := state
	if err != nil {
		words = "unknown: " + err.Error()
	}
	if tries := pinTries(r.ctx, r.s); tries >= 0 {
		words += fmt.Sprintf(", %d tries for the PIN", tries)
	}
	r.line("SIM", "%s", words)
	if iccid != "" {
		r.line("ICCID", "%s", iccid)
	}
	if imsi := r.ask("+CIMI"); imsi != "" {
		r.line("IMSI", "%s", imsi)
	}
	var unusable *barredError
	switch barred := barredBy(state); {
	case errors.As(err, &unusable):
		r.wrong = append(r.wrong, unusable.Error())
	case err != nil:
		r.wrong = append(r.wrong, "the modem does not say how its SIM is: take the SIM out and put it in again, or try another one")
	case state == "SIM PIN":
		r.wrong = append(r.wrong, "the SIM asks for its PIN: give it with `omsbox set sim.pin`")
	case barred != nil:
		r.wrong = append(r.wrong, barred.Error())
	}
}

func (r *report) network() {
	if f := strings.Split(r.ask("+COPS?"), ","); len(f) > 2 {
		r.line("operator", "%s", strings.Trim(f[2], `" `))
	}
	var known []string
	for _, name := range networks {
		words, err := registration(r.ctx, r.s, []string{name}, map[string]string{})
		if err != nil {
			r.err = err
		}
		if words != "" {
			r.line(name[1:], "%s", words)
			known = append(known, words)
		}
	}
	if in := func(words string) bool { return strings.HasPrefix(words, "registered") }; known != nil && !slices.ContainsFunc(known, in) {
		r.wrong = append(r.wrong, "the SIM is not in a network ("+known[0]+"): check the antenna, and that the SIM is active")
	}
	if function := r.ask("+CFUN?"); function != "" && function != "1" {
		r.wrong = append(r.wrong, "the radio is off (+CFUN: "+function+")")
	}
	rssi, _, _ := strings.Cut(r.ask("+CSQ"), ",")
	switch n := code(rssi); {
	case n >= 0 && n <= 31:
		r.line("signal", "%d dBm, %d of 5 bars", 2*n-113, bars(n)) // 27.007 8.5
		if n < 5 {
			r.wrong = append(r.wrong, "the signal is weak: move the antenna")
		}
	default:
		r.line("signal", "unknown")
	}
}

// bars is a signal as phones show it, by what +CSQ says. 3GPP TS 27.007 8.5
func bars(rssi int) int {
	bars := 0
	for _, from := range []int{2, 6, 10, 15, 20} {
		if rssi >= from {
			bars++
		}
	}
	return bars
}

func (r *report) messages() {
	if answer := r.ask("+CSCA?"); answer != "" {
		number, _, _ := strings.Cut(answer, ",")
		if number = strings.Trim(number, `" `); number == "" {
			r.wrong = append(r.wrong, "the SIM does not know its message centre: `omsbox set sim.smsc +NUMBER`")
		} else {
			r.line("SMSC", "%s", number)
		}
	}
	// +CPMS: "SM",3,20,"ME",0,50,"SM",3,20
	f := strings.Split(r.ask("+CPMS?"), ",")
	shown := map[string]bool{}
	for i := 0; i+2 < len(f); i += 3 {
		name := strings.Trim(f[i], `" `)
		used, total := code(f[i+1]), code(f[i+2])
		if shown[name] || total <= 0 {
			continue
		}
		shown[name] = true
		r.line("storage", "%s: %d of %d", name, used, total)
		if 100*used >= nearlyFull*total {
			r.wrong = append(r.wrong, fmt.Sprintf("the storage %s is nearly full: when it is full nothing comes in", name))
		}
	}
	if answer := r.ask("+CNMI?"); answer != "" {
		r.line("announces", "+CNMI: %s", answer)
	}
}

func (r *report) commands() {
	// 27.007 8.37: a line each; some have commas between them, some AT in front.
	list := strings.FieldsFunc(strings.Join(r.all("+CLAC"), ","), func(c rune) bool { return c == ',' || c == ' ' || c == '"' })
	for i := range list {
		list[i] = strings.TrimPrefix(list[i], "AT")
	}
	var has, lacks []string
	if slices.Contains(list, "+CMGS") {
		for _, name := range useful {
			if slices.Contains(list, name) {
				has = append(has, name)
			} else {
				lacks = append(lacks, name)
			}
		}
		r.line("commands", "%s", strings.Join(has, " "))
		if lacks != nil {
			r.line("not listed", "%s", strings.Join(lacks, " "))
		}
		return
	}
	for _, name := range []string{"+CMGS", "+CNMI", "+CPMS", "+CMMS", "+CUSD"} {
		if r.err != nil {
			return
		}
		if _, err := r.s.Command(r.ctx, name+"=?"); err == nil {
			has = append(has, name)
		} else if name == "+CMGS" && !originates(r.ask("+CSMS?")) {
			r.wrong = append(r.wrong, "the modem does not know AT+CMGS: its firmware may have no SMS")
		}
	}
	r.line("commands", "%s", strings.Join(has, " "))
	if lacks != nil {
		r.line("not known", "%s", strings.Join(lacks, " "))
	}
}

// originates says whether the answer to AT+CSMS? tells that the modem can send texts: it is +CSMS:
// service, mt, mo, bm. 3GPP TS 27.005 3.2.1
func originates(answer string) bool {
	f := strings.Split(answer, ",")
	return len(f) > 2 && strings.TrimSpace(f[2]) == "1"
}
