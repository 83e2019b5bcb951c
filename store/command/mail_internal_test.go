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
	}); err != nil {
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
	if err := showMails(&out, s, nil); err != nil || out.String() != "no mail has failed, and none waits\n" {
		t.Errorf("got %q, %v", out.String(), err)
	}
}
