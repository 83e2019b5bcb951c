//go:build !(linux || darwin || freebsd || windows)

package store

import "errors"

// spaceOn: each of these systems has a way of its own to tell.
func spaceOn(string) (free, total uint64, err error) { return 0, 0, errors.ErrUnsupported }
