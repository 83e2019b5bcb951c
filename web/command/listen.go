package command

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"omsbox/store"
)

// What Windows says where others say EADDRINUSE and EACCES; no other system uses these values.
const (
	windowsInUse  = syscall.Errno(10048) // WSAEADDRINUSE
	windowsDenied = syscall.Errno(10013) // WSAEACCES
)

// checkAddress refuses what listen cannot open, whatever the computer is like.
func checkAddress(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if _, unknown := net.LookupPort("tcp", port); err != nil || port == "" || unknown != nil {
		return fmt.Errorf("%s: write it as :PORT or HOST:PORT, such as :80 or 127.0.0.1:8025, with a port of at most 65535, or off", addr)
	}
	return nil
}

// listen opens a TCP port such as ":80" or "127.0.0.1:8025". Its error is a line, two at most, that
// says what to do.
func listen(addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", addr)
	var unknown *net.DNSError
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE), errors.Is(err, windowsInUse):
		return nil, fmt.Errorf("port %s is in use by %s: stop that one, or choose another port", port, holder(port))
	case errors.Is(err, syscall.EACCES), errors.Is(err, windowsDenied):
		return nil, errors.New(denied(port))
	case errors.Is(err, syscall.EADDRNOTAVAIL), errors.As(err, &unknown):
		return nil, fmt.Errorf("%s is no address of this computer: leave the host out to listen on all of them, as in :%s", host, port)
	}
	return nil, fmt.Errorf("listen on %s: %w", addr, err)
}

// denied says how to open a port that this user may not.
func denied(port string) string {
	program, err := os.Executable()
	if err == nil {
		program, err = filepath.EvalSymlinks(program) // setcap takes no link
	}
	if err != nil || runtime.GOOS != "linux" {
		return "this user may not open port " + port + ": start as root or administrator, or choose a higher port"
	}
	program = store.Quoted(program)
	return fmt.Sprintf("port %s is below 1024 and this user may not open it. Allow this program to, again after each "+
		"upgrade: sudo setcap cap_net_bind_service=+ep %s\n"+
		"or let the system run it, which needs no such thing: sudo %s install", port, program, program)
}

// holder names the program that listens on a port, where /proc tells.
func holder(port string) string {
	const unknown = "another program"
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return unknown
	}
	sockets := map[string]bool{} // as they are called in /proc/PID/fd
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, _ := os.ReadFile(table)
		for line := range strings.Lines(string(text)) {
			// sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
			f := strings.Fields(line)
			if len(f) > 9 && f[3] == "0A" && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", number)) { // 0A: listens
				sockets["socket:["+f[9]+"]"] = true
			}
		}
	}
	if len(sockets) == 0 {
		return unknown
	}
	handles, _ := filepath.Glob("/proc/[0-9]*/fd/*") // of others only if we are root
	for _, handle := range handles {
		if to, err := os.Readlink(handle); err != nil || !sockets[to] {
			continue
		}
		process := filepath.Dir(filepath.Dir(handle))
		if name, err := os.ReadFile(filepath.Join(process, "comm")); err == nil {
			return fmt.Sprintf("%s (process %s)", strings.TrimSpace(string(name)), filepath.Base(process))
		}
	}
	return unknown
}
