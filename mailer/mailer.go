// Package mailer is the way to the mailbox. It decides whose a received text is (router), packages
// it as the mail that the OMS guidelines ask for (reply), tells of texts that did not arrive
// (notice), and hands every mail to the relay until the relay has taken it (queue). Nothing is
// kept in memory: what is to be mailed is a row, and is rendered the same at every try.
package mailer

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"sync"
	"time"

	"omsbox/store"
)

// Mailer routes received texts and hands mail to the relay that the setting mail.relay names.
type Mailer struct {
	// RootCAs vouch for the relay's certificate; nil: those of the system.
	RootCAs *x509.CertPool
	// Patience is how long the relay may take to answer a command, and half of what it may take to
	// answer for a whole mail. RFC 5321 4.5.3.2
	Patience time.Duration
	// Slow is how long the relay may take to answer before another connection carries the other mails, and
	// people are told that an answer is awaited.
	Slow time.Duration

	store *store.Store
	log   *slog.Logger
}

// New returns a Mailer over the rows of s. Its fields may be changed before Run.
func New(s *store.Store, log *slog.Logger) *Mailer {
	return &Mailer{Patience: 5 * time.Minute, Slow: 20 * time.Second, store: s, log: log.With("part", "mailer")}
}

// Run routes and mails until ctx ends. A mail that is being handed over then gets a little time to
// be taken, so that it need not be handed over twice. Run must not be called twice.
func (m *Mailer) Run(ctx context.Context) error {
	e := newEmergency(ctx, m) // before anything else: the database may be gone a moment later
	var loops sync.WaitGroup
	loops.Go(func() { m.route(ctx) })
	loops.Go(func() { m.deliver(ctx) })
	loops.Go(func() { e.guard(ctx) })
	loops.Wait()
	return nil
}

// storeRest is how long a loop rests when the store refuses it, as it does when the disk is full.
const storeRest = 5 * time.Second

// rest waits for d; false where ctx ended before.
func rest(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// catchAll returns the user that mail.catch-all names. why is the reason, in words for people and
// with what to do, where nobody's texts have nowhere to go.
func (m *Mailer) catchAll(ctx context.Context) (u store.User, why string, err error) {
	const remedy = ": `omsbox set mail.catch-all LOGIN` names somebody"
	login := m.store.Setting("mail.catch-all")
	if login == "" {
		return u, "mail.catch-all names nobody" + remedy, nil
	}
	u, err = m.store.UserByLogin(ctx, login)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return u, "mail.catch-all names " + login + ", who is no user" + remedy, nil
	case err == nil && u.Mail == "":
		return u, login + ", whom mail.catch-all names, has no mailbox" + remedy, nil
	}
	return u, "", err
}

// administrator returns a user to whom what concerns the box itself is told: the first administrator
// with a mailbox, else the user that mail.catch-all names. why is the reason where there is none.
func (m *Mailer) administrator(ctx context.Context) (u store.User, why string, err error) {
	admins, err := m.store.Administrators(ctx)
	if err != nil {
		return u, "", err
	}
	if len(admins) > 0 {
		return admins[0], "", nil
	}
	if u, why, err = m.catchAll(ctx); why != "" {
		why = "no administrator has a mailbox, and " + why
	}
	return u, why, err
}

// cannot logs what the store refused.
func (m *Mailer) cannot(what string, err error) {
	m.log.Log(context.Background(), store.LogLevel(err), "cannot "+what, "err", err)
}
