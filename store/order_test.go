package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"omsbox/store"
)

// People read lists from their beginning: each list has the order that its function promises.
func TestListsHaveTheirOrder(t *testing.T) {
	t.Parallel()
	a := arrive(t)
	s, ann := a.Store, addUser(t, a.Store, "ann")
	numbers := []string{"+447911000003", "+447911000001", "+447911000002"}
	var id int64
	for range 2 {
		id = enqueue(t, s, ann.ID, "hello", numbers...)
	}
	typed := func(all []store.Delivery, err error) string {
		t.Helper()
		check(t, err)
		var to []string
		for _, d := range all {
			to = append(to, d.Recipient)
		}
		return fmt.Sprint(to)
	}
	recipients := fmt.Sprint(numbers)
	if got := typed(s.Deliveries(t.Context(), id)); got != recipients {
		t.Errorf("the deliveries are to %s", got)
	}
	if got := typed(s.OwnDeliveries(t.Context(), ann.ID, id)); got != recipients {
		t.Errorf("the user's own deliveries are to %s", got)
	}
	for range 6 {
		refuse(t, s)
	}
	a.clock.Pass(2 * time.Second)
	first, err := s.ClaimMail(t.Context())
	check(t, err)
	second, err := s.ClaimMail(t.Context())
	check(t, err)
	if first == nil || second == nil || first.Message >= second.Message {
		t.Fatalf("the mails are %+v, then %+v", first, second)
	}
	if got := typed(s.Told(t.Context(), second.ID)); got != recipients {
		t.Errorf("the notice tells of %s", got)
	}
	for _, text := range []string{"one", "two", "three"} {
		receive(t, s, number, text)
	}
	a.texts("one", "two", "three")
	received := a.got()
	check(t, s.Unroutable(t.Context(), received[2].ID, "why"))
	check(t, s.Unroutable(t.Context(), received[0].ID, "why"))
	check(t, s.Unroutable(t.Context(), received[1].ID, "why"))
	var nobodys []string
	for after := int64(0); ; {
		all, err := s.Nobodys(t.Context(), after)
		check(t, err)
		if len(all) == 0 {
			break
		}
		after = all[0].ID
		nobodys = append(nobodys, all[0].Text)
	}
	if want := []string{"one", "two", "three"}; !slices.Equal(nobodys, want) {
		t.Errorf("nobody's are %q, want %q", nobodys, want)
	}
	undelivered, err := s.Undelivered(t.Context(), 2)
	check(t, err)
	if len(undelivered) != 2 || undelivered[0].ID <= undelivered[1].ID {
		t.Errorf("not taken are %+v, want the newest two, the newest first", undelivered)
	}
	for _, sim := range []string{"b", "a"} {
		a.clock.Pass(time.Second)
		_, err := s.MeetSIM(t.Context(), sim, "")
		check(t, err)
	}
	if sims, err := s.SIMs(t.Context()); err != nil || len(sims) != 2 || sims[0].ID != "a" || sims[1].ID != "b" {
		t.Errorf("the SIMs are %+v, %v; want the newest first", sims, err)
	}
}

// What a restore holds is shown with when it was written and when it was to leave.
func TestWhatIsHeldIsListed(t *testing.T) {
	t.Parallel()
	a := arrive(t)
	ann := addUser(t, a.Store, "ann")
	enqueue(t, a.Store, ann.ID, "at once", number, "+447911000002")
	a.clock.Pass(time.Minute)
	enqueueAt(t, a.Store, "later", noon.Add(30*time.Hour))
	a.clock.Pass(24 * time.Hour) // the first expires at noon
	b, _ := restored(t, a.Store, a.clock.Option())
	held, err := b.HeldTexts(t.Context(), 10)
	check(t, err)
	want := []store.HeldText{
		{Message: 1, Login: "ann", Created: noon, Recipients: 2, Late: 2},
		{Message: 2, Created: noon.Add(time.Minute), Scheduled: noon.Add(30 * time.Hour), Recipients: 1},
	}
	for i := range held {
		held[i].Created, held[i].Scheduled = held[i].Created.UTC(), held[i].Scheduled.UTC()
	}
	if !slices.Equal(held, want) {
		t.Errorf("held are\n%+v, want\n%+v", held, want)
	}
	if r, err := b.Restored(t.Context()); err != nil || r.Texts != 3 || r.Late != 2 {
		t.Errorf("it holds %d texts, %d of them late (%v); want 3 and 2", r.Texts, r.Late, err)
	}
	if one, err := b.HeldTexts(t.Context(), 1); err != nil || len(one) != 1 || one[0].Message != 1 {
		t.Errorf("the first one is %+v, %v", one, err)
	}
}

// The five days for which a blocked mail is held are days in which the relay could be tried: at most two hours
// count between two tries, as while the box was switched off.
func TestHowLongABlockedMailHasWaited(t *testing.T) {
	t.Parallel()
	a := arrive(t)
	m := mailed(t, a.Store, "hello", addUser(t, a.Store, "ann").ID)
	var want time.Duration
	for _, between := range []time.Duration{
		0, time.Hour, 2 * time.Hour, 2*time.Hour + time.Millisecond, 100 * time.Hour, time.Minute,
	} {
		check(t, a.MailBlock(t.Context(), m.ID, 0, "you may not send as that"))
		a.clock.Pass(between)
		want += min(between, 2*time.Hour)
		var err error
		m, err = a.ClaimMail(t.Context())
		check(t, err)
		if m == nil || m.Waited != want || !m.Blocked.Equal(noon) {
			t.Fatalf("after another %v the mail is %+v, want %v waited since noon", between, m, want)
		}
	}
	check(t, a.MailRetry(t.Context(), m.ID, 0, "busy")) // the relay takes it from the box again, though not now
	a.clock.Pass(time.Hour)
	if m, err := a.ClaimMail(t.Context()); err != nil || m == nil || m.Waited != 0 || !m.Blocked.IsZero() {
		t.Errorf("a mail that is blocked no longer is %+v, %v", m, err)
	}
}
