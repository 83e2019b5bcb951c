package web_test

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"omsbox/store"
	"omsbox/web"
)

// schedule has a user write a text in Outlook that is to leave in a year.
func schedule(t testing.TB, s *store.Store, user int64, text string, to ...string) int64 {
	t.Helper()
	return write(t, s, store.Message{User: user, Source: store.SourceOMS, Parts: []string{text}, Scheduled: s.Now().AddDate(1, 0, 0)}, to...)
}

// write queues a message, each of whose recipients has a number of its own.
func write(t testing.TB, s *store.Store, m store.Message, to ...string) int64 {
	t.Helper()
	for i, typed := range to {
		m.To = append(m.To, store.Recipient{Number: fmt.Sprintf("+4479110000%02d", i), Typed: typed})
	}
	id, _, err := s.Enqueue(t.Context(), m)
	check(t, err)
	return id
}

func cancelPath(message int64) string { return fmt.Sprintf("/messages/%d/cancel", message) }

func aboutPath(message int64) string { return fmt.Sprintf("/messages?about=%d", message) }

// claim takes the next segment, as a modem does.
func claim(t testing.TB, s *store.Store) *store.Attempt {
	t.Helper()
	a, err := s.Claim(t.Context(), "imsi", nil)
	check(t, err)
	return a
}

func TestWhatWaitsIsShownToWhoWroteIt(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	ann, bob := addUser(t, s.store, "ann"), addUser(t, s.store, "bob")
	at := time.Now().AddDate(1, 0, 0).Truncate(time.Second)
	var many []string
	for n := range 50 {
		many = append(many, fmt.Sprintf("Friend %d", n+1))
	}
	later := write(t, s.store, store.Message{User: ann.ID, Source: store.SourceOMS, SourceType: "reminder",
		Parts: []string{"<b>Grüße</b>\n" + strings.Repeat("ö", 200), "the second"}, Scheduled: at}, many...)
	queued := write(t, s.store, store.Message{User: ann.ID, Source: store.SourceMail, Parts: []string{"from a mail"}}, "")
	schedule(t, s.store, bob.ID, "a secret of bob's", "Eve")
	b := s.browser(t)
	b.enter(t, "ann")
	got := b.get(t, "/messages")
	says(t, got, 200, "Scheduled", "Waiting for the modem", at.Local().Format("Mon 2 Jan 2006, 15:04 MST"),
		`<time datetime="`+at.Local().Format(time.RFC3339)+`">`,
		"Friend 1</bdi>, <bdi>Friend 2", "Friend 10</bdi> and 40 more", "A reminder from Outlook", "Written as mail",
		"<bdi>+447911000000</bdi>", "from a mail", strings.Repeat("ö", 87)+"…", "The first of its 2 texts.",
		`action="`+cancelPath(later)+`"`, `action="`+cancelPath(queued)+`"`)
	if !strings.Contains(got.body, "&lt;b&gt;Grüße&lt;/b&gt;") || strings.Contains(got.body, "<b>") {
		t.Error("a text stands unescaped")
	}
	for _, no := range []string{"Friend 11", strings.Repeat("ö", 88), "secret of bob", "Eve", "stopped for now", "of its 1 texts"} {
		if strings.Contains(got.body, no) {
			t.Errorf("the page tells %q", no)
		}
	}
	if strings.Index(got.body, cancelPath(later)) > strings.Index(got.body, cancelPath(queued)) {
		t.Error("what is scheduled does not come first")
	}
	check(t, s.store.Set(t.Context(), "sms.hold", "yes"))
	says(t, b.get(t, "/messages"), 200, "Sending is stopped for now")
	if strings.Contains(s.log.String(), "Grüße") {
		t.Error("the log has a text")
	}
}

