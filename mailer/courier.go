package mailer

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"omsbox/store"
	"omsbox/store/condition"
)

// errChanged ends the connections to a relay that is not the one of the settings any more.
var errChanged = errors.New("the settings of the relay were changed")

// terms are the settings that mail is handed over by.
type terms struct{ relay, from, domain string }

// round is the time in which the terms stay the same. Its couriers carry the mail.
type round struct {
	*queue
	terms  terms
	relay  relay
	guises []guise
	ctx    context.Context // of its couriers
	cancel context.CancelCauseFunc

	// What follows belongs to the loop.
	couriers map[*courier]bool // those that run
	proving  bool
	proved   bool      // the relay was ready since the last trouble
	looked   bool      // its answers about the senders are known
	troubles int       // tries in a row at which the relay could not be used
	resume   time.Time // not to be tried before; monotonic

	mu       sync.Mutex // guards what the couriers share
	worn     int        // the guise in which the last mail was taken
	refusals map[string]*standing
	taken    time.Time // when the last mail was
}

// standing is a refusal for the box's own sake, which other mails need not run into.
type standing struct {
	senderRefusal
	box   bool      // it is not about the sender
	times int       // in a row
	until time.Time // not to be tried before; monotonic
}

// holdPauses are the times between the tries to have something taken that the relay refuses through the box's
// own fault.
var holdPauses = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour}

// holdTime is how long a mail is held, counted while the box can try it (store.Mail.Waited).
const holdTime = 5 * 24 * time.Hour

// doubtPauses are the times between the tries of a mail of which the relay had all and said nothing. Each try
// may be another copy, so they are few.
var doubtPauses = []time.Duration{15 * time.Minute, 4 * time.Hour, 24 * time.Hour}

// courier carries mail over one connection.
type courier struct {
	*round
	proves bool
	awaits atomic.Int64 // since when an answer is awaited; see line
}

// report is how the way of a courier ended.
type report struct {
	*courier
	carried bool  // the relay answered about a mail
	trouble error // why the relay cannot be used
	err     error // of the store
}

// start has a courier look at the relay, or carry what is due.
func (r *round) start(proves bool) {
	c := &courier{round: r, proves: proves}
	c.awaits.Store(time.Now().UnixNano())
	r.couriers[c] = true
	r.proving = r.proving || proves
	r.running++
	go func() {
		if proves {
			r.done <- c.prove(r.ctx)
		} else {
			r.done <- c.carry(r.ctx)
		}
	}()
}

