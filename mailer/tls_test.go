package mailer_test

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"

	"omsbox/mailer"
)

func TestEncryptionAndSigningIn(t *testing.T) {
	t.Parallel()
	const secret = "p%40ss%3Aw%2Ford"
	for _, c := range []struct {
		name      string
		scheme    string // of mail.relay
		login     string // in mail.relay
		of        string // the name on the relay's certificate; "": none
		trusted   bool
		methods   []string // AUTH; nil: none
		encrypted bool
		refused   string // what health says; "": mail goes
	}{
		{name: "in the clear", scheme: "smtp"},
		{name: "STARTTLS where it is offered", scheme: "smtp", of: "127.0.0.1", trusted: true, encrypted: true},
		{name: "STARTTLS whoever certifies it", scheme: "smtp", of: "elsewhere.example.org", encrypted: true},
		{name: "STARTTLS and AUTH", scheme: "smtp", login: "ann:" + secret, of: "127.0.0.1", trusted: true, methods: []string{sasl.Plain}, encrypted: true},
		{name: "AUTH in the clear on this computer", scheme: "smtp", login: "ann:" + secret, methods: []string{sasl.Plain}},
		{name: "AUTH LOGIN", scheme: "smtp", login: "ann:" + secret, methods: []string{sasl.Login}},
		{name: "smtps", scheme: "smtps", of: "127.0.0.1", trusted: true, encrypted: true},
		{name: "smtps and AUTH", scheme: "smtps", login: "ann:" + secret, of: "127.0.0.1", trusted: true, methods: []string{sasl.Plain, sasl.Login}, encrypted: true},
		{name: "smtps whose certificate nobody vouches for", scheme: "smtps", login: "ann:" + secret, of: "127.0.0.1", refused: "does not prove who it is"},
		{name: "smtps of another name", scheme: "smtps", of: "elsewhere.example.org", trusted: true, refused: "does not prove who it is"},
		{name: "wrong password", scheme: "smtp", login: "ann:Tr0mbone", methods: []string{sasl.Plain}, refused: "refuses the user and password"},
		{name: "wrong password, LOGIN", scheme: "smtp", login: "ann:Tr0mbone", methods: []string{sasl.Login}, refused: "refuses the user and password"},
		{name: "no method that we know", scheme: "smtp", login: "ann:Tr0mbone", methods: []string{"CRAM-MD5"}, refused: "no way to sign in"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBox(t)
			var log bytes.Buffer
			b.m = mailer.New(b.Store, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug - 8})))
			l, err := net.Listen("tcp", "127.0.0.1:0")
			check(t, err)
			address := l.Addr().String()
			var certified *tls.Config
			if c.of != "" {
				config, pool := certificate(t, c.of)
				certified = config
				if c.trusted {
					b.m.RootCAs = pool
				}
				if c.scheme == "smtps" {
					l = tls.NewListener(l, config)
				}
			}
			r := relayOn(t, l, func(r *relay) {
				if c.scheme == "smtp" {
					r.server.TLSConfig = certified
				}
				if c.methods != nil {
					r.user, r.methods = "ann", c.methods
				}
			})
			login := c.login
			if login != "" {
				login += "@"
			}
			b.relayTo(c.scheme+"://"+login+address, "A quiet word")
			stop := b.run()
			if c.refused != "" {
				b.until("health tells", func() bool { return strings.Contains(b.health().Text, c.refused) })
			} else {
				got := r.next()
				if got.encrypted != c.encrypted || (got.user != "") != (c.methods != nil) || got.helo != "box.example.org" {
					t.Errorf("encrypted %v, signed in as %q, EHLO %s", got.encrypted, got.user, got.helo)
				}
				b.until("nothing waits", func() bool { return b.backlog().MailQueued == 0 })
			}
			stop()
			for _, secret := range []string{"p@ss", "p%40ss", "Tr0mbone", "A quiet word"} {
				if strings.Contains(log.String(), secret) || strings.Contains(b.health().Text, secret) {
					t.Errorf("%q is in the log or in health:\n%s\n%s", secret, log.String(), b.health().Text)
				}
			}
		})
	}
}
