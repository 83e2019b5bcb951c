package mailer_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"omsbox/store"
)

// given returns the mails that the relay was given and that were not looked at yet, as "to: subject". In a bubble of
// synctest nothing is on its way any more after a time.Sleep.
func (r *relay) given() (all []string) {
	for {
		select {
		case m := <-r.mails:
			_, subject, _ := strings.Cut(m.data, "\r\nSubject: omsbox: ")
			subject, _, _ = strings.Cut(subject, ", ")
			all = append(all, m.to+": "+subject)
		default:
			return all
		}
	}
}

// wantGiven compares given.
func (r *relay) wantGiven(what string, want ...string) {
	r.t.Helper()
	if got := r.given(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		r.t.Errorf("%s: the relay was given %q, want %q", what, got, want)
	}
}

// databaseGone moves the database away, and back.
func (b *box) databaseGone() (back func()) {
	b.t.Helper()
	path := filepath.Join(b.Dir(), store.File)
	check(b.t, os.Rename(path, path+".away"))
	return func() {
		b.t.Helper()
		check(b.t, os.Rename(path+".away", path))
	}
}

const gone = "the database is gone"

// That nothing can be stored is told by mail although no mail can be stored, and so is the end of that. Who was
// told within the hour is not told again.
func TestAnEmergencyIsToldWithoutTheQueue(t *testing.T) {
	t.Parallel()
	r := newRelay(t)
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		check(t, b.Set(t.Context(), "mail.relay", r.url()))
		b.addAdmin("root")
		b.run()
		back := b.databaseGone()
		time.Sleep(time.Minute)
		r.wantGiven("the database is gone", "root@example.org: "+gone)
		if log := b.backlog(); log.MailQueued != 0 || log.MailFailed != 0 {
			t.Errorf("there is mail in the queue: %+v", log)
		}
		back()
		time.Sleep(time.Minute)
		r.wantGiven("it is back", "root@example.org: over: "+gone)
		check(t, b.Set(t.Context(), "service.name", "stored again"))
		back = b.databaseGone()
		time.Sleep(time.Minute)
		if b.Storage().Condition.IsZero() {
			t.Error("it is not noticed again")
		}
		r.wantGiven("gone again within the hour")
		back()
		time.Sleep(time.Minute)
		if !b.Storage().Condition.IsZero() {
			t.Error("it is not over again")
		}
		r.wantGiven("the end of what nobody was told of")
		back = b.databaseGone()
		time.Sleep(time.Hour)
		r.wantGiven("gone for more than the hour", "root@example.org: "+gone)
		back()
	})
}

// What a moment mends is no emergency.
func TestAShortTroubleIsNoEmergency(t *testing.T) {
	t.Parallel()
	r := newRelay(t)
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		check(t, b.Set(t.Context(), "mail.relay", r.url()))
		b.addAdmin("root")
		b.run()
		back := b.databaseGone()
		if err := b.Set(t.Context(), "service.name", "x"); err == nil {
			t.Error("a database that is gone takes a setting")
		}
		time.Sleep(time.Second)
		back()
		time.Sleep(time.Minute)
		r.wantGiven("after a second")
	})
}

// Who mends the database restarts the service: the next run tells that it is over.
func TestTheEndOfAnEmergencyIsToldByTheNextRun(t *testing.T) {
	t.Parallel()
	r, dir := newRelay(t), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := boxIn(t, dir)
		check(t, b.Set(t.Context(), "mail.relay", r.url()))
		b.addAdmin("root")
		stop := b.run()
		back := b.databaseGone()
		time.Sleep(time.Minute)
		r.wantGiven("the database is gone", "root@example.org: "+gone)
		stop()
		back()
		check(t, b.Close())
		boxIn(t, dir).run()
		time.Sleep(time.Minute)
		r.wantGiven("the next run", "root@example.org: over: "+gone)
	})
}

