package store

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestWhatTheKernelSaysOfTheClock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		state     int
		err       error
		confirmed bool
	}{
		{"it is synchronised", unix.TIME_OK, nil, true},
		{"a leap second is near", unix.TIME_INS, nil, true},
		{"a leap second is over", unix.TIME_WAIT, nil, true},
		{"no time server has set it", unix.TIME_ERROR, nil, false},
		{"it may not be asked", unix.TIME_OK, unix.EPERM, false},
	} {
		if got := confirms(c.state, c.err); got != c.confirmed {
			t.Errorf("%s: confirmed is %t", c.name, got)
		}
	}
}
