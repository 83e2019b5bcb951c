package command

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"omsbox/store"
	"omsbox/store/command"
	"omsbox/web"
	"omsbox/web/certificate"
)

// Front is what the command line says of the ways in.
type Front struct {
	hosts                                command.List
	https, http, legacy, smtp, cert, key string
	tls                                  string
	flags                                *flag.FlagSet // nil where none were declared
}

// FrontFlags declares the flags of the ways in.
func FrontFlags(flags *flag.FlagSet) *Front {
	f := &Front{flags: flags}
	flags.Var(&f.hosts, "host", "a `name` that people reach the box by, such as sms.example.org; may be repeated, the first one is shown to people")
	flags.StringVar(&f.https, "https", ":443", "the `address` to serve pages and OMS at with TLS")
	flags.StringVar(&f.http, "http", ":80", "the `address` that leads there from plain HTTP, or serves without TLS where -tls is off; off: none")
	flags.StringVar(&f.legacy, "https-legacy", "off", "the `address` to serve OMS alone at, with app passwords alone, "+
		"for the old TLS of Windows XP and 7")
	flags.StringVar(&f.smtp, "smtp", "off", "the `address` at which mail programs hand over mail that becomes texts, such as :587")
	flags.StringVar(&f.tls, "tls", "", "the `source` of certificates: acme, a public CA; local, a CA of the box's "+
		"own; files; or off; if it is not given, acme where a -host name is public, else local")
	flags.StringVar(&f.cert, "cert", "", "the PEM `file` with the certificate and those that vouch for it, for -tls files")
	flags.StringVar(&f.key, "key", "", "the PEM `file` with its key")
	return f
}

// Check refuses what does not fit together.
func (f *Front) Check() error {
	hosts, err := certificate.CheckHosts(f.hosts.Values)
	if err != nil {
		return err
	}
	f.hosts.Values = hosts
	f.tls = f.source()
	for _, address := range []*string{&f.https, &f.http, &f.legacy, &f.smtp} {
		*address = cmp.Or(*address, "off")
	}
	doors := []struct{ flag, address string }{{"-https", f.https}, {"-http", f.http}, {"-https-legacy", f.legacy}, {"-smtp", f.smtp}}
	if f.tls == "off" {
		doors = doors[1:]
	}
	for i, d := range doors {
		if d.address == "off" {
			continue
		}
		if err := checkAddress(d.address); err != nil {
			return fmt.Errorf("%s %w", d.flag, err)
		}
		_, port, _ := net.SplitHostPort(d.address)
		for _, other := range doors[:i] {
			if d.address == other.address && port != "0" {
				return fmt.Errorf("%s and %s are both %s: each needs a port of its own", other.flag, d.flag, d.address)
			}
		}
	}
	switch f.tls {
	case certificate.ACME, certificate.Local, certificate.Files:
		if f.https == "off" {
			return errors.New("-https off: then -tls must be off too, and everything goes over plain HTTP")
		}
	case "off":
		if f.http == "off" {
			return errors.New("-tls off needs an address to serve at: give one with -http")
		}
		if f.legacy != "off" {
			return errors.New("-https-legacy needs certificates: leave out -tls off")
		}
	default:
		return fmt.Errorf("-tls %s: write acme, local, files or off", f.tls)
	}
	if (f.tls == certificate.Files) != (f.cert != "" && f.key != "") || (f.cert == "") != (f.key == "") {
		if f.tls != certificate.Files {
			return fmt.Errorf("-cert and -key are for -tls files: leave them out, or leave out -tls %s", f.tls)
		}
		return errors.New("-tls files needs both -cert and -key")
	}
	if f.tls == certificate.ACME && !slices.ContainsFunc(f.hosts.Values, certificate.PublicName) {
		return errors.New("-tls acme needs a public name: give it with -host, such as -host sms.example.org")
	}
	return nil
}

// source is where certificates come from if -tls does not say it.
func (f *Front) source() string {
	switch {
	case f.tls != "":
		return f.tls
	case f.cert != "" || f.key != "":
		return certificate.Files
	case slices.ContainsFunc(f.hosts.Values, certificate.PublicName):
		return certificate.ACME
	}
	return certificate.Local
}

// Ways are the open ways in.
type Ways struct {
	web.Doors
	SMTP         net.Listener // nil where there is none
	Front        store.Front
	Certificates certificate.Config // without a Mode where TLS is off
}

