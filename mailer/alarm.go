package mailer

import (
	"fmt"
	"strings"

	"omsbox/store"
)

// alarm renders the mail that tells an administrator that something is wrong, or no longer is: which of
// them it is when it leaves.
func alarm(m store.Mail, a store.Alarm, service, dir string, to addressee) letter {
	over := m.Over || !a.Cleared.IsZero()
	var h header
	h.address("From", service, "postmaster@"+to.domain)
	h.address("To", "", to.path)
	what := brief(a.Text)
	subject := "omsbox: " + what
	if over {
		subject = "omsbox: over: " + what
	}
	h.text("Subject", subject)
	h.date(m.Created)
	h.token("Message-ID", "<"+m.Token+"@"+to.domain+">")
	h.token("Auto-Submitted", "auto-generated") // RFC 3834 5
	const form = "2 January 2006 at 15:04 UTC"
	var b strings.Builder
	if over {
		b.WriteString("This is over; there is nothing to do:\n\n")
	}
	fmt.Fprintf(&b, "%s\n\n", store.Sentence(oneLine(a.Text)))
	if about := oneLine(a.About); about != "" {
		fmt.Fprintf(&b, "It is about: %s\n", about)
	}
	fmt.Fprintf(&b, "It began on: %s\n", a.Raised.UTC().Format(form))
	if over && !a.Cleared.IsZero() {
		fmt.Fprintf(&b, "It ended on: %s\n", a.Cleared.UTC().Format(form))
	}
	fmt.Fprintf(&b, "\nThis command, typed on the box, shows how everything is:\n\n    omsbox get -data %s status\n", dir)
	if !over {
		b.WriteString("\nAnother mail tells when it is over.\n")
	}
	// The null reverse-path: an alarm that cannot be delivered must not bring forth another mail. RFC 5321 4.5.5
	return letter{from: "", to: to.path, data: h.body(b.String())}
}

// brief is what is wrong, without what to do about it: the text up to its first stop.
func brief(text string) string {
	text = oneLine(text)
	for _, stop := range []string{": ", "; ", ". "} {
		if before, _, ok := strings.Cut(text, stop); ok && visible(before) {
			text = before
		}
	}
	const most = 70
	if runes := []rune(text); len(runes) > most {
		return strings.TrimRight(string(runes[:most]), " ") + "…"
	}
	return strings.TrimRight(text, ".:; ")
}
