package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"omsbox/store"
)

// appPassword makes an app password.
func appPassword(t testing.TB, s *store.Store, login string) string {
	t.Helper()
	password, err := s.AddAppPassword(t.Context(), login, "")
	check(t, err)
	return password
}

func TestWhichPasswordIsGoodForWhat(t *testing.T) {
	t.Parallel()
	s := open(t)
	addUser(t, s, "ann")
	addUser(t, s, "bob")
	addAdmin(t, s, "root", "")
	addAdmin(t, s, "gone", "")
	ofAnn, ofBob, ofRoot, ofGone := appPassword(t, s, "ann"), appPassword(t, s, "bob"), appPassword(t, s, "root"), appPassword(t, s, "gone")
	check(t, s.Disable(t.Context(), "gone"))
	refused, disabled := store.ErrCredentials, store.ErrDisabled
	for n, c := range []struct {
		name, login, password        string
		pages, programs, oldPrograms error
	}{
		{"a user's own", "ann", "secret of ann", nil, nil, refused},
		{"a user's app password", "ann", ofAnn, refused, nil, nil},
		{"in any case of the login", "ANN", ofAnn, refused, nil, nil},
		{"that of another", "ann", ofBob, refused, refused, refused},
		{"that of an administrator", "ann", ofRoot, refused, refused, refused},
		{"that of a user, for an administrator", "root", ofAnn, refused, refused, refused},
		{"an administrator's own", "root", "secret of root", nil, store.ErrAppPassword, refused},
		{"an administrator's app password", "root", ofRoot, refused, nil, nil},
		{"a wrong one for an administrator", "root", "secret of ann", refused, refused, refused},
		{"that of nobody", "nobody", ofAnn, refused, refused, refused},
		{"a disabled administrator's own", "gone", "secret of gone", disabled, disabled, refused},
		{"a disabled administrator's app password", "gone", ofGone, refused, disabled, disabled},
		{"one that nobody has", "bob", "abcd-efgh-ijkm-npqr-stuv", refused, refused, refused},
	} {
		t.Run(c.name, func(t *testing.T) {
			for use, want := range map[store.Use]error{store.Pages: c.pages, store.Programs: c.programs, store.OldPrograms: c.oldPrograms} {
				for range 2 { // the second time from what is remembered
					u, err := s.Authenticate(t.Context(), c.login, c.password, address(3*n+int(use)), use)
					if !errors.Is(err, want) || want == nil && !strings.EqualFold(u.Login, c.login) || want != nil && u != (store.User{}) {
						t.Errorf("use %d: got %q, %v, want %v", use, u.Login, err, want)
					}
				}
			}
		})
	}
}

