package web

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
)

// What Windows says where others say EADDRINUSE and EACCES; no other system uses these values.
const (
	windowsInUse  = syscall.Errno(10048) // WSAEADDRINUSE
	windowsDenied = syscall.Errno(10013) // WSAEACCES
)

// Listen opens a TCP port such as ":80" or "127.0.0.1:8025". Its error is one line that says what
// to do.
func Listen(addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port == "" {
		return nil, fmt.Errorf("address %q: write it as HOST:PORT or :PORT, such as :80 or 127.0.0.1:8025", addr)
	}
	l, err := net.Listen("tcp", addr)
	var unknown *net.DNSError
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE), errors.Is(err, windowsInUse):
		return nil, fmt.Errorf("port %s is in use by another program: stop that one, or choose another port", port)
	case errors.Is(err, syscall.EACCES), errors.Is(err, windowsDenied):
		return nil, fmt.Errorf("this user may not open ports below 1024: start as root, give the program the capability cap_net_bind_service, or choose a higher port than %s", port)
	case errors.Is(err, syscall.EADDRNOTAVAIL), errors.As(err, &unknown):
		return nil, fmt.Errorf("%s is no address of this computer: leave the host out to listen on all of them, as in :%s", host, port)
	}
	return nil, fmt.Errorf("listen on %s: %w", addr, err)
}

// listener accepts a connection once there is a place for it, which the connection's end gives back.
type listener struct {
	net.Listener
	places chan struct{} // one in it for each that is taken
	closed chan struct{}
	once   sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.places
	}
	return conn, err
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}
