package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// quickWithin bounds the look through a database, which takes long on the card of a small computer.
	quickWithin = 20 * time.Second
	// leastFree is how many bytes a disk must have free: SQLite wants room for its journal, and the
	// other programs of the computer for theirs.
	leastFree = 200 << 20
)

// Serves says whether some process serves from the data directory dir. It makes nothing there.
func Serves(dir string) bool {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer file.Close()
	return errors.Is(lockFile(file), ErrLocked)
}

// CheckDatabase looks through the database for damage, as far as it comes in 20 seconds.
func (s *Store) CheckDatabase(ctx context.Context) Health {
	path := filepath.Join(s.dir, File)
	h := Health{Part: "database", OK: true, Text: path + " is whole"}
	within, cancel := context.WithTimeout(ctx, quickWithin)
	defer cancel()
	var words string
	err := s.read.QueryRowContext(within, `PRAGMA quick_check(1)`).Scan(&words)
	switch {
	case err != nil && within.Err() != nil:
		h.Text = fmt.Sprintf("%s is too large to be looked through in %v; no damage was found until then", path, quickWithin)
	case err != nil && notOurs(err, path) == err:
		h.OK, h.Text = false, fmt.Sprintf("%s cannot be read: %v", path, err)
	case err != nil:
		h.OK, h.Text = false, notOurs(err, path).Error()
	case words != "ok":
		h.OK, h.Text = false, fmt.Sprintf("%s is damaged: put a copy in its place, and look after the disk (%s)", path, clip(words, 200))
	}
	return h
}

// CheckClock says whether this computer's clock may be believed. It asks nobody outside.
func (s *Store) CheckClock() Health {
	reads := s.Now().Format("Monday 2 January 2006 15:04 MST")
	if problem := s.ClockProblem(); problem != "" {
		return Health{Part: "clock", Text: "it reads " + reads + ": " + problem + "; until then nothing scheduled is sent and nothing expires"}
	}
	text := "it reads " + reads
	if s.source.confirmed() {
		text += ", and a time server agrees"
	} else {
		text += "; compare that with your watch, as no time server is known to agree"
	}
	return Health{Part: "clock", OK: true, Text: text}
}

// CheckDisk says whether the disk that dir lies on has room.
func CheckDisk(dir string) Health {
	h := Health{Part: "disk", OK: true}
	free, err := freeBytes(dir)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		h.Text = "this system does not tell how much is free at " + dir
	case err != nil:
		h.OK, h.Text = false, fmt.Sprintf("%s cannot be looked at: %v", dir, err)
	case free < leastFree:
		h.OK, h.Text = false, fmt.Sprintf("only %d MB are free at %s: make room, or texts can soon not be stored", free>>20, dir)
	default:
		h.Text = fmt.Sprintf("%s free at %s", size(free), dir)
	}
	return h
}

func size(n uint64) string {
	if n >= 10<<30 {
		return fmt.Sprintf("%d GB", n>>30)
	}
	return fmt.Sprintf("%d MB", n>>20)
}

// CheckFiles says whether all in the data directory belongs to the directory's owner, whom the
// service runs as: what another made there, it may not be able to open.
func CheckFiles(dir string) Health {
	h := Health{Part: "files", OK: true, Text: "all in " + dir + " belongs to the service"}
	strangers, err := foreign(dir)
	switch {
	case err != nil:
		h.OK, h.Text = false, fmt.Sprintf("%s cannot be looked through: %v; use sudo", dir, err)
	case len(strangers) > 0:
		h.OK, h.Text = false, fmt.Sprintf("the service may not be able to open %s, which belongs to somebody else: sudo chown -R --reference=%s %s",
			strings.Join(strangers[:min(3, len(strangers))], ", "), dir, dir)
	}
	return h
}
