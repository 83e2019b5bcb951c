package web

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"
)

// answer is a ResponseWriter that knows what was answered.
type answer struct {
	http.ResponseWriter
	status int // 0 until the header is written
}

func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= 200 { // 1xx are not yet the answer
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController, which streams use.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// logged writes a line for each request, without its query: that may carry what is nobody's business.
func (s *Server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, path, start := &answer{ResponseWriter: w}, r.URL.Path, time.Now()
		defer func() {
			s.log.Debug("request", "method", r.Method, "path", path, "status", a.status, "took", time.Since(start).Round(time.Microsecond))
		}()
		next.ServeHTTP(a, r)
	})
}

// recovered turns a panic into a page with a code under which the log tells more.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler {
				panic(p)
			}
			id := newID()
			s.log.Error("panic in a request", "id", id, "method", r.Method, "path", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			if a, ok := w.(*answer); ok && a.status != 0 {
				panic(http.ErrAbortHandler) // half an answer is out: cut it off, so that it is not taken for whole
			}
			s.broken(w, r, id)
		}()
		next.ServeHTTP(w, r)
	})
}

// secured sets what every answer tells the browser; a handler may set it otherwise.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "+
			"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		// Not no-referrer: that would make browsers send "Origin: null" with our own forms.
		h.Set("Referrer-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// writeEach is how long a stream may take to get rid of one event before its reader counts as gone.
const writeEach = 30 * time.Second

// stream lifts the time limits of an ordinary request from one that goes on and on, and ends it
// when the service begins to stop.
func (s *Server) stream(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(s.stopping, cancel)()
		control := http.NewResponseController(w)
		control.SetReadDeadline(time.Time{}) // reaching it would end the request's context
		next.ServeHTTP(&eachInTime{w, control}, r.WithContext(ctx))
	})
}

// eachInTime is a ResponseWriter that limits the time for each write, not for all of them.
type eachInTime struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (e *eachInTime) Write(p []byte) (int, error) {
	e.control.SetWriteDeadline(time.Now().Add(writeEach))
	return e.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (e *eachInTime) Unwrap() http.ResponseWriter { return e.ResponseWriter }
