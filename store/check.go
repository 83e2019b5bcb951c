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

// quickWithin bounds the look through a database, which takes long on the card of a small computer.
const quickWithin = 20 * time.Second

// Serves says whether some process serves from the data directory dir. It makes nothing there.
func Serves(dir string) bool {
	file, err := os.Open(filepath.Join(dir, lockFileName))
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
	case err != nil:
		h.OK, h.Text = false, fmt.Sprintf("%s cannot be read: %v", path, explained(s.dir, err))
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

// CheckDisk looks whether the disk that dir lies on has room, and takes what is written to it.
func CheckDisk(dir string) Health {
	if err := try(dir); err != nil {
		if c := ails(dir, err); !c.IsZero() {
			return Health{Part: "disk", Text: c.Words()}
		}
		return Health{Part: "disk", Text: fmt.Sprintf("nothing can be written to %s: %v; use sudo", dir, err)}
	}
	if c := roomLeft(dir); !c.IsZero() {
		return Health{Part: "disk", Text: c.Words()}
	}
	free, _, err := spaceOn(dir)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return Health{Part: "disk", OK: true, Text: "this system does not tell how much is free at " + dir}
	case err != nil:
		return Health{Part: "disk", Text: fmt.Sprintf("%s cannot be looked at: %v", dir, err)}
	}
	return Health{Part: "disk", OK: true, Text: fmt.Sprintf("%s free at %s", size(free), dir)}
}

// CheckStorage returns what the process that serves from dir says of its storage: none, where all is well or
// where nobody serves.
func CheckStorage(dir string) []Health {
	trouble := publishedIn(dir).Storage
	if trouble.Condition.IsZero() {
		return nil
	}
	return []Health{{Part: "storage", Text: trouble.Condition.Words(), Since: trouble.Since}}
}

func size(n uint64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GB", n>>30)
	case n >= 10<<20:
		return fmt.Sprintf("%d MB", n>>20)
	}
	return fmt.Sprintf("%d kB", n>>10)
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
