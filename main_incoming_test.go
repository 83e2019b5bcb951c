package main

import (
	"io"
	"net/mail"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message"

	"omsbox/modem/simulator"
	"omsbox/store"
)

// What comes in as a PDU in the modem's list reaches the mailbox with its sender, its words and its time.
func TestPDUsBecomeMails(t *testing.T) {
	t.Parallel()
	// Most were got by the SMSC on 30 November 2026 at 20:09:29 UTC.
	begun := time.Now()
	w := begin(t, simulator.Options{}, store.WithClock(func() time.Time {
		return time.Date(2026, 11, 30, 20, 30, 0, 0, time.UTC).Add(time.Since(begun))
	}))
	check(t, w.store.Set(t.Context(), "mail.catch-all", "anna"))
	check(t, w.store.Set(t.Context(), "sms.region", "DE"))
	soon(t, "the modem", func() bool {
		modems, err := w.store.Modems(t.Context())
		check(t, err)
		sims, err := w.store.SIMs(t.Context())
		check(t, err)
		// What lies on a SIM at the first look at it is kept, and mailed to nobody.
		return len(modems) == 1 && modems[0].Up && modems[0].Problem == "" && len(sims) == 1 && sims[0].Swept
	})
	cases, err := os.ReadFile("mailer/testdata/pdus.txt")
	check(t, err)
	seen := 0
	for line := range strings.Lines(string(cases)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		field := strings.Split(strings.TrimSpace(line), " | ")
		name, sender, texts, pdus := field[0], field[1], strings.Split(field[2], " + "), strings.Fields(field[3])
		t.Run(name, func(t *testing.T) {
			for _, pdu := range pdus {
				check(t, w.sim.DeliverPDU(pdu))
			}
			soon(t, "the mails", func() bool { return len(w.mailbox.Mails()) >= seen+len(texts) })
			for _, text := range texts {
				got := w.mailbox.Mails()[seen].Source
				seen++
				isReply(t, string(got), sender, text)
				if name == "zone-negative" && !strings.Contains(string(got), "Date: Mon, 30 Nov 2026 20:09:29 +0000\r\n") {
					t.Errorf("its Date is wrong:\n%s", got)
				}
			}
		})
	}
	soon(t, "the second part of what has a part 0 to wait", func() bool {
		b, err := w.store.Backlog(t.Context())
		check(t, err)
		return b.Incomplete == 1 && b.MailQueued == 0
	})
	if n := len(w.mailbox.Mails()); n != seen {
		t.Errorf("there are %d mails, want %d", n, seen)
	}
}

// isReply sees that a mail carries a text from that sender, and has no field that nobody wrote.
func isReply(t *testing.T, source, sender, text string) {
	t.Helper()
	m, err := message.Read(strings.NewReader(source))
	check(t, err)
	for f := m.Header.Fields(); f.Next(); {
		switch f.Key() {
		case "From", "Reply-To", "To", "Subject", "Date", "Message-Id", "Content-Class", "X-Ms-Reply-To-Mobile", "Auto-Submitted",
			"Mime-Version", "Content-Type", "Content-Transfer-Encoding":
		default:
			t.Errorf("there is a field %s", f.Key())
		}
	}
	from, err := m.Header.Text("From")
	check(t, err)
	address, err := mail.ParseAddress(from)
	check(t, err)
	if sender != "-" && address.Name != sender {
		t.Errorf("it is from %q, want %q", address.Name, sender)
	}
	number := m.Header.Get("X-Ms-Reply-To-Mobile")
	want := ""
	if regexp.MustCompile(`^\+?[0-9]{3,}$`).MatchString(sender) && m.Header.Get("Content-Class") != "" {
		want = sender
	}
	if number != want {
		t.Errorf("it is answered to %q, want %q", number, want)
	}
	content, err := io.ReadAll(m.Body)
	check(t, err)
	body := strings.ReplaceAll(string(content), "\r\n", "\n")
	contains := strings.HasPrefix(text, "~")
	text = strings.ReplaceAll(strings.Trim(text, "~'"), `\n`, "\n")
	words, _, _ := strings.Cut(body, "\n\n(") // notes
	if contains && !strings.Contains(body, text) || !contains && strings.TrimSuffix(words, "\n") != text {
		t.Errorf("it says\n%s\nwant %q", body, text)
	}
	if !contains && m.Header.Get("Content-Class") != "MS-OMS-SMS" {
		t.Error("it is no text")
	}
}
