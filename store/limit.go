package store

import (
	"fmt"
	"strconv"
	"strings"
)

// What a user may hand over in a day and in a calendar month is counted when it is queued, in that
// commit, in segments: each recipient costs as many as the texts take, since that is what networks
// charge and what sim.daily counts. A recipient gets all of a message or nothing, and no limit is ever
// exceeded. What is cancelled later stays counted. Reminders and rule notifications are counted
// besides, each once however many recipients it has.

// Over is a limit of a user's, and the recipients that it kept out.
type Over struct {
	Monthly bool // it is that of the month, else of the day
	Most    int  // segments
	To      []Recipient
}

func (o *Over) Error() string {
	return fmt.Sprintf("the limit of %d segments a %s leaves no room for %d of the recipients", o.Most, o.word(), len(o.To))
}

func (o *Over) word() string {
	if o.Monthly {
		return "month"
	}
	return "day"
}

// limits are what a user may hand over; 0: any number.
type limits struct{ daily, monthly, notices int }

func (s *Store) limits(login string) limits {
	daily, _ := strconv.Atoi(s.UserSetting("user.daily", login)) // they were checked when they were set
	monthly, _ := strconv.Atoi(s.UserSetting("user.monthly", login))
	notices, _ := parseNotices(s.UserSetting("oms.notices", login))
	return limits{daily, monthly, notices}
}

// isNotice says whether a message counts as one that nobody wrote by hand.
// OMS guidelines part 2, Configuration Settings Page
func (m Message) isNotice() bool {
	return strings.EqualFold(m.SourceType, "reminder") || strings.EqualFold(m.SourceType, "ruleBased")
}

// meter counts what a user hands over, and leaves those recipients out that a limit keeps out. The
// error is ErrNotices or *Over where nothing may be queued.
func (t *tx) meter(d *draft) (*Over, error) {
	if d.User == 0 {
		return nil, nil
	}
	day, err := t.userDay()
	if err != nil {
		return nil, err
	}
	most, err := t.limitsOf(d.User)
	if err != nil {
		return nil, err
	}
	each, notice := 0, 0
	for _, n := range d.sizes {
		each += n
	}
	if d.isNotice() {
		notice = 1
	}
	var over *Over
	if most != (limits{}) {
		var today, monthly, notices int
		if err := t.row(`SELECT ifnull(sum(iif(day = ?2, segments, 0)), 0), ifnull(sum(segments), 0), ifnull(sum(iif(day = ?2, notices, 0)), 0)
			FROM user_usage WHERE user_id = ?1 AND day BETWEEN ?2 / 100 * 100 AND ?2`, []any{d.User, day}, &today, &monthly, &notices); err != nil {
			return nil, err
		}
		if notice > 0 && most.notices > 0 && notices >= most.notices {
			return nil, ErrNotices
		}
		if over = most.over(d.To, each, today, monthly); over != nil {
			if d.To = d.To[:len(d.To)-len(over.To)]; len(d.To) == 0 || !d.Partly {
				return nil, over
			}
		}
	}
	_, err = t.exec(`INSERT INTO user_usage (user_id, day, segments, notices) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (user_id, day) DO UPDATE SET segments = segments + ?3, notices = notices + ?4`, d.User, day, each*len(d.To), notice)
	return over, err
}

// over returns the limit that keeps the last of the recipients out, nil where none does.
func (l limits) over(to []Recipient, each, today, monthly int) *Over {
	fit := func(most, used int) int {
		if most == 0 {
			return len(to)
		}
		return min(len(to), max(0, most-used)/each)
	}
	switch daily, month := fit(l.daily, today), fit(l.monthly, monthly); {
	case month < len(to) && month <= daily: // it keeps them out for longer
		return &Over{Monthly: true, Most: l.monthly, To: to[month:]}
	case daily < len(to):
		return &Over{Most: l.daily, To: to[daily:]}
	}
	return nil
}

func (t *tx) limitsOf(user int64) (limits, error) {
	s := t.writer.store
	if !s.limited.Load() {
		return limits{}, nil
	}
	var login string
	err := t.row(`SELECT login FROM users WHERE id = ?`, []any{user}, &login)
	return s.limits(login), err
}

// userDay is the day that what users hand over is counted for.
func (t *tx) userDay() (int, error) {
	last := 0
	if !t.writer.store.ClockTrusted() {
		if err := t.row(`SELECT ifnull(max(day), 0) FROM user_usage WHERE day <= ?`, []any{date(t.now)}, &last); err != nil {
			return 0, err
		}
	}
	return t.writer.store.today(t.now, last), nil
}
