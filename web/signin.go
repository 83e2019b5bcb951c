package web

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"omsbox/store"
)

// longestForm bounds what is read of a form, in bytes.
const longestForm = 8 << 10

// signIn is the page that asks who somebody is.
type signIn struct {
	Problem string // why it is asked again; "" at first
	Wrong   bool   // name or password are
	Out     bool   // somebody has signed out just now
	Login   string // as it was typed
	Next    string // where to go on to
	Demo    *Demo
}

// askIn shows it.
func (s *Server) askIn(w http.ResponseWriter, r *http.Request, status int, page signIn) {
	page.Demo = s.config.Demo
	if page.Next = ownPath(page.Next); page.Next == firstRoom {
		page.Next = ""
	}
	s.render(w, r, status, "signin", "Sign in", page)
}

func (s *Server) signInPage(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if _, ok := visitor(r); ok {
		leadTo(w, r, ownPath(query.Get("next")))
		return
	}
	s.askIn(w, r, http.StatusOK, signIn{Next: query.Get("next"), Out: query.Has("out")})
}

// signIn begins a session, if name and password are right.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, longestForm)
	if err := r.ParseForm(); err != nil {
		status := http.StatusBadRequest
		if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
			status = http.StatusRequestEntityTooLarge
		}
		s.askIn(w, r, status, signIn{Problem: "That could not be read. Please type it again."})
		return
	}
	form := r.PostForm
	page := signIn{Login: form.Get("login"), Next: form.Get("next")}
	token, _, err := s.store.SignIn(r.Context(), page.Login, form.Get("password"), peer(r.RemoteAddr).String())
	if err != nil {
		s.refuse(w, r, page, err)
		return
	}
	s.endBefore(r)
	keep(w, r, token)
	leadTo(w, r, ownPath(page.Next))
}

// endBefore ends the session that the browser had before: its cookie is lost now.
func (s *Server) endBefore(r *http.Request) {
	if _, ok := visitor(r); !ok {
		return
	}
	if err := s.store.SignOut(r.Context(), token(r)); err != nil {
		s.log.Error("end the session before", "err", err)
	}
}

// refuse asks again and says why. What tells one account from another is told only to who knows its
// password: see store.Authenticate.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, page signIn, err error) {
	status := http.StatusForbidden
	var throttled *store.Throttled
	switch {
	case errors.Is(err, store.ErrCredentials):
		s.log.Info("sign-in refused", "from", r.RemoteAddr)
		page.Wrong = true
		page.Problem = "The name or the password is wrong. (An app password is for a program, and does not count here.)"
	case errors.Is(err, store.ErrExpired):
		page.Problem = "Your account's time is over. Please ask the person who runs this box."
	case errors.Is(err, store.ErrDisabled):
		page.Problem = "Your account is disabled. Please ask the person who runs this box."
	case errors.As(err, &throttled):
		s.log.Debug("sign-in put off", "from", r.RemoteAddr, "seconds", throttled.Seconds)
		status = http.StatusTooManyRequests
		w.Header().Set("Retry-After", strconv.Itoa(throttled.Seconds))
		page.Problem = fmt.Sprintf("Too many wrong passwords came from your address. Please try again in %s.", seconds(throttled.Seconds))
	case errors.Is(err, store.ErrBusy):
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "5")
		page.Problem = "Too many people are signing in at once. Please try again in a moment."
	default:
		s.fail(w, r, fmt.Errorf("sign in: %w", err))
		return
	}
	s.askIn(w, r, status, page)
}

func seconds(n int) string {
	if n == 1 {
		return "one second"
	}
	return fmt.Sprintf("%d seconds", n)
}
