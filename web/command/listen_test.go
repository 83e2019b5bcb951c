package command

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"omsbox/store"
)

func TestAPortThatThisUserMayNotOpenIsMendedByOneCommand(t *testing.T) {
	t.Parallel()
	got := denied("443")
	if runtime.GOOS != "linux" {
		if want := "start as root or administrator"; !strings.Contains(got, want) {
			t.Errorf("got %q, want it to contain %q", got, want)
		}
		return
	}
	program, err := os.Executable()
	if err == nil {
		program, err = filepath.EvalSymlinks(program)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"port 443 ", "sudo setcap cap_net_bind_service=+ep " + store.Quoted(program) + "\n",
		"sudo " + store.Quoted(program) + " install"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want it to contain %q", got, want)
		}
	}
}

func TestListenNamesTheRemedy(t *testing.T) {
	t.Parallel()
	taken, err := listen("127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	by := "another program"
	if name, err := os.ReadFile("/proc/self/comm"); err == nil { // there is one on Linux alone
		by = fmt.Sprintf("%s (process %d)", strings.TrimSpace(string(name)), os.Getpid())
	}
	for _, c := range []struct{ name, addr, want string }{
		{"taken", taken.Addr().String(), "port " + port + " is in use by " + by + ": stop that one, or choose another port"},
		{"not ours", "192.0.2.1:8025", "192.0.2.1 is no address of this computer: leave the host out to listen on all of them, as in :8025"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := listen(c.addr)
			if err == nil {
				l.Close()
				t.Fatal("got a listener, want an error")
			}
			if got := err.Error(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}
