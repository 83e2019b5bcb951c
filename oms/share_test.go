package oms_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"omsbox/oms"
)

// pipes is a listener that clients of any address reach through pipes.
type pipes struct {
	dialled chan net.Conn
	closed  chan struct{}
	once    sync.Once
	clients []*client
	writers sync.WaitGroup
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.dialled:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// from is the server's end of a pipe that comes from an address.
type from struct {
	net.Conn
	address net.Addr
}

func (f *from) RemoteAddr() net.Addr { return f.address }

// post begins a request of so many octets.
func (p *pipes) post(address string, size int) *client {
	ours, theirs := net.Pipe()
	p.dialled <- &from{theirs, &net.TCPAddr{IP: net.ParseIP(address), Port: 50000}}
	c := &client{Conn: ours, answer: make(chan int, 1), begun: time.Now()}
	p.clients = append(p.clients, c)
	go func() {
		r, err := http.ReadResponse(bufio.NewReader(ours), nil)
		if err != nil {
			c.answer <- 0
			return
		}
		text, _ := io.ReadAll(r.Body)
		c.text = string(text)
		c.answer <- r.StatusCode
		io.Copy(io.Discard, ours)
	}()
	fmt.Fprintf(ours, "POST /oms/service.asmx HTTP/1.1\r\nHost: box\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", size)
	return c
}

// client is one request.
type client struct {
	net.Conn
	answer chan int // the status; 0 where there was none
	text   string   // of the answer, once its status was received
	begun  time.Time
}

// status waits for the answer, and returns how long it took.
func (c *client) status() (int, time.Duration) {
	status := <-c.answer
	return status, time.Since(c.begun)
}

// padded is a GetServiceInfo of so many octets.
func padded(size int) string {
	start, end, _ := strings.Cut(envelope("GetServiceInfo", "", ""), "<soap:Body>")
	start, end = start+"<soap:Header>", "</soap:Header><soap:Body>"+end
	return start + strings.Repeat(" ", size-len(start)-len(end)) + end
}

const megabyte = 1 << 20

// crowded runs a server of its own in a bubble, whose requests may take a minute each, as those of the box.
func crowded(t *testing.T, story func(t *testing.T, p *pipes)) {
	t.Helper()
	b := newBox(t)
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{dialled: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{Handler: oms.New(b.Store, slog.New(slog.DiscardHandler)), ReadTimeout: time.Minute}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			server.Serve(p)
		}()
		story(t, p)
		server.Close()
		for _, c := range p.clients {
			c.Close()
		}
		p.writers.Wait()
		<-ended
	})
}

// largest is a body as large as any may be.
var largest = strings.Repeat(" ", 8*megabyte)

func TestLargeRequestsThatStallKeepNobodyOut(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		attack func(p *pipes)
	}{
		{"stalled ones of one household", func(p *pipes) {
			for range 60 {
				c := p.post("192.0.2.1", len(largest))
				p.writers.Go(func() { io.WriteString(c, largest[:2*megabyte]) })
			}
		}},
		{"stalled ones of two households", func(p *pipes) {
			for n := range 60 {
				c := p.post(fmt.Sprintf("2001:db8:0:%d::%x", n%2, n), len(largest))
				p.writers.Go(func() { io.WriteString(c, largest[:2*megabyte]) })
			}
		}},
		{"trickling ones of two households", func(p *pipes) {
			for n := range 60 {
				c := p.post(fmt.Sprintf("192.0.2.%d", n%2), len(largest))
				p.writers.Go(func() {
					_, err := io.WriteString(c, largest[:2*megabyte])
					for ; err == nil; time.Sleep(100 * time.Millisecond) {
						_, err = io.WriteString(c, " ")
					}
				})
			}
		}},
		{"announced ones", func(p *pipes) {
			for n := range 60 {
				p.post(fmt.Sprintf("192.0.2.%d", n), len(largest))
			}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			crowded(t, func(t *testing.T, p *pipes) {
				test.attack(p)
				for _, pause := range []time.Duration{0, 2 * time.Second, 2 * time.Second} {
					time.Sleep(pause)
					c := p.post("192.0.2.100", megabyte)
					_, err := io.WriteString(c, padded(megabyte))
					check(t, err)
					// It grows a few times, and each time another may have to yield, which takes half a second.
					if got, after := c.status(); got != http.StatusOK || after > 3*time.Second {
						t.Errorf("another household's request got %d after %v, want 200 within three seconds", got, after)
					}
				}
			})
		})
	}
}

