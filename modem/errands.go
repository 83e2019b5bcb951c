package modem

import (
	"context"
	"errors"
	"fmt"
	"time"

	"omsbox/store"
)

// errands does what commands beside the service ask of the modem, between its other work.
func (m *Modem) errands(ctx context.Context) {
	bell := m.store.Subscribe(store.Errands)
	defer bell.Close()
	for {
		e, waits, err := m.store.Errand(ctx, m.Device)
		switch {
		case ctx.Err() != nil, errors.Is(err, store.ErrClosed):
			return
		case err != nil:
			m.cannot("the errands cannot be read", err)
			pause(ctx, time.Minute)
			continue
		case waits:
			answer, failed := m.do(ctx, e)
			if ctx.Err() != nil {
				failed = errors.New("omsbox was stopped")
			}
			if err := m.store.Done(context.WithoutCancel(ctx), e.ID, answer, failed); err != nil {
				m.cannot("store what came of an errand", err)
				pause(ctx, time.Second)
			}
			continue
		}
		select {
		case <-bell.C:
		case <-ctx.Done():
			return
		}
	}
}

// startsWithin is how long an errand waits for a modem that is just being woken.
const startsWithin = 20 * time.Second

func (m *Modem) do(ctx context.Context, e store.Errand) (string, error) {
	s := m.live.Load()
	for began := time.Now(); s == nil && time.Since(began) < startsWithin; s = m.live.Load() {
		if pause(ctx, 500*time.Millisecond) != nil {
			return "", ctx.Err()
		}
	}
	if s == nil {
		return "", errors.New("the modem cannot be used now: `omsbox get status` says why")
	}
	switch e.Verb {
	case "ussd":
		return s.USSD(ctx, e.Text)
	case "info":
		return describe(ctx, s)
	}
	return "", fmt.Errorf("a modem knows no errand %q", e.Verb)
}
