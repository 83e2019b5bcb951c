package store_test

import (
	"testing"
	"time"

	"omsbox/store"
)

// A text that is nobody's is told to an administrator after a minute, in which a setting may make it somebody's,
// and further ones once a day.
func TestWhenATextThatIsNobodysIsTold(t *testing.T) {
	t.Parallel()
	a := arrive(t)
	root := addAdmin(t, a.Store, "root", "root@example.org")
	ann := addUser(t, a.Store, "ann")
	due := func(want time.Duration) *store.Mail {
		t.Helper()
		wait, waits, err := a.MailDue(t.Context())
		if err != nil || !waits || wait != want {
			t.Fatalf("a mail is due in %v (%t, %v), want %v", wait, waits, err, want)
		}
		a.clock.Pass(wait)
		m, err := a.ClaimMail(t.Context())
		check(t, err)
		if m == nil || m.Kind != store.AlarmMail || m.User != root.ID || m.Over {
			t.Fatalf("the mail is %+v", m)
		}
		check(t, a.MailSent(t.Context(), m.ID))
		return m
	}
	none := func() {
		t.Helper()
		if wait, waits, err := a.MailDue(t.Context()); waits || err != nil {
			t.Fatalf("a mail is due in %v (%v)", wait, err)
		}
	}
	// It becomes somebody's in time.
	first := receive(t, a.Store, number, "first")
	check(t, a.Unroutable(t.Context(), first, "nobody wrote to it"))
	a.clock.Pass(time.Minute - time.Millisecond)
	check(t, a.Mailed(t.Context(), first, ann.ID))
	m, err := a.ClaimMail(t.Context())
	check(t, err)
	if m == nil || m.Kind != store.Reply || m.User != ann.ID || m.Incoming != first {
		t.Fatalf("the mail is %+v", m)
	}
	check(t, a.MailSent(t.Context(), m.ID))
	none()
	if open, err := a.Alarms(t.Context()); err != nil || len(open) != 0 {
		t.Errorf("open are %+v, %v", open, err)
	}
	// It does not.
	check(t, a.Unroutable(t.Context(), receive(t, a.Store, number, "second"), "nobody wrote to it"))
	due(time.Minute)
	none()
	a.clock.Pass(5 * time.Hour)
	check(t, a.Unroutable(t.Context(), receive(t, a.Store, number, "third"), "nobody wrote to it"))
	check(t, a.Unroutable(t.Context(), receive(t, a.Store, number, "fourth"), "nobody wrote to it"))
	due(19 * time.Hour)
	none()
	// That of a user without a mailbox is another matter.
	bob, err := a.AddUser(t.Context(), store.User{Login: "bob"}, "secret of bob")
	check(t, err)
	check(t, a.Unmailable(t.Context(), receive(t, a.Store, number, "fifth"), bob.ID, "bob has no mailbox"))
	due(time.Minute)
	open, err := a.Alarms(t.Context())
	check(t, err)
	if len(open) != 2 || open[0].Kind != store.UnreadAlarm || open[0].About != "" || open[1].Kind != store.UnreadAlarm || open[1].About != "bob" {
		t.Errorf("open are %+v", open)
	}
	check(t, a.HasRead(t.Context(), ann)) // it is not hers
	check(t, a.HasRead(t.Context(), bob))
	if open, err = a.Alarms(t.Context()); err != nil || len(open) != 1 || open[0].About != "" {
		t.Errorf("after bob has read it, open are %+v, %v", open, err)
	}
}
