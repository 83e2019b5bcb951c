package store_test

import (
	"testing"
	"time"

	"omsbox/store"
)

// twoSIMs is a store with two modems that work.
func twoSIMs(t testing.TB) (s *store.Store, pass func(time.Duration)) {
	t.Helper()
	s, pass = clocked(t)
	check(t, s.Set(t.Context(), "sms.region", "GB"))
	radio(t, s, one, true)
	radio(t, s, two, true)
	return s, pass
}

func TestThroughWhichSIMATextLeaves(t *testing.T) {
	t.Parallel()
	s, _ := twoSIMs(t)
	ann := addUser(t, s, "Ann")
	_, err := s.MeetSIM(t.Context(), two, "89490200002222222222")
	check(t, err)
	for key, value := range map[string]string{
		"sim.users/" + one:                  "ann",
		"sim.prefixes/" + one:               "+43,+521",
		"sim.prefixes/89490200002222222222": "+4366, 49",
	} {
		check(t, s.Set(t.Context(), key, value))
	}
	for _, tpdu := range deliver(t, "+447911000002", "hello", 0) {
		check(t, s.Receive(t.Context(), two, tpdu))
	}
	for _, tpdu := range deliver(t, "+5491123456789", "hello", 0) {
		check(t, s.Receive(t.Context(), two, tpdu))
	}
	for _, tpdu := range deliver(t, "+436640000002", "hello", 0) {
		check(t, s.Receive(t.Context(), one, tpdu))
	}
	for _, c := range []struct {
		name   string
		user   int64
		number string
		sim    string // "" any
	}{
		{"a user who is bound", ann.ID, "+4917612345678", one},
		{"a prefix", 0, "+4312345678", one},
		{"the longer prefix", 0, "+436601234567", two},
		{"a prefix of a SIM by its ICCID, without +", 0, "+4917612345678", two},
		{"who texted a SIM is answered through that", 0, "+447911000002", two},
		{"a prefix goes before what was texted", 0, "+436640000002", two},
		{"as another spelling of the number texted", 0, "+541123456789", two},
		{"a prefix of another spelling of the number", 0, "+525512345678", one},
		{"nothing binds it", 0, number, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			enqueue(t, s, c.user, "hello", c.number)
			wrong, right := one, two
			if c.sim == one {
				wrong, right = two, one
			}
			if c.sim != "" {
				want(t, all(t, s, wrong))
			}
			want(t, all(t, s, right), "hello")
		})
	}
}

func TestASIMThatIsGoneIsReplacedAfterAWhile(t *testing.T) {
	t.Parallel()
	s, pass := twoSIMs(t)
	check(t, s.Set(t.Context(), "sim.prefixes/"+one, "+44"))
	begun := enqueue(t, s, 0, long(2), number)
	texts(t, s, one, 1)
	enqueue(t, s, 0, "hello", "+447911000001")
	if _, waits, err := s.Due(t.Context(), two); waits || err != nil {
		t.Errorf("the other SIM is to wait for it (%v)", err)
	}
	bell := s.Subscribe(store.Outgoing)
	defer bell.Close()
	radio(t, s, one, false)
	<-bell.C // the other one has to know
	want(t, all(t, s, two))
	wait, waits, err := s.Due(t.Context(), two)
	check(t, err)
	if wait.Round(time.Second) != 5*time.Minute || !waits {
		t.Errorf("the other SIM takes it in %v, %t", wait, waits)
	}
	pass(wait)
	want(t, all(t, s, two), "hello")
	enqueue(t, s, 0, "and again", "+447911000001")
	want(t, all(t, s, two), "and again")
	// What a part has left of is never another's.
	pass(time.Hour)
	want(t, all(t, s, two))
	radio(t, s, one, true)
	enqueue(t, s, 0, "it is back", "+447911000001")
	want(t, all(t, s, two))
	if got := all(t, s, one); len(got) != 2 || state(t, s, begun) != store.Sent {
		t.Errorf("it sends %q", got)
	}
}

func TestASIMWithoutNetworkIsReplacedLikeOneThatIsGone(t *testing.T) {
	t.Parallel()
	s, pass := twoSIMs(t)
	check(t, s.Set(t.Context(), "sim.prefixes/"+one, "+44"))
	enqueue(t, s, 0, "hello", number)
	check(t, s.SetModem(t.Context(), store.Modem{Device: "modem of " + one, IMSI: one, Up: true, Problem: "the SIM is not in the network"}))
	want(t, all(t, s, two))
	pass(5*time.Minute + time.Second)
	want(t, all(t, s, two), "hello")
}

func TestASIMThatIsGoneMayBeWaitedForForEver(t *testing.T) {
	t.Parallel()
	s, pass := twoSIMs(t)
	check(t, s.Set(t.Context(), "sim.prefixes/"+one, "+44"))
	check(t, s.Set(t.Context(), "sms.failover", "never"))
	enqueue(t, s, 0, "hello", number)
	radio(t, s, one, false)
	pass(12 * time.Hour)
	want(t, all(t, s, two))
	radio(t, s, one, true)
	want(t, all(t, s, one), "hello")
}

func TestASIMThatWasTakenOutForGoodIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	s, _ := twoSIMs(t)
	for _, tpdu := range deliver(t, number, "hello", 0) {
		check(t, s.Receive(t.Context(), "262019999999999", tpdu))
	}
	enqueue(t, s, 0, "hello", number)
	want(t, all(t, s, two), "hello")
}
