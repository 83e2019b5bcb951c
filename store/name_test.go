package store_test

import (
	"errors"
	"fmt"
	"testing"

	"omsbox/store"
)

// household are users of whom some share what they are called by.
func household(t *testing.T) *store.Store {
	t.Helper()
	s := open(t)
	check(t, s.Set(t.Context(), "sms.region", "GB"))
	for _, u := range []store.User{
		{Login: "ann", Mail: "Ann@example.org", Phone: "07911 123456"},
		{Login: "bob", Mail: "family@example.org", Phone: "+447911000001"},
		{Login: "eve", Mail: "family@example.org", Phone: "+447911000001"},
		{Login: "max@example.org", Mail: "max@example.org"},
		{Login: "zoe", Mail: "MAX@example.org"}, // whose own it is as a login
		{Login: "tim", Mail: "tim@example.org"},
		{Login: "+447911000002", Phone: "+447911000002"},
		{Login: "1001", Phone: "12345"}, // numbers of no phone
		{Login: "old", Mail: "tom@example.org"},
		{Login: "tom", Mail: "tom@example.org"},
	} {
		_, err := s.AddUser(t.Context(), u, "secret of "+u.Login)
		check(t, err)
	}
	check(t, s.Disable(t.Context(), "old"))
	return s
}

func TestWhatUsersSignInWith(t *testing.T) {
	t.Parallel()
	s := household(t)
	app := map[string]string{}
	for _, login := range []string{"ann", "bob", "eve", "max@example.org", "zoe", "tim", "+447911000002", "1001", "tom"} {
		password, err := s.AddAppPassword(t.Context(), login, "")
		check(t, err)
		app[login] = password
	}
	for _, c := range []struct{ name, login string }{
		{"ann", "ann"}, {"ANN", "ann"}, {" ann ", "ann"},
		{"ann@example.org", "ann"}, {"ANN@EXAMPLE.ORG", "ann"},
		{"+447911123456", "ann"}, {"07911 123456", "ann"}, {"+44 (0)7911-123456", "ann"}, {"tel:+447911123456", "ann"}, {"0044 7911 123456", "ann"},
		{"bob", "bob"}, {"eve", "eve"},
		{"max@example.org", "max@example.org"},
		{"+447911000002", "+447911000002"}, {"07911 000002", "+447911000002"},
		{"1001", "1001"},
		{"tom@example.org", "tom"}, // the other with that address is disabled
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, password := range []string{"secret of " + c.login, app[c.login]} {
				for range 2 { // looked up, and remembered
					got, err := s.Authenticate(t.Context(), c.name, password, "192.0.2.1", store.Programs)
					if got.Login != c.login || err != nil {
						t.Errorf("with %q it is %q, %v", password, got.Login, err)
					}
				}
			}
			if _, got, err := s.SignIn(t.Context(), c.name, "secret of "+c.login, "192.0.2.1"); got.Login != c.login || err != nil {
				t.Errorf("at the pages it is %q, %v", got.Login, err)
			}
			if got, err := s.Authenticate(t.Context(), c.name, app[c.login], "192.0.2.1", store.OldPrograms); got.Login != c.login || err != nil {
				t.Errorf("without TLS it is %q, %v", got.Login, err)
			}
		})
	}
	guess := 0
	for name, logins := range map[string][]string{
		"max@example.org":    {"zoe"},
		"family@example.org": {"bob", "eve"}, "+447911000001": {"bob", "eve"}, "07911 000001": {"bob", "eve"},
		"12345": {"1001"}, "ann@example.com": {"ann"}, "+447911123457": {"ann"}, "example.org": {"ann"}, "": {"ann", "1001"},
	} {
		for _, login := range logins {
			for _, password := range []string{"secret of " + login, app[login]} {
				guess++ // each from another address, so that none is put off
				if got, err := s.Authenticate(t.Context(), name, password, fmt.Sprintf("192.0.3.%d", guess), store.Programs); !errors.Is(err, store.ErrCredentials) {
					t.Errorf("as %q, %s signs in: %q, %v", name, login, got.Login, err)
				}
			}
		}
	}
}

