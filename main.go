// Command omsbox is a texting appliance: see README.md.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"text/tabwriter"

	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"omsbox/mailer"
	"omsbox/modem"
	"omsbox/modem/simulator"
	"omsbox/oms"
	"omsbox/store"
	"omsbox/web"
)

// command is one thing that omsbox does.
type command struct {
	name, args, about string
	run               func(ctx context.Context, flags *flag.FlagSet, args []string) error
}

func commands() []command {
	return []command{
		{"demo", "", "the whole appliance on this computer with a simulated network: look at it in a browser", demo},
		{"serve", "", "run the appliance", serve},
		{"send", "NUMBER...", "queue a text, read from standard input, like any other message", send},
		{"user add", "ID", "add a user; the password is asked for, or read as a line of standard input", userAdd},
		{"user list", "", "list the users", userList},
		{"user passwd", "ID", "give a user a new password", userPasswd},
		{"user disable", "ID", "end a user's right to sign in", userDisable},
		{"set", "KEY VALUE", "change a setting; the value \"\" brings its default back", set},
		{"get", "[KEY]", "show all settings, or one; `get status` shows how the appliance is", get},
		{"modem send", "DEVICE NUMBER TEXT", "try a modem that nothing else uses: send one text through it", modemSend},
		{"version", "", "say which omsbox this is", version},
	}
}

// errUsage makes the exit status 2.
var errUsage = errors.New("wrong usage")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	err := run(ctx, os.Args[1:])
	switch {
	case errors.Is(err, errUsage):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "omsbox:", err)
		os.Exit(1)
	}
}

// run finds the command whose name begins the arguments.
func run(ctx context.Context, args []string) error {
	for _, c := range commands() {
		words := strings.Fields(c.name)
		if len(args) < len(words) || strings.Join(args[:len(words)], " ") != c.name {
			continue
		}
		flags := flag.NewFlagSet("omsbox "+c.name, flag.ContinueOnError)
		flags.Usage = func() {
			fmt.Fprintf(flags.Output(), "usage: omsbox %s [flags] %s\n%s\n", c.name, c.args, c.about)
			flags.PrintDefaults()
		}
		err := c.run(ctx, flags, args[len(words):])
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	out, err := io.Writer(os.Stderr), errUsage
	if len(args) == 1 && (args[0] == "help" || args[0] == "-h" || args[0] == "--help") {
		out, err = os.Stdout, nil
	}
	fmt.Fprintln(out, "usage: omsbox COMMAND [flags] [arguments]; `omsbox COMMAND -h` tells more of one")
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, c := range commands() {
		fmt.Fprintf(table, "  %s %s\t%s\n", c.name, c.args, c.about)
	}
	table.Flush()
	return err
}

// parse reads the flags, first from OMSBOX_… variables, and refuses fewer or more arguments than least and most.
func parse(flags *flag.FlagSet, args []string, least, most int) error {
	var bad error
	flags.VisitAll(func(f *flag.Flag) {
		name := "OMSBOX_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if v, ok := os.LookupEnv(name); ok {
			if err := f.Value.Set(v); err != nil {
				bad = fmt.Errorf("%s: %w", name, err)
			}
		}
	})
	if bad != nil {
		return bad
	}
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage // flag has said what is wrong
	}
	if n := flags.NArg(); n < least || n > most {
		flags.Usage()
		return errUsage
	}
	return nil
}

func dataFlag(flags *flag.FlagSet) *string {
	dir := "omsbox-data"
	if d := os.Getenv("STATE_DIRECTORY"); d != "" {
		dir = d // systemd gives it
	}
	return flags.String("data", dir, "the `directory` of the database")
}

func logFlag(flags *flag.FlagSet) func() *slog.Logger {
	level := slog.LevelInfo
	flags.Func("log", "how much the process log says: info, debug, or trace (the AT dialogue, texts masked); info if not given", func(v string) error {
		if v == "trace" {
			level = modem.LevelTrace
			return nil
		}
		return level.UnmarshalText([]byte(v))
	})
	return func() *slog.Logger {
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	}
}