func TestAMessageIsTakenBackWithAPress(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	ann := addUser(t, s.store, "ann")
	scheduled := schedule(t, s.store, ann.ID, "hello", "Bob", "Eve")
	queued := write(t, s.store, store.Message{User: ann.ID, Source: store.SourceMail, Parts: []string{"hello"}}, "Zoe")
	b, window := s.browser(t), s.browser(t)
	b.enter(t, "ann")
	window.enter(t, "ann")
	for _, m := range []struct {
		id int64
		to string
	}{{scheduled, "<bdi>Bob</bdi>, <bdi>Eve</bdi>"}, {queued, "<bdi>Zoe</bdi>"}} {
		for _, b := range []*browser{b, b, window} { // pressed twice, and in another window
			leads(t, b.post(t, cancelPath(m.id), nil), aboutPath(m.id))
			says(t, b.get(t, aboutPath(m.id)), 200, "<title>Cancelled", `role="status"`, "The message to "+m.to+" is cancelled. Nothing of it was sent.")
		}
	}
	says(t, b.get(t, "/messages"), 200, "Nothing waits")
	for _, m := range []int64{scheduled, queued} {
		deliveries, err := s.store.Deliveries(t.Context(), m)
		check(t, err)
		for _, d := range deliveries {
			if d.State != store.Cancelled || d.Attempts != 0 {
				t.Errorf("to %s it is %s after %d attempts", d.Typed, d.State, d.Attempts)
			}
		}
	}
	if a := claim(t, s.store); a != nil {
		t.Errorf("still something is sent: %+v", a)
	}
}

func TestWhatHasLeftIsNotTakenBackAndThePageSaysWhy(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	ann := addUser(t, s.store, "ann")
	text := strings.Repeat("x", 2*153)
	message := write(t, s.store, store.Message{User: ann.ID, Source: store.SourceOMS, Parts: []string{text}}, "Bob", "Eve", "Zoe", "Kim")
	settle := func(a *store.Attempt, o store.Outcome) {
		t.Helper()
		check(t, s.store.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: o, Reason: "barred"}))
	}
	settle(claim(t, s.store), store.Refused)  // Bob
	settle(claim(t, s.store), store.Accepted) // Eve, in part
	settle(claim(t, s.store), store.Accepted) // and whole
	b := s.browser(t)
	b.enter(t, "ann")
	says(t, b.get(t, aboutPath(message)), 200, "<title>Messages that wait") // nobody pressed anything
	leaving := claim(t, s.store)                                            // Zoe
	says(t, b.get(t, "/messages"), 200, "(1 of 4 recipients)")
	leads(t, b.post(t, cancelPath(message), nil), aboutPath(message))
	says(t, b.get(t, aboutPath(message)), 200, "<title>Cancelled in part",
		"cancelled for 1 of 4 recipients: <bdi>Kim</bdi>", "<bdi>Bob</bdi>: it could not be sent",
		"<bdi>Eve</bdi>: it has left", "<bdi>Zoe</bdi>: it is being sent at this moment", "Nothing waits")
	settle(leaving, store.Unsent)
	says(t, b.get(t, aboutPath(message)), 200, "<bdi>Zoe</bdi>: it was just being sent, did not leave, and waits "+
		"again: see below", "(1 of 4 recipients)", "The last try did not work: barred")
	settle(claim(t, s.store), store.Accepted)
	says(t, b.get(t, aboutPath(message)), 200, "<bdi>Zoe</bdi>: a part of it has left", "Nothing waits")

	gone := write(t, s.store, store.Message{User: ann.ID, Source: store.SourceOMS, Parts: []string{"hi"}}, "Bob")
	for a := claim(t, s.store); a != nil; a = claim(t, s.store) {
		settle(a, store.Accepted)
	}
	leads(t, b.post(t, cancelPath(gone), nil), aboutPath(gone))
	says(t, b.get(t, aboutPath(gone)), 200, "<title>Too late", "It was too late to cancel the message:", "<bdi>Bob</bdi>: it has left")
}

