package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode"

	"omsbox/modem/simulator"
	"omsbox/store"
)

// unclean is what a terminal, a mail or a page must never get from outside: it clears a screen, rings a bell,
// and turns the direction of writing.
const unclean = "\x1b[2J\x07\u202e"

// clean looks that nothing of that is in a text that people are shown.
func clean(t *testing.T, what, text string) {
	t.Helper()
	for _, r := range text {
		if !unicode.IsPrint(r) && !strings.ContainsRune("\r\n\t", r) {
			t.Fatalf("%s holds %U: %q", what, r, text)
		}
	}
}

// What a modem, a network and a setting say is one line of plain text wherever people see it: on the terminal,
// on a page, and in a mail.
func TestWhatComesFromOutsideIsClean(t *testing.T) {
	t.Parallel()
	w := begin(t, simulator.Options{Operator: "Net" + unclean + "work"})
	status := func(word string) (text string) {
		soon(t, word, func() bool {
			var err error
			text, err = w.store.Status(t.Context())
			check(t, err)
			return strings.Contains(text, word)
		})
		return text
	}
	text := status("ready")
	if !strings.Contains(text, "Net") || !strings.Contains(text, "work") {
		t.Errorf("the operator is not in %q", text)
	}
	clean(t, "the status", text)

	w.sim.SetUSSD(func(string) simulator.USSD { return simulator.USSD{Text: "Balance: 1.50 EUR" + unclean + " Goodbye"} })
	check(t, w.store.Set(t.Context(), "mail.catch-all", "anna"))
	check(t, w.store.Set(t.Context(), "sim.least", "5"))
	check(t, w.store.Set(t.Context(), "service.name", "Texts"+unclean))
	check(t, w.store.Set(t.Context(), "sim.balance", "*100#"))
	soon(t, "the mail about the balance", func() bool { return len(w.mailbox.Mails()) > 0 })
	mail := string(w.mailbox.Mails()[0].Source)
	if !strings.Contains(mail, "1.50 EUR") {
		t.Errorf("the mail reads %q", mail)
	}
	for _, coded := range []string{"=1B", "=07", "=E2=80=AE"} {
		if strings.Contains(mail, coded) {
			t.Errorf("%s is in the mail", coded)
		}
	}
	clean(t, "the mail", mail)
	sims, err := w.store.SIMs(t.Context())
	check(t, err)
	clean(t, "the balance", sims[0].Balance)
	clean(t, "the status with an alarm", status("alarm"))
	var settings strings.Builder
	check(t, w.store.ShowSettings(&settings, ""))
	clean(t, "the settings", settings.String())

	w.sim.Misbehave(func(m simulator.Moment) simulator.Fault {
		if m.Point == simulator.AtCommand && m.Line == "AT+CPIN?" {
			return simulator.Fault{Answer: "+CPIN: SECRET" + unclean + "\r\n\r\nOK"}
		}
		return simulator.Fault{}
	})
	w.sim.Reset()
	clean(t, "the status of a barred SIM", status("SECRET"))
	answer, err := http.Get(strings.TrimSuffix(w.url, "/oms/service.asmx"))
	check(t, err)
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	check(t, err)
	if !strings.Contains(string(page), "SECRET") {
		t.Errorf("the page reads %s", page)
	}
	clean(t, "the page", string(page))
	var log strings.Builder
	check(t, w.store.ShowLog(t.Context(), &log, 100))
	clean(t, "the log", log.String())
	lines, err := w.store.Lines(t.Context(), 100)
	check(t, err)
	for _, l := range lines {
		clean(t, "a line of the log", l.Detail)
	}
}

// The reason of a text in doubt is in the log and in the mail that tells of it.
func TestTheReasonOfADoubtIsTold(t *testing.T) {
	t.Parallel()
	w := begin(t, simulator.Options{})
	w.sim.Misbehave(simulator.Once(simulator.AtPDU, simulator.Fault{Answer: "+CMS ERROR: 500"}))
	_, _, err := w.store.Enqueue(t.Context(), store.Message{User: w.user.ID, Source: store.SourceMail, Parts: []string{"hello"},
		To: []store.Recipient{{Number: "+447911000001", Typed: "+447911000001"}}})
	check(t, err)
	soon(t, "the notice", func() bool { return len(w.mailbox.Mails()) > 0 })
	const reason = "unknown error (CMS 500)"
	if mail := string(w.mailbox.Mails()[0].Source); !strings.Contains(strings.ReplaceAll(mail, "=\r\n", ""), reason) {
		t.Errorf("the mail does not say why: %s", mail)
	}
	var log strings.Builder
	check(t, w.store.ShowLog(t.Context(), &log, 100))
	told := false
	for line := range strings.SplitSeq(log.String(), "\n") {
		told = told || strings.Contains(line, "unconfirmed") && strings.Contains(line, reason)
	}
	if !told {
		t.Errorf("the log does not say why:\n%s", log.String())
	}
}
