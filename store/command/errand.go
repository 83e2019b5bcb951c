package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"omsbox/store"
)

// Errand has the service that runs ask a modem that it has, and prints the answer. served is false
// where no service runs from that data directory, or it has no such modem: its port is then free.
// A modem may be named as the service names it, or by its IMEI or the IMSI of its SIM.
func Errand(ctx context.Context, data, device, verb, text string) (served bool, err error) {
	s, err := store.Open(ctx, filepath.Clean(data), slog.New(slog.DiscardHandler))
	if errors.Is(err, store.ErrNoDatabase) {
		return false, nil // nor a service
	}
	if err != nil {
		return true, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if !s.Serving() {
		return false, nil
	}
	modems, err := s.Modems(ctx)
	if err != nil {
		return true, err
	}
	for _, m := range modems {
		if device != m.Device && device != m.IMEI && device != m.IMSI || device == "" {
			continue
		}
		answer, err := s.Ask(ctx, m.Device, verb, text)
		if err == nil {
			_, err = fmt.Fprintln(os.Stdout, answer)
		}
		return true, err
	}
	return false, nil
}
