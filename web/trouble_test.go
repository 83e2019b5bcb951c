package web_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"omsbox/store"
	"omsbox/web"
)

// Every page says that nothing can be stored, and not where that would be.
func TestPagesSayThatNothingCanBeStored(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	const words = `<p class="trouble bad" role="alert">The database is gone, so no text is taken or sent.</p>`
	if page := s.ask(t, "GET", "/", "").body; strings.Contains(page, "trouble") {
		t.Errorf("a page tells of trouble where none is:\n%s", page)
	}
	_, err := s.store.AddUser(t.Context(), store.User{Login: "ann", Mail: "ann@example.org"}, "secret of ann")
	check(t, err)
	path := filepath.Join(s.store.Dir(), store.File)
	check(t, os.Rename(path, path+".away"))
	if got := s.browser(t).signIn(t, "ann", "secret of ann"); got.status != http.StatusServiceUnavailable ||
		!strings.Contains(got.body, words) || strings.Contains(got.body, "not your fault") {
		t.Errorf("the sign-in is answered with %d\n%s", got.status, got.body)
	}
	for _, at := range []string{"/", "/signin", "/nowhere"} {
		if page := s.ask(t, "GET", at, "").body; !strings.Contains(page, words) || strings.Contains(page, s.store.Dir()) {
			t.Errorf("%s says\n%s", at, page)
		}
	}
	check(t, os.Rename(path+".away", path))
	for deadline := time.Now().Add(20 * time.Second); strings.Contains(s.ask(t, "GET", "/", "").body, "trouble"); {
		if time.Now().After(deadline) {
			t.Fatal("the trouble does not end")
		}
		time.Sleep(50 * time.Millisecond)
	}
}
