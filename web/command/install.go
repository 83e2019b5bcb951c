package command

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"omsbox/store"
	"omsbox/store/command"
	"omsbox/web/certificate"
)

// plan is what is to be installed.
type plan struct {
	program string   // where the program will lie
	data    string   // the data directory, whole
	args    []string // flags of serve
	reads   []string // files that the service must be able to read
}

// system is the part of an operating system that starts services.
type system interface {
	// program is where the service's program belongs.
	program() string
	// installed returns the flags that the service is started with; none where it is not installed.
	installed() (args []string, err error)
	// install puts the program in its place, makes the service, in place of the one that was there,
	// and starts it. It says what it does.
	install(ctx context.Context, p plan, say func(what, text string)) error
	// failing returns what the service has said since some time, and whether it is known that it
	// could not start.
	failing(ctx context.Context, since time.Time) (text string, failed bool)
	// uninstall stops the service and removes it with its program.
	uninstall(ctx context.Context, program string, say func(what, text string)) error
	// forget removes the service's user, if install made one.
	forget(ctx context.Context) error
	// log is the command that shows the service's log, and restart the one that starts it anew.
	log() string
	restart() string
}

// Install returns the command that makes this very program a service of the computer. parse declares
// the flags of serve, reads them from args and refuses what serve would refuse; it changes nothing.
func Install(parse func(flags *flag.FlagSet, args []string) (*Front, error)) func(context.Context, *flag.FlagSet, []string) error {
	return func(ctx context.Context, flags *flag.FlagSet, args []string) error {
		ways, err := parse(flags, args)
		if err != nil {
			return err
		}
		if err := needRoot("install", args); err != nil {
			return err
		}
		sys, err := thisSystem()
		if err != nil {
			return err
		}
		kept, err := sys.installed()
		if err != nil && len(args) == 0 {
			return fmt.Errorf("which flags the service is to keep cannot be told: %w; give all that it is to have", err)
		}
		if len(args) == 0 && len(kept) > 0 {
			flags = flag.NewFlagSet(flags.Name(), flag.ContinueOnError)
			if ways, err = parse(flags, kept); err != nil {
				return fmt.Errorf("the flags that the service has, %s, do not hold any more: %v; give the ones that it is to have", strings.Join(kept, " "), err)
			}
			fmt.Printf("The service keeps its flags: %s\n", strings.Join(kept, " "))
			args = kept
		}
		p, err := newPlan(flags, args, sys.program())
		if err != nil {
			return err
		}
		if text := moving(ctx, p.data, ways, kept); text != "" {
			fmt.Print(text)
		}
		began := time.Now()
		if err := sys.install(ctx, p, say); err != nil {
			return err
		}
		front, err := awaitService(ctx, sys, p, began)
		if err != nil {
			return err
		}
		fmt.Print(next(front, p, given(flags, "modem"), sys.log()))
		return nil
	}
}

// moving warns, before anything is changed, where clients will not find the service any more by the
// address that they know; kept are the flags that it has until now. Nothing is asked: whoever did not
// mean it can go back. A database that this program cannot read yet has the service itself say so.
func moving(ctx context.Context, dir string, ways *Front, kept []string) string {
	if !command.HoldsDatabase(dir) {
		return ""
	}
	s, err := store.Open(ctx, dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return ""
	}
	defer s.Close()
	text := Moves(s, ways.planned())
	if text == "" {
		return ""
	}
	if text = "Mind: " + text + ".\n"; len(kept) > 0 {
		text += "To go back, install with the flags that the service has had: " + strings.Join(kept, " ") + "\n"
	}
	return text
}

// say tells a step that was done.
func say(what, text string) { fmt.Printf("  %-9s %s\n", what, text) }

