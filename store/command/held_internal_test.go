package command

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"omsbox/store"
)

// Each mail that a restore holds is listed: to whom, about what and since when, without a word of it.
func TestHeldMailsAreListedWithoutAWordOfThem(t *testing.T) {
	t.Parallel()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	log, cheap := slog.New(slog.DiscardHandler), store.WithPasswordCost(64, 1)
	old, err := store.Create(t.Context(), t.TempDir(), log, cheap)
	check(err)
	ann, err := old.AddUser(t.Context(), store.User{Login: "ann", Mail: "ann@example.org"}, "secret of ann")
	check(err)
	check(old.Receive(t.Context(), "imsi", []byte("\x04\x0b\x91\x44\x97\x11\x32\x54\xf6\x00\x00\x62\x50\x10\x21\x00\x00\x00\x02\xc8\x34"))) // Hi
	in, err := old.Unrouted(t.Context())
	check(err)
	if len(in) != 1 {
		t.Fatalf("%d texts came in", len(in))
	}
	check(old.Mailed(t.Context(), in[0].ID, ann.ID))
	check(old.Raise(t.Context(), "modem", "x", "the modem is gone"))
	c, err := old.Copy(t.Context())
	check(err)
	text, err := io.ReadAll(c)
	check(err)
	check(c.Close())
	check(old.Close())
	dir := filepath.Join(t.TempDir(), "restored")
	_, err = store.Restore(t.Context(), dir, log, func(root *os.Root) (time.Time, error) {
		return c.Made, root.WriteFile(store.File, text, 0o600)
	})
	check(err)
	s, err := store.Create(t.Context(), dir, log, cheap)
	check(err)
	defer s.Close()
	r, err := s.Restored(t.Context())
	check(err)
	var out bytes.Buffer
	check(showHeld(t.Context(), &out, s))
	lines := strings.Split(out.String(), "\n")
	var shown []string
	for _, line := range lines {
		if strings.HasSuffix(line, "  "+r.At.Local().Format(minute)) {
			shown = append(shown, strings.Join(strings.Fields(line)[1:6], " "))
		}
	}
	if len(shown) != 2 || shown[0] != "ann a text from "+in[0].Sender || !strings.HasPrefix(shown[1], "mail.catch-all the alarm modem x") {
		t.Errorf("listed are %q in\n%s", shown, out.String())
	}
	if strings.Contains(out.String(), "Hi") || strings.Contains(out.String(), "gone") {
		t.Errorf("the list holds words of a mail:\n%s", out.String())
	}
}
