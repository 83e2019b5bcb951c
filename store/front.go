package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
)

// Front is how the service that runs, or ran last, can be reached.
type Front struct {
	Origin string   // the canonical one: https://sms.example.org, with its port unless it is the usual one
	Hosts  []string // the names that it was given, the canonical one first
	TLS    string   // where its certificates come from: acme, local, files, or off

	HTTPS, HTTP, Legacy, SMTP string // the address of each listener as host:port; "" where there is none

	Flags []string // of serve, as -name=value, without the data directory
}

// SetFront tells how this service can be reached. How the certificates of an earlier run were is
// forgotten: this one may have none.
func (s *Store) SetFront(ctx context.Context, f Front) error {
	return s.write(ctx, func(t *tx) error {
		if _, err := t.exec(`DELETE FROM health WHERE part = 'certificate'`); err != nil {
			return err
		}
		flags, err := json.Marshal(append([]string{}, f.Flags...))
		if err != nil {
			return err
		}
		_, err = t.exec(`INSERT INTO front (id, origin, hosts, tls, https, http, legacy, smtp, flags) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
			ON CONFLICT (id) DO UPDATE SET origin = ?1, hosts = ?2, tls = ?3, https = ?4, http = ?5, legacy = ?6, smtp = ?7, flags = ?8`,
			f.Origin, strings.Join(f.Hosts, ","), f.TLS, f.HTTPS, f.HTTP, f.Legacy, f.SMTP, string(flags))
		t.then(s.reloadNow)
		return err
	})
}

// Front returns how the service that runs, or ran last, can be reached; the zero Front before the
// first. Behind a proxy (http.proxies) people reach it over the proxy's TLS, by its first name.
func (s *Store) Front() Front {
	return s.behindProxy(*s.front.Load())
}

func (s *Store) behindProxy(f Front) Front {
	if f.TLS == "off" && len(f.Hosts) > 0 && s.Setting("http.proxies") != "" {
		f.Origin = "https://" + f.Hosts[0]
	}
	return f
}

// Moved returns the origin that the last run had and the one that a run with this Front will have,
// where clients that know the first cannot go on with it: each address is another service to them
// (serviceUri). ok is false where they can, or where nothing ran yet.
func (s *Store) Moved(next Front) (was, is string, ok bool) {
	next = s.behindProxy(next)
	was, is = s.Front().Origin, next.Origin
	before, err := url.Parse(was)
	after, wrong := url.Parse(is)
	if was == "" || err != nil || wrong != nil {
		return "", "", false
	}
	same := func(host string) bool { return strings.EqualFold(host, before.Hostname()) }
	kept := before.Scheme == after.Scheme && before.Port() == after.Port() && (same(after.Hostname()) || slices.ContainsFunc(next.Hosts, same))
	return was, is, !kept
}

func (s *Store) readFront(ctx context.Context) (Front, error) {
	f, err := one(ctx, s, func(r scanner) (f Front, err error) {
		var hosts, flags string
		if err := r.Scan(&f.Origin, &hosts, &f.TLS, &f.HTTPS, &f.HTTP, &f.Legacy, &f.SMTP, &flags); err != nil {
			return f, err
		}
		f.Hosts = words(hosts)
		if err := json.Unmarshal([]byte(flags), &f.Flags); err != nil {
			return f, err
		}
		if len(f.Flags) == 0 {
			f.Flags = nil // as it was given
		}
		return f, nil
	}, `SELECT origin, hosts, tls, https, http, legacy, smtp, flags FROM front`)
	if errors.Is(err, sql.ErrNoRows) {
		return Front{}, nil
	}
	return f, err
}
