package command

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// UntilSignal returns a context that ends when the program is asked to end: by Ctrl-C, by the service manager,
// or by a terminal that goes away. stop lets the next signal end the program at once.
//
// Who reads the program's output may go away too. That ends no service, and no command half-way.
func UntilSignal(ctx context.Context) (until context.Context, stop context.CancelFunc) {
	signal.Ignore(syscall.SIGPIPE)
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup asked for that
		ends = append(ends, syscall.SIGHUP)
	}
	return signal.NotifyContext(ctx, ends...)
}
