package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"omsbox/store"
)

// signIn begins a session of a user.
func signIn(t testing.TB, s *store.Store, login string) (token string) {
	t.Helper()
	token, _, err := s.SignIn(t.Context(), login, "secret of "+login, "192.0.2.1")
	check(t, err)
	return token
}

// whose returns whose session a token proves, "" for nobody's.
func whose(t testing.TB, s *store.Store, token string) string {
	t.Helper()
	u, err := s.Session(t.Context(), token)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	return u.Login
}

func TestASessionProvesWhoSignedIn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIn(t, dir)
	addUser(t, s, "ann")
	addUser(t, s, "bob")
	ofAnn, ofBob := signIn(t, s, "ann"), signIn(t, s, "bob")
	again := signIn(t, s, "ann")
	if ofAnn == again || len(ofAnn) != 43 {
		t.Errorf("tokens are %q and %q", ofAnn, again)
	}
	check(t, s.Close()) // a restart ends none
	s = openIn(t, dir)
	for _, c := range []struct{ name, token, want string }{
		{"ann's", ofAnn, "ann"},
		{"another of ann's", again, "ann"},
		{"bob's", ofBob, "bob"},
		{"none", "", ""},
		{"a made up one", strings.Repeat("A", 43), ""},
		{"one cut short", ofAnn[:42], ""},
		{"one with more", ofAnn + "A", ""},
		{"in other letters", strings.ToLower(ofAnn), ""},
	} {
		if got := whose(t, s, c.token); got != c.want {
			t.Errorf("%s is %q's, want %q's", c.name, got, c.want)
		}
	}
	check(t, s.SignOut(t.Context(), ofAnn))
	check(t, s.SignOut(t.Context(), ofAnn))
	if whose(t, s, ofAnn) != "" || whose(t, s, again) != "ann" {
		t.Error("signing out ends that session and no other")
	}
}

func TestNobodySignsInToThePagesWhoMayNot(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, login := range []string{"ann", "gone", "over"} {
		addUser(t, s, login)
	}
	check(t, s.Disable(t.Context(), "gone"))
	check(t, s.Expire(t.Context(), "over", s.Now().Add(-time.Hour)))
	for n, c := range []struct {
		name, login, password string
		want                  error
	}{
		{"a wrong password", "ann", "secret of bob", store.ErrCredentials},
		{"nobody", "nobody", "secret of ann", store.ErrCredentials},
		{"no name", "", "", store.ErrCredentials},
		{"a password of a program", "ann", appPassword(t, s, "ann"), store.ErrCredentials},
		{"a disabled account", "gone", "secret of gone", store.ErrDisabled},
		{"an expired account", "over", "secret of over", store.ErrExpired},
	} {
		if token, u, err := s.SignIn(t.Context(), c.login, c.password, address(n)); token != "" || u != (store.User{}) || !errors.Is(err, c.want) {
			t.Errorf("%s: got %q, %v, want %v", c.name, token, err, c.want)
		}
	}
}

func TestSessionsEndWithTheRightToHaveThem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(s *store.Store) error
		undo   func(s *store.Store) error // the sessions stay ended
		ends   bool
	}{
		{"a new password", func(s *store.Store) error { return s.SetPassword(t.Context(), "ann", "secret of bob") },
			func(s *store.Store) error { return s.SetPassword(t.Context(), "ann", "secret of ann") }, true},
		{"the account is disabled", func(s *store.Store) error { return s.Disable(t.Context(), "Ann") },
			func(s *store.Store) error { return s.Enable(t.Context(), "ann") }, true},
		{"the account's time is over", func(s *store.Store) error { return s.Expire(t.Context(), "ann", s.Now().Add(-time.Second)) },
			func(s *store.Store) error { return s.Expire(t.Context(), "ann", time.Time{}) }, true},
		{"the account has an end", func(s *store.Store) error { return s.Expire(t.Context(), "ann", s.Now().Add(time.Hour)) }, nil, false},
		{"another gets a password", func(s *store.Store) error { return s.SetPassword(t.Context(), "bob", "another") }, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := openIn(t, dir)
			addUser(t, s, "ann")
			addUser(t, s, "bob")
			first, second := signIn(t, s, "ann"), signIn(t, s, "ann")
			beside, err := store.Open(t.Context(), dir, quiet()) // a command, while the service runs
			check(t, err)
			defer beside.Close()
			check(t, c.change(beside))
			for _, token := range []string{first, second} {
				if got := whose(t, s, token); (got == "") != c.ends {
					t.Errorf("it is %q's", got)
				}
			}
			if c.undo == nil {
				return
			}
			check(t, c.undo(beside))
			if got := whose(t, s, first); got != "" {
				t.Errorf("it came back to %s", got)
			}
			signIn(t, s, "ann")
		})
	}
}

