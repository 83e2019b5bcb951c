package store

import (
	"errors"
	"os"
)

// lockFileName is the file of a data directory that is locked. Nothing stands in it.
const lockFileName = "lock"

// lock is the exclusive hold of a data directory. The system lets go of it when the process ends,
// however it ends.
type lock struct{ file *os.File }

// takeLock takes the lock file at path, made where there is none; ErrLocked if another has it.
func takeLock(path string) (*lock, error) {
	file, err := openOwned(path)
	if err != nil {
		return nil, err
	}
	if err := lockFile(file); err != nil {
		file.Close()
		return nil, err
	}
	return &lock{file}, nil
}

func (l *lock) release() {
	if l != nil {
		l.file.Close()
	}
}

// openOwned opens a file of the data directory for this user alone, made where there is none. One
// that root makes there belongs to the directory's owner, so that the service can open it that runs
// as that user. One that was there is left as it is: it may be a link to somewhere else.
func openOwned(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return os.OpenFile(path, os.O_RDWR, 0)
	}
	if err != nil {
		return nil, err
	}
	if err := handOver(file); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}
