package simulator

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

// maxBuffered bounds each direction of a port. A host that reads nothing loses
// what the modem says beyond it, as on a line without flow control; the modem
// that reads nothing makes the host wait.
const maxBuffered = 1 << 20

var errHangUp = errors.New("simulator: input/output error")

// port is the host's end of the modem's AT port.
type port struct {
	in, out *buffer       // named as the modem sees them
	gone    chan struct{} // closed when the port has ended, from either side
	ended   sync.Once
}

func newPort() *port {
	return &port{in: newBuffer(), out: newBuffer(), gone: make(chan struct{})}
}

// Read blocks until the modem says something. It ends with io.EOF when the
// modem goes away, with os.ErrClosed after Close.
func (p *port) Read(b []byte) (int, error) { return p.out.read(b) }

// Write blocks while the modem takes no bytes.
func (p *port) Write(b []byte) (int, error) { return p.in.write(b) }

// Close unblocks Read and Write. What was written still reaches the modem.
func (p *port) Close() error {
	p.ended.Do(func() { close(p.gone) })
	p.out.clear()
	p.out.end(os.ErrClosed, os.ErrClosed)
	p.in.end(io.EOF, os.ErrClosed)
	return nil
}

// isGone is whether the port has ended.
func (p *port) isGone() bool {
	select {
	case <-p.gone:
		return true
	default:
		return false
	}
}

func (p *port) SetReadDeadline(t time.Time) error  { return p.out.readers.set(t) }
func (p *port) SetWriteDeadline(t time.Time) error { return p.in.writers.set(t) }

func (p *port) SetDeadline(t time.Time) error {
	p.SetReadDeadline(t)
	return p.SetWriteDeadline(t)
}

// hangUp is what the host sees when the modem goes away. What the modem said
// before can still be read.
func (p *port) hangUp() {
	p.ended.Do(func() { close(p.gone) })
	p.in.clear()
	p.out.end(io.EOF, errHangUp)
	p.in.end(io.EOF, errHangUp)
}

// buffer is one direction of a port.
type buffer struct {
	mu                sync.Mutex
	change            *sync.Cond
	data              bytes.Buffer
	stalled           bool
	sizes             []int // of what one read gets, see Simulator.SplitReads
	reads             int   // that were cut to size
	readErr, writeErr error // set once it has ended
	readers, writers  deadline
}

func newBuffer() *buffer {
	b := &buffer{}
	b.change = sync.NewCond(&b.mu)
	b.readers.buffer, b.writers.buffer = b, b
	return b
}

func (b *buffer) read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		switch {
		case b.readers.passed:
			return 0, os.ErrDeadlineExceeded
		case b.data.Len() > 0:
			b.change.Broadcast()
			if len(b.sizes) > 0 {
				p = p[:min(len(p), b.sizes[b.reads%len(b.sizes)])]
				b.reads++
			}
			return b.data.Read(p)
		case b.readErr != nil:
			return 0, b.readErr
		case len(p) == 0:
			return 0, nil
		}
		b.change.Wait()
	}
}

func (b *buffer) write(p []byte) (n int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		free := min(len(p)-n, maxBuffered-b.data.Len())
		switch {
		case b.writeErr != nil:
			return n, b.writeErr
		case n == len(p):
			return n, nil
		case b.writers.passed:
			return n, os.ErrDeadlineExceeded
		case !b.stalled && free > 0:
			b.data.Write(p[n : n+free])
			n += free
			b.change.Broadcast()
		default:
			b.change.Wait()
		}
	}
}

// put adds what the modem says, in one piece; it never blocks.
func (b *buffer) put(data []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.writeErr == nil && b.data.Len()+len(data) <= maxBuffered {
		b.data.Write(data)
		b.change.Broadcast()
	}
}

func (b *buffer) stall(stall bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stalled = stall
	b.change.Broadcast()
}

func (b *buffer) split(sizes []int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sizes, b.reads = sizes, 0
}

func (b *buffer) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.data.Reset()
}

// end makes every read (once what is there has been read) and every write,
// running or to come, return these errors. The first end counts.
func (b *buffer) end(readErr, writeErr error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.readErr == nil {
		b.readErr, b.writeErr = readErr, writeErr
		b.readers.stop()
		b.writers.stop()
		b.readers.passed, b.writers.passed = false, false
		b.change.Broadcast()
	}
}

// deadline is the deadline of one side of a buffer, guarded by its lock.
type deadline struct {
	buffer *buffer
	timer  *time.Timer
	passed bool
}

func (d *deadline) set(t time.Time) error {
	b := d.buffer
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.writeErr != nil {
		return b.writeErr
	}
	d.stop()
	d.passed = false
	if wait := time.Until(t); t.IsZero() {
		return nil
	} else if wait <= 0 {
		d.passed = true
	} else {
		var timer *time.Timer
		timer = time.AfterFunc(wait, func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			if d.timer == timer { // not replaced while it waited for the lock
				d.passed = true
				b.change.Broadcast()
			}
		})
		d.timer = timer
	}
	b.change.Broadcast()
	return nil
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
