package modem

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"omsbox/modem/sms"
	"omsbox/store"
)

// send takes segments from the store and hands them to the network, one after the other. The
// result of one is stored in the same commit as the attempt at the next. It begins when messages
// can pass, or when that was waited for long enough.
func (m *Modem) send(ctx context.Context, s *Session, covered <-chan struct{}) error {
	if err := m.awaitNetwork(ctx, covered); err != nil {
		return nil
	}
	bell := m.store.Subscribe(store.Outgoing)
	defer bell.Close()
	var previous *store.Verdict
	var link time.Time // until then the modem holds the link for the next segment
	unsent, said := 0, ""
	uncovered := 0             // how often in a row there was no network
	barred := 0                // how many segments in a row the network refused for the SIM's sake
	unread := map[int64]bool{} // segments of which the modem could make nothing, once
	for {
		if held := m.ladder.held(); held > 0 {
			if err := m.settle(ctx, previous); err != nil {
				return err
			}
			previous = nil
			if pause(ctx, held) == nil {
				return errWordless // its next restart is due, before the next message is risked
			}
		}
		if wait := m.store.Pace(m.row.IMSI, m.row.ICCID) - time.Since(m.handed); wait > 0 && !m.handed.IsZero() {
			if err := m.settle(ctx, previous); err != nil {
				return err
			}
			previous = nil
			select {
			case <-time.After(wait):
			case <-bell.C: // the pace may be another one now
				continue
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			return m.settle(ctx, previous)
		}
		// What is known of the last attempt is stored even if omsbox stops now.
		a, err := m.store.Claim(context.WithoutCancel(ctx), m.id, previous)
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
		m.handed = time.Now()
		mr, err := m.submit(ctx, s, a, &link)
		v := verdict(*a, mr, err)
		m.log.Debug("segment", "delivery", a.Delivery, "segment", a.Segment, "mr", mr, "err", err)
		var refused *CommandError
		if err == nil || errors.As(err, &refused) {
			previous, unsent = &v, 0
			// Our PDUs are right: the line may have changed it on its way, and will hardly do so again.
			if err != nil && refused.unreadable() && !unread[a.Segment] {
				v.Outcome, unread[a.Segment] = store.Unsent, true
			} else {
				delete(unread, a.Segment)
			}
			if err == nil || !refused.uncovered() {
				uncovered = 0
			} else {
				// It is not the text's turn to wait but the modem's: else all that met an outage would
				// go long after it.
				v.Outcome, previous = store.Unsent, nil
				if err := m.settle(ctx, &v); err != nil {
					return err
				}
				m.refused.Store(true)
				pause(ctx, min(5*time.Second<<min(uncovered, 8), m.Patience.Network))
				uncovered++
			}
			// One number may be barred; when all are it is the SIM, and the others need not fail of it.
			if barring := err != nil && refused.bars(); !barring {
				if err == nil && barred >= mostBarred {
					m.alarms.clear(ctx, m, alarmBarred)
				}
				barred = 0
			} else if barred++; barred > mostBarred {
				v.Outcome, previous = store.Deferred, nil // the next try is another text's
				if err := m.settle(ctx, &v); err != nil {
					return err
				}
				m.alarms.raise(ctx, m, alarmBarred, fmt.Sprintf("the network takes no text from this SIM: %v. Ask its operator whether it is active, "+
					"has credit, and may send texts; what waits is tried again until it expires", err))
				pause(ctx, min(m.Patience.Sweep<<min(barred-mostBarred-1, 6), time.Hour))
			}
			if m.ladder.proof() {
				m.alarms.clear(ctx, m, alarmModem)
			}
			if v.Outcome == store.Deferred {
				m.refused.Store(true)
			}
			if v.Outcome == store.Deferred && v.Reason != said {
				m.log.Warn("the network does not take texts now", "reason", v.Reason)
			}
			if said = v.Reason; v.Outcome == store.Doubtful {
				m.explain(err)
			}
			continue
		}
		// The modem kept silent or is gone. Only that leads to the ladder.
		m.explain(err)
		if err := m.settle(ctx, &v); err != nil {
			return err
		}
		switch {
		case v.Outcome == store.Doubtful:
			m.doubts.add(a.Segment, 2*m.Patience.Submit)
			if m.ladder.silence() && !over(err) {
				return fmt.Errorf("%w: %w", errWordless, err)
			}
		default:
			if unsent++; unsent >= mostUnsent && !over(err) {
				m.ladder.mute()
				return fmt.Errorf("%w: %w", errWordless, err)
			}
		}
		if over(err) {
			return err
		}
	}
}

// mostBarred is how many texts in a row may fail because the network refuses the SIM.
const mostBarred = 3

// mostUnsent is how many segments in a row a modem may not ask for before it counts as mute.
const mostUnsent = 3

// awaitNetwork waits until the modem is registered, for a while: at its start, and after its radio
// went off and on, a segment would only be refused.
func (m *Modem) awaitNetwork(ctx context.Context, covered <-chan struct{}) error {
	timer := time.NewTimer(m.Patience.Network)
	defer timer.Stop()
	select {
	case <-covered:
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err()
}

// linkFor is how long a modem holds the link at least, after a segment, for the next. 27.005 3.5.6
const linkFor = time.Second

// submit hands a segment over. Where more are to follow at once, the modem is asked to hold the link
// to the network between them, once for all of them.
func (m *Modem) submit(ctx context.Context, s *Session, a *store.Attempt, link *time.Time) (mr int, err error) {
	holds := time.Now().Before(*link)
	if a.More && m.features.more && !holds {
		switch _, err := s.Command(ctx, "+CMMS=1"); {
		case err == nil:
			holds = true
		case over(err) || ctx.Err() != nil:
			return -1, fmt.Errorf("%w: %w", ErrUnsent, err)
		default:
			m.features.more = false // only the sender asks for it
		}
	}
	mr, err = s.Submit(ctx, sms.JoinPDU(m.smsc(), a.TPDU), len(a.TPDU))
	if holds {
		*link = time.Now().Add(linkFor)
	}
	return mr, err
}

// doubt is a segment whose answer did not come.
type doubt struct {
	segment int64
	since   time.Time
}

// doubts are the segments whose answers may still come, the oldest first.
type doubts struct {
	mu   sync.Mutex
	open []doubt
}

// add keeps a segment for its answer. Those whose answers did not come within a while after they were
// given up never get one: this one's would be taken for theirs.
func (d *doubts) add(segment int64, within time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open = slices.DeleteFunc(d.open, func(old doubt) bool { return time.Since(old.since) > within })
	d.open = append(d.open, doubt{segment, time.Now()})
}

// next takes the segment that an answer is about: a modem answers in order.
func (d *doubts) next() (segment int64, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.open) == 0 {
		return 0, false
	}
	segment, d.open = d.open[0].segment, d.open[1:]
	return segment, true
}

// late stores that the answer to the oldest doubtful segment came after all.
func (m *Modem) late(ctx context.Context, mr int) {
	segment, ok := m.doubts.next()
	if !ok {
		return
	}
	if err := m.store.Late(context.WithoutCancel(ctx), segment, mr); err != nil {
		m.log.Error("store a late answer", "segment", segment, "err", err)
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
	wait, waits, err := m.store.Due(ctx, m.id)
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
