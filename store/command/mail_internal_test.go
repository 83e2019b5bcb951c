package command

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"omsbox/store"
)

func TestMailsAreListedWithoutAWordOfTheTexts(t *testing.T) {
	t.Parallel()
	s, err := store.Create(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.Local)
	var out bytes.Buffer
	if err := showMails(&out, s, []store.Undelivered{
		{ID: 3, Kind: store.AlarmMail, State: "queued", About: "modem x", Created: at, Due: at, Blocked: at, Reason: "not\x1b[2J owned"},
		{ID: 2, Kind: store.Notice, For: "ann", State: "sending", Number: "+447911000002", Created: at, Due: at},
		{ID: 1, Kind: store.Reply, For: "ann", State: "failed", Number: "+447911000001", Created: at, Reason: "no such mailbox"},
	}, barrier{}); err != nil {
		t.Fatal(err)
	}
	const want = `MAIL  STATE         FOR             ABOUT                      OF                NEXT TRY          REASON
3     blocked       mail.catch-all  the alarm modem x          2026-05-01 12:00  2026-05-01 12:00  not [2J owned
2     at the relay  ann             a text to +447911000002    2026-05-01 12:00                    
1     failed        ann             a text from +447911000001  2026-05-01 12:00                    no such mailbox

`
	if got := out.String(); !strings.HasPrefix(got, want) || !strings.Contains(got, "mail retry") {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	out.Reset()
	if err := showMails(&out, s, nil, barrier{}); err != nil || out.String() != "no mail has failed, and none waits\n" {
		t.Errorf("got %q, %v", out.String(), err)
	}
}

// Where the relay was never reached, no mail was tried: the list shows why, and when it is tried again.
func TestMailsThatWaitForTheRelayShowWhy(t *testing.T) {
	t.Parallel()
	s, err := store.Create(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler), store.WithPasswordCost(64, 1))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err = s.AddUser(t.Context(), store.User{Login: "root", Mail: "root@example.org", Admin: true}, "secret of root")
	check(err)
	check(s.Raise(t.Context(), "modem", "x", "the modem is gone"))
	list := func() string {
		t.Helper()
		mails, err := s.Undelivered(t.Context(), 10)
		check(err)
		way, err := wayOut(t.Context(), s)
		check(err)
		var out bytes.Buffer
		check(showMails(&out, s, mails, way))
		return out.String()
	}
	check(s.SetHealth(t.Context(), store.MailRelay, false, "no relay is set"))
	check(s.RelayRests(t.Context(), 3*time.Minute)) // of a relay that was set before
	if got := list(); !strings.Contains(got, "the alarm modem x") || strings.Count(got, "no relay is set") != 2 || strings.Contains(got, "tried again at") {
		t.Errorf("without a relay:\n%s", got)
	}
	check(s.Set(t.Context(), "mail.relay", "smtp://127.0.0.1:9"))
	check(s.SetHealth(t.Context(), store.MailRelay, false, "127.0.0.1:9 cannot be reached"))
	next, err := s.RelayTried(t.Context())
	check(err)
	got := list()
	for _, want := range []string{next.Local().Format(minute) + "  127.0.0.1:9 cannot be reached\n", "No mail leaves: 127.0.0.1:9 cannot be reached.\n",
		"The relay is tried again at " + next.Local().Format("15:04:05")} {
		if !strings.Contains(got, want) {
			t.Errorf("the list lacks %q:\n%s", want, got)
		}
	}
	check(s.SetHealth(t.Context(), store.MailRelay, true, "mail is handed to 127.0.0.1:9"))
	if got := list(); strings.Contains(got, "No mail leaves") || strings.Contains(got, "tried again at") {
		t.Errorf("with a relay that takes mail:\n%s", got)
	}
}