func TestNobodySeesOrTakesBackAnothersMessage(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	ann := addUser(t, s.store, "ann")
	addUser(t, s.store, "bob")
	ofAnn := schedule(t, s.store, ann.ID, "hello", "Eve")
	nobodys := write(t, s.store, store.Message{Source: store.SourceCommand, Parts: []string{"hello"}}, "Eve")
	b, stranger := s.browser(t), s.browser(t)
	b.enter(t, "bob")
	unknown := b.post(t, cancelPath(99), nil)
	says(t, unknown, 404, "There is no such message")
	for _, path := range []string{cancelPath(ofAnn), cancelPath(nobodys), cancelPath(0), cancelPath(-1),
		"/messages/x/cancel", "/messages/99999999999999999999/cancel"} {
		if got := b.post(t, path, nil); got.body != unknown.body || got.status != unknown.status {
			t.Errorf("%s: got status %d: %s", path, got.status, got.body)
		}
	}
	for _, m := range []int64{ofAnn, nobodys, 99} {
		if got := b.get(t, aboutPath(m)); got.body != b.get(t, "/messages").body {
			t.Errorf("of message %d it tells: %s", m, got.body)
		}
	}
	says(t, stranger.post(t, cancelPath(ofAnn), nil), 403, "You are not signed in any more, so nothing was done.", `<label for="password">`)
	for _, m := range []int64{ofAnn, nobodys} {
		d, err := s.store.Deliveries(t.Context(), m)
		check(t, err)
		if d[0].State == store.Cancelled {
			t.Errorf("message %d was cancelled", m)
		}
	}
}

func TestAHundredMessagesAreShownAtMost(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	ann := addUser(t, s.store, "ann")
	messages := make([]store.Message, 101)
	for i := range messages {
		messages[i] = store.Message{User: ann.ID, Source: store.SourceCommand, Parts: []string{fmt.Sprint("number ", i,
			".")}, To: []store.Recipient{{Number: "+447911000001", Typed: "Bob"}}}
	}
	_, err := s.store.EnqueueAll(t.Context(), messages)
	check(t, err)
	b := s.browser(t)
	b.enter(t, "ann")
	page := b.get(t, "/messages")
	says(t, page, 200, "number 0.", "number 99.", "These are the first 100.")
	if n := len(regexp.MustCompile(`/cancel"`).FindAllString(page.body, -1)); n != 100 || strings.Contains(page.body, "number 100.") {
		t.Errorf("it shows %d", n)
	}
}

func TestWhatIsHeldAfterARestoreIsShown(t *testing.T) {
	t.Parallel()
	old := openStore(t)
	ann := addUser(t, old, "ann")
	_, err := old.AddUser(t.Context(), store.User{Login: "eve", Mail: "eve@example.org", Admin: true}, "secret of eve")
	check(t, err)
	id := write(t, old, store.Message{User: ann.ID, Source: store.SourceMail, Parts: []string{"queued then"}}, "Bob")
	database, err := old.Copy(t.Context())
	check(t, err)
	dir := filepath.Join(t.TempDir(), "restored")
	_, err = store.Restore(t.Context(), dir, slog.New(slog.DiscardHandler), func(root *os.Root) (time.Time, error) {
		text, err := io.ReadAll(database)
		check(t, err)
		return database.Made, root.WriteFile(store.File, text, 0o600)
	})
	check(t, err)
	check(t, database.Close())
	restored, err := store.Create(t.Context(), dir, slog.New(slog.DiscardHandler), store.WithPasswordCost(64, 1))
	check(t, err)
	defer restored.Close()
	s := serveFrom(t, restored, web.Config{})
	b := s.browser(t)
	b.enter(t, "ann")
	got := b.get(t, "/messages")
	says(t, got, 200, "Held since this box was restored", "queued then", `action="`+cancelPath(id)+`"`)
	if strings.Contains(got.body, "Waiting for the modem") || strings.Contains(got.body, "omsbox held") {
		t.Error("it says that it waits for the modem, or what only an administrator can do")
	}
	eve := s.browser(t)
	eve.enter(t, "eve")
	says(t, eve.get(t, "/messages"), 200, "1 texts and 0 mails", "omsbox held send")
	leads(t, b.post(t, cancelPath(id), nil), aboutPath(id))
	says(t, b.get(t, aboutPath(id)), 200, "is cancelled")
	if alarms, err := restored.Alarms(t.Context()); err != nil || len(alarms) != 0 {
		t.Errorf("nothing is held, and the alarms are %+v (%v)", alarms, err)
	}
	if got := eve.get(t, "/messages"); strings.Contains(got.body, "omsbox held") {
		t.Error("nothing is held any more")
	}
}