// What the relay puts off is handed to it again, to those whom it has not reached yet. Whom it refuses for good
// keeps nobody else from it.
func TestAnEmergencyWaitsForTheRelay(t *testing.T) {
	t.Parallel()
	var tries atomic.Int32
	r := newRelay(t, func(r *relay) {
		r.rcpt = func(to string) error {
			switch n := tries.Add(1); {
			case strings.HasPrefix(to, "away@"):
				return code(550, "no such mailbox")
			case n == 2:
				return code(451, "not now")
			}
			return nil
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		check(t, b.Set(t.Context(), "mail.relay", r.url()))
		for _, login := range []string{"root", "boss", "away"} {
			b.addAdmin(login)
		}
		back := b.databaseGone() // before the mailer runs
		b.run()
		time.Sleep(time.Minute)
		r.wantGiven("the database is gone", "root@example.org: "+gone, "boss@example.org: "+gone)
		if tries.Load() != 4 {
			t.Errorf("the relay was asked %d times", tries.Load())
		}
		back()
		time.Sleep(time.Minute)
		r.wantGiven("it is back", "root@example.org: over: "+gone, "boss@example.org: over: "+gone)
	})
}

// Who was told learns of the end too, where others were not told before it.
func TestTheEndOfAnEmergencyIsToldToThoseWhoKnow(t *testing.T) {
	t.Parallel()
	var busy atomic.Bool
	r := newRelay(t, func(r *relay) {
		r.rcpt = func(to string) error {
			if busy.Load() && strings.HasPrefix(to, "boss@") {
				return code(451, "not now")
			}
			return nil
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		check(t, b.Set(t.Context(), "mail.relay", r.url()))
		b.addAdmin("root")
		b.addAdmin("boss")
		b.run()
		busy.Store(true)
		back := b.databaseGone()
		time.Sleep(time.Minute)
		r.wantGiven("the database is gone", "root@example.org: "+gone)
		back()
		time.Sleep(time.Minute)
		busy.Store(false)
		time.Sleep(10 * time.Minute)
		r.wantGiven("it is back", "root@example.org: over: "+gone, "boss@example.org: over: "+gone)
	})
}

// An emergency that there is nobody to tell, or that the relay refuses for everybody, is not told: the log says so,
// nobody hears of its end, and those who can be told at the next one are.
func TestAnEmergencyThatNobodyCanBeToldIsNotTold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		refuses bool
		reason  string
	}{
		{"there is no administrator and no catch-all", false, "no administrator has a mailbox, and mail.catch-all names nobody"},
		{"the relay refuses it for everybody", true, "the relay refuses it for everybody"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var refuses atomic.Bool
			refuses.Store(c.refuses)
			r := newRelay(t, func(r *relay) {
				r.rcpt = func(string) error {
					if refuses.Load() {
						return code(550, "no such mailbox")
					}
					return nil
				}
			})
			synctest.Test(t, func(t *testing.T) {
				b := newBox(t)
				check(t, b.Set(t.Context(), "mail.relay", r.url()))
				if c.refuses {
					b.addAdmin("root")
				}
				b.run()
				back := b.databaseGone()
				time.Sleep(time.Minute)
				r.wantGiven("nobody can be told")
				if !b.ToldOfStorage().Condition.IsZero() {
					t.Error("it counts as told")
				}
				if log := b.log.String(); strings.Count(log, "an alarm can be told to nobody") < 3 || !strings.Contains(log, c.reason) {
					t.Errorf("the log says\n%s", log)
				}
				refuses.Store(false)
				if !c.refuses {
					back()
					time.Sleep(time.Minute)
					r.wantGiven("it is over")
					b.addAdmin("root")
					back = b.databaseGone()
				}
				time.Sleep(6 * time.Minute)
				r.wantGiven("somebody can be told", "root@example.org: "+gone)
				back()
			})
		})
	}
}

// The database is gone, comes back, and is gone again while a mail about that waits for the relay: at last each
// administrator has heard that it is gone, and at the end each has heard that it is over.
func TestATroubleThatComesBackIsToldToThoseWhoDoNotKnow(t *testing.T) {
	t.Parallel()
	const root, boss, over = "root@example.org: ", "boss@example.org: ", "over: "
	for _, c := range []struct {
		name                         string
		busyAtFirst, busyAtTheEnd    string // whose mailboxes the relay puts off
		first, end, again, endedThen []string
	}{
		{"one of two has heard that it is over", "", "boss",
			[]string{root + gone, boss + gone}, []string{root + over + gone},
			[]string{root + gone}, []string{root + over + gone, boss + over + gone}},
		{"one of two has heard that it is gone", "boss", "root boss",
			[]string{root + gone}, nil, []string{boss + gone}, []string{root + over + gone, boss + over + gone}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var busy atomic.Value
			busy.Store(c.busyAtFirst)
			r := newRelay(t, func(r *relay) {
				r.rcpt = func(to string) error {
					login, _, _ := strings.Cut(to, "@")
					if strings.Contains(busy.Load().(string), login) {
						return code(451, "not now")
					}
					return nil
				}
			})
			synctest.Test(t, func(t *testing.T) {
				b := newBox(t)
				check(t, b.Set(t.Context(), "mail.relay", r.url()))
				b.addAdmin("root")
				b.addAdmin("boss")
				b.run()
				back := b.databaseGone()
				time.Sleep(time.Minute)
				r.wantGiven("the database is gone", c.first...)
				busy.Store(c.busyAtTheEnd)
				back()
				time.Sleep(time.Minute)
				r.wantGiven("it is back", c.end...)
				back = b.databaseGone()
				time.Sleep(time.Minute)
				busy.Store("")
				time.Sleep(2 * time.Hour)
				r.wantGiven("it is gone again", c.again...)
				back()
				time.Sleep(10 * time.Minute)
				r.wantGiven("it is back for good", c.endedThen...)
			})
		})
	}
}

// A mailbox that the relay puts off again and again, as one that is full, holds up no other administrator.
func TestAFullMailboxHoldsUpNoAlarm(t *testing.T) {
	t.Parallel()
	r := newRelay(t, func(r *relay) {
		r.rcpt = func(to string) error {
			if strings.HasPrefix(to, "root@") {
				return code(452, "the mailbox is full")
			}
			return nil
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		check(t, b.Set(t.Context(), "mail.relay", r.url()))
		b.addAdmin("root")
		b.addAdmin("boss")
		back := b.databaseGone()
		b.run()
		time.Sleep(time.Minute)
		r.wantGiven("the database is gone", "boss@example.org: "+gone)
		back()
		time.Sleep(time.Minute)
		r.wantGiven("it is back", "boss@example.org: over: "+gone)
	})
}
