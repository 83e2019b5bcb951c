package oms

import "strings"

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

// The codes that have a cause in this product.
var (
	// accepted: the message is committed, and no recipient is known to be lost.
	accepted = code{"ok", neutral, false, false}
	// invalidUser: no such user or a wrong password; which of them is not told. content, which the table
	// does not have for it, says what to do where the password is right but not for programs.
	invalidUser = code{"invalidUser", failure, true, false}
	// expiredUser: the password is right, but the account was disabled.
	expiredUser = code{"expiredUser", failure, false, false}
	// unregisteredService: a multimedia message. content names the service.
	unregisteredService = code{"unregisteredService", failure, true, false}
	// lowBalance: the message is committed, and the balance of all SIMs is below what the administrator
	// set. content is the balance as the network says it.
	lowBalance = code{"lowBalance", neutral, true, false}
	// invalidRecipient: no phone numbers that a text can be sent to.
	invalidRecipient = code{"invalidRecipient", failure, false, true}
	// invalidMedia: a text message with something in it that is not text. content is its contentId.
	invalidMedia = code{"invalidMedia", failure, true, false}
	// lengthLimit: a part with more characters than serviceInfo allows. content tells both limits.
	lengthLimit = code{"lengthLimit", failure, true, false}
	// invalidFormat: the document is not well-formed or not of its schema. Only Microsoft's samples
	// have this code, and older clients show it as an unknown failure.
	invalidFormat = code{"invalidFormat", failure, true, false}
	// perBatchMsgLimit: an xmsData of a batch behind those that one batch may have. Only Microsoft's
	// samples have this code. content tells the limit.
	perBatchMsgLimit = code{"perbatchmsglimit", failure, true, false}
	// other: all that the table has no code for: too many recipients or parts, none of them, a
	// recipient that the network refused, a sign-in queue that is full, a disk that is. content is a
	// sentence for the user.
	other = code{"other", failure, true, true}
)

// unable is what users are told of a trouble of our own, which the log has in full.
const unable = "The message could not be taken because of a problem in the service. Nothing was sent; please try again later."

// responseError is one error element of an xmsResponse.
type responseError struct {
	code       code
	content    string
	recipients []string // as the user typed them
}

// xmsResponse writes the document that tells what became of a message: ok where there is no
// error. The first error is the one that SharePoint takes for the message's result.
func xmsResponse(errors ...responseError) string {
	var d document
	d.raw(`<xmsResponse xmlns="`, namespace, `">`)
	d.errors(errors)
	d.raw("</xmsResponse>")
	return string(d)
}

// errors appends the error elements of a message, of which there is always one.
func (d *document) errors(errors []responseError) {
	if len(errors) == 0 {
		errors = []responseError{{code: accepted}}
	}
	for _, e := range errors {
		d.raw(`<error code="`, e.code.name, `" severity="`, string(e.code.severity), `"`)
		content, recipients := e.code.content && e.content != "", e.code.recipients && len(e.recipients) > 0
		if !content && !recipients {
			d.raw(" />")
			continue
		}
		d.raw(">")
		if content {
			d.element("content", e.content)
		}
		if recipients {
			d.element("recipientList", strings.Join(e.recipients, ";"))
		}
		d.raw("</error>")
	}
}
