package store_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"omsbox/store"
)

// hand hands a text of a user to so many phones, as OMS does.
func hand(t testing.TB, s *store.Store, m store.Message, recipients int) store.Result {
	t.Helper()
	m.Source, m.Partly = store.SourceOMS, true
	if m.Parts == nil {
		m.Parts = []string{"hello"}
	}
	for _, n := range crowd(recipients) {
		m.To = append(m.To, store.Recipient{Number: n, Typed: "typed " + n})
	}
	results, err := s.EnqueueAll(t.Context(), []store.Message{m})
	check(t, err)
	return results[0]
}

// waiting counts the deliveries that wait.
func waiting(t testing.TB, s *store.Store) int {
	t.Helper()
	b, err := s.Backlog(t.Context())
	check(t, err)
	return b.Queued
}

// over says in short whom a limit kept out.
func over(r store.Result) string {
	o := r.Over
	if r.Err != nil {
		if !errors.As(r.Err, &o) {
			return r.Err.Error()
		}
	}
	if o == nil {
		return ""
	}
	span := "day"
	if o.Monthly {
		span = "month"
	}
	return fmt.Sprintf("%d of %d a %s", len(o.To), o.Most, span)
}

func TestAUserHandsOverNoMoreSegmentsThanTheLimits(t *testing.T) {
	t.Parallel()
	s, set := atNoon(t, t.TempDir(), 30)
	ann, bob := addUser(t, s, "Ann"), addUser(t, s, "bob")
	hand(t, s, store.Message{User: ann.ID}, 1) // it counts, though there was no limit yet
	check(t, s.Set(t.Context(), "user.daily", "100"))
	check(t, s.Set(t.Context(), "user.daily/ann", "10"))
	check(t, s.Set(t.Context(), "user.monthly/ann", "25"))
	for i, c := range []struct {
		user       store.User
		recipients int
		text       string
		want       string
		queued     int
	}{
		{ann, 3, "short", "", 3},
		{ann, 2, long(3), "", 2},
		{ann, 1, "one is too much", "1 of 10 a day", 0},
		{bob, 20, long(3), "", 20},
		{bob, 20, long(3), "7 of 100 a day", 13}, // one segment is left, and would be a third of a text
	} {
		before := waiting(t, s)
		r := hand(t, s, store.Message{User: c.user.ID, Parts: []string{c.text}}, c.recipients)
		if got := over(r); got != c.want || waiting(t, s)-before != c.queued {
			t.Errorf("message %d: %q is over and %d are queued, want %q and %d", i, got, waiting(t, s)-before, c.want, c.queued)
		}
	}
	set(time.Date(2036, 5, 31, 0, 0, 1, 0, time.Local))
	if got := over(hand(t, s, store.Message{User: ann.ID}, 11)); got != "1 of 10 a day" {
		t.Errorf("the next day %q are over", got)
	}
	check(t, s.Set(t.Context(), "user.daily/ann", "1000"))
	if got := over(hand(t, s, store.Message{User: ann.ID}, 11)); got != "6 of 25 a month" {
		t.Errorf("with another daily limit %q are over", got)
	}
	set(time.Date(2036, 6, 1, 0, 0, 1, 0, time.Local))
	if got := over(hand(t, s, store.Message{User: ann.ID}, 11)); got != "" {
		t.Errorf("the next month %q are over", got)
	}
}

func TestWithoutPartlyALimitKeepsAllOut(t *testing.T) {
	t.Parallel()
	s := open(t)
	ann := addUser(t, s, "ann")
	check(t, s.Set(t.Context(), "user.daily", "2"))
	m := store.Message{User: ann.ID, Source: store.SourceCommand, Parts: []string{"hello"}}
	for _, n := range crowd(3) {
		m.To = append(m.To, store.Recipient{Number: n})
	}
	var o *store.Over
	if _, _, err := s.Enqueue(t.Context(), m); !errors.As(err, &o) || len(o.To) != 1 {
		t.Errorf("got %v", err)
	}
	m.To = m.To[:2]
	if _, _, err := s.Enqueue(t.Context(), m); err != nil {
		t.Errorf("what was refused was counted: %v", err)
	}
}

func TestALimitHoldsAlsoAfterARestartAndByAWrongClock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := atNoon(t, dir, 30)
	ann := addUser(t, s, "ann")
	check(t, s.Set(t.Context(), "user.daily", "2"))
	hand(t, s, store.Message{User: ann.ID}, 2)
	check(t, s.Close())
	s, set := atNoon(t, dir, 30)
	set(time.Date(2036, 5, 1, 12, 0, 0, 0, time.Local)) // as a computer without a clock starts
	if s.ClockTrusted() {
		t.Fatal("the clock is trusted")
	}
	if got := over(hand(t, s, store.Message{User: ann.ID}, 1)); got != "1 of 2 a day" {
		t.Errorf("a wrong clock began a new day: %q are over", got)
	}
}

