package command

import (
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"omsbox/store"
	"omsbox/store/command"
	"omsbox/web/certificate"
)

// ShowRoot prints the root of the box's own CA.
func ShowRoot(ctx context.Context, flags *flag.FlagSet, args []string) error {
	data := command.DataFlag(flags)
	if err := command.Parse(flags, args, 0, 0); err != nil {
		return err
	}
	return withStore(ctx, *data, func(s *store.Store) error { return showRoot(os.Stdout, s) })
}

// NewRoot replaces the root of the box's own CA, after asking.
func NewRoot(ctx context.Context, flags *flag.FlagSet, args []string) error {
	data := command.DataFlag(flags)
	yes := flags.Bool("yes", false, "do not ask")
	if err := command.Parse(flags, args, 0, 0); err != nil {
		return err
	}
	return withStore(ctx, *data, func(s *store.Store) error {
		old, err := certificate.ReadRoot(s.Dir())
		if errors.Is(err, os.ErrPermission) {
			return err
		}
		if !*yes && !errors.Is(err, fs.ErrNotExist) {
			fmt.Println("Each computer and phone that trusts this box's root trusts the old one. With a new one, all of them warn,\n" +
				"and Outlook does not send, until somebody has made each of them trust the new one. The old one,")
			if err == nil {
				fmt.Println("  " + old.Fingerprint)
			}
			fmt.Println("is kept aside, but not used any more.")
			answer, err := command.Ask(ctx, "Type yes to make a new root: ")
			if err != nil {
				return err
			}
			if answer != "yes" {
				return fmt.Errorf("%q was typed, not yes: nothing was done", answer)
			}
		}
		if err := certificate.NewRoot(s.Dir(), s.Front().Hosts); err != nil {
			return err
		}
		// A running service looks again when a row has changed.
		if err := s.SetHealth(ctx, "certificate", true, "this box's own CA has a new root, which each computer must trust"); err != nil {
			return err
		}
		fmt.Println("This box has a new root:")
		return showRoot(os.Stdout, s)
	})
}

func withStore(ctx context.Context, dir string, do func(*store.Store) error) error {
	s, err := store.Open(ctx, filepath.Clean(dir), slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.Close())
}

func showRoot(out io.Writer, s *store.Store) error {
	root, err := certificate.ReadRoot(s.Dir())
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("this box has no CA of its own: it makes one when it serves with -tls local, or with -tls acme")
	}
	if err != nil {
		return err
	}
	c, err := x509.ParseCertificate(root.DER)
	if err != nil {
		return err
	}
	front := s.Front()
	line := func(what, text string) { fmt.Fprintf(out, "%-12s %s\n", what, text) }
	line("name", c.Subject.CommonName)
	line("fingerprint", root.Fingerprint+" (SHA-256)")
	line("valid", c.NotBefore.Format("2 January 2006")+" to "+c.NotAfter.Format("2 January 2006"))
	var names, networks []string
	for _, n := range root.Names {
		if _, err := netip.ParsePrefix(n); err == nil {
			networks = append(networks, n)
		} else {
			names = append(names, n)
		}
	}
	line("vouches for", strings.Join(names, ", "))
	if len(networks) > 0 {
		line("", "and the addresses "+strings.Join(networks, ", "))
	}
	line("", "for nothing else: who trusts it trusts this box alone")
	line("file", filepath.Join(s.Dir(), "ca", "root.pem")+", which holds the secret key too: give it to nobody")
	switch {
	case front.TLS == certificate.Files || front.TLS == "off":
		line("get it", "it is not in use with -tls "+front.TLS)
	case front.HTTP != "":
		line("get it", "http://"+site(front, front.HTTP, "80")+"/trust, which tells how to trust it")
	case front.Origin != "":
		line("get it", front.Origin+"/trust, which tells how to trust it")
	default:
		line("get it", "the page /trust of this box has it, and tells how to trust it")
	}
	return nil
}
