package store

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lock is the exclusive hold of a data directory. Windows lets go of it when the process ends,
// however it ends.
type lock struct{ file *os.File }

// takeLock takes the lock file at path, made where there is none; ErrLocked if another has it.
func takeLock(path string) (*lock, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = windows.LockFileEx(windows.Handle(file.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, new(windows.Overlapped))
	if err != nil {
		file.Close()
		if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
			return nil, ErrLocked
		}
		return nil, err
	}
	return &lock{file}, nil
}

func (l *lock) release() {
	if l != nil {
		l.file.Close()
	}
}