// list is a flag that may be given more than once, or as a list with commas.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }
func (l *list) Set(v string) error {
	*l = append(*l, strings.Split(v, ",")...)
	return nil
}

func serve(ctx context.Context, flags *flag.FlagSet, args []string) error {
	data, logger := dataFlag(flags), logFlag(flags)
	address := flags.String("http", ":80", "the `address` to serve pages and Outlook at")
	var devices list
	flags.Var(&devices, "modem", "a `device`: /dev/serial/by-id/…, COM3, tcp://host:port, or sim for a simulated one; may be repeated")
	if err := parse(flags, args, 0, 0); err != nil {
		return err
	}
	log := logger()
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
	for _, device := range devices {
		open, err := opener(device)
		if err != nil {
			return err
		}
		modems = append(modems, modem.New(s, device, open, log))
	}
	if len(modems) == 0 {
		log.Warn("no modem was named: texts wait until `omsbox serve -modem DEVICE` names one")
	}
	log.Info("serving", "http", listener.Addr(), "data", *data, "modems", devices.String())
	return appliance(ctx, s, log, listener, nil, modems)
}

// opener returns what opens a device, the simulated one included.
func opener(device string) (func(context.Context) (io.ReadWriteCloser, error), error) {
	if device != "sim" {
		return modem.Opener(device)
	}
	sim := simulator.New(simulator.Options{})
	return func(context.Context) (io.ReadWriteCloser, error) { return sim.Open() }, nil
}

// appliance runs the four sides over their rows until ctx ends. The store outlives them.
func appliance(ctx context.Context, s *store.Store, log *slog.Logger, listener net.Listener, demo *web.Demo, modems []*modem.Modem) error {
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
	group.Go(func() error { return front.Run(ctx, listener) })
	group.Go(func() error { return mailer.New(s, log).Run(ctx) })
	for _, m := range modems {
		group.Go(func() error { return m.Run(ctx) })
	}
	return group.Wait()
}

func demo(ctx context.Context, flags *flag.FlagSet, args []string) error {
	logger := logFlag(flags)
	address := flags.String("http", "127.0.0.1:8080", "the `address` to look at; the next free port if that one is taken")
	data := flags.String("data", "", "keep the data in this `directory`; otherwise they are gone in the end")
	if err := parse(flags, args, 0, 0); err != nil {
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
	if err != nil {
		if listener, err = web.Listen("127.0.0.1:0"); err != nil {
			return err
		}
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
	radio := modem.New(s, "sim", func(context.Context) (io.ReadWriteCloser, error) { return sim.Open() }, log)
	base := "http://" + listener.Addr().String()
	fmt.Printf(`This is omsbox with a simulated mobile network. Nothing leaves this computer.

  Look at it:        %[1]s/demo
  Address for OMS:   %[1]s%[2]s
  Account:           %[3]s, password %[4]s
  Mail relay:        smtp://%[5]s (the mailbox on the demo page)

  Send a text as Outlook does, from another terminal:

%[6]s

Ctrl-C ends it.
`, base, web.OMSPath, login, password, post.Addr(), oms.Curl(base+web.OMSPath, login, password, number, "Hello from Outlook 😀"))
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return mailbox.Serve(ctx, post) })
	group.Go(func() error {
		return appliance(ctx, s, log, listener,
			&web.Demo{Phone: sim, Mailbox: mailbox, Login: login, Password: password, Number: number}, []*modem.Modem{radio})
	})
	return group.Wait()
}

// beside does something with the database that another omsbox may be serving from.
func beside(ctx context.Context, flags *flag.FlagSet, args []string, least, most int, do func(*store.Store) error) error {
	data := dataFlag(flags)
	if err := parse(flags, args, least, most); err != nil {
		return err
	}
	s, err := store.Open(ctx, filepath.Clean(*data), slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.Close())
}

