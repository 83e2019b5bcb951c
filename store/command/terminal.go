package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"omsbox/store"
)

// newPassword asks for a password that a user is to have from now on.
func newPassword(ctx context.Context, login string) (string, error) {
	password, err := askPassword(ctx, login)
	if err == nil {
		err = store.CheckPassword(password)
	}
	return password, err
}

// askPassword asks for the password of a user.
func askPassword(ctx context.Context, login string) (string, error) {
	return AskSecret(ctx, "Password for "+login+": ")
}

// NewPassphrase asks for a passphrase that something is to be encrypted to: at a terminal twice, since nobody sees it.
func NewPassphrase(ctx context.Context) (string, error) {
	passphrase, err := AskSecret(ctx, "Passphrase for the backup: ")
	if err == nil {
		err = store.CheckPassword(passphrase)
	}
	if err != nil || !term.IsTerminal(int(os.Stdin.Fd())) {
		return passphrase, err
	}
	again, err := AskSecret(ctx, "Again: ")
	if err == nil && again != passphrase {
		err = errors.New("the two are not the same: nothing was done")
	}
	return passphrase, err
}

// AskSecret reads a password from the terminal without showing it, else a line of standard input.
func AskSecret(ctx context.Context, question string) (string, error) {
	fd := int(os.Stdin.Fd())
	if !term.IsTerminal(fd) {
		line, err := interruptible(ctx, func() ([]byte, error) {
			return bufio.NewReader(io.LimitReader(os.Stdin, 4096)).ReadBytes('\n')
		})
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return strings.TrimRight(string(line), "\r\n"), err
	}
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	fmt.Fprint(os.Stderr, question)
	password, err := interruptible(ctx, func() ([]byte, error) { return term.ReadPassword(fd) })
	term.Restore(fd, before) // also where it was interrupted
	fmt.Fprintln(os.Stderr)
	return string(password), err
}

// input reads standard input, at most 1 MiB of it.
func input(ctx context.Context) (string, error) {
	text, err := interruptible(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(os.Stdin, 1<<20)) })
	return string(text), err
}

// interruptible reads until ctx ends. The reading that it then leaves behind ends with the process.
func interruptible(ctx context.Context, read func() ([]byte, error)) ([]byte, error) {
	type result struct {
		text []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := read()
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		return r.text, r.err
	case <-ctx.Done():
		return nil, errors.New("interrupted: nothing was done")
	}
}

// Ask asks a question at the terminal and returns the line that is typed, or a line of standard input.
func Ask(ctx context.Context, question string) (string, error) {
	fmt.Fprint(os.Stderr, question)
	line, err := interruptible(ctx, func() ([]byte, error) {
		return bufio.NewReader(io.LimitReader(os.Stdin, 4096)).ReadBytes('\n')
	})
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return strings.TrimSpace(string(line)), err
}
