package store

import (
	"log/slog"
	"testing"
	"time"
)

// A delivery of which nobody knew may fail later, by a report. What a mail told before that must
// not stand for the failure, and must stay the same while it is still tried.
func TestAFailureAfterADoubtIsToldToo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		first func(s *Store, mail int64) error // what became of the first notice before
		mails int
	}{
		{"the first notice was taken", func(s *Store, mail int64) error { return s.MailSent(t.Context(), mail) }, 2},
		{"the first notice has failed", func(s *Store, mail int64) error { return s.MailFail(t.Context(), mail, "no such mailbox") }, 2},
		{"the first notice is put off", func(s *Store, mail int64) error { return s.MailRetry(t.Context(), mail, 0, "busy") }, 2},
		{"the first notice may have left", func(s *Store, mail int64) error { return s.MailAgain(t.Context(), mail, "omsbox stopped") }, 2},
		{"the first notice is being handed over", func(*Store, int64) error { return nil }, 2},
		{"the first notice was never tried", nil, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			clock := NewSteppedClock(time.Now())
			s, err := Create(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler), clock.Option())
			check(err)
			defer s.Close()
			message, _, err := s.Enqueue(t.Context(), Message{Source: SourceCommand, Parts: []string{"hello"},
				To: []Recipient{{Number: "+447911123456"}, {Number: "+447911654321"}}})
			check(err)
			a, err := s.Claim(t.Context(), "imsi", nil)
			check(err)
			check(s.Settle(t.Context(), Verdict{Attempt: *a, Outcome: Doubtful, Reason: "no answer"}))
			if c.first != nil {
				clock.Pass(time.Minute)
				m, err := s.ClaimMail(t.Context())
				check(err)
				check(c.first(s, m.ID))
			}
			for range 2 { // the second time it is the same that is told
				check(s.write(t.Context(), func(t *tx) error { return t.tell(message, a.Delivery) }))
			}
			b, err := s.Claim(t.Context(), "imsi", nil)
			check(err)
			check(s.Settle(t.Context(), Verdict{Attempt: *b, Outcome: Refused, Reason: "no such number"}))

			mails, err := list(t.Context(), s, func(r scanner) (id int64, err error) { return id, r.Scan(&id) },
				`SELECT id FROM mails WHERE kind = 'notice' ORDER BY id`)
			check(err)
			if len(mails) != c.mails {
				t.Fatalf("there are %d notices, want %d", len(mails), c.mails)
			}
			for i, mail := range mails {
				want := []int64{a.Delivery}
				if i == len(mails)-1 {
					want = append(want, b.Delivery)
				}
				told, err := s.Told(t.Context(), mail)
				check(err)
				if len(told) != len(want) || told[0].ID != want[0] || told[len(told)-1].ID != want[len(want)-1] {
					t.Errorf("notice %d tells %+v, want deliveries %v", i+1, told, want)
				}
			}
			last, err := one(t.Context(), s, func(r scanner) (id int64, err error) { return id, r.Scan(&id) },
				`SELECT notice FROM deliveries WHERE id = ?`, a.Delivery)
			check(err)
			if last != mails[len(mails)-1] {
				t.Errorf("the last mail that tells is said to be %d of %v", last, mails)
			}
		})
	}
}
