//go:build !linux && !windows

package modem

import (
	"fmt"
	"strings"

	"go.bug.st/serial"
)

// Ports returns the serial ports that a modem may be behind, by their names alone: what else macOS
// knows of them it tells only to programs with C in them.
func (t Tree) Ports() ([]Port, error) {
	names, err := serial.GetPortsList()
	if err != nil {
		return nil, fmt.Errorf("this system does not show its serial ports: %w", err)
	}
	var ports []Port
	for _, name := range names {
		// macOS shows each port twice; tty.… waits for a carrier when it is opened.
		if strings.HasPrefix(name, "/dev/tty.") || strings.Contains(name, "Bluetooth") {
			continue
		}
		ports = append(ports, Port{Path: name, Interface: -1})
	}
	sortPorts(ports)
	return ports, nil
}
