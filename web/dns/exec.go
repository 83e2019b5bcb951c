package dns

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/libdns/libdns"
)

// Exec is a program of the administrator's. It is called as PROGRAM present NAME VALUE, and later as
// PROGRAM cleanup NAME VALUE; NAME is the whole name of the TXT record, with no dot at its end. It
// ends with 0 when the record is written.
type Exec struct {
	Limit   time.Duration // how long it may take
	program string
}

func newExec(program string) (*Exec, error) {
	if !filepath.IsAbs(program) {
		return nil, fmt.Errorf("%s: write the whole path of the program", program)
	}
	return &Exec{Limit: time.Minute, program: program}, nil
}

// AppendRecords calls the program with present for each record.
func (e *Exec) AppendRecords(ctx context.Context, zone string, records []libdns.Record) ([]libdns.Record, error) {
	return each(ctx, zone, records, func(ctx context.Context, _, name, value string) error { return e.call(ctx, "present", name, value) })
}

// DeleteRecords calls the program with cleanup for each record.
func (e *Exec) DeleteRecords(ctx context.Context, zone string, records []libdns.Record) ([]libdns.Record, error) {
	return each(ctx, zone, records, func(ctx context.Context, _, name, value string) error { return e.call(ctx, "cleanup", name, value) })
}

func (e *Exec) call(ctx context.Context, verb, name, value string) error {
	ctx, cancel := context.WithTimeout(ctx, e.Limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, e.program, verb, name, value)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")} // our own environment may hold secrets
	if runtime.GOOS == "windows" {
		cmd.Env = append(cmd.Env, "SYSTEMROOT="+os.Getenv("SYSTEMROOT"))
	}
	var said head
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.WaitDelay = time.Second // for what it started and left behind
	err := cmd.Run()
	switch {
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		return nil
	case ctx.Err() != nil:
		err = fmt.Errorf("%s took longer than %v", verb, e.Limit)
	default:
		err = fmt.Errorf("%s: %w", verb, err)
	}
	if text := strings.TrimSpace(string(said)); text != "" {
		err = fmt.Errorf("%w, and said %q", err, clip(text))
	}
	return &Error{filepath.Base(e.program), err}
}

// head keeps the first of what is written to it.
type head []byte

func (h *head) Write(p []byte) (int, error) {
	*h = append(*h, p[:min(len(p), 1000-len(*h))]...)
	return len(p), nil
}

// clip shortens what others say.
func clip(text string) string {
	if r := []rune(text); len(r) > 150 {
		return string(r[:150]) + "…"
	}
	return text
}