// Requests that arrive as they should do not fill the memory of all, where they are one household's.
func TestOneHouseholdHasHalfOfTheMemory(t *testing.T) {
	t.Parallel()
	crowded(t, func(t *testing.T, p *pipes) {
		for n := range 12 {
			c := p.post(fmt.Sprintf("2001:db8::%d", n+1), len(largest))
			p.writers.Go(func() {
				for text := largest; len(text) > 0; text = text[megabyte/16:] {
					if _, err := io.WriteString(c, text[:megabyte/16]); err != nil {
						return
					}
					time.Sleep(10 * time.Millisecond)
				}
			})
		}
		time.Sleep(400 * time.Millisecond) // by now the household would have 30 MB
		c := p.post("192.0.2.100", len(largest))
		_, err := io.WriteString(c, padded(len(largest)))
		check(t, err)
		if got, after := c.status(); got != http.StatusOK || after > 0 {
			t.Errorf("another household's request got %d after %v, want 200 at once", got, after)
		}
	})
}

func TestALargeRequestHasToArriveAtARate(t *testing.T) {
	t.Parallel()
	crowded(t, func(t *testing.T, p *pipes) {
		for _, test := range []struct {
			name            string
			at, every, size int // octets at once; milliseconds; octets in all
			want            int
			after           time.Duration
		}{
			{"a line of 64 kbit/s", 800, 100, 400_000, http.StatusOK, time.Minute},
			{"a small one that trickles", 20, 1000, 1000, http.StatusOK, time.Minute},
			{"a large one that trickles", 80_000, 1000, megabyte, http.StatusOK, time.Minute},
		} {
			c := p.post("192.0.2.1", test.size)
			text := padded(test.size)
			for len(text) > 0 {
				n := min(len(text), test.at)
				_, err := io.WriteString(c, text[:n])
				check(t, err)
				text = text[n:]
				time.Sleep(time.Duration(test.every) * time.Millisecond)
			}
			if got, after := c.status(); got != test.want || after > test.after {
				t.Errorf("%s got %d after %v", test.name, got, after)
			}
		}
		for _, octets := range []int{70_000, 5 * megabyte} {
			c := p.post("192.0.2.1", len(largest))
			io.WriteString(c, largest[:octets])
			p.writers.Go(func() {
				for err := error(nil); err == nil; time.Sleep(time.Second) {
					_, err = io.WriteString(c, " ")
				}
			})
			if got, after := c.status(); got != http.StatusRequestTimeout || after > 11*time.Second {
				t.Errorf("one that trickles after %d octets got %d after %v, want 408 within 11s", octets, got, after)
			}
		}
		for _, size := range []int{100, len(largest)} {
			c := p.post("192.0.2.1", size)
			io.WriteString(c, largest[:50])
			if got, after := c.status(); got != http.StatusRequestTimeout || after != time.Minute || !strings.HasSuffix(c.text, "Nothing was sent.\n") {
				t.Errorf("one that stops early got %d after %v, want 408 after a minute: %s", got, after, c.text)
			}
		}
	})
}

// Of requests that all wait for one another's memory, the oldest go on.
func TestLargeRequestsThatCannotAllBeHeldDoNotHinderOneAnother(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{"of many households": "192.0.2.%d", "of one household": "2001:db8::%d"} {
		t.Run(name, func(t *testing.T) {
			crowded(t, func(t *testing.T, p *pipes) {
				var clients []*client
				for n := range 12 {
					c := p.post(fmt.Sprintf(address, n), 4*megabyte)
					clients = append(clients, c)
					p.writers.Go(func() {
						for text := padded(4 * megabyte); len(text) > 0; text = text[megabyte/16:] {
							if _, err := io.WriteString(c, text[:megabyte/16]); err != nil {
								return
							}
							time.Sleep(time.Millisecond)
						}
					})
				}
				statuses := map[int]int{}
				for _, c := range clients {
					status, after := c.status()
					if statuses[status]++; after > 5*time.Second {
						t.Errorf("got %d after %v", status, after)
					}
				}
				if statuses[http.StatusOK] < 3 || statuses[http.StatusOK]+statuses[http.StatusServiceUnavailable] != len(clients) {
					t.Errorf("of 12 requests, these were answered with each status: %v", statuses)
				}
				// And all of it was given back.
				for range 3 {
					c := p.post("192.0.2.1", len(largest))
					_, err := io.WriteString(c, padded(len(largest)))
					check(t, err)
					if got, after := c.status(); got != http.StatusOK || after > 0 {
						t.Errorf("the next got %d after %v", got, after)
					}
				}
			})
		})
	}
}

func TestManyLargeRequestsShareTheirMemory(t *testing.T) {
	crowded(t, func(t *testing.T, p *pipes) {
		before := heap()
		for n := range 50 {
			c := p.post(fmt.Sprintf("192.0.2.%d", n), len(largest))
			p.writers.Go(func() { io.WriteString(c, largest) })
		}
		synctest.Wait()
		if used := heap() - before; used > (24+50/8)<<20 {
			t.Errorf("they take %d MiB", used>>20)
		}
		// One of ordinary size is not kept waiting.
		text := envelope("GetServiceInfo", "", "")
		c := p.post("192.0.2.100", len(text))
		io.WriteString(c, text)
		if got, after := c.status(); got != http.StatusOK || after > 0 {
			t.Errorf("a small request got %d after %v", got, after)
		}
	})
}
