package store

import "golang.org/x/sys/windows"

// freeBytes is how much this user may still write to the disk of dir.
func freeBytes(dir string) (free uint64, err error) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	err = windows.GetDiskFreeSpaceEx(path, &free, nil, nil)
	return free, err
}

// foreign: here files are for whom the directory's access list names, whoever made them.
func foreign(string) ([]string, error) { return nil, nil }
