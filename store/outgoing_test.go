package store_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"omsbox/modem/sms"
	"omsbox/store"
)

const number = "+447911123456"

// claim takes the next segment, which must be there.
func claim(t testing.TB, s *store.Store, previous *store.Verdict) *store.Attempt {
	t.Helper()
	a, err := s.Claim(t.Context(), "imsi", previous)
	check(t, err)
	if a == nil {
		t.Fatal("nothing is due")
	}
	return a
}

// long is a text of that many segments.
func long(segments int) string { return strings.Repeat("x", 153*segments) }

func TestWhatBecomesOfADelivery(t *testing.T) {
	t.Parallel()
	const sent, refused, deferred, unsent, doubtful = store.Accepted, store.Refused, store.Deferred, store.Unsent, store.Doubtful
	for _, c := range []struct {
		name     string
		segments int
		outcomes []store.Outcome // of the attempts, one after the other
		want     store.State
		left     int // segments that were handed over
	}{
		{"taken", 1, []store.Outcome{sent}, store.Sent, 1},
		{"taken in parts", 3, []store.Outcome{sent, sent, sent}, store.Sent, 3},
		{"refused", 1, []store.Outcome{refused}, store.Failed, 1},
		{"refused in the middle: the rest is a fragment", 3, []store.Outcome{sent, refused}, store.Failed, 2},
		{"put off", 1, []store.Outcome{deferred}, store.Queued, 1},
		{"put off in the middle", 3, []store.Outcome{sent, deferred}, store.Queued, 2},
		{"not taken by the modem, then taken", 1, []store.Outcome{unsent, sent}, store.Sent, 2},
		{"unanswered", 1, []store.Outcome{doubtful}, store.Unconfirmed, 1},
		{"unanswered in the middle: the rest still goes", 3, []store.Outcome{sent, doubtful, sent}, store.Unconfirmed, 3},
		{"unanswered, then refused", 2, []store.Outcome{doubtful, refused}, store.Failed, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			id := enqueue(t, s, 0, long(c.segments), number)
			var previous *store.Verdict
			for i, outcome := range c.outcomes {
				a := claim(t, s, previous)
				previous = &store.Verdict{Attempt: *a, Outcome: outcome, MR: i, Reason: "why"}
			}
			next, err := s.Claim(t.Context(), "imsi", previous)
			check(t, err)
			if next != nil {
				t.Fatalf("another segment is due: %+v", next)
			}
			d, err := s.Deliveries(t.Context(), id)
			check(t, err)
			if d[0].State != c.want || d[0].Attempts != c.left {
				t.Errorf("it is %s after %d attempts, want %s after %d", d[0].State, d[0].Attempts, c.want, c.left)
			}
			if (d[0].Reason == "") != (c.want == store.Sent) {
				t.Errorf("the reason is %q", d[0].Reason)
			}
		})
	}
}

func TestATemporaryErrorIsTriedLaterAndLaterAndThenNoMore(t *testing.T) {
	t.Parallel()
	s, clock := openAt(t, time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
	id := enqueue(t, s, 0, "hello", number)
	var previous *store.Verdict
	tries, last := 0, time.Duration(0)
	for state(t, s, id) == store.Queued {
		a, err := s.Claim(t.Context(), "imsi", previous)
		check(t, err)
		previous = nil
		if a == nil {
			wait, waits, err := s.Due(t.Context(), "imsi")
			check(t, err)
			if !waits {
				break
			}
			if wait < last {
				t.Errorf("after try %d the pause is %v, shorter than the one before", tries, wait)
			}
			last = wait
			clock.Pass(wait)
			continue
		}
		tries++
		check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: store.Deferred, Reason: "no network"}))
	}
	if got := state(t, s, id); got != store.Expired {
		t.Errorf("in the end it is %s, want expired", got)
	}
	if tries < 10 || tries > 40 {
		t.Errorf("it was tried %d times in a day", tries)
	}
	if m, err := s.ClaimMail(t.Context()); err != nil || m == nil || m.Kind != store.Notice {
		clock.Pass(time.Minute)
		if m, err = s.ClaimMail(t.Context()); err != nil || m == nil || m.Kind != store.Notice {
			t.Errorf("nobody is told: %+v, %v", m, err)
		}
	}
}

