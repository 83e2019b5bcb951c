package store_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"omsbox/store"
)

func TestOnlyTheRightPasswordSignsIn(t *testing.T) {
	s := open(t)
	addUser(t, s, "ann")
	for _, c := range []struct {
		name, login, password string
		want                  error
	}{
		{"right", "ann", "secret of ann", nil},
		{"right again, from the cache", "ann", "secret of ann", nil},
		{"any case of the name", "ANN", "secret of ann", nil},
		{"wrong", "ann", "secret of bob", store.ErrCredentials},
		{"empty", "ann", "", store.ErrCredentials},
		{"unknown user", "bob", "secret of ann", store.ErrCredentials},
		{"no user", "", "", store.ErrCredentials},
		{"endless", "ann", strings.Repeat("x", 1<<20), store.ErrCredentials},
	} {
		t.Run(c.name, func(t *testing.T) {
			u, err := s.Authenticate(t.Context(), c.login, c.password)
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if c.want == nil && u.Login != "ann" {
				t.Errorf("signed in as %q", u.Login)
			}
		})
	}
}

func TestACachedPasswordEndsWithItsRow(t *testing.T) {
	s := open(t)
	addUser(t, s, "ann")
	_, err := s.Authenticate(t.Context(), "ann", "secret of ann")
	check(t, err)
	check(t, s.SetPassword(t.Context(), "ann", "another"))
	if _, err := s.Authenticate(t.Context(), "ann", "secret of ann"); !errors.Is(err, store.ErrCredentials) {
		t.Errorf("with the old password got %v", err)
	}
	_, err = s.Authenticate(t.Context(), "ann", "another")
	check(t, err)
	check(t, s.Disable(t.Context(), "ann"))
	if _, err := s.Authenticate(t.Context(), "ann", "another"); !errors.Is(err, store.ErrDisabled) {
		t.Errorf("disabled, with the right password, got %v", err)
	}
	if _, err := s.Authenticate(t.Context(), "ann", "wrong"); !errors.Is(err, store.ErrCredentials) {
		t.Errorf("disabled, with a wrong password, got %v", err)
	}
}

func TestAProvedPasswordCostsNothingAgain(t *testing.T) {
	s := open(t)
	addUser(t, s, "ann")
	_, err := s.Authenticate(t.Context(), "ann", "secret of ann")
	check(t, err)
	began := time.Now()
	const times = 200
	for range times {
		_, err := s.Authenticate(t.Context(), "ann", "secret of ann")
		check(t, err)
	}
	if each := time.Since(began) / times; each > 5*time.Millisecond {
		t.Errorf("each took %v", each)
	}
}

func TestTooManySignInsAreSentAway(t *testing.T) {
	s := open(t)
	addUser(t, s, "ann")
	const many = 300
	busy := make(chan bool, many)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range many {
		go func() {
			_, err := s.Authenticate(ctx, "ann", "wrong")
			busy <- errors.Is(err, store.ErrBusy)
		}()
	}
	for range many {
		if <-busy {
			return // one was enough; the others need not be waited for
		}
	}
	t.Error("300 at once were all let in")
}

func TestUsersThatCannotBe(t *testing.T) {
	s := open(t)
	addUser(t, s, "ann")
	for _, c := range []struct {
		name     string
		user     store.User
		password string
		want     error
	}{
		{"taken", store.User{Login: "Ann"}, "x", store.ErrTaken},
		{"no name", store.User{}, "x", store.ErrInvalid},
		{"a name with a line break", store.User{Login: "a\nb"}, "x", store.ErrInvalid},
		{"no password", store.User{Login: "bob"}, "", store.ErrInvalid},
		{"no mail address", store.User{Login: "bob", Mail: "bob"}, "x", store.ErrInvalid},
		{"header injection", store.User{Login: "bob", Mail: "bob@example.org\r\nBcc: x@example.org"}, "x", store.ErrInvalid},
		{"no number", store.User{Login: "bob", Phone: "hello"}, "x", store.ErrNumber},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := s.AddUser(t.Context(), c.user, c.password); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestEveryUserHasAnAddressOfTheirOwn(t *testing.T) {
	s := open(t)
	check(t, s.Set(t.Context(), "mail.domain", "sms.example.org"))
	seen := map[string]bool{}
	for _, login := range []string{"ann", "ann@office", "ANN@home", "a..b", "İ", "-", "日本"} {
		u, err := s.AddUser(t.Context(), store.User{Login: login}, "x")
		check(t, err)
		address := s.Address(u)
		if seen[strings.ToLower(address)] || !strings.HasSuffix(address, "@sms.example.org") {
			t.Errorf("%q has the address %s", login, address)
		}
		seen[strings.ToLower(address)] = true
	}
}
