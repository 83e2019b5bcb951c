package store_test

import (
	"strings"
	"testing"
	"time"

	"omsbox/store"
)

// alarms is a store with a clock that the test moves, and an administrator.
func alarms(t *testing.T) (*store.Store, store.User, *store.SteppedClock) {
	s, clock := openAt(t, time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
	return s, addAdmin(t, s, "root", "root@example.org"), clock
}

func addAdmin(t testing.TB, s *store.Store, login, mail string) store.User {
	t.Helper()
	u, err := s.AddUser(t.Context(), store.User{Login: login, Mail: mail, Admin: true}, "secret of "+login)
	check(t, err)
	return u
}

// mailsNow hands over all mail that is due, and says of each whom it goes to and what it is.
func mailsNow(t *testing.T, s *store.Store) (got []string) {
	t.Helper()
	for {
		m, err := s.ClaimMail(t.Context())
		check(t, err)
		if m == nil {
			return got
		}
		name := "catch-all"
		if m.User != 0 {
			u, err := s.User(t.Context(), m.User)
			check(t, err)
			name = u.Login
		}
		if m.Kind != store.AlarmMail {
			t.Errorf("a mail of the kind %s", m.Kind)
		}
		if m.Over {
			name += " over"
		}
		got = append(got, name)
		check(t, s.MailSent(t.Context(), m.ID))
	}
}

func TestWhomAnAlarmIsMailedTo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		people func(*testing.T, *store.Store)
		want   string
	}{
		{"every administrator", func(t *testing.T, s *store.Store) {
			addAdmin(t, s, "ann", "ann@example.org")
			addAdmin(t, s, "ben", "ben@example.org")
			addUser(t, s, "eve")
		}, "ann ben"},
		{"none who is disabled or has no mailbox", func(t *testing.T, s *store.Store) {
			addAdmin(t, s, "ann", "")
			addAdmin(t, s, "ben", "ben@example.org")
			addAdmin(t, s, "cid", "cid@example.org")
			check(t, s.Disable(t.Context(), "ben"))
		}, "cid"},
		{"without an administrator the catch-all", func(t *testing.T, s *store.Store) { addUser(t, s, "eve") }, "catch-all"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			c.people(t, s)
			check(t, s.Raise(t.Context(), "modem", "/dev/ttyUSB0", "the modem does not answer"))
			if got := strings.Join(mailsNow(t, s), " "); got != c.want {
				t.Errorf("it is mailed to %q, want %q", got, c.want)
			}
		})
	}
}

func TestWhenAnAlarmIsMailed(t *testing.T) {
	t.Parallel()
	type step struct {
		after time.Duration
		does  string // "raise", "clear", "raise elsewhere" or "look"
		want  string // the mails that leave then
	}
	const minute = time.Minute
	for _, c := range []struct {
		name  string
		steps []step
		open  int // in the end
	}{
		{"once, however often it is raised", []step{{0, "raise", "root"}, {minute, "raise", ""}, {3 * time.Hour, "raise", ""}}, 1},
		{"and when it is over", []step{{0, "raise", "root"}, {minute, "clear", "root over"}, {minute, "clear", ""}}, 0},
		{"one for each thing that it is about", []step{{0, "raise", "root"}, {0, "raise elsewhere", "root"}, {minute, "clear", "root over"}}, 1},
		{"not again when it comes back soon", []step{{0, "raise", "root"}, {minute, "clear", "root over"}, {minute, "raise", ""}, {minute, "clear", ""}, {2 * time.Hour, "look", ""}}, 0},
		{"but it is when it comes back to stay", []step{{0, "raise", "root"}, {minute, "clear", "root over"}, {30 * minute, "raise", ""}, {30 * minute, "look", "root"}, {minute, "clear", "root over"}}, 0},
		{"again when it comes back later", []step{{0, "raise", "root"}, {minute, "clear", "root over"}, {61 * minute, "raise", "root"}}, 1},
		{"now and then while it comes and goes", []step{{0, "raise", "root"}, {minute, "clear", "root over"}, {minute, "raise", ""}, {20 * minute, "clear", ""},
			{20 * minute, "raise", ""}, {18 * minute, "look", ""}, {minute, "look", "root"}}, 1},
		{"what never was wrong is not over", []step{{0, "clear", ""}}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _, clock := alarms(t)
			for i, step := range c.steps {
				clock.Pass(step.after)
				switch step.does {
				case "raise":
					check(t, s.Raise(t.Context(), "modem", "/dev/ttyUSB0", "the modem does not answer"))
				case "raise elsewhere":
					check(t, s.Raise(t.Context(), "modem", "/dev/ttyUSB1", "the modem does not answer"))
				case "clear":
					check(t, s.Clear(t.Context(), "modem", "/dev/ttyUSB0"))
				}
				if got := strings.Join(mailsNow(t, s), " "); got != step.want {
					t.Errorf("step %d (%s): mails leave to %q, want %q", i+1, step.does, got, step.want)
				}
			}
			open, err := s.Alarms(t.Context())
			check(t, err)
			if len(open) != c.open {
				t.Errorf("open are %+v", open)
			}
		})
	}
}

func TestAnAlarmThatIsTakenBackInTimeFailsNoMail(t *testing.T) {
	t.Parallel()
	s, _, clock := alarms(t)
	for range 2 {
		check(t, s.Raise(t.Context(), "modem", "x", "it is gone"))
		mailsNow(t, s)
		clock.Pass(time.Minute)
		check(t, s.Clear(t.Context(), "modem", "x"))
		mailsNow(t, s)
	}
	b, err := s.Backlog(t.Context())
	check(t, err)
	if b.MailQueued != 0 || b.MailFailed != 0 {
		t.Errorf("%d mails wait, %d failed", b.MailQueued, b.MailFailed)
	}
}

func TestTheStatusShowsAlarmsAndSinceWhen(t *testing.T) {
	t.Parallel()
	s, _, clock := alarms(t)
	began := clock.Now().Local().Format("2006-01-02 15:04:05")
	check(t, s.Raise(t.Context(), "modem", "/dev/ttyUSB0", "the modem does not answer"))
	clock.Pass(time.Hour)
	check(t, s.Raise(t.Context(), "modem", "/dev/ttyUSB0", "the modem is gone: plug it in"))
	got, err := s.Status(t.Context())
	check(t, err)
	if !strings.Contains(got, "/dev/ttyUSB0: the modem is gone: plug it in (since "+began+")") {
		t.Errorf("it says\n%s", got)
	}
	check(t, s.Clear(t.Context(), "modem", "/dev/ttyUSB0"))
	if got, err = s.Status(t.Context()); err != nil || strings.Contains(got, "/dev/ttyUSB0") {
		t.Errorf("after it was over (%v) it says\n%s", err, got)
	}
}