func TestThePasswordOfBeforeBeginsNoSession(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIn(t, dir)
	addUser(t, s, "ann")
	signIn(t, s, "ann")
	beside, err := store.Open(t.Context(), dir, quiet()) // a command, while the service runs
	check(t, err)
	defer beside.Close()
	check(t, beside.SetPassword(t.Context(), "ann", "another"))
	if _, _, err := s.SignIn(t.Context(), "ann", "secret of ann", "192.0.2.1"); !errors.Is(err, store.ErrCredentials) {
		t.Errorf("got %v", err)
	}
}

func TestASessionEndsWithTheAccountsTime(t *testing.T) {
	t.Parallel()
	s, clock := openAt(t, time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
	addUser(t, s, "ann")
	token := signIn(t, s, "ann")
	check(t, s.Expire(t.Context(), "ann", clock.Now().Add(time.Minute)))
	if whose(t, s, token) != "ann" {
		t.Error("it ended too early")
	}
	clock.Pass(time.Minute)
	if whose(t, s, token) != "" {
		t.Error("it goes on")
	}
}

func TestASessionLastsWhileItIsUsedButNotForever(t *testing.T) {
	t.Parallel()
	s, clock := openAt(t, time.Date(2026, 5, 1, 12, 34, 0, 0, time.UTC))
	addUser(t, s, "ann")
	const day = 24 * time.Hour
	for _, c := range []struct {
		name        string
		every, over time.Duration // how often it is used, and when it is over
	}{
		{"every day", day, 90 * day},
		{"every 29 days", 29 * day, 116 * day}, // at the first use after 90
		{"never", 30 * day, 30 * day},
	} {
		t.Run(c.name, func(t *testing.T) {
			began := clock.Now()
			token := signIn(t, s, "ann")
			for whose(t, s, token) == "ann" && clock.Now().Sub(began) < 1000*day {
				check(t, s.SetHealth(t.Context(), "part", true, "")) // by then the use is written
				clock.Pass(c.every)
			}
			if got := clock.Now().Sub(began); got != c.over {
				t.Errorf("it is over after %v, want %v", got, c.over)
			}
		})
	}
}

func TestAUserHasTwentySessionsAndTheOneUsedLongestAgoGoes(t *testing.T) {
	t.Parallel()
	s, clock := openAt(t, time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
	addUser(t, s, "ann")
	addUser(t, s, "bob")
	ofBob := signIn(t, s, "bob")
	var all []string
	for range 20 {
		all = append(all, signIn(t, s, "ann"))
	}
	clock.Pass(time.Hour)
	if whose(t, s, all[0]) != "ann" { // and it is used
		t.Error("the first of twenty is over")
	}
	for range 3 {
		all = append(all, signIn(t, s, "ann"))
	}
	for i, token := range all {
		if got, over := whose(t, s, token), i >= 1 && i <= 3; (got == "") != over {
			t.Errorf("session %d is %q's", i, got)
		}
	}
	if whose(t, s, ofBob) != "bob" {
		t.Error("another user's is over")
	}
}
