package modem

import (
	"context"
	"errors"
	"time"

	"omsbox/modem/sms"
	"omsbox/store"
)

// send takes segments from the store and hands them to the network, one after the other. The
// result of one is stored in the same commit as the attempt at the next.
func (m *Modem) send(ctx context.Context, s *Session) error {
	bell := m.store.Subscribe(store.Outgoing)
	defer bell.Close()
	var previous *store.Verdict
	unsent, said := 0, ""
	for {
		if ctx.Err() != nil {
			return m.settle(ctx, previous)
		}
		// What is known of the last attempt is stored even if omsbox stops now.
		a, err := m.store.Claim(context.WithoutCancel(ctx), m.sim(), previous)
		if err != nil {
			m.log.Error("the queue cannot be read or written", "err", err)
			if errors.Is(err, store.ErrClosed) {
				return err
			}
			if err := pause(ctx, time.Second); err != nil {
				return m.settle(ctx, previous)
			}
			continue
		}
		previous = nil
		if a == nil {
			if err := m.idle(ctx, bell); err != nil {
				return err
			}
			continue
		}
		mr, err := s.Submit(ctx, sms.JoinPDU("", a.TPDU), len(a.TPDU))
		v := verdict(*a, mr, err)
		m.log.Debug("segment", "delivery", a.Delivery, "segment", a.Segment, "mr", mr, "err", err)
		var refused *CommandError
		if err == nil || errors.As(err, &refused) {
			previous, unsent = &v, 0
			if v.Outcome == store.Deferred {
				m.refused.Store(true)
			}
			if v.Outcome == store.Deferred && v.Reason != said {
				m.log.Warn("the network does not take texts now", "reason", v.Reason)
			}
			said = v.Reason
			continue
		}
		// The modem kept silent or is gone. Only that leads to a new session.
		if err := m.settle(ctx, &v); err != nil {
			return err
		}
		if v.Outcome == store.Doubtful {
			m.doubted(a.Segment)
		} else {
			unsent++
		}
		if over(err) || unsent >= mostUnsent {
			return err
		}
	}
}

// mostUnsent is how many segments in a row a modem may not take before the session is begun anew.
const mostUnsent = 3

// doubted keeps a segment for an answer that may still come; the oldest makes room.
func (m *Modem) doubted(segment int64) {
	for {
		select {
		case m.doubts <- segment:
			return
		default:
		}
		select {
		case <-m.doubts:
		default:
		}
	}
}

// late stores that the answer to the oldest doubtful segment came after all: a modem answers in order.
func (m *Modem) late(ctx context.Context, mr int) {
	select {
	case segment := <-m.doubts:
		if err := m.store.Late(context.WithoutCancel(ctx), segment, mr); err != nil {
			m.log.Error("store a late answer", "segment", segment, "err", err)
		}
	default:
	}
}

// settle stores the last verdict, for as long as it takes or until the store is closed: what it
// says cannot be learned again.
func (m *Modem) settle(ctx context.Context, v *store.Verdict) error {
	if v == nil {
		return nil
	}
	for tries := 0; ; tries++ {
		err := m.store.Settle(context.WithoutCancel(ctx), *v)
		if err == nil || errors.Is(err, store.ErrClosed) {
			return err
		}
		m.log.Error("the result of a segment cannot be stored", "segment", v.Attempt.Segment, "err", err)
		rest := ctx
		if tries < 3 {
			rest = context.WithoutCancel(ctx)
		}
		if pause(rest, time.Second) != nil {
			return err // the next start finds it handed over and unanswered
		}
	}
}

// idle waits until something may be due.
func (m *Modem) idle(ctx context.Context, bell *store.Bell) error {
	wait, waits, err := m.store.Due(ctx, m.sim())
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return pause(ctx, time.Second)
	}
	var due <-chan time.Time
	if waits {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-bell.C:
	case <-due:
	case <-ctx.Done():
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
