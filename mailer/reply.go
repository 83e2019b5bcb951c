package mailer

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"omsbox/modem/sms"
	"omsbox/store"
)

// addressee is whom a mail goes to.
type addressee struct {
	own    string // what replies come from: the user's own smtpAddress, or from
	path   string // the user's mailbox
	domain string // of our addresses
	// answers says that a mail to a number at domain becomes a text. It is as it is now, not as it was
	// when the mail was first tried: two copies that differ in it do no harm, an answer that goes
	// nowhere does.
	answers bool
	from    string // mail.from, or the account of a relay that takes mail from that alone: all comes from it; "" for none
}

// box is what notices and alarms come from.
func (a addressee) box() string {
	if a.from != "" {
		return a.from
	}
	return "postmaster@" + a.domain
}

// earlier is a text that another one completes or replaces.
type earlier struct {
	store.Incoming
	token string // of the mail that carried it to the same user; "" where none did
	alike int    // how many others that cannot be read the same mail tells of
}

// reply renders the mail that carries a message from a phone: a text so that Outlook takes it for one
// and answers it with one. OMS guidelines part 1, Packaging Incoming Mobile Messages
func reply(m store.Mail, in store.Incoming, e earlier, to addressee) letter {
	var h header
	h.address("From", display(in), to.own)
	switch {
	case in.Kind != store.KindSMS:
	case isNumber(in.Sender) && to.answers:
		h.address("Reply-To", display(in), in.Sender+"@"+to.domain)
	case isMailbox(in.Sender): // a gateway made the text of a mail: its writer is answered by mail
		h.address("Reply-To", "", in.Sender)
	}
	h.address("To", "", to.path)
	h.text("Subject", subject(in, e))
	h.date(date(in))
	h.token("Message-ID", "<"+m.Token+"@"+to.domain+">")
	if e.token != "" { // RFC 5322 3.6.4
		h.token("In-Reply-To", "<"+e.token+"@"+to.domain+">")
		h.token("References", "<"+e.token+"@"+to.domain+">")
	}
	text := in.Text
	if in.Kind == store.KindSMS {
		// A person wrote this; the mail is but its envelope. So it bears no Auto-Submitted field, and
		// whoever has an automatic answer set up answers it as any other person's. RFC 3834 5
		h.token("Content-class", "MS-OMS-SMS")
		if isNumber(in.Sender) {
			h.token("X-MS-Reply-To-Mobile", in.Sender)
		}
		if notes := notes(in, e); len(notes) > 0 {
			text += "\n\n(" + strings.Join(notes, ")\n(") + ")"
		}
	} else {
		h.token("Auto-Submitted", "auto-generated")
		text = explained(in, e)
	}
	return letter{from: to.own, to: to.path, data: h.body(text)}
}

// subject is the first line of the text, or the beginning of it.
func subject(in store.Incoming, e earlier) string {
	switch in.Kind {
	case store.KindData:
		return "Data message from " + display(in)
	case store.KindVoicemail:
		return cut(strings.TrimSuffix(store.Sentence(oneLine(in.Waiting)), "."))
	case store.KindUndecodable:
		if e.alike > 0 {
			return fmt.Sprintf("%d messages that cannot be read", e.alike+1)
		}
		return "A message that cannot be read"
	}
	mark := ""
	switch {
	case in.Missing != "", in.Cut:
		mark = "Incomplete: "
	case in.Class == 0:
		mark = "Flash message: "
	}
	for line := range strings.FieldsFuncSeq(in.Text, func(r rune) bool {
		return strings.ContainsRune("\n\r\v\f\u0085\u2028\u2029", r)
	}) {
		if line = oneLine(line); visible(line) {
			return mark + cut(line)
		}
	}
	return mark + "Text message from " + display(in)
}

// notes are what is to be said of a text beside itself.
func notes(in store.Incoming, e earlier) (notes []string) {
	const form = "2 January 2006 at 15:04 UTC"
	told := e.token != ""
	switch {
	case in.Missing != "" && in.Completes != 0 && told:
		notes = append(notes, "This is more of a text of which you have a part in an earlier mail. "+lacks(in)+".")
	case in.Missing != "":
		notes = append(notes, lacks(in)+". If more comes later, you get it in another mail.")
	case in.Completes != 0 && told:
		notes = append(notes, "This is the whole text, with "+parts(e.Incoming)+", which your earlier mail lacks.")
	case in.Replaces != 0:
		notes = append(notes, "Its sender wants it to take the place of the text sent on "+date(e.Incoming).UTC().Format(form)+".")
	}
	if in.Cut {
		notes = append(notes, "It was cut short on its way. Words are missing where it says […].")
	}
	if in.Objects {
		notes = append(notes, "It came with pictures, sounds or the like, which are not shown here.")
	}
	if in.Class == 0 {
		notes = append(notes, "It was sent as a flash message, which a phone shows at once and does not keep.")
	}
	if replyTo := cut(oneLine(in.ReplyTo)); visible(replyTo) {
		// That is a stranger's word: an answer goes where people see it go.
		notes = append(notes, "Its sender wants answers to go to "+replyTo+". An answer to this mail does not go there.")
	}
	switch {
	case isNumber(in.Sender):
	case isMailbox(in.Sender):
		notes = append(notes, "It was written as a mail. An answer to it goes to "+display(in)+", by mail.")
	case strings.Trim(in.Sender, "0123456789*#+") == "" && in.Sender != "":
		notes = append(notes, "It cannot be answered: "+display(in)+" takes no texts.")
	case visible(oneLine(in.Sender)):
		notes = append(notes, "It cannot be answered: "+display(in)+" is a name and no number.")
	default:
		notes = append(notes, "It cannot be answered: it does not say who sent it.")
	}
	return notes
}

