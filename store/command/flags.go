// Package command is what people type about the database: users, settings, and texts to be sent,
// beside a running service or without one. It also holds what all of omsbox's commands share: flags
// that the environment may give, and questions at the terminal that Ctrl-C ends.
package command

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"omsbox/store"
)

// ErrUsage: what was typed is no command. Alone, it was said already what is wrong with it.
var ErrUsage = errors.New("wrong usage")

// Misused makes an error of err, if it is one, that says of what was typed that it is no command.
func Misused(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrUsage, err)
}

// Variable is the environment variable that gives a flag.
func Variable(flag string) string {
	return "OMSBOX_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Parse reads the flags, first from OMSBOX_… variables, and refuses fewer or more arguments than least and most.
func Parse(flags *flag.FlagSet, args []string, least, most int) error {
	var bad error
	flags.VisitAll(func(f *flag.Flag) {
		if v, ok := os.LookupEnv(Variable(f.Name)); ok {
			if err := f.Value.Set(v); err != nil {
				bad = fmt.Errorf("%s: %w", Variable(f.Name), err)
			}
		}
	})
	if bad != nil {
		return bad
	}
	flags.VisitAll(func(f *flag.Flag) {
		if l, ok := f.Value.(*List); ok {
			l.environ = true
		}
	})
	if err := parseAnywhere(flags, args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return ErrUsage // flag has said what is wrong
	}
	if n := flags.NArg(); n < least || n > most {
		if n > most {
			fmt.Fprintln(flags.Output(), "too many arguments:", strings.Join(flags.Args()[most:], " "))
		}
		flags.Usage()
		return ErrUsage
	}
	return nil
}

// parseAnywhere reads flags wherever they stand among the arguments. After -- all are arguments, and so is what
// begins with a hyphen and is no flag of the command: a text may.
func parseAnywhere(flags *flag.FlagSet, args []string) error {
	var operands []string
	for rest := args; ; {
		if err := flags.Parse(rest); err != nil {
			return err
		}
		read := len(rest) - flags.NArg()
		ended := read > 0 && rest[read-1] == "--"
		rest = flags.Args()
		n := slices.IndexFunc(rest, func(arg string) bool { return arg == "--" || isFlag(flags, arg) })
		if n < 0 || ended {
			operands = append(operands, rest...)
			return flags.Parse(append([]string{"--"}, operands...))
		}
		operands = append(operands, rest[:n]...)
		rest = rest[n:]
	}
}

// isFlag reports whether an argument is a flag of the command, or asks for help.
func isFlag(flags *flag.FlagSet, arg string) bool {
	name, begins := strings.CutPrefix(arg, "-")
	name = strings.TrimPrefix(name, "-")
	name, _, _ = strings.Cut(name, "=")
	return begins && (flags.Lookup(name) != nil || name == "h" || name == "help")
}

// DataFlag is the flag that names the data directory. If it is not given, that is the one that
// systemd gives, else omsbox-data in the working directory; where that holds no database and the
// installed service has one, it is the service's, so that nobody needs to type it.
func DataFlag(flags *flag.FlagSet) *string {
	return flags.String("data", usualData(os.Getenv("STATE_DIRECTORY"), store.DataHere, store.SystemData()), "the `directory` of the database")
}

func usualData(given, here, system string) string {
	switch {
	case given != "":
		return given
	case !HoldsDatabase(here) && HoldsDatabase(system):
		return system
	}
	return here
}

// HoldsDatabase says whether a directory holds a database, or may not be looked into by this user:
// who then tries to is told so.
func HoldsDatabase(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, store.File))
	return err == nil || errors.Is(err, os.ErrPermission)
}

// List is a flag that may be given more than once, or as a list with commas. What the command line
// gives takes the place of what the environment gave.
type List struct {
	Values  []string
	environ bool // as long as only the environment gave it
}

func (l *List) String() string { return strings.Join(l.Values, ",") }
func (l *List) Set(v string) error {
	if l.environ {
		*l = List{}
	}
	for name := range strings.SplitSeq(v, ",") {
		if slices.Contains(l.Values, name) {
			return fmt.Errorf("%s is named twice", name)
		}
		if name != "" {
			l.Values = append(l.Values, name)
		}
	}
	return nil
}
