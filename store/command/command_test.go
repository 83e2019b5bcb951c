package command

import (
	"errors"
	"flag"
	"log/slog"
	"strings"
	"testing"

	"omsbox/store"
)

func TestSendRefusesDeniedNumbers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := store.Create(t.Context(), dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for typed, want := range map[string]string{
		"112":              "no text is sent to 112: it is an emergency number",
		"+44 909 879 0000": "no text is sent to +449098790000: the setting sms.premium refuses premium-rate numbers, which cost extra",
	} {
		err := Send(t.Context(), flag.NewFlagSet("send", flag.ContinueOnError), []string{"-data", dir, "+447911123456", typed})
		if !errors.Is(err, store.ErrDenied) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("to %s: %v", typed, err)
		}
	}
}
