package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// Obstacles says in words for people what keeps texts back although modems work: holds, caps, and
// SIMs that are waited for.
func (s *Store) Obstacles(ctx context.Context) (words []string, err error) {
	if s.Setting("sms.hold") == "yes" {
		words = append(words, "held by sms.hold: nothing is sent until it is no")
	}
	modems, err := s.Modems(ctx)
	if err != nil {
		return nil, err
	}
	up := map[string]bool{}
	for _, m := range modems {
		if m.IMSI != "" {
			up[m.IMSI] = up[m.IMSI] || m.Up
		}
	}
	for _, sim := range slices.Sorted(maps.Keys(up)) {
		if s.SIMSetting("sim.hold", sim) == "yes" {
			words = append(words, fmt.Sprintf("held by sim.hold: SIM %s sends nothing until it is no", sim))
		}
		u, err := s.usage(ctx, sim)
		if err != nil {
			return nil, err
		}
		if c := s.reached(sim, u); c != nil {
			words = append(words, fmt.Sprintf("SIM %s: %s; it goes on at %s", sim, c, c.until.Format(clockTime)))
		}
	}
	type waiting struct {
		sim   string
		begun bool
		many  int
	}
	routed, err := list(ctx, s, func(r scanner) (w waiting, err error) {
		err = r.Scan(&w.sim, &w.begun, &w.many)
		return w, err
	}, `SELECT route, line = 0, count(*) FROM deliveries WHERE line IS NOT NULL AND route <> '' GROUP BY route, line = 0 ORDER BY route`)
	if err != nil {
		return nil, err
	}
	sims, failover := *s.sims.Load(), s.Setting("sms.failover")
	for _, w := range routed {
		switch {
		case up[w.sim], up[sims[w.sim]]:
		case w.begun:
			words = append(words, fmt.Sprintf("%d of which a part has left wait for SIM %s, which is in no modem that works", w.many, w.sim))
		case failover == never:
			words = append(words, fmt.Sprintf("%d wait for SIM %s, which is in no modem that works (sms.failover is never)", w.many, w.sim))
		default:
			words = append(words, fmt.Sprintf("%d are meant for SIM %s, which is in no modem that works; another one takes them after %s (sms.failover)", w.many, w.sim, failover))
		}
	}
	return words, nil
}

// usage is used for those who only read.
func (s *Store) usage(ctx context.Context, sim string) (used, error) {
	now := s.stamp()
	last, err := one(ctx, s, func(r scanner) (day int, err error) {
		err = r.Scan(&day)
		return day, err
	}, `SELECT ifnull(max(day), 0) FROM usage WHERE day <= ?`, date(now))
	if err != nil {
		return used{}, err
	}
	day := s.today(now, last)
	return one(ctx, s, func(r scanner) (used, error) {
		u := used{day: day}
		err := r.Scan(&u.today, &u.monthly)
		return u, err
	}, usedOn, sim, day)
}