// newPlan makes a plan of flags that were read from args.
func newPlan(flags *flag.FlagSet, args []string, program string) (plan, error) {
	p := plan{program: program, data: store.SystemData()}
	named := false
	var relative error
	flags.VisitAll(func(f *flag.Flag) {
		_, environ := os.LookupEnv(command.Variable(f.Name))
		typed := given(flags, f.Name)
		if environ && !typed {
			p.args = append(p.args, "-"+f.Name+"="+f.Value.String()) // the service will not have the variable
		}
		if !environ && !typed {
			return
		}
		path := f.Value.String()
		switch f.Name {
		case "data":
			p.data, named = filepath.Clean(path), true
		case "cert", "key":
			p.reads = append(p.reads, path)
		default:
			return
		}
		if !filepath.IsAbs(path) {
			relative = notWhole(f.Name, path)
		}
	})
	if relative != nil {
		return p, relative
	}
	p.args = append(p.args, args...)
	return p, checkData(p.data, named)
}

func notWhole(name, path string) error {
	whole, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	return fmt.Errorf("-%s %s: a service is not started in this directory; write -%s %s", name, path, name, store.Quoted(whole))
}

// checkData refuses a data directory that holds other things, since all in it will belong to the
// service; and to begin again while there is a database of a run by hand.
func checkData(dir string, named bool) error {
	here, err := filepath.Abs(store.DataHere)
	if err != nil {
		return err
	}
	if !named && !command.HoldsDatabase(dir) && command.HoldsDatabase(here) && here != dir {
		return fmt.Errorf("there is a database here that omsbox made when it was started by hand. To go on with it, stop "+
			"that omsbox and type: sudo mv %s %s\nTo begin again, type: mv %s %s.old\nThen install again",
			store.Quoted(here), store.Quoted(dir), store.Quoted(here), store.Quoted(here))
	}
	return ownDirectory(dir)
}

// ownDirectory refuses a directory that is not there for omsbox alone.
func ownDirectory(dir string) error {
	if filepath.Dir(dir) == dir {
		return fmt.Errorf("%s is everybody's: name a directory for omsbox alone", dir)
	}
	if home, err := os.UserHomeDir(); err == nil && home == dir || isHome(dir) {
		return fmt.Errorf("%s is somebody's home: name a directory for omsbox alone, such as %s", dir, filepath.Join(dir, store.DataHere))
	}
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("data directory: %w", err)
	case command.HoldsDatabase(dir), len(entries) == 0, len(entries) == 1 && entries[0].Name() == "lost+found":
		return nil
	}
	return fmt.Errorf("%s holds other things than omsbox's: name a directory for omsbox alone, such as %s", dir, filepath.Join(dir, store.DataHere))
}

// place copies this program to where the service's belongs, so that at every moment the old one or
// the new one lies there, whole. It does nothing where this one is it.
func place(program string, say func(what, text string)) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	source, err := os.Open(self)
	if err != nil {
		return err
	}
	defer source.Close()
	mine, err := source.Stat()
	if err != nil {
		return err
	}
	if there, err := os.Stat(program); err == nil && os.SameFile(mine, there) {
		say("program", program+" is this one")
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		return err
	}
	if err := replace(program, 0o755, source); err != nil {
		return fmt.Errorf("copy the program: %w", err)
	}
	say("program", program)
	return nil
}

const (
	// serveWithin is how long a service that was started may take until it can be reached: a
	// Raspberry Pi Zero needs seconds for its first keys.
	serveWithin = 45 * time.Second
	// steadyFor is how long it must have gone well to be believed.
	steadyFor = 2 * time.Second
)

