package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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

// Guesses are answered alike, step by step, for names that belong to one account and for names of nobody.
func TestGuessesTellNothingOfAnAccount(t *testing.T) {
	t.Parallel()
	names := map[string][3]string{ // a number, a login and an address
		"ann's":    {"07911 123456", "ann", "ann@example.org"},
		"nobody's": {"07911 123459", "nan", "nan@example.org"},
	}
	for use, what := range map[store.Use]string{store.Pages: "pages", store.Programs: "programs", store.OldPrograms: "old programs"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			answers := map[string]string{}
			for whose, names := range names {
				synctest.Test(t, func(t *testing.T) {
					s := household(t)
					for _, n := range []int{0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 1, 1, 1, 2, 0, 2, -1, 0, 1, 2, 2, 2, 2, -1, 2, 1, 0} {
						if n < 0 {
							time.Sleep(3 * time.Second)
							continue
						}
						_, err := s.Authenticate(t.Context(), names[n], "a guess", "192.0.2.1", use)
						answers[whose] += fmt.Sprintf("%d %v\n", n, err)
					}
				})
			}
			if answers["ann's"] != answers["nobody's"] || !strings.Contains(answers["ann's"], "1 too many wrong passwords") {
				t.Errorf("for ann's names:\n%sfor nobody's:\n%s", answers["ann's"], answers["nobody's"])
			}
		})
	}
}

// An account has no more guesses under several names than under one. While it is in a pause there no password of its
// own is the right one; elsewhere it is.
func TestGuessesCountForTheAccount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := household(t)
		signIn := func(name, password, from string) error {
			_, err := s.Authenticate(t.Context(), name, password, from, store.Programs)
			return err
		}
		const here, elsewhere = "192.0.2.1", "192.0.2.2"
		for _, name := range []string{"ann", "ann@example.org", "+447911123456", "07911 123456", "ANN"} {
			if err := signIn(name, "a guess", here); !errors.Is(err, store.ErrCredentials) {
				t.Fatalf("as %q: %v", name, err)
			}
		}
		if err := signIn("ann", "secret of ann", here); !errors.Is(err, store.ErrCredentials) {
			t.Errorf("during the pause: %v", err)
		}
		check(t, signIn("tim", "secret of tim", here))
		time.Sleep(time.Second) // that was the sixth: the pause has two
		if err := signIn("ann@example.org", "secret of ann", here); !errors.Is(err, store.ErrCredentials) {
			t.Errorf("during the longer pause: %v", err)
		}
		time.Sleep(4 * time.Second)
		check(t, signIn("Ann@example.org", "secret of ann", here)) // all is forgiven
		for range 4 {
			signIn("tel:+447911123456", "a guess", here)
		}
		check(t, s.SetPassword(t.Context(), "ann", "another secret"))
		check(t, signIn("ann", "another secret", here))
		for range 10 { // another household's guesses at the number do not lock the login out
			signIn("+447911123456", "a guess", here)
		}
		check(t, s.SetPassword(t.Context(), "ann", "a third secret"))
		check(t, signIn("ann", "a third secret", elsewhere))
	})
}

// A number and an address count for themselves in whatever way they are written.
func TestGuessesCountForTheNameHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		guessed    []string
		then, free string
	}{
		"a number of ann's":      {[]string{"+447911123456", "07911123456", "07911 123456", "tel:+447911123456", "0044 7911 123456"}, "+44 7911 123456", "+447911000008"},
		"a number of nobody's":   {[]string{"+447911000009", "07911000009", "07911 000009", "tel:+447911000009", "0044 7911 000009"}, "+44 7911 000009", "+447911000008"},
		"an address of nobody's": {[]string{"x@example.org", "X@example.org", "x@EXAMPLE.org", " x@example.org", "x@example.org"}, "X@EXAMPLE.ORG", "ann"},
		"a login":                {[]string{"tim", "TIM", "Tim", " tim", "tim "}, "tIM", "tom"},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := household(t)
				for _, name := range append(c.guessed, c.free) {
					if _, err := s.Authenticate(t.Context(), name, "a guess", "192.0.2.1", store.Programs); !errors.Is(err, store.ErrCredentials) {
						t.Errorf("as %q: %v", name, err)
					}
				}
				if _, err := s.Authenticate(t.Context(), c.then, "a guess", "192.0.2.1", store.Programs); !errors.Is(err, store.ErrThrottled) {
					t.Errorf("as %q: %v", c.then, err)
				}
			})
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
