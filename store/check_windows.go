package store

import "golang.org/x/sys/windows"

// spaceOn returns the octets that this user may still write to the disk of dir, and those that it has in all.
func spaceOn(dir string) (free, total uint64, err error) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, 0, err
	}
	err = windows.GetDiskFreeSpaceEx(path, &free, &total, nil)
	return free, total, err
}

// foreign: here files are for whom the directory's access list names, whoever made them.
func foreign(string) ([]string, error) { return nil, nil }
