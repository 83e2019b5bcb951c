//go:build !linux

package modem

// held returns who has a port: this system does not tell before it is opened.
func (t Tree) held(Port) *HeldError { return nil }

// heldAfterAll makes the error of a port that turned out to be held when it was opened.
func (t Tree) heldAfterAll(p Port) *HeldError { return &HeldError{Port: p} }
