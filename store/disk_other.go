//go:build !(linux || darwin || freebsd || windows)

package store

import "errors"

// freeBytes: each of these systems has a way of its own to tell.
func freeBytes(string) (uint64, error) { return 0, errors.ErrUnsupported }
