//go:build unix

package command

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// It changes who the whole process is, so no other test may run beside it.
func TestRootWorksAsTheOwnerForAWhile(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("it needs root, and is never left out there")
		}
		t.Skip("it needs root")
	}
	const nobody = 65534
	above := t.TempDir()
	if err := os.Chmod(filepath.Dir(above), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(above, 0o755); err != nil {
		t.Fatal(err)
	}
	dir, secret := filepath.Join(above, "data"), filepath.Join(above, "secret")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(secret, []byte("of root alone"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	err := AsOwner(dir, func() error {
		if _, err := os.ReadFile(secret); err == nil {
			t.Error("the owner of the directory reads what is root's")
		}
		return os.WriteFile(filepath.Join(dir, "file"), nil, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "file"))
	if err != nil {
		t.Fatal(err)
	}
	if uid := info.Sys().(*syscall.Stat_t).Uid; uid != nobody {
		t.Errorf("the file belongs to %d", uid)
	}
	if _, err := os.ReadFile(secret); err != nil || os.Geteuid() != 0 {
		t.Errorf("afterwards root is not root again: %v", err)
	}
}
