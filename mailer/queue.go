package mailer

import (
	"context"
	"errors"
	"strings"
	"time"

	"omsbox/store"
	"omsbox/store/condition"
)

// mailPauses are the times between the tries of a mail that the relay puts off, or at which it fails
// midway. After the last one the mail has failed. Tries that came to nothing for another's sake
// do not count, and another relay begins anew: so no mail is given up in less.
var mailPauses = []time.Duration{
	time.Minute,
	5 * time.Minute,  // 6 min after the first try
	15 * time.Minute, // 21 min
	30 * time.Minute, // 51 min
	time.Hour,        // 1 h 51 min
	2 * time.Hour,    // 3 h 51 min
	4 * time.Hour,    // 7 h 51 min
	8 * time.Hour,    // 15 h 51 min
	12 * time.Hour,   // 27 h 51 min
	24 * time.Hour,   // 2 days 4 h
	24 * time.Hour,   // 3 days 4 h
	24 * time.Hour,   // 4 days 4 h
	20 * time.Hour,   // 5 days
}

// relayPauses are the times between the tries to reach a relay that cannot be used. Meanwhile no mail
// is claimed, so that none uses up its tries: mail outlasts a forgotten password as it outlasts a
// relay that is not set.
var relayPauses = []time.Duration{
	time.Second,
	5 * time.Second,  // 6 s after the first try
	15 * time.Second, // 21 s
	time.Minute,      // 1 min 21 s
	2 * time.Minute,  // 3 min 21 s
	5 * time.Minute,  // then every 5 minutes
}

// mostCouriers is how many connections to the relay there are at most. There is one, as long as it does not
// wait for an answer longer than Mailer.Slow: one mail at which the relay hangs does not hold up the others.
const mostCouriers = 3

// mostLost is how many mails an alarm about a mailbox names.
const mostLost = 50

// queue is what one run of the delivering loop knows.
type queue struct {
	*Mailer
	life    context.Context // of the run
	round   *round          // nil where no relay can be used
	used    terms           // with which the relay was last ready
	running int             // couriers, those of earlier rounds too
	done    chan report
	health  string // as last told
}

// deliver hands mail to the relay as it comes due. It ends with ctx, and with it all couriers.
func (m *Mailer) deliver(ctx context.Context) {
	post, settings := m.store.Subscribe(store.Post), m.store.Subscribe(store.Settings)
	defer post.Close()
	defer settings.Close()
	q := &queue{Mailer: m, life: ctx, done: make(chan report)}
	var failed error // of the store, met by a courier: the next one would meet it at once
	for {
		var due <-chan time.Time
		wait, waits, err := time.Duration(0), false, failed
		if failed = nil; err == nil {
			wait, waits, err = q.work(ctx)
		}
		switch {
		case err != nil && ctx.Err() == nil:
			m.cannot("look after the mail queue", err)
			due = time.After(storeRest)
		case waits:
			due = time.After(wait)
		}
		select {
		case <-ctx.Done():
			q.end(nil)
			for ; q.running > 0; q.running-- {
				<-q.done
			}
			return
		case <-post.C:
		case <-due:
		case <-settings.C:
			q.afresh()
		case r := <-q.done:
			failed = q.came(ctx, r)
		}
	}
}

// end ends the round, for that cause.
func (q *queue) end(cause error) {
	if q.round != nil {
		q.round.cancel(cause)
		q.round = nil
	}
}

// afresh ends the pauses, since a setting may have ended their cause.
func (q *queue) afresh() {
	if q.round == nil {
		return
	}
	q.round.troubles, q.round.resume = 0, time.Time{}
	q.round.mu.Lock()
	defer q.round.mu.Unlock()
	for _, s := range q.round.refusals {
		s.until = time.Time{}
	}
}

// work does what there is to do now, and returns how long it is until there is something again; false
// where nothing waits. A relay that was not used yet, or was in trouble, is tried before any mail is
// claimed: so the person who set it learns at once whether it works.
func (q *queue) work(ctx context.Context) (time.Duration, bool, error) {
	now := terms{q.store.Setting("mail.relay"), q.store.Setting("mail.from"), q.store.MailDomain()}
	if q.round != nil && q.round.terms != now {
		q.end(errChanged)
	}
	if now.relay == "" {
		return 0, false, q.tell(ctx, false, "no relay is set: `omsbox set mail.relay smtp://host:port`")
	}
	if q.round == nil {
		r, err := parseRelay(now.relay)
		if err != nil {
			return 0, false, q.tell(ctx, false, err.Error())
		}
		q.begin(ctx, now, r)
	}
	r := q.round
	if pause := time.Until(r.resume); pause > 0 {
		return pause, true, nil
	}
	if !r.proved {
		if !r.proving {
			r.start(true)
		}
		return q.watch(ctx)
	}
	if stuck, _ := r.stuck(); !stuck || len(r.couriers) >= mostCouriers {
		return q.watch(ctx)
	}
	wait, waits, err := q.store.MailDue(ctx)
	if err != nil {
		return 0, false, err
	}
	if waits && wait <= 0 {
		r.start(false)
	}
	look, looks, err := q.watch(ctx)
	switch {
	case !waits || wait <= 0:
		return look, looks, err
	case looks:
		wait = min(wait, look)
	}
	return wait, true, err
}

