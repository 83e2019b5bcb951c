package command

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// While `omsbox install` replaces a service, the old one runs yet and may put a link in the place of
// a directory at any moment.
func TestAllInTheDataDirectoryIsGivenAndNothingElse(t *testing.T) {
	t.Parallel()
	data, elsewhere := filepath.Join(t.TempDir(), "data"), t.TempDir()
	dir, link := filepath.Join(data, "dir"), filepath.Join(data, "link")
	// Not even those who may not give anything away may touch what is elsewhere: its time of change tells.
	precious := filepath.Join(elsewhere, "precious")
	for _, err := range []error{os.MkdirAll(dir, 0o755), os.WriteFile(precious, nil, 0o600),
		os.WriteFile(filepath.Join(dir, "precious"), nil, 0o600), os.Symlink(elsewhere, link)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	before := changed(t, precious)
	var stop atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		aside := filepath.Join(data, "aside")
		for !stop.Load() {
			os.Rename(dir, aside)
			os.Rename(link, dir)
			os.Rename(dir, link)
			os.Rename(aside, dir)
		}
	}()
	u := account{uid: os.Getuid(), gid: os.Getgid()}
	for end := time.Now().Add(time.Second / 2); time.Now().Before(end) && !t.Failed(); {
		u.give(data) // it may fail while that goes on
		if changed(t, precious) != before {
			t.Error("what is elsewhere was given away")
		}
	}
	stop.Store(true)
	<-done
	if err := u.give(data); err != nil {
		t.Error(err)
	}
	info, err := os.Stat(data)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o700 {
		t.Errorf("the directory's mode is %v, want 0700", got)
	}
}

// changed is when the inode of a file changed last.
func changed(t *testing.T, path string) syscall.Timespec {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Ctim
}
