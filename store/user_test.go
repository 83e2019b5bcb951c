package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"omsbox/store"
)

func TestOnlyTheRightPasswordSignsIn(t *testing.T) {
	t.Parallel()
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
			u, err := s.Authenticate(t.Context(), c.login, c.password, "192.0.2.1", store.Pages)
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
	t.Parallel()
	s := open(t)
	addUser(t, s, "ann")
	_, err := s.Authenticate(t.Context(), "ann", "secret of ann", "192.0.2.1", store.Pages)
	check(t, err)
	check(t, s.SetPassword(t.Context(), "ann", "another"))
	if _, err := s.Authenticate(t.Context(), "ann", "secret of ann", "192.0.2.1", store.Pages); !errors.Is(err, store.ErrCredentials) {
		t.Errorf("with the old password got %v", err)
	}
	_, err = s.Authenticate(t.Context(), "ann", "another", "192.0.2.1", store.Pages)
	check(t, err)
	check(t, s.Disable(t.Context(), "ann"))
	if _, err := s.Authenticate(t.Context(), "ann", "another", "192.0.2.1", store.Pages); !errors.Is(err, store.ErrDisabled) {
		t.Errorf("disabled, with the right password, got %v", err)
	}
	if _, err := s.Authenticate(t.Context(), "ann", "wrong", "192.0.2.1", store.Pages); !errors.Is(err, store.ErrCredentials) {
		t.Errorf("disabled, with a wrong password, got %v", err)
	}
}

func TestWhoseRightACommandTakesIsOutWhenItReturns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		take func(*store.Store) error
		want error
	}{
		{"another password", func(by *store.Store) error { return by.SetPassword(t.Context(), "ann", "another") }, store.ErrCredentials},
		{"disabled", func(by *store.Store) error { return by.Disable(t.Context(), "ann") }, store.ErrDisabled},
		{"expired", func(by *store.Store) error { return by.Expire(t.Context(), "ann", by.Now().Add(-time.Hour)) }, store.ErrExpired},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := openIn(t, dir)
			addUser(t, s, "ann")
			_, err := s.Authenticate(t.Context(), "ann", "secret of ann", "192.0.2.1", store.Programs)
			check(t, err)
			beside, err := store.Open(t.Context(), dir, quiet())
			check(t, err)
			defer beside.Close()
			check(t, c.take(beside))
			if _, err := s.Authenticate(t.Context(), "ann", "secret of ann", "192.0.2.1", store.Programs); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// address returns an IP address for each number.
func address(n int) string { return fmt.Sprintf("198.51.%d.%d", n/256, n%256) }

// guesses tries wrong passwords until they are no longer answered, and returns how many were.
func guesses(t *testing.T, s *store.Store, login, from string) (n int, throttled *store.Throttled) {
	t.Helper()
	for ; n < 100; n++ {
		_, err := s.Authenticate(t.Context(), login, "wrong", from, store.Pages)
		if errors.As(err, &throttled) {
			if !errors.Is(err, store.ErrThrottled) || !strings.Contains(err.Error(), fmt.Sprint(throttled.Seconds)) {
				t.Errorf("the error is %v", err)
			}
			return n, throttled
		}
		if !errors.Is(err, store.ErrCredentials) {
			t.Fatalf("guess %d got %v", n+1, err)
		}
	}
	t.Fatal("100 guesses were answered")
	return
}

// inBubble tells a story in which time passes only while everybody waits.
func inBubble(t *testing.T, story func(t *testing.T, s *store.Store)) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		addUser(t, s, "ann")
		addUser(t, s, "bob")
		story(t, s)
	})
}

