package store

import "os"

// lock is the exclusive hold of a data directory. The system lets go of it when the process ends,
// however it ends.
type lock struct{ file *os.File }

// takeLock takes the lock file at path, made where there is none; ErrLocked if another has it.
func takeLock(path string) (*lock, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
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
