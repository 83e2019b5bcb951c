package command

import (
	"io"
	"os"
	"path/filepath"
)

// replace writes a file so that at every moment the old one or the new one lies there, whole.
func replace(path string, mode os.FileMode, from io.Reader) error {
	return replaceBy(path, mode, func(to io.Writer) error {
		_, err := io.Copy(to, from)
		return err
	})
}

// replaceBy is replace for what is written piece by piece.
func replaceBy(path string, mode os.FileMode, write func(io.Writer) error) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.new")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(file.Name())
		}
	}()
	if err = write(file); err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Chmod(file.Name(), mode)
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err == nil {
		syncDirectory(filepath.Dir(path))
	}
	return err
}

// syncDirectory makes a new name in a directory outlive a power cut, where the system has that. What cannot be synced
// is whole all the same.
func syncDirectory(dir string) {
	if d, err := os.Open(dir); err == nil {
		d.Sync()
		d.Close()
	}
}