// awaitService waits until the service can be reached that was started after began.
func awaitService(ctx context.Context, sys system, p plan, began time.Time) (store.Front, error) {
	var since time.Time
	for {
		text, failed := sys.failing(ctx, began)
		switch {
		case !store.Serves(p.data) || failed:
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
		case time.Since(since) >= steadyFor:
			if front, open := reached(ctx, p.data); open {
				return front, nil
			}
			since = time.Now()
		}
		if failed || time.Since(began) > serveWithin {
			return store.Front{}, fmt.Errorf("it is installed, but does not serve. What it says:\n\n%s\n\nPut that right; "+
				"it is started again every few seconds. Its log: %s", cmp.Or(text, "(nothing)"), sys.log())
		}
		select {
		case <-ctx.Done():
			return store.Front{}, errors.New("interrupted: the service is installed, and `omsbox doctor` tells how it is")
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// reached says whether all ports of the service that runs from dir are open.
func reached(ctx context.Context, dir string) (store.Front, bool) {
	s, err := store.Open(ctx, dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return store.Front{}, false
	}
	defer s.Close()
	front := s.Front()
	for _, address := range []string{front.HTTPS, front.HTTP, front.Legacy, front.SMTP} {
		if address == "" {
			continue
		}
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", inside(address))
		if err != nil {
			return front, false
		}
		conn.Close()
	}
	return front, front.Origin != ""
}

// inside is the address at which this computer itself reaches a listener.
func inside(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || host != "" && (ip == nil || !ip.IsUnspecified()) {
		return address
	}
	return net.JoinHostPort("localhost", port)
}

// next says what to do after the installation.
func next(front store.Front, p plan, modem bool, log string) string {
	sudo, at, end, me := "sudo ", "", "Ctrl-D", called(p.program)
	if runtime.GOOS == "windows" {
		sudo, end = "", "Ctrl-Z, Enter"
	}
	if p.data != store.SystemData() {
		at = " -data " + store.Quoted(p.data)
	}
	here := "./" + name
	if runtime.GOOS == "windows" {
		here = name + ".exe"
	}
	var b strings.Builder
	line := func(what, text string) { fmt.Fprintf(&b, "  %-14s %s\n", what, text) }
	fmt.Fprintf(&b, "\nomsbox runs, and starts by itself with this computer.\n\n")
	line("Open", front.Origin)
	if front.TLS == certificate.Local && front.HTTP != "" {
		line("", "a browser warns until it trusts this box: http://"+site(front, front.HTTP, "80")+"/trust tells how")
	}
	if front.TLS == certificate.ACME {
		line("", "a browser warns until the certificate has come, which takes a minute if nothing hinders it")
	}
	if !modem {
		line("Use a modem", withModem(me, p.args))
	}
	line("Add yourself", sudo+me+" user add"+at+" -admin -mail YOU@EXAMPLE.ORG YOURNAME")
	line("Get replies", sudo+me+" set"+at+" mail.relay -")
	line("", "then type smtps://USER:PASSWORD@YOUR.MAIL.SERVER, Enter, and "+end)
	line("Is all well?", sudo+me+" doctor"+at)
	line("Its log", log)
	line("Its data", p.data)
	line("A new version", "copy it to this computer, and there: "+sudo+here+" install")
	return b.String()
}

// withModem is the command that gives the service its modem, beside the flags that it has. program is
// as called returns it.
func withModem(program string, args []string) string {
	words := []string{"sudo", program, "install", "-modem", "auto"}
	if runtime.GOOS == "windows" {
		words = words[1:]
	}
	for _, a := range args {
		words = append(words, store.Quoted(a))
	}
	return strings.Join(words, " ")
}

// site is how a browser names one of the listeners.
func site(front store.Front, address, usual string) string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	} else if !strings.Contains(host, ".") {
		host += ".local"
	}
	if len(front.Hosts) > 0 {
		host = front.Hosts[0]
	}
	at, port, err := net.SplitHostPort(address)
	if err != nil {
		return host
	}
	if ip := net.ParseIP(at); ip != nil && !ip.IsUnspecified() && len(front.Hosts) == 0 {
		host = at
	}
	if port == usual {
		if strings.Contains(host, ":") {
			return "[" + host + "]"
		}
		return host
	}
	return net.JoinHostPort(host, port)
}
