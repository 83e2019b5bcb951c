package mailer

import (
	"context"
	"time"

	"omsbox/store"
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

// queue is what one run of the delivering loop knows. Only that loop touches it.
type queue struct {
	*Mailer
	proved   string    // the setting with which the relay was last ready to take mail
	used     string    // the setting with which the relay was last ready, whatever came later
	troubles int       // tries in a row at which the relay could not be used
	resume   time.Time // not to be tried before; monotonic
	health   string    // as last told
}

// deliver hands mail to the relay as it comes due. It ends with ctx.
func (m *Mailer) deliver(ctx context.Context) {
	post, settings := m.store.Subscribe(store.Post), m.store.Subscribe(store.Settings)
	defer post.Close()
	defer settings.Close()
	q := queue{Mailer: m}
	for {
		var due <-chan time.Time
		wait, waits, err := q.work(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			m.log.Error("look after the mail queue", "err", err)
			due = time.After(storeRest)
		case waits:
			due = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return
		case <-post.C:
		case <-due:
		case <-settings.C:
			q.troubles, q.resume = 0, time.Time{} // perhaps they are over
		}
	}
}

// work does what there is to do now, and returns how long it is until there is something again; false
// where nothing waits. A relay that was not used yet, or was in trouble, is tried before any mail is
// claimed: so whoever set it learns at once whether it works.
func (q *queue) work(ctx context.Context) (time.Duration, bool, error) {
	setting := q.store.Setting("mail.relay")
	if setting == "" {
		q.proved = ""
		return 0, false, q.tell(ctx, false, "no relay is set: omsbox set mail.relay smtp://host:port")
	}
	r, err := parseRelay(setting)
	if err != nil {
		q.proved = ""
		return 0, false, q.tell(ctx, false, err.Error())
	}
	if pause := time.Until(q.resume); pause > 0 {
		return pause, true, nil
	}
	if setting != q.proved {
		if err := q.prove(ctx, r); err != nil {
			return q.trouble(ctx, err)
		}
		q.proved = setting
		if q.used != "" && q.used != setting {
			// What the old relay put off, this one may take.
			if err := q.store.HurryMail(ctx); err != nil {
				return 0, false, err
			}
		}
		q.used = setting
		if err := q.tell(ctx, true, "mail is handed to "+r.address); err != nil {
			return 0, false, err
		}
	}
	wait, waits, err := q.store.MailDue(ctx)
	if err != nil || !waits || wait > 0 {
		return wait, waits, err
	}
	c, err := q.connect(ctx, r)
	if err != nil {
		return q.trouble(ctx, err)
	}
	for setting == q.store.Setting("mail.relay") && ctx.Err() == nil {
		mail, err := q.store.ClaimMail(ctx)
		if mail == nil || err != nil {
			c.close(true)
			return 0, err == nil, err // nothing is due now; see what will be
		}
		usable, err := q.one(ctx, c, *mail)
		if err != nil {
			c.close(false)
			return q.trouble(ctx, bars(r, err))
		}
		q.troubles = 0
		if !usable {
			c.close(false)
			return 0, true, nil
		}
	}
	c.close(true)
	return 0, true, nil
}

// trouble tells that the relay cannot be used, and when it is tried next.
func (q *queue) trouble(ctx context.Context, err error) (time.Duration, bool, error) {
	if ctx.Err() != nil {
		return 0, false, nil
	}
	pause := relayPauses[min(q.troubles, len(relayPauses)-1)]
	q.troubles++
	q.proved, q.resume = "", time.Now().Add(pause)
	return pause, true, q.tell(ctx, false, oneLine(err.Error()))
}

// tell tells people how the relay is, when that is new.
func (q *queue) tell(ctx context.Context, ok bool, text string) error {
	if text == q.health {
		return nil
	}
	if err := q.store.SetHealth(ctx, "mail relay", ok, text); err != nil {
		return err
	}
	q.health = text
	if ok {
		q.log.Info(text)
	} else {
		q.log.Warn("no mail leaves", "reason", text)
	}
	return nil
}

// one renders a claimed mail, hands it over and records what became of it. usable says whether the
// connection can carry another mail; the error is why the relay takes none at all.
func (q *queue) one(ctx context.Context, c *connection, mail store.Mail) (usable bool, err error) {
	log := q.log.With("mail", mail.ID, "kind", mail.Kind)
	l, why, err := q.render(ctx, mail)
	switch {
	case err != nil:
		if ctx.Err() == nil {
			log.Error("render a mail", "err", err)
		}
		q.putOff(ctx, mail, "it could not be read from the database")
		return true, nil
	case why != "":
		log.Warn("a mail cannot be sent", "reason", why)
		q.fail(ctx, mail, why)
		return true, nil
	}
	result, err := c.hand(l)
	if result == taken {
		log.Info("the relay took a mail", "attempt", mail.Attempts)
		q.record(ctx, func(ctx context.Context) error { return q.store.MailSent(ctx, mail.ID) })
		return true, nil
	}
	reason := oneLine(err.Error())
	log.Warn("the relay did not take a mail", "attempt", mail.Attempts, "reason", reason)
	switch result {
	case refused:
		q.fail(ctx, mail, reason)
	case later:
		q.putOff(ctx, mail, reason)
	case stale:
		q.again(ctx, mail, reason)
	case barred:
		q.again(ctx, mail, reason)
		return false, err
	}
	return false, nil
}

// putOff leaves a mail for its next try, or gives it up after the last one.
func (q *queue) putOff(ctx context.Context, mail store.Mail, reason string) {
	switch {
	case ctx.Err() != nil: // it was omsbox that ended the try
		q.again(ctx, mail, "omsbox stopped while it was being handed over")
	case mail.Retries >= len(mailPauses):
		q.fail(ctx, mail, "given up after five days: "+reason)
	default:
		after := mailPauses[mail.Retries]
		q.record(ctx, func(ctx context.Context) error { return q.store.MailRetry(ctx, mail.ID, after, reason) })
	}
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
	for {
		err := change(context.WithoutCancel(ctx))
		if err == nil {
			return
		}
		q.log.Error("store what became of a mail", "err", err)
		if !rest(ctx, storeRest) {
			return // the row still says that it is being handed over: the next run tries again
		}
	}
}

// render makes the letter of a mail. why is the reason, in words for people, why there can be none.
func (q *queue) render(ctx context.Context, mail store.Mail) (l letter, why string, err error) {
	to, instead, why, err := q.addressee(ctx, mail)
	if err != nil || why != "" {
		return letter{}, why, err
	}
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
		return reply(mail, in, e, to), "", nil
	case store.AlarmMail:
		a, err := q.store.Alarm(ctx, mail.Alarm)
		if err != nil {
			return letter{}, "", err
		}
		return alarm(mail, a, q.store.Setting("service.name"), q.store.Dir(), to), "", nil
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
	return notice(mail, f, to), "", nil
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
