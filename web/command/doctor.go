package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"omsbox/store"
	"omsbox/store/command"
)

// check looks at one part of the appliance, and ends soon after ctx does.
type check func(ctx context.Context) []store.Health

// within bounds each check.
const within = time.Minute

// Doctor returns the command that looks for what is wrong and says what to do. modems looks for the
// modems of this computer, for when no service has them; relay tries the mail relay.
func Doctor(modems func(context.Context) []store.Health, relay func(context.Context,
	*store.Store) store.Health) func(context.Context, *flag.FlagSet, []string) error {
	return func(ctx context.Context, flags *flag.FlagSet, args []string) error {
		data := command.DataFlag(flags)
		if err := command.Parse(flags, args, 0, 0); err != nil {
			return err
		}
		dir := filepath.Clean(*data)
		serving := store.Serves(dir)
		var checks []check
		s, err := store.Open(ctx, dir, slog.New(slog.DiscardHandler))
		switch {
		case errors.Is(err, os.ErrPermission):
			return err // it says to use sudo, without which nothing else can be told either
		case errors.Is(err, store.ErrNoDatabase):
			checks = []check{always(running(dir, serving, store.Front{})), modems}
		case err != nil:
			checks = []check{always(running(dir, serving, store.Front{})),
				always(store.Health{Part: "database", Text: err.Error()}), always(store.CheckDisk(dir)),
				func(context.Context) []store.Health { return store.CheckStorage(dir) }, modems}
		default:
			defer s.Close()
			checks = all(s, serving, modems, relay)
		}
		return report(ctx, os.Stdout, dir, checks)
	}
}

// all are the checks of an appliance that has a database.
func all(s *store.Store, serving bool, modems check, relay func(context.Context, *store.Store) store.Health) []check {
	front := s.Front()
	checks := []check{
		always(running(s.Dir(), serving, front)),
		func(ctx context.Context) []store.Health { return []store.Health{s.CheckDatabase(ctx)} },
		func(ctx context.Context) []store.Health { return s.CheckHeld(ctx) },
		func(context.Context) []store.Health {
			found := store.CheckStorage(s.Dir())
			return append(found, store.CheckDisk(s.Dir()), store.CheckFiles(s.Dir()), s.CheckClock())
		},
	}
	if serving {
		checks = append(checks, newVisitor(s, front).checks()...)
		modems = func(ctx context.Context) []store.Health { return served(ctx, s) }
	}
	return append(checks, modems, func(ctx context.Context) []store.Health { return []store.Health{relay(ctx, s)} })
}

// always is a check whose outcome is known.
func always(h store.Health) check {
	return func(context.Context) []store.Health { return []store.Health{h} }
}

// report makes all checks at once, and writes what came of them in their order, with commands for the database
// in dir. Its error says how many problems there are.
func report(ctx context.Context, out io.Writer, dir string, checks []check) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	outcomes := make([]chan []store.Health, len(checks))
	for i, c := range checks {
		outcomes[i] = make(chan []store.Health, 1)
		go func() { outcomes[i] <- c(ctx) }()
	}
	number, problems := 0, 0
	for _, outcome := range outcomes {
		for _, h := range <-outcome {
			word := "ok"
			if number++; !h.OK {
				word = "PROBLEM"
				problems++
			}
			// A text may be a line of another's, who would write into the terminal.
			text := strings.Map(func(r rune) rune {
				if r < ' ' || r == 0x7f {
					return ' '
				}
				return r
			}, store.Spell(dir, h.Text))
			if _, err := fmt.Fprintf(out, "%-8s %-12s %s\n", word, h.Part, text); err != nil {
				return err
			}
		}
	}
	switch problems {
	case 0:
		_, err := fmt.Fprintln(out, "\nAll is well.")
		return err
	case 1:
		return errors.New("there is one problem" + well(number-1))
	}
	return fmt.Errorf("there are %d problems%s", problems, well(number-problems))
}

// well ends that with how many things are none.
func well(things int) string {
	switch things {
	case 0:
		return ""
	case 1:
		return ", and one thing is well"
	}
	return fmt.Sprintf(", and %d things are well", things)
}

// running says whether the appliance runs, and how people come to it.
func running(dir string, serving bool, front store.Front) store.Health {
	h := store.Health{Part: "service", OK: serving, Text: "it runs"}
	switch {
	case serving && front.Origin != "":
		h.Text = "it runs, at " + front.Origin
	case !serving:
		h.Text = "it does not run from " + dir + ": " + howToStart(dir)
	}
	return h
}

// howToStart says how the appliance is started here.
func howToStart(dir string) string {
	if sys, _ := installedAt(dir); sys != nil {
		return fmt.Sprintf("its log says why it ended (%s), and this starts it: %s", sys.log(), sys.restart())
	}
	me, at := thisProgram(), ""
	if dir != store.DataHere {
		if whole, err := filepath.Abs(dir); err == nil {
			dir = whole
		}
		at = " -data " + store.Quoted(dir)
	}
	return "install it with `" + withModem(me, nil) + "`, or start it by hand with `" + me + " serve" + at + "`"
}

// installedAt returns what starts the service that is installed with that data directory, and its
// flags; nil where there is none.
func installedAt(dir string) (system, []string) {
	sys, err := thisSystem()
	if err != nil {
		return nil, nil
	}
	args, err := sys.installed()
	if err != nil || args == nil || dataOf(args) != dir {
		return nil, nil
	}
	return sys, args
}

// served says how the modems of the running service are.
func served(ctx context.Context, s *store.Store) (found []store.Health) {
	modems, err := s.Modems(ctx)
	if err != nil {
		return []store.Health{{Part: "modem", Text: err.Error()}}
	}
	for _, m := range modems {
		text := strings.TrimPrefix(m.String(), "PROBLEM: ")
		found = append(found, store.Health{Part: "modem", OK: m.Up && m.Problem == "", Text: m.Device + ": " + text})
	}
	if len(found) > 0 {
		return found
	}
	parts, err := s.Healths(ctx)
	for _, h := range parts {
		if err == nil && h.Part == "modems" { // -modem auto says why there is none
			return []store.Health{{Part: "modem", OK: h.OK, Text: h.Text}}
		}
	}
	text := "the service was started without one, so texts wait: start it with -modem auto"
	if sys, args := installedAt(s.Dir()); sys != nil {
		text = "the service has none, so texts wait. This gives it one: " + withModem(called(sys.program()), args)
	}
	return []store.Health{{Part: "modem", Text: text}}
}
