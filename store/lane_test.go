package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"omsbox/modem/sms"
	"omsbox/store"
)

const (
	one = "262011111111111" // SIMs
	two = "262012222222222"
)

// clocked is a store whose time a test sets. Each store looks at its clock too, so it only reads.
func clocked(t testing.TB) (s *store.Store, pass func(time.Duration)) {
	t.Helper()
	s, clock := openAt(t, time.Now())
	return s, clock.Pass
}

// radio lets a modem with a SIM be up or down.
func radio(t testing.TB, s *store.Store, sim string, up bool) {
	t.Helper()
	check(t, s.SetModem(t.Context(), store.Modem{Device: "modem of " + sim, IMSI: sim, Up: up}))
}

// texts takes what is due through a SIM until nothing more is, and returns the texts of the segments.
func texts(t testing.TB, s *store.Store, sim string, most int) (got []string) {
	t.Helper()
	var previous *store.Verdict
	for len(got) < most {
		a, err := s.Claim(t.Context(), sim, previous)
		check(t, err)
		previous = nil
		if a == nil {
			break
		}
		segment, err := sms.ParseSubmit(a.TPDU)
		check(t, err)
		got = append(got, segment.Text)
		previous = &store.Verdict{Attempt: *a, Outcome: store.Accepted, MR: 1}
	}
	if previous != nil {
		check(t, s.Settle(t.Context(), *previous))
	}
	return got
}

func all(t testing.TB, s *store.Store, sim string) []string { return texts(t, s, sim, 1<<20) }

func want(t testing.TB, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// crowd are recipients whom nobody else writes to.
func crowd(n int) (numbers []string) {
	for i := range n {
		numbers = append(numbers, fmt.Sprintf("+4479120%05d", i))
	}
	return numbers
}

func TestTextsOfOneSenderToOnePhoneKeepTheirOrder(t *testing.T) {
	t.Parallel()
	const other = "+447911000001"
	s, pass := clocked(t)
	ann, bob := addUser(t, s, "ann"), addUser(t, s, "bob")
	for i := range 3 {
		enqueue(t, s, ann.ID, fmt.Sprint("ann ", i), number)
		enqueue(t, s, ann.ID, fmt.Sprint("else ", i), other)
	}
	a := claim(t, s, nil)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: store.Deferred, Reason: "no network"}))
	enqueue(t, s, bob.ID, "bob", number)
	// What comes after it waits with it; all others go on.
	got := all(t, s, "imsi")
	slices.Sort(got)
	want(t, got, "bob", "else 0", "else 1", "else 2")
	wait, waits, err := s.Due(t.Context(), "imsi")
	check(t, err)
	if !waits || wait <= 0 {
		t.Errorf("the next is due in %v, %t", wait, waits)
	}
	pass(wait)
	want(t, all(t, s, "imsi"), "ann 0", "ann 1", "ann 2")
}

func TestWhateverSettlesATextLetsTheNextOneGo(t *testing.T) {
	t.Parallel()
	for name, settle := range map[string]func(t *testing.T, s *store.Store, first int64, pass func(time.Duration)){
		"sent": func(t *testing.T, s *store.Store, _ int64, _ func(time.Duration)) {
			check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Accepted}))
		},
		"refused": func(t *testing.T, s *store.Store, _ int64, _ func(time.Duration)) {
			check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Refused, Reason: "why"}))
		},
		"in doubt": func(t *testing.T, s *store.Store, _ int64, _ func(time.Duration)) {
			check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Doubtful, Reason: "why"}))
		},
		"cancelled": func(t *testing.T, s *store.Store, first int64, _ func(time.Duration)) {
			check(t, s.Cancel(t.Context(), first))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, pass := clocked(t)
			first := enqueue(t, s, 0, "first", number)
			enqueue(t, s, 0, "second", number)
			settle(t, s, delivery(t, s, first), pass)
			want(t, all(t, s, "imsi"), "second")
		})
	}
	t.Run("expired", func(t *testing.T) {
		s, pass := clocked(t)
		check(t, s.Set(t.Context(), "sms.validity", "1h"))
		enqueue(t, s, 0, "first", number)
		check(t, s.Set(t.Context(), "sms.validity", "3h"))
		enqueue(t, s, 0, "second", number)
		pass(2 * time.Hour)
		want(t, all(t, s, "imsi"), "second")
	})
	t.Run("cancelled between two others", func(t *testing.T) {
		s := open(t)
		enqueue(t, s, 0, "first", number)
		second := enqueue(t, s, 0, "second", number)
		enqueue(t, s, 0, "third", number)
		a := claim(t, s, nil)
		check(t, s.Cancel(t.Context(), delivery(t, s, second)))
		if b, err := s.Claim(t.Context(), two, nil); b != nil || err != nil {
			t.Errorf("while the first is being sent %+v is due, %v", b, err)
		}
		check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: store.Accepted}))
		want(t, all(t, s, "imsi"), "third")
	})
	t.Run("after a crash", func(t *testing.T) {
		dir := t.TempDir()
		s := openIn(t, dir)
		for i := range 3 {
			enqueue(t, s, 0, fmt.Sprint("text ", i), number)
		}
		claim(t, s, nil)
		check(t, s.Close())
		want(t, all(t, openIn(t, dir), "imsi"), "text 1", "text 2")
	})
}

