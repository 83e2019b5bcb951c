package modem

import (
	"fmt"
	"strings"

	"go.bug.st/serial/enumerator"
)

// Ports returns the serial ports that a modem may be behind.
func (t Tree) Ports() ([]Port, error) {
	list, err := enumerator.GetDetailedPortsList()
	if err != nil {
		return nil, fmt.Errorf("this system does not show its serial ports: %w", err)
	}
	var ports []Port
	for _, d := range list {
		p := Port{Path: d.Name, Interface: -1, UART: true}
		if d.IsUSB {
			p.USB = USB{Vendor: strings.ToLower(d.VID), ID: strings.ToLower(d.PID), Serial: d.SerialNumber, Maker: d.Manufacturer, Product: d.Product}
			p.UART = isConverter(d.VID)
		}
		ports = append(ports, p)
	}
	sortPorts(ports)
	return ports, nil
}
