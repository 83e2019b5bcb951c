package web

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestAPortThatThisUserMayNotOpenIsMendedByOneCommand(t *testing.T) {
	got := denied("443")
	if runtime.GOOS != "linux" {
		if want := "start as root or administrator"; !strings.Contains(got, want) {
			t.Errorf("got %q, want it to contain %q", got, want)
		}
		return
	}
	program, err := os.Executable()
	if err == nil {
		program, err = filepath.EvalSymlinks(program)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"port 443 ", "sudo setcap cap_net_bind_service=+ep " + shellQuoted(program) + "\n", "sudo " + shellQuoted(program) + " install"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want it to contain %q", got, want)
		}
	}
}

func TestACommandIsRightForAnyPath(t *testing.T) {
	for path, want := range map[string]string{
		"/usr/local/bin/omsbox":   "/usr/local/bin/omsbox",
		"/home/ann/my box/omsbox": "'/home/ann/my box/omsbox'",
		"/home/o'neil/omsbox":     `'/home/o'\''neil/omsbox'`,
		"/home/$(reboot)/omsbox":  "'/home/$(reboot)/omsbox'",
	} {
		if got := shellQuoted(path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}
