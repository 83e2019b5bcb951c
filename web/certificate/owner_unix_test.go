//go:build unix

package certificate_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"omsbox/web/certificate"
)

// Root types `omsbox root new` in a directory in which the service's user may write what it likes.
func TestANewRootGoesNowhereElse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		link func(data, elsewhere string) error // made by the service's user
	}{
		{"the directory is a link", func(data, elsewhere string) error {
			return os.Symlink(elsewhere, filepath.Join(data, "ca"))
		}},
		{"the root is a link", func(data, elsewhere string) error {
			if err := os.Mkdir(filepath.Join(data, "ca"), 0o700); err != nil {
				return err
			}
			return os.Symlink(filepath.Join(elsewhere, "root.pem"), filepath.Join(data, "ca", "root.pem"))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			data, elsewhere := t.TempDir(), t.TempDir()
			secret, precious := []byte("a secret of root's\n"), filepath.Join(elsewhere, "certificates", "precious")
			check(t, os.WriteFile(filepath.Join(elsewhere, "root.pem"), secret, 0o600))
			check(t, os.Mkdir(filepath.Dir(precious), 0o700))
			check(t, os.WriteFile(precious, nil, 0o600))
			check(t, c.link(data, elsewhere))
			if err := certificate.NewRoot(data, []string{host}); err == nil {
				t.Error("a root was made")
			}
			if now, err := os.ReadFile(filepath.Join(elsewhere, "root.pem")); err != nil || !bytes.Equal(now, secret) {
				t.Errorf("what lay elsewhere was changed: %v", err)
			}
			if _, err := os.Stat(precious); err != nil {
				t.Error(err)
			}
			copies, err := filepath.Glob(filepath.Join(data, "ca", "*"))
			check(t, err)
			for _, path := range copies {
				if text, err := os.ReadFile(path); err == nil && filepath.Base(path) != "root.pem" && bytes.Contains(text, secret) {
					t.Errorf("%s tells what lay elsewhere", filepath.Base(path))
				}
			}
		})
	}
}
