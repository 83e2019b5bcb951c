package simulator

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
)

// Serve offers the AT port to one client at a time on l, which it closes in the
// end; further clients are hung up on. It returns nil when ctx is done.
func (s *Simulator) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	var clients sync.WaitGroup
	defer clients.Wait()
	defer cancel()
	context.AfterFunc(ctx, func() { l.Close() })
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("simulator: %w", err)
		}
		port, err := s.Open()
		if err != nil {
			conn.Close()
			continue
		}
		clients.Go(func() { bridge(ctx, conn, port) })
	}
}

// bridge copies in both directions until either side ends or ctx is done.
func bridge(ctx context.Context, conn net.Conn, port io.ReadWriteCloser) {
	end := func() {
		conn.Close()
		port.Close()
	}
	defer context.AfterFunc(ctx, end)()
	var back sync.WaitGroup
	back.Go(func() {
		io.Copy(conn, port)
		end()
	})
	io.Copy(port, conn)
	end()
	back.Wait()
}
