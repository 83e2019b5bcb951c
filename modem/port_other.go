//go:build !linux

package modem

import (
	"errors"
	"io"

	"go.bug.st/serial"
)

// openSerial opens a serial port, 8N1, at a rate in baud, for this process alone.
func openSerial(device string, rate int) (io.ReadWriteCloser, error) {
	port, err := serial.Open(device, &serial.Mode{BaudRate: rate, DataBits: 8})
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