// prove looks whether the relay can be used, and at the first time as whom.
func (c *courier) prove(ctx context.Context) report {
	guises := c.guises
	if c.looked {
		guises = guises[c.worn:][:1]
	}
	worn, refusals, err := c.Mailer.prove(ctx, &c.awaits, c.relay, guises, c.looked)
	if err != nil || c.looked {
		return report{courier: c, trouble: err}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.worn = worn
	for _, r := range refusals {
		key := r.sender
		if key == "" {
			key = "postmaster@" + c.terms.domain
		}
		c.refusals[key] = &standing{senderRefusal: r}
	}
	return report{courier: c}
}

// carry hands over what is due, as long as the connection can be used.
func (c *courier) carry(ctx context.Context) (r report) {
	r.courier = c
	conn, err := c.connect(ctx, c.relay, &c.awaits)
	if err != nil {
		r.trouble = err
		return r
	}
	for ctx.Err() == nil {
		mail, err := c.store.ClaimMail(ctx)
		if mail == nil || err != nil {
			conn.close(true)
			r.err = err
			return r
		}
		usable, err := c.one(ctx, conn, *mail)
		if err != nil {
			conn.close(false)
			r.trouble = bars(c.relay, err)
			return r
		}
		r.carried = true
		if !usable {
			conn.close(false)
			return r
		}
	}
	conn.close(true)
	return r
}

// one renders a claimed mail, hands it over and records what became of it. usable reports whether the
// connection can carry another mail; the error is why the relay takes none at all.
func (c *courier) one(ctx context.Context, conn *connection, mail store.Mail) (usable bool, err error) {
	log := c.log.With("mail", mail.ID, "kind", mail.Kind)
	c.mu.Lock()
	worn := c.worn
	c.mu.Unlock()
	l, why, err := c.render(ctx, mail, c.guises[worn])
	switch {
	case err != nil:
		if ctx.Err() == nil {
			log.Error("cannot render a mail", "err", err)
		}
		c.putOff(ctx, mail, "it could not be read from the database")
		return true, nil
	case why != "":
		log.Warn("a mail cannot be sent", "reason", why)
		c.fail(ctx, mail, why)
		return true, nil
	}
	if reason, wait := c.stands(l); wait > 0 {
		c.hold(ctx, mail, wait, reason)
		return true, nil
	}
	result, err := conn.hand(l)
	if result == taken {
		log.Info("the relay took a mail", "attempt", mail.Attempts)
		c.record(ctx, func(ctx context.Context) error { return c.store.MailSent(ctx, mail.ID) })
		c.took(ctx, mail, l, worn)
		return true, nil
	}
	reason := l.discreet(err.Error())
	log.Warn("the relay did not take a mail", "attempt", mail.Attempts, "reason", reason)
	switch result {
	case refused:
		c.fail(ctx, mail, reason)
	case later:
		c.putOff(ctx, mail, reason)
	case doubtful:
		c.doubt(ctx, mail, reason)
	case stale:
		c.again(ctx, mail, reason)
	case wrongSender:
		if !c.change(worn) {
			c.hold(ctx, mail, c.stand(ctx, l.key, &standing{senderRefusal: senderRefusal{cmp.Or(l.from, l.key), reason}}), reason)
			break
		}
		c.again(ctx, mail, reason)
	case wrongBox:
		c.hold(ctx, mail, c.stand(ctx, l.to, &standing{senderRefusal: senderRefusal{cmp.Or(l.from, l.key), reason}, box: true}), reason)
	case barred:
		c.again(ctx, mail, reason)
		return false, err
	}
	return false, nil
}

// change puts on the next guise; false where there is none.
func (r *round) change(worn int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.worn != worn: // another courier has
		return true
	case worn+1 < len(r.guises):
		r.worn++
		return true
	}
	r.worn = 0
	return false
}

// stands returns a refusal that a letter would run into again, and how long it is not to be tried; 0 where
// it may be.
func (r *round) stands(l letter) (reason string, wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range []string{l.key, l.to} {
		if s := r.refusals[key]; s != nil && time.Until(s.until) > 0 {
			return s.reason, time.Until(s.until)
		}
	}
	return "", 0
}

// stand remembers a refusal and raises the alarm. It returns the time to the next try.
func (r *round) stand(ctx context.Context, key string, s *standing) time.Duration {
	r.mu.Lock()
	if before := r.refusals[key]; before != nil {
		s.times = before.times
	}
	pause := holdPauses[min(s.times, len(holdPauses)-1)]
	s.times++
	s.until = time.Now().Add(pause)
	r.refusals[key] = s
	r.mu.Unlock()
	r.record(ctx, func(ctx context.Context) error {
		return r.store.Raise(ctx, store.SenderAlarm, "", s.alarm(r.relay).Row())
	})
	return pause
}

// alarm is what an administrator is told of it.
func (s *standing) alarm(r relay) condition.Condition {
	if s.box {
		return condition.New(condition.RelayRefusesBox, "relay", r.address, "answer", s.reason)
	}
	return s.senderRefusal.condition(r)
}