// delivery is the first delivery of a message.
func delivery(t testing.TB, s *store.Store, message int64) int64 {
	t.Helper()
	d, err := s.Deliveries(t.Context(), message)
	check(t, err)
	return d[0].ID
}

func TestWhatIsScheduledHoldsUpNothingUntilItsTime(t *testing.T) {
	t.Parallel()
	s, pass := clocked(t)
	enqueueAt(t, s, "later", s.Now().Add(time.Hour))
	enqueue(t, s, 0, "now", number)
	want(t, all(t, s, "imsi"), "now")
	enqueue(t, s, 0, "just before", number)
	pass(time.Hour)
	enqueue(t, s, 0, "just after", number)
	want(t, all(t, s, "imsi"), "just before", "just after", "later")
}

func TestPeopleGoBeforeBulk(t *testing.T) {
	t.Parallel()
	s := open(t)
	enqueue(t, s, 0, "bulk", crowd(11)...)
	enqueue(t, s, 0, "ten", "+447911000000", "+447911000001", "+447911000002", "+447911000003", "+447911000004",
		"+447911000005", "+447911000006", "+447911000007", "+447911000008", "+447911000009")
	want(t, texts(t, s, "imsi", 2), "ten", "ten")
	enqueue(t, s, 0, "personal", number)
	got := all(t, s, "imsi")
	if i := slices.Index(got, "bulk"); i != 9 || !slices.Contains(got[:i], "personal") || len(got) != 20 {
		t.Errorf("they left as %q", got)
	}
}

func TestALongQueueOfOneUserHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	s := open(t)
	ann, bob := addUser(t, s, "ann"), addUser(t, s, "bob")
	for _, n := range crowd(1000) {
		enqueue(t, s, ann.ID, "ann", n)
	}
	want(t, texts(t, s, "imsi", 2), "ann", "ann")
	enqueue(t, s, bob.ID, "bob", number)
	enqueue(t, s, bob.ID, "bob", "+447911000001")
	if got := texts(t, s, "imsi", 4); strings.Join(got, " ") != "bob ann bob ann" && strings.Join(got, " ") != "ann bob ann bob" {
		t.Errorf("they take turns as %q", got)
	}
}

func TestMoreIsSaidWhereAnotherSegmentFollows(t *testing.T) {
	t.Parallel()
	s := open(t)
	enqueue(t, s, 0, long(2), number)
	enqueue(t, s, 0, "short", "+447911000001")
	var got []bool
	var previous *store.Verdict
	for range 3 {
		a := claim(t, s, previous)
		got = append(got, a.More)
		previous = &store.Verdict{Attempt: *a, Outcome: store.Accepted, MR: 1}
	}
	if !slices.Equal(got, []bool{true, true, false}) {
		t.Errorf("it is said as %v", got)
	}
}

func TestWhatIsHeldStaysAndWhatHasBegunIsFinished(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"sms.hold", "sim.hold", "sim.hold/" + one} {
		t.Run(key, func(t *testing.T) {
			s := open(t)
			radio(t, s, one, true)
			enqueue(t, s, 0, long(2), number)
			enqueue(t, s, 0, "short", "+447911000001")
			texts(t, s, one, 1)
			check(t, s.Set(t.Context(), key, "yes"))
			if got := all(t, s, one); len(got) != 1 || len(got[0]) < 100 {
				t.Errorf("what has begun goes on as %q", got)
			}
			if _, waits, err := s.Due(t.Context(), one); waits || err != nil {
				t.Errorf("what is held is due (%v)", err)
			}
			text, err := s.Status(t.Context())
			check(t, err)
			if word, _, _ := strings.Cut(key, "/"); !strings.Contains(text, "held by "+word) {
				t.Errorf("the status does not say what holds it:\n%s", text)
			}
			bell := s.Subscribe(store.Outgoing)
			defer bell.Close()
			check(t, s.Set(t.Context(), key, "no"))
			<-bell.C
			want(t, all(t, s, one), "short")
		})
	}
}

