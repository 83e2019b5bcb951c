package mailer

import (
	"bytes"
	"flag"
	"io"
	"mime"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-message"

	"omsbox/store"
)

var update = flag.Bool("update", false, "write the mails in testdata anew")

var (
	noon = time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)
	ann  = addressee{own: "ann@box.example.org", path: "ann@example.org", domain: "box.example.org"}
	row  = store.Mail{ID: 7, Kind: store.Reply, User: 1, Incoming: 3, Token: "K3YS5TAB1E", Attempts: 1, Created: noon}
)

// from is a text as it comes from a phone.
func from(sender, text string) store.Incoming {
	return store.Incoming{ID: 3, Sender: sender, Kind: "SMS", Class: -1, Text: text, Sent: noon.Add(-time.Minute), State: "mailed", User: 1, Received: noon}
}

// golden compares a letter with the one in testdata.
func golden(t *testing.T, name string, got letter) {
	t.Helper()
	path := filepath.Join("testdata", name+".eml")
	if *update {
		if err := os.WriteFile(path, got.data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.data, want) {
		t.Errorf("got\n%s\nwant\n%s", got.data, want)
	}
}

// parsed reads a letter with both mail parsers and sees that it is as the standards want it.
func parsed(t *testing.T, l letter) (h mail.Header, body string) {
	t.Helper()
	head, _, ok := bytes.Cut(l.data, []byte("\r\n\r\n"))
	if !ok || !bytes.HasSuffix(l.data, []byte("\r\n")) {
		t.Fatalf("header and body do not end as they must:\n%q", l.data)
	}
	if bare := bytes.ReplaceAll(l.data, []byte("\r\n"), nil); bytes.ContainsAny(bare, "\r\n") {
		t.Errorf("a bare CR or LF in\n%q", l.data)
	}
	seen := map[string]bool{}
	for line := range strings.SplitSeq(string(head), "\r\n") {
		if len(line) > 998 || strings.Contains(line, "=?utf-8?") && len(line) > 76 {
			t.Errorf("a line of %d octets in the header: %q", len(line), line)
		}
		if strings.HasPrefix(line, " ") {
			continue
		}
		name, _, _ := strings.Cut(line, ":")
		if seen[name] {
			t.Errorf("%s stands twice in\n%s", name, head)
		}
		seen[name] = true
	}
	for line := range strings.SplitSeq(string(l.data[len(head):]), "\r\n") {
		if len(line) > 76 {
			t.Errorf("a line of %d octets in the body: %q", len(line), line) // RFC 2045 6.7 (5)
		}
	}
	m, err := mail.ReadMessage(bytes.NewReader(l.data))
	if err != nil {
		t.Fatalf("net/mail: %v in\n%q", err, l.data)
	}
	for _, name := range []string{"From", "To", "Subject", "Date", "Message-Id", "Mime-Version", "Content-Type", "Content-Transfer-Encoding"} {
		if len(m.Header[name]) != 1 {
			t.Errorf("%d %s fields in\n%s", len(m.Header[name]), name, head)
		}
	}
	for name := range m.Header {
		switch name {
		case "From", "To", "Subject", "Date", "Message-Id", "Mime-Version", "Content-Type", "Content-Transfer-Encoding",
			"Content-Class", "X-Ms-Reply-To-Mobile", "Auto-Submitted", "In-Reply-To", "References", "Reply-To":
		default:
			t.Errorf("a field %s that nobody wrote in\n%s", name, head)
		}
	}
	if _, err := m.Header.Date(); err != nil {
		t.Errorf("Date: %v", err)
	}
	for _, name := range []string{"From", "To"} {
		if list, err := m.Header.AddressList(name); err != nil || len(list) != 1 {
			t.Errorf("%s: %v, %v in\n%s", name, list, err, head)
		}
	}
	e, err := message.Read(bytes.NewReader(l.data))
	if err != nil {
		t.Fatalf("go-message: %v in\n%q", err, l.data)
	}
	content, err := io.ReadAll(e.Body)
	if err != nil {
		t.Fatalf("go-message: %v in\n%q", err, l.data)
	}
	return m.Header, string(content)
}

// decoded returns a field with its encoded-words decoded.
func decoded(t *testing.T, h mail.Header, name string) string {
	t.Helper()
	text, err := new(mime.WordDecoder).DecodeHeader(h.Get(name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestReplyMails(t *testing.T) {
	t.Parallel()
	data := from("+447911123456", strings.Repeat("00ff10", 40))
	data.Kind = "data"
	undecodable := from("", "0791447758100650")
	undecodable.Kind = "undecodable"
	undecodable.Flaw = "SMS-DELIVER: octet 3: ends too early"
	push := from("2255", "0306246170706c69636174696f6e")
	push.Kind, push.Port = "data", 2948
	tracker := from("+447911123456", "4c61742035312e3520e282ac")
	tracker.Kind, tracker.Port, tracker.Missing = "data", 16000, "2 of 2"
	voice := from("+447953222222", "")
	voice.Kind, voice.Waiting = "voicemail", "2 voice messages are waiting"
	told := voice
	told.Text = "You have new voice mail.\nDial 121."
	flash := from("+447911123456", "Boil your drinking water.")
	flash.Class = 0
	part := from("+447911123456", "One potato, two potato,[…]five potato, six potato")
	part.Missing = "2 of 3"
	more := from("+447911123456", "One potato,[…]four, five[…]")
	more.Missing, more.Completes = "2-4, 6 of 6", 2
	whole := from("+447911123456", "One potato, two potato, three potato, four, five potato, six potato")
	whole.Completes = 2
	second := from("+447911123456", "Your parcel comes at six.")
	second.Replaces = 2
	headless := undecodable
	headless.Sender = "+447911123456"
	short := from("+447911123456", "Dear Ann, the tr[…]")
	short.Cut = true
	other := from("+447911123456", "Call me back.")
	other.ReplyTo, other.Objects = "+447911000111", true
	gateway := from("bob@example.net", "Hi\nsee you at six")
	card := from("+447911123456", "4e3a4d[…]fc6c6c65720d0a")
	card.Kind, card.Port, card.Cut = "data", 9204, true
	before := earlier{Incoming: part, token: "E4RL1ER"}
	for _, c := range []struct {
		name string
		in   store.Incoming
		e    earlier
	}{
		{"reply", from("+447911123456", "See you at eight, bring the keys."), earlier{}},
		{"reply-in-german", from("+4915112345678", "Grüße aus Köln!\nDer Zug hat 20 Minuten Verspätung = ich komme später."), earlier{}},
		{"reply-in-emoji", from("+447911123456", strings.Repeat("👨‍👩‍👧‍👦", 10)), earlier{}},
		{"reply-from-a-name", from("Café \"Ö\"", "Your table is booked"), earlier{}},
		{"reply-from-a-short-code", from("62555", "Your code is 123456"), earlier{}},
		{"reply-that-flashes", flash, earlier{}},
		{"reply-with-a-gap", part, earlier{}},
		{"reply-with-more", more, before},
		{"reply-at-last-whole", whole, before},
		{"reply-at-last-whole-to-another", whole, earlier{Incoming: part}},
		{"reply-that-replaces", second, before},
		{"data-message", data, earlier{}},
		{"data-message-for-wap", push, earlier{}},
		{"data-message-of-text", tracker, earlier{}},
		{"voicemail", voice, earlier{}},
		{"voicemail-with-text", told, earlier{}},
		{"undecodable-message", undecodable, earlier{}},
		{"undecodable-messages", headless, earlier{alike: 3}},
		{"reply-cut-short", short, earlier{}},
		{"reply-to-another-number", other, earlier{}},
		{"reply-from-a-mail", gateway, earlier{}},
		{"reply-from-a-service", from("*#123", "Your balance is low"), earlier{}},
		{"data-message-of-latin-1", card, earlier{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := reply(row, c.in, c.e, ann)
			parsed(t, l)
			golden(t, c.name, l)
			if again := reply(row, c.in, c.e, ann); !bytes.Equal(again.data, l.data) {
				t.Error("another try would send other bytes")
			}
		})
	}
}

func TestAReplyMailIsAnsweredToThePhoneWhereThatBecomesAText(t *testing.T) {
	t.Parallel()
	to := ann
	to.answers = true
	l := reply(row, from("+447911123456", "See you at eight, bring the keys."), earlier{}, to)
	h, _ := parsed(t, l)
	if list, err := h.AddressList("Reply-To"); err != nil || len(list) != 1 || list[0].Address != "+447911123456@box.example.org" {
		t.Errorf("Reply-To: %v, %v", list, err)
	}
	golden(t, "reply-that-mail-answers", l)
}

func TestNoticeMails(t *testing.T) {
	t.Parallel()
	of := func(state store.State, number, typed, reason string) store.Delivery {
		return store.Delivery{Message: 5, Recipient: number, Typed: typed, State: state, Reason: reason}
	}
	for _, c := range []struct {
		name string
		f    failure
	}{
		{"notice", failure{service: "Text messages", parts: []string{"The meeting is moved to three o'clock, in the small room"}, told: []store.Delivery{
			of(store.Failed, "+447911123456", "Bob\r\nBcc: x <07911 123456>", "the network does not know the number (CMS 1)."),
			of(store.Expired, "+447911654321", "+447911654321", ""),
			of(store.Unconfirmed, "+447911000111", "07911 000111", "the modem did not answer"),
			of(store.Delivered, "+447911000112", "+447911000112", ""),
		}}},
		{"notice-of-doubt", failure{service: "Büro\r\nX-Evil: 1", parts: []string{"(1/2) größer", "(2/2) und weiter"},
			told: []store.Delivery{of(store.Unconfirmed, "62555", "62555", "omsbox stopped while it was being sent")}}},
		{"notice-of-a-dropped-text", failure{service: "Text messages", parts: []string{"The meeting is moved"}, told: []store.Delivery{
			of(store.Cancelled, "+447911123456", "07911 123456", "it was held after a restore, and a person did not want it sent")}}},
		{"notice-to-another", failure{service: "Text messages", instead: &writer{login: "nix"}, written: noon.Add(-time.Minute), told: []store.Delivery{
			of(store.Failed, "+447911123456", "07911 123456", "the network does not know the number")}}},
		{"notice-of-a-command", failure{service: "Text messages", instead: &writer{}, written: noon.Add(-time.Minute), told: []store.Delivery{
			of(store.Failed, "+447911123456", "07911 123456", "the network does not know the number")}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := notice(row, c.f, ann)
			if l.from != "" {
				t.Errorf("got the reverse-path <%s>, want <>", l.from)
			}
			h, _ := parsed(t, l)
			if got := h.Get("Auto-Submitted"); got != "auto-generated" {
				t.Errorf("got Auto-Submitted: %s", got)
			}
			golden(t, c.name, l)
		})
	}
}

func TestAlarmMails(t *testing.T) {
	t.Parallel()
	a := store.Alarm{Kind: "modem", About: "/dev/serial/by-id/usb-HUAWEI", Raised: noon,
		Text: "the modem does not answer: it was reset, opened anew and reset again; unplug it and plug it in again"}
	over := a
	over.Cleared = noon.Add(90 * time.Minute)
	for name, a := range map[string]store.Alarm{"alarm": a, "alarm-over": over} {
		m := row
		m.Kind, m.Over = store.AlarmMail, !a.Cleared.IsZero()
		l := alarm(m, a, nil, "Text messages", "/var/lib/omsbox", ann)
		parsed(t, l)
		golden(t, name, l)
	}
}

func TestWhatAnAlarmIsInBrief(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"the modem is gone":                         "the modem is gone",
		"the SIM is full: delete something. Or not": "the SIM is full",
		"the SIM wants a PIN; omsbox set sim.pin":   "the SIM wants a PIN",
		"no network.":                               "no network",
		"line one\r\nBcc: x@y":                      "line one Bcc",
		"":                                          "",
		strings.Repeat("x", 80):                     strings.Repeat("x", 70) + "…",
	} {
		if got := brief(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestSubjectIsTheFirstLineOrItsBeginning(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"short", "Hello", "Hello"},
		{"forty characters", strings.Repeat("x", 40), strings.Repeat("x", 40)},
		{"forty-one", strings.Repeat("x", 41), strings.Repeat("x", 40) + "…"},
		{"no space before the dots", strings.Repeat("x", 39) + " yes", strings.Repeat("x", 39) + "…"},
		{"first of the lines", "One\r\nTwo", "One"},
		{"lines of old Macintoshes", "One\rTwo", "One"},
		{"first line that shows", "\n \r\n\t\nOne\nTwo", "One"},
		{"tabs and runs of blanks", "a\t\tb   c", "a b c"},
		{"nothing", "", "Text message from +447911123456"},
		{"blanks only", " \n\u00a0\n", "Text message from +447911123456"},
		{"zero-width only", "\u200b\u200d\ufeff", "Text message from +447911123456"},
		{"control characters", "a\x00b\x1bc\x7fd", "a b c d"},
		{"right to left", "שלום עולם", "שלום עולם"},
		{"an override of the direction", "abc \u202etxt.exe\u2066", "abc txt.exe"},
		{"broken UTF-8", "a\xff\xfeb", "a\uFFFDb"},
		{"an accent at the cut", strings.Repeat("x", 39) + "e\u0301\u0327z", strings.Repeat("x", 39) + "…"},
		{"a family at the cut", strings.Repeat("x", 37) + "👨‍👩‍👧", strings.Repeat("x", 37) + "…"},
		{"a skin tone at the cut", strings.Repeat("x", 39) + "👍🏽", strings.Repeat("x", 39) + "…"},
		{"a flag at the cut", strings.Repeat("x", 39) + "🇩🇪", strings.Repeat("x", 39) + "…"},
		{"flags", strings.Repeat("🇩🇪", 21), strings.Repeat("🇩🇪", 20) + "…"},
		{"one character of many accents", "e" + strings.Repeat("\u0301", 80), "e" + strings.Repeat("\u0301", 39) + "…"},
		{"what looks encoded", "=?utf-8?q?=41?=", "=?utf-8?q?=41?="},
		{"injection", "Hi\r\nBcc: all@example.org\r\n\r\nbody", "Hi"},
		{"injection in one line", "Hi\u0085Bcc: all@example.org", "Hi"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, _ := parsed(t, reply(row, from("+447911123456", c.text), earlier{}, ann))
			if got := decoded(t, h, "Subject"); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestBodyIsTheTextAsItCame(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want, charset string }{
		{"plain", "Hello", "Hello\r\n", "us-ascii"},
		{"line ends of every kind", "a\nb\rc\r\nd\n\re", "a\r\nb\r\nc\r\nd\r\n\r\ne\r\n", "us-ascii"},
		{"ends with one", "a\n", "a\r\n", "us-ascii"},
		{"blanks at a line's end", "a \t\nb ", "a \t\r\nb \r\n", "us-ascii"},
		{"dots alone", ".\n..\n.", ".\r\n..\r\n.\r\n", "us-ascii"},
		{"looks encoded", "=41 =\nFrom me", "=41 =\r\nFrom me\r\n", "us-ascii"},
		{"one long line", strings.Repeat("wort ", 300), strings.Repeat("wort ", 300) + "\r\n", "us-ascii"},
		{"a long line of emoji", strings.Repeat("😀", 300), strings.Repeat("😀", 300) + "\r\n", "utf-8"},
		{"zero-width and right to left", "a\u200b\u202eb שלום", "a\u200b\u202eb שלום\r\n", "utf-8"},
		{"the euro", "5 €", "5 €\r\n", "utf-8"},
		{"nothing", "", "\r\n", "us-ascii"},
		{"NUL", "a\x00b", "a\x00b\r\n", "us-ascii"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, body := parsed(t, reply(row, from("+447911123456", c.text), earlier{}, ann))
			if body != c.want {
				t.Errorf("got %q, want %q", body, c.want)
			}
			if got := h.Get("Content-Type"); got != "text/plain; charset="+c.charset {
				t.Errorf("got Content-Type: %s, want %s", got, c.charset)
			}
		})
	}
}

func TestOnlyWhatCanBeAnsweredIsAReplyToMobile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, sender, mobile, display string }{
		{"a number", "+447911123456", "+447911123456", "+447911123456"},
		{"a short code", "62555", "62555", "62555"},
		{"a name", "AMAZON", "", "AMAZON"},
		{"a name with digits", "Bank24", "", "Bank24"},
		{"nobody", "", "", "unknown sender"},
		{"a name that shows nothing", "\u200b \n", "", "unknown sender"},
		{"quotes", `"a\b" <x@y>`, "", `"a\b" <x@y>`},
		{"a name that breaks lines", "A\r\nBcc: b@c", "", "A Bcc: b@c"},
		{"a number that breaks lines", "+447911\r\n123456", "", "+447911 123456"},
		{"digits of another script", "+٤٤٧٩١١", "", "+٤٤٧٩١١"},
		{"what looks encoded", "=?utf-8?q?=41?=", "", "=?utf-8?q?=41?="},
		{"a long name", strings.Repeat("Ö", 41), "", strings.Repeat("Ö", 40) + "…"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, _ := parsed(t, reply(row, from(c.sender, "Hi"), earlier{}, ann))
			if got := h.Get("X-MS-Reply-To-Mobile"); got != c.mobile {
				t.Errorf("X-MS-Reply-To-Mobile: got %q, want %q", got, c.mobile)
			}
			a, err := h.AddressList("From")
			if err != nil || a[0].Name != c.display || a[0].Address != "ann@box.example.org" {
				t.Errorf("From: got %v (%v), want %q", a, err, c.display)
			}
			if got := h.Get("Content-Class"); got != "MS-OMS-SMS" {
				t.Errorf("got Content-class: %s", got)
			}
			if h.Get("Auto-Submitted") != "" {
				t.Error("a person's text is said to be automatic")
			}
		})
	}
}

func TestDateIsTheSMSCsUnlessThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		sent time.Time
		want time.Time
	}{
		{"a minute ago", noon.Add(-time.Minute), noon.Add(-time.Minute)},
		{"kept for a week", noon.Add(-7 * 24 * time.Hour), noon.Add(-7 * 24 * time.Hour)},
		{"in another zone", noon.Add(11 * time.Hour), noon.Add(11 * time.Hour)},
		{"next year", noon.AddDate(1, 0, 0), noon},
		{"never", time.Time{}, noon},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := from("+447911123456", "Hi")
			in.Sent = c.sent
			h, _ := parsed(t, reply(row, in, earlier{}, ann))
			if got, err := h.Date(); err != nil || !got.Equal(c.want) {
				t.Errorf("got %v (%v), want %v", got, err, c.want)
			}
		})
	}
}

