// Command omsbox is a texting appliance: see README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"

	"golang.org/x/sync/errgroup"

	"omsbox/mailer"
	"omsbox/modem"
	radio "omsbox/modem/command"
	"omsbox/modem/simulator"
	"omsbox/oms"
	"omsbox/store"
	"omsbox/store/command"
	"omsbox/web"
)

// verb is one thing that omsbox does.
type verb struct {
	name, args, about string
	run               func(ctx context.Context, flags *flag.FlagSet, args []string) error
}

func verbs() []verb {
	return []verb{
		{"demo", "", "the whole appliance on this computer with a simulated network: look at it in a browser", demo},
		{"serve", "", "run the appliance", serve},
		{"send", "NUMBER...", "queue a text, read from standard input, like any other message", command.Send},
		{"user add", "ID", "add a user; the password is asked for, or read as a line of standard input", command.UserAdd},
		{"user list", "", "list the users", command.UserList},
		{"user passwd", "ID", "give a user a new password", command.UserPasswd},
		{"user disable", "ID", "end a user's right to sign in; replies still arrive", command.UserDisable},
		{"user enable", "ID", "give a disabled user that right back", command.UserEnable},
		{"user app-password list", "ID", "list the app passwords of a user, and when each was used last", command.UserAppPasswordList},
		{"user app-password revoke", "ID NAME|NUMBER", "end an app password at once", command.UserAppPasswordRevoke},
		{"user app-password", "ID", "make a password for one program of a user: Outlook, a mail program", command.UserAppPassword}, // after those that it begins
		{"set", "KEY VALUE", "change a setting; \"\" brings its default back, - reads the value from standard input", command.Set},
		{"get", "[KEY]", "show all settings, or one; `get status` shows how the appliance is", command.Get},
		{"modem detect", "", "look for modems: what each is called, who holds its ports, what to do", radio.Detect},
		{"modem info", "DEVICE", "say all about a modem: SIM, network, signal, storages, what it can do, what is wrong", radio.Info},
		{"modem ussd", "DEVICE CODE", "dial a code such as *100# and show what the network answers", radio.USSD},
		{"modem send", "DEVICE NUMBER TEXT", "try a modem that nothing else uses: send one text through it", radio.Send},
		{"modem simulate", "ADDRESS", "be a simulated modem at tcp://ADDRESS, for `serve -modem` or any program that drives modems", radio.Simulate},
		{"version", "", "say which omsbox this is", version},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	err := run(ctx, os.Args[1:])
	switch {
	case errors.Is(err, command.ErrUsage):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "omsbox:", err)
		os.Exit(1)
	}
}

// run finds the command whose name begins the arguments.
func run(ctx context.Context, args []string) error {
	for _, c := range verbs() {
		words := strings.Fields(c.name)
		if len(args) < len(words) || strings.Join(args[:len(words)], " ") != c.name {
			continue
		}
		flags := flag.NewFlagSet("omsbox "+c.name, flag.ContinueOnError)
		flags.Usage = func() {
			fmt.Fprintf(flags.Output(), "usage: omsbox %s\n%s\n", strings.TrimSpace(c.name+" [flags] "+c.args), c.about)
			flags.PrintDefaults()
		}
		err := c.run(ctx, flags, args[len(words):])
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	out, err := io.Writer(os.Stderr), command.ErrUsage
	if len(args) > 0 && slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]) {
		if len(args) > 1 {
			return run(ctx, append(args[1:], "-h"))
		}
		out, err = os.Stdout, nil
	} else if len(args) > 0 {
		fmt.Fprintf(out, "omsbox: there is no command %q\n", strings.Join(args[:min(len(args), 2)], " "))
	}
	fmt.Fprintln(out, "usage: omsbox COMMAND [flags] [arguments]; `omsbox COMMAND -h` tells more of one")
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, c := range verbs() {
		fmt.Fprintf(table, "  %s %s\t%s\n", c.name, c.args, c.about)
	}
	table.Flush()
	return err
}

func serve(ctx context.Context, flags *flag.FlagSet, args []string) error {
	data, logger := command.DataFlag(flags), radio.LogFlag(flags)
	address := flags.String("http", ":80", "the `address` to serve pages and Outlook at")
	var devices command.List
	flags.Var(&devices, "modem", "a `device`: auto finds all there are; else /dev/serial/by-id/…, COM3, tcp://host:port, or sim for a simulated one; may be repeated")
	if err := command.Parse(flags, args, 0, 0); err != nil {
		return err
	}
	log := logger()
	var finder *modem.Finder
	var openers []func(context.Context) (io.ReadWriteCloser, error)
	var named []string
	for _, device := range devices.Values {
		if device == "auto" {
			finder = modem.NewFinder(log)
			continue
		}
		open, err := radio.Opener(device)
		if err != nil {
			return err
		}
		openers, named = append(openers, open), append(named, device)
	}
	listener, err := web.Listen(*address)
	if err != nil {
		return err
	}
	defer listener.Close()
	s, err := store.Create(ctx, *data, log)
	if err != nil {
		return err
	}
	defer s.Close()
	var modems []*modem.Modem
	for i, device := range named {
		modems = append(modems, modem.New(s, device, openers[i], log))
	}
	if len(devices.Values) == 0 {
		log.Warn("no modem was named: texts wait until `omsbox serve -modem auto` looks for one")
	}
	log.Info("serving", "http", listener.Addr(), "data", *data, "modems", devices.String())
	return appliance(ctx, s, log, listener, nil, modems, finder)
}