// A login of an older database may look like the address of somebody else, who is not to be let in as the
// other, nor the other by it.
func TestALoginLikeAnothersAddressMeansNobody(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	older(t, dir, migrations(t), `INSERT INTO users (login, password, phone, mail, alias, admin, disabled, created) VALUES
		('ann@example.org', '', '', '', 'ann', 0, 0, 1), ('ben@example.org', '', '', '', 'ben', 0, 0, 1), ('+447911123456', '', '', '', 'tel', 0, 0, 1)`)
	s := openIn(t, dir)
	for _, login := range []string{"ann@example.org", "ben@example.org", "+447911123456"} {
		check(t, s.SetPassword(t.Context(), login, "old secret"))
	}
	_, err := s.AddUser(t.Context(), store.User{Login: "anna", Mail: "ann@example.org", Phone: "+447911123456"}, "secret of anna")
	check(t, err)
	for _, c := range []struct{ name, password, login string }{
		{"ann@example.org", "old secret", ""}, {"ann@example.org", "secret of anna", ""},
		{"+447911123456", "old secret", ""}, {"+447911123456", "secret of anna", ""},
		{"ben@example.org", "old secret", "ben@example.org"}, // nobody else's
		{"anna", "secret of anna", "anna"},
	} {
		got, err := s.Authenticate(t.Context(), c.name, c.password, "", store.Programs)
		if got.Login != c.login || (err == nil) != (c.login != "") || err != nil && !errors.Is(err, store.ErrCredentials) {
			t.Errorf("%s with %q is %q, %v, want %q", c.name, c.password, got.Login, err, c.login)
		}
	}
}

func TestGuessesCountForTheAccount(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what    string
		guessed []string
		then    []string // is put off
		free    []string // is not
	}{
		{"an account", []string{"ann", "ann@example.org", "+447911123456", "07911 123456", "ANN"},
			[]string{"ann", "Ann@Example.org", "tel:+447911123456"}, []string{"tim", "nobody"}},
		{"a number of nobody's", []string{"+447911000009", "07911000009", "07911 000009", "tel:+447911000009", "0044 7911 000009"},
			[]string{"+44 7911 000009"}, []string{"ann", "+447911000008"}},
		{"an address of nobody's", []string{"x@example.org", "X@example.org", "x@EXAMPLE.org", " x@example.org", "x@example.org"},
			[]string{"X@EXAMPLE.ORG"}, []string{"ann"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := household(t)
			for _, name := range c.guessed {
				if _, err := s.Authenticate(t.Context(), name, "a guess", "192.0.2.1", store.Programs); !errors.Is(err, store.ErrCredentials) {
					t.Fatalf("as %q: %v", name, err)
				}
			}
			for _, name := range c.then {
				if _, err := s.Authenticate(t.Context(), name, "a guess", "192.0.2.1", store.Programs); !errors.Is(err, store.ErrThrottled) {
					t.Errorf("as %q: %v", name, err)
				}
			}
			for _, name := range c.free {
				if _, err := s.Authenticate(t.Context(), name, "a guess", "192.0.2.1", store.Programs); !errors.Is(err, store.ErrCredentials) {
					t.Errorf("as %q: %v", name, err)
				}
			}
		})
	}
}

// What was proved under one name is known under the others, although guesses are put off.
func TestAProvedPasswordIsKnownUnderEveryName(t *testing.T) {
	t.Parallel()
	s := household(t)
	_, err := s.Authenticate(t.Context(), "ann", "secret of ann", "192.0.2.1", store.Programs)
	check(t, err)
	for range 6 {
		s.Authenticate(t.Context(), "ann", "a guess", "192.0.2.1", store.Programs)
	}
	for _, name := range []string{"ann", "ann@example.org", "07911 123456"} {
		if _, err := s.Authenticate(t.Context(), name, "secret of ann", "192.0.2.1", store.Programs); err != nil {
			t.Errorf("as %s: %v", name, err)
		}
	}
	check(t, s.SetPassword(t.Context(), "ann", "another secret"))
	for _, name := range []string{"ann", "ann@example.org", "07911 123456"} {
		if _, err := s.Authenticate(t.Context(), name, "secret of ann", "192.0.2.3", store.Programs); !errors.Is(err, store.ErrCredentials) {
			t.Errorf("as %s, the old password: %v", name, err)
		}
	}
}

// A number means another phone once the box is in another country.
func TestANumberIsReadForTheRegionOfToday(t *testing.T) {
	t.Parallel()
	s := household(t)
	if _, err := s.Authenticate(t.Context(), "07911 123456", "secret of ann", "192.0.2.1", store.Programs); err != nil {
		t.Fatal(err)
	}
	check(t, s.Set(t.Context(), "sms.region", "FR"))
	if u, err := s.Authenticate(t.Context(), "07911 123456", "secret of ann", "192.0.2.1", store.Programs); !errors.Is(err, store.ErrCredentials) {
		t.Errorf("it is %q, %v", u.Login, err)
	}
}

func TestWhatIsSharedIsTold(t *testing.T) {
	t.Parallel()
	s := household(t)
	for login, want := range map[string]int{"ann": 0, "bob": 2, "eve": 2, "tom": 0, "1001": 0, "zoe": 1} {
		u, err := s.UserByLogin(t.Context(), login)
		check(t, err)
		if got, err := s.Shared(t.Context(), u); len(got) != want || err != nil {
			t.Errorf("%s shares %q, %v", login, got, err)
		}
	}
}