func TestOneBadNumberDoesNotHoldUpTheOthers(t *testing.T) {
	t.Parallel()
	s := open(t)
	bad := enqueue(t, s, 0, "to nobody", "+447911000001")
	good := enqueue(t, s, 0, "to somebody", "+447911000002")
	a := claim(t, s, nil)
	b := claim(t, s, &store.Verdict{Attempt: *a, Outcome: store.Refused, Reason: "the number does not exist"})
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *b, Outcome: store.Accepted, MR: 1}))
	if x, y := state(t, s, bad), state(t, s, good); x != store.Failed || y != store.Sent {
		t.Errorf("they are %s and %s", x, y)
	}
}

func TestScheduledWaitsForItsTimeAlsoOverARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	clock := store.NewSteppedClock(now)
	s := openIn(t, dir, clock.Option())
	id, _, err := s.Enqueue(t.Context(), store.Message{Source: store.SourceOMS, Parts: []string{"later"},
		To: []store.Recipient{{Number: number}}, Scheduled: now.Add(time.Hour)})
	check(t, err)
	for range 2 {
		if a, err := s.Claim(t.Context(), "imsi", nil); a != nil || err != nil {
			t.Fatalf("before its time: %+v, %v", a, err)
		}
		if wait, waits, err := s.Due(t.Context(), "imsi"); wait != time.Hour || !waits || err != nil {
			t.Errorf("it is due in %v, %t, %v", wait, waits, err)
		}
		check(t, s.Close())
		s = openIn(t, dir, clock.Option())
	}
	clock.Pass(time.Hour)
	claim(t, s, nil)
	if got := state(t, s, id); got != store.Sending {
		t.Errorf("at its time it is %s", got)
	}
}

func TestAClockThatWentBackStopsNothingAndStartsNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIn(t, dir)
	later := enqueueAt(t, s, "later", time.Now().Add(time.Hour))
	check(t, s.Close())
	// A Raspberry Pi starts in the past.
	clock := store.NewSteppedClock(time.Now().Add(-1000 * time.Hour))
	s = openIn(t, dir, clock.Option())
	if s.ClockTrusted() {
		t.Error("a clock behind what was stored is trusted")
	}
	now := enqueue(t, s, 0, "now", number)
	a := claim(t, s, nil)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: store.Accepted, MR: 1}))
	if x, y := state(t, s, now), state(t, s, later); x != store.Sent || y != store.Scheduled {
		t.Errorf("what is to go now is %s, what is scheduled %s", x, y)
	}
	bell := s.Subscribe(store.Outgoing)
	defer bell.Close()
	clock.Confirm() // a time server sets it right
	clock.Shift(1002 * time.Hour)
	for !s.ClockTrusted() {
		<-bell.C
	}
	claim(t, s, nil) // it is due
}

func enqueueAt(t testing.TB, s *store.Store, text string, at time.Time) int64 {
	t.Helper()
	id, _, err := s.Enqueue(t.Context(), store.Message{Source: store.SourceOMS, Parts: []string{text}, To: []store.Recipient{{Number: number}}, Scheduled: at})
	check(t, err)
	return id
}

func TestAfterACrashNothingIsSentTwice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		segments int
		crash    func(*testing.T, *store.Store)
		want     store.State
		due      int // segments that are still to be handed over
	}{
		{"before it was claimed", 1, func(*testing.T, *store.Store) {}, store.Queued, 1},
		{"while it was with the modem", 1, func(t *testing.T, s *store.Store) { claim(t, s, nil) }, store.Unconfirmed, 0},
		{"while its first segment was with the modem", 3, func(t *testing.T, s *store.Store) { claim(t, s, nil) }, store.Queued, 2},
		{"while its last segment was with the modem", 2, func(t *testing.T, s *store.Store) {
			a := claim(t, s, nil)
			claim(t, s, &store.Verdict{Attempt: *a, Outcome: store.Accepted})
		}, store.Unconfirmed, 0},
		{"after it was taken", 1, func(t *testing.T, s *store.Store) {
			check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Accepted}))
		}, store.Sent, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s := openIn(t, dir)
			id := enqueue(t, s, 0, long(c.segments), number)
			c.crash(t, s)
			check(t, s.Close())
			s = openIn(t, dir)
			if got := state(t, s, id); got != c.want {
				t.Errorf("after the start it is %s, want %s", got, c.want)
			}
			due := 0
			var previous *store.Verdict
			for {
				a, err := s.Claim(t.Context(), "imsi", previous)
				check(t, err)
				if a == nil {
					break
				}
				previous = &store.Verdict{Attempt: *a, Outcome: store.Accepted}
				due++
			}
			if due != c.due {
				t.Errorf("%d segments were handed over after the start, want %d", due, c.due)
			}
		})
	}
}

