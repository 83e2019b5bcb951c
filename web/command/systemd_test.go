//go:build systemd

package command

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestSystemdTakesTheUnit has systemd-analyze, of the Debian package systemd, read units.
func TestSystemdTakesTheUnit(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Fatalf("this test needs systemd-analyze: apt-get install systemd: %v", err)
	}
	program, err := exec.LookPath("true") // it sees whether it is there
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		p    plan
	}{
		{"usual", plan{data: "/var/lib/omsbox"}},
		{"its own data directory", plan{data: "/srv/my 100% $HOME texts", args: []string{"-data", "/srv/my 100% $HOME texts"}}},
		{"odd flags", plan{data: "/var/lib/omsbox", args: []string{"", ";", `"`, `\`, "%n", "${X}", "'", "ü", `\x41`, "a b"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.p.program = program
			text, err := unit(c.p, []string{"root"})
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "omsbox.service")
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(analyze, "verify", "--man=no", path).CombinedOutput()
			if err != nil || len(out) > 0 {
				t.Errorf("%v: %s\n%s", err, out, text)
			}
		})
	}
}
