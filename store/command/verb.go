package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"omsbox/store"
)

// Verb is one thing that omsbox does.
type Verb struct {
	name, args, about string
	run               func(ctx context.Context, flags *flag.FlagSet, args []string) error
}

// NewVerb returns the verb that is typed as name, a word or some. args is what follows and about is
// what it does, for people; run declares its flags, and parses what was typed after the name.
func NewVerb(name, args, about string, run func(ctx context.Context, flags *flag.FlagSet, args []string) error) Verb {
	return Verb{name, args, about, run}
}

// Run runs the verb that the arguments begin with: of two, the longer. Without one it tells which
// there are; that is ErrUsage, unless help was asked for.
func Run(ctx context.Context, verbs []Verb, args []string) error {
	var verb Verb
	var words int
	for _, v := range verbs {
		n := len(strings.Fields(v.name))
		if n > words && n <= len(args) && strings.Join(args[:n], " ") == v.name {
			verb, words = v, n
		}
	}
	switch {
	case words > 0:
		return verb.do(ctx, args[words:])
	case len(args) == 0:
		list(os.Stderr, verbs)
		return ErrUsage
	case !slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]):
		fmt.Fprintf(os.Stderr, "omsbox: there is no command %q\n", strings.Join(args[:min(len(args), 2)], " "))
		list(os.Stderr, verbs)
		return ErrUsage
	case len(args) > 1:
		return Run(ctx, verbs, append(args[1:], "-h"))
	}
	list(os.Stdout, verbs)
	return nil
}

func (v Verb) do(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("omsbox "+v.name, flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprintf(flags.Output(), "usage: omsbox %s\n%s\n", strings.TrimSpace(v.name+" [flags] "+v.args), v.about)
		flags.PrintDefaults()
	}
	err := v.run(ctx, flags, args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if data := flags.Lookup("data"); data != nil && data.Value.String() != "" {
		return store.SpellError(data.Value.String(), err)
	}
	return err
}

func list(out io.Writer, verbs []Verb) {
	fmt.Fprintln(out, "usage: omsbox COMMAND [flags] [arguments]; flags may stand anywhere behind COMMAND; `omsbox COMMAND -h` tells more of one")
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, v := range verbs {
		fmt.Fprintf(table, "  %s %s\t%s\n", v.name, v.args, v.about)
	}
	table.Flush()
}