func TestALateAnswerSettlesTheDoubt(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := enqueue(t, s, 0, "hello", number)
	a := claim(t, s, nil)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: store.Doubtful, Reason: "no answer"}))
	check(t, s.Late(t.Context(), a.Segment, 9))
	if got := state(t, s, id); got != store.Sent {
		t.Errorf("got %s, want sent", got)
	}
	report(t, s, 9, number, 0)
	if got := state(t, s, id); got != store.Delivered {
		t.Errorf("got %s, want delivered", got)
	}
}

// report lets a status report come.
func report(t testing.TB, s *store.Store, mr byte, to string, status byte) {
	t.Helper()
	tpdu, err := sms.StatusReport{MR: mr, To: to, Status: status, SCTS: time.Now(), Discharge: time.Now()}.TPDU()
	check(t, err)
	check(t, s.Report(t.Context(), "imsi", tpdu))
}

func TestReportsFindTheirDelivery(t *testing.T) {
	t.Parallel()
	type step func(*testing.T, *store.Store, *store.Attempt)
	taken := func(mr int) step {
		return func(t *testing.T, s *store.Store, a *store.Attempt) {
			check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: store.Accepted, MR: mr}))
		}
	}
	doubted := func(t *testing.T, s *store.Store, a *store.Attempt) {
		check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: store.Doubtful, Reason: "no answer"}))
	}
	reported := func(mr byte, to string, status byte) step {
		return func(t *testing.T, s *store.Store, _ *store.Attempt) { report(t, s, mr, to, status) }
	}
	for _, c := range []struct {
		name  string
		steps []step
		want  store.State
	}{
		{"delivered", []step{taken(5), reported(5, number, 0x00)}, store.Delivered},
		{"the network writes the number without its prefix", []step{taken(5), reported(5, "07911123456", 0x00)}, store.Delivered},
		{"still trying, then delivered", []step{taken(5), reported(5, number, 0x20), reported(5, number, 0x00)}, store.Delivered},
		{"still trying", []step{taken(5), reported(5, number, 0x20)}, store.Sent},
		{"not to be delivered", []step{taken(5), reported(5, number, 0x46)}, store.Failed},
		{"forwarded, and no more is known", []step{taken(5), reported(5, number, 0x01)}, store.Sent},
		{"of another TP-MR", []step{taken(5), reported(6, number, 0x00)}, store.Sent},
		{"of another recipient", []step{taken(5), reported(5, "+447911999999", 0x00)}, store.Sent},
		{"twice", []step{taken(5), reported(5, number, 0x00), reported(5, number, 0x00)}, store.Delivered},
		{"before the modem's answer", []step{reported(5, number, 0x00), taken(5)}, store.Delivered},
		{"of a segment whose answer never came", []step{doubted, reported(77, number, 0x00)}, store.Delivered},
		{"that it failed, of a segment whose answer never came", []step{doubted, reported(77, number, 0x46)}, store.Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			id := enqueue(t, s, 0, "hello", number)
			a := claim(t, s, nil)
			for _, step := range c.steps {
				step(t, s, a)
			}
			if got := state(t, s, id); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestADeliveryIsDeliveredWhenAllItsSegmentsAre(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := enqueue(t, s, 0, long(2), number)
	a := claim(t, s, nil)
	b := claim(t, s, &store.Verdict{Attempt: *a, Outcome: store.Accepted, MR: 255})
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *b, Outcome: store.Accepted, MR: 0}))
	report(t, s, 0, number, 0)
	if got := state(t, s, id); got != store.Sent {
		t.Errorf("after one report got %s, want sent", got)
	}
	report(t, s, 255, number, 0)
	if got := state(t, s, id); got != store.Delivered {
		t.Errorf("after both got %s, want delivered", got)
	}
}

func TestTheNewestSegmentWithATPMRIsMeant(t *testing.T) {
	t.Parallel()
	s := open(t)
	old := enqueue(t, s, 0, "old", number)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Accepted, MR: 5}))
	time.Sleep(5 * time.Millisecond) // handed is in milliseconds
	young := enqueue(t, s, 0, "young", number)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Accepted, MR: 5}))
	report(t, s, 5, number, 0)
	if x, y := state(t, s, old), state(t, s, young); x != store.Sent || y != store.Delivered {
		t.Errorf("the old one is %s, the young one %s", x, y)
	}
}

