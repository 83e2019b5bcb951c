package command

import (
	"os"
	"path/filepath"
	"testing"

	"omsbox/store"
)

func TestTheInstalledDataAreFoundWithoutTyping(t *testing.T) {
	t.Parallel()
	holds, empty := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(holds, store.File), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, given, here, system, want string }{
		{"systemd says where", "/given", holds, holds, "/given"},
		{"nothing anywhere", "", empty, empty + "/none", empty},
		{"a service is installed", "", empty, holds, holds},
		{"a service is installed, and one is run by hand here", "", holds, holds, holds},
		{"run by hand here", "", holds, empty, holds},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := usualData(c.given, c.here, c.system); got != c.want {
				t.Errorf("the data are sought in %s, want %s", got, c.want)
			}
		})
	}
}
