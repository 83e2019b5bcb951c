package modem

import (
	"cmp"
	"slices"
	"strings"
)

// Port is a serial port that a modem may be behind.
type Port struct {
	Path      string // as it is opened now: /dev/ttyUSB2, COM3
	Stable    string // a name of it that outlives replugging, such as /dev/serial/by-id/…; "" without one
	USB       USB    // zero where it is no USB device's
	Interface int    // bInterfaceNumber of the USB interface, -1 where that is not known
	Protocol  string // class, subclass and protocol of the USB interface, such as "ff/02/12"; "" unknown
	Driver    string // of the kernel, such as "option"; "" unknown
	UART      bool   // its line has a rate: it is a UART of the computer, or behind a USB converter
	Console   bool   // the kernel's console is on it

	node string // major:minor of its device; "" unknown
}

// USB is a USB device.
type USB struct {
	Location       string // where it is plugged in, such as "1-1.2"; "" unknown
	Plugging       string // told anew each time that it is plugged in or restarts; "" unknown
	Vendor, ID     string // idVendor and idProduct, four hexadecimal digits each
	Maker, Product string // as it names itself
	Serial         string // "" for many sticks

	node string // major:minor of its device; "" unknown
}

// String names the device for people: as it names itself, and by its numbers.
func (u USB) String() string {
	name := strings.TrimSpace(u.Maker + " " + u.Product)
	if name == "" {
		name = "USB device"
	}
	if u.Vendor != "" {
		name += " " + u.Vendor + ":" + u.ID
	}
	return name
}

// name is what people are to write for the port.
func (p Port) name() string {
	return cmp.Or(p.Stable, p.Path)
}

// device is what a port shares with the other ports of the same device, and with no other one: a
// device that was plugged in anew is another one. Where the system does not say which ports are
// one device's, those of the same make may be several.
func (p Port) device() string {
	switch {
	case p.USB.Vendor == "":
		return p.Path
	case p.USB.Location == "":
		return p.USB.Vendor + ":" + p.USB.ID
	}
	return p.USB.Location + " " + p.USB.Plugging
}

// among says whether a port is one of those, of the same device that was not plugged in anew.
func (p Port) among(ports []Port) bool {
	return slices.ContainsFunc(ports, func(q Port) bool { return p.Path == q.Path && p.device() == q.device() })
}

// sameSeat says whether two ports sit at the same place: the same interface of a device of the same
// make in the same socket.
func (p Port) sameSeat(q Port) bool {
	return p.USB.Location != "" && p.USB.Location == q.USB.Location && p.Interface == q.Interface &&
		p.USB.Vendor == q.USB.Vendor && p.USB.ID == q.USB.ID
}

// converters are the drivers and the makers of chips that put a UART behind USB. A modem's own USB
// port has no rate, theirs has.
var converters = []string{
	"ftdi_sio", "cp210x", "ch341", "ch343", "pl2303", "mos7840", "xr_serial", "f81232", // drivers
	"0403", "10c4", "1a86", "067b", // FTDI, Silicon Labs, WCH, Prolific
}

func isConverter(driverOrVendor string) bool {
	return slices.Contains(converters, strings.ToLower(driverOrVendor))
}

// sortPorts brings ports into the order in which people count: ttyUSB9 before ttyUSB10, the
// interfaces of a device by their numbers.
func sortPorts(ports []Port) {
	slices.SortFunc(ports, func(a, b Port) int {
		return cmp.Or(
			cmp.Compare(a.USB.Location, b.USB.Location),
			cmp.Compare(a.Interface, b.Interface),
			cmp.Compare(len(a.Path), len(b.Path)),
			cmp.Compare(a.Path, b.Path),
		)
	})
}
