// Package command is what people type about the front door: to install omsbox as a service of their
// computer and to take it away again, to find out why it cannot be reached, and to look after the
// root that its certificates hang on.
package command

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"omsbox/store"
)

// name is that of the service, its program and its user.
const name = "omsbox"

// needRoot says what to type where this user may not change the system; nil where he may.
func needRoot(verb string, args []string) error {
	if privileged() {
		return nil
	}
	words := []string{thisProgram(), verb}
	for _, a := range args {
		words = append(words, store.Quoted(a))
	}
	line := strings.Join(words, " ")
	if runtime.GOOS == "windows" {
		return fmt.Errorf("this changes the computer: open a Command Prompt with \"Run as administrator\" and type: %s", line)
	}
	return fmt.Errorf("this changes the system, so it needs sudo. Type: sudo %s", line)
}

// called is how a program of omsbox is called at a shell: by its name alone where that finds it.
func called(program string) string {
	if found, err := exec.LookPath(name); err == nil && found == program {
		return name
	}
	return store.Quoted(program)
}

// thisProgram is how this very program is called.
func thisProgram() string {
	self, err := os.Executable()
	if err != nil {
		return name
	}
	return called(self)
}

// given says whether a flag was typed.
func given(flags *flag.FlagSet, name string) bool {
	found := false
	flags.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}