func TestWhatIsHeldTooLongExpiresAndIsTold(t *testing.T) {
	t.Parallel()
	s, pass := clocked(t)
	check(t, s.Set(t.Context(), "sms.hold", "yes"))
	check(t, s.Set(t.Context(), "sms.validity", "1h"))
	id := enqueue(t, s, 0, "hello", number)
	changed := s.Watch(id)
	defer changed.Close()
	pass(61 * time.Minute)
	<-changed.C
	if got := state(t, s, id); got != store.Expired {
		t.Errorf("it is %s", got)
	}
	pass(time.Minute)
	if m, err := s.ClaimMail(t.Context()); err != nil || m == nil || m.Kind != store.Notice {
		t.Errorf("nobody is told: %+v, %v", m, err)
	}
	check(t, s.Set(t.Context(), "sms.hold", "no"))
	want(t, all(t, s, "imsi"))
}

func TestTheSMSCGivesUpWhenWeWould(t *testing.T) {
	t.Parallel()
	s, pass := clocked(t)
	for _, c := range []struct {
		waited, want time.Duration
	}{{0, 24 * time.Hour}, {6 * time.Hour, 18 * time.Hour}, {23*time.Hour + 58*time.Minute, 5 * time.Minute}} {
		enqueue(t, s, 0, "hello", number)
		pass(c.waited)
		a := claim(t, s, nil)
		segment, err := sms.ParseSubmit(a.TPDU)
		check(t, err)
		if segment.Validity != c.want {
			t.Errorf("after %v the SMSC is given %v, want %v", c.waited, segment.Validity, c.want)
		}
		check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: store.Accepted}))
	}
}

func TestWhatHasNotLeftCanBeCancelled(t *testing.T) {
	t.Parallel()
	s, clock := openAt(t, time.Now())
	queued := enqueue(t, s, 0, "queued", "+447911000001")
	scheduled := enqueueAt(t, s, "scheduled", time.Now().Add(time.Hour))
	for _, id := range []int64{queued, scheduled} {
		check(t, s.Cancel(t.Context(), delivery(t, s, id)))
		if got := state(t, s, id); got != store.Cancelled {
			t.Errorf("it is %s", got)
		}
		if err := s.Cancel(t.Context(), delivery(t, s, id)); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("twice gives %v", err)
		}
	}
	begun := enqueue(t, s, 0, long(2), number)
	a := claim(t, s, nil)
	if err := s.Cancel(t.Context(), a.Delivery); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("while it is being sent: %v", err)
	}
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: store.Accepted}))
	if err := s.Cancel(t.Context(), a.Delivery); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("when a part has left: %v", err)
	}
	if err := s.Cancel(t.Context(), 4711); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("one that is not there: %v", err)
	}
	if got := len(all(t, s, "imsi")); got != 1 || state(t, s, begun) != store.Sent {
		t.Errorf("%d more segments left, and it is %s", got, state(t, s, begun))
	}
	if m := notice(t, s, clock); m != nil {
		t.Error("who cancelled is told by mail")
	}
}

func TestTwoSIMsNeverTakeTheSame(t *testing.T) {
	t.Parallel()
	const deliveries = 300
	s := open(t)
	radio(t, s, one, true)
	radio(t, s, two, true)
	var mu sync.Mutex
	taken := map[int64]string{} // SIM of each segment
	of := map[int64]string{}    // and of each delivery
	var workers sync.WaitGroup
	for _, sim := range []string{one, two} {
		workers.Go(func() {
			bell := s.Subscribe(store.Outgoing)
			defer bell.Close()
			var previous *store.Verdict
			for {
				a, err := s.Claim(context.Background(), sim, previous)
				if err != nil {
					t.Error(err)
					return
				}
				previous = nil
				if a == nil {
					mu.Lock()
					over := len(taken) == 2*deliveries
					mu.Unlock()
					if over {
						return
					}
					select {
					case <-bell.C:
					case <-time.After(time.Minute):
						t.Error("nothing is due, and not all has left")
						return
					}
					continue
				}
				mu.Lock()
				if before := taken[a.Segment]; before != "" {
					t.Errorf("segment %d left through %s and %s", a.Segment, before, sim)
				}
				if before := of[a.Delivery]; before != "" && before != sim {
					t.Errorf("delivery %d left through %s and %s", a.Delivery, before, sim)
				}
				taken[a.Segment], of[a.Delivery] = sim, sim
				mu.Unlock()
				previous = &store.Verdict{Attempt: *a, Outcome: store.Accepted, MR: 1}
			}
		})
	}
	for _, n := range crowd(deliveries) {
		enqueue(t, s, 0, long(2), n)
	}
	for range deliveries * 2 {
		mu.Lock()
		over := len(taken) == 2*deliveries
		mu.Unlock()
		if over {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	check(t, s.Set(t.Context(), "sms.hold", "no")) // rings for whoever still waits
	workers.Wait()
	if len(of) != deliveries {
		t.Errorf("%d of %d were taken", len(of), deliveries)
	}
}