// begin begins a round.
func (q *queue) begin(ctx context.Context, t terms, r relay) {
	ctx, cancel := context.WithCancelCause(ctx)
	q.round = &round{queue: q, terms: t, relay: r, guises: guises(t.from, r), ctx: ctx, cancel: cancel,
		couriers: map[*courier]bool{}, refusals: map[string]*standing{}}
}

// stuck reports whether every courier waits for an answer longer than usual, if there are any, and else how
// long it is until that may be so.
func (r *round) stuck() (bool, time.Duration) {
	var left time.Duration
	for c := range r.couriers {
		waits := r.Slow
		if since := c.awaits.Load(); since != 0 {
			waits -= time.Since(time.Unix(0, since))
		}
		left = max(left, waits)
	}
	return left <= 0, left
}

// watch tells how the relay is, and returns how long it is until that is to be looked at again.
func (q *queue) watch(ctx context.Context) (time.Duration, bool, error) {
	r := q.round
	stuck, left := r.stuck()
	r.mu.Lock()
	var oldest time.Time
	for c := range r.couriers {
		if since := c.awaits.Load(); stuck && since != 0 && (oldest.IsZero() || time.Unix(0, since).Before(oldest)) {
			oldest = time.Unix(0, since)
		}
	}
	taken := r.taken
	var refused *standing
	for _, s := range r.refusals {
		if refused == nil || s.reason+s.sender < refused.reason+refused.sender {
			refused = s
		}
	}
	as := r.guises[r.worn].address
	r.mu.Unlock()
	ready := "mail is handed to " + r.relay.address
	if as != "" {
		ready = condition.New(condition.RelayTakesAs, "relay", r.relay.address, "sender", as).Row()
	}
	var err error
	switch {
	case !oldest.IsZero():
		since := q.store.Now().Add(-time.Since(oldest)).Local().Format("2006-01-02 15:04:05")
		if taken.After(oldest) {
			err = q.tell(ctx, true, condition.New(condition.RelaySilentOnce, "relay", r.relay.address, "since", since).Row())
		} else {
			err = q.tell(ctx, false, condition.New(condition.RelaySilent, "relay", r.relay.address, "since", since).Row())
		}
	case !r.proved:
	case refused != nil:
		err = q.tell(ctx, false, refused.alarm(r.relay).Row())
	default:
		err = q.tell(ctx, true, ready)
	}
	return left, len(r.couriers) > 0 && !stuck, err
}

// came takes in how the way of a courier ended.
func (q *queue) came(ctx context.Context, c report) error {
	q.running--
	r := c.round
	delete(r.couriers, c.courier)
	if c.proves {
		r.proving = false
	}
	if r != q.round {
		return c.err // of another relay
	}
	if c.carried {
		r.troubles = 0
	}
	switch {
	case c.trouble != nil && ctx.Err() == nil:
		pause := relayPauses[min(r.troubles, len(relayPauses)-1)]
		r.resume = time.Now().Add(pause)
		r.troubles++
		r.proved = false
		return errors.Join(q.store.RelayRests(ctx, pause), q.tell(ctx, false, oneLine(c.trouble.Error())))
	case c.err != nil || !c.proves:
		return c.err
	}
	return q.ready(ctx)
}

// ready follows on the first look at a relay that went well.
func (q *queue) ready(ctx context.Context) error {
	r := q.round
	r.proved = true
	if r.looked {
		return nil
	}
	r.looked = true
	changed := q.used != (terms{}) && q.used != r.terms
	q.used = r.terms
	if changed {
		// What the old relay put off or refused, this one may take.
		if err := q.store.HurryMail(ctx); err != nil {
			return err
		}
	}
	r.mu.Lock()
	var refused *standing
	for _, s := range r.refusals {
		refused = s
	}
	r.mu.Unlock()
	if refused != nil {
		return q.store.Raise(ctx, store.SenderAlarm, "", refused.alarm(r.relay).Row())
	}
	return q.mended(ctx)
}

