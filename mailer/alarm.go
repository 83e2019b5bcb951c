package mailer

import (
	"fmt"
	"strings"

	"omsbox/store"
)

// alarm renders the mail that tells an administrator that something is wrong, or no longer is: which of
// them it is when it leaves. lost are the mails that an alarm about a mailbox is about, which is never over.
func alarm(m store.Mail, a store.Alarm, lost []store.Undelivered, service, dir string, to addressee) letter {
	a.Text = store.Spell(dir, a.Text)
	over := a.Kind != store.MailboxAlarm && (m.Over || !a.Cleared.IsZero())
	var h header
	h.address("From", service, to.box())
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
	if len(lost) > 0 {
		b.WriteString("These could not be mailed, the newest first:\n\n")
		for _, u := range lost {
			fmt.Fprintf(&b, "    mail %d, %s: %s\n", u.ID, lostWhat(u), oneLine(u.Reason))
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "It began on: %s\n", a.Raised.UTC().Format(form))
	if over && !a.Cleared.IsZero() {
		fmt.Fprintf(&b, "It ended on: %s\n", a.Cleared.UTC().Format(form))
	}
	fmt.Fprintf(&b, "\nThis command, typed on the box, shows how everything is:\n\n    omsbox get -data %s status\n", dir)
	if len(lost) > 0 {
		fmt.Fprintf(&b, "\nThese show all mails that have failed or wait, and have them tried again:\n\n"+
			"    omsbox mail list -data %[1]s\n    omsbox mail retry -data %[1]s all\n", dir)
	}
	if !over && a.Kind != store.MailboxAlarm {
		b.WriteString("\nAnother mail tells when it is over.\n")
	}
	// The null reverse-path: an alarm that cannot be delivered must not bring forth another mail. RFC 5321 4.5.5
	return letter{from: "", to: to.path, data: h.body(b.String())}
}

// lostWhat is what a mail was about, without the words of the text.
func lostWhat(u store.Undelivered) string {
	const form = "2 January 2006 at 15:04 UTC"
	if u.Kind == store.Notice {
		return "the notice of " + u.Created.UTC().Format(form) + " that a text to " + oneLine(u.Number) + " did not arrive"
	}
	return "a text from " + oneLine(u.Number) + " of " + u.Created.UTC().Format(form)
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
