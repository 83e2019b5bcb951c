package mailer

import (
	"context"
	"sync/atomic"
	"time"

	"omsbox/store"
	"omsbox/store/condition"
)

// checkPatience is how long each answer of the relay is awaited in a check, for which a person waits.
const checkPatience = 10 * time.Second

// CheckRelay connects to the relay that the setting mail.relay names, greets it, encrypts, signs in,
// sees whether it would take a mail from each user, and hangs up; no mail is sent. The text says what was
// seen, or what is wrong and what to do. It may be called whether or not Run runs.
func (m *Mailer) CheckRelay(ctx context.Context) store.Health {
	h := store.Health{Part: store.MailRelay}
	setting := m.store.Setting("mail.relay")
	if setting == "" {
		h.Text = "none is set, so no reply reaches a mailbox: `omsbox set mail.relay smtps://USER:PASSWORD@HOST`"
		return h
	}
	r, err := parseRelay(setting)
	if err != nil {
		h.Text = err.Error()
		return h
	}
	hurried := *m
	hurried.Patience = min(m.Patience, checkPatience)
	ctx, cancel := context.WithTimeout(ctx, 3*checkPatience)
	defer cancel()
	all := guises(m.store.Setting("mail.from"), r)
	worn, refusals, err := hurried.prove(ctx, new(atomic.Int64), r, all, false)
	switch {
	case err != nil && ctx.Err() != nil:
		h.Text = r.address + " takes too long to answer; check mail.relay and the network"
	case err != nil:
		h.Text = oneLine(err.Error())
	case len(refusals) > 0:
		h.Condition = refusals[0].condition(r)
		h.Text = h.Condition.Words()
	case all[worn].address != "":
		h.OK, h.Condition = true, condition.New(condition.RelayTakesAs, "relay", r.address, "sender", all[worn].address)
		h.Text = h.Condition.Words()
	case r.user != "":
		h.OK, h.Text = true, r.address+" takes mail from here, and knows the user and password"
	default:
		h.OK, h.Text = true, r.address+" takes mail from here"
	}
	return h
}
