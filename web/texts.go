package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"omsbox/store"
)

// How much of a user's texts a page shows.
const (
	textsPerPage = 25
	mostWords    = 40_000 // characters of each: more than 255 segments hold
)

// texts is the page of a user's own texts, out and in, the newest first.
type texts struct {
	Texts []ownText
	First bool   // nothing is newer
	Older string // the address of the page with older ones; "" where there is none
}

// ownText is a text on it.
type ownText struct {
	store.Own
	Time moment
	Who  string // who sent it; "" where that is unknown, or the user did
	To   names
	Fate []fates // what became of it, by recipients
	From string  // how the user wrote it
	Mail string  // what is wrong with the mail that carries it; "" while nothing is
}

// texts shows a user's own texts, with their words: also those that could not be mailed.
func (s *Server) texts(w http.ResponseWriter, r *http.Request, u store.User) {
	after, ok := parsePlace(r.URL.Query().Get("after"))
	if !ok {
		s.notFound(w, r)
		return
	}
	own, more, err := s.store.OwnTexts(r.Context(), u.ID, after, textsPerPage, mostNamed, mostWords)
	if err == nil && after == (store.Place{}) {
		err = s.store.HasRead(r.Context(), u)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	page := texts{First: after == (store.Place{})}
	for _, o := range own {
		page.Texts = append(page.Texts, shownText(o))
	}
	if more {
		page.Older = "/texts?after=" + url.QueryEscape(formatPlace(own[len(own)-1].Place))
	}
	s.render(w, r, http.StatusOK, "texts", "Your texts", page)
}

func shownText(o store.Own) ownText {
	shown := ownText{Own: o, Time: moment{o.At}}
	if !o.In {
		shown.From = from(o.Source, o.SourceType)
		shown.To.More = o.Recipients - len(o.Deliveries)
		for _, d := range o.Deliveries {
			to := d.Typed
			if to == "" {
				to = d.Recipient
			}
			shown.To.First = append(shown.To.First, to)
			shown.Fate = addFate(shown.Fate, stateWords(d), to)
		}
		return shown
	}
	in := o.Incoming
	shown.Who = in.Sender
	if in.Kind == store.KindVoicemail {
		shown.Text = strings.TrimSpace(store.Sentence(in.Waiting) + "\n\n" + shown.Text)
	}
	switch {
	case o.Mail == "failed":
		shown.Mail = "It could not be mailed to you: " + o.MailWhy
	case (o.Mail == "queued" || o.Mail == "sending") && o.MailWhy != "":
		shown.Mail = "It is not mailed to you yet: " + o.MailWhy
	case o.Mail == "queued" || o.Mail == "sending":
		shown.Mail = "It is not mailed to you yet."
	case o.Mail == "" && in.State == "unroutable":
		shown.Mail = "It could not be mailed to you, as no mailbox of yours is known here."
	}
	return shown
}

func addFate(all []fates, why, to string) []fates {
	for i := range all {
		if all[i].Why == why {
			all[i].Names.add(to)
			return all
		}
	}
	f := fates{Why: why}
	f.Names.add(to)
	return append(all, f)
}

// stateWords says what became of a delivery.
func stateWords(d store.Delivery) string {
	why := ""
	if d.Reason != "" {
		why = ": " + d.Reason
	}
	switch d.State {
	case store.Scheduled:
		return "waits for its time"
	case store.Queued:
		return "waits"
	case store.Sending:
		return "is being sent"
	case store.Sent:
		return "sent"
	case store.Delivered:
		return "arrived"
	case store.Failed:
		return "could not be sent" + why
	case store.Expired:
		return "could not be sent in time" + why
	case store.Unconfirmed:
		return "may have arrived, and is not sent again by itself" + why
	}
	return "cancelled"
}

// formatPlace and parsePlace write a place in the list as an address has it: 1767225600000-in-7.
func formatPlace(p store.Place) string {
	way := "out"
	if p.In {
		way = "in"
	}
	return strconv.FormatInt(p.At.UnixMilli(), 10) + "-" + way + "-" + strconv.FormatInt(p.ID, 10)
}

func parsePlace(text string) (p store.Place, ok bool) {
	if text == "" {
		return p, true
	}
	parts := strings.Split(text, "-")
	if len(parts) != 3 || parts[1] != "in" && parts[1] != "out" {
		return p, false
	}
	at, err := strconv.ParseInt(parts[0], 10, 64)
	id, err2 := strconv.ParseInt(parts[2], 10, 64)
	if err != nil || err2 != nil || at <= 0 || id <= 0 || at > 1<<52 {
		return p, false
	}
	return store.Place{At: time.UnixMilli(at).UTC(), In: parts[1] == "in", ID: id}, true
}
