package simulator

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
)

// Bus is a USB bus that gives sticks' ports names, as Linux does: a port gets the
// lowest number that is free when its stick comes, and a number is free only when
// nobody has it open any more.
type Bus struct {
	mu    sync.Mutex
	ports []*BusPort
}

// BusPort is a port on a Bus.
type BusPort struct {
	Name      string // such as "ttyUSB0"
	Path      string // where the stick is plugged in, such as "1-1.2"
	Interface int    // of the stick, from 0
	Vendor    string // USB id, four hexadecimal digits
	Product   string

	s    *Simulator // nil: the stick is away, and the name still in use
	open int        // how often it is open
}

// Attach plugs a stick in at path. From then on its ports have new names whenever
// it was away.
func (b *Bus) Attach(s *Simulator, path string) {
	s.mu.Lock()
	s.power = func(on bool) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.remove(s)
		if on {
			b.add(s, path)
		}
	}
	present := !s.absent
	s.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	if present {
		b.add(s, path)
	}
}

func (b *Bus) remove(s *Simulator) {
	for _, p := range b.ports {
		if p.s == s {
			p.s = nil
		}
	}
	b.tidy()
}

func (b *Bus) tidy() {
	b.ports = slices.DeleteFunc(b.ports, func(p *BusPort) bool { return p.s == nil && p.open == 0 })
}

func (b *Bus) add(s *Simulator, path string) {
	for i := range s.ports {
		n := 0
		for slices.ContainsFunc(b.ports, func(p *BusPort) bool { return p.Name == fmt.Sprint("ttyUSB", n) }) {
			n++
		}
		b.ports = append(b.ports, &BusPort{
			Name: fmt.Sprint("ttyUSB", n), Path: path, Interface: i,
			Vendor: s.profile.vendor, Product: s.profile.product, s: s,
		})
	}
}

// Ports lists the ports of all sticks that are plugged in, by name.
func (b *Bus) Ports() []BusPort {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []BusPort
	for _, p := range b.ports {
		if p.s != nil {
			list = append(list, *p)
		}
	}
	slices.SortFunc(list, func(a, b BusPort) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Open opens the port of this name. Where there is none the error is
// os.ErrNotExist, else as of OpenPort.
func (b *Bus) Open(name string) (io.ReadWriteCloser, error) {
	b.mu.Lock()
	i := slices.IndexFunc(b.ports, func(p *BusPort) bool { return p.Name == name && p.s != nil })
	if i < 0 {
		b.mu.Unlock()
		return nil, fmt.Errorf("simulator: %s: %w", name, os.ErrNotExist)
	}
	p := b.ports[i]
	s := p.s
	p.open++
	b.mu.Unlock()
	opened, err := s.OpenPort(p.Interface)
	if err != nil {
		b.release(p)
		return nil, err
	}
	return &named{port: opened.(*port), release: sync.OnceFunc(func() { b.release(p) })}, nil
}

func (b *Bus) release(p *BusPort) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p.open--
	b.tidy()
}

// named is a port that keeps its name in use until it is closed.
type named struct {
	*port
	release func()
}

func (n *named) Close() error {
	defer n.release()
	return n.port.Close()
}
