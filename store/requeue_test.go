package store_test

import (
	"errors"
	"testing"
	"time"

	"omsbox/store"
)

// A person has a mail tried again that has failed or waits; one that was taken, or is being handed over, is not.
func TestAMailThatAPersonTriesAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		became func(*arriving, int64) error
		again  bool
	}{
		{"it has failed", func(a *arriving, m int64) error { return a.MailFail(a.t.Context(), m, "no such mailbox") }, true},
		{"it was put off", func(a *arriving, m int64) error { return a.MailRetry(a.t.Context(), m, time.Hour, "busy") }, true},
		{"it is blocked", func(a *arriving, m int64) error { return a.MailBlock(a.t.Context(), m, time.Hour, "not owned") }, true},
		{"no answer came", func(a *arriving, m int64) error { return a.MailDoubt(a.t.Context(), m, time.Hour, "EOF") }, true},
		{"it was taken", func(a *arriving, m int64) error { return a.MailSent(a.t.Context(), m) }, false},
		{"it is being handed over", func(*arriving, int64) error { return nil }, false},
	} {
		for _, all := range []bool{false, true} {
			a := arrive(t)
			m := mailed(t, a.Store, "hello", addUser(t, a.Store, "ann").ID)
			check(t, c.became(a, m.ID))
			for { // the alarm about it
				other, err := a.ClaimMail(t.Context())
				check(t, err)
				if other == nil {
					break
				}
				check(t, a.MailSent(t.Context(), other.ID))
			}
			if all {
				n, err := a.RequeueAllMail(t.Context())
				if check(t, err); (n == 1) != c.again {
					t.Errorf("%s: of all mails %d are tried again", c.name, n)
				}
			} else if err := a.RequeueMail(t.Context(), m.ID); (err == nil) != c.again || err != nil && !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: %v", c.name, err)
			}
			got, err := a.ClaimMail(t.Context())
			check(t, err)
			if (got != nil) != c.again {
				t.Fatalf("%s: due is %+v", c.name, got)
			}
			if got != nil && (got.ID != m.ID || got.Token != m.Token || got.Retries != 0 || got.Doubts != 0 || !got.Blocked.IsZero() || got.Attempts != 2) {
				t.Errorf("%s: it is %+v, was %+v", c.name, got, m)
			}
		}
	}
	a := arrive(t)
	if err := a.RequeueMail(t.Context(), 4711); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("one that is not there: %v", err)
	}
}

// Another relay gets all that the one before put off or refused, at once; what was never tried keeps its time.
func TestAnotherRelayGetsWhatWaits(t *testing.T) {
	t.Parallel()
	a := arrive(t)
	ann := addUser(t, a.Store, "ann")
	m := mailed(t, a.Store, "hello", ann.ID)
	check(t, a.MailRetry(t.Context(), m.ID, 5*time.Hour, "busy"))
	enqueue(t, a.Store, ann.ID, "hello", number)
	refuse(t, a.Store) // its notice waits for two seconds
	bell := a.Subscribe(store.Post)
	defer bell.Close()
	check(t, a.HurryMail(t.Context()))
	select {
	case <-bell.C:
	default:
		t.Error("who hands mail over is not told")
	}
	if got, err := a.ClaimMail(t.Context()); err != nil || got == nil || got.ID != m.ID || got.Retries != 0 || got.Attempts != 2 {
		t.Errorf("due is %+v, %v", got, err)
	}
	if got, err := a.ClaimMail(t.Context()); err != nil || got != nil {
		t.Errorf("the notice did not wait: %+v, %v", got, err)
	}
	if wait, waits, err := a.MailDue(t.Context()); err != nil || !waits || wait != 2*time.Second {
		t.Errorf("the next is due in %v, %t, %v", wait, waits, err)
	}
}

func TestWhenARelayThatRestsIsTried(t *testing.T) {
	t.Parallel()
	a := arrive(t)
	if at, err := a.RelayTried(t.Context()); err != nil || !at.IsZero() {
		t.Errorf("of a relay that was never tried: %v, %v", at, err)
	}
	for _, pause := range []time.Duration{time.Hour, time.Minute} { // the last one counts
		check(t, a.RelayRests(t.Context(), pause))
		if at, err := a.RelayTried(t.Context()); err != nil || !at.Equal(noon.Add(pause)) {
			t.Errorf("after a pause of %v: %v, %v", pause, at, err)
		}
	}
}

// An answer to a mail is found by the token of the mail that carried the text to that user.
func TestWhichMailCarriedAText(t *testing.T) {
	t.Parallel()
	a := arrive(t)
	ann, bob, eve := addUser(t, a.Store, "ann"), addUser(t, a.Store, "bob"), addUser(t, a.Store, "eve")
	first, second := receive(t, a.Store, number, "first"), receive(t, a.Store, number, "second")
	check(t, a.Mailed(t.Context(), first, ann.ID, bob.ID))
	check(t, a.Mailed(t.Context(), second, bob.ID))
	carried := map[[2]int64]string{}
	for range 3 {
		m, err := a.ClaimMail(t.Context())
		check(t, err)
		carried[[2]int64{m.Incoming, m.User}] = m.Token
	}
	for _, incoming := range []int64{first, second} {
		for _, user := range []store.User{ann, bob, eve} {
			want := carried[[2]int64{incoming, user.ID}]
			if token, err := a.MailOf(t.Context(), incoming, user.ID); err != nil || token != want {
				t.Errorf("text %d to %s: %q, %v; want %q", incoming, user.Login, token, err, want)
			}
		}
	}
	if len(carried) != 3 {
		t.Errorf("the mails are %v", carried)
	}
}
