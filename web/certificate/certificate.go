// Package certificate is where the box's TLS certificates come from: a public CA by ACME, a CA of
// the box's own, or files. It keeps them fresh, and hands them to every listener that speaks TLS.
//
//	hello ──▶ Keeper ──▶ acme    a public name that a public CA has vouched for
//	                └──▶ local   every other name, the box's addresses, and a public name until then
//	                └──▶ files   instead of both
package certificate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"omsbox/store"
)

// Where certificates come from.
const (
	ACME  = "acme"  // a public CA, RFC 8555; the box's own until it has answered
	Local = "local" // the box's own CA
	Files = "files" // a PEM pair that somebody else keeps
)

// Config is what the command line says.
type Config struct {
	Mode      string   // ACME, Local or Files
	Data      string   // the data directory
	Hosts     []string // the names of the box, the canonical one first; may be empty with Local
	Cert, Key string   // the PEM files, with Files

	HTTP, HTTPS string // the addresses of the listeners that challenges reach us at; "" where there is none
}

// source gives certificates.
type source interface {
	// certificate returns the one that answers a hello; errNone where this source has none for it.
	certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error)
	// run keeps the certificates fresh until ctx ends.
	run(ctx context.Context) error
	// status says how the certificates are, for people: which names, from whom, until when; or what
	// is wrong and what to do. "" where there is nothing to say.
	status() (ok bool, text string)
	// public says whether a public CA vouches for that name.
	public(host string) bool
}

var errNone = errors.New("no certificate for this name")

// Keeper keeps the certificates. It is made by New and run once.
type Keeper struct {
	log     *slog.Logger
	store   *store.Store
	hosts   []string
	acme    *acme  // nil without ACME
	local   *local // nil with Files
	own     source // local or files: it has a certificate for whoever asks
	sources []source
}

// New prepares the certificates; it makes what can be made at once, and asks nobody outside.
func New(s *store.Store, log *slog.Logger, config Config) (*Keeper, error) {
	hosts, err := CheckHosts(config.Hosts)
	if err != nil {
		return nil, err
	}
	config.Hosts = hosts
	k := &Keeper{log: log.With("part", "certificates"), store: s, hosts: hosts}
	switch config.Mode {
	case Files:
		f, err := newFiles(s, k.log, config)
		if err != nil {
			return nil, err
		}
		k.own, k.sources = f, []source{f}
		return k, nil
	case ACME:
		if len(config.Hosts) == 0 {
			return nil, errors.New("a public CA vouches for names only: give the box's with -host, such as -host sms.example.org")
		}
		a, err := newACME(s, k.log, config)
		if err != nil {
			return nil, err
		}
		k.acme = a
		k.sources = append(k.sources, a)
	case Local:
	default:
		return nil, fmt.Errorf("-tls %s: write acme, local, files or off", config.Mode)
	}
	l, err := newLocal(s, k.log, config)
	if err != nil {
		return nil, err
	}
	k.local, k.own = l, l
	k.sources = append(k.sources, l)
	return k, nil
}

// Run keeps the certificates fresh until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, s := range k.sources {
		group.Go(func() error { return s.run(ctx) })
	}
	group.Go(func() error { return k.tell(ctx) })
	return group.Wait()
}

// tellEvery is how often the sources are asked how they are.
const tellEvery = time.Second

// tell keeps the row that says how the certificates are.
func (k *Keeper) tell(ctx context.Context) error {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	var told string
	for {
		ok, text := k.status()
		if now := fmt.Sprint(ok, text); now != told {
			switch err := k.store.SetHealth(ctx, "certificate", ok, text); {
			case ctx.Err() != nil:
				return nil
			case err != nil:
				k.log.Error("how the certificates are could not be stored", "err", err)
			default:
				told = now
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// status is what all sources say, what is wrong first.
func (k *Keeper) status() (ok bool, text string) {
	var wrong, fine []string
	for _, s := range k.sources {
		switch ok, text := s.status(); {
		case text == "":
		case ok:
			fine = append(fine, text)
		default:
			wrong = append(wrong, text)
		}
	}
	return len(wrong) == 0, strings.Join(append(wrong, fine...), "; ")
}

// Root returns the certificate of the box's own CA; ok is false where there is none (Files).
func (k *Keeper) Root() (r Root, ok bool) {
	if k.local == nil {
		return Root{}, false
	}
	return k.local.issuers.Load().Root, true
}

// Challenge answers what a public CA asks over plain HTTP (RFC 8555 8.3), and leaves the rest to next.
func (k *Keeper) Challenge(next http.Handler) http.Handler {
	if k.acme == nil {
		return next
	}
	return k.acme.challenge(next)
}
