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
	d := &sender{Modem: m, session: s, bell: bell, unread: map[int64]int{}}
	for {
		if again, err := d.wait(ctx); err != nil {
			return err
		} else if again {
			continue
		}
		if ctx.Err() != nil {
			return d.settlePrevious(ctx)
		}
		a, err := d.claim(ctx)
		switch {
		case err != nil:
			return err
		case a == nil:
			if ctx.Err() != nil {
				return d.settlePrevious(ctx)
			}
			continue
		}
		if err := d.hand(ctx, a); err != nil {
			return err
		}
	}
}

// sender is what Modem.send remembers from one segment to the next.
type sender struct {
	*Modem
	session  *Session
	bell     *store.Bell
	previous *store.Verdict // the last one, as long as no commit holds it
	link     time.Time      // until then the modem holds the link for the next segment
	unsent   int            // how often in a row the modem did not ask for the PDU
	said     string         // the last reason
	deaf     int            // how often in a row there was no network
	barred   int            // how many segments in a row the network refused for the SIM's sake
	accepted int            // segments that the network took
	unread   map[int64]int  // segments of which the modem could make nothing: how many the network had taken by then
}

// settlePrevious stores the last verdict, where no claim is to follow at once.
func (d *sender) settlePrevious(ctx context.Context) error {
	v := d.previous
	d.previous = nil
	return d.settle(ctx, v)
}

// wait waits until a segment may be sent: a hold must be over, and the pace of the SIM kept. again: what
// was waited for has to be looked at again.
func (d *sender) wait(ctx context.Context) (again bool, err error) {
	if held := d.ladder.held(); held > 0 {
		if err := d.settlePrevious(ctx); err != nil {
			return false, err
		}
		return d.hold(ctx, held)
	}
	wait := d.store.Pace(d.row.IMSI, d.row.ICCID) - time.Since(d.handed)
	if wait <= 0 || d.handed.IsZero() {
		return false, nil
	}
	if err := d.settlePrevious(ctx); err != nil {
		return false, err
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-d.bell.C: // the pace may be another one now
		return true, nil
	case <-ctx.Done():
	}
	return false, nil
}

// hold waits until the modem's next restart is due, before the next text is risked. A report that proves a
// text of an ill modem ends the hold.
func (d *sender) hold(ctx context.Context, held time.Duration) (again bool, err error) {
	if !d.ladder.isIll() {
		if pause(ctx, held) == nil {
			return false, errWordless
		}
		return false, nil
	}
	if pause(ctx, min(held, d.Patience.Proof)) != nil {
		return false, nil
	}
	switch proven, err := d.provenWell(ctx); {
	case err != nil || proven:
		return true, err
	case held <= d.Patience.Proof:
		return false, errIll
	}
	return true, nil
}

// claim takes the next segment and stores the last verdict with it; nil where none is due yet, or the
// store cannot be asked now.
func (d *sender) claim(ctx context.Context) (*store.Attempt, error) {
	// What is known of the last attempt is stored even if omsbox stops now.
	a, err := d.store.Claim(context.WithoutCancel(ctx), d.id, d.previous)
	if err != nil {
		d.cannot("the queue cannot be read or written", err)
		if errors.Is(err, store.ErrClosed) {
			return nil, err
		}
		pause(ctx, time.Second)
		return nil, nil
	}
	if d.previous = nil; a == nil {
		return nil, d.idle(ctx, d.bell)
	}
	return a, nil
}

// hand hands a segment to the modem and judges the answer.
func (d *sender) hand(ctx context.Context, a *store.Attempt) error {
	d.handed = time.Now()
	mr, err := d.submit(ctx, d.session, a, &d.link)
	v := verdict(*a, mr, err)
	d.log.Debug("segment", "delivery", a.Delivery, "segment", a.Segment, "mr", mr, "err", err)
	var refused *CommandError
	switch {
	case err == nil:
		d.taken(ctx, v)
		return nil
	case errors.As(err, &refused):
		return d.refused(ctx, v, refused)
	}
	return d.silent(ctx, v, err)
}

// taken notes that the network took a segment: the modem is well.
func (d *sender) taken(ctx context.Context, v store.Verdict) {
	d.previous, d.unsent, d.deaf, d.said = &v, 0, 0, ""
	d.accepted++
	delete(d.unread, v.Attempt.Segment)
	if d.barred >= mostBarred {
		d.alarms.clear(ctx, d.Modem, alarmBarred)
	}
	d.barred = 0
	d.well(ctx)
	if d.ladder.proof() {
		d.alarms.clear(ctx, d.Modem, alarmModem)
	}
}