func TestAReferenceThatHalfATextHasIsNotUsedAgainForThatPhone(t *testing.T) {
	t.Parallel()
	s := open(t)
	enqueue(t, s, 0, long(2), number)
	half := claim(t, s, nil)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *half, Outcome: store.Accepted, MR: 1}))
	rest := claim(t, s, nil)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *rest, Outcome: store.Refused, Reason: "no"}))
	used, err := sms.ParseSubmit(half.TPDU)
	check(t, err)
	for range 300 { // the sequence comes round
		enqueue(t, s, 0, long(2), number)
	}
	for i, segment := range drain(t, s) {
		if segment.Concat.Ref == used.Concat.Ref {
			t.Fatalf("segment %d would make a text of the half one", i)
		}
	}
}

func TestAReferenceOfATextUnderWayIsNotUsedAgainForThatPhone(t *testing.T) {
	t.Parallel()
	s, _ := openAt(t, time.Now()) // it does not come to her next try
	enqueue(t, s, addUser(t, s, "ann").ID, long(2), number)
	a := claim(t, s, nil)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: store.Accepted, MR: 1}))
	b := claim(t, s, nil)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *b, Outcome: store.Deferred, Reason: "the network is busy"}))
	used, err := sms.ParseSubmit(a.TPDU)
	check(t, err)
	bob := addUser(t, s, "bob").ID
	for range 300 { // the sequence comes round while the rest of hers waits for its next try
		enqueue(t, s, bob, long(2), number)
		for range 2 {
			c := claim(t, s, nil)
			segment, err := sms.ParseSubmit(c.TPDU)
			check(t, err)
			if segment.Concat.Ref == used.Concat.Ref {
				t.Fatal("his text has the reference of hers, of which the phone has a part")
			}
			check(t, s.Settle(t.Context(), store.Verdict{Attempt: *c, Outcome: store.Accepted, MR: 1}))
		}
	}
}

func TestEachPhoneSeesItsOwnRunOfConcatenationReferences(t *testing.T) {
	t.Parallel()
	for _, bits := range []string{"8", "16"} {
		t.Run(bits+" bits", func(t *testing.T) {
			dir := t.TempDir()
			seen := map[string][]uint16{}
			for range 3 { // and it goes on after a restart
				s := openIn(t, dir)
				check(t, s.Set(t.Context(), "sms.references", bits))
				for i := range 5 {
					enqueue(t, s, 0, long(2), number)
					enqueue(t, s, 0, long(2), fmt.Sprintf("+4479110000%02d", i)) // takes none away from the others
				}
				check(t, s.Set(t.Context(), "sms.references", "8"))
				for _, segment := range drain(t, s) {
					if refs := seen[segment.To]; segment.Concat.Seq == 1 {
						seen[segment.To] = append(refs, segment.Concat.Ref)
					} else if segment.Concat.Ref != refs[len(refs)-1] {
						t.Errorf("the second segment has the reference %d, the first %d", segment.Concat.Ref, refs[len(refs)-1])
					}
				}
				check(t, s.Close())
			}
			refs := seen[number]
			if len(refs) != 15 {
				t.Fatalf("%d texts arrived", len(refs))
			}
			for i, ref := range refs {
				if want := refs[0] + uint16(i); ref != want && (bits != "8" || ref != want&0xFF) {
					t.Errorf("text %d has the reference %d, want %d", i, ref, want)
				}
			}
		})
	}
}

// drain takes all that is due through one SIM, as if a network took it at once.
func drain(t testing.TB, s *store.Store) (segments []sms.Segment) {
	t.Helper()
	var previous *store.Verdict
	for {
		a, err := s.Claim(t.Context(), "imsi", previous)
		check(t, err)
		if a == nil {
			return segments
		}
		segment, err := sms.ParseSubmit(a.TPDU)
		check(t, err)
		segments = append(segments, segment)
		previous = &store.Verdict{Attempt: *a, Outcome: store.Accepted, MR: 1}
	}
}

