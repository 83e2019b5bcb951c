// Package command is what people type about modems: to find them, to try them, to ask them, and to
// simulate one.
package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"

	"omsbox/modem"
	"omsbox/modem/simulator"
	"omsbox/store"
	"omsbox/store/command"
)

// open opens a modem's port.
type open = func(context.Context) (io.ReadWriteCloser, error)

// Opener returns what opens the port of a device: what modem.Opener knows, and sim for a simulated
// modem, or sim:FAMILY for one that takes after a family of modems.
func Opener(device string) (func(context.Context) (io.ReadWriteCloser, error), error) {
	name, family, _ := strings.Cut(device, ":")
	if name != "sim" {
		return modem.Opener(device)
	}
	sim, err := simulated(simulator.Options{Profile: family})
	return func(context.Context) (io.ReadWriteCloser, error) { return sim.Open() }, err
}

func simulated(options simulator.Options) (*simulator.Simulator, error) {
	if known := simulator.Profiles(); options.Profile != "" && !slices.Contains(known, options.Profile) {
		return nil, fmt.Errorf("there is no simulated modem %q: there are %s", options.Profile, strings.Join(known, ", "))
	}
	return simulator.New(options), nil
}

// LogFlag is the flag that says how much the process log says.
func LogFlag(flags *flag.FlagSet) func() *slog.Logger {
	level := slog.LevelInfo
	flags.Func("log", "how much the process log says: info, debug, or trace (the AT dialogue, texts masked); info if not given", func(v string) error {
		known := map[string]slog.Level{"info": slog.LevelInfo, "debug": slog.LevelDebug, "trace": modem.LevelTrace}
		l, ok := known[v]
		if !ok {
			return errors.New("write info, debug or trace")
		}
		level = l
		return nil
	})
	return func() *slog.Logger {
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	}
}

// Detect looks for modems and says what there is.
func Detect(ctx context.Context, flags *flag.FlagSet, args []string) error {
	logger := LogFlag(flags)
	if err := command.Parse(flags, args, 0, 0); err != nil {
		return err
	}
	return modem.Detect(ctx, os.Stdout, logger())
}

// Info says all about a modem.
func Info(ctx context.Context, flags *flag.FlagSet, args []string) error {
	return ask(ctx, flags, args, 1, "info", modem.Info)
}

// USSD dials a code and shows what the network answers.
func USSD(ctx context.Context, flags *flag.FlagSet, args []string) error {
	return ask(ctx, flags, args, 2, "ussd", func(ctx context.Context, port open, out io.Writer, log *slog.Logger) error {
		return modem.USSD(ctx, port, flags.Arg(1), out, log)
	})
}

// ask asks the modem that the first argument names: through the service that has it, else directly.
func ask(ctx context.Context, flags *flag.FlagSet, args []string, most int, verb string,
	directly func(context.Context, open, io.Writer, *slog.Logger) error) error {
	data, logger := command.DataFlag(flags), LogFlag(flags)
	if err := command.Parse(flags, args, most, most); err != nil {
		return err
	}
	device := flags.Arg(0)
	if served, err := command.Errand(ctx, *data, device, verb, flags.Arg(1)); served {
		return err
	}
	port, err := Opener(device)
	if err != nil {
		return err
	}
	return directly(ctx, port, os.Stdout, logger())
}

// Send tries a modem that nothing else uses.
func Send(ctx context.Context, flags *flag.FlagSet, args []string) error {
	logger := LogFlag(flags)
	if err := command.Parse(flags, args, 3, 3); err != nil {
		return err
	}
	number, err := store.ParseNumber(flags.Arg(1), "")
	if err != nil {
		return err
	}
	if store.Emergency(number) {
		return fmt.Errorf("%s is an emergency number: texts to it are always refused", number)
	}
	open, err := Opener(flags.Arg(0))
	if err != nil {
		return err
	}
	return modem.Bench(ctx, open, number, flags.Arg(2), os.Stdout, logger())
}

// Simulate is a simulated modem at a TCP port.
func Simulate(ctx context.Context, flags *flag.FlagSet, args []string) error {
	family := flags.String("profile", "", "the `family` of modems that it takes after: "+strings.Join(simulator.Profiles(), ", "))
	script := flags.String("misbehave", "", "what goes wrong, as a `script` such as 'result nth 2 lose; pdu chance 5 answer \"+CMS ERROR: 38\"'")
	pin := flags.String("pin", "", "the `PIN` that its SIM asks for")
	imsi := flags.String("imsi", "", "the `IMSI` of its SIM, to tell several apart")
	if err := command.Parse(flags, args, 1, 1); err != nil {
		return err
	}
	fault, err := simulator.ParseScript(*script)
	if err != nil {
		return err
	}
	sim, err := simulated(simulator.Options{Profile: *family, PIN: *pin, IMSI: *imsi})
	if err != nil {
		return err
	}
	defer sim.Close()
	sim.Misbehave(fault)
	listener, err := net.Listen("tcp", flags.Arg(0))
	if err != nil {
		return fmt.Errorf("%w: write the address as 127.0.0.1:5001, with a port that nothing else uses", err)
	}
	fmt.Printf("a simulated modem is at tcp://%s; Ctrl-C ends it\n", listener.Addr())
	return sim.Serve(ctx, listener)
}
