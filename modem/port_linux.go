package modem

import (
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openSerial opens a serial port raw at 115200 baud, 8N1, for this process alone. It is opened
// without blocking, so that closing it wakes whoever reads or writes.
func openSerial(device string) (io.ReadWriteCloser, error) {
	file, err := os.OpenFile(device, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	raw, err := file.SyscallConn() // not Fd, which would make it blocking
	if err != nil {
		file.Close()
		return nil, err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = makeRaw(int(fd)) })
	if err = errors.Join(err, failed); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func makeRaw(fd int) error {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return errNotSerial
	}
	// The lock keeps out other processes of ours, whoever runs them; TIOCEXCL keeps out all but root.
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return errPortHeld
		}
		return err
	}
	if err := unix.IoctlSetInt(fd, unix.TIOCEXCL, 0); err != nil {
		return err
	}
	t.Iflag = unix.IGNBRK | unix.IGNPAR
	t.Oflag, t.Lflag = 0, 0
	t.Cflag = unix.CS8 | unix.CREAD | unix.CLOCAL | unix.B115200
	t.Ispeed, t.Ospeed = unix.B115200, unix.B115200
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(fd, unix.TCSETS, t)
}
