package mailer

import (
	"fmt"
	"strings"
	"time"

	"omsbox/store"
)

// addressee is whom a mail goes to.
type addressee struct {
	own    string // the user's own smtpAddress
	path   string // the user's mailbox
	domain string // of our addresses
}

// reply renders the mail that carries a text from a phone, so that Outlook takes it for a text and
// answers it with one. OMS guidelines part 1, Packaging Incoming Mobile Messages
func reply(m store.Mail, in store.Incoming, to addressee) letter {
	var h header
	h.address("From", display(in), to.own)
	h.address("To", "", to.path)
	h.text("Subject", subject(in))
	h.date(date(in))
	h.token("Message-ID", "<"+m.Token+"@"+to.domain+">")
	text := in.Text
	if in.Kind == "SMS" {
		// A person wrote this; the mail is but its envelope. So it bears no Auto-Submitted field, and
		// whoever has an automatic answer set up answers it as any other person's. RFC 3834 5
		h.token("Content-class", "MS-OMS-SMS")
		if isNumber(in.Sender) {
			h.token("X-MS-Reply-To-Mobile", in.Sender)
		}
	} else {
		h.token("Auto-Submitted", "auto-generated")
		text = unreadable(in)
	}
	return letter{from: to.own, to: to.path, data: h.body(text)}
}

// subject is the first line of the text, or the beginning of it.
func subject(in store.Incoming) string {
	switch in.Kind {
	case "data":
		return "Data message from " + display(in)
	case "undecodable":
		return "A message that cannot be read"
	}
	for line := range strings.FieldsFuncSeq(in.Text, func(r rune) bool {
		return strings.ContainsRune("\n\r\v\f\u0085\u2028\u2029", r)
	}) {
		if line = oneLine(line); visible(line) {
			return cut(line)
		}
	}
	return "Text message from " + display(in)
}

// display is what is shown of who sent a text.
func display(in store.Incoming) string {
	if name := cut(oneLine(in.Sender)); visible(name) {
		return name
	}
	return "unknown sender"
}

// isNumber says whether a text can be sent to the sender: a number or a short code, but no name.
func isNumber(sender string) bool {
	digits := strings.TrimPrefix(sender, "+")
	return len(digits) >= 3 && len(digits) <= 20 && strings.Trim(digits, "0123456789") == ""
}

// date is when the SMSC got the text, unless that cannot be. An SMSC keeps a text for days, and one
// may tell its local time as another zone's.
func date(in store.Incoming) time.Time {
	if in.Sent.Before(in.Received.Add(-30*24*time.Hour)) || in.Sent.After(in.Received.Add(24*time.Hour)) {
		return in.Received
	}
	return in.Sent
}

// unreadable is the mail's text where no text came in.
func unreadable(in store.Incoming) string {
	var b strings.Builder
	if in.Kind == "data" {
		fmt.Fprintf(&b, "%s sent a data message to this box's SIM.\n"+
			"It is meant for a program and holds no text.\n"+
			"These are its octets in hexadecimal:\n\n", display(in))
	} else {
		b.WriteString("A message came in on this box's SIM that cannot be read.\n" +
			"It breaks the rules of texts, or follows some that are not known here.\n" +
			"This is its SMS-DELIVER TPDU in hexadecimal:\n\n")
	}
	octets := oneLine(in.Text)
	for len(octets) > 64 {
		b.WriteString(octets[:64] + "\n")
		octets = octets[64:]
	}
	b.WriteString(octets + "\n")
	return b.String()
}