func TestMailboxesThatMailCanGoTo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ address, path string }{
		{"ann@example.org", "ann@example.org"},
		{`"a.b."@example.org`, `"a.b."@example.org`},
		{"änn@exämple.org", "änn@exämple.org"},
		{"ann", ""},
		{"ann@example.org\r\nRCPT TO:<x@y>", ""},
		{strings.Repeat("a", 250) + "@example.org", ""},
	} {
		path, why := mailbox(c.address)
		if path != c.path || (path == "") == (why == "") {
			t.Errorf("%q: got %q (%s), want %q", c.address, path, why, c.path)
		}
	}
}

func TestDataThatCanBeRead(t *testing.T) {
	t.Parallel()
	for octets, want := range map[string]string{
		"6869": "hi", "[…]6869": "[…]hi", "6869[…]": "hi[…]", "68[…]69": "h[…]i", "c3bc": "ü",
		"": "", "[…]": "", "00ff": "", "6869[…]00": "", "x": "", "202020": "",
	} {
		if got, ok := readable(octets); ok != (want != "") || ok && got != want {
			t.Errorf("%s: got %q, %t, want %q", octets, got, ok, want)
		}
	}
}

func FuzzReply(f *testing.F) {
	f.Add("+447911123456", "Hello\nthere", "SMS")
	f.Add("Name\r\nBcc: x@y", "=?utf-8?q?=41?=\r\nX: y\r\n\r\n.", "SMS")
	f.Add("\"\\", strings.Repeat("👨‍👩‍👧‍👦🇩🇪", 20), "SMS")
	f.Add("", "00ff", "data")
	f.Add("\xff", "\xfe\u2028\u200d", "undecodable")
	f.Fuzz(func(t *testing.T, sender, text, kind string) {
		in := from(sender, text)
		in.Kind = kind
		h, body := parsed(t, reply(row, in, earlier{}, ann))
		subject := decoded(t, h, "Subject")
		if utf8.RuneCountInString(subject) > len("Text message from ")+41 || !utf8.ValidString(subject) {
			t.Errorf("Subject: %q", subject)
		}
		if kind != "SMS" {
			return
		}
		if notes := notes(in, earlier{}); len(notes) > 0 {
			text += "\n\n(" + strings.Join(notes, ")\n(") + ")"
		}
		want := strings.ToValidUTF8(text, "\uFFFD")
		want = strings.ReplaceAll(strings.ReplaceAll(want, "\r\n", "\n"), "\r", "\n")
		want = strings.ReplaceAll(strings.TrimSuffix(want, "\n")+"\n", "\n", "\r\n")
		if body != want {
			t.Errorf("got the body %q, want %q", body, want)
		}
	})
}
