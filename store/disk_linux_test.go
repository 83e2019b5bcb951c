//go:build disk

package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"omsbox/store"
	"omsbox/store/condition"
)

// These tests need root: they mount small file systems. Run them with `go test -tags disk ./store`.

// card mounts an ext4 file system of 16 MB, as a card of a small computer has one.
func card(t *testing.T) (dir string) {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	check(t, os.WriteFile(image, nil, 0o600))
	check(t, os.Truncate(image, 16<<20))
	dir = t.TempDir()
	command(t, "mkfs.ext4", "-q", "-m", "0", image)
	command(t, "mount", "-o", "loop", image, dir)
	t.Cleanup(func() { command(t, "umount", dir) })
	return dir
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
}

// fill writes files until nothing is free.
func fill(t *testing.T, dir string) (empty func()) {
	t.Helper()
	path := filepath.Join(dir, "filler")
	file, err := os.Create(path)
	check(t, err)
	block := make([]byte, 4096)
	for err == nil {
		_, err = file.Write(block)
	}
	file.Close()
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	return func() { check(t, os.Remove(path)) }
}

// load hands over texts until stop is called, which returns those that were taken.
func load(s *store.Store, user int64) (stop func() (taken []int64, refused int, odd error)) {
	var mu sync.Mutex
	var taken []int64
	var refused int
	var odd error
	ctx, cancel := context.WithCancel(context.Background())
	var workers sync.WaitGroup
	var count atomic.Int64
	for range 4 {
		workers.Go(func() {
			for ctx.Err() == nil {
				id, _, err := s.Enqueue(context.Background(), store.Message{User: user, Source: store.SourceCommand,
					Parts: []string{fmt.Sprintf("text %d %s", count.Add(1), strings.Repeat("x", 1000))}, To: []store.Recipient{{Number: "+447911123456"}}})
				time.Sleep(20 * time.Millisecond) // else the texts themselves fill the disk
				mu.Lock()
				switch {
				case err == nil:
					taken = append(taken, id)
				case errors.Is(err, store.ErrStorage):
					refused++
				default:
					odd = err
				}
				mu.Unlock()
			}
		})
	}
	return func() ([]int64, int, error) {
		cancel()
		workers.Wait()
		return taken, refused, odd
	}
}

// A disk that is filled and emptied under load loses nothing that was taken, and is told of on each surface.
func TestADiskThatIsFilledAndEmptied(t *testing.T) {
	t.Parallel()
	dir := card(t)
	s := openIn(t, dir)
	u := addUser(t, s, "ann")
	stop := load(s, u.ID)
	for round := range 3 {
		time.Sleep(200 * time.Millisecond)
		empty := fill(t, dir)
		eventually(t, "the disk is full", func() bool { return s.Storage().Condition.Code == condition.DiskFull })
		status, err := s.Status(t.Context())
		if err != nil || !strings.Contains(status, "storage      PROBLEM: the disk is full") {
			t.Errorf("round %d: the status is %v\n%s", round, err, status)
		}
		if said := store.CheckStorage(dir); len(said) != 1 || !strings.HasPrefix(said[0].Text, "the disk is full") {
			t.Errorf("round %d: another process learns %+v", round, said)
		}
		if said := store.CheckDisk(dir); said.OK || !strings.HasPrefix(said.Text, "the disk is full") {
			t.Errorf("round %d: a try of the disk says %+v", round, said)
		}
		if round == 0 {
			t.Log(status)
		}
		time.Sleep(300 * time.Millisecond)
		empty()
		eventually(t, "the disk is emptied", func() bool { return s.Storage().Condition.IsZero() })
	}
	taken, refused, odd := stop()
	if odd != nil {
		t.Errorf("a text was answered with %v", odd)
	}
	t.Logf("%d texts taken, %d refused", len(taken), refused)
	if len(taken) == 0 || refused == 0 {
		t.Errorf("%d texts were taken and %d refused", len(taken), refused)
	}
	check(t, s.Close())
	again := openIn(t, dir)
	for _, id := range taken {
		if _, err := again.Deliveries(t.Context(), id); err != nil {
			t.Fatalf("message %d was taken and is lost: %v", id, err)
		}
	}
	check(t, again.Close())
}