// Open opens the ports: all of them, or none.
func (f *Front) Open(data string) (w Ways, err error) {
	if err := f.Check(); err != nil {
		return w, err
	}
	defer func() {
		if err != nil {
			w.Close()
		}
	}()
	https := f.https
	if f.tls == "off" {
		https = "off"
	}
	for _, door := range []struct {
		address  string
		listener *net.Listener
		told     *string
	}{
		{https, &w.HTTPS, &w.Front.HTTPS}, {f.http, &w.HTTP, &w.Front.HTTP}, {f.legacy, &w.Legacy, &w.Front.Legacy}, {f.smtp, &w.SMTP, &w.Front.SMTP},
	} {
		if door.address == "off" {
			continue
		}
		l, err := listen(door.address)
		if err != nil {
			return w, err
		}
		*door.listener, *door.told = l, l.Addr().String()
	}
	w.Front.Hosts, w.Front.TLS = f.hosts.Values, f.tls
	if w.Front.Flags, err = f.given(); err != nil {
		return w, err
	}
	w.Front.Origin = origin(w.Front)
	if f.tls != "off" {
		w.Certificates = certificate.Config{Mode: f.tls, Data: data, Hosts: f.hosts.Values, Cert: f.cert, Key: f.key,
			HTTP: w.Front.HTTP, HTTPS: w.Front.HTTPS}
	}
	return w, nil
}

// given are the flags that were given, by the command line or the environment, as -name=value. The data directory is
// not among them, and paths are whole.
func (f *Front) given() (all []string, err error) {
	if f.flags == nil {
		return nil, nil
	}
	f.flags.VisitAll(func(g *flag.Flag) {
		_, environ := os.LookupEnv(command.Variable(g.Name))
		if g.Name == "data" || !environ && !given(f.flags, g.Name) {
			return
		}
		value := g.Value.String()
		if (g.Name == "cert" || g.Name == "key") && value != "" {
			whole, wrong := filepath.Abs(value)
			err = errors.Join(err, wrong)
			value = whole
		}
		all = append(all, "-"+g.Name+"="+value)
	})
	return all, err
}

// planned is what Open will tell of the ways in, as far as that is known before the ports are open.
func (f *Front) planned() store.Front {
	at := func(address string) string {
		if a, err := net.ResolveTCPAddr("tcp", address); err == nil {
			return a.String()
		}
		return address
	}
	p := store.Front{Hosts: f.hosts.Values, TLS: f.tls, HTTPS: at(f.https), HTTP: at(f.http), Legacy: at(f.legacy)}
	p.Origin = origin(p)
	return p
}

// Moves says what it means for clients of OMS that a run with this Front leaves the addresses of the
// last one; "" where they can go on.
func Moves(s *store.Store, next store.Front) string {
	var moves []string
	if was, is, ok := s.Moved(next); ok {
		moves = append(moves, fmt.Sprintf("the address of this box was %s and becomes %s: to Outlook and SharePoint that "+
			"is another service, so each account has to be set up again with %s. "+
			"An old name that is still given, as another -host behind the new one, goes on at the same port", was, is, is+web.OMSPath))
	}
	_, was, _ := net.SplitHostPort(s.Front().Legacy) // no port where there is no such door
	_, is, _ := net.SplitHostPort(next.Legacy)
	switch origin, err := url.Parse(next.Origin); {
	case was == "" || was == is:
	case is == "" || err != nil:
		moves = append(moves, fmt.Sprintf("the port of -https-legacy was %s and is closed: the old programs that came by it find no service there", was))
	default:
		moves = append(moves, fmt.Sprintf("the port of -https-legacy was %s and becomes %s: to the old programs that "+
			"came by it that is another service, so each of their accounts has to be set up again with https://%s",
			was, is, net.JoinHostPort(origin.Hostname(), is)+web.OMSPath))
	}
	return strings.Join(moves, ". ")
}

// OpenPlain opens a port for pages and OMS without TLS, and one for mail unless that is "off".
func OpenPlain(http, smtp string) (Ways, error) {
	f := Front{https: "off", http: http, legacy: "off", smtp: smtp, tls: "off"}
	return f.Open("")
}

// Keeper prepares the certificates; nil without TLS.
func (w Ways) Keeper(s *store.Store, log *slog.Logger) (*certificate.Keeper, error) {
	if w.Front.TLS == "off" {
		return nil, nil
	}
	return certificate.New(s, log, w.Certificates)
}

// Close closes the ports.
func (w Ways) Close() {
	for _, l := range []net.Listener{w.HTTPS, w.HTTP, w.Legacy, w.SMTP} {
		if l != nil {
			l.Close()
		}
	}
}

// origin is where people find the box: its first name, else the address that it listens at, else the
// computer's own name.
func origin(f store.Front) string {
	scheme, usual, address := "https", "443", f.HTTPS
	if f.TLS == "off" {
		scheme, usual, address = "http", "80", f.HTTP
	}
	at, port, _ := net.SplitHostPort(address)
	var host string
	if ip, err := netip.ParseAddr(at); err == nil && !ip.IsUnspecified() {
		host = at
	} else if name, err := os.Hostname(); err == nil {
		host = strings.ToLower(name)
		if !strings.Contains(host, ".") {
			host += ".local" // RFC 6762
		}
	}
	if len(f.Hosts) > 0 {
		host = f.Hosts[0]
	}
	host = cmp.Or(host, "localhost")
	switch {
	case port != usual:
		host = net.JoinHostPort(host, port)
	case strings.Contains(host, ":"):
		host = "[" + host + "]"
	}
	return scheme + "://" + host
}