func TestARepeatedRequestIsCountedOnceAndToldOfTheLimitAgain(t *testing.T) {
	t.Parallel()
	s := open(t)
	ann := addUser(t, s, "ann")
	check(t, s.Set(t.Context(), "user.daily", "3"))
	check(t, s.Set(t.Context(), "oms.notices", "2"))
	m := store.Message{User: ann.ID, Digest: &[32]byte{1}, Answers: true, SourceType: "reminder"}
	first := hand(t, s, m, 5)
	again := hand(t, s, m, 5)
	if !again.Again || again.ID != first.ID || over(again) != "2 of 3 a day" {
		t.Errorf("the repeat is %+v, and %q are over", again, over(again))
	}
	check(t, s.Set(t.Context(), "user.daily", "4"))
	if r := hand(t, s, store.Message{User: ann.ID, SourceType: "reminder"}, 1); r.Err != nil {
		t.Errorf("the repeat was counted: %v", r.Err)
	}
	// The same request to another service is another one.
	m.Service = "sales"
	if r := hand(t, s, m, 5); r.Again {
		t.Error("a request to another service is taken for a repeated one")
	}
}

func TestARepeatedRequestIsToldOfTheLimitThatKeptItsRecipientsOut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		first, second [2]string // user.daily and user.monthly, before and after
		want          string
	}{
		{"that of the month beside one of the day", [2]string{"100", "3"}, [2]string{"100", "3"}, "2 of 3 a month"},
		{"that of the day beside one of the month", [2]string{"3", "100"}, [2]string{"3", "100"}, "2 of 3 a day"},
		{"another now", [2]string{"3", ""}, [2]string{"1", "2"}, "2 of 3 a day"},
		{"none now", [2]string{"", "3"}, [2]string{"", ""}, "2 of 3 a month"},
		{"one now and none before", [2]string{"", ""}, [2]string{"1", "1"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			ann := addUser(t, s, "ann")
			limit := func(most [2]string) {
				t.Helper()
				check(t, s.Set(t.Context(), "user.daily", most[0]))
				check(t, s.Set(t.Context(), "user.monthly", most[1]))
			}
			m := store.Message{User: ann.ID, Digest: &[32]byte{1}, Answers: true}
			limit(c.first)
			if got := over(hand(t, s, m, 5)); got != c.want {
				t.Fatalf("at first %q are over, want %q", got, c.want)
			}
			limit(c.second)
			again := hand(t, s, m, 5)
			if got := over(again); !again.Again || got != c.want {
				t.Errorf("then %q are over, want %q (%+v)", got, c.want, again)
			}
			if o := again.Over; o != nil && (o.To[0].Number != crowd(5)[3] || o.To[1].Number != crowd(5)[4]) {
				t.Errorf("those left out are %v, want the last", o.To)
			}
		})
	}
}

