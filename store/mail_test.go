package store_test

import (
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"omsbox/store"
)

// owing queues a message whose caller will tell of failures in its answer.
func owing(t testing.TB, s *store.Store, user int64, numbers ...string) int64 {
	t.Helper()
	m := store.Message{User: user, Source: store.SourceOMS, Parts: []string{"hello"}, Answers: true}
	for _, n := range numbers {
		m.To = append(m.To, store.Recipient{Number: n})
	}
	id, _, err := s.Enqueue(t.Context(), m)
	check(t, err)
	return id
}

func refuse(t testing.TB, s *store.Store) store.Attempt {
	t.Helper()
	a := claim(t, s, nil)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: store.Refused, Reason: "the number does not exist"}))
	return *a
}

// notice returns the notice that is due within a minute, nil where there is none.
func notice(t testing.TB, s *store.Store, clock *store.SteppedClock) *store.Mail {
	t.Helper()
	clock.Pass(time.Minute)
	m, err := s.ClaimMail(t.Context())
	check(t, err)
	return m
}

func TestAFailureIsToldOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		fails  func(*testing.T, *store.Store, int64)
		notice bool
	}{
		{"by the answer", func(t *testing.T, s *store.Store, id int64) {
			a := refuse(t, s)
			s.Answered(id, true, []int64{a.Delivery})
		}, false},
		{"by mail, when the answer did not tell it", func(t *testing.T, s *store.Store, id int64) {
			refuse(t, s)
			s.Answered(id, true, nil)
		}, true},
		{"by mail, when the client was gone", func(t *testing.T, s *store.Store, id int64) {
			a := refuse(t, s)
			s.Answered(id, false, []int64{a.Delivery})
		}, true},
		{"by mail, when it comes after the answer", func(t *testing.T, s *store.Store, id int64) {
			s.Answered(id, true, nil)
			refuse(t, s)
		}, true},
		{"by mail, when nobody knows", func(t *testing.T, s *store.Store, id int64) {
			s.Answered(id, true, nil)
			a := claim(t, s, nil)
			check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: store.Doubtful, Reason: "no answer"}))
		}, true},
		{"not at all, when it is sent", func(t *testing.T, s *store.Store, id int64) {
			s.Answered(id, true, nil)
			a := claim(t, s, nil)
			check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: store.Accepted, MR: 1}))
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, clock := openAt(t, time.Now())
			u := addUser(t, s, "ann")
			c.fails(t, s, owing(t, s, u.ID, number))
			check(t, s.SetHealth(t.Context(), "x", true, "")) // Answered comes before it in the queue
			m := notice(t, s, clock)
			if (m != nil) != c.notice {
				t.Fatalf("the notice is %+v", m)
			}
			if m != nil {
				told, err := s.Told(t.Context(), m.ID)
				check(t, err)
				if m.User != u.ID || len(told) != 1 || told[0].Reason == "" {
					t.Errorf("it goes to %d and tells %+v", m.User, told)
				}
				check(t, s.MailSent(t.Context(), m.ID))
			}
			if again := notice(t, s, clock); again != nil {
				t.Errorf("it is told again: %+v", again)
			}
		})
	}
}

func TestEachOfManyAnswersAtOnceTellsItsOwn(t *testing.T) {
	t.Parallel()
	s, clock := openAt(t, time.Now())
	const each = 10 // of those that told, that did not tell, and that were not written
	want := map[int64]bool{}
	var answers []func()
	for i := range 3 * each {
		u := addUser(t, s, fmt.Sprint("user", i))
		id := owing(t, s, u.ID, fmt.Sprintf("+4479111%05d", i))
		delivery := refuse(t, s).Delivery
		switch i % 3 {
		case 0:
			answers = append(answers, func() { s.Answered(id, true, []int64{delivery}) })
		case 1:
			answers, want[u.ID] = append(answers, func() { s.Answered(id, true, nil) }), true
		case 2:
			answers, want[u.ID] = append(answers, func() { s.Answered(id, false, []int64{delivery}) }), true
		}
	}
	var done sync.WaitGroup
	for _, answer := range answers {
		done.Go(answer)
	}
	done.Wait()
	check(t, s.SetHealth(t.Context(), "x", true, "")) // comes after them
	got := map[int64]bool{}
	for m := notice(t, s, clock); m != nil; {
		got[m.User] = true
		check(t, s.MailSent(t.Context(), m.ID))
		var err error
		m, err = s.ClaimMail(t.Context())
		check(t, err)
	}
	if !maps.Equal(got, want) {
		t.Errorf("%d are told by mail, want %d: %v", len(got), len(want), got)
	}
}

