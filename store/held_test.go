package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"omsbox/store"
)

// A mail that the old box could not hand over for days is not given up at its first try on the new one.
func TestAReleasedMailHasAllItsTries(t *testing.T) {
	t.Parallel()
	s := open(t)
	check(t, s.Raise(t.Context(), "disk", "/", "the disk is full"))
	m, err := s.ClaimMail(t.Context())
	check(t, err)
	if m == nil {
		t.Fatal("no mail is due")
	}
	check(t, s.MailRetry(t.Context(), m.ID, 0, "451 later"))
	m, err = s.ClaimMail(t.Context())
	check(t, err)
	check(t, s.MailBlock(t.Context(), m.ID, time.Hour, "550 5.1.8 not your address"))
	b, _ := restored(t, s)
	if n, err := b.SendHeldMails(t.Context()); n != 1 || err != nil {
		t.Fatalf("released: %d, %v", n, err)
	}
	for {
		got, err := b.ClaimMail(t.Context())
		check(t, err)
		if got == nil {
			t.Fatal("the mail is not due")
		}
		if got.ID != m.ID {
			continue
		}
		if !got.Blocked.IsZero() || got.Retries != 0 {
			t.Errorf("the tries of the old box count: blocked since %v, %d retries", got.Blocked, got.Retries)
		}
		return
	}
}

// A mail that a restore holds and that is withdrawn meanwhile is held no longer, and no alarm stays open for it.
func TestAMailThatIsWithdrawnIsHeldNoLonger(t *testing.T) {
	t.Parallel()
	s := open(t)
	addUser(t, s, "ann")
	check(t, s.Raise(t.Context(), store.MailboxAlarm, "ann", "a mail was given up"))
	b, r := restored(t, s)
	if r.Mails != 1 {
		t.Fatalf("%d mails are held, want 1", r.Mails)
	}
	check(t, b.Mailed(t.Context(), receive(t, b, "+447911000003", "new"), 1))
	for m := claimMail(t, b); m != nil; m = claimMail(t, b) {
		check(t, b.MailSent(t.Context(), m.ID))
	}
	r, err := b.Restored(t.Context())
	check(t, err)
	alarms, err := b.Alarms(t.Context())
	check(t, err)
	if r.Mails != 0 || len(alarms) != 0 {
		t.Errorf("nothing waits, and %d mails are held; the alarms are %+v", r.Mails, alarms)
	}
}

// Who wrote a text learns that it was dropped after a restore: another person may have dropped it.
func TestAWriterIsToldOfATextThatIsDropped(t *testing.T) {
	t.Parallel()
	s := open(t)
	ann := addUser(t, s, "ann")
	id := enqueue(t, s, ann.ID, "hello", number)
	enqueue(t, s, 0, "of the command line", number)
	clock := store.NewSteppedClock(time.Now())
	b, _ := restored(t, s, clock.Option())
	if n, err := b.DropHeld(t.Context()); n != 2 || err != nil {
		t.Fatalf("dropped: %d, %v", n, err)
	}
	clock.Pass(time.Minute)
	var notices []store.Mail
	for m := claimMail(t, b); m != nil; m = claimMail(t, b) {
		if m.Kind == store.Notice {
			notices = append(notices, *m)
		}
		check(t, b.MailSent(t.Context(), m.ID))
	}
	if len(notices) != 1 || notices[0].User != ann.ID || notices[0].Message != id {
		t.Fatalf("the notices are %+v", notices)
	}
	told, err := b.Told(t.Context(), notices[0].ID)
	check(t, err)
	if len(told) != 1 || told[0].State != store.Cancelled || told[0].Reason == "" {
		t.Errorf("the notice tells %+v", told)
	}
}

// What waits for a relay that was never reached is tried again as a person asks, and what a restore holds is not.
func TestMailThatWasNeverTriedIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := open(t)
	ann := addUser(t, s, "ann")
	check(t, s.Mailed(t.Context(), receive(t, s, "+447911000001", "hello"), ann.ID))
	mails, err := s.Undelivered(t.Context(), 10)
	check(t, err)
	if len(mails) != 1 || mails[0].Attempts != 0 {
		t.Fatalf("%+v waits", mails)
	}
	check(t, s.RequeueMail(t.Context(), mails[0].ID))
	if n, err := s.RequeueAllMail(t.Context()); n != 1 || err != nil {
		t.Errorf("%d are tried again, %v", n, err)
	}
	b, _ := restored(t, s)
	if err := b.RequeueMail(t.Context(), mails[0].ID); !errors.Is(err, store.ErrInvalid) || !strings.Contains(err.Error(), "held send mails") {
		t.Errorf("a held mail: %v", err)
	}
}
