package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"omsbox/store"
)

// Who gave a directory with -data is told commands for that directory, wherever a text was made.
func TestCommandsAreSpelledForTheBox(t *testing.T) {
	t.Parallel()
	sudo := "sudo "
	if runtime.GOOS == "windows" {
		sudo = ""
	}
	elsewhere := filepath.Join(t.TempDir(), "a box")
	at := " -data " + store.Quoted(elsewhere)
	for _, c := range []struct{ dir, text, want string }{
		{store.DataHere, "`omsbox get status` shows it", "`omsbox get status` shows it"},
		{store.SystemData(), "`omsbox get status` shows it", "`" + sudo + "omsbox get status` shows it"},
		{elsewhere, "`omsbox get status` shows it", "`omsbox get status" + at + "` shows it"},
		{elsewhere, "`omsbox held send` and `omsbox held drop` decide", "`omsbox held send" + at + "` and `omsbox held drop" + at + "` decide"},
		{elsewhere, "`omsbox modem detect` says more", "`omsbox modem detect` says more"},
		{elsewhere, "start `omsbox serve -data /srv/x` once", "start `omsbox serve -data /srv/x` once"},
		{elsewhere, "omsbox does not run", "omsbox does not run"},
	} {
		if got := store.Spell(c.dir, c.text); got != c.want {
			t.Errorf("in %s: %s, want %s", c.dir, got, c.want)
		}
	}
	err := store.SpellError(elsewhere, fmt.Errorf("%w: `omsbox log` shows them", store.ErrNotFound))
	if !errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), "`omsbox log"+at+"`") {
		t.Errorf("got %v", err)
	}
	var out bytes.Buffer
	log := store.SpellLog("/srv/box", slog.New(slog.NewTextHandler(&out, nil)))
	log.With("why", "`omsbox clock trust` says so").Warn("`omsbox doctor` tells", "err", errors.New("`omsbox log` shows it"))
	for _, want := range []string{"omsbox clock trust -data /srv/box", "omsbox doctor -data /srv/box", "omsbox log -data /srv/box"} {
		if runtime.GOOS != "windows" && !strings.Contains(out.String(), want) {
			t.Errorf("no %s in %s", want, out.String())
		}
	}
}

// The status of a box in a directory of one's own names that directory in each command.
func TestTheStatusSpellsCommandsForItsBox(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := store.Create(t.Context(), dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	text, err := s.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := "`omsbox serve -modem auto -data " + dir + "`"; !strings.Contains(text, want) {
		t.Errorf("no %s in\n%s", want, text)
	}
}