func TestFailuresOfOneMessageShareAMail(t *testing.T) {
	t.Parallel()
	s, clock := openAt(t, time.Now())
	u := addUser(t, s, "ann")
	enqueue(t, s, u.ID, "hello", "+447911000001", "+447911000002", "+447911000003")
	for range 3 {
		refuse(t, s)
	}
	m := notice(t, s, clock)
	if m == nil {
		t.Fatal("there is no notice")
	}
	told, err := s.Told(t.Context(), m.ID)
	check(t, err)
	if len(told) != 3 {
		t.Errorf("it tells %d failures", len(told))
	}
	if again := notice(t, s, clock); again != nil {
		t.Errorf("there is another: %+v", again)
	}
}

func TestAnAnswerThatACrashPreventedIsMailed(t *testing.T) {
	t.Parallel()
	dir, clock := t.TempDir(), store.NewSteppedClock(time.Now())
	s := openIn(t, dir, clock.Option())
	u := addUser(t, s, "ann")
	owing(t, s, u.ID, number)
	refuse(t, s)
	check(t, s.Close())
	if m := notice(t, openIn(t, dir, clock.Option()), clock); m == nil || m.Kind != store.Notice {
		t.Errorf("the notice is %+v", m)
	}
}

func TestAMailIsTheSameAtEveryTry(t *testing.T) {
	t.Parallel()
	dir, clock := t.TempDir(), store.NewSteppedClock(time.Now())
	s := openIn(t, dir, clock.Option())
	u := addUser(t, s, "ann")
	check(t, s.Receive(t.Context(), "imsi", deliver(t, number, "hello", 0)[0]))
	check(t, s.Mailed(t.Context(), unrouted(t, s)[0].ID, u.ID))
	first, err := s.ClaimMail(t.Context())
	check(t, err)
	check(t, s.MailRetry(t.Context(), first.ID, time.Hour, "busy"))
	if m, err := s.ClaimMail(t.Context()); m != nil || err != nil {
		t.Fatalf("before its time: %+v, %v", m, err)
	}
	if wait, waits, err := s.MailDue(t.Context()); err != nil || !waits || wait < 59*time.Minute || wait > time.Hour {
		t.Errorf("it is due in %v, %t, %v", wait, waits, err)
	}
	clock.Pass(2 * time.Hour)
	second, err := s.ClaimMail(t.Context())
	check(t, err)
	check(t, s.Close()) // a crash while it is being handed over
	s = openIn(t, dir, clock.Option())
	third, err := s.ClaimMail(t.Context())
	check(t, err)
	for _, m := range []*store.Mail{second, third} {
		if m == nil || m.Token != first.Token || !m.Created.Equal(first.Created) || m.ID != first.ID {
			t.Fatalf("first %+v, then %+v", first, m)
		}
	}
	check(t, s.MailFail(t.Context(), third.ID, "no such mailbox"))
	if m, err := s.ClaimMail(t.Context()); m == nil || m.Kind != store.AlarmMail || err != nil {
		t.Errorf("after it failed: %+v, %v", m, err)
	}
	if m, err := s.ClaimMail(t.Context()); m != nil || err != nil {
		t.Errorf("after the alarm: %+v, %v", m, err)
	}
}

