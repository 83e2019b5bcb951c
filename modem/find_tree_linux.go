package modem

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Tree is where Linux shows its devices: a container may have them elsewhere.
type Tree struct {
	Dev  string // /dev
	Sys  string // /sys
	Proc string // /proc
	Run  string // /run
}

// SystemTree is where they are by custom.
func SystemTree() Tree { return Tree{Dev: "/dev", Sys: "/sys", Proc: "/proc", Run: "/run"} }

// Ports returns the serial ports that a modem may be behind: those of USB devices, and the UARTs
// that are really there. It reads sysfs and opens nothing.
func (t Tree) Ports() ([]Port, error) {
	class := filepath.Join(t.Sys, "class", "tty")
	entries, err := os.ReadDir(class)
	if err != nil {
		return nil, fmt.Errorf("this system does not show its serial ports: %w", err)
	}
	consoles := strings.Fields(attribute(class, "console/active"))
	stable := t.stableNames()
	var ports []Port
	for _, e := range entries {
		dir := filepath.Join(class, e.Name())
		device, err := filepath.EvalSymlinks(filepath.Join(dir, "device"))
		if err != nil {
			continue // a virtual terminal, or the device just went
		}
		p := Port{Path: filepath.Join(t.Dev, e.Name()), Interface: -1, node: attribute(dir, "dev")}
		if !p.readUSB(device) {
			// Eight times ttyS are announced on every PC: "type" says whether a UART answered.
			kind, err := strconv.Atoi(attribute(dir, "type"))
			if err != nil || kind == 0 {
				continue
			}
			p.UART = true
		}
		for _, name := range consoles {
			p.Console = p.Console || name == e.Name()
		}
		p.Stable = stable[p.Path].byID
		ports = append(ports, p)
	}
	sortPorts(ports)
	for i, p := range ports {
		// Of two sticks of the same make without serial numbers only one gets the by-id link, and
		// not always the same one: they are told apart by where they are plugged in.
		for j, q := range ports {
			if i != j && p.USB.Vendor != "" && p.USB.Location != q.USB.Location &&
				p.USB.Vendor == q.USB.Vendor && p.USB.ID == q.USB.ID && p.USB.Serial == q.USB.Serial {
				ports[i].Stable = ""
			}
		}
		if ports[i].Stable == "" {
			ports[i].Stable = stable[p.Path].byPath
		}
	}
	return ports, nil
}

// readUSB goes from a port's device up to the USB device that it belongs to.
func (p *Port) readUSB(dir string) bool {
	for ; len(dir) > 1; dir = filepath.Dir(dir) {
		if number := attribute(dir, "bInterfaceNumber"); number != "" && p.Interface < 0 {
			if n, err := strconv.ParseUint(number, 16, 8); err == nil {
				p.Interface = int(n)
			}
			p.Protocol = attribute(dir, "bInterfaceClass") + "/" + attribute(dir, "bInterfaceSubClass") + "/" + attribute(dir, "bInterfaceProtocol")
			p.Driver = linkBase(dir, "driver")
		}
		if p.USB = readUSB(dir); p.USB.Vendor != "" {
			p.UART = isConverter(p.Driver)
			return true
		}
	}
	return false
}

// readUSB reads a USB device of sysfs. Its devnum is another one each time that it is plugged in.
func readUSB(dir string) USB {
	vendor := attribute(dir, "idVendor")
	if vendor == "" {
		return USB{}
	}
	return USB{
		Location: filepath.Base(dir), Plugging: attribute(dir, "devnum"), Vendor: vendor, ID: attribute(dir, "idProduct"),
		Maker: attribute(dir, "manufacturer"), Product: attribute(dir, "product"), Serial: attribute(dir, "serial"),
		node: attribute(dir, "dev"),
	}
}

// attribute reads a file of sysfs; "" where there is none.
func attribute(dir, name string) string {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// linkBase is the last part of what a link leads to; "" where there is none.
func linkBase(dir, name string) string {
	target, err := os.Readlink(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	return filepath.Base(target)
}

type stableName struct{ byID, byPath string }

// stableNames are the names that udev, and on a Raspberry Pi its system, give to ports.
func (t Tree) stableNames() map[string]stableName {
	names := map[string]stableName{}
	for _, dir := range []string{"serial/by-path", "serial/by-id", ""} {
		links := []string{"serial0", "serial1"}
		if dir != "" {
			links = nil
			entries, _ := os.ReadDir(filepath.Join(t.Dev, dir)) // there is none without udev
			for _, e := range entries {
				links = append(links, e.Name())
			}
		}
		for _, link := range links {
			link = filepath.Join(t.Dev, dir, link)
			target, err := os.Readlink(link)
			if err != nil {
				continue
			}
			if !filepath.IsAbs(target) {
				target = filepath.Join(filepath.Dir(link), target)
			}
			name := names[target]
			if dir == "serial/by-path" {
				name.byPath = link
			} else {
				name.byID = link
			}
			names[target] = name
		}
	}
	return names
}

// Port returns the port that people named by its path or by a link to it; ok is false where sysfs
// knows of none, which may be a pseudo-terminal.
func (t Tree) Port(device string) (port Port, ok bool) {
	ports, err := t.Ports()
	if err != nil {
		return Port{}, false
	}
	path := device
	for range 8 { // links lead to links
		for _, p := range ports {
			if p.Path == filepath.Clean(path) {
				return p, true
			}
		}
		target, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	return Port{}, false
}

// tags are the properties that udev's rules gave to a device: "c188:2" for the character device 188:2. ok is
// false where udev does not tell.
func (t Tree) tags(device string) (tags map[string]string, ok bool) {
	text, err := os.ReadFile(filepath.Join(t.Run, "udev", "data", device))
	if err != nil {
		return nil, false
	}
	tags = map[string]string{}
	for line := range strings.Lines(string(text)) {
		if property, ok := strings.CutPrefix(strings.TrimSpace(line), "E:"); ok {
			name, value, _ := strings.Cut(property, "=")
			tags[name] = value
		}
	}
	return tags, true
}

// Portless returns the sticks that show no serial port, given those that do.
func (t Tree) Portless(ports []Port) []Portless {
	dir := filepath.Join(t.Sys, "bus", "usb", "devices")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var found []Portless
	for _, e := range entries {
		device, err := filepath.EvalSymlinks(filepath.Join(dir, e.Name()))
		if err != nil || strings.Contains(e.Name(), ":") {
			continue // an interface
		}
		usb := readUSB(device)
		has := false
		for _, p := range ports {
			has = has || p.USB.Location == usb.Location
		}
		if has {
			continue
		}
		if reason := portless(usb, interfaces(device)); reason != "" {
			found = append(found, Portless{usb, reason})
		}
	}
	return found
}

// interfaces are the classes and the drivers of a USB device's interfaces.
func interfaces(device string) []string {
	var all []string
	entries, err := os.ReadDir(device)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		dir := filepath.Join(device, e.Name())
		if class := attribute(dir, "bInterfaceClass"); class != "" {
			all = append(all, class, linkBase(dir, "driver"))
		}
	}
	return all
}

// exists says whether a path leads to something.
func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
