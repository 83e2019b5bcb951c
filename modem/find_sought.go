package modem

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
)

// sought is a modem that people named by what it is, imei:NUMBER, or by where it is, usb:PLACE.
type sought struct {
	tree   Tree
	device string

	mu    sync.Mutex
	found Found // when it was opened last; zero before that
}

// open opens its port; where that is not known, or something else is there now, all that is plugged
// in is asked.
func (s *sought) open(ctx context.Context) (io.ReadWriteCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ports, err := s.tree.Ports()
	if err != nil {
		return nil, err
	}
	if !s.found.Port.among(ports) {
		if err := s.seek(ctx, ports); err != nil {
			return nil, err
		}
	}
	return s.tree.open(ctx, s.found.Port, &s.found.Rate)
}

// seek asks for the modem.
func (s *sought) seek(ctx context.Context, ports []Port) error {
	if place, ok := strings.CutPrefix(s.device, "usb:"); ok {
		ports = slices.DeleteFunc(ports, func(p Port) bool { return p.USB.Location != place })
	}
	var useless []string
	for _, a := range s.tree.askAll(ctx, ports, slog.New(slog.DiscardHandler)) {
		for _, f := range a.found {
			if s.device == "imei:"+f.IMEI || s.device == "usb:"+f.Port.USB.Location {
				s.found = f
				return nil
			}
		}
		for _, p := range a.asked {
			if p.Err != nil {
				useless = append(useless, why(p))
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(useless) > 0 {
		return fmt.Errorf("the modem %s is not found: %s", s.device, strings.Join(useless, "; "))
	}
	return fmt.Errorf("the modem %s is not plugged in: `omsbox modem detect` lists what is", s.device)
}

// askAll asks all devices at once, and the ports of each one after the other.
func (t Tree) askAll(ctx context.Context, ports []Port, log *slog.Logger) []answer {
	var answers []answer
	index := map[string]int{}
	devices := [][]Port{}
	for _, p := range ports {
		i, ok := index[p.device()]
		if !ok {
			i = len(devices)
			index[p.device()] = i
			devices = append(devices, nil)
		}
		devices[i] = append(devices[i], p)
	}
	answers = make([]answer, len(devices))
	var group sync.WaitGroup
	for i, ports := range devices {
		group.Go(func() { answers[i].found, answers[i].asked = probe(ctx, t, ports, log) })
	}
	group.Wait()
	return answers
}
