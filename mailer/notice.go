package mailer

import (
	"fmt"
	"strings"

	"omsbox/store"
)

// failure is what a notice tells: which recipients did not get a message.
type failure struct {
	told    []store.Delivery
	parts   []string // the message's text
	service string   // what the service calls itself
	why     string   // why it is told to this user although another one wrote; "" where that is not so
}

// notice renders the mail that tells of a failure.
func notice(m store.Mail, f failure, to addressee) letter {
	var h header
	h.address("From", f.service, "postmaster@"+to.domain)
	h.address("To", "", to.path)
	begin := cut(oneLine(strings.Join(f.parts, " ")))
	h.text("Subject", f.subject()+": "+begin)
	h.date(m.Created)
	h.token("Message-ID", "<"+m.Token+"@"+to.domain+">")
	h.token("Auto-Submitted", "auto-generated") // RFC 3834 5
	var b strings.Builder
	fmt.Fprintf(&b, "This is about the text that begins with:\n\n    %s\n", begin)
	if f.why != "" {
		fmt.Fprintf(&b, "\nYou are told because %s.\n", f.why)
	}
	for _, d := range f.told {
		fmt.Fprintf(&b, "\n%s\n%s\n", recipient(d), fate(d))
	}
	if len(f.told) == 0 {
		b.WriteString("\nAll its recipients have it after all.\n")
	}
	// The null reverse-path: a notice that cannot be delivered must not bring forth another. RFC 5321 4.5.5
	return letter{from: "", to: to.path, data: h.body(b.String())}
}

// subject says the worst that happened.
func (f failure) subject() string {
	subject := "Arrived after all"
	for _, d := range f.told {
		switch {
		case d.Lost():
			return "Not delivered"
		case d.State == store.Unconfirmed:
			subject = "Perhaps not delivered"
		}
	}
	return subject
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
	case store.Unconfirmed:
		return "may or may not have got it" + reason + ".\nIt is not sent again by itself, so that nobody gets it twice.\nAsk, or send it again."
	case store.Delivered:
		return "has it after all. There is nothing to do."
	case store.Sent:
		return "will get it after all: the network has taken it. There is nothing to do."
	}
	return "has not got it yet; it is being sent."
}