// took forgets the refusals that a mail which was taken has shown to be over. What is held for their sake is
// due then, and the alarm ends with the last of them.
func (r *round) took(ctx context.Context, mail store.Mail, l letter, worn int) {
	r.mu.Lock()
	before := len(r.refusals)
	delete(r.refusals, l.key)
	delete(r.refusals, l.to)
	left := len(r.refusals)
	first := r.taken.IsZero()
	r.worn, r.taken = worn, time.Now()
	r.mu.Unlock()
	if left < before || !mail.Blocked.IsZero() {
		r.record(ctx, r.store.HurryBlocked)
	}
	if left == 0 && (first || before > 0 || !mail.Blocked.IsZero()) {
		r.record(ctx, r.mended)
	}
}

// mended ends the alarm where no mail is held any more.
func (q *queue) mended(ctx context.Context) error {
	held, err := q.store.BlockedMail(ctx)
	if err != nil || held > 0 {
		return err
	}
	return q.store.Clear(ctx, store.SenderAlarm, "")
}

// ended is the reason where it was omsbox that ended a try; "" where it was not.
func ended(ctx context.Context) string {
	switch {
	case ctx.Err() == nil:
		return ""
	case context.Cause(ctx) == errChanged:
		return condition.New(condition.MailRelayChanged).Row()
	}
	return "omsbox stopped while it was being handed over"
}

// putOff leaves a mail for its next try, or gives it up after the last one.
func (q *queue) putOff(ctx context.Context, mail store.Mail, reason string) {
	switch why := ended(ctx); {
	case why != "":
		q.again(ctx, mail, why)
	case mail.Retries >= len(mailPauses):
		q.fail(ctx, mail, "given up after five days: "+reason)
	default:
		after := mailPauses[mail.Retries]
		q.record(ctx, func(ctx context.Context) error { return q.store.MailRetry(ctx, mail.ID, after, reason) })
	}
}

// doubt leaves a mail of which the relay had all and said nothing for a late try: the relay may have taken it.
func (q *queue) doubt(ctx context.Context, mail store.Mail, reason string) {
	var after time.Duration
	switch why := ended(ctx); {
	case why != "":
		reason = why
	case mail.Doubts >= len(doubtPauses):
		q.fail(ctx, mail, condition.New(condition.MailUnanswered, "error", reason).Row())
		return
	default:
		after = doubtPauses[mail.Doubts]
	}
	q.record(ctx, func(ctx context.Context) error { return q.store.MailDoubt(ctx, mail.ID, after, reason) })
}

// hold keeps a mail that the relay refuses through the box's own fault, or gives it up after five days.
func (q *queue) hold(ctx context.Context, mail store.Mail, after time.Duration, reason string) {
	if !mail.Blocked.IsZero() && mail.Waited >= holdTime {
		q.fail(ctx, mail, condition.New(condition.MailHeldTooLong, "answer", reason).Row())
		return
	}
	q.record(ctx, func(ctx context.Context) error { return q.store.MailBlock(ctx, mail.ID, after, reason) })
}

// again puts back a mail that a try did not concern.
func (q *queue) again(ctx context.Context, mail store.Mail, reason string) {
	q.record(ctx, func(ctx context.Context) error { return q.store.MailAgain(ctx, mail.ID, reason) })
}

func (q *queue) fail(ctx context.Context, mail store.Mail, reason string) {
	q.record(ctx, func(ctx context.Context) error { return q.store.MailFail(ctx, mail.ID, reason) })
}

// record stores what became of a mail, even while omsbox stops. Where the store refuses, as when the
// disk is full, it tries again until it may: a mail that was taken must not be handed over twice.
func (q *queue) record(ctx context.Context, change func(context.Context) error) {
	if context.Cause(ctx) == errChanged {
		ctx = q.life
	}
	for {
		err := change(context.WithoutCancel(ctx))
		if err == nil {
			return
		}
		q.cannot("store what became of a mail", err)
		if !rest(ctx, storeRest) {
			return // the row still says that it is being handed over: the next run tries again
		}
	}
}
