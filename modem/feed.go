package modem

import (
	"io"
	"sync"
)

// feed is a buffer that a reader waits for and a writer never does.
type feed struct {
	mu    sync.Mutex
	ready *sync.Cond
	data  []byte
	over  bool
}

func (f *feed) put(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.data)+len(text) > mostUnread {
		return
	}
	f.data = append(f.data, text...)
	f.ready.Signal()
}

func (f *feed) read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.data) == 0 {
		if f.over {
			return 0, io.EOF
		}
		f.ready.Wait()
	}
	n := copy(p, f.data)
	f.data = f.data[n:]
	if len(f.data) == 0 {
		f.data = nil
	}
	return n, nil
}

func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over = true
	f.ready.Broadcast()
}
