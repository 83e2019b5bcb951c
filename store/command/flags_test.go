package command

import (
	"errors"
	"flag"
	"io"
	"slices"
	"testing"
)

// Flags are read wherever they stand; what only looks like one is an argument.
func TestFlagsStandAnywhere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		args, want []string
		data       string
		admin      bool
	}{
		{"before", []string{"-data", "x", "status"}, []string{"status"}, "x", false},
		{"behind", []string{"status", "-data", "x"}, []string{"status"}, "x", false},
		{"with an equals sign", []string{"status", "--data=x"}, []string{"status"}, "x", false},
		{"between", []string{"ann", "-admin", "2031-12-31", "-data", "x"}, []string{"ann", "2031-12-31"}, "x", true},
		{"given twice", []string{"-data", "y", "ann", "-data", "x"}, []string{"ann"}, "x", false},
		{"no flag of the command", []string{"ann", "-5 degrees", "-", "-data", "x"}, []string{"ann", "-5 degrees", "-"}, "x", false},
		{"behind two hyphens", []string{"-admin", "ann", "--", "-data"}, []string{"ann", "-data"}, "", true},
		{"two hyphens at the start", []string{"-data", "x", "--", "ann", "-admin"}, []string{"ann", "-admin"}, "x", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			flags := flag.NewFlagSet("omsbox", flag.ContinueOnError)
			flags.SetOutput(io.Discard)
			data, admin := flags.String("data", "", ""), flags.Bool("admin", false, "")
			if err := Parse(flags, c.args, 0, 9); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(flags.Args(), c.want) || *data != c.data || *admin != c.admin {
				t.Errorf("got %q, %q, %v", flags.Args(), *data, *admin)
			}
		})
	}
	flags := flag.NewFlagSet("omsbox", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	if err := Parse(flags, []string{"status", "-h"}, 0, 1); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("help behind an argument: %v", err)
	}
}