// appliance runs the four sides over their rows until ctx ends. The store outlives them.
func appliance(ctx context.Context, s *store.Store, log *slog.Logger, listener net.Listener, demo *web.Demo, modems []*modem.Modem, finder *modem.Finder) error {
	var devices []string
	for _, m := range modems {
		devices = append(devices, m.Device)
	}
	if err := s.ServeModems(ctx, devices); err != nil {
		return err
	}
	front, err := web.New(s, log, web.Config{OMS: oms.New(s, log), Demo: demo})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return front.Run(ctx, web.Doors{HTTP: listener}) })
	group.Go(func() error { return mailer.New(s, log).Run(ctx) })
	for _, m := range modems {
		group.Go(func() error { return m.Run(ctx) })
	}
	if finder != nil {
		finder.Report = func(ctx context.Context, ok bool, text string) error { return s.SetHealth(ctx, "modems", ok, text) }
		finder.Alarm = func(ctx context.Context, text string) error { return s.Alert(ctx, "modem", "auto", text) }
		group.Go(func() error {
			return finder.Run(ctx, func(ctx context.Context, device string, open func(context.Context) (io.ReadWriteCloser, error)) error {
				return modem.New(s, device, open, log).Run(ctx)
			})
		})
	}
	return group.Wait()
}

func demo(ctx context.Context, flags *flag.FlagSet, args []string) error {
	logger := radio.LogFlag(flags)
	const usual = "127.0.0.1:8080"
	address := flags.String("http", usual, "the `address` to look at; if it is not given and that port is taken, any free one")
	data := flags.String("data", "", "keep the data in this `directory`; otherwise they are gone in the end")
	if err := command.Parse(flags, args, 0, 0); err != nil {
		return err
	}
	if *data == "" {
		dir, err := os.MkdirTemp("", "omsbox-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		*data = dir
	}
	log := logger()
	listener, err := web.Listen(*address)
	if err != nil && *address == usual {
		listener, err = web.Listen("127.0.0.1:0")
	}
	if err != nil {
		return err
	}
	defer listener.Close()
	post, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s, err := store.Create(ctx, *data, log)
	if err != nil {
		return err
	}
	defer s.Close()
	const login, password, number = "anna", "demo", "+12025550123"
	_, err = s.AddUser(ctx, store.User{Login: login, Mail: login + "@example.org", Phone: "+12025550100"}, password)
	if err != nil && !errors.Is(err, store.ErrTaken) {
		return err
	}
	for key, value := range map[string]string{
		"service.provider": "omsbox demo", "mail.relay": "smtp://" + post.Addr().String(), "mail.domain": "omsbox.example", "mail.catch-all": login,
	} {
		if err := s.Set(ctx, key, value); err != nil {
			return err
		}
	}
	sim := simulator.New(simulator.Options{Number: "+12025550100", IMSI: "310260000000001"})
	defer sim.Close()
	mailbox := mailer.NewMailbox(log)
	stick := modem.New(s, "sim", func(context.Context) (io.ReadWriteCloser, error) { return sim.Open() }, log)
	base := "http://" + reachable(listener.Addr())
	fmt.Printf(`This is omsbox with a simulated mobile network. Nothing leaves this computer.

  Look at it:        %[1]s/demo
  Address for OMS:   %[1]s%[2]s
  Account:           %[3]s, password %[4]s
  Mail relay:        smtp://%[5]s (the mailbox on the demo page)

  Send a text as Outlook does, from another terminal:

%[6]s
echo

Ctrl-C ends it.
`, base, web.OMSPath, login, password, post.Addr(), oms.Curl(base+web.OMSPath, login, password, number, "Hello from Outlook 😀"))
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return mailbox.Serve(ctx, post) })
	group.Go(func() error {
		return appliance(ctx, s, log, listener,
			&web.Demo{Phone: sim, Mailbox: mailbox, Login: login, Password: password, Number: number}, []*modem.Modem{stick}, nil)
	})
	return group.Wait()
}

// reachable is an address as other programs reach it: a listener at all of the computer's
// addresses is at its name too.
func reachable(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil || !net.ParseIP(host).IsUnspecified() {
		return a.String()
	}
	if name, err := os.Hostname(); err == nil {
		return net.JoinHostPort(name, port)
	}
	return net.JoinHostPort("127.0.0.1", port)
}

func version(_ context.Context, flags *flag.FlagSet, args []string) error {
	if err := command.Parse(flags, args, 0, 0); err != nil {
		return err
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return errors.New("this program does not know its version")
	}
	text := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" || s.Key == "vcs.time" {
			text += " " + s.Value
		}
	}
	fmt.Println("omsbox", text, info.GoVersion)
	return nil
}
