package modem

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// openSerial opens a serial port raw, 8N1, at a rate in baud, for this process alone. It is opened
// without blocking, so that closing it wakes whoever reads or writes.
func openSerial(device string, rate int) (io.ReadWriteCloser, error) {
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
	err = raw.Control(func(fd uintptr) { failed = makeRaw(int(fd), rate) })
	if err = errors.Join(err, failed); err != nil {
		file.Close()
		return nil, err
	}
	return serialPort{file}, nil
}

// serialPort is an open port that this process has alone.
type serialPort struct{ *os.File }

// Close throws away what the modem did not take, for which the kernel would wait up to half a
// minute, and lets others have the port: where it outlives its closing, as a pseudo-terminal does, it
// would otherwise go on to be ours.
func (p serialPort) Close() error {
	if raw, err := p.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) {
			unix.IoctlSetInt(int(fd), unix.TCFLSH, unix.TCOFLUSH)
			unix.IoctlSetInt(int(fd), unix.TIOCNXCL, 0)
		})
	}
	return p.File.Close()
}

// serialStruct is struct serial_struct of linux/serial.h.
type serialStruct struct {
	kind, line                      int32
	port                            uint32
	irq, flags, fifo, divisor, base int32
	closeDelay                      uint16
	ioType, _                       byte
	hub6                            int32
	closingWait, closingWait2       uint16 // in hundredths of a second
	iomemBase                       uintptr
	iomemShift                      uint16
	portHigh                        uint32
	iomapBase                       uintptr
}

// doNotWait has closing not wait for what the modem does not take, where even throwing it away does
// not help, as with most USB drivers. It needs root; others wait.
func doNotWait(fd int) {
	const none = 0xffff // ASYNC_CLOSING_WAIT_NONE
	var s serialStruct
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCGSERIAL, uintptr(unsafe.Pointer(&s))); e != 0 || s.closingWait == none {
		return
	}
	s.closingWait = none
	unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCSSERIAL, uintptr(unsafe.Pointer(&s)))
}

// speeds are the rates by the names that termios has for them.
var speeds = map[int]uint32{
	4800: unix.B4800, 9600: unix.B9600, 19200: unix.B19200, 38400: unix.B38400, 57600: unix.B57600,
	115200: unix.B115200, 230400: unix.B230400, 460800: unix.B460800, 921600: unix.B921600,
}

func makeRaw(fd, rate int) error {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return errNotSerial
	}
	speed, ok := speeds[rate]
	if !ok {
		return fmt.Errorf("no serial port has %d baud", rate)
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
	doNotWait(fd)
	t.Iflag = unix.IGNBRK | unix.IGNPAR
	t.Oflag, t.Lflag = 0, 0
	t.Cflag = unix.CS8 | unix.CREAD | unix.CLOCAL | speed
	t.Ispeed, t.Ospeed = speed, speed
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, t); err != nil {
		return err
	}
	return unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCIOFLUSH) // what lay there before was for nobody
}
