//go:build !windows

package command

import (
	"context"
	"os"
)

// The service is root's here: there is no way of making a user that all these systems share.
const (
	serviceUser      = ""
	serviceUserWords = "root"
)

func (library) program() string { return "/usr/local/bin/" + name }

func (library) log() string { return "the log of the system, or /var/log/" + name + ".err" }

func (library) restart() string { return "sudo " + name + " install" }

// installed: what the service is started with is written in as many ways as there are systems.
func (library) installed() ([]string, error) { return nil, nil }

// What only Windows wants.
func giveData(string) error           { return nil }
func openFirewall(string) error       { return nil }
func closeFirewall() error            { return nil }
func removeProgram(path string) error { return os.Remove(path) }

// Serve runs the appliance until ctx ends. Where a service manager started this program, it answers
// that one as the system wants it; here that takes no more than to end when told by a signal.
func Serve(ctx context.Context, run func(context.Context) error) error { return run(ctx) }
