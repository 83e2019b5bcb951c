package web_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"omsbox/modem/sms"
	"omsbox/store"
	"omsbox/web"
)

const eve = "+447911123456"

// comes has a phone text the box, and gives the text to users; owner has it where it can be mailed to nobody.
func comes(t testing.TB, s *store.Store, text string, owner int64, users ...int64) int64 {
	t.Helper()
	tpdus, err := sms.Deliver{From: eve, Text: text, SCTS: s.Now().Truncate(time.Second)}.TPDUs(7)
	check(t, err)
	for _, tpdu := range tpdus {
		check(t, s.Receive(t.Context(), "imsi", tpdu))
	}
	in, err := s.Unrouted(t.Context())
	check(t, err)
	if len(users) > 0 {
		check(t, s.Mailed(t.Context(), in[0].ID, users...))
	} else {
		check(t, s.Unmailable(t.Context(), in[0].ID, owner, "no mailbox"))
	}
	return in[0].ID
}

// The words of a text outlive whatever becomes of the mail that carries them.
func TestOwnTextsAreShownWithTheirWords(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	ann := addUser(t, s.store, "ann")
	write(t, s.store, store.Message{User: ann.ID, Source: store.SourceOMS, Parts: []string{"<i>Are you</i>\nthere?", "the second part"}}, "Eve", "Zoe")
	a := claim(t, s.store)
	check(t, s.store.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: store.Refused, Reason: "the number does not exist"}))
	long := strings.Repeat("Yes, I am. ", 300)
	comes(t, s.store, long+"Come over!", 0, ann.ID)
	m, err := s.store.ClaimMail(t.Context())
	for err == nil && m.Kind != store.Reply { // on a busy machine the notice of the failure is due by now
		m, err = s.store.ClaimMail(t.Context())
	}
	check(t, err)
	check(t, s.store.MailFail(t.Context(), m.ID, "SMTP error 550: no such mailbox"))
	comes(t, s.store, "and bring bread", ann.ID)
	b := s.browser(t)
	b.enter(t, "ann")
	got := b.get(t, "/texts")
	says(t, got, 200, "<title>Your texts", "From <bdi>"+eve+"</bdi>", "To <bdi>Eve</bdi>, <bdi>Zoe</bdi>", "Come over!", "there?\n\nthe second part",
		"Written in Outlook", "<bdi>Eve</bdi>: could not be sent: the number does not exist", "<bdi>Zoe</bdi>: waits",
		"It could not be mailed to you: SMTP error 550: no such mailbox", "and bring bread",
		"no mailbox of yours is known here", `<a href="/texts" aria-current="page">`)
	if !strings.Contains(got.body, "&lt;i&gt;Are you&lt;/i&gt;\nthere?") || strings.Contains(got.body, "<i>") {
		t.Error("a text stands unescaped")
	}
	if strings.Index(got.body, "bring bread") > strings.Index(got.body, "Come over!") || strings.Index(got.body,
		"Come over!") > strings.Index(got.body, "the second part") {
		t.Error("the newest does not come first")
	}
	if strings.Contains(s.log.String(), "bread") || strings.Contains(s.log.String(), "Come over") {
		t.Error("the log has a text")
	}
}

func TestNobodySeesTheTextsOfAnother(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	ann, bob := addUser(t, s.store, "ann"), addUser(t, s.store, "bob")
	for n := range 30 {
		write(t, s.store, store.Message{User: ann.ID, Source: store.SourceOMS, Parts: []string{fmt.Sprint("secret out ", n)}}, "Eve")
		comes(t, s.store, fmt.Sprint("secret in ", n), ann.ID)
	}
	comes(t, s.store, "secret of nobody", 0)
	comes(t, s.store, "secret of two", 0, ann.ID, bob.ID)
	write(t, s.store, store.Message{Source: store.SourceCommand, Parts: []string{"secret of the command line"}}, "Eve")
	b, owner, stranger := s.browser(t), s.browser(t), s.browser(t)
	b.enter(t, "bob")
	owner.enter(t, "ann")
	addresses := []string{"/texts", "/texts?after=4102444800000-in-99", "/texts?after=4102444800000-out-1",
		"/texts?user=1", fmt.Sprintf("/texts?user=%d&id=%d", ann.ID, ann.ID), "/messages"}
	page := owner.get(t, "/texts")
	for older := olderPage(page.body); older != ""; older = olderPage(owner.get(t, older).body) {
		addresses = append(addresses, older) // those of ann's own list
	}
	if len(addresses) < 8 {
		t.Fatalf("ann's list has too few pages: %q", addresses)
	}
	for _, address := range addresses {
		if got := b.get(t, address); got.status != 200 || strings.Contains(got.body, "secret") {
			t.Errorf("%s tells bob: %d %s", address, got.status, got.body)
		}
		if got := stranger.get(t, address); strings.Contains(got.body, "secret") {
			t.Errorf("%s tells one who has not signed in: %s", address, got.body)
		}
	}
	for _, bad := range []string{"x", "1-in", "1-up-1", "-1-in-1", "0-in-1", "99999999999999999999-in-1", "1-in-0", "1-in-1-1"} {
		if got := b.get(t, "/texts?after="+bad); got.status != 404 {
			t.Errorf("after=%s: %d", bad, got.status)
		}
	}
}

// olderPage is the address of the page with older texts.
func olderPage(body string) string {
	if m := regexp.MustCompile(`href="(/texts\?after=[^"]+)"`).FindStringSubmatch(body); m != nil {
		return m[1]
	}
	return ""
}

func TestTextsArePaged(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	ann := addUser(t, s.store, "ann")
	var want []string
	for n := range 60 {
		text := fmt.Sprintf("number %d.", n)
		if n%2 == 0 {
			write(t, s.store, store.Message{User: ann.ID, Source: store.SourceOMS, Parts: []string{text}}, "Eve")
		} else {
			comes(t, s.store, text, ann.ID)
		}
		want = append(want, text)
	}
	b := s.browser(t)
	b.enter(t, "ann")
	seen := map[string]int{}
	pages := 0
	for address := "/texts"; address != "" && pages < 10; pages++ {
		got := b.get(t, address)
		found := regexp.MustCompile(`number \d+\.`).FindAllString(got.body, -1)
		if len(found) > 25 {
			t.Errorf("%s shows %d", address, len(found))
		}
		for _, text := range found {
			seen[text]++
		}
		address = olderPage(got.body)
	}
	for _, text := range want {
		if seen[text] != 1 {
			t.Errorf("%s is shown %d times", text, seen[text])
		}
	}
	if pages != 3 {
		t.Errorf("there are %d pages", pages)
	}
}

func TestAnAlarmAboutUnreadTextsEndsWithAReader(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	ann := addUser(t, s.store, "ann")
	addUser(t, s.store, "bob")
	comes(t, s.store, "read me", ann.ID)
	open := func() int {
		t.Helper()
		all, err := s.store.Alarms(t.Context())
		check(t, err)
		for _, a := range all {
			if strings.Contains(a.Text, "read me") || !strings.Contains(a.Text, eve) {
				t.Errorf("the alarm says %q", a.Text)
			}
		}
		return len(all)
	}
	b, other := s.browser(t), s.browser(t)
	other.enter(t, "bob")
	other.get(t, "/texts")
	if open() != 1 {
		t.Errorf("%d alarms are open before ann looks", open())
	}
	b.enter(t, "ann")
	says(t, b.get(t, "/texts"), 200, "read me")
	if open() != 0 {
		t.Errorf("%d alarms are open after ann looked", open())
	}
}
