package command

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"omsbox/store"
	"omsbox/store/command"
)

// Uninstall stops the service and removes it. The data stay, unless the person wants to be rid of
// them too.
func Uninstall(ctx context.Context, flags *flag.FlagSet, args []string) error {
	purge := flags.Bool("purge", false, "delete the data too: texts, users, settings, the root that was trusted")
	yes := flags.Bool("yes", false, "do not ask before that")
	if err := command.Parse(flags, args, 0, 0); err != nil {
		return err
	}
	if err := needRoot("uninstall", args); err != nil {
		return err
	}
	sys, err := thisSystem()
	if err != nil {
		return err
	}
	kept, err := sys.installed()
	if err != nil && *purge {
		return fmt.Errorf("where its data are cannot be told: %w; uninstall without -purge, and delete them yourself", err)
	}
	data := dataOf(kept)
	if *purge && command.HoldsDatabase(data) {
		if err := ownDirectory(data); err != nil {
			return err
		}
		if !*yes {
			const word = "delete"
			answer, err := command.Ask(ctx, fmt.Sprintf("All texts, users and settings in %s will be gone for ever. Type the word %s to go on: ", data, word))
			if err != nil {
				return err
			}
			if answer != word {
				return fmt.Errorf("%q was typed, not the word %s: nothing was done", answer, word)
			}
		}
	}
	found := false
	tell := func(what, text string) {
		found = true
		say(what, text)
	}
	if err := sys.uninstall(ctx, sys.program(), tell); err != nil {
		return err
	}
	if !found {
		fmt.Println("omsbox is not installed here.")
	}
	if !*purge {
		if command.HoldsDatabase(data) {
			say("data", "kept in "+data+": whoever installs omsbox again goes on with them")
		}
		return nil
	}
	if command.HoldsDatabase(data) {
		if err := os.RemoveAll(data); err != nil {
			return err
		}
		say("data", data+" deleted")
	}
	return sys.forget(ctx)
}

// dataOf is the data directory that flags of serve name, else the usual one.
func dataOf(args []string) string {
	data := store.SystemData()
	for i, arg := range args {
		name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
		switch {
		case name != "data" || !strings.HasPrefix(arg, "-"):
		case ok:
			data = filepath.Clean(value)
		case i+1 < len(args):
			data = filepath.Clean(args[i+1])
		}
	}
	return data
}
