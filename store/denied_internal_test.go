package store

import (
	"context"
	"testing"
)

// A text that is refused before any of it left is no part of the conversation, and nothing of it waits any more.
func TestARefusedTextGetsNoReplies(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	const sim, number = "262011234567890", "+447911123450"
	s := openInside(t)
	ann, err := s.AddUser(ctx, User{Login: "ann", Mail: "ann@example.org"}, "secret of ann")
	if err != nil {
		t.Fatal(err)
	}
	bob, err := s.AddUser(ctx, User{Login: "bob", Mail: "bob@example.org"}, "secret of bob")
	if err != nil {
		t.Fatal(err)
	}
	send := func(u User) {
		if _, err := s.EnqueueAll(ctx, []Message{{User: u.ID, Source: SourceCommand, Parts: []string{"Hello"}, To: []Recipient{{Number: number}}}}); err != nil {
			t.Fatal(err)
		}
	}
	send(bob)
	a, err := s.Claim(ctx, sim, nil)
	if err != nil || a == nil {
		t.Fatal(a, err)
	}
	if err := s.Settle(ctx, Verdict{Attempt: *a, Outcome: Accepted, MR: 1}); err != nil {
		t.Fatal(err)
	}
	send(ann)
	if a, err = s.Claim(ctx, sim, nil); err != nil || a == nil {
		t.Fatal(a, err)
	}
	if err := s.Settle(ctx, Verdict{Attempt: *a, Outcome: Unsent, Reason: "stopped"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Set(ctx, "sms.deny", "+4479"); err != nil {
		t.Fatal(err)
	}
	if a, err = s.Claim(ctx, sim, nil); err != nil || a != nil {
		t.Fatal(a, err)
	}
	u, err := s.LastWriter(ctx, number)
	if err != nil || u.Login != "bob" {
		t.Errorf("a reply would go to %q %v, want bob: of ann nothing left", u.Login, err)
	}
	var n int
	if err := s.read.QueryRowContext(ctx, `SELECT count(*) FROM segments s JOIN deliveries d ON d.id=s.delivery_id WHERE s.state='pending' AND d.state='failed'`).Scan(&n); err != nil || n > 0 {
		t.Errorf("%d pending segments of failed deliveries %v", n, err)
	}
}
