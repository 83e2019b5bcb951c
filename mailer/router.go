package mailer

import (
	"context"
	"errors"
	"time"

	"omsbox/store"
)

// route gives every received text to the user whose it is. It ends with ctx.
func (m *Mailer) route(ctx context.Context) {
	arrived := m.store.Subscribe(store.Arrived)
	defer arrived.Close()
	for {
		var again <-chan time.Time
		if err := m.routeAll(ctx); err != nil && ctx.Err() == nil {
			m.log.Error("route received texts", "err", err)
			again = time.After(storeRest)
		}
		select {
		case <-ctx.Done():
			return
		case <-arrived.C:
		case <-again:
		}
	}
}

// routeAll decides every text that is not decided yet.
func (m *Mailer) routeAll(ctx context.Context) error {
	for {
		texts, err := m.store.Unrouted(ctx)
		if err != nil || len(texts) == 0 {
			return err
		}
		for _, in := range texts {
			u, why, err := m.owner(ctx, in)
			switch {
			case err != nil:
			case why == "":
				err = m.store.Mailed(ctx, in.ID, u.ID)
			default:
				m.log.Warn("a text is nobody's", "incoming", in.ID, "reason", why)
				err = m.store.Unroutable(ctx, in.ID, why)
			}
			if err != nil {
				return err
			}
		}
	}
}

// owner says whose a received text is: the user's who wrote to its sender last, else the
// catch-all user's. why is the reason, in words for people, where it is nobody's; it is logged, so
// it leaves the sender out, whom the row holds.
func (m *Mailer) owner(ctx context.Context, in store.Incoming) (u store.User, why string, err error) {
	switch in.Kind {
	case "SMS":
		u, err = m.store.LastWriter(ctx, in.Sender)
		switch {
		case errors.Is(err, store.ErrNotFound):
			why = "nobody wrote to its sender before"
		case err != nil || u.Mail != "":
			return u, "", err
		default:
			why = u.Login + ", whose reply it is, has no mailbox"
		}
	case "data":
		why = "it is a data message and no text"
	default:
		why = "it cannot be read"
	}
	u, none, err := m.catchAll(ctx)
	if none != "" {
		return u, why + ", and " + none, err
	}
	return u, "", err
}
