package store

import "time"

// countUnknown counts what the old box may have taken and sent since a backup was made, so that no limit is given
// twice: as much as the limits that are set allow. Where a day has a limit, that is the limit for each day since;
// where a month alone has one, it is all that was left of the month. Only a person can know better, and raise the
// limit.
func (t *tx) countUnknown(made time.Time) error {
	// While the clock is wrong this counts for the days that it shows, and again when it is right.
	if _, err := t.exec(`UPDATE restored SET counted = ?`, t.writer.store.ClockTrusted()); err != nil {
		return err
	}
	t.then(t.writer.store.reloadNow)
	days := daysBetween(made, t.now)
	if err := t.countUnknownOfSIMs(days); err != nil {
		return err
	}
	return t.countUnknownOfUsers(days)
}

func (t *tx) countUnknownOfSIMs(days []int) error {
	sims, err := within(t, func(r scanner) (sim string, err error) { return sim, r.Scan(&sim) },
		`SELECT sim FROM usage UNION SELECT id FROM sims UNION SELECT imsi FROM modems WHERE imsi <> '' ORDER BY 1`)
	if err != nil {
		return err
	}
	s := t.writer.store
	for _, sim := range sims {
		c := limited{daily: s.Daily(sim), monthly: s.Monthly(sim)}
		c.used = func(day int) (today, thisMonth int, err error) {
			err = t.row(usedOn, []any{sim, day}, &today, &thisMonth)
			return today, thisMonth, err
		}
		c.add = func(day, n int) error {
			_, err := t.exec(`INSERT INTO usage (sim, day, segments) VALUES (?1, ?2, ?3)
				ON CONFLICT (sim, day) DO UPDATE SET segments = segments + ?3`, sim, day, n)
			return err
		}
		if err := c.fillUp(days); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) countUnknownOfUsers(days []int) error {
	users, err := within(t, func(r scanner) (u User, err error) { return u, r.Scan(&u.ID, &u.Login) },
		`SELECT id, login FROM users ORDER BY id`)
	if err != nil {
		return err
	}
	for _, u := range users {
		most := t.writer.store.limits(u.Login)
		segments := limited{daily: most.daily, monthly: most.monthly}
		segments.used = func(day int) (today, thisMonth int, err error) {
			err = t.row(`SELECT ifnull(sum(iif(day = ?2, segments, 0)), 0), ifnull(sum(segments), 0)
				FROM user_usage WHERE user_id = ?1 AND day BETWEEN ?2 / 100 * 100 AND ?2`, []any{u.ID, day}, &today, &thisMonth)
			return today, thisMonth, err
		}
		segments.add = func(day, n int) error { return t.addUsage(u.ID, day, n, 0) }
		notices := limited{daily: most.notices}
		notices.used = func(day int) (today, thisMonth int, err error) {
			err = t.row(`SELECT ifnull(sum(notices), 0) FROM user_usage WHERE user_id = ? AND day = ?`, []any{u.ID, day}, &today)
			return today, 0, err
		}
		notices.add = func(day, n int) error { return t.addUsage(u.ID, day, 0, n) }
		for _, c := range []limited{segments, notices} {
			if err := c.fillUp(days); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tx) addUsage(user int64, day, segments, notices int) error {
	_, err := t.exec(`INSERT INTO user_usage (user_id, day, segments, notices) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (user_id, day) DO UPDATE SET segments = segments + ?3, notices = notices + ?4`, user, day, segments, notices)
	return err
}

// limited is what is counted by the day and held against limits.
type limited struct {
	daily, monthly int // limits; 0: none
	used           func(day int) (today, thisMonth int, err error)
	add            func(day, n int) error
}

// fillUp counts as much for each of the days as the limits still allow.
func (c limited) fillUp(days []int) error {
	if c.daily == 0 && c.monthly == 0 {
		return nil
	}
	for _, day := range days {
		today, thisMonth, err := c.used(day)
		if err != nil {
			return err
		}
		left := max(0, c.monthly-thisMonth)
		if c.daily > 0 {
			allowed := max(0, c.daily-today)
			if c.monthly == 0 || allowed < left {
				left = allowed
			}
		}
		if left > 0 {
			if err := c.add(day, left); err != nil {
				return err
			}
		}
	}
	return nil
}

// daysBetween are the days from one time to another as rows count them, both included; the last sixty-two of them,
// since no limit looks further back than a month.
func daysBetween(from, to time.Time) (days []int) {
	from = from.Local()
	if earliest := to.Local().AddDate(0, 0, -61); from.Before(earliest) {
		from = earliest
	}
	for at, last := from, date(to); date(at) <= last; at = at.AddDate(0, 0, 1) {
		days = append(days, date(at))
	}
	return days
}
