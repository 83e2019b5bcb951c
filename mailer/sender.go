package mailer

import (
	"context"
	"sync/atomic"

	"omsbox/store/condition"
)

// guise is as whom mail is handed over.
type guise struct {
	address string // in the From field and the reverse-path; "": each user's own address
	notices bool   // the reverse-path of notices and alarms is address too, and not the null one
}

// guises are those that may be used with a relay, the best first. A relay of a provider often lets an account
// send as the account alone: mail.from names the address for that, and without mail.from it is the relay's
// user where that is an address. The null reverse-path is kept as long as the relay takes it. RFC 5321 4.5.5
func guises(from string, r relay) []guise {
	if from != "" {
		return []guise{{from, false}, {from, true}}
	}
	all := []guise{{}}
	if account, why := mailbox(r.user); why == "" {
		all = append(all, guise{account, false}, guise{account, true})
	}
	return all
}

// wear makes a guise's the addresses that an addressee is written from.
func (g guise) wear(to addressee) addressee {
	if g.address != "" {
		to.own, to.from = g.address, g.address
	}
	return to
}

// path is the reverse-path of a letter that is to have another one.
func (g guise) path(l letter) letter {
	if l.from == "" && g.notices {
		l.from = g.address
	}
	return l
}

// mostProved is how many senders are tried when a relay is looked at.
const mostProved = 50

// senderRefusal is what a relay answered about a sender.
type senderRefusal struct {
	sender, reason string
}

// condition is what people are told of it.
func (f senderRefusal) condition(r relay) condition.Condition {
	sender := f.sender
	if sender == "" {
		sender = "<>"
	}
	return condition.New(condition.RelayRefusesSender, "relay", r.address, "sender", sender, "answer", f.reason)
}

// prove connects to the relay and sees whether it would take a mail from the senders that the box has. No
// mail is sent. It returns as whom mail can be handed over: worn is the first of the guises in which no
// sender is refused, or else 0 with the refusals. A relay may refuse a sender only when it has a whole mail.
func (m *Mailer) prove(ctx context.Context, awaits *atomic.Int64, r relay, guises []guise, again bool) (worn int, refusals []senderRefusal, err error) {
	conn, err := m.connect(ctx, r, awaits)
	if err != nil {
		return 0, nil, err
	}
	defer conn.close(true)
	for i, g := range guises {
		senders, err := m.senders(ctx, g)
		if err != nil {
			return 0, nil, err
		}
		if again {
			senders = senders[len(senders)-1:]
		}
		found, ended, err := conn.try(r, senders)
		if err != nil {
			return 0, nil, err
		}
		if ended || len(found) == 0 {
			return i, nil, nil
		}
		if i == 0 {
			refusals = found
		}
	}
	return 0, refusals, nil
}

// senders are the reverse-paths that mail has in a guise.
func (m *Mailer) senders(ctx context.Context, g guise) ([]string, error) {
	if g.address != "" && g.notices {
		return []string{g.address}, nil
	}
	if g.address != "" {
		return []string{g.address, ""}, nil
	}
	users, err := m.store.Mailboxes(ctx, mostProved)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, u := range users {
		all = append(all, m.store.Address(u))
	}
	return append(all, ""), nil
}

// try asks the relay about each sender. ended reports that the relay wants no more questions.
func (c *connection) try(r relay, senders []string) (found []senderRefusal, ended bool, err error) {
	for _, sender := range senders {
		l := letter{from: sender}
		err := c.client.Mail(sender, nil)
		c.awaits.Store(0)
		if err != nil {
			if replyCode(err) == 0 || replyCode(err) == 421 {
				return found, true, nil
			}
			result := judge(commandMail, l, err)
			switch {
			case isBarred(err), result == wrongBox && replyCode(err) != 552:
				return nil, false, bars(r, err)
			case result == wrongSender:
				found = append(found, senderRefusal{sender, oneLine(err.Error())})
			}
			// Any other answer is about this moment.
		}
		if err := c.client.Reset(); err != nil {
			return found, true, nil
		}
		c.awaits.Store(0)
	}
	return found, false, nil
}
