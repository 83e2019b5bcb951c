package store

import "time"

// What texts say of the clock. Each carries the time at which its message centre got it (TP-SCTS), and a report
// the time at which the phone got its text (TP-DT). A message centre may be slow for days, and that of a foreign
// sender may have no right clock itself: so a text that agrees with the clock is a witness for it, and only two
// senders together are one against it, for then it is behind.

const (
	// agrees is how near a text must be dated to the clock to be a witness. A phone that is on gets its texts
	// within seconds.
	agrees = 5 * time.Minute
	// disagrees is how far a text must be dated ahead of the clock to be one against it: further than two zones
	// can be apart, as a message centre may be set to the wrong one.
	disagrees = 27 * time.Hour
)

// testimony is what texts have said since the clock was set last.
type testimony struct {
	witness bool   // a text was dated as the clock was
	sender  string // of the first text that was dated far ahead of the clock
	first   look   // what it was dated
	atLeast look   // what at least the time is, as two senders say; zero: they do not
}

// ahead is how far what texts say is ahead of the clock; 0 where it is not, or not known.
func (t *testimony) ahead(now look) time.Duration {
	if t.atLeast.wall.IsZero() {
		return 0
	}
	if by := -t.atLeast.set(now); by > disagrees {
		return by
	}
	return 0
}

// heard takes note of a text that came in just now.
func (t *testimony) heard(sender string, dated time.Time, now look) {
	switch by := dated.Sub(now.wall); {
	case dated.IsZero():
	case by.Abs() <= agrees:
		*t = testimony{witness: true}
	case by <= disagrees, t.witness:
	case t.sender == "" || t.sender == sender:
		t.sender, t.first = sender, look{dated, now.mono}
	default:
		t.atLeast = look{dated, now.mono}
		if t.first.set(t.atLeast) > 0 { // the earlier one of the two
			t.atLeast = t.first
		}
	}
}

// heard tells the clock of a text of that sender, or of a report, that came in just now.
func (s *Store) heard(sender string, dated time.Time) {
	now := s.look()
	s.clock.mu.Lock()
	defer s.clock.mu.Unlock()
	s.clock.texts.heard(sender, dated, now)
}
