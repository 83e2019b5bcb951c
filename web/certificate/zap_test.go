package certificate

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"go.uber.org/zap"
)

func TestZapEntriesReachSlogOneLevelLower(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	z := zapLogger(log).With(zap.String("name", "sms.example.org"))
	for _, test := range []struct {
		name string
		say  func()
		want string
	}{
		{"an error stays one", func() { z.Error("obtain", zap.Error(errors.New("refused"))) },
			`level=ERROR msg=obtain name=sms.example.org error=refused`},
		{"a warning is news", func() { z.Warn("stapling", zap.Strings("for", []string{"a"})) },
			`level=INFO msg=stapling name=sms.example.org for=[a]`},
		{"news are for whoever looks closely", func() { z.Info("lock acquired") }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			out.Reset()
			test.say()
			if got := out.String(); !strings.Contains(got, test.want) || test.want == "" && got != "" {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
