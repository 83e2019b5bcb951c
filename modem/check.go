package modem

import (
	"cmp"
	"context"
	"log/slog"
	"strings"

	"omsbox/store"
)

// Check looks for the modems of this computer that could be used, in short words; Detect has the
// long ones. It is for when no service has them: it asks each for its name, and changes nothing.
func Check(ctx context.Context) []store.Health { return SystemTree().Check(ctx) }

// Check does so for the devices of a tree.
func (t Tree) Check(ctx context.Context) (found []store.Health) {
	tell := func(ok bool, text string) { found = append(found, store.Health{Part: "modem", OK: ok, Text: text}) }
	ports, err := t.Ports()
	if err != nil {
		tell(false, err.Error())
		return found
	}
	var modems []Found
	var asked []Probe
	for _, a := range t.askAll(ctx, ports, slog.New(slog.DiscardHandler)) {
		modems, asked = append(modems, a.found...), append(asked, a.asked...)
	}
	for _, f := range modems {
		tell(true, cmp.Or(strings.TrimSpace(f.Maker+" "+f.Model), "a modem that does not tell its name")+" at "+f.Port.Path)
	}
	if len(modems) > 0 {
		return found
	}
	why := "there is no serial port at all"
	if useless := unusable(modems, asked); len(useless) > 0 {
		var reasons []string
		for _, p := range useless[:min(3, len(useless))] {
			reasons = append(reasons, p.Port.name()+": "+brief(p))
		}
		why = strings.Join(reasons, "; ")
	}
	tell(false, "none was found ("+why+"): `omsbox modem detect` says more")
	return found
}