// tell tells people how the relay is, when that is new.
func (q *queue) tell(ctx context.Context, ok bool, text string) error {
	if text == q.health {
		return nil
	}
	if err := q.store.SetHealth(ctx, store.MailRelay, ok, text); err != nil {
		return err
	}
	q.health = text
	if words := condition.WordsOf(text); ok {
		q.log.Info(words)
	} else {
		q.log.Warn("no mail leaves", "reason", words)
	}
	return nil
}

// render makes the letter of a mail, in a guise. why is the reason, in words for people, why there can be none.
func (q *queue) render(ctx context.Context, mail store.Mail, g guise) (l letter, why string, err error) {
	to, instead, why, err := q.addressee(ctx, mail)
	if err != nil || why != "" {
		return letter{}, why, err
	}
	key := "postmaster@" + to.domain
	if mail.Kind == store.Reply {
		key = to.own
	}
	l, text, err := q.letter(ctx, mail, g.wear(to), instead)
	l = g.path(l)
	l.key, l.text = key, text
	return l, "", err
}

// letter writes a mail to whom it goes to. text is a person's words in it.
func (q *queue) letter(ctx context.Context, mail store.Mail, to addressee, instead *writer) (l letter, text string, err error) {
	switch mail.Kind {
	case store.Reply:
		in, err := q.store.Incoming(ctx, mail.Incoming)
		if err != nil {
			return letter{}, "", err
		}
		e, err := q.earlier(ctx, mail, in)
		if err != nil {
			return letter{}, "", err
		}
		return reply(mail, in, e, to), in.Text, nil
	case store.AlarmMail:
		a, err := q.store.Alarm(ctx, mail.Alarm)
		if err != nil {
			return letter{}, "", err
		}
		var lost []store.Undelivered
		if a.Kind == store.MailboxAlarm {
			if lost, err = q.store.Failed(ctx, a.About, a.Raised, mostLost); err != nil {
				return letter{}, "", err
			}
		}
		return alarm(mail, a, lost, q.store.Setting("service.name"), q.store.Dir(), to), "", nil
	}
	f := failure{service: q.store.Setting("service.name"), instead: instead}
	if f.told, err = q.store.Told(ctx, mail.ID); err != nil {
		return letter{}, "", err
	}
	if f.written, err = q.store.Enqueued(ctx, mail.Message); err != nil {
		return letter{}, "", err
	}
	if instead == nil { // what a person writes is not for another's eyes
		if f.parts, err = q.store.Text(ctx, mail.Message); err != nil {
			return letter{}, "", err
		}
	}
	return notice(mail, f, to), strings.Join(f.parts, "\n"), nil
}

// earlier returns the mail that a received text goes on from: the one with the text that it completes
// or replaces, if that user has it. Of what cannot be read it counts what the mail tells of too.
func (q *queue) earlier(ctx context.Context, mail store.Mail, in store.Incoming) (e earlier, err error) {
	id := in.Completes
	if id == 0 {
		id = in.Replaces
	}
	if in.Kind == store.KindUndecodable {
		e.alike, err = q.store.ToldWith(ctx, in.ID)
	}
	if id == 0 || err != nil {
		return e, err
	}
	if e.Incoming, err = q.store.Incoming(ctx, id); err != nil {
		return e, err
	}
	e.token, err = q.store.MailOf(ctx, id, mail.User)
	return e, err
}

// addressee returns whom a mail goes to: its user, or the catch-all user where it is nobody's or the
// user has no mailbox; instead then says whom it does not go to. none says why it can go to nobody.
func (q *queue) addressee(ctx context.Context, mail store.Mail) (to addressee, instead *writer, none string, err error) {
	u := store.User{}
	if mail.User != 0 {
		if u, err = q.store.User(ctx, mail.User); err != nil {
			return to, nil, "", err
		}
	}
	if u.Mail == "" && mail.Kind == store.AlarmMail {
		// There may be an administrator by now.
		if u, none, err = q.administrator(ctx); err != nil || none != "" {
			return to, nil, none, err
		}
	}
	if u.Mail == "" && mail.Kind == store.Reply && mail.User != 0 {
		return to, nil, u.Login + ", whose reply it is, has no mailbox", nil // and it is not for another's eyes
	}
	if u.Mail == "" {
		instead = &writer{login: u.Login}
		if u, none, err = q.catchAll(ctx); err != nil || none != "" {
			return to, nil, instead.missing() + ", and " + none, err
		}
	}
	path, none := mailbox(u.Mail)
	if none != "" {
		none = u.Login + ": " + none
	}
	return addressee{own: q.store.Address(u), path: path, domain: q.store.MailDomain(),
		answers: q.store.Front().SMTP != ""}, instead, none, nil
}
