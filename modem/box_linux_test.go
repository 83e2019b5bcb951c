package modem_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"omsbox/modem"
	"omsbox/modem/simulator"
)

// box is a computer that sticks are plugged into: its /dev and /sys are made up, the ports behind
// them are real pseudo-terminals, and its processes are those of this computer.
type box struct {
	modem.Tree
	t       testing.TB
	plugged int
}

// patience is how long a real port is waited for in a test.
const patience = 20 * time.Second

// soon is a context that ends before the time of all tests does.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func newBox(t testing.TB) *box {
	dir := t.TempDir()
	b := &box{t: t, Tree: modem.Tree{Dev: dir + "/dev", Sys: dir + "/sys", Proc: "/proc", Run: dir + "/run"}}
	for _, d := range []string{b.Dev + "/serial/by-id", b.Dev + "/serial/by-path", b.Sys + "/class/tty/console", b.Sys + "/bus/usb/devices", b.Run + "/udev/data", b.Run + "/lock"} {
		check(t, os.MkdirAll(d, 0o755))
	}
	return b
}

func (b *box) write(text string, path ...string) {
	b.t.Helper()
	name := filepath.Join(path...)
	check(b.t, os.MkdirAll(filepath.Dir(name), 0o755))
	check(b.t, os.WriteFile(name, []byte(text+"\n"), 0o644))
}

func (b *box) link(target string, path ...string) {
	b.t.Helper()
	name := filepath.Join(path...)
	check(b.t, os.MkdirAll(filepath.Dir(name), 0o755))
	os.Remove(name)
	check(b.t, os.Symlink(target, name))
}

// usb is a USB device to plug in. Its ports are the files of pseudo-terminals, by interface.
type usb struct {
	at, vendor, id, maker, product, serial string
	driver                                 string
	protocol                               string // of all interfaces
	class                                  string // of an interface without port
	ports                                  []string
}

// plug shows a device whose ports are called so, such as ttyUSB0, and returns what unplugs it.
func (b *box) plug(u usb, names ...string) (unplug func()) {
	b.t.Helper()
	b.plugged++
	dir := filepath.Join(b.Sys, "devices/usb1/1-1", u.at)
	for name, text := range map[string]string{
		"idVendor": u.vendor, "idProduct": u.id, "devnum": strconv.Itoa(b.plugged), "dev": fmt.Sprint("189:", b.plugged),
		"manufacturer": u.maker, "product": u.product, "serial": u.serial,
	} {
		if text != "" {
			b.write(text, dir, name)
		}
	}
	b.link(dir, b.Sys, "bus/usb/devices", u.at)
	remove := []string{dir, filepath.Join(b.Sys, "bus/usb/devices", u.at)}
	if u.class != "" {
		b.write(u.class, dir, u.at+":1.0", "bInterfaceClass")
		b.link("/sys/bus/usb/drivers/"+u.driver, dir, u.at+":1.0", "driver")
	}
	for i, port := range u.ports {
		face := filepath.Join(dir, fmt.Sprintf("%s:1.%d", u.at, i))
		b.write(fmt.Sprintf("%02x", i), face, "bInterfaceNumber")
		class := strings.Split(u.protocol+"//", "/")
		b.write(class[0], face, "bInterfaceClass")
		b.write(class[1], face, "bInterfaceSubClass")
		b.write(class[2], face, "bInterfaceProtocol")
		b.link("/sys/bus/usb/drivers/"+u.driver, face, "driver")
		b.write("", face, names[i], "port_number")
		tty := filepath.Join(b.Sys, "class/tty", names[i])
		b.write(fmt.Sprintf("188:%d", i), tty, "dev")
		b.link(filepath.Join(face, names[i]), tty, "device")
		b.link(port, b.Dev, names[i])
		byID := filepath.Join(b.Dev, "serial/by-id", fmt.Sprintf("usb-%s-if%02d-port0", strings.ReplaceAll(u.maker+"_"+u.product, " ", "_"), i))
		byPath := filepath.Join(b.Dev, "serial/by-path", fmt.Sprintf("platform-usb-0:%s:1.%d-port0", u.at, i))
		b.link("../../"+names[i], byID)
		b.link("../../"+names[i], byPath)
		remove = append(remove, tty, filepath.Join(b.Dev, names[i]), byID, byPath)
	}
	return func() {
		for _, path := range remove {
			check(b.t, os.RemoveAll(path))
		}
	}
}

