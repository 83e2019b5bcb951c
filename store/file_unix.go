//go:build unix

package store

import "os"

// syncDirectory makes sure that the names in a directory are on the disk.
func syncDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
