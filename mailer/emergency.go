package mailer

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"omsbox/store"
	"omsbox/store/condition"
)

const (
	// emergencyAfter is how long the storage must refuse what is to be stored before people are told: what a
	// moment mends is no emergency.
	emergencyAfter = 3 * time.Second
	// emergencyPause is the time from one mail that tells of a trouble to the next one that tells of the same at least.
	emergencyPause = time.Hour
	// readPause is the time from one look at who is to be told to the next one, while all is well: somebody may
	// have become an administrator.
	readPause = 10 * time.Minute
)

// emergency tells the administrators that nothing can be stored. Such a mail cannot be a row of the queue: it
// is made in memory and handed to the relay at once, and so is the mail that it is over.
type emergency struct {
	*Mailer
	to      []addressee                  // as read last: the database may not be readable when they are needed
	missing string                       // why there is nobody in to, in words for people
	open    store.Alarm                  // what some of them were told; its Condition is zero where nothing is open
	heard   map[string]heard             // by mailbox: what each has heard of open
	last    map[condition.Code]time.Time // when they were told of each last; monotonic
	asked   bool                         // to was read for the mail that is being told
	failed  int                          // tries in a row that told nobody more
	seen    store.Trouble                // what is waited for to last
	since   time.Time                    // since when; monotonic
}

// heard is what somebody has heard of the alarm that is open.
type heard int

const (
	heardNothing heard = iota
	heardAlarm
	heardEnd
	refusesMail // nothing: the relay refuses the mail for good
)

// newEmergency returns an emergency that knows whom it has to tell, as far as that can be read.
func newEmergency(ctx context.Context, m *Mailer) *emergency {
	e := &emergency{Mailer: m, heard: map[string]heard{}, last: map[condition.Code]time.Time{}}
	e.readAddressees(ctx)
	if told := m.store.ToldOfStorage(); !told.Condition.IsZero() { // by the last run
		e.open = emergencyAlarm(m.store.Dir(), told)
		for _, to := range e.to {
			e.heard[to.path] = heardAlarm
		}
	}
	return e
}

// guard watches the storage until ctx ends.
func (e *emergency) guard(ctx context.Context) {
	bell := e.store.Subscribe(store.Storage)
	defer bell.Close()
	for {
		var due <-chan time.Time
		if wait, waits := e.work(ctx); waits {
			due = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return
		case <-bell.C:
		case <-due:
		}
	}
}

// work tells what there is to be told now, and returns how long it is until there may be more; false where only
// the bell can bring more.
func (e *emergency) work(ctx context.Context) (time.Duration, bool) {
	now := e.store.Storage()
	if now.Condition.Code != e.seen.Condition.Code || e.since.IsZero() {
		e.seen, e.since = now, time.Now()
		e.asked, e.failed = false, 0
		e.forget(refusesMail)
	}
	alarm := emergencyAlarm(e.store.Dir(), now)
	switch {
	case now.Condition.IsZero() && e.open.Condition.IsZero():
		e.readAddressees(ctx)
		return readPause, true
	case now.Condition.IsZero():
		alarm = e.open
		alarm.Cleared = e.store.Now()
		return e.tell(ctx, alarm)
	case len(e.left(alarm)) == 0 && e.told(alarm):
		return readPause, true
	}
	wait := time.Until(e.since.Add(emergencyAfter))
	if last, told := e.last[now.Condition.Code]; told {
		wait = max(wait, time.Until(last.Add(emergencyPause)))
	}
	if wait > 0 {
		return wait, true
	}
	return e.tell(ctx, alarm)
}

func emergencyAlarm(dir string, t store.Trouble) store.Alarm {
	return store.Alarm{Kind: "storage", About: dir, Text: t.Condition.Words(), Condition: t.Condition, Raised: t.Since}
}