// uart shows a UART of the computer; kind is what sysfs gives as its type, "0" where none is there.
func (b *box) uart(name, port, kind string) {
	b.t.Helper()
	b.write(kind, b.Sys, "class/tty", name, "type")
	b.write("204:64", b.Sys, "class/tty", name, "dev")
	check(b.t, os.MkdirAll(filepath.Join(b.Sys, "devices/soc/uart", name), 0o755))
	b.link(filepath.Join(b.Sys, "devices/soc/uart", name), b.Sys, "class/tty", name, "device")
	b.link(port, b.Dev, name)
}

// line is a pseudo-terminal: the modem's end, and the name of the computer's.
type line struct {
	*os.File
	name string
}

func newLine(t testing.TB) line {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	check(t, err)
	raw, err := master.SyscallConn()
	check(t, err)
	var number int
	check(t, raw.Control(func(fd uintptr) {
		check(t, unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0))
		number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		check(t, err)
		// Without this it echoes what the modem says until somebody opens the other end.
		termios, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
		check(t, err)
		termios.Iflag, termios.Oflag, termios.Lflag = 0, 0, 0
		check(t, unix.IoctlSetTermios(int(fd), unix.TCSETS, termios))
	}))
	name := fmt.Sprintf("/dev/pts/%d", number)
	// As long as nobody has the other end open, reading from this one fails.
	slave, err := os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0)
	check(t, err)
	t.Cleanup(func() {
		slave.Close()
		master.Close()
	})
	return line{master, name}
}

// rate is the one that the computer's end was opened at.
func (l line) rate(t testing.TB) (speed uint32) {
	raw, err := l.SyscallConn()
	check(t, err)
	check(t, raw.Control(func(fd uintptr) {
		termios, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
		check(t, err)
		speed = termios.Cflag & unix.CBAUD
	}))
	return speed
}

// silent is a port that says nothing.
func silent(t testing.TB) string { return newLine(t).name }

// simulated is a port with a simulated modem behind it.
func simulated(t testing.TB, options simulator.Options) (string, *simulator.Simulator) {
	t.Helper()
	l := newLine(t)
	sim := simulator.New(options)
	port, err := sim.Open()
	check(t, err)
	go io.Copy(port, l)
	go io.Copy(l, port)
	t.Cleanup(func() { sim.Close() })
	return l.name, sim
}

// answering is a port that answers each command line; what answer returns is sent line by line.
func answering(t testing.TB, answer func(l line, command string) []string) string {
	t.Helper()
	l := newLine(t)
	go func() {
		in := bufio.NewReader(l)
		for {
			command, err := in.ReadString('\r')
			if err != nil {
				return
			}
			command = strings.Trim(command, "\r\n\x1b")
			if command == "" {
				continue
			}
			for _, text := range answer(l, command) {
				fmt.Fprintf(l, "\r\n%s\r\n", text)
			}
		}
	}()
	return l.name
}

// plain is what a modem answers that has only an IMEI.
func plain(imei string) func(line, string) []string {
	return func(_ line, command string) []string {
		switch command {
		case "AT":
			return []string{"OK"}
		case "AT+CGSN":
			return []string{imei, "OK"}
		case "AT+CSQ":
			return []string{"+CSQ: 20,99", "OK"}
		}
		return []string{"ERROR"}
	}
}

// unlike is a modem that answers some commands in its own way.
func unlike(other func(line, string) []string, own map[string][]string) func(line, string) []string {
	return func(l line, command string) []string {
		if answer, ok := own[command]; ok {
			return answer
		}
		return other(l, command)
	}
}