func TestNotificationsAreCountedByMessageAndDay(t *testing.T) {
	t.Parallel()
	s, set := atNoon(t, t.TempDir(), 30)
	ann, bob := addUser(t, s, "ann"), addUser(t, s, "bob")
	for range 40 { // without the setting there is no cap
		if r := hand(t, s, store.Message{User: ann.ID, SourceType: "reminder"}, 1); r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	set(time.Date(2036, 5, 31, 12, 0, 0, 0, time.Local))
	check(t, s.Set(t.Context(), "oms.notices", "yes"))
	check(t, s.Set(t.Context(), "oms.notices/bob", "2"))
	for n := range 30 {
		kind := []string{"reminder", "ruleBased", "RULEBASED"}[n%3]
		if r := hand(t, s, store.Message{User: ann.ID, SourceType: kind, Parts: []string{"a", long(2)}}, 3); r.Err != nil {
			t.Fatalf("notification %d: %v", n+1, r.Err)
		}
		if r := hand(t, s, store.Message{User: ann.ID, SourceType: "calSummary"}, 1); r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	for range 3 {
		if r := hand(t, s, store.Message{User: ann.ID, SourceType: "reminder"}, 1); !errors.Is(r.Err, store.ErrNotices) {
			t.Errorf("number 31: %v", r.Err)
		}
	}
	for n := range 3 {
		if r := hand(t, s, store.Message{User: bob.ID, SourceType: "reminder"}, 1); (r.Err != nil) != (n == 2) {
			t.Errorf("bob's number %d: %v", n+1, r.Err)
		}
	}
	// What was refused is not counted.
	check(t, s.Set(t.Context(), "oms.notices/ann", "31"))
	if r := hand(t, s, store.Message{User: ann.ID, SourceType: "reminder"}, 1); r.Err != nil {
		t.Errorf("with one more: %v", r.Err)
	}
	set(time.Date(2036, 6, 1, 0, 0, 1, 0, time.Local))
	if r := hand(t, s, store.Message{User: ann.ID, SourceType: "reminder"}, 1); r.Err != nil {
		t.Errorf("the next day: %v", r.Err)
	}
}

// commits counts those that the database's write-ahead log holds: the frames that tell the size of the
// database after a commit, behind the last checkpoint. https://sqlite.org/fileformat2.html, 4.1
func commits(t *testing.T, s *store.Store) (n int) {
	t.Helper()
	wal, err := os.ReadFile(filepath.Join(s.Dir(), store.File+"-wal"))
	check(t, err)
	const header, frame = 32, 24
	page, salts := int(binary.BigEndian.Uint32(wal[8:])), wal[16:24]
	for at := header; at+frame+page <= len(wal) && bytes.Equal(wal[at+8:at+16], salts); at += frame + page {
		if binary.BigEndian.Uint32(wal[at+4:]) != 0 {
			n++
		}
	}
	return n
}

func TestManyMessagesAreQueuedInOneCommitEachForItself(t *testing.T) {
	t.Parallel()
	s := open(t)
	ann := addUser(t, s, "ann")
	check(t, s.Set(t.Context(), "user.daily/ann", "3"))
	to := []store.Recipient{{Number: "+447911000001", Typed: "x"}}
	m := store.Message{User: ann.ID, Source: store.SourceOMS, Parts: []string{"hello"}, To: to}
	no := m
	no.Parts = []string{""}
	tooLong := m
	tooLong.Parts = []string{strings.Repeat("x", 255*153+1)}
	fits := m
	fits.Parts = []string{long(2)}
	more := m
	more.Parts = []string{long(3)}
	before := commits(t, s)
	results, err := s.EnqueueAll(t.Context(), []store.Message{m, no, more, fits, tooLong, m})
	check(t, err)
	if n := commits(t, s) - before; n != 1 {
		t.Errorf("it took %d commits", n)
	}
	var got []string
	for _, r := range results {
		switch o := (*store.Over)(nil); {
		case errors.As(r.Err, &o):
			got = append(got, "over")
		case errors.Is(r.Err, store.ErrInvalid):
			got = append(got, "invalid")
		case r.Err == nil && r.ID != 0:
			got = append(got, "queued")
		default:
			got = append(got, fmt.Sprintf("%+v", r))
		}
	}
	if got, want := strings.Join(got, " "), "queued invalid over queued invalid over"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := strings.Join(all(t, s, one), ""), "hello"+long(2); got != want {
		t.Errorf("%q left", got)
	}
}

func TestTextsCannotLeaveBeforeAModemHasWorkedNorAfterALongOutage(t *testing.T) {
	t.Parallel()
	s, set := atNoon(t, t.TempDir(), 30)
	if fresh := open(t); !fresh.Reachable(time.Time{}) {
		t.Error("just after the first start nothing is taken")
	}
	now, later := time.Time{}, time.Date(2036, 6, 9, 0, 0, 0, 0, time.Local)
	say := func(when string, want, wantLater bool) {
		t.Helper()
		if got := s.Reachable(now); got != want {
			t.Errorf("%s: a text of now may be expected to leave: %t", when, got)
		}
		if got := s.Reachable(later); got != wantLater {
			t.Errorf("%s: a scheduled text may be expected to leave: %t", when, got)
		}
	}
	check(t, s.SetModem(t.Context(), store.Modem{Device: "stick", Problem: "no SIM"}))
	set(time.Date(2036, 5, 30, 12, 3, 0, 0, time.Local))
	say("long after the start", false, false)
	check(t, s.SetModem(t.Context(), store.Modem{Device: "stick", Up: true, IMSI: one}))
	say("in a network", true, true)
	check(t, s.SetModem(t.Context(), store.Modem{Device: "stick", Problem: "gone"}))
	say("just gone", true, true)
	set(time.Date(2036, 5, 31, 11, 59, 0, 0, time.Local))
	say("gone for almost a day", true, true)
	set(time.Date(2036, 5, 31, 12, 3, 1, 0, time.Local))
	say("gone for as long as texts are worth sending", false, true)
	set(time.Date(2036, 6, 8, 23, 59, 0, 0, time.Local))
	say("gone for longer than it takes until that text is not worth sending any more", false, false)
	check(t, s.SetModem(t.Context(), store.Modem{Device: "other", Up: true, IMSI: two}))
	say("with another one", true, true)
}