func TestAnAppPasswordHoweverItIsTyped(t *testing.T) {
	t.Parallel()
	s := open(t)
	addUser(t, s, "ann")
	shown := appPassword(t, s, "ann")
	if !regexp.MustCompile(`^([a-km-np-z2-9]{4}-){4}[a-km-np-z2-9]{4}$`).MatchString(shown) {
		t.Errorf("it is shown in the wrong form")
	}
	plain := strings.ReplaceAll(shown, "-", "")
	for _, c := range []struct {
		name, typed string
		want        error
	}{
		{"as shown", shown, nil},
		{"without hyphens", plain, nil},
		{"in capitals", strings.ToUpper(shown), nil},
		{"with spaces", strings.ReplaceAll(shown, "-", " "), nil},
		{"pasted with its line", " " + shown + "\r\n", nil},
		{"with the dashes of a word processor", strings.ReplaceAll(shown, "-", "–"), nil},
		{"grouped otherwise", plain[:5] + "-" + plain[5:], nil},
		{"a letter short", plain[1:], store.ErrCredentials},
		{"a letter more", plain + "a", store.ErrCredentials},
		{"twice", plain + plain, store.ErrCredentials},
		{"with a full stop", shown + ".", store.ErrCredentials},
		{"empty", "", store.ErrCredentials},
		{"hyphens alone", "----", store.ErrCredentials},
		{"endless", strings.Repeat("-", 1<<20) + plain, store.ErrCredentials},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := s.Authenticate(t.Context(), "ann", c.typed, address(len(c.name)), store.OldPrograms); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestARevokedAppPasswordEndsAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIn(t, dir)
	addUser(t, s, "ann")
	addUser(t, s, "bob")
	kept := appPassword(t, s, "ann")
	beside, err := store.Open(t.Context(), dir, quiet()) // a command, while the service runs
	check(t, err)
	defer beside.Close()
	for _, by := range []*store.Store{s, beside} {
		revoked := appPassword(t, s, "ann")
		_, err := s.Authenticate(t.Context(), "ann", revoked, "192.0.2.1", store.Programs)
		check(t, err)
		have, err := s.AppPasswords(t.Context(), "ann")
		check(t, err)
		id := have[len(have)-1].ID
		if err := by.RevokeAppPassword(t.Context(), "bob", id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("for another user: got %v", err)
		}
		check(t, by.RevokeAppPassword(t.Context(), "ann", id))
		for _, use := range []store.Use{store.Programs, store.OldPrograms} {
			if _, err := s.Authenticate(t.Context(), "ann", revoked, "192.0.2.1", use); !errors.Is(err, store.ErrCredentials) {
				t.Errorf("got %v, want %v", err, store.ErrCredentials)
			}
		}
		if err := by.RevokeAppPassword(t.Context(), "ann", id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a second time: got %v", err)
		}
	}
	check(t, s.SetPassword(t.Context(), "ann", "another"))
	_, err = s.Authenticate(t.Context(), "ann", kept, "192.0.2.1", store.Programs)
	check(t, err) // neither the others nor a new password of the account end it
}

func TestAppPasswordsThatCannotBe(t *testing.T) {
	t.Parallel()
	s := open(t)
	addUser(t, s, "ann")
	addUser(t, s, "bob")
	for _, c := range []struct {
		name, login, app string
		want             error
	}{
		{"named", "ann", "Outlook at home", nil},
		{"the same in other letters", "ann", " outlook AT home ", store.ErrTaken},
		{"the same of another user", "bob", "Outlook at home", nil},
		{"no such user", "nobody", "x", store.ErrNotFound},
		{"a line break", "ann", "a\nb", store.ErrInvalid},
		{"no text", "ann", "\xff", store.ErrInvalid},
		{"endless", "ann", strings.Repeat("x", 65), store.ErrInvalid},
		{"a number", "ann", "17", store.ErrInvalid},
		{"a name that is given later", "ann", "program 2", nil},
		{"unnamed", "ann", "", nil},
		{"unnamed again", "ann", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			password, err := s.AddAppPassword(t.Context(), c.login, c.app)
			if !errors.Is(err, c.want) || (password == "") != (err != nil) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	have, err := s.AppPasswords(t.Context(), "ann")
	check(t, err)
	var names []string
	for _, p := range have {
		names = append(names, p.Name)
	}
	if got, want := strings.Join(names, ", "), "Outlook at home, program 2, program 1, program 3"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for n := len(have); n < 50; n++ {
		appPassword(t, s, "ann")
	}
	if _, err := s.AddAppPassword(t.Context(), "ann", ""); err == nil || !strings.Contains(err.Error(), "revoke one first") {
		t.Errorf("the 51st: got %v", err)
	}
}

func TestAPauseLetsAppPasswordsIn(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *store.Store) {
		app := appPassword(t, s, "ann")
		for _, use := range []store.Use{store.Programs, store.OldPrograms} {
			from := address(int(use))
			for n := range 5 {
				if _, err := s.Authenticate(t.Context(), "ann", "wrong", from, use); !errors.Is(err, store.ErrCredentials) {
					t.Errorf("guess %d got %v", n+1, err)
				}
			}
			if _, err := s.Authenticate(t.Context(), "ann", "wrong", from, use); !errors.Is(err, store.ErrThrottled) {
				t.Errorf("after five guesses: got %v, want %v", err, store.ErrThrottled)
			}
			_, err := s.Authenticate(t.Context(), "ann", app, from, use)
			check(t, err)
			// An app password forgives nothing: else it would be worth any number of guesses at the account's own.
			if _, err := s.Authenticate(t.Context(), "ann", "secret of ann", from, use); !errors.Is(err, store.ErrThrottled) {
				t.Errorf("the account's own: got %v, want %v", err, store.ErrThrottled)
			}
		}
	})
}

func TestWhenAnAppPasswordWasUsed(t *testing.T) {
	t.Parallel()
	made := time.Date(2026, 5, 1, 12, 59, 0, 0, time.UTC)
	s, clock := openAt(t, made)
	addUser(t, s, "ann")
	app := appPassword(t, s, "ann")
	used := func() time.Time {
		t.Helper()
		check(t, s.SetHealth(t.Context(), "x", true, "")) // what was to be written before is committed
		have, err := s.AppPasswords(t.Context(), "ann")
		check(t, err)
		if len(have) != 1 || !have[0].Created.Equal(made) {
			t.Fatalf("got %+v", have)
		}
		return have[0].Used
	}
	if got := used(); !got.IsZero() {
		t.Errorf("before it was used: %v", got)
	}
	for _, c := range []struct {
		after time.Duration
		hour  int
	}{{0, 12}, {time.Minute, 13}, {59 * time.Minute, 13}, {time.Minute, 14}} {
		clock.Pass(c.after)
		_, err := s.Authenticate(t.Context(), "ann", app, "", store.Programs)
		check(t, err)
		if got := used(); got.Hour() != c.hour || got.Minute() != 0 {
			t.Errorf("used at %v, it says %v", clock.Now(), got)
		}
	}
}

// Everybody signs in while passwords are made and revoked: nobody is mistaken for another, and none
// that was revoked is let in after that.
func TestAppPasswordsWhileTheyChange(t *testing.T) {
	t.Parallel()
	s := open(t)
	var all sync.WaitGroup
	for n := range 4 {
		login := fmt.Sprint("user", n)
		addUser(t, s, login)
		kept := appPassword(t, s, login)
		all.Go(func() {
			for range 20 {
				brief, err := s.AddAppPassword(t.Context(), login, "brief")
				if err != nil {
					t.Error(err)
					return
				}
				var over atomic.Bool
				var signers sync.WaitGroup
				for range 4 {
					signers.Go(func() {
						for last := false; !last; {
							last = over.Load()
							_, err := s.Authenticate(t.Context(), login, brief, "", store.OldPrograms)
							if last && err == nil || err != nil && !errors.Is(err, store.ErrCredentials) && !errors.Is(err, store.ErrThrottled) {
								t.Errorf("revoked: %v, got %v", last, err)
							}
							if u, err := s.Authenticate(t.Context(), login, kept, "", store.OldPrograms); err != nil || u.Login != login {
								t.Errorf("got %q, %v", u.Login, err)
							}
						}
					})
				}
				have, err := s.AppPasswords(t.Context(), login)
				if err == nil {
					err = s.RevokeAppPassword(t.Context(), login, have[len(have)-1].ID)
				}
				if err != nil {
					t.Error(err)
				}
				over.Store(true)
				signers.Wait()
			}
		})
	}
	all.Wait()
}

func TestTheListOfUsersTellsWhoNeedsAnAppPassword(t *testing.T) {
	t.Parallel()
	s := open(t)
	addUser(t, s, "ann")
	addAdmin(t, s, "root", "")
	shows := func() bool {
		var out bytes.Buffer
		check(t, s.ShowUsers(t.Context(), &out))
		return regexp.MustCompile(`(?m)^root .* admin, needs an app password`).Match(out.Bytes())
	}
	if !shows() {
		t.Error("it is not told")
	}
	appPassword(t, s, "root")
	if shows() {
		t.Error("it is told of who has one")
	}
}

// BenchmarkSignInByAppPassword measures what each call of a program costs.
func BenchmarkSignInByAppPassword(b *testing.B) {
	s := open(b)
	addUser(b, s, "ann")
	app := appPassword(b, s, "ann")
	for b.Loop() {
		if _, err := s.Authenticate(b.Context(), "ann", app, "192.0.2.1", store.Programs); err != nil {
			b.Fatal(err)
		}
	}
}
