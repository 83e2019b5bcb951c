package modem

import (
	"context"
	"errors"
	"fmt"
	"time"

	"omsbox/store"
	"omsbox/store/condition"
)

// errIll: the modem refuses one text after the other, and the network has no part in it.
var errIll = errors.New("the modem refuses one text after the other")

const (
	// mostRefusals is how many texts in a row a modem may refuse without a good reason.
	mostRefusals = 3
	// mostRepeats is how often in a row it may refuse the same text, where it gets no other.
	mostRepeats = 5
)

// refusals are what a modem that may be ill answered. Fever (it calls every PDU invalid until it restarts)
// is known of several makes.
type refusals struct {
	row     []int64        // deliveries that were refused one after the other
	doubted []int64        // segments that left so, or may have, since the modem was well
	alone   map[int64]bool // deliveries for whose sake alone the modem was restarted: once is enough
}

// add notes a refusal.
func (r *refusals) add(v store.Verdict) {
	const most = 100
	if r.row = append(r.row, v.Attempt.Delivery); len(r.row) > most {
		r.row = r.row[1:]
	}
	if v.Outcome != store.Doubtful {
		return
	}
	if r.doubted = append(r.doubted, v.Attempt.Segment); len(r.doubted) > most {
		r.doubted = r.doubted[1:]
	}
}

// enough reports whether the refusals in a row make a modem ill. One that a restart did not cure has to
// prove itself with fewer.
func (r *refusals) enough(uncured bool) bool {
	texts := map[int64]int{}
	for _, delivery := range r.row {
		texts[delivery]++
	}
	if len(texts) >= mostRefusals || uncured && len(texts) >= mostRefusals-1 {
		return true
	}
	last := r.row[len(r.row)-1]
	if texts[last] < mostRepeats || r.alone[last] {
		return false
	}
	if r.alone == nil {
		r.alone = map[int64]bool{}
	}
	r.alone[last] = true
	return true
}

// suspect counts a refusal that may come from an ill modem. One too many and nothing more is risked: a
// report may still prove that the modem sends and only answers wrong. Else the modem is restarted.
func (d *sender) suspect(ctx context.Context, v store.Verdict, refused *CommandError) error {
	d.refusals.add(v)
	if !d.refusals.enough(d.ladder.isIll()) {
		return nil
	}
	if err := d.settlePrevious(ctx); err != nil {
		return err
	}
	if len(d.refusals.doubted) > 0 {
		if pause(ctx, d.Patience.Proof) != nil {
			return nil
		}
		if proven, err := d.provenWell(ctx); err != nil || proven {
			return err
		}
	}
	d.refusals.row = nil
	d.ladder.fallIll()
	d.alarms.raise(ctx, d.Modem, alarmIll, condition.New(condition.ModemIll, "reason", refused).Row())
	return fmt.Errorf("%w: %w", errIll, refused)
}

// provenWell reports whether a text was sent although the modem's answer said nothing of it. Then the modem
// is not ill.
func (d *sender) provenWell(ctx context.Context) (bool, error) {
	proven, err := d.store.Proven(context.WithoutCancel(ctx), d.refusals.doubted)
	switch {
	case errors.Is(err, store.ErrClosed):
		return false, err
	case err != nil:
		d.cannot("whether reports came cannot be read", err)
	case proven:
		d.log.Info("the modem refused texts that it has sent")
		d.well(ctx)
	}
	return proven, nil
}

// well notes that the modem sends.
func (d *sender) well(ctx context.Context) {
	d.refusals = refusals{}
	d.ladder.recovered()
	d.alarms.clear(ctx, d.Modem, alarmIll)
}

// cure restarts an ill modem, if its time has come. Else nothing is sent until then; what comes in is still
// received.
func (m *Modem) cure(ctx context.Context) {
	if allowed, wait := m.ladder.mayRestart(); !allowed {
		m.ladder.holdFor(wait)
		return
	}
	m.log.Warn("the modem is restarted: it refuses one text after the other")
	m.restart(ctx)
}

// holdFor lets nothing be sent for a while.
func (l *ladder) holdFor(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hold = time.Now().Add(d)
}
