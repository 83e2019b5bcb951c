package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// After any operations, crashes and commits that failed, each line of texts of one sender to one
// phone has exactly one that may go, in its order, and what the writer remembers misses none.
func TestTheQueueHoldsItsPromisesWhateverHappens(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			clock := NewSteppedClock(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
			s := openInside(t, clock.Option())
			ctx := context.Background()
			var users []int64
			for _, login := range []string{"ann", "bob"} {
				u, err := s.AddUser(ctx, User{Login: login}, "a good password 1")
				if err != nil {
					t.Fatal(err)
				}
				users = append(users, u.ID)
			}
			sims := []string{"262011111111111", "262012222222222"}
			for _, sim := range sims {
				s.SetModem(ctx, Modem{Device: "modem of " + sim, IMSI: sim, Up: true})
			}
			s.Set(ctx, "sim.users/"+sims[0], "ann")
			previous := map[string]*Verdict{}
			var ids []int64
			left := map[string]int64{} // last delivery that left, by sender and number
			check := func(what string) {
				t.Helper()
				if err := s.write(ctx, func(tx *tx) error { return tx.holds() }); err != nil {
					t.Fatalf("after %s: %v", what, err)
				}
			}
			failing := errors.New("thrown")
			for step := range 700 {
				what := ""
				switch n := r.IntN(20); {
				case n < 5:
					what = "enqueue"
					m := Message{User: append(users, 0)[r.IntN(3)], Source: SourceCommand, Parts: []string{fmt.Sprint("text ", step)}}
					if r.IntN(3) == 0 {
						m.Parts[0] = fmt.Sprintf("%0*d", 400, step)
					}
					if r.IntN(5) == 0 {
						m.Scheduled = s.Now().Add(time.Duration(r.IntN(7200)) * time.Second)
					}
					for _, i := range r.Perm(4)[:1+r.IntN(3)] {
						m.To = append(m.To, Recipient{Number: fmt.Sprint("+44791112345", i)})
					}
					id, _, err := s.Enqueue(ctx, m)
					if err != nil {
						t.Fatal(err)
					}
					all, _ := s.Deliveries(ctx, id)
					for _, d := range all {
						ids = append(ids, d.ID)
					}
				case n < 13:
					sim := sims[r.IntN(2)]
					what = "claim " + sim
					a, err := s.Claim(ctx, sim, previous[sim])
					if err != nil {
						t.Fatal(err)
					}
					previous[sim] = nil
					if a != nil {
						var key string
						var scheduled bool
						s.write(ctx, func(tx *tx) error {
							return tx.row(`SELECT sender || recipient FROM deliveries WHERE id = ?`, []any{a.Delivery}, &key)
						})
						_ = scheduled
						left[key] = a.Delivery
						o := []Outcome{Accepted, Accepted, Accepted, Accepted, Accepted, Refused, Deferred, Unsent, Doubtful}[r.IntN(9)]
						previous[sim] = &Verdict{Attempt: *a, Outcome: o, MR: step % 256, Reason: "why"}
					}
				case n < 14:
					sim := sims[r.IntN(2)]
					what = "settle"
					if previous[sim] != nil {
						if err := s.Settle(ctx, *previous[sim]); err != nil {
							t.Fatal(err)
						}
						previous[sim] = nil
					}
				case n < 16:
					what = "cancel"
					if len(ids) > 0 {
						s.Cancel(ctx, ids[r.IntN(len(ids))])
					}
				case n < 17:
					what = "pass"
					clock.Pass([]time.Duration{time.Second, time.Minute, time.Hour / 2, 9 * time.Hour}[r.IntN(4)])
				case n < 18:
					sim := sims[r.IntN(2)]
					what = "a claim that fails"
					s.write(ctx, func(tx *tx) error {
						if v := previous[sim]; v != nil {
							tx.settle(*v)
						}
						tx.next(sim)
						return failing
					})
				case n < 19:
					what = "two changes, one fails"
					release := s.hold(t)
					done := make(chan error, 2)
					go func() {
						done <- s.write(ctx, func(tx *tx) error {
							tx.next(sims[0])
							d, err := s.draft(Message{User: users[0], Source: SourceCommand, Parts: []string{"x"}, To: []Recipient{{Number: "+447911123450"}}})
							return errors.Join(failing, err, tx.take(d, &Result{}))
						})
					}()
					go func() {
						_, _, err := s.Enqueue(ctx, Message{User: users[1], Source: SourceCommand, Parts: []string{fmt.Sprint("beside ", step)}, To: []Recipient{{Number: "+447911123451"}}})
						done <- err
					}()
					for len(s.writer.queue) < 2 {
						time.Sleep(50 * time.Microsecond)
					}
					release()
					<-done
					<-done
				default:
					what = "a crash"
					if err := s.recover(ctx); err != nil {
						t.Fatal(err)
					}
					clear(previous)
					if r.IntN(2) == 0 {
						s.write(ctx, func(tx *tx) error { tx.writer.lanes = nil; return nil })
					}
				}
				check(fmt.Sprint("step ", step, ": ", what))
			}
			// All goes out in the end.
			for range 20000 {
				idle := true
				for _, sim := range sims {
					a, err := s.Claim(ctx, sim, previous[sim])
					if err != nil {
						t.Fatal(err)
					}
					previous[sim] = nil
					if a != nil {
						idle = false
						previous[sim] = &Verdict{Attempt: *a, Outcome: Accepted, MR: 1}
					}
				}
				if idle {
					wait := time.Duration(1 << 62)
					for _, sim := range sims {
						d, waits, err := s.Due(ctx, sim)
						if err != nil {
							t.Fatal(err)
						}
						if waits {
							wait = min(wait, d)
						}
					}
					if wait == 1<<62 {
						break
					}
					if wait <= 0 {
						t.Fatal("something is due and nobody gets it")
					}
					clock.Pass(wait)
				}
			}
			var open int
			s.write(ctx, func(tx *tx) error {
				return tx.row(`SELECT count(*) FROM deliveries WHERE settled IS NULL`, nil, &open)
			})
			if open > 0 {
				t.Errorf("%d deliveries stand still for ever", open)
			}
		})
	}
}

