package oms

import (
	"slices"
	"strings"
)

// severity says what a client makes of an error: of several, the highest decides.
type severity string

const (
	neutral severity = "neutral"
	failure severity = "failure" // Outlook writes a non-delivery report to its user
)

// code is a row of the protocol's table of errors. OMS guidelines part 3, error codes
type code struct {
	name       string
	severity   severity
	content    bool // a text goes with it
	recipients bool // the recipients it is about can go with it; without, it is about all
}

// The table of errors: each code of it has its cause here, or says why it has none.
var (
	// accepted: the message is committed, and no recipient is known to be lost.
	accepted = code{"ok", neutral, false, false}
	// invalidUser: no such user or a wrong password; which of them is not told. content, which the table
	// does not have for it, says what to do where the password is right but not for programs.
	invalidUser = code{"invalidUser", failure, true, false}
	// unregisteredUser never occurs: it would tell who has an account and who has none. The table wants
	// invalidUser where a service does not tell, and every user may use every service of the box.

	// unregisteredService: a multimedia message, while no modem has shown in the last 30 days that it can
	// send one. content names the service, as requiredService does.
	unregisteredService = code{"unregisteredService", failure, true, false}
	// expiredUser: the password is right, but the account was disabled or has expired.
	expiredUser = code{"expiredUser", failure, false, false}
	// invalidRecipient: no phone numbers that a message can be sent to.
	invalidRecipient = code{"invalidRecipient", failure, false, true}
	// crossCarrier never occurs: a SIM can write to every network. What its own then refuses is other,
	// with the network's reason.

	// invalidChar: a text, or the subject of a multimedia message, has control characters or
	// noncharacters. Whatever else a text has, a phone is sent.
	invalidChar = code{"invalidChar", failure, false, false}
	// invalidMedia: a text message with something in it that is not text; a multimedia message with a
	// type that Outlook does not send, with bad Base64, or with slides that show what is not there.
	// content is the contentId.
	invalidMedia = code{"invalidMedia", failure, true, false}
	// perDayMsgLimit: the user's segments of the day (user.daily) are used up, or would not do for these
	// recipients. content is the limit.
	perDayMsgLimit = code{"perDayMsgLimit", failure, true, true}
	// perMonthMsgLimit: the same of the calendar month (user.monthly).
	perMonthMsgLimit = code{"perMonthMsgLimit", failure, true, true}
	// lengthLimit: a part with more characters than serviceInfo allows. content tells both limits.
	lengthLimit = code{"lengthLimit", failure, true, false}
	// sizeLimit: a multimedia message whose objects have more octets than serviceInfo allows, without
	// their Base64. content tells the limit.
	sizeLimit = code{"sizeLimit", failure, true, false}
	// slidesLimit: a multimedia message with more slides than serviceInfo allows. content tells the limit.
	slidesLimit = code{"slidesLimit", failure, true, false}
	// serviceNetwork: no modem has ever been in a network, or none has been for as long as a text is worth
	// sending (store.Reachable); a multimedia message, which no row can hold.
	serviceNetwork = code{"serviceNetwork", failure, false, false}
	// noScheduled never occurs: what has its time waits for it.

	// lowBalance: the message is committed, and the balance of all SIMs is below what the administrator
	// set. content is the balance as the network says it.
	lowBalance = code{"lowBalance", neutral, true, false}
	// serviceUpdate: the message is committed, and what GetServiceInfo tells has changed since the user's
	// client called GetUserInfo last. content is when.
	serviceUpdate = code{"serviceUpdate", neutral, true, false}
	// ceasedService: the administrator has closed the service (oms.closed), or took it out of the box's
	// (services).
	ceasedService = code{"ceasedService", failure, false, false}
	// other: all that the table has no code for: too many recipients or parts, none of them, too many
	// notifications, a recipient that the network refused, one whose number is denied (store.Denied), a
	// sign-in queue that is full, a disk that is. content is a sentence for the user.
	other = code{"other", failure, true, true}

	// The codes that only Microsoft's samples have; older clients show them as unknown failures. Those of
	// them that are misspellings, others and unregistered, never occur.

	// invalidFormat: the document is not well-formed or not of its schema.
	invalidFormat = code{"invalidFormat", failure, true, false}
	// perBatchMsgLimit: an xmsData of a batch behind those that one batch may have (oms.batch), or behind as much
	// text as it may have. content tells the limit.
	perBatchMsgLimit = code{"perbatchmsglimit", failure, true, false}
)

const (
	// unable is what users are told of a trouble of our own, which the log has in full.
	unable = "The message could not be taken because of a problem in the service. Nothing was sent; please try again later."
	// tooManyNotices is the guidelines' own sentence. OMS guidelines part 2, Configuration Settings Page
	tooManyNotices = "You have reached the predefined limit of Notification and Reminders messages you can receive today."
)

// responseError is one error element of an xmsResponse.
type responseError struct {
	code       code
	content    string
	recipients []string // as the user typed them
}

// xmsResponse writes the document that tells what became of a message: ok where there is no failure.
func xmsResponse(errors ...responseError) string {
	var d document
	d.raw(`<xmsResponse xmlns="`, namespace, `">`)
	d.errors(errors)
	d.raw("</xmsResponse>")
	return string(d)
}

// arranged puts the errors of a message in the order in which clients take them. The first counts as
// the result for SharePoint: one that is about all recipients before those about some; and ok is
// there, before all notices, only where nothing failed.
func arranged(errors []responseError) []responseError {
	rank := func(e responseError) int {
		switch {
		case e.code.severity == failure && len(e.recipients) == 0:
			return 0
		case e.code.severity == failure:
			return 1
		case e.code == accepted:
			return 2
		}
		return 3
	}
	if !slices.ContainsFunc(errors, func(e responseError) bool { return rank(e) < 3 }) {
		errors = append([]responseError{{code: accepted}}, errors...)
	}
	return slices.SortedStableFunc(slices.Values(errors), func(a, b responseError) int { return rank(a) - rank(b) })
}

// errors appends the error elements of a message, of which there is always one.
func (d *document) errors(errors []responseError) {
	for _, e := range arranged(errors) {
		d.raw(`<error code="`, e.code.name, `" severity="`, string(e.code.severity), `"`)
		content, recipients := e.code.content && e.content != "", e.code.recipients && len(e.recipients) > 0
		if !content && !recipients {
			d.raw(" />")
			continue
		}
		d.raw(">")
		if content {
			d.element("content", quoted(e.content))
		}
		if recipients {
			d.raw("<recipientList>")
			for i, to := range e.recipients {
				if i > 0 {
					d.raw(";")
				}
				d.text(quoted(to))
			}
			d.raw("</recipientList>")
		}
		d.raw("</error>")
	}
}

// longestQuote bounds what an answer repeats of a request in one place, in bytes: a recipient, a
// contentId; and mostSigns how many signs of markup are in it. Each of those becomes up to nine bytes,
// as answers are escaped twice.
const (
	longestQuote = 300
	mostSigns    = 6
)

// quoted is a text, or the beginning of one that is too long to be repeated.
func quoted(text string) string {
	signs := 0
	for i, r := range text {
		if strings.ContainsRune("&<>\r", r) {
			signs++
		}
		if i >= longestQuote || signs > mostSigns {
			return text[:i] + "…"
		}
	}
	return text
}
