package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"omsbox/store"
)

// stepped returns a store whose clock a test moves.
func stepped(t testing.TB) (*store.Store, *store.SteppedClock) {
	t.Helper()
	clock := store.NewSteppedClock(time.Now())
	return openIn(t, t.TempDir(), clock.Option()), clock
}

// mailed gives a user a text from a phone, and returns the mail that carries it as it is handed over.
func mailed(t testing.TB, s *store.Store, text string, user int64) *store.Mail {
	t.Helper()
	check(t, s.Receive(t.Context(), "imsi", deliver(t, number, text, 0)[0]))
	check(t, s.Mailed(t.Context(), unrouted(t, s)[0].ID, user))
	m, err := s.ClaimMail(t.Context())
	check(t, err)
	return m
}

func TestAlarmsAreClaimedFirst(t *testing.T) {
	t.Parallel()
	s, clock := stepped(t)
	u := addUser(t, s, "ann")
	for _, text := range []string{"one", "two"} {
		check(t, s.Receive(t.Context(), "imsi", deliver(t, number, text, 0)[0]))
		check(t, s.Mailed(t.Context(), unrouted(t, s)[0].ID, u.ID))
	}
	clock.Pass(time.Hour)
	check(t, s.Raise(t.Context(), "modem", "x", "it is gone"))
	for i, want := range []store.MailKind{store.AlarmMail, store.Reply, store.Reply} {
		if m, err := s.ClaimMail(t.Context()); err != nil || m == nil || m.Kind != want {
			t.Errorf("number %d is %+v, %v; want one of kind %s", i, m, err, want)
		}
	}
}

func TestWhatIsHeldAndDoubtedIsRemembered(t *testing.T) {
	t.Parallel()
	s, clock := stepped(t)
	u := addUser(t, s, "ann")
	m := mailed(t, s, "hello", u.ID)
	since := clock.Now()
	again := func(after time.Duration) *store.Mail {
		t.Helper()
		clock.Pass(after)
		m, err := s.ClaimMail(t.Context())
		check(t, err)
		if m == nil {
			t.Fatal("it is not due")
		}
		return m
	}
	check(t, s.MailBlock(t.Context(), m.ID, time.Hour, "not owned"))
	if n, err := s.BlockedMail(t.Context()); n != 1 || err != nil {
		t.Errorf("%d are held, %v", n, err)
	}
	if m = again(time.Hour); !m.Blocked.Equal(since.UTC().Truncate(time.Millisecond)) || m.Retries != 0 {
		t.Errorf("got %+v, want it held since %v", m, since)
	}
	check(t, s.MailBlock(t.Context(), m.ID, time.Hour, "not owned"))
	check(t, s.HurryBlocked(t.Context()))
	if m = again(0); !m.Blocked.Equal(since.UTC().Truncate(time.Millisecond)) {
		t.Errorf("held since %v, want the first time", m.Blocked)
	}
	check(t, s.MailDoubt(t.Context(), m.ID, time.Hour, "EOF"))
	if m = again(time.Hour); m.Doubts != 1 || !m.Blocked.IsZero() || m.Retries != 0 {
		t.Errorf("got %+v", m)
	}
	check(t, s.MailBlock(t.Context(), m.ID, time.Hour, "not owned"))
	check(t, s.HurryMail(t.Context())) // another relay
	if m = again(0); !m.Blocked.IsZero() || m.Doubts != 1 {
		t.Errorf("after another relay was set: %+v", m)
	}
}

func TestAnAlarmAboutAMailboxIsToldOnceADay(t *testing.T) {
	t.Parallel()
	s, clock := stepped(t)
	u := addUser(t, s, "ann")
	_, err := s.AddUser(t.Context(), store.User{Login: "root", Mail: "root@example.org", Admin: true}, "secret of root")
	check(t, err)
	alarms := func() (n int) {
		t.Helper()
		for {
			m, err := s.ClaimMail(t.Context())
			check(t, err)
			if m == nil {
				return n
			}
			if m.Kind != store.AlarmMail {
				t.Fatalf("got %+v", m)
			}
			n++
			check(t, s.MailSent(t.Context(), m.ID))
		}
	}
	fail := func(text string) {
		t.Helper()
		check(t, s.Receive(t.Context(), "imsi", deliver(t, number, text, 0)[0]))
		check(t, s.Mailed(t.Context(), unrouted(t, s)[0].ID, u.ID))
		for {
			m, err := s.ClaimMail(t.Context())
			check(t, err)
			if m.Kind == store.AlarmMail {
				check(t, s.MailSent(t.Context(), m.ID))
				continue
			}
			check(t, s.MailFail(t.Context(), m.ID, "no such mailbox"))
			return
		}
	}
	fail("first secret")
	if n := alarms(); n != 1 {
		t.Errorf("%d alarms are mailed about the first", n)
	}
	for n := range 10 {
		clock.Pass(time.Hour)
		fail(fmt.Sprint("further secret ", n))
		if n := alarms(); n != 0 {
			t.Errorf("%d alarms are mailed within a day", n)
		}
	}
	clock.Pass(15 * time.Hour)
	if n := alarms(); n != 1 {
		t.Errorf("%d alarms are mailed after a day", n)
	}
	lost, err := s.Failed(t.Context(), "ann", time.Time{}, 100)
	check(t, err)
	if len(lost) != 11 || lost[0].Number != number || lost[0].For != "ann" {
		t.Errorf("%d have failed: %+v", len(lost), lost)
	}
	open, err := s.Alarms(t.Context())
	check(t, err)
	if len(open) != 1 || strings.Contains(open[0].Text, "secret") || !strings.Contains(open[0].Text, number) {
		t.Errorf("open are %+v", open)
	}
	m := mailed(t, s, "this one works", u.ID)
	check(t, s.MailSent(t.Context(), m.ID))
	if open, err = s.Alarms(t.Context()); len(open) != 0 || err != nil {
		t.Errorf("after a mail was taken open are %+v, %v", open, err)
	}
}

// An older text must not hide behind its neighbours of the same millisecond.
func TestOwnTextsOfOneMomentAreEachShownOnce(t *testing.T) {
	t.Parallel()
	s, _ := stepped(t)
	ann, bob := addUser(t, s, "ann"), addUser(t, s, "bob")
	for n := range 7 {
		enqueue(t, s, ann.ID, "out", "+447911000001")
		enqueue(t, s, bob.ID, "of bob", "+447911000001")
		check(t, s.Receive(t.Context(), "imsi", deliver(t, number, strings.Repeat("in", n+1), 0)[0]))
		check(t, s.Mailed(t.Context(), unrouted(t, s)[0].ID, ann.ID))
	}
	seen := map[store.Place]int{}
	var after store.Place
	for pages := 0; ; pages++ {
		own, more, err := s.OwnTexts(t.Context(), ann.ID, after, 3, 1, 5)
		check(t, err)
		for _, o := range own {
			seen[o.Place]++
			if o.Text == "of bo" || len(o.Text) > 5 || o.More != (o.In && len(o.Text) == 5) && o.Text != "out" {
				t.Errorf("got %+v", o)
			}
			after = o.Place
		}
		if !more {
			break
		}
		if pages > 10 {
			t.Fatal("the list has no end")
		}
	}
	if len(seen) != 14 {
		t.Errorf("%d texts are shown, want 14", len(seen))
	}
	for place, n := range seen {
		if n != 1 {
			t.Errorf("%+v is shown %d times", place, n)
		}
	}
}
