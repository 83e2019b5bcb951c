//go:build !linux

package modem

import (
	"errors"
	"io"

	"go.bug.st/serial"
)

// openSerial opens a serial port at 115200 baud, 8N1, for this process alone.
func openSerial(device string) (io.ReadWriteCloser, error) {
	port, err := serial.Open(device, &serial.Mode{BaudRate: 115200, DataBits: 8})
	var e *serial.PortError
	if errors.As(err, &e) {
		switch e.Code() {
		case serial.PortBusy:
			return nil, errPortHeld
		case serial.InvalidSerialPort:
			return nil, errNotSerial
		}
	}
	return port, err
}
