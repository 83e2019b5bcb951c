// Package dns writes the TXT records that prove to a public CA that a name is ours, RFC 8555 8.4.
// That works behind any router. Each way to get a record into DNS is a small provider behind the
// two interfaces of libdns that certmagic asks for.
package dns

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/libdns/libdns"
)

// Provider adds and removes TXT records. There may be several at one name, told apart by their values.
type Provider interface {
	libdns.RecordAppender
	libdns.RecordDeleter
}

// Error is why a record could not be written, in words for people. It holds no secret.
type Error struct {
	Provider string // DuckDNS, Cloudflare, a server's or a program's name
	Err      error
}

func (e *Error) Error() string { return e.Provider + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// New returns the provider that words name: duckdns TOKEN, cloudflare TOKEN, rfc2136 SERVER KEY-NAME
// ALGORITHM SECRET, or exec PROGRAM. Its errors hold no secret.
func New(words string) (Provider, error) {
	switch w := strings.Fields(words); {
	case len(w) == 2 && w[0] == "duckdns":
		return newDuckDNS(w[1]), nil
	case len(w) == 2 && w[0] == "cloudflare":
		return newCloudflare(w[1]), nil
	case len(w) == 5 && w[0] == "rfc2136":
		return newRFC2136(w[1], w[2], w[3], w[4])
	case len(w) == 2 && w[0] == "exec":
		return newExec(w[1])
	}
	return nil, errors.New("write duckdns TOKEN, cloudflare TOKEN, rfc2136 SERVER KEY-NAME ALGORITHM SECRET, or exec PROGRAM")
}

// change adds or removes a TXT record: one value at a name, which has no dot at its end.
type change func(ctx context.Context, zone, name, value string) error

// each makes a change for all records of a zone. It returns those for which it was made.
func each(ctx context.Context, zone string, records []libdns.Record, change change) ([]libdns.Record, error) {
	for i, record := range records {
		r := record.RR()
		if r.Type != "TXT" {
			return records[:i], fmt.Errorf("a record of type %s: there are TXT records only", r.Type)
		}
		name := strings.TrimSuffix(libdns.AbsoluteName(r.Name, zone), ".")
		if err := change(ctx, zone, name, r.Data); err != nil {
			return records[:i], err
		}
	}
	return records, nil
}