func send(ctx context.Context, flags *flag.FlagSet, args []string) error {
	login := flags.String("user", "", "the `ID` of the user whom replies go to")
	return beside(ctx, flags, args, 1, 1000, func(s *store.Store) error {
		m := store.Message{Source: store.SourceCommand}
		if *login != "" {
			u, err := s.UserByLogin(ctx, *login)
			if err != nil {
				return err
			}
			m.User = u.ID
		}
		for _, typed := range flags.Args() {
			number, err := s.Number(typed)
			if err != nil {
				return err
			}
			m.To = append(m.To, store.Recipient{Number: number, Typed: typed})
		}
		text, err := io.ReadAll(io.LimitReader(os.Stdin, 1<<20))
		if err != nil {
			return err
		}
		m.Parts = []string{strings.TrimRight(string(text), "\r\n")}
		id, _, err := s.Enqueue(ctx, m)
		if err != nil {
			return err
		}
		fmt.Printf("queued as message %d\n", id)
		if !s.Serving() {
			fmt.Println("it waits until `omsbox serve` runs")
		}
		return nil
	})
}

func userAdd(ctx context.Context, flags *flag.FlagSet, args []string) error {
	var u store.User
	flags.StringVar(&u.Phone, "phone", "", "the user's own `number`")
	flags.StringVar(&u.Mail, "mail", "", "the mail `address` that replies go to")
	flags.BoolVar(&u.Admin, "admin", false, "the user may administer the appliance")
	return beside(ctx, flags, args, 1, 1, func(s *store.Store) error {
		u.Login = flags.Arg(0)
		password, err := askPassword(u.Login)
		if err != nil {
			return err
		}
		if u, err = s.AddUser(ctx, u, password); err != nil {
			return err
		}
		fmt.Printf("added %s; replies will come from %s\n", u.Login, s.Address(u))
		if u.Mail == "" {
			fmt.Println("no mail address was given (-mail): replies to this user go to the user of the setting mail.catch-all")
		}
		return nil
	})
}

func userList(ctx context.Context, flags *flag.FlagSet, args []string) error {
	return beside(ctx, flags, args, 0, 0, func(s *store.Store) error { return s.ShowUsers(ctx, os.Stdout) })
}

func userPasswd(ctx context.Context, flags *flag.FlagSet, args []string) error {
	return beside(ctx, flags, args, 1, 1, func(s *store.Store) error {
		if _, err := s.UserByLogin(ctx, flags.Arg(0)); err != nil {
			return err
		}
		password, err := askPassword(flags.Arg(0))
		if err != nil {
			return err
		}
		return s.SetPassword(ctx, flags.Arg(0), password)
	})
}

func userDisable(ctx context.Context, flags *flag.FlagSet, args []string) error {
	return beside(ctx, flags, args, 1, 1, func(s *store.Store) error { return s.Disable(ctx, flags.Arg(0)) })
}

func set(ctx context.Context, flags *flag.FlagSet, args []string) error {
	return beside(ctx, flags, args, 2, 2, func(s *store.Store) error { return s.Set(ctx, flags.Arg(0), flags.Arg(1)) })
}

func get(ctx context.Context, flags *flag.FlagSet, args []string) error {
	return beside(ctx, flags, args, 0, 1, func(s *store.Store) error {
		if flags.Arg(0) == "status" {
			text, err := s.Status(ctx)
			fmt.Print(text)
			return err
		}
		return s.ShowSettings(os.Stdout, flags.Arg(0))
	})
}

// askPassword reads a password from the terminal without showing it, else a line of standard input.
func askPassword(login string) (string, error) {
	if fd := int(os.Stdin.Fd()); term.IsTerminal(fd) {
		fmt.Fprintf(os.Stderr, "Password for %s: ", login)
		password, err := term.ReadPassword(fd)
		fmt.Fprintln(os.Stderr)
		return string(password), err
	}
	line, err := bufio.NewReader(io.LimitReader(os.Stdin, 4096)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

func modemSend(ctx context.Context, flags *flag.FlagSet, args []string) error {
	logger := logFlag(flags)
	if err := parse(flags, args, 3, 3); err != nil {
		return err
	}
	return modem.Bench(ctx, flags.Arg(0), flags.Arg(1), flags.Arg(2), os.Stdout, logger())
}

func version(_ context.Context, flags *flag.FlagSet, args []string) error {
	if err := parse(flags, args, 0, 0); err != nil {
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
