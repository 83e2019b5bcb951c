package simulator

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"omsbox/modem/sms"
)

const (
	maxForm      = 32 << 10 // octets of a reply's form
	maxNumber    = 21       // characters: + and 20 digits
	maxReply     = 4000     // characters of a reply
	maxShown     = 200      // texts of one phone, and phones, in an answer
	heartbeat    = 15 * time.Second
	writeTimeout = 30 * time.Second
)

// ServeHTTP shows the phones to a page, and lets it answer for them. Mount it
// with http.StripPrefix.
//
//	GET  texts   the phones and their conversations, as JSON
//	GET  events  text/event-stream with an event "change" after every change
//	POST reply   form: number, text; the phone texts the SIM
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + strings.TrimPrefix(r.URL.Path, "/") {
	case "GET texts":
		s.serveTexts(w)
	case "GET events":
		s.serveEvents(w, r)
	case "POST reply":
		s.serveReply(w, r)
	default:
		http.NotFound(w, r)
	}
}

// phoneView is a phone as the page gets it.
type phoneView struct {
	Number string     `json:"number"`
	Texts  []textView `json:"texts"` // oldest first
}

// textView is one text of a phone's conversation with the SIM.
type textView struct {
	Direction string    `json:"direction"` // "in" to the phone, "out" from it
	Text      string    `json:"text"`
	Parts     int       `json:"parts"`
	State     string    `json:"state"` // "arrived", or "waiting" for the modem to take it
	Time      time.Time `json:"time"`
}

func (s *Simulator) serveTexts(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	json.NewEncoder(w).Encode(struct {
		SIM    string      `json:"sim"` // the number to text to
		Phones []phoneView `json:"phones"`
	}{s.number(), s.views()})
}

func (s *Simulator) number() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sim.Number
}

func (s *Simulator) views() []phoneView {
	s.mu.Lock()
	defer s.mu.Unlock()
	phones := []phoneView{}
	for _, p := range last(s.smsc.order, maxShown) {
		view := phoneView{Number: p.number, Texts: []textView{}}
		for _, t := range last(p.texts, maxShown) {
			text := textView{Direction: "in", Text: t.Text, Parts: t.Parts, State: "arrived", Time: t.Time}
			if t.sent {
				text.Direction = "out"
			}
			if t.missing > 0 {
				text.State = "waiting"
			}
			view.Texts = append(view.Texts, text)
		}
		phones = append(phones, view)
	}
	return phones
}

func (s *Simulator) serveEvents(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	response := http.NewResponseController(w)
	say := func(event string) error {
		err := response.SetWriteDeadline(time.Now().Add(writeTimeout))
		if err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		if _, err := io.WriteString(w, event); err != nil {
			return err
		}
		return response.Flush()
	}
	changes := s.Watch(r.Context())
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for event := "event: change\ndata:\n\n"; say(event) == nil; {
		select {
		case <-changes:
			event = "event: change\ndata:\n\n"
		case <-beat.C:
			event = ":\n\n"
		case <-r.Context().Done():
			return
		case <-s.closed:
			return
		}
	}
}

func (s *Simulator) serveReply(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The form cannot be read.", http.StatusBadRequest)
		return
	}
	number, text := strings.TrimSpace(r.PostForm.Get("number")), r.PostForm.Get("text")
	if number == "" || text == "" || len(number) > maxNumber || utf8.RuneCountInString(text) > maxReply {
		http.Error(w, "A reply needs a number and a text of up to 4000 characters.", http.StatusBadRequest)
		return
	}
	// Asked first, so that only what can send becomes a phone.
	_, err := sms.Deliver{From: number, SCTS: s.options.Now(), Text: text}.TPDUs(0)
	if err == nil {
		err = s.Phone(number).Send(text)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
