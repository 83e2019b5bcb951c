package store_test

import (
	"testing"
	"time"
)

// A mail that the old box could not hand over for days is not given up at its first try on the new one.
func TestAReleasedMailHasAllItsTries(t *testing.T) {
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
