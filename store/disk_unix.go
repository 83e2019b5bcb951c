//go:build linux || darwin || freebsd

package store

import "golang.org/x/sys/unix"

// spaceOn returns the octets that this user may still write to the disk of dir, and those that it has in all.
func spaceOn(dir string) (free, total uint64, err error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, 0, err
	}
	return uint64(stat.Bavail) * uint64(stat.Bsize), uint64(stat.Blocks) * uint64(stat.Bsize), nil
}