func TestOnlyBeingPutOffCounts(t *testing.T) {
	t.Parallel()
	s := open(t)
	u := addUser(t, s, "ann")
	check(t, s.Receive(t.Context(), "imsi", deliver(t, number, "hello", 0)[0]))
	check(t, s.Mailed(t.Context(), unrouted(t, s)[0].ID, u.ID))
	for i, c := range []struct {
		ends    func(mail int64) error
		retries int // at the next try
	}{
		{func(mail int64) error { return s.MailAgain(t.Context(), mail, "sign in first") }, 0},
		{func(mail int64) error { return s.MailRetry(t.Context(), mail, 0, "busy") }, 1},
		{func(mail int64) error { return s.MailAgain(t.Context(), mail, "omsbox stopped") }, 1},
		{func(mail int64) error { return s.MailRetry(t.Context(), mail, 0, "busy") }, 2},
		{func(mail int64) error {
			check(t, s.MailRetry(t.Context(), mail, time.Hour, "busy"))
			return s.HurryMail(t.Context()) // another relay has put it off no time yet
		}, 0},
	} {
		m, err := s.ClaimMail(t.Context())
		check(t, err)
		check(t, c.ends(m.ID))
		next, err := s.ClaimMail(t.Context())
		check(t, err)
		if next == nil || next.Retries != c.retries || next.Attempts != 2*i+2 {
			t.Fatalf("after step %d got %+v, want %d retries and %d attempts", i, next, c.retries, 2*i+2)
		}
		check(t, s.MailAgain(t.Context(), next.ID, ""))
	}
}

func TestANoticeWaitsAMomentForOtherFailures(t *testing.T) {
	t.Parallel()
	s, clock := openAt(t, time.Now())
	u := addUser(t, s, "ann")
	enqueue(t, s, u.ID, "hello", number)
	refuse(t, s)
	for _, c := range []struct {
		after time.Duration
		due   bool
	}{{0, false}, {1900 * time.Millisecond, false}, {100 * time.Millisecond, true}} {
		clock.Pass(c.after)
		if m, err := s.ClaimMail(t.Context()); (m != nil) != c.due || err != nil {
			t.Errorf("after %v: got %+v, %v", c.after, m, err)
		}
	}
}

func TestOnlyAMailThatIsBeingHandedOverChanges(t *testing.T) {
	t.Parallel()
	become := map[string]func(*store.Store, int64) error{
		"sent":   func(s *store.Store, mail int64) error { return s.MailSent(t.Context(), mail) },
		"failed": func(s *store.Store, mail int64) error { return s.MailFail(t.Context(), mail, "no such mailbox") },
		"queued": func(s *store.Store, mail int64) error { return s.MailRetry(t.Context(), mail, time.Hour, "busy") },
		"again":  func(s *store.Store, mail int64) error { return s.MailAgain(t.Context(), mail, "omsbox stopped") },
	}
	for before, first := range become {
		for after, second := range become {
			t.Run(before+" then "+after, func(t *testing.T) {
				s, clock := openAt(t, time.Now())
				u := addUser(t, s, "ann")
				enqueue(t, s, u.ID, "hello", number)
				refuse(t, s)
				m := notice(t, s, clock)
				check(t, first(s, m.ID))
				is, err := s.Backlog(t.Context())
				check(t, err)
				due, waits, err := s.MailDue(t.Context())
				check(t, err)
				lines, err := s.Lines(t.Context(), 100)
				check(t, err)
				check(t, second(s, m.ID))
				stays, err := s.Backlog(t.Context())
				check(t, err)
				if stays != is {
					t.Errorf("first %+v, then %+v", is, stays)
				}
				if d, w, err := s.MailDue(t.Context()); d != due || w != waits || err != nil {
					t.Errorf("it is due in %v, then %v", due, d)
				}
				if again, err := s.Lines(t.Context(), 100); len(again) != len(lines) || err != nil {
					t.Errorf("the traffic log says more: %+v", again[0])
				}
			})
		}
	}
}

// Who gets an answer and then sends the very same text again means another one.
func TestTheSameTextRightAfterAnAnswerIsAnotherText(t *testing.T) {
	t.Parallel()
	s := open(t)
	var clients sync.WaitGroup
	for n := range 32 {
		clients.Go(func() {
			m := store.Message{Source: store.SourceOMS, Parts: []string{"Test"}, To: []store.Recipient{{Number: fmt.Sprintf("+4479111%05d", n)}},
				Digest: &[32]byte{byte(n)}, Answers: true}
			for i := range 100 {
				id, again, err := s.Enqueue(t.Context(), m)
				if err != nil || again {
					t.Errorf("text %d of %d is message %d, which was answered (%t), %v", i, n, id, again, err)
					return
				}
				s.Answered(id, true, nil)
			}
		})
	}
	clients.Wait()
}
