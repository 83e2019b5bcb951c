//go:build unix

package store

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// foreign are the files below dir that do not belong to its owner.
func foreign(dir string) (paths []string, err error) {
	owner, err := ownerOf(os.Stat(dir))
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if uid, err := ownerOf(entry.Info()); err == nil && uid != owner {
			paths = append(paths, path)
		}
		return nil
	})
	return paths, err
}

func ownerOf(info fs.FileInfo, err error) (uint32, error) {
	if err != nil {
		return 0, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, fs.ErrInvalid
	}
	return stat.Uid, nil
}
