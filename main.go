// Command omsbox is a texting appliance: see README.md.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"syscall"

	"golang.org/x/sync/errgroup"

	"omsbox/mailer"
	"omsbox/modem"
	radio "omsbox/modem/command"
	"omsbox/modem/simulator"
	"omsbox/oms"
	"omsbox/store"
	"omsbox/store/command"
	"omsbox/web"
	front "omsbox/web/command"
)

// verbs are all that omsbox does, in the order in which it tells them.
func verbs() []command.Verb {
	verb := command.NewVerb
	return []command.Verb{
		verb("demo", "", "the whole appliance on this computer with a simulated network: look at it in a browser", demo),
		verb("serve", "", "run the appliance", serve),
		verb("install", "", "have the computer run the appliance from now on, also after it was switched off; the flags are those of serve", install),
		verb("uninstall", "", "stop the appliance and take it off the computer; the data stay unless -purge is given", front.Uninstall),
		verb("doctor", "", "check names, ports, certificates, clock, disk, modem and relay, and say what to do", doctor),
		verb("root", "", "show the root of the box's own CA, to compare it with what people are asked to trust", front.ShowRoot),
		verb("root new", "", "make a new root for the box's own CA, which everybody must trust anew", front.NewRoot),
		verb("send", "NUMBER...", "queue a text, read from standard input, like any other message", command.Send),
		verb("backup", "FILE", "back the database, certificates and flags up to one file, also while the service runs; - is standard output", front.Backup),
		verb("restore", "FILE", "make an empty data directory what a backup has; nothing that was queued is sent until you say so", front.Restore),
		verb("held", "", "show what is held after a restore, since the old box may have sent it", command.Held),
		verb("held send", "all|texts|mails|MESSAGE...", "send what is held after a restore", command.HeldSend),
		verb("held drop", "all|texts|mails|MESSAGE...", "cancel what is held after a restore", command.HeldDrop),
		verb("cancel", "MESSAGE", "cancel a message, as far as nothing of it has left", command.Cancel),
		verb("log", "", "show what happened to texts and mails last; never what is in them", command.Log),
		verb("mail list", "", "list the mails that the relay has not taken: those that wait and those that have failed, "+
			"and why; never what is in them", command.MailList),
		verb("mail retry", "MAIL|all", "have a mail that has failed or waits tried again at once, or all", command.MailRetry),
		verb("user add", "ID", "add a user; the password is asked for, or read as a line of standard input", command.UserAdd),
		verb("user list", "", "list the users", command.UserList),
		verb("user passwd", "ID", "give a user a new password", command.UserPasswd),
		verb("user disable", "ID", "end a user's right to sign in; replies still arrive", command.UserDisable),
		verb("user enable", "ID", "let a disabled user sign in again", command.UserEnable),
		verb("user expire", "ID DATE|never", "end a user's right to sign in with a day; from that DATE on it is over", command.UserExpire),
		verb("user app-password", "ID", "make a password for one program of a user: Outlook, a mail program", command.UserAppPassword),
		verb("user app-password list", "ID", "list the app passwords of a user, and when each was used last", command.UserAppPasswordList),
		verb("user app-password revoke", "ID NAME|NUMBER", "end an app password at once", command.UserAppPasswordRevoke),
		verb("set", "KEY VALUE", "change a setting; \"\" brings its default back, - reads the value from standard input", command.Set),
		verb("get", "[KEY]", "show all settings, or one; `get status` shows how the appliance is", command.Get),
		verb("modem detect", "", "look for modems: what each is called, who holds its ports, what to do", radio.Detect),
		verb("modem info", "DEVICE", "say all about a modem: SIM, network, signal, storages, what it can do, what is wrong", radio.Info),
		verb("modem ussd", "DEVICE CODE", "dial a code such as *100# and show what the network answers", radio.USSD),
		verb("modem send", "DEVICE NUMBER TEXT", "try a modem that nothing else uses: send one text through it", radio.Send),
		verb("modem simulate", "ADDRESS", "be a simulated modem at tcp://ADDRESS, for `serve -modem` or any program that drives modems", radio.Simulate),
		verb("clock trust", "", "say that the computer's clock is right, where omsbox does not believe it", command.ClockTrust),
		verb("mms forget", "", "offer no multimedia messages until a modem has sent one again", command.MMSForget),
		verb("version", "", "say which omsbox this is", version),
	}
}

func main() {
	ctx, stop := command.UntilSignal(context.Background())
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	err := command.Run(ctx, verbs(), os.Args[1:])
	// What is wrong with the usage was told already, and who does not read any more needs no words.
	if err != nil && err != command.ErrUsage && !errors.Is(err, syscall.EPIPE) {
		fmt.Fprintln(os.Stderr, "omsbox:", err)
	}
	switch {
	case errors.Is(err, command.ErrUsage):
		os.Exit(2)
	case err != nil:
		os.Exit(1)
	}
}

// serving is what the flags of serve say.
type serving struct {
	data    *string
	log     func() *slog.Logger
	front   *front.Front
	devices command.List
}