func TestWrongPasswordsAreMadeToWait(t *testing.T) {
	t.Parallel()
	for _, login := range []string{"ann", "nobody"} { // nothing tells them apart
		t.Run(login, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *store.Store) {
				n, got := guesses(t, s, login, "192.0.2.1")
				if n != 5 || got.Seconds != 1 {
					t.Errorf("after %d guesses a pause of %d s, want 1 s after 5", n, got.Seconds)
				}
				for _, want := range []int{2, 4, 8, 16, 32, 60, 60} {
					time.Sleep(time.Duration(got.Seconds)*time.Second - time.Millisecond)
					if n, _ := guesses(t, s, strings.ToUpper(login), "192.0.2.1"); n != 0 {
						t.Errorf("%d guesses were answered during the pause", n)
					}
					time.Sleep(time.Millisecond) // what was refused in the pause does not make it longer
					if n, got = guesses(t, s, login, "192.0.2.1"); n != 1 || got.Seconds != want {
						t.Errorf("after %d more guesses a pause of %d s, want %d s after 1", n, got.Seconds, want)
					}
				}
				time.Sleep(15*time.Minute + time.Second)
				if n, _ := guesses(t, s, login, "192.0.2.1"); n != 5 {
					t.Errorf("a while later %d guesses were answered, want 5 as at first", n)
				}
			})
		})
	}
}

func TestAPauseIsForOneLoginAtOneAddress(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *store.Store) {
		guesses(t, s, "ann", "192.0.2.1")
		for _, c := range []struct {
			name, login, from string
			want              error
		}{
			{"the same with the right password", "ann", "192.0.2.1", store.ErrThrottled},
			{"as IPv6 writes it", "ann", "::ffff:192.0.2.1", store.ErrThrottled},
			{"another at that address", "bob", "192.0.2.1", nil},
			{"the same elsewhere", "ann", "192.0.2.2", nil},
			{"without an address", "bob", "", nil},
		} {
			if _, err := s.Authenticate(t.Context(), c.login, "secret of "+c.login, c.from, store.Pages); !errors.Is(err, c.want) {
				t.Errorf("%s: got %v, want %v", c.name, err, c.want)
			}
		}
		// By now the password is proved.
		_, err := s.Authenticate(t.Context(), "ann", "secret of ann", "192.0.2.1", store.Pages)
		check(t, err)
	})
}

func TestAnAddressThatTriesManyLoginsIsMadeToWait(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		from func(n int) string
	}{
		{"IPv4", func(int) string { return "192.0.2.1" }},
		{"IPv6, whatever of its own subnet", func(n int) string { return fmt.Sprintf("2001:db8:0:1::%x", n+1) }},
		{"none", func(int) string { return "" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *store.Store) {
				for n := range 20 {
					if _, err := s.Authenticate(t.Context(), fmt.Sprint("user", n), "wrong", c.from(n), store.Pages); !errors.Is(err, store.ErrCredentials) {
						t.Fatalf("guess %d got %v", n+1, err)
					}
				}
				if _, err := s.Authenticate(t.Context(), "ann", "secret of ann", c.from(20), store.Pages); !errors.Is(err, store.ErrThrottled) {
					t.Errorf("got %v, want %v", err, store.ErrThrottled)
				}
				_, err := s.Authenticate(t.Context(), "ann", "secret of ann", "2001:db8:0:2::1", store.Pages)
				check(t, err)
			})
		})
	}
}

func TestTheRightPasswordForgivesOnlyItsOwnLogin(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *store.Store) {
		wrong := func(login string) error {
			_, err := s.Authenticate(t.Context(), login, "wrong", "192.0.2.1", store.Pages)
			return err
		}
		for range 4 {
			wrong("ann")
		}
		for n := range 16 {
			wrong(fmt.Sprint("user", n/4)) // twenty of the address, four of each
			if n == 14 {
				_, err := s.Authenticate(t.Context(), "ann", "secret of ann", "192.0.2.1", store.Pages)
				check(t, err)
			}
		}
		for n := range 4 { // ann's four are free again, of ann and of the address
			if err := wrong("ann"); !errors.Is(err, store.ErrCredentials) {
				t.Errorf("guess %d got %v", n+1, err)
			}
		}
		if err := wrong("bob"); !errors.Is(err, store.ErrThrottled) {
			t.Errorf("the address got %v for others, want %v", err, store.ErrThrottled)
		}
	})
}