// tell mails an alarm, or its end, to all who are to know of it and do not yet. Where nobody took the mail of an
// alarm, nobody knows: it is tried again, also with those who are to know by then.
func (e *emergency) tell(ctx context.Context, a store.Alarm) (time.Duration, bool) {
	over := !a.Cleared.IsZero()
	if !e.asked {
		e.readAddressees(ctx)
		e.asked = true
	}
	waits := false
	for _, to := range e.left(a) { // a mailbox that is full holds up nobody else
		result, err := e.hand(ctx, a, to)
		switch {
		case ctx.Err() != nil:
			return 0, false
		case result == taken && over:
			e.heard[to.path] = heardEnd
		case result == taken:
			if e.open.Condition.Code != a.Condition.Code { // who knows of it is to hear of its end too
				e.forget(heardAlarm, heardEnd)
				e.opened(a)
			}
			e.heard[to.path] = heardAlarm
		case result == refused:
			e.heard[to.path] = refusesMail
			e.log.Error("cannot tell an administrator by mail", "alarm", a.Condition.Code, "err", oneLine(err.Error()))
			continue
		default:
			e.log.Warn("an alarm has to wait for the relay", "alarm", a.Condition.Code, "err", oneLine(err.Error()))
			waits = true
			continue
		}
		e.log.Warn("an administrator was told by mail", "alarm", a.Condition.Code, "over", over)
	}
	if waits {
		return e.pause(), true
	}
	if !over && !e.told(a) {
		why := "the relay refuses it for everybody"
		if len(e.to) == 0 {
			why = e.missing
		}
		e.log.Error("an alarm can be told to nobody", "alarm", a.Condition.Code, "reason", why)
		e.asked = false
		e.forget(refusesMail)
		return e.pause(), true
	}
	e.failed, e.asked = 0, false
	if over {
		e.opened(store.Alarm{})
		clear(e.heard)
	} else {
		e.last[a.Condition.Code] = time.Now()
	}
	return 0, true // what is so may have changed meanwhile
}

// left returns who is still to be told of an alarm or of its end. Those who heard of the end before others did, and
// then the trouble came back, are told of that.
func (e *emergency) left(a store.Alarm) (left []addressee) {
	wanted := heardAlarm
	if !a.Cleared.IsZero() {
		wanted = heardEnd
	}
	for _, to := range e.to {
		h := e.heard[to.path]
		if h == heardAlarm && e.open.Condition.Code != a.Condition.Code {
			h = heardNothing // of this one
		}
		if h != wanted && h != refusesMail {
			left = append(left, to)
		}
	}
	return left
}

// told reports whether somebody knows of an alarm.
func (e *emergency) told(a store.Alarm) bool {
	return e.open.Condition.Code == a.Condition.Code
}

// forget forgets who heard one of those.
func (e *emergency) forget(what ...heard) {
	maps.DeleteFunc(e.heard, func(_ string, h heard) bool { return slices.Contains(what, h) })
}

// opened keeps which alarm is open.
func (e *emergency) opened(a store.Alarm) {
	e.open = a
	e.store.SetToldOfStorage(store.Trouble{Condition: a.Condition, Since: a.Raised})
}

// pause counts a try that told nobody more, and returns the time to the next one.
func (e *emergency) pause() time.Duration {
	e.failed++
	return relayPauses[min(e.failed, len(relayPauses))-1]
}

// hand hands one mail to the relay.
func (e *emergency) hand(ctx context.Context, a store.Alarm, to addressee) (outcome, error) {
	r, err := parseRelay(e.store.Setting("mail.relay"))
	if err != nil {
		return later, err
	}
	c, err := e.connect(ctx, r, new(atomic.Int64))
	if err != nil {
		return later, err
	}
	defer c.close(true)
	m := store.Mail{Kind: store.AlarmMail, Token: rand.Text(), Created: e.store.Now(), Over: !a.Cleared.IsZero()}
	return c.hand(alarm(m, a, nil, e.store.Setting("service.name"), e.store.Dir(), to))
}

// readAddressees reads who is to be told. Where that fails, it stays with those who were read last.
func (e *emergency) readAddressees(ctx context.Context) {
	users, err := e.store.Administrators(ctx)
	why := "no mailbox of an administrator can be written to"
	if err == nil && len(users) == 0 {
		var u store.User
		if u, why, err = e.catchAll(ctx); why == "" && err == nil {
			users = []store.User{u}
		}
		why = "no administrator has a mailbox, and " + why
	}
	if err != nil {
		if len(e.to) == 0 {
			e.missing = "it cannot be read who the administrators are: " + oneLine(err.Error())
		}
		return
	}
	e.to, e.missing = nil, why
	for _, u := range users {
		if path, why := mailbox(u.Mail); why == "" {
			e.to = append(e.to, addressee{own: e.store.Address(u), path: path, domain: e.store.MailDomain()})
		}
	}
}
