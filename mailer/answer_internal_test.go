package mailer

import (
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
)

// What relays answer, and who has to mend it. A refusal of the sender or of the box that is taken for one of the
// recipient costs people their texts.
func TestWhoseFaultARefusalIs(t *testing.T) {
	t.Parallel()
	const mail, sender, box, wait = "mail", "sender", "box", "wait"
	for _, c := range []struct {
		at     command
		answer string
		want   string
	}{
		// Exchange Online and Exchange.
		{commandData, "550 5.7.60 SMTP; Client does not have permissions to send as this sender", sender},
		{commandData, "554 5.2.252 SendAsDenied; relay@example.org not allowed to send as ann@box.example.org", sender},
		{commandData, "554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied", sender},
		{commandRcpt, "550 5.7.1 Client does not have permissions to send as this sender", sender},
		{commandMail, "550 5.1.8 Access denied, bad outbound sender", sender},
		{commandData, "550 5.7.509 Access denied, sending domain does not pass DMARC verification", sender},
		{commandRcpt, "550 5.7.64 TenantAttribution; Relay Access Denied", box},
		{commandMail, "530 5.7.57 Client not authenticated to send mail", box},
		{commandRcpt, "550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP", box},
		{commandData, "550 5.7.232 Your message can't be sent because your trial tenant has exceeded its daily limit", box},
		{commandRcpt, "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required", mail},
		{commandRcpt, "550 5.7.124 RESOLVER.RST.SenderNotInAllowedSendersList", mail},
		{commandRcpt, "550 5.4.1 Recipient address rejected: Access denied", mail},
		{commandRcpt, "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", mail},
		// Postfix.
		{commandRcpt, "553 5.7.1 <ann@box.example.org>: Sender address rejected: not owned by user relay", sender},
		{commandRcpt, "550 5.1.0 <ann@box.example.org>: Sender address rejected: User unknown in local recipient table", sender},
		{commandRcpt, "450 4.1.8 <ann@box.example.org>: Sender address rejected: Domain not found", sender},
		{commandMail, "450 4.1.8 <ann@box.example.org>: Sender address rejected: Domain not found", sender},
		{commandRcpt, "554 5.7.1 <ann@example.org>: Relay access denied", box},
		{commandRcpt, "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", box},
		{commandRcpt, "554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: cannot find your reverse hostname", box},
		{commandRcpt, "554 5.7.1 <ann@example.org>: Recipient address rejected: Access denied", mail},
		{commandRcpt, "550 5.1.1 <ann@example.org>: Recipient address rejected: User unknown in virtual mailbox table", mail},
		{commandRcpt, "450 4.2.0 <ann@example.org>: Recipient address rejected: Greylisted", wait},
		{commandMail, "552 5.3.4 Message size exceeds fixed limit", box},
		{commandData, "552 5.3.4 Error: message file too big", box},
		// Exim.
		{commandRcpt, "550-Verification failed for <ann@box.example.org>\n550-No Such User Here\n550 Sender verify failed", sender},
		{commandRcpt, "550 relay not permitted", box},
		{commandRcpt, "550 Unknown user", mail},
		{commandRcpt, "501 <ann@box.example.org>: domain missing or malformed", sender},
		// Gmail and Google Workspace.
		{commandRcpt, "550-5.7.1 Invalid credentials for relay [192.0.2.1]. The IP address you've\n550 5.7.1 registered", box},
		{commandData, "550 5.7.26 This mail has been blocked because the sender is unauthenticated", sender},
		{commandData, "550 5.4.5 Daily user sending limit exceeded", box},
		{commandData, "550 5.7.25 The IP address sending this message does not have a PTR record", box},
		{commandData, "552 5.2.2 The recipient's inbox is out of storage space", mail},
		{commandRcpt, "550 5.2.1 The email account that you tried to reach is disabled", mail},
		{commandRcpt, "553 5.1.2 We weren't able to find the recipient domain", mail},
		{commandData, "552 5.7.0 This message was blocked because its content presents a potential security issue", mail},
		// Others.
		{commandData, "554 Message rejected: Email address is not verified. The following identities failed the check", sender},
		{commandData, "550 The from address does not match a verified Sender Identity", sender},
		{commandData, "550 5.7.0 From address is not one of your addresses", sender},
		{commandRcpt, "553 Relaying disallowed as ann@box.example.org", sender},
		{commandData, "551 5.7.1 Not authorised to send from this header address", sender},
		{commandMail, "550 Requested action not taken: mailbox unavailable", sender},
		{commandMail, "550 5.1.1 unknown", sender},
		{commandMail, "554 5.7.1 your IP is on a blacklist", box},
		{commandRcpt, "550 5.7.1 Access denied", box},
		{commandRcpt, "550 mailbox unavailable", mail},
		{commandData, "554 5.7.1 Spam message rejected", mail},
		{commandData, "554 Transaction failed", mail},
		{commandData, "535 5.7.8 Authentication credentials invalid", box},
		{commandData, "451 4.7.1 Try again later", wait},
		{commandMail, "452 4.3.1 Insufficient system storage", wait},
		{commandRcpt, "421 4.7.0 Too many messages from this IP", wait},
	} {
		l := letter{from: "ann@box.example.org", to: "ann@example.org"}
		got := map[outcome]string{refused: mail, wrongSender: sender, wrongBox: box, later: wait}[judge(c.at, l, answered(t, c.answer))]
		if got != c.want {
			t.Errorf("after command %d %q is taken for one of the %s, want %s", c.at, c.answer, got, c.want)
		}
	}
}

// answered makes an error of an answer as smtp.Client does.
func answered(t *testing.T, answer string) error {
	t.Helper()
	e := &smtp.SMTPError{}
	lines := strings.Split(answer, "\n")
	for i, line := range lines {
		e.Code = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
		line = line[4:]
		var a, b, c int
		if status, words, ok := strings.Cut(line, " "); ok && enhanced(status, &a, &b, &c) {
			e.EnhancedCode, line = smtp.EnhancedCode{a, b, c}, words
		}
		lines[i] = line
	}
	e.Message = strings.Join(lines, "\n")
	return e
}

func enhanced(status string, class, subject, detail *int) bool {
	parts := strings.Split(status, ".")
	if len(parts) != 3 {
		return false
	}
	for i, into := range []*int{class, subject, detail} {
		for _, d := range parts[i] {
			if d < '0' || d > '9' {
				return false
			}
			*into = *into*10 + int(d-'0')
		}
	}
	return true
}

func TestWhatTheRelayQuotesIsNoPersonsWords(t *testing.T) {
	t.Parallel()
	l := letter{text: "Meet me at the old bridge\nand bring the red book, please, as we agreed last week"}
	for _, answer := range []string{
		`SMTP error 554: rejected: "Meet me at the old bridge" looks like spam`,
		"SMTP error 554: Subject: " + cut("and bring the red book, please, as we agreed last week") + " is bad",
		"SMTP error 554: and bring the red book, please, as we agreed last week",
	} {
		if got := l.discreet(answer); strings.Contains(got, "bridge") || strings.Contains(got, "red book") || !strings.Contains(got, "554") {
			t.Errorf("got %q", got)
		}
	}
}