// lacks says which parts of a text have not come, and parts which they are.
func lacks(in store.Incoming) string {
	if strings.ContainsAny(in.Missing, ",-") {
		return "P" + parts(in)[1:] + " have not come"
	}
	return "P" + parts(in)[1:] + " has not come"
}

func parts(in store.Incoming) string {
	if strings.ContainsAny(in.Missing, ",-") {
		return "parts " + in.Missing
	}
	return "part " + in.Missing
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

// isMailbox reports whether the sender is a mail address as it stands.
func isMailbox(sender string) bool {
	if len(sender) > 254 || !isASCII(sender) {
		return false
	}
	path, why := mailbox(sender)
	return why == "" && path == sender
}

// date is when the SMSC got the text, unless that cannot be. An SMSC keeps a text for days, and one
// may tell its local time as another zone's.
func date(in store.Incoming) time.Time {
	if in.Sent.Before(in.Received.Add(-30*24*time.Hour)) || in.Sent.After(in.Received.Add(24*time.Hour)) {
		return in.Received
	}
	return in.Sent
}

// explained is the mail's text where no text of a person came in.
func explained(in store.Incoming, e earlier) string {
	var b strings.Builder
	octets := oneLine(in.Text)
	switch in.Kind {
	case store.KindVoicemail:
		fmt.Fprintf(&b, "The network says about this box's SIM: %s\n\nIt was told by %s.\n", store.Sentence(oneLine(in.Waiting)), display(in))
		if visible(octets) {
			fmt.Fprintf(&b, "\nThe text that came with it:\n\n%s\n", in.Text)
		}
		return b.String()
	case store.KindData:
		fmt.Fprintf(&b, "%s sent a data message to this box's SIM.\n", display(in))
		if in.Port != 0 {
			fmt.Fprintf(&b, "It is meant for a program in the phone, at the port %d%s.\n", in.Port, program(in.Port))
		} else {
			b.WriteString("It is meant for a program and holds no text.\n")
		}
		if in.Missing != "" {
			fmt.Fprintf(&b, "%s.\n", lacks(in))
		}
		if in.Cut {
			b.WriteString("It was cut short on its way.\n")
		}
		if text, ok := readable(octets); ok {
			fmt.Fprintf(&b, "Read as text its octets are:\n\n%s\n\n", text)
		}
		b.WriteString("These are its octets in hexadecimal:\n\n")
	default:
		if e.alike > 0 {
			fmt.Fprintf(&b, "%d messages came in on this box's SIM that cannot be read.\n"+
				"They break the rules of texts, or follow some that are not known here.\n"+
				"A mail a day tells of such messages. The following is about the first of them.\n\n", e.alike+1)
		} else {
			b.WriteString("A message came in on this box's SIM that cannot be read.\n" +
				"It breaks the rules of texts, or follows some that are not known here.\n")
		}
		if in.Sender != "" {
			fmt.Fprintf(&b, "It was sent by %s.\n", display(in))
		}
		if flaw := oneLine(in.Flaw); flaw != "" {
			fmt.Fprintf(&b, "What is wrong with it: %s.\n", flaw)
		}
		b.WriteString("This is its TPDU in hexadecimal:\n\n")
	}
	octets = strings.ReplaceAll(octets, "[…]", " [...] ")
	for len(octets) > 64 {
		b.WriteString(octets[:64] + "\n")
		octets = octets[64:]
	}
	b.WriteString(octets + "\n")
	return b.String()
}

// program says what the well-known ports are for.
func program(port int) string {
	switch port {
	case 2948, 2949, 9200, 9201, 9202, 9203: // WAP push, and the WAP protocols: IANA
		return " (WAP push, such as the announcement of a multimedia message, which is not fetched)"
	case 9204, 9206:
		return " (a visiting card)"
	case 9205, 9207:
		return " (a date for the calendar)"
	}
	return ""
}

// readable returns octets as text where they are some.
func readable(octets string) (string, bool) {
	const gap = "[…]"
	runs := strings.Split(octets, gap)
	for i, run := range runs {
		b, err := hex.DecodeString(run)
		text, ok := sms.Octets(b)
		if err != nil || !ok && run != "" {
			return "", false
		}
		runs[i] = text
	}
	text := strings.Join(runs, gap)
	return text, strings.Trim(text, gap) != ""
}
