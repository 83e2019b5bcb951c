package modem

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// held returns who has a port, or nil where it is free as far as this user may see. Programs of
// root show their files to root alone; what is open exclusively is then told by open itself.
func (t Tree) held(p Port) *HeldError {
	rdev, ok := deviceNumber(p.Path)
	if !ok || unix.Major(rdev) == memory {
		return nil // opening it will say why
	}
	e := &HeldError{Port: p, By: t.openers(rdev)}
	if lock, ok := t.lockFile(p); ok && !slices.ContainsFunc(e.By, func(b Process) bool { return b.PID == lock.PID }) {
		e.By = append(e.By, lock)
	}
	e.ModemManager = e.has(modemManager) || t.managed(p)
	if len(e.By) == 0 && !e.ModemManager {
		return nil
	}
	return e
}

// memory is the major number of /dev/null and its like, which every program has open.
const memory = 1

// openers are the other processes that have a device open.
func (t Tree) openers(rdev uint64) []Process {
	var found []Process
	for _, pid := range t.processes() {
		if pid != os.Getpid() && t.hasOpen(pid, rdev) {
			found = append(found, Process{pid, t.processName(pid)})
		}
	}
	return found
}

// hasOpen says whether a process has a device open, as far as this user may see.
func (t Tree) hasOpen(pid int, rdev uint64) bool {
	fds := filepath.Join(t.Proc, strconv.Itoa(pid), "fd")
	entries, err := os.ReadDir(fds)
	if err != nil {
		return false // it ended, or is another user's
	}
	for _, e := range entries {
		fd := filepath.Join(fds, e.Name())
		// What was unplugged is shown as deleted: it has the number of the device that came since.
		link, err := os.Readlink(fd)
		if err != nil || !strings.Contains(link, "/dev/") || strings.HasSuffix(link, " (deleted)") {
			continue
		}
		if n, ok := deviceNumber(fd); ok && n == rdev {
			return true
		}
	}
	return false
}

// deviceNumber is the number of the character device that a path leads to.
func deviceNumber(path string) (uint64, bool) {
	info, err := os.Stat(path)
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return 0, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return uint64(stat.Rdev), true
}

func (t Tree) processes() []int {
	entries, err := os.ReadDir(t.Proc)
	if err != nil {
		return nil
	}
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (t Tree) processName(pid int) string { return attribute(t.Proc, strconv.Itoa(pid)+"/comm") }

// lockFile returns who says by a lock file that a port is his, as minicom, gammu and smstools do.
// Filesystem Hierarchy Standard 5.9
func (t Tree) lockFile(p Port) (Process, bool) {
	pid, err := strconv.Atoi(attribute(filepath.Join(t.Run, "lock"), "LCK.."+filepath.Base(p.Path)))
	if err != nil || pid == os.Getpid() || !exists(filepath.Join(t.Proc, strconv.Itoa(pid))) {
		return Process{}, false // none, or one that somebody left behind
	}
	return Process{pid, t.processName(pid)}, true
}

// managed says whether ModemManager runs and takes care of a port's device: by its rules udev marks
// what it may take, and by the administrator's what it must not.
func (t Tree) managed(p Port) bool {
	tags, ok := t.tags("c" + p.node)
	// By itself it keeps away from converters, behind which anything may be.
	if p.USB.Vendor == "" || p.UART || !ok || tags["ID_MM_CANDIDATE"] == "" {
		return false
	}
	device, _ := t.tags("c" + p.USB.node)
	for _, name := range []string{"ID_MM_DEVICE_IGNORE", "ID_MM_PORT_IGNORE"} {
		for _, value := range []string{tags[name], device[name]} {
			if value != "" && value != "0" {
				return false
			}
		}
	}
	return slices.ContainsFunc(t.processes(), func(pid int) bool { return t.processName(pid) == modemManager })
}

// heldAfterAll makes the error of a port that turned out to be held when it was opened.
func (t Tree) heldAfterAll(p Port) *HeldError {
	if e := t.held(p); e != nil {
		return e
	}
	rdev, ok := deviceNumber(p.Path)
	return &HeldError{Port: p, Self: ok && t.hasOpen(os.Getpid(), rdev)}
}
