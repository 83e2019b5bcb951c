package store

import (
	"log/slog"
	"strings"
	"testing"
)

// A guess costs what OWASP names at least, unless a store was opened with another cost; and a password that was
// stored at one cost is proved at another.
func TestAPasswordIsStoredWithItsCost(t *testing.T) {
	t.Parallel()
	stored := func(s *Store) string {
		form, err := s.signIn.cost.hash("a few words")
		if err != nil {
			t.Fatal(err)
		}
		return form
	}
	asServed, err := Create(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler)) // without any option
	if err != nil {
		t.Fatal(err)
	}
	defer CloseInTime(t, asServed)
	usual, cheap := stored(asServed), stored(openInside(t, WithPasswordCost(64, 1)))
	for form, want := range map[string]string{usual: "$argon2id$v=19$m=19456,t=2,p=1$", cheap: "$argon2id$v=19$m=64,t=1,p=1$"} {
		if !strings.HasPrefix(form, want) {
			t.Errorf("stored as %s…, want %s…", form[:len(want)], want)
		}
		if !provesPassword(form, "a few words") || provesPassword(form, "a few word") {
			t.Errorf("%s… proves another password than its own", want)
		}
	}
	s := openInside(t, WithPasswordCost(64, 1))
	if !strings.HasPrefix(s.signIn.decoy, "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Error("an unknown user costs another time than a known one")
	}
}
