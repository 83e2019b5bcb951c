//go:build unix

package main

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A service whose terminal goes away ends as it does for the service manager; one whose log nobody reads any
// more goes on.
func TestASignalOfTheTerminal(t *testing.T) {
	t.Parallel()
	file, err := program()
	check(t, err)
	read, write, err := os.Pipe()
	check(t, err)
	cmd := exec.Command(file, "serve", "-data", t.TempDir(), "-tls", "off", "-http", "127.0.0.1:0", "-modem", "sim", "-log", "debug")
	cmd.Stderr, cmd.Stdout = write, write
	check(t, cmd.Start())
	check(t, write.Close())
	address := ""
	for lines := bufio.NewScanner(read); address == "" && lines.Scan(); {
		if _, rest, ok := strings.Cut(lines.Text(), "at=http://"); ok {
			address, _, _ = strings.Cut(rest, " ")
		}
	}
	check(t, read.Close()) // each line that it writes from now on meets a broken pipe
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for range 20 { // each request is a line of the log
		answer, err := http.Get("http://" + address + "/")
		if err != nil {
			t.Fatalf("the service does not go on: %v", err)
		}
		check(t, answer.Body.Close())
	}
	check(t, cmd.Process.Signal(syscall.SIGPIPE))
	select {
	case err := <-ended:
		t.Fatalf("it ended: %v", err)
	case <-time.After(time.Second):
	}
	check(t, cmd.Process.Signal(syscall.SIGHUP))
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(30 * time.Second):
		cmd.Process.Kill()
		t.Fatal("it does not end")
	}
}
