package store

import (
	"strconv"
	"time"

	"omsbox/modem/sms"
)

// What the settings say about sending.

// Validity returns how long a text is worth sending (sms.validity).
func (s *Store) Validity() time.Duration { return s.span("sms.validity") }

// Incomplete returns how long the missing segments of a text are awaited (sms.incomplete).
func (s *Store) Incomplete() time.Duration { return s.span("sms.incomplete") }

// Failover returns how long the SIM that a text is meant for may be gone before another one sends
// it (sms.failover); false: for ever.
func (s *Store) Failover() (time.Duration, bool) {
	return s.span("sms.failover"), s.Setting("sms.failover") != never
}

// Wait returns how long DeliverXms may wait for a modem's verdict (oms.wait).
func (s *Store) Wait() time.Duration { return s.span("oms.wait") }

// span is the value of a setting that is a time; 0 where it is none.
func (s *Store) span(key string) time.Duration {
	d, err := parseSpan(s.Setting(key))
	if err != nil {
		return 0
	}
	return d
}

// Coding returns how texts are written (sms.languages, sms.plain, sms.references).
func (s *Store) Coding() sms.Coding {
	languages, _ := sms.ParseLanguages(s.Setting("sms.languages")) // it was checked when it was set
	return sms.Coding{Languages: languages, Plain: s.Setting("sms.plain") == "yes", WideRef: s.Setting("sms.references") == "16"}
}

// Held says whether a SIM is to send nothing for now (sms.hold, sim.hold). names are the SIM's, as
// in SIMSetting. The rest of a text of which a part has left still goes.
func (s *Store) Held(names ...string) bool {
	return s.Setting("sms.hold") == "yes" || s.SIMSetting("sim.hold", names...) == "yes"
}

// Pace returns the time from one segment of a SIM to its next at least (sim.pace); 0: none.
func (s *Store) Pace(names ...string) time.Duration {
	d, err := parsePace(s.SIMSetting("sim.pace", names...))
	if err != nil {
		return 0
	}
	return d
}

// Daily returns how many segments a SIM may send a day (sim.daily); 0: any number.
func (s *Store) Daily(names ...string) int { return s.number("sim.daily", names) }

// Monthly returns how many segments a SIM may send in a calendar month (sim.monthly); 0: any number.
func (s *Store) Monthly(names ...string) int { return s.number("sim.monthly", names) }

func (s *Store) number(key string, names []string) int {
	n, _ := strconv.Atoi(s.SIMSetting(key, names...)) // it was checked when it was set
	return n
}

// Least returns the balance below which people are told (sim.least); false: they never are.
func (s *Store) Least(names ...string) (float64, bool) {
	v, err := strconv.ParseFloat(s.SIMSetting("sim.least", names...), 64)
	return v, err == nil
}
