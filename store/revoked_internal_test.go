package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The files of the database are taken away while a change is committed to them, and are put back. Its caller was
// told that nothing is stored: then nothing is.
func TestARevokedChangeIsUndone(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	const sim = "262011234567890"
	text := func(s *Store) error {
		_, err := s.EnqueueAll(ctx, []Message{{Source: SourceCommand, Parts: []string{"Hello"}, To: []Recipient{{Number: "+447911123450"}}}})
		return err
	}
	request := func(s *Store) error {
		_, err := s.EnqueueAll(ctx, []Message{{Source: SourceOMS, Digest: &[32]byte{1}, Answers: true, Parts: []string{"Hello"}, To: []Recipient{{Number: "+447911123450"}}}})
		return err
	}
	alarm := func(s *Store) error { return s.Raise(ctx, "balance", "a SIM", "It is low.") }
	claim := func(s *Store) (*Attempt, error) { return s.Claim(ctx, sim, nil) }
	none := func(*Store) error { return nil }
	leavesOnce := func(s *Store, write func(*Store) error) error {
		if err := write(s); err != nil {
			return err
		}
		a, err := claim(s)
		if err != nil || a == nil {
			return errors.Join(err, errors.New("the text is not sent"))
		}
		other, err := s.Claim(ctx, sim, &Verdict{Attempt: *a, Outcome: Accepted, MR: 1})
		if err != nil || other != nil {
			return errors.Join(err, errors.New("the text is sent twice"))
		}
		return nil
	}
	for name, c := range map[string]struct {
		before, revoked, again func(*Store) error
	}{
		"a claimed segment is claimed again": {
			before:  text,
			revoked: func(s *Store) error { _, err := claim(s); return err },
			again: func(s *Store) error {
				if a, err := claim(s); err != nil || a == nil {
					return errors.Join(err, errors.New("the segment is with nobody"))
				}
				return nil
			},
		},
		"a claimed mail is claimed again": {
			before:  alarm,
			revoked: func(s *Store) error { _, err := s.ClaimMail(ctx); return err },
			again: func(s *Store) error {
				if m, err := s.ClaimMail(ctx); err != nil || m == nil || m.Attempts != 1 {
					return errors.Join(err, errors.New("the mail is with nobody, or counts a try more"))
				}
				return nil
			},
		},
		"a text that is written again leaves once": {
			before:  none,
			revoked: text,
			again:   func(s *Store) error { return leavesOnce(s, text) },
		},
		"a request that is repeated leaves once": {
			before:  none,
			revoked: request,
			again:   func(s *Store) error { return leavesOnce(s, request) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openInside(t)
			if _, err := s.AddUser(ctx, User{Login: "root", Mail: "root@example.org", Admin: true}, "secret of root"); err != nil {
				t.Fatal(err)
			}
			if err := c.before(s); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(s.Dir(), File)
			release, errs := s.hold(t), make(chan error, 2)
			go func() { errs <- c.revoked(s) }()
			go func() { errs <- s.write(ctx, func(*tx) error { return os.Rename(path, path+".away") }) }()
			for len(s.writer.queue) < 2 {
				time.Sleep(time.Millisecond)
			}
			release()
			for range 2 {
				if err := <-errs; !errors.Is(err, ErrStorage) {
					t.Fatalf("answered with %v", err)
				}
			}
			if err := os.Rename(path+".away", path); err != nil {
				t.Fatal(err)
			}
			if err := c.again(s); err != nil {
				t.Error(err)
			}
			if len(s.writer.revoked) > 0 {
				t.Error("it would be undone again")
			}
		})
	}
}

// A text that was claimed in the same commit is no modem's: first the claim is undone, then the text.
func TestARevokedTextIsNotSentThoughItWasClaimed(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	const sim = "262011234567890"
	s := openInside(t)
	path := filepath.Join(s.Dir(), File)
	release, errs := s.hold(t), make(chan error, 3)
	go func() {
		_, err := s.EnqueueAll(ctx, []Message{{Source: SourceCommand, Parts: []string{"Hello"}, To: []Recipient{{Number: "+447911123450"}}}})
		errs <- err
	}()
	for len(s.writer.queue) < 1 {
		time.Sleep(time.Millisecond)
	}
	go func() { _, err := s.Claim(ctx, sim, nil); errs <- err }()
	for len(s.writer.queue) < 2 {
		time.Sleep(time.Millisecond)
	}
	go func() { errs <- s.write(ctx, func(*tx) error { return os.Rename(path, path+".away") }) }()
	for len(s.writer.queue) < 3 {
		time.Sleep(time.Millisecond)
	}
	release()
	for range 3 {
		if err := <-errs; !errors.Is(err, ErrStorage) {
			t.Fatalf("answered with %v", err)
		}
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	a, err := s.Claim(ctx, sim, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a != nil {
		t.Errorf("a text whose writer was told that it is not stored is sent: delivery %d", a.Delivery)
	}
}
