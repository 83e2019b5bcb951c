package mailer

import (
	"fmt"
	"strings"
	"time"

	"omsbox/store"
)

// failure is what a notice tells: which recipients did not get a message.
type failure struct {
	told    []store.Delivery
	parts   []string  // the message's text; none where another than its writer is told
	written time.Time // when the message was
	service string    // what the service calls itself
	instead *writer   // who wrote, where another is told; nil: the writer is told
}

// writer is who wrote a message, and cannot be told of it by mail.
type writer struct {
	login string // "": nobody, it came from the command line
}

// missing says why the writer cannot be told.
func (w *writer) missing() string {
	if w.login == "" {
		return "it was sent from the command line"
	}
	return w.login + ", who sent it, has no mailbox"
}

func (w *writer) String() string {
	if w.login == "" {
		return "the command line"
	}
	return w.login
}

// notice renders the mail that tells of a failure.
func notice(m store.Mail, f failure, to addressee) letter {
	var h header
	h.address("From", f.service, to.box())
	h.address("To", "", to.path)
	subject, about := f.about()
	h.text("Subject", f.worst()+": "+subject)
	h.date(m.Created)
	h.token("Message-ID", "<"+m.Token+"@"+to.domain+">")
	h.token("Auto-Submitted", "auto-generated") // RFC 3834 5
	var b strings.Builder
	b.WriteString(about)
	for _, d := range f.told {
		fmt.Fprintf(&b, "\n%s\n%s\n", recipient(d), fate(d))
	}
	if len(f.told) == 0 {
		b.WriteString("\nAll its recipients have it after all.\n")
	}
	// The null reverse-path: a notice that cannot be delivered must not bring forth another. RFC 5321 4.5.5
	return letter{from: "", to: to.path, data: h.body(b.String())}
}

// about says which message it is, for the subject and at the length of a sentence. The writer knows
// it by its first words; whoever is told instead is not to read them.
func (f failure) about() (subject, sentence string) {
	if f.instead != nil {
		return fmt.Sprintf("a text from %s", f.instead),
			fmt.Sprintf("This is about a text from %s, written on %s.\n\nYou are told because %s.\n",
				f.instead, f.written.UTC().Format("2 January 2006 at 15:04 UTC"), f.instead.missing())
	}
	begin := cut(oneLine(strings.Join(f.parts, " ")))
	return begin, fmt.Sprintf("This is about the text that begins with:\n\n    %s\n", begin)
}

// worst says the worst that happened.
func (f failure) worst() string {
	worst := "Arrived after all"
	for _, d := range f.told {
		switch {
		case d.Lost(), d.State == store.Cancelled:
			return "Not delivered"
		case d.State == store.Unconfirmed:
			worst = "Perhaps not delivered"
		}
	}
	return worst
}

// recipient is the phone as the person wrote it, and as it was understood.
func recipient(d store.Delivery) string {
	typed := oneLine(d.Typed)
	if typed == "" || typed == d.Recipient {
		return d.Recipient
	}
	return typed + " (" + d.Recipient + ")"
}

// fate says what became of a delivery, why, and what to do.
func fate(d store.Delivery) string {
	reason := ""
	if r := strings.TrimRight(oneLine(d.Reason), "."); r != "" {
		reason = ": " + r
	}
	switch d.State {
	case store.Failed:
		return "did not get it" + reason + ".\nCheck the number, then send the text again."
	case store.Expired:
		return "did not get it; the text waited too long and was given up" + reason + ".\nSend it again if it is still of use."
	case store.Cancelled:
		return "did not get it" + reason + ".\nSend it again if it is still of use."
	case store.Unconfirmed:
		return "may or may not have got it" + reason + ".\nIt is not sent again by itself, so that nobody gets it twice.\nAsk, or send it again."
	case store.Delivered:
		return "has it after all. There is nothing to do."
	case store.Sent:
		return "will get it after all: the network has taken it. There is nothing to do."
	}
	return "has not got it yet; it is being sent."
}
