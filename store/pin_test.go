package store_test

import (
	"testing"
	"time"

	"omsbox/store"
)

// A SIM blocks itself after three wrong PINs. So a PIN that may be wrong is given once, and the last try is a
// person's.
func TestWhetherAPINIsGiven(t *testing.T) {
	t.Parallel()
	const sim, device, other, pin = "262011234567890", "device:/dev/ttyUSB0", "262019999999999", "1234"
	type known func(*testing.T, *store.Store)
	given := func(sim, pin string) known { // and the box stopped before the answer was stored
		return func(t *testing.T, s *store.Store) {
			if trial, err := s.TryPIN(t.Context(), sim, pin, 3); err != nil || trial != store.PINNew {
				t.Fatalf("a new PIN is %d, %v", trial, err)
			}
		}
	}
	said := func(sim, pin string, taken bool) known {
		return func(t *testing.T, s *store.Store) {
			given(sim, pin)(t, s)
			check(t, s.PINTaken(t.Context(), sim, pin, taken))
		}
	}
	never := func(*testing.T, *store.Store) {}
	for _, c := range []struct {
		name  string
		known known
		sim   string
		want  map[int]store.PINTrial // by the tries that are left
	}{
		{"it was never given", never, sim,
			map[int]store.PINTrial{-1: store.PINNew, 3: store.PINNew, 2: store.PINNew, 1: store.PINLast, 0: store.PINLast}},
		{"the SIM took it", said(sim, pin, true), sim,
			map[int]store.PINTrial{-1: store.PINGood, 3: store.PINGood, 2: store.PINGood, 1: store.PINGood}},
		{"the SIM refused it", said(sim, pin, false), sim,
			map[int]store.PINTrial{-1: store.PINWrong, 3: store.PINWrong, 2: store.PINWrong, 1: store.PINWrong}},
		{"it was given, and nobody knows", given(sim, pin), sim,
			map[int]store.PINTrial{-1: store.PINDoubt, 3: store.PINNew, 2: store.PINDoubt, 1: store.PINDoubt}},
		{"the SIM refused another one", said(sim, "4321", false), sim,
			map[int]store.PINTrial{3: store.PINNew, 2: store.PINNew, 1: store.PINLast}},
		{"another SIM refused it", said(other, pin, false), sim,
			map[int]store.PINTrial{3: store.PINNew, 2: store.PINNew, 1: store.PINLast}},
		{"a SIM without a number refused it, which may be this one", said(device, pin, false), sim,
			map[int]store.PINTrial{3: store.PINNew, 2: store.PINWrong, 1: store.PINWrong, -1: store.PINWrong}},
		{"a SIM refused it, which may be this one without a number", said(sim, pin, false), device,
			map[int]store.PINTrial{3: store.PINNew, 2: store.PINWrong, 1: store.PINWrong}},
		{"a SIM without a number was given it, and nobody knows", given(device, pin), sim,
			map[int]store.PINTrial{3: store.PINNew, 2: store.PINWrong}},
		{"a SIM without a number took it", said(device, pin, true), sim,
			map[int]store.PINTrial{2: store.PINNew, 1: store.PINLast}},
		{"a SIM without a number refused another one", said(device, "4321", false), sim,
			map[int]store.PINTrial{2: store.PINNew, 1: store.PINLast}},
	} {
		for tries, want := range c.want {
			s := open(t)
			c.known(t, s)
			got, err := s.TryPIN(t.Context(), c.sim, pin, tries)
			check(t, err)
			if got != want {
				t.Errorf("%s, with %d tries left: got %d, want %d", c.name, tries, got, want)
			}
			// What may be given is on record as given: without an answer it is in doubt.
			if got != store.PINNew && got != store.PINGood {
				continue
			}
			if again, err := s.TryPIN(t.Context(), c.sim, pin, 2); err != nil || again != store.PINDoubt {
				t.Errorf("%s, with %d tries left, and once more: got %d, %v", c.name, tries, again, err)
			}
		}
	}
}

func TestWhatIsKnownOfASIM(t *testing.T) {
	t.Parallel()
	a := arrive(t)
	met, err := a.MeetSIM(t.Context(), "262011234567890", "")
	check(t, err)
	if met.ID != "262011234567890" || met.ICCID != "" || met.Swept || met.Balance != "" || met.Amount != nil || !met.Asked.IsZero() || !met.Met.Equal(noon) {
		t.Errorf("a SIM that is new is %+v", met)
	}
	check(t, a.SweptSIM(t.Context(), met.ID))
	a.clock.Pass(time.Hour)
	if met, err = a.MeetSIM(t.Context(), met.ID, "8949020000012345678"); err != nil || met.ICCID != "8949020000012345678" || !met.Swept || !met.Met.Equal(noon) {
		t.Errorf("met again it is %+v, %v", met, err)
	}
	// A modem that cannot read it at one time takes nothing away.
	if met, err = a.MeetSIM(t.Context(), met.ID, ""); err != nil || met.ICCID != "8949020000012345678" || !met.Swept {
		t.Errorf("met without its number it is %+v, %v", met, err)
	}
	other, err := a.MeetSIM(t.Context(), "device:/dev/ttyUSB1", "")
	check(t, err)
	if other.Swept {
		t.Error("another SIM counts as swept")
	}
}