// refused judges an error that the modem answered to a segment.
func (d *sender) refused(ctx context.Context, v store.Verdict, refused *CommandError) error {
	d.previous, d.unsent = &v, 0
	if refused.unreadable() {
		v.Outcome = d.unreadable(v)
	} else {
		delete(d.unread, v.Attempt.Segment)
	}
	if err := d.lacksNetwork(ctx, &v, refused); err != nil {
		return err
	}
	if err := d.isBarred(ctx, &v, refused); err != nil {
		return err
	}
	if v.Outcome == store.Deferred {
		d.Modem.refused.Store(true)
		if v.Reason != d.said {
			d.log.Warn("the network does not take texts now", "reason", v.Reason)
		}
	}
	if d.said = v.Reason; v.Outcome == store.Doubtful {
		d.explain(refused)
	}
	switch {
	case v.Outcome == store.Refused && refused.unreadable(): // the text is at fault
	case refused.ill():
		return d.suspect(ctx, v, refused)
	case refused.fromNetwork():
		d.well(ctx)
	default:
		d.refusals.row = nil
	}
	if d.ladder.proof() {
		d.alarms.clear(ctx, d.Modem, alarmModem)
	}
	return nil
}

// unreadable is the outcome for a segment of which the modem could make nothing. Our PDUs are right: the
// line may have changed this one on its way, and will hardly do so again. If the modem still refuses it
// after the network took another one, it is the text that the modem cannot send. Else it may be the modem:
// no text fails for that.
func (d *sender) unreadable(v store.Verdict) store.Outcome {
	before, again := d.unread[v.Attempt.Segment]
	switch {
	case !again:
		if len(d.unread) >= mostUnreadable {
			clear(d.unread) // texts that were given up; the others get one more chance
		}
		d.unread[v.Attempt.Segment] = d.accepted
		return store.Unsent
	case d.accepted > before:
		delete(d.unread, v.Attempt.Segment)
		return store.Refused
	}
	return store.Deferred
}

// lacksNetwork lets the modem wait where there is no network: if its text did, all that met an outage would
// go long after it.
func (d *sender) lacksNetwork(ctx context.Context, v *store.Verdict, refused *CommandError) error {
	if !refused.uncovered() {
		d.deaf = 0
		return nil
	}
	v.Outcome = store.Unsent
	d.previous = v
	if err := d.settlePrevious(ctx); err != nil {
		return err
	}
	d.Modem.refused.Store(true)
	pause(ctx, min(5*time.Second<<min(d.deaf, 8), d.Patience.Network))
	d.deaf++
	return nil
}

// isBarred counts what the network refuses for the SIM's sake. One number may be barred; when all are it is
// the SIM, and the others need not fail of it.
func (d *sender) isBarred(ctx context.Context, v *store.Verdict, refused *CommandError) error {
	if !refused.bars() {
		d.barred = 0
		return nil
	}
	if d.barred++; d.barred <= mostBarred {
		return nil
	}
	v.Outcome = store.Deferred
	d.previous = v // the next try is another text's
	if err := d.settlePrevious(ctx); err != nil {
		return err
	}
	d.alarms.raise(ctx, d.Modem, alarmBarred, fmt.Sprintf("the network takes no text from this SIM: %v. Ask its operator whether "+
		"it is active, has credit, and may send texts; what waits is tried again until it expires", refused))
	pause(ctx, min(d.Patience.Sweep<<min(d.barred-mostBarred-1, 6), time.Hour))
	return nil
}

// silent judges a segment to which the modem said nothing, or that met the end of the port. Only this leads
// to the ladder.
func (d *sender) silent(ctx context.Context, v store.Verdict, err error) error {
	d.explain(err)
	if err := d.settle(ctx, &v); err != nil {
		return err
	}
	if v.Outcome == store.Doubtful {
		d.doubts.add(v.Attempt.Segment, 2*d.Patience.Submit)
		if d.ladder.silence() && !over(err) {
			return fmt.Errorf("%w: %w", errWordless, err)
		}
	} else if d.unsent++; d.unsent >= mostUnsent && !over(err) {
		d.ladder.mute()
		return fmt.Errorf("%w: %w", errWordless, err)
	}
	if over(err) {
		return err
	}
	return nil
}

// mostUnreadable bounds how many segments that the modem could not read are remembered.
const mostUnreadable = 1000

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
		m.cannot("store a late answer", err, "segment", segment)
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
		m.cannot("the result of a segment cannot be stored", err, "segment", v.Attempt.Segment)
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
