package mailer_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// refuses is a relay's rule against one sender.
func refuses(sender string) func(from string) error {
	return func(from string) error {
		if from == sender {
			return &smtp.SMTPError{Code: 553, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "not owned"}
		}
		return nil
	}
}

func TestTheRelayIsCheckedWithoutAMail(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { silent.Close() })
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	check(t, gone.Close())
	for _, c := range []struct {
		name     string
		setting  func(url string) string
		change   func(*relay)
		patience time.Duration
		ok       bool
		text     string
	}{
		{name: "it takes mail", ok: true, text: "takes mail from here"},
		{name: "it knows the password", ok: true, text: "and knows the user and password",
			setting: func(url string) string { return strings.Replace(url, "//", "//ann:p%40ss%3Aw%2Ford@", 1) }, change: func(r *relay) { r.user = "ann" }},
		{name: "it wants a password", text: "it may want user and password",
			change: func(r *relay) { r.mail = func(int) error { return smtp.ErrAuthRequired } }},
		{name: "the password is wrong", text: "refuses the user and password",
			setting: func(url string) string { return strings.Replace(url, "//", "//ann:Tr0mbone@", 1) }, change: func(r *relay) { r.user = "ann" }},
		{name: "it takes no mail from ann", text: "does not let this box send as ann@box.example.org: SMTP error 553: not owned. Mail is held",
			change: func(r *relay) { r.from = refuses("ann@box.example.org") }},
		{name: "it takes no mail from nobody", text: "does not let this box send as <>: ",
			change: func(r *relay) { r.from = refuses("") }},
		{name: "it takes mail from its account alone", ok: true, text: ", from box@example.org",
			setting: func(url string) string { return strings.Replace(url, "//", "//box%40example.org:p%40ss%3Aw%2Ford@", 1) },
			change:  func(r *relay) { r.user, r.from = "box@example.org", refuses("ann@box.example.org") }},
		{name: "nobody is there", text: "cannot be reached", setting: func(string) string { return "smtp://" + gone.Addr().String() }},
		{name: "it says nothing", text: "does not take mail from here", patience: 50 * time.Millisecond,
			setting: func(string) string { return "smtp://" + silent.Addr().String() }},
		{name: "none is set", text: "omsbox set mail.relay", setting: func(string) string { return "" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t)
			r := newRelay(t)
			if c.change != nil {
				r = newRelay(t, c.change)
			}
			setting := r.url()
			if c.setting != nil {
				setting = c.setting(setting)
			}
			check(t, b.Set(t.Context(), "mail.relay", setting))
			if c.patience != 0 {
				b.m.Patience = c.patience
			}
			h := b.m.CheckRelay(t.Context())
			if h.OK != c.ok || !strings.Contains(h.Text, c.text) || h.Part != "mail relay" {
				t.Errorf("%+v, want ok %v and %q", h, c.ok, c.text)
			}
			if strings.Contains(h.Text, "Tr0mbone") {
				t.Errorf("it tells the password: %s", h.Text)
			}
			r.none()
		})
	}
	t.Run("the person does not want to wait", func(t *testing.T) {
		t.Parallel()
		b := newBox(t)
		check(t, b.Set(t.Context(), "mail.relay", "smtp://"+silent.Addr().String()))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if h := b.m.CheckRelay(ctx); h.OK || !strings.Contains(h.Text, "too long") {
			t.Errorf("%+v", h)
		}
	})
}
