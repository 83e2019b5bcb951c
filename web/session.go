package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"omsbox/store"
)

// firstRoom is where people go who signed in and asked for no page before.
const firstRoom = "/messages"

// visitorKey is under which a request's context has the store.User who has signed in in the browser that asks.
type visitorKey struct{}

// recognized finds out who has signed in in the browser that asks.
func (s *Server) recognized(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, err := s.store.Session(r.Context(), token(r))
		switch {
		case err == nil:
			r = r.WithContext(context.WithValue(r.Context(), visitorKey{}, u))
		case !errors.Is(err, store.ErrNotFound):
			s.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// visitor returns who has signed in in the browser that asks; false where nobody has.
func visitor(r *http.Request) (store.User, bool) {
	u, ok := r.Context().Value(visitorKey{}).(store.User)
	return u, ok
}

// room is a page for those who have signed in. Others are led to the sign-in and from there back;
// what they wanted done is not.
func (s *Server) room(page func(http.ResponseWriter, *http.Request, store.User)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		u, ok := visitor(r)
		switch {
		case ok:
			page(w, r, u)
		case r.Method == http.MethodGet, r.Method == http.MethodHead:
			to := "/signin"
			if asked := r.URL.RequestURI(); asked != firstRoom {
				to += "?next=" + url.QueryEscape(asked)
			}
			leadTo(w, r, to)
		default:
			s.askIn(w, r, http.StatusForbidden, signIn{Problem: "You are not signed in any more, so nothing was done. Please sign in and do it again."})
		}
	}
}

// leadTo leads the browser to a path of ours.
func leadTo(w http.ResponseWriter, r *http.Request, path string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, path, http.StatusSeeOther)
}

// ownPath returns the path to go on to after the sign-in: the one that was asked for if it surely is
// ours, else firstRoom. Browsers take // and /\ for the beginning of a host, and leave out line ends and tabs.
func ownPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") ||
		strings.ContainsFunc(next, func(r rune) bool { return r == '\\' || r <= ' ' || r >= 0x7F }) {
		return firstRoom
	}
	return next
}

// cookieName is what a browser keeps the session under. Over https it sees to it that nobody but this
// very host could set it, and over https: draft-ietf-httpbis-rfc6265bis 4.1.3.2.
func cookieName(r *http.Request) string {
	if r.URL.Scheme == "https" {
		return "__Host-omsbox"
	}
	return "omsbox" // everything is plain, on purpose
}

// token is what the browser shows for its session, "" where it shows nothing.
func token(r *http.Request) string {
	cookie, err := r.Cookie(cookieName(r))
	if err != nil {
		return ""
	}
	return cookie.Value
}

// keep has the browser show a token from now on; "": none any more.
func keep(w http.ResponseWriter, r *http.Request, token string) {
	cookie := http.Cookie{
		Name: cookieName(r), Value: token, Path: "/", MaxAge: int(store.SessionLasts.Seconds()),
		Secure: r.URL.Scheme == "https", HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if token == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, &cookie)
}

// signOut ends the session of the browser that asks.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request) {
	if err := s.store.SignOut(r.Context(), token(r)); err != nil {
		s.fail(w, r, fmt.Errorf("sign out: %w", err))
		return
	}
	keep(w, r, "")
	leadTo(w, r, "/signin?out")
}