// serviceFlags declares the flags of serve and reads them.
func serviceFlags(flags *flag.FlagSet, args []string) (*serving, error) {
	v := &serving{data: command.DataFlag(flags), log: radio.LogFlag(flags), front: front.FrontFlags(flags)}
	flags.Var(&v.devices, "modem", "a `device`: auto finds all there are; else /dev/serial/by-id/…, COM3, "+
		"tcp://host:port, or sim for a simulated one; may be repeated")
	if err := command.Parse(flags, args, 0, 0); err != nil {
		return v, err
	}
	for _, device := range v.devices.Values {
		if _, err := radio.Opener(device); device != "auto" && err != nil {
			return v, command.Misused(err)
		}
	}
	return v, command.Misused(v.front.Check())
}

func install(ctx context.Context, flags *flag.FlagSet, args []string) error {
	return front.Install(func(flags *flag.FlagSet, args []string) (*front.Front, error) {
		v, err := serviceFlags(flags, args)
		return v.front, err
	})(ctx, flags, args)
}

func doctor(ctx context.Context, flags *flag.FlagSet, args []string) error {
	relay := func(ctx context.Context, s *store.Store) store.Health {
		return mailer.New(s, slog.New(slog.DiscardHandler)).CheckRelay(ctx)
	}
	return front.Doctor(modem.Check, relay)(ctx, flags, args)
}

func serve(ctx context.Context, flags *flag.FlagSet, args []string) error {
	v, err := serviceFlags(flags, args)
	if err != nil {
		return err
	}
	return front.Serve(ctx, v.run)
}

// run opens what the flags name, and serves until ctx ends.
func (v *serving) run(ctx context.Context) error {
	log := store.SpellLog(*v.data, v.log())
	ways, err := v.front.Open(*v.data)
	if err != nil {
		return err
	}
	defer ways.Close()
	s, err := store.Create(ctx, *v.data, log)
	if err != nil {
		return err
	}
	defer s.Close()
	var finder *modem.Finder
	var modems []*modem.Modem
	for _, device := range v.devices.Values {
		if device == "auto" {
			finder = modem.NewFinder(log)
			continue
		}
		open, err := radio.Opener(device)
		if err != nil {
			return err
		}
		modems = append(modems, modem.New(s, device, open, log))
	}
	if len(v.devices.Values) == 0 {
		log.Warn("no modem was named: texts wait until `omsbox serve -modem auto` looks for one")
	}
	if text := front.Moves(s, ways.Front); text != "" {
		log.Warn(text)
	}
	log.Info("serving", "at", ways.Front.Origin, "data", *v.data, "modems", v.devices.String())
	return appliance(ctx, s, log, ways, nil, modems, finder)
}

// appliance runs the four sides over their rows until ctx ends. The store outlives them.
func appliance(ctx context.Context, s *store.Store, log *slog.Logger, ways front.Ways, demo *web.Demo,
	modems []*modem.Modem, finder *modem.Finder) error {
	var devices []string
	for _, m := range modems {
		devices = append(devices, m.Device)
	}
	if err := errors.Join(s.ServeModems(ctx, devices), s.SetFront(ctx, ways.Front)); err != nil {
		return err
	}
	keeper, err := ways.Keeper(s, log)
	if err != nil {
		return err
	}
	outlook := oms.New(s, log)
	pages, err := web.New(s, log, web.Config{OMS: outlook, OldOMS: outlook.OldPrograms(), Answers: oms.Answers, Certificates: keeper, Demo: demo})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	var encryption *tls.Config // of mail that comes in
	if keeper != nil {
		encryption = keeper.MailTLS()
		group.Go(func() error { return keeper.Run(ctx) })
	}
	group.Go(func() error { return pages.Run(ctx, ways.Doors) })
	group.Go(func() error { return mailer.New(s, log).Run(ctx) })
	if ways.SMTP != nil {
		group.Go(func() error { return mailer.NewSubmission(s, log, encryption).Run(ctx, ways.SMTP) })
	}
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
	submission := flags.String("smtp", "off", "the `address` at which mail programs hand over mail that becomes texts")
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
	ways, err := front.OpenPlain(*address, *submission)
	if err != nil && *address == usual {
		ways, err = front.OpenPlain("127.0.0.1:0", *submission)
	}
	if err != nil {
		return err
	}
	defer ways.Close()
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
	base := ways.Front.Origin
	fmt.Printf(`This is omsbox with a simulated mobile network. Nothing leaves this computer.

  Look at it:        %[1]s/demo
  What waits:        %[1]s/messages
  Address for OMS:   %[1]s%[2]s
  Account:           %[3]s, password %[4]s
  Mail relay:        smtp://%[5]s (the mailbox on the demo page)

  Send a text as Outlook does, from another terminal:

%[6]s
echo

Ctrl-C ends it.
`, base, web.OMSPath, login, password, post.Addr(), oms.Curl(base+web.OMSPath, login, password, number, "Hello from Outlook 😀"))
	if ways.SMTP != nil {
		fmt.Printf("Mail programs hand over mail that becomes texts at %s.\n", ways.Front.SMTP)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return mailbox.Serve(ctx, post) })
	group.Go(func() error {
		return appliance(ctx, s, log, ways,
			&web.Demo{Phone: sim, Mailbox: mailbox, Login: login, Password: password, Number: number}, []*modem.Modem{stick}, nil)
	})
	return group.Wait()
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
