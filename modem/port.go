package modem

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/user"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Opener returns what opens a device of this computer, as Tree.Opener does.
func Opener(device string) (func(context.Context) (io.ReadWriteCloser, error), error) {
	return SystemTree().Opener(device)
}

// Opener returns what opens a device: tcp://host:port, imei:NUMBER or usb:PLACE for a modem wherever
// its port is, or a serial device by its name. A serial device that returns under another name after
// it was unplugged is found again by the place where it sat when it was opened last.
func (t Tree) Opener(device string) (func(context.Context) (io.ReadWriteCloser, error), error) {
	if address, ok := strings.CutPrefix(device, "tcp://"); ok {
		_, port, err := net.SplitHostPort(address)
		if _, unknown := net.LookupPort("tcp", port); err != nil || port == "" || unknown != nil {
			return nil, fmt.Errorf("modem %s: write it as tcp://host:port, with a port of at most 65535", device)
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
	if strings.HasPrefix(device, "imei:") || strings.HasPrefix(device, "usb:") {
		sought := &sought{tree: t, device: device}
		return sought.open, nil
	}
	named := &named{tree: t, device: device}
	return named.open, nil
}

// named is a serial device that people named.
type named struct {
	tree   Tree
	device string

	mu   sync.Mutex
	seat Port // where it sat when it was opened last; zero before that
	rate int  // at which its modem answered last, where it has a rate; 0 before that
}

func (n *named) open(ctx context.Context) (io.ReadWriteCloser, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p, err := n.find()
	if err != nil {
		return nil, err
	}
	port, err := n.tree.open(ctx, p, &n.rate)
	if err != nil {
		return nil, err
	}
	n.seat = p
	return port, nil
}

// find returns the port to open now. Where the device sat before comes first, since its name may
// have gone to another stick meanwhile; the name comes second, for a stick that was moved.
func (n *named) find() (Port, error) {
	if n.seat.USB.Location != "" {
		ports, err := n.tree.Ports()
		if err != nil {
			return Port{}, err
		}
		for _, p := range ports {
			if p.sameSeat(n.seat) {
				return p, nil
			}
		}
	}
	if p, ok := n.tree.Port(n.device); ok {
		return p, nil
	}
	return Port{Path: n.device, Interface: -1}, nil // a pseudo-terminal, or nothing: opening it will say so
}

// rates are the rates at which modems behind a UART are looked for, the likely ones first.
var rates = []int{115200, 9600, 57600, 38400, 19200, 230400, 460800, 921600, 4800}

// open opens a port for this process alone, after making sure that nobody else has it. Where the
// line has a rate, it looks for the one at which a modem answers, the known one first; known is 0
// and the port is opened at the usual rate where none answers.
func (t Tree) open(ctx context.Context, p Port, known *int) (io.ReadWriteCloser, error) {
	rate := rates[0]
	if p.UART {
		found, err := t.findRate(ctx, p, *known)
		if err != nil {
			return nil, err
		}
		if *known = found; found != 0 {
			rate = found
		}
	}
	return t.openAt(p, rate)
}

// openAt opens a port at a rate in baud.
func (t Tree) openAt(p Port, rate int) (io.ReadWriteCloser, error) {
	if e := t.held(p); e != nil {
		return nil, e
	}
	port, err := openSerial(p.Path, rate)
	switch {
	case errors.Is(err, errPortHeld), errors.Is(err, syscall.EBUSY):
		return nil, t.heldAfterAll(p)
	case err != nil:
		return nil, explain(p.Path, err)
	}
	return port, nil
}

// findRate returns the rate at which a modem answers, 0 where none does.
func (t Tree) findRate(ctx context.Context, p Port, known int) (int, error) {
	candidates := rates
	if known != 0 {
		candidates = append([]int{known}, rates...)
	}
	hurried := probing()
	hurried.Command, hurried.Resync = 300*time.Millisecond, 0
	for _, rate := range candidates {
		port, err := t.openAt(p, rate)
		if err != nil {
			return 0, err
		}
		session := NewSession(port, hurried, slog.New(slog.DiscardHandler))
		answers := session.attentive(ctx)
		session.Close()
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if answers {
			return rate, nil
		}
	}
	return 0, nil
}

// errPortHeld: another program has the serial port.
var errPortHeld = errors.New("the port is held by another program")

// explain says what to do about a serial port that does not open.
func explain(device string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no %s: is the modem plugged in? `omsbox modem detect` lists what is", device)
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