// A service that is started on a full disk says so.
func TestAStartOnAFullDisk(t *testing.T) {
	t.Parallel()
	dir := card(t)
	check(t, openIn(t, dir).Close())
	empty := fill(t, dir)
	for name, f := range map[string]opener{"serve": store.Create, "beside": store.Open} {
		s, err := f(t.Context(), dir, quiet())
		if err == nil {
			if err = s.SetHealth(t.Context(), "x", true, strings.Repeat("y", 300)); err == nil {
				t.Errorf("%s: a change is stored", name)
			}
			s.Close()
		}
		if !errors.Is(err, store.ErrStorage) || !strings.Contains(err.Error(), "the disk is full") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	empty()
	check(t, openIn(t, dir).Close())
}

// A card that the system has made read-only, as it does after an error, is told of; what was stored can be read.
func TestADiskThatBecomesReadOnly(t *testing.T) {
	t.Parallel()
	dir := card(t)
	s := openIn(t, dir)
	u := addUser(t, s, "ann")
	stop := load(s, u.ID)
	time.Sleep(200 * time.Millisecond)
	command(t, "mount", "-o", "remount,abort", dir) // as after an error in the journal
	eventually(t, "the disk is read-only", func() bool { return s.Storage().Condition.Code == condition.DiskReadOnly })
	taken, refused, odd := stop()
	if odd != nil || len(taken) == 0 || refused == 0 {
		t.Errorf("%d texts were taken, %d refused, %v", len(taken), refused, odd)
	}
	status, err := s.Status(t.Context())
	if err != nil || !strings.Contains(status, "storage      PROBLEM: the disk is read-only") {
		t.Errorf("the status is %v\n%s", err, status)
	}
	t.Log(status)
	if said := store.CheckDisk(dir); said.OK || !strings.HasPrefix(said.Text, "the disk is read-only") {
		t.Errorf("a try of the disk says %+v", said)
	}
	other, err := store.Open(t.Context(), dir, quiet())
	if err != nil {
		t.Fatalf("beside it: %v", err)
	}
	if status, err := other.Status(t.Context()); err != nil || !strings.Contains(status, "PROBLEM: the disk is read-only") {
		t.Errorf("another process: the status is %v\n%s", err, status)
	}
	if err := other.Set(t.Context(), "service.name", "x"); !errors.Is(err, store.ErrStorage) {
		t.Errorf("another process: a setting is answered with %v", err)
	}
	_, _, err = other.Enqueue(t.Context(), store.Message{Source: store.SourceCommand, Parts: []string{"hello"}, To: []store.Recipient{{Number: "+447911123456"}}})
	if !errors.Is(err, store.ErrStorage) {
		t.Errorf("another process: a text is answered with %v", err)
	}
	for _, id := range taken {
		if _, err := other.Deliveries(t.Context(), id); err != nil {
			t.Fatalf("message %d was taken and cannot be read: %v", id, err)
		}
	}
	other.Close()
	s.Close()
}

// A disk that will soon be full is told of while there is still room for the alarm.
func TestADiskThatIsNearlyFull(t *testing.T) {
	t.Parallel()
	dir := card(t)
	s := openIn(t, dir)
	_, err := s.AddUser(t.Context(), store.User{Login: "root", Mail: "root@example.org", Admin: true}, "secret of root")
	check(t, err)
	alarms := func() string {
		open, err := s.Alarms(t.Context())
		check(t, err)
		if len(open) == 0 {
			return ""
		}
		return string(open[0].Condition.Code)
	}
	var stat unix.Statfs_t
	check(t, unix.Statfs(dir, &stat))
	filler := filepath.Join(dir, "filler")
	check(t, os.WriteFile(filler, make([]byte, int64(stat.Bavail)*stat.Bsize-1<<20), 0o600))
	eventually(t, "people are warned", func() bool { return alarms() == string(condition.DiskLow) })
	if m, err := s.ClaimMail(t.Context()); err != nil || m == nil || m.Kind != store.AlarmMail {
		t.Errorf("the mail is %+v, %v", m, err)
	}
	if got := s.Storage(); !got.Condition.IsZero() {
		t.Errorf("the storage is said to be %s", got.Condition.Row())
	}
	if said := store.CheckDisk(dir); said.OK || !strings.HasPrefix(said.Text, "the disk is nearly full") {
		t.Errorf("a try of the disk says %+v", said)
	}
	enqueue(t, s, 0, "hello", "+447911123456")
	check(t, os.Remove(filler))
	eventually(t, "the warning ends", func() bool { return alarms() == "" })
}

// A box that nobody uses notices its disk by itself.
func TestADiskThatNobodyUses(t *testing.T) {
	t.Parallel()
	dir := card(t)
	s := openIn(t, dir)
	empty := fill(t, dir)
	eventually(t, "the disk is full", func() bool { return s.Storage().Condition.Code == condition.DiskFull })
	empty()
	eventually(t, "the disk is emptied", func() bool { return s.Storage().Condition.IsZero() })
	command(t, "mount", "-o", "remount,abort", dir)
	eventually(t, "the disk is read-only", func() bool { return s.Storage().Condition.Code == condition.DiskReadOnly })
	s.Close()
}