// Whoever is in line when a pause begins does not get another guess out of it.
func TestGuessesAtOnceAreNoMoreThanGuessesInARow(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *store.Store) {
		var line sync.WaitGroup
		var answered atomic.Int64
		for range 50 {
			line.Go(func() {
				if _, err := s.Authenticate(t.Context(), "ann", "wrong", "192.0.2.1", store.Pages); errors.Is(err, store.ErrCredentials) {
					answered.Add(1)
				}
			})
		}
		line.Wait()
		if got := answered.Load(); got > 6 { // two are checked at once
			t.Errorf("%d guesses were answered, want 5 or 6", got)
		}
	})
}

func TestAFloodOfWrongPasswordsKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		addresses int
	}{{"from 90 addresses", 90}, {"from five addresses", 5}} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *store.Store) {
				ctx, stop := context.WithCancel(t.Context())
				var flood, up sync.WaitGroup
				up.Add(90)
				for n := range 90 {
					flood.Go(func() {
						up.Done()
						for guess := 0; ctx.Err() == nil; guess++ {
							if _, err := s.Authenticate(ctx, fmt.Sprint("ann", n, guess%2), "wrong", address(n%c.addresses), store.Pages); errors.Is(err, store.ErrThrottled) {
								time.Sleep(time.Second)
							}
						}
					})
				}
				up.Wait()
				// Of many such, each would have to get in: none is proved before.
				for n := range 3 {
					check(t, s.SetPassword(t.Context(), "ann", fmt.Sprint("password ", n)))
					if _, err := s.Authenticate(t.Context(), "ann", fmt.Sprint("password ", n), "192.0.2.1", store.Pages); err != nil {
						t.Errorf("the owner got: %v", err)
					}
				}
				stop()
				flood.Wait()
			})
		})
	}
}

func TestOneAddressHoldsAQuarterOfTheLine(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *store.Store) {
		// The flood is in line before the owner, and all of it would be answered if it was let in.
		var flood, up sync.WaitGroup
		var answered atomic.Int64
		up.Add(60)
		for n := range 60 {
			flood.Go(func() {
				up.Done()
				if _, err := s.Authenticate(t.Context(), fmt.Sprint("user", n), "wrong", "198.51.100.1", store.Pages); errors.Is(err, store.ErrCredentials) {
					answered.Add(1)
				}
			})
		}
		up.Wait()
		_, err := s.Authenticate(t.Context(), "ann", "secret of ann", "192.0.2.1", store.Pages)
		check(t, err)
		if got := answered.Load(); got > 30 { // some more end while the owner is told
			t.Errorf("%d others of one address went first, want 16 or little more", got)
		}
		flood.Wait()
	})
}

func TestUsersThatCannotBe(t *testing.T) {
	t.Parallel()
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
		{"a login like an address", store.User{Login: "bob@example.org"}, "x", store.ErrInvalid},
		{"a login like another address", store.User{Login: "ann@example.org", Mail: "bob@example.org"}, "x", store.ErrInvalid},
		{"a login like a number", store.User{Login: "+447911123456"}, "x", store.ErrInvalid},
		{"a login like a number, while no country is known", store.User{Login: "07911123456"}, "x", store.ErrInvalid},
		{"a login like another number", store.User{Login: "+447911123456", Phone: "+447911123457"}, "x", store.ErrInvalid},
		{"a login like a number in a URI", store.User{Login: "tel:+447911123456"}, "x", store.ErrInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := s.AddUser(t.Context(), c.user, c.password); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestEveryUserHasAnAddressOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := open(t)
	check(t, s.Set(t.Context(), "mail.domain", "sms.example.org"))
	seen := map[string]bool{}
	for _, login := range []string{"ann", "ann@office", "ANN@home", "a..b", "İ", "-", "日本"} {
		u := store.User{Login: login}
		if strings.Contains(login, "@") {
			u.Mail = login
		}
		u, err := s.AddUser(t.Context(), u, "x")
		check(t, err)
		address := s.Address(u)
		if seen[strings.ToLower(address)] || !strings.HasSuffix(address, "@sms.example.org") {
			t.Errorf("%q has the address %s", login, address)
		}
		seen[strings.ToLower(address)] = true
	}
}
