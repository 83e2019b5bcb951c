package store

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
)

// How a command of omsbox is spelled for one box: with -data where the directory is not the usual one, and with
// sudo where it is that of the installed service. Texts write a command between grave accents, as
// `omsbox get status`, and Spell makes it right where the text is shown.

// DataHere is the data directory of who starts omsbox by hand.
const DataHere = "omsbox-data"

// SystemData is the data directory of an installed service.
func SystemData() string {
	switch runtime.GOOS {
	case "windows":
		return filepath.Join(cmp.Or(os.Getenv("ProgramData"), `C:\ProgramData`), "omsbox")
	case "darwin":
		return "/Library/Application Support/omsbox"
	}
	return "/var/lib/omsbox"
}

// Quoted is a word as it is typed at a shell.
func Quoted(w string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@,=+%"
	switch {
	case w != "" && strings.Trim(w, plain) == "":
		return w
	case runtime.GOOS == "windows":
		return `"` + w + `"`
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}

// Count is a number of things, of which one has that name: 1 mail, 2 mails.
func Count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + one + "s"
}

// Typed is a command of omsbox, without the word omsbox, as it is typed for the database in a directory.
func Typed(dir, command string) string {
	switch dir = filepath.Clean(dir); {
	case dir == SystemData() && runtime.GOOS != "windows":
		return "sudo omsbox " + command
	case dir == SystemData(), dir == DataHere:
		return "omsbox " + command
	}
	if whole, err := filepath.Abs(dir); err == nil {
		dir = whole // it is right wherever it is typed
	}
	return "omsbox " + command + " -data " + Quoted(dir)
}

// Typed is a command of omsbox, without the word omsbox, as it is typed for this database.
func (s *Store) Typed(command string) string { return Typed(s.dir, command) }

// written is a command in a text.
var written = regexp.MustCompile("`omsbox ([^`]+)`")

// withoutData are the commands that look at no database.
var withoutData = regexp.MustCompile(`^(modem (detect|send|simulate)|demo|install|uninstall|version|help)\b| -data `)

// Spell returns a text with each command in it as it is typed for the database in a directory.
func Spell(dir, text string) string {
	return written.ReplaceAllStringFunc(text, func(found string) string {
		command := written.FindStringSubmatch(found)[1]
		if withoutData.MatchString(command) {
			return found
		}
		return "`" + Typed(dir, command) + "`"
	})
}

// Spell returns a text with each command in it as it is typed for this database.
func (s *Store) Spell(text string) string { return Spell(s.dir, text) }

// spelled is an error whose text is spelled for one box.
type spelled struct {
	error
	text string
}

func (e *spelled) Error() string { return e.text }
func (e *spelled) Unwrap() error { return e.error }

// SpellError returns an error with each command in its text as it is typed for the database in a directory.
func SpellError(dir string, err error) error {
	if err == nil {
		return nil
	}
	text := Spell(dir, err.Error())
	if text == err.Error() {
		return err
	}
	return &spelled{err, text}
}

// SpellLog returns a log whose lines have each command as it is typed for the database in a directory.
func SpellLog(dir string, log *slog.Logger) *slog.Logger {
	return slog.New(&spellingHandler{log.Handler(), dir})
}

// spellingHandler hands lines on to another handler.
type spellingHandler struct {
	slog.Handler
	dir string
}

func (h *spellingHandler) Handle(ctx context.Context, r slog.Record) error {
	line := slog.NewRecord(r.Time, r.Level, Spell(h.dir, r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		line.AddAttrs(h.spell(a))
		return true
	})
	return h.Handler.Handle(ctx, line)
}

func (h *spellingHandler) spell(a slog.Attr) slog.Attr {
	err, isError := a.Value.Any().(error)
	switch {
	case a.Value.Kind() == slog.KindString:
		a.Value = slog.StringValue(Spell(h.dir, a.Value.String()))
	case isError && err != nil:
		a.Value = slog.AnyValue(SpellError(h.dir, err))
	}
	return a
}

func (h *spellingHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	spelt := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		spelt[i] = h.spell(a)
	}
	return &spellingHandler{h.Handler.WithAttrs(spelt), h.dir}
}

func (h *spellingHandler) WithGroup(name string) slog.Handler {
	return &spellingHandler{h.Handler.WithGroup(name), h.dir}
}
