package certificate

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"

	"omsbox/store"
)

// local is the box's own CA.
type local struct{}

func newLocal(s *store.Store, log *slog.Logger, config Config) (*local, error) {
	return nil, errors.New("local: not built yet")
}

func (l *local) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return nil, errNone
}

func (l *local) run(ctx context.Context) error { <-ctx.Done(); return nil }

// Root is the certificate of the box's own CA, for people to trust.
type Root struct {
	DER         []byte
	Fingerprint string   // SHA-256, as A1:B2:…
	Names       []string // what it may vouch for: names and networks
}

// Root returns the certificate of the box's own CA; ok is false where there is none (Files).
func (k *Keeper) Root() (r Root, ok bool) { return Root{}, false }