func TestARepeatedRequestIsTheSameMessage(t *testing.T) {
	t.Parallel()
	digest := sha256.Sum256([]byte("request"))
	other := sha256.Sum256([]byte("another"))
	message := store.Message{Source: store.SourceOMS, Parts: []string{"x"}, To: []store.Recipient{{Number: number}}, Digest: &digest, Answers: true}
	for _, c := range []struct {
		name    string
		between func(*testing.T, *store.Store, *store.SteppedClock, int64)
		change  func(*store.Message)
		again   bool
	}{
		{"while the first is not answered", nil, nil, true},
		{"when the client was gone", func(t *testing.T, s *store.Store, _ *store.SteppedClock, id int64) { s.Answered(id, false, nil) }, nil, true},
		{"when the first was answered", func(t *testing.T, s *store.Store, _ *store.SteppedClock, id int64) { s.Answered(id, true, nil) }, nil, false},
		{"with another content", nil, func(m *store.Message) { m.Digest = &other }, false},
		{"of another user", nil, func(m *store.Message) { m.User = 1 }, false},
		{"after more than ten minutes", func(_ *testing.T, _ *store.Store, clock *store.SteppedClock, _ int64) {
			clock.Pass(11 * time.Minute)
		}, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, clock := openAt(t, time.Now())
			addUser(t, s, "ann")
			first, again, err := s.Enqueue(t.Context(), message)
			check(t, err)
			if again {
				t.Fatal("the first is taken for a repeated one")
			}
			if c.between != nil {
				c.between(t, s, clock, first)
			}
			m := message
			if c.change != nil {
				c.change(&m)
			}
			second, again, err := s.Enqueue(t.Context(), m)
			check(t, err)
			if again != c.again || (second == first) != c.again {
				t.Errorf("the second is message %d (repeated: %t), the first %d", second, again, first)
			}
		})
	}
}

func TestARepeatedRequestAfterACrashIsTheSameMessage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	digest := sha256.Sum256([]byte("request"))
	message := store.Message{Source: store.SourceOMS, Parts: []string{"x"}, To: []store.Recipient{{Number: number}}, Digest: &digest, Answers: true}
	s := openIn(t, dir)
	first, _, err := s.Enqueue(t.Context(), message)
	check(t, err)
	check(t, s.Close())
	s = openIn(t, dir)
	second, again, err := s.Enqueue(t.Context(), message)
	check(t, err)
	if !again || second != first {
		t.Errorf("message %d (repeated: %t) after message %d", second, again, first)
	}
}

func TestARequestWithoutAnAnswerIsKnownAgain(t *testing.T) {
	t.Parallel()
	s := open(t)
	m := store.Message{Source: store.SourceMail, Parts: []string{"x"}, To: []store.Recipient{{Number: number}}, Digest: &[32]byte{1}}
	first, _, err := s.Enqueue(t.Context(), m)
	check(t, err)
	second, again, err := s.Enqueue(t.Context(), m)
	check(t, err)
	if !again || second != first {
		t.Errorf("message %d (repeated: %t) after message %d", second, again, first)
	}
}

func TestMessagesThatCannotBe(t *testing.T) {
	t.Parallel()
	s := open(t)
	for name, m := range map[string]store.Message{
		"no recipient": {Parts: []string{"x"}},
		"no text":      {To: []store.Recipient{{Number: number}}},
		"endless":      {Parts: []string{long(300)}, To: []store.Recipient{{Number: number}}},
		"no number":    {Parts: []string{"x"}, To: []store.Recipient{{Number: number}, {Number: "hello"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if id, _, err := s.Enqueue(t.Context(), m); err == nil {
				t.Errorf("it became message %d", id)
			}
			if b, err := s.Backlog(t.Context()); err != nil || b.Queued != 0 {
				t.Errorf("%d deliveries are queued (%v)", b.Queued, err)
			}
		})
	}
}

func TestALineOfTheLogForEachStep(t *testing.T) {
	t.Parallel()
	s := open(t)
	u := addUser(t, s, "ann")
	enqueue(t, s, u.ID, "the text itself", number)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Accepted, MR: 5}))
	report(t, s, 5, number, 0)
	lines, err := s.Lines(t.Context(), 100)
	check(t, err)
	got := ""
	for _, l := range lines {
		got = l.Event + " " + got
		if strings.Contains(fmt.Sprint(l), "the text itself") {
			t.Errorf("the log holds the text: %+v", l)
		}
	}
	if want := "queued sending sent delivered "; got != want {
		t.Errorf("the log says %q, want %q", got, want)
	}
}
