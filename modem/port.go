package modem

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/user"
	"strings"
	"syscall"
	"time"
)

// Opener returns what opens a device: tcp://host:port, or a serial device.
func Opener(device string) (func(context.Context) (io.ReadWriteCloser, error), error) {
	if address, ok := strings.CutPrefix(device, "tcp://"); ok {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return nil, fmt.Errorf("modem %s: write it as tcp://host:port", device)
		}
		return func(ctx context.Context) (io.ReadWriteCloser, error) {
			dialer := net.Dialer{Timeout: 10 * time.Second}
			conn, err := dialer.DialContext(ctx, "tcp", address)
			if err != nil {
				return nil, fmt.Errorf("nothing answers at %s: is the program that shares the modem running there? (%w)", address, err)
			}
			return conn, nil
		}, nil
	}
	return func(context.Context) (io.ReadWriteCloser, error) {
		port, err := openSerial(device)
		if err != nil {
			return nil, explain(device, err)
		}
		return port, nil
	}, nil
}

// errPortHeld: another program has the serial port.
var errPortHeld = errors.New("the port is held by another program")

// explain says what to do about a serial port that does not open.
func explain(device string, err error) error {
	switch {
	case errors.Is(err, errPortHeld), errors.Is(err, syscall.EBUSY):
		return fmt.Errorf("%s is held by another program (another omsbox, ModemManager, minicom?): stop that one", device)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no %s: is the modem plugged in? /dev/serial/by-id lists what is", device)
	case errors.Is(err, fs.ErrPermission):
		name := "this user"
		if u, err := user.Current(); err == nil {
			name = u.Username
		}
		return fmt.Errorf("%s may not be opened by %s: `sudo usermod -aG dialout %s` allows it from the next login on", device, name, name)
	case errors.Is(err, syscall.ENOTTY), errors.Is(err, errNotSerial):
		return fmt.Errorf("%s is no serial port: a modem's is called /dev/ttyUSB0 or /dev/ttyACM0 or the like", device)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%s does not open: unplug the modem and plug it in again", device)
	}
	return fmt.Errorf("open %s: %w", device, err)
}

// errNotSerial: the file is something else.
var errNotSerial = errors.New("not a serial port")
