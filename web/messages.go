package web

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"omsbox/store"
)

// How much of what waits is shown.
const (
	mostMessages   = 100
	mostNamed      = 10  // recipients of each
	mostCharacters = 100 // of each text
)

// messages is the page of what a user can still cancel.
type messages struct {
	Outcome   *outcome // of what was asked last; nil where nothing was
	Scheduled []waiting
	Queued    []waiting
	Restored  []waiting // held since the box was restored from a backup
	More      bool      // there are others
	Most      int
	Held      bool   // nothing is sent for now
	Decide    string // what an administrator has to decide after a restore; "" for nothing
}

// waiting is a message on it.
type waiting struct {
	store.Waiting
	Time  moment // when it leaves; of what is queued, since when it waits
	Since moment // when it was written
	Text  string
	Names names
	From  string
	Why   string // it did not leave at the last try; "" where none was
}

func (s *Server) messages(w http.ResponseWriter, r *http.Request, u store.User) {
	all, more, err := s.store.Waiting(r.Context(), u.ID, mostMessages, mostNamed, mostCharacters+1)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	page := messages{More: more, Most: mostMessages, Held: s.store.Held()}
	if restored, err := s.store.Restored(r.Context()); err != nil {
		s.fail(w, r, err)
		return
	} else if u.Admin {
		page.Decide = s.store.Spell(restored.Condition().Words())
	}
	for _, m := range all {
		shown := waiting{
			Waiting: m, Time: moment{m.Scheduled}, Since: moment{m.Created}, Text: beginning(m.Text), Names: names{m.To,
				m.Left - len(m.To)}, From: from(m.Source, m.SourceType),
		}
		switch {
		case m.Held:
			shown.Time, shown.Why = shown.Since, ""
			page.Restored = append(page.Restored, shown)
		case m.Scheduled.IsZero():
			shown.Time, shown.Why = shown.Since, m.Reason
			page.Queued = append(page.Queued, shown)
		default:
			page.Scheduled = append(page.Scheduled, shown)
		}
	}
	title := "Messages that wait"
	if id, err := strconv.ParseInt(r.URL.Query().Get("about"), 10, 64); err == nil {
		deliveries, err := s.store.OwnDeliveries(r.Context(), u.ID, id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			s.fail(w, r, err)
			return
		}
		if page.Outcome = outcomeOf(deliveries); page.Outcome != nil {
			title = page.Outcome.Title // it is what is read out first
		}
	}
	s.render(w, r, http.StatusOK, "messages", title, page)
}

// cancel cancels a message, as far as nothing of it has left. What came of it is shown by the
// page that it leads to, from the rows: so it may be pressed twice, and looked at again.
func (s *Server) cancel(w http.ResponseWriter, r *http.Request, u store.User) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err == nil {
		_, _, err = s.store.CancelOwn(r.Context(), u.ID, id)
	}
	switch {
	case err == nil:
		leadTo(w, r, "/messages?about="+strconv.FormatInt(id, 10))
	case errors.Is(err, store.ErrNotFound), errors.Is(err, strconv.ErrSyntax), errors.Is(err, strconv.ErrRange):
		s.render(w, r, http.StatusNotFound, "problem", "There is no such message", problem{Text: "None of yours has that number. Nothing was done."})
	default:
		s.fail(w, r, fmt.Errorf("cancel message %d: %w", id, err))
	}
}

// outcome is what came of taking a message back.
type outcome struct {
	Title string
	Good  bool    // nothing of it leaves
	Back  names   // for whom it was cancelled
	Count int     // how many they are
	All   int     // how many recipients it has
	Late  []fates // the others
}

// fates are those recipients who have something in common.
type fates struct {
	Why   string
	Names names
}

// outcomeOf tells what became of the deliveries of a message; nil where nobody has taken anything back or
// could not have done so any more.
func outcomeOf(deliveries []store.Delivery) *outcome {
	o := outcome{All: len(deliveries)}
	waits := false
	for _, d := range deliveries {
		to := d.Typed
		if to == "" {
			to = d.Recipient
		}
		if d.State == store.Cancelled {
			o.Back.add(to)
			o.Count++
			continue
		}
		why := fate(d)
		waits = waits || why == waitsAgain
		i := 0
		for i < len(o.Late) && o.Late[i].Why != why {
			i++
		}
		if i == len(o.Late) {
			o.Late = append(o.Late, fates{Why: why})
		}
		o.Late[i].Names.add(to)
	}
	switch {
	case o.All == 0, o.Count == 0 && waits:
		return nil
	case o.Count == o.All:
		o.Title, o.Good = "Cancelled", true
	case o.Count == 0:
		o.Title = "Too late"
	default:
		o.Title = "Cancelled in part"
	}
	return &o
}

const waitsAgain = "it was just being sent, did not leave, and waits again: see below"

// fate says why a delivery was not cancelled.
func fate(d store.Delivery) string {
	switch d.State {
	case store.Sending:
		return "it is being sent at this moment"
	case store.Sent:
		return "it has left"
	case store.Delivered:
		return "it has arrived"
	case store.Failed:
		return "it could not be sent"
	case store.Expired:
		return "it could not be sent in time"
	case store.Unconfirmed:
		return "it has left, and nobody knows whether it arrived"
	}
	if d.SIM != "" {
		return "a part of it has left"
	}
	return waitsAgain
}

// names are some recipients by name, and how many more there are.
type names struct {
	First []string
	More  int
}

func (n *names) add(name string) {
	if len(n.First) < mostNamed {
		n.First = append(n.First, name)
	} else {
		n.More++
	}
}

// moment is a time for people, in the time zone of this computer.
type moment struct{ time.Time }

// Words is how people read it.
func (m moment) Words() string { return m.Local().Format("Mon 2 Jan 2006, 15:04 MST") }

// Machine is how programs do.
func (m moment) Machine() string { return m.Local().Format(time.RFC3339) }

// beginning shortens a text.
func beginning(text string) string {
	if utf8.RuneCountInString(text) <= mostCharacters {
		return text
	}
	return strings.TrimSpace(string([]rune(text)[:mostCharacters])) + "…"
}

// from says where a message came from.
func from(source, sourceType string) string {
	switch {
	case source == store.SourceMail:
		return "Written as mail"
	case source != store.SourceOMS:
		return "Written on the box itself"
	}
	switch strings.ToLower(sourceType) { // OMS guidelines part 3, sourceType
	case "reminder":
		return "A reminder from Outlook"
	case "calsummary":
		return "A calendar summary from Outlook"
	case "rulebased":
		return "Sent on by a rule in Outlook"
	case "wssalert":
		return "An alert from SharePoint"
	}
	return "Written in Outlook"
}