// holds says which promise of the queue is broken.
func (t *tx) holds() error {
	for what, query := range map[string]string{
		"two tails of a chain":   `SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE settled IS NULL AND state <> 'scheduled' AND behind = 0 GROUP BY sender, recipient HAVING count(*) > 1)`,
		"two heads of a chain":   `SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE settled IS NULL AND state <> 'scheduled' AND ahead = 0 GROUP BY sender, recipient HAVING count(*) > 1)`,
		"a head in no line":      `SELECT count(*) FROM deliveries WHERE settled IS NULL AND state <> 'scheduled' AND ahead = 0 AND line IS NULL`,
		"in line behind another": `SELECT count(*) FROM deliveries WHERE line IS NOT NULL AND (ahead <> 0 OR settled IS NOT NULL OR state = 'scheduled')`,
		"ahead is settled":       `SELECT count(*) FROM deliveries d JOIN deliveries a ON a.id = d.ahead WHERE d.settled IS NULL AND (a.settled IS NOT NULL OR a.behind <> d.id)`,
		"ahead is of others":     `SELECT count(*) FROM deliveries d JOIN deliveries a ON a.id = d.ahead WHERE a.sender <> d.sender OR a.recipient <> d.recipient`,
		"pending when settled":   `SELECT count(*) FROM deliveries d JOIN segments s ON s.delivery_id = d.id WHERE d.settled IS NOT NULL AND s.state IN ('pending', 'handed')`,
		"handed when queued":     `SELECT count(*) FROM deliveries d JOIN segments s ON s.delivery_id = d.id WHERE d.state = 'queued' AND s.state = 'handed'`,
		"two handed":             `SELECT count(*) FROM (SELECT 1 FROM segments WHERE state = 'handed' GROUP BY delivery_id HAVING count(*) > 1)`,
		"nothing to send":        `SELECT count(*) FROM deliveries d WHERE settled IS NULL AND NOT EXISTS (SELECT 1 FROM segments s WHERE s.delivery_id = d.id AND s.state IN ('pending', 'handed'))`,
	} {
		var n int
		if err := t.row(query, nil, &n); err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("%d: %s", n, what)
		}
	}
	l := t.writer.lanes
	if l == nil {
		return nil
	}
	type first struct {
		lane
		due, expires int64
	}
	found, err := within(t, func(r scanner) (f first, err error) {
		return f, r.Scan(&f.line, &f.route, &f.sender, &f.due, &f.expires)
	}, `SELECT line, route, sender, min(due), min(expires) FROM deliveries WHERE line IS NOT NULL AND state = 'queued' GROUP BY line, route, sender`)
	if err != nil {
		return err
	}
	for _, f := range found {
		if due, known := l.due[f.lane]; !known || due > f.due {
			return fmt.Errorf("lane %+v is due at %d, and remembered as %d, %t", f.lane, f.due, due, known)
		}
		if l.expires > f.expires {
			return fmt.Errorf("lane %+v expires at %d, and remembered is %d", f.lane, f.expires, l.expires)
		}
	}
	var scheduled int64
	if err := t.row(`SELECT ifnull(min(due), ?) FROM deliveries WHERE state = 'scheduled'`, []any{int64(noTime)}, &scheduled); err != nil {
		return err
	}
	if l.scheduled > scheduled {
		return fmt.Errorf("the first scheduled is due at %d, and remembered is %d", scheduled, l.scheduled)
	}
	return nil
}
