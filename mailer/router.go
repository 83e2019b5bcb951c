package mailer

import (
	"context"
	"errors"
	"time"

	"omsbox/store"
)

// route gives every received message to the user whose it is, and has what is overdue handed on. It
// ends with ctx.
func (m *Mailer) route(ctx context.Context) {
	arrived, settings := m.store.Subscribe(store.Arrived), m.store.Subscribe(store.Settings)
	defer arrived.Close()
	defer settings.Close()
	if err := m.routeNobodys(ctx); err != nil && ctx.Err() == nil {
		m.cannot("route what was nobody's", err)
	}
	for {
		var due <-chan time.Time
		wait, waits, err := m.store.Overdue(ctx)
		if err == nil {
			err = m.routeAll(ctx)
		}
		switch {
		case err != nil && ctx.Err() == nil:
			m.cannot("route what came in", err)
			due = time.After(storeRest)
		case waits:
			due = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return
		case <-arrived.C:
		case <-due:
		case <-settings.C:
			if err := m.routeNobodys(ctx); err != nil && ctx.Err() == nil {
				m.cannot("route what was nobody's", err)
			}
		}
	}
}

// routeAll decides every message that is not decided yet.
func (m *Mailer) routeAll(ctx context.Context) error {
	for {
		messages, err := m.store.Unrouted(ctx)
		if err != nil || len(messages) == 0 {
			return err
		}
		for _, in := range messages {
			owners, why, err := m.owners(ctx, in)
			switch {
			case err != nil:
			case why == "":
				err = m.store.Mailed(ctx, in.ID, owners...)
			default:
				owner := int64(0)
				if len(owners) > 0 {
					owner = owners[0]
				}
				m.log.Warn("a message can be mailed to nobody", "incoming", in.ID, "reason", why)
				err = m.store.Unmailable(ctx, in.ID, owner, why)
			}
			if err != nil {
				return err
			}
		}
	}
}

// routeNobodys looks again at what was nobody's: a setting may have made it somebody's.
func (m *Mailer) routeNobodys(ctx context.Context) error {
	for last := int64(0); ; {
		messages, err := m.store.Nobodys(ctx, last)
		if err != nil || len(messages) == 0 {
			return err
		}
		for _, in := range messages {
			owners, why, err := m.owners(ctx, in)
			if err == nil && why == "" {
				err = m.store.Mailed(ctx, in.ID, owners...)
			}
			if err != nil {
				return err
			}
			last = in.ID
		}
	}
}

// owners returns whose a received message is. A text is that user's who wrote to its sender last (see
// store.LastWriter for numbers that networks spell in two ways), what completes an earlier one that user's who
// has that; what cannot be read is every administrator's. All else is the catch-all user's. why is the reason,
// in words for people, where nobody can be mailed; it is logged, so it leaves the sender out, whom the row
// holds. A user without a mailbox is returned beside the reason: the text is that user's all the same, to be
// read on the pages, and is not for another's eyes.
func (m *Mailer) owners(ctx context.Context, in store.Incoming) (users []int64, why string, err error) {
	switch in.Kind {
	case store.KindSMS:
		u, err := m.writer(ctx, in)
		switch {
		case errors.Is(err, store.ErrNotFound):
			why = "nobody wrote to its sender before"
		case errors.Is(err, store.ErrSeveral):
			why = "several users wrote to its sender, and to another spelling of the number"
		case err != nil:
			return nil, "", err
		case u.Mail != "":
			return []int64{u.ID}, "", nil
		default:
			return []int64{u.ID}, u.Login + ", whose reply it is, has no mailbox", nil
		}
	case store.KindData:
		// Data that are addressed to the port for WAP push are the announcement of a multimedia message:
		// they go the way of all data until such messages are fetched.
		why = "it is a data message and no text"
	case store.KindVoicemail:
		why = "it is about voice mail and no text"
	default:
		admins, err := m.store.Administrators(ctx)
		if err != nil {
			return nil, "", err
		}
		for _, u := range admins {
			users = append(users, u.ID)
		}
		if len(users) > 0 {
			return users, "", nil
		}
		why = "it cannot be read, no administrator has a mailbox"
	}
	u, none, err := m.catchAll(ctx)
	if err != nil {
		return nil, "", err
	}
	if none != "" {
		return nil, why + ", and " + none, nil
	}
	return []int64{u.ID}, "", nil
}

// writer returns the user whose reply a text is.
func (m *Mailer) writer(ctx context.Context, in store.Incoming) (store.User, error) {
	if in.Completes != 0 {
		earlier, err := m.store.Incoming(ctx, in.Completes)
		if err != nil {
			return store.User{}, err
		}
		if earlier.User != 0 {
			return m.store.User(ctx, earlier.User)
		}
	}
	return m.store.LastWriter(ctx, in.Sender)
}
