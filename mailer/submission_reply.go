package mailer

import (
	"bytes"
	"strconv"
	"strings"
)

// Replies after which a client does not say a command. RFC 4954 4, RFC 5321 4.1.1.4
const (
	continueSignIn = 334
	startData      = 354
)

// replyWriter puts the box's words in place of those that go-smtp says by itself. It leaves the codes, and
// what the session says.
type replyWriter struct {
	name     func() string // of the box
	startTLS bool          // is offered
	command  string        // that is answered
	last     int           // the code of the last reply
	line     []byte        // the beginning of a reply
}

// reword takes what go-smtp writes, and returns what the client is to hear: whole lines only.
func (w *replyWriter) reword(p []byte) []byte {
	var out []byte
	for part := range bytes.Lines(p) {
		w.line = append(w.line, part...)
		if part[len(part)-1] != '\n' {
			break
		}
		out = append(out, w.reply(strings.TrimRight(string(w.line), "\r\n"))...)
		out = append(out, "\r\n"...)
		w.line = w.line[:0]
	}
	return out
}

// reply returns one line of a reply in the box's words.
func (w *replyWriter) reply(line string) string {
	const codeLength = 3
	if len(line) <= codeLength {
		return line
	}
	code, text := line[:codeLength+1], line[codeLength+1:]
	w.last, _ = strconv.Atoi(code[:codeLength])
	status := ""
	if first, rest, found := strings.Cut(text, " "); found && isStatus(first) {
		status, text = first+" ", rest
	}
	switch {
	case w.last == 250 && (w.command == "EHLO" || w.command == "HELO") && strings.HasPrefix(text, "Hello "):
		// The name of the server, without a status: RFC 5321 4.1.1.1, RFC 2034 3
		text = code + w.name()
		if w.startTLS && w.command == "EHLO" {
			text += "\r\n" + code + "STARTTLS"
		}
		return text
	case w.last == 220 && w.command == "":
		return code + w.name() + " ESMTP"
	case w.last == 221:
		return code + status + w.name() + " closes the connection"
	}
	for _, r := range rewordings {
		before, after, _ := strings.Cut(r.says, "*")
		if strings.HasPrefix(text, before) && strings.HasSuffix(text, after) && len(text) >= len(before)+len(after) {
			return code + status + r.words
		}
	}
	return line
}

// isStatus reports whether a word is an enhanced status code. RFC 3463 2
func isStatus(word string) bool {
	return len(word) >= len("2.0.0") && strings.Count(word, ".") == 2 && strings.Trim(word, ".0123456789") == ""
}

// rewordings are what go-smtp says by itself, with * for what varies, and the words that a client hears
// instead. What a client wrote is not repeated.
var rewordings = []struct{ says, words string }{
	{"Error: bad syntax", "A command is missing"},
	{"Bad command", "That is no command"},
	{"* command not implemented", "This command is not supported"},
	{"This is not a LMTP server", "This is SMTP: say EHLO"},
	{"Syntax errors, * command unrecognized", "Unknown command"},
	{"Cannot VRFY user, but will accept message", "An address is checked when a mail is sent to it"},
	{"I have successfully done nothing", "OK"},
	{"Session reset", "OK"},
	{"Continue", "OK"},
	{"Roger, accepting mail from <*>", "OK"},
	{"I'll make sure <*> gets this", "OK"},
	{"OK: queued", "The text is queued"},
	{"Go ahead. End your data with <CR><LF>.<CR><LF>", "End the mail with <CR><LF>.<CR><LF>"},
	{"Authentication succeeded", "Signed in"},
	{"Domain/address argument required for HELO", "A name is missing after EHLO or HELO"},
	{"Please introduce yourself first.", "Say EHLO first"},
	{"Missing MAIL FROM command.", "MAIL FROM comes first"},
	{"Missing RCPT TO command.", "RCPT TO comes first"},
	{"Was expecting MAIL arg syntax of FROM:<address>", "Write MAIL FROM:<address>"},
	{"Was expecting RCPT arg syntax of TO:<address>", "Write RCPT TO:<address>"},
	{"Unable to parse MAIL ESMTP parameters", "The parameters of MAIL cannot be read"},
	{"Unable to parse RCPT ESMTP parameters", "The parameters of RCPT cannot be read"},
	{"Unable to parse SIZE as an integer", "SIZE is not a number"},
	{"Unknown MAIL FROM argument", "Unknown parameter of MAIL"},
	{"Unknown RCPT TO argument", "Unknown parameter of RCPT"},
	{"Max message size exceeded", "The mail is too large"},
	{"Maximum message size exceeded", "The mail is too large"},
	{"Maximum limit of * recipients reached", "A mail can have at most " + strconv.Itoa(submissionRecipients) + " recipients"},
	{"DATA command should not have any arguments", "DATA has no parameters"},
	{"Malformed size argument", "The size of the chunk is not a number"},
	{"Missing chunk size argument", "The size of the chunk is missing"},
	{"Too many arguments", "BDAT has too many parameters"},
	{"Unknown BDAT argument", "Only LAST may follow the size"},
	{"Invalid base64 data", "That is not Base64"},
	{"Negotiation cancelled", "Cancelled"},
	{"Missing parameter", "AUTH needs PLAIN or LOGIN"},
	{"TLS not supported", "There is no encryption here"},
	{"Already authenticated", "You have signed in already"},
	{"Internal server error", "Internal error, try again later"},
	{"Error: transaction failed: *", "The message was incomplete"},
	{"Too long line, closing connection", "The line is too long"},
	{"Too many errors. Quiting now", "Too many errors"},
	{"Too busy. Try again later.", "Too many connections, try again later"},
	{"Idle timeout, bye bye", "Nothing was said for too long"},
	{"Connection error, sorry", "The connection failed"},
}
