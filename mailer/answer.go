package mailer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-smtp"
)

// command is what the relay answered.
type command int

const (
	commandMail command = iota
	commandRcpt
	commandData // DATA, or the mail itself
)

// fault is who has to mend what a relay refuses.
type fault int

const (
	faultMail   fault = iota // the mailbox that the mail goes to, or what is in the mail: nothing on the box mends it
	faultSender              // the box may not send as that address
	faultBox                 // the box's sign-in or network address, or a limit that it has reached
)

// The last two numbers of enhanced status codes; the class only says for how long.
// RFC 3463, RFC 7372 3, and what Exchange Online and Gmail add to them.
func faultByStatus(status string) (fault, bool) {
	switch status {
	case "1.7", "1.8", // bad sender's mailbox, system
		"2.252",                                        // SendAsDenied
		"7.20", "7.21", "7.22", "7.23", "7.24", "7.26", // DKIM, SPF and DMARC do not pass for the sender
		"7.27",          // the sender's domain takes no mail
		"7.60", "7.509": // no permission to send as this sender, DMARC
		return faultSender, true
	case "3.4", // the message is larger than this relay takes
		"4.5", "1.90", "7.232", "7.233", "7.236", // a sending limit
		"7.8", "7.9", "7.11", "7.14", "7.57", "7.139", // signing in
		"7.25", "7.64", "7.501", "7.502", "7.503", "7.511", "7.606", "7.708", "7.750": // the network address, the account
		return faultBox, true
	case "1.1", "1.2", "1.3", "1.4", "1.6", "1.10", "2.1", "2.2", "2.3", "7.124", "7.133", "7.134":
		return faultMail, true
	}
	return 0, false
}

// senderWords and boxWords stand in the answers of relays that give no status, or 5.7.1 for everything.
func senderWords() []string {
	return []string{
		"sender address rejected", "sender rejected", "sender verify", "sender verification", "sender address is not allowed",
		"sender address not allowed", "sender is not allowed", "sender not allowed to", "as this sender", "sendasdenied", "to send as",
		"not owned", "bad outbound sender", "envelope sender", "envelope from", "from address", "from header", "header from", "from: address",
		"return-path", "return path", "verified sender", "sender identity", "email address is not verified", "relaying disallowed as",
		"to send from", "sender domain", "domain of sender", "sender address has", "sender address must", "sender address does not",
	}
}

func boxWords() []string {
	return []string{
		"relay access denied", "relaying denied", "relaying not allowed", "relay not permitted", "not permitted to relay", "unable to relay", "cannot relay",
		"authentication required", "not authenticated", "client host", "blocked using", "blacklist", "blocklist", "block list", "spamhaus", "dnsbl",
		"reverse dns", "ptr record", "reputation", "ip address", "from this ip", "your ip", "rate limit", "sending limit", "sending quota",
		"sending rate", "too many messages", "message size", "message too large", "message too big", "too much mail",
	}
}

// plainFault reads whose fault a refusal is, where the answer says so.
func plainFault(e *smtp.SMTPError) (f fault, known bool) {
	words := strings.ToLower(e.Message)
	says := func(all []string) bool {
		return slices.ContainsFunc(all, func(s string) bool { return strings.Contains(words, s) })
	}
	byStatus, known := faultByStatus(fmt.Sprintf("%d.%d", e.EnhancedCode[1], e.EnhancedCode[2]))
	switch {
	case known && byStatus != faultMail:
		return byStatus, true
	case says(senderWords()):
		return faultSender, true
	case known:
		return faultMail, true
	case says(boxWords()), e.Code == 530, e.Code == 535:
		return faultBox, true
	}
	return 0, false
}

// faultOf reads who has to mend the refusal of a letter. What is the box's own fault must cost no mail: the
// mail is held until the fault is mended. Where the answer leaves a doubt, a refusal of MAIL is about the
// sender, and a later one about the mail.
func faultOf(at command, l letter, err error) fault {
	e, ok := errors.AsType[*smtp.SMTPError](err)
	if !ok {
		return faultMail
	}
	f, known := plainFault(e)
	words := strings.ToLower(e.Message)
	names := func(address string) bool { return address != "" && strings.Contains(words, strings.ToLower(address)) }
	switch {
	case known && f != faultMail:
		return f
	case at == commandMail && e.Code == 552: // no room for the size
		return faultBox
	case at == commandMail:
		return faultSender
	case known:
		return faultMail
	case names(l.from) && !names(l.to):
		return faultSender
	case at == commandRcpt && e.EnhancedCode[1] == 7 && !names(l.to) && !strings.Contains(words, "recipient"):
		return faultBox // a rule of the relay that is not about the recipient. RFC 3463 3.8
	}
	return faultMail
}

// judge reads what is to be done about a refusal in the middle of a mail. RFC 5321 4.2.1
func judge(at command, l letter, err error) outcome {
	e, ok := errors.AsType[*smtp.SMTPError](err)
	if !ok {
		return later
	}
	if e.Code < 500 {
		// Postfix answers 450 for a sender whose domain does not exist, for as long as the domain does not.
		if f, known := plainFault(e); known && f == faultSender {
			return wrongSender
		}
		return later
	}
	switch faultOf(at, l, err) {
	case faultSender:
		return wrongSender
	case faultBox:
		return wrongBox
	}
	return refused
}
