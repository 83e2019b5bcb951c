package store

import "time"

// startWithin is how long a modem may take from the start of the service until it is in a network.
const startWithin = 2 * time.Minute

// Reachable says whether a text may be expected to leave in time. Where no modem has ever been in a
// network it may not, once one has had the time to start. Else it may while one is in a network, and
// where a text that is to leave at that time (zero or past: at once) would still be worth sending if the
// outage lasts as long again as it has. How long it has is known since the service was started.
func (s *Store) Reachable(at time.Time) bool {
	now := s.stamp()
	silent := s.radio.silent(now)
	if !s.worked.Load() {
		return silent < startWithin
	}
	return silent < max(0, at.Sub(now))+s.Validity()
}
