package modem

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"omsbox/store/condition"
)

// Detect looks for the modems of this computer and says on out what there is, what each is called
// and how it is used, and of what cannot be used why and what to do. It asks modems for their names
// and changes nothing.
func Detect(ctx context.Context, out io.Writer, log *slog.Logger) error {
	return SystemTree().Detect(ctx, out, log)
}

// Detect does so for the devices of a tree.
func (t Tree) Detect(ctx context.Context, out io.Writer, log *slog.Logger) error {
	ports, err := t.Ports()
	if err != nil {
		return err
	}
	var found []Found
	var asked []Probe
	for _, a := range t.askAll(ctx, ports, log) {
		found = append(found, a.found...)
		asked = append(asked, a.asked...)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, f := range found {
		fmt.Fprint(out, f.describe(), "\n")
	}
	useless := unusable(found, asked)
	if len(useless) > 0 {
		fmt.Fprintln(out, "Serial ports without a modem that can be used:")
		remedies := map[string]bool{}
		for _, p := range useless {
			fmt.Fprintf(out, "  %s (%s): %s\n", p.Port.name(), p.Port.what(), brief(p))
			if held := p.held(); held != nil && held.Remedy() != "" && !remedies[held.Remedy()] {
				remedies[held.Remedy()] = true
				fmt.Fprintf(out, "    %s\n", strings.ReplaceAll(strings.TrimSpace(held.Remedy()), "\n", "\n    "))
			}
		}
		fmt.Fprintln(out)
	}
	others := t.Portless(ports)
	for _, s := range others {
		fmt.Fprintf(out, "%s at USB %s: %s.\n", s.USB, s.USB.Location, s.Reason)
	}
	if len(found) > 0 {
		return nil
	}
	if len(useless)+len(others) == 0 {
		fmt.Fprintln(out, "No serial port is there at all. Is the modem plugged in, and does its light come on? A stick takes up to half a\n"+
			"minute after it is plugged in. `dmesg | tail` shows what the system made of it; a weak power supply shows there too.")
	}
	fmt.Fprintln(out, "No modem was found. One at another computer is used as tcp://HOST:PORT, with ser2net there.")
	return nil
}

// unusable are the ports that belong to no modem that was found.
func unusable(found []Found, asked []Probe) []Probe {
	var rest []Probe
	for _, p := range asked {
		mine := false
		for _, f := range found {
			mine = mine || p.Port.device() == f.Port.device() && (p.Err == nil || p.Port.USB.Location != "")
		}
		if !mine {
			rest = append(rest, p)
		}
	}
	return rest
}

// describe is what Detect says of a modem.
func (f Found) describe() string {
	var b strings.Builder
	line := func(name, format string, values ...any) {
		fmt.Fprintf(&b, "  %-8s %s\n", name, condition.Lines(fmt.Sprintf(format, values...)))
	}
	fmt.Fprintln(&b, cmp.Or(condition.OneLine(f.Maker+" "+f.Model), "A modem that does not tell its name"))
	line("IMEI", "%s", cmp.Or(f.IMEI, "not told"))
	switch {
	case f.ICCID == "" && f.IMSI == "":
		line("SIM", "none, or one that asks for its PIN")
	default:
		line("SIM", "%s, IMSI %s", cmp.Or(f.ICCID, "number not told"), cmp.Or(f.IMSI, "not told: it may ask for its PIN"))
	}
	where := f.Port.Path
	if f.Port.UART {
		where += fmt.Sprintf(" at %d baud", f.Rate)
	}
	line("port", "%s (%s): %s", where, f.Port.what(), f.Why)
	for _, o := range f.Others {
		line("other", "%s (%s): %s", o.Port.Path, o.Port.what(), brief(o))
	}
	line("use it", "omsbox serve -modem %s", f.Port.name())
	return b.String()
}

// what says what a port is.
func (p Port) what() string {
	if p.USB.Vendor == "" {
		return "UART"
	}
	text := p.USB.String()
	if p.USB.Location != "" {
		text += " at USB " + p.USB.Location
	}
	if p.Interface >= 0 {
		text += fmt.Sprintf(", interface %d", p.Interface)
	}
	return text
}

// brief says in a few words what a port that was asked is.
func brief(p Probe) string {
	held := p.held()
	switch {
	case p.Err == nil:
		return "takes AT commands too"
	case held == nil:
		return p.Err.Error()
	case held.Port.Path != p.Port.Path:
		return "left alone, since " + held.Port.Path + " of the same stick is held"
	case held.ModemManager:
		return "held by ModemManager"
	case held.Self:
		return "in use by this omsbox"
	case len(held.By) > 0:
		return "held by " + held.holders()
	}
	return "held by another program"
}
