package web_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"omsbox/web"
)

// pipes is a door in memory, so that time-outs can be tried in a bubble of synctest.
type pipes struct {
	dialled chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func newPipes() *pipes { return &pipes{dialled: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) dial() net.Conn { return p.dialFrom("192.0.2.1") }

func (p *pipes) dialFrom(address string) net.Conn {
	ours, theirs := net.Pipe()
	p.dialled <- &from{theirs, &net.TCPAddr{IP: net.ParseIP(address), Port: 50000}}
	return ours
}

// from is the server's end of a pipe that comes from an address.
type from struct {
	net.Conn
	address net.Addr
}

func (f *from) RemoteAddr() net.Addr { return f.address }

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

// bubble runs a server with config on pipes in a bubble, and calls story with what stops it and
// what is closed when it has returned.
func bubble(t *testing.T, config web.Config, story func(t *testing.T, p *pipes, stop func(), ended <-chan struct{})) {
	t.Helper()
	bubbleFrom(t, config, nil, story)
}

// bubbleFrom is bubble with settings.
func bubbleFrom(t *testing.T, config web.Config, settings map[string]string, story func(t *testing.T, p *pipes, stop func(), ended <-chan struct{})) {
	t.Helper()
	s := openStore(t)
	for key, value := range settings {
		check(t, s.Set(t.Context(), key, value))
	}
	synctest.Test(t, func(t *testing.T) {
		if config.OMS == nil {
			config.OMS = http.HandlerFunc(oms)
		}
		server, err := web.New(s, slog.New(slog.DiscardHandler), config)
		check(t, err)
		ctx, stop := context.WithCancel(t.Context())
		p, ended := newPipes(), make(chan struct{})
		go func() {
			defer close(ended)
			if err := server.Run(ctx, web.Doors{HTTP: p}); err != nil {
				t.Errorf("Run: %v", err)
			}
		}()
		story(t, p, stop, ended)
		stop()
		<-ended
	})
}

// send begins a request on a new connection; what is missing of it can be written to the result.
func send(t *testing.T, p *pipes, request string) net.Conn {
	t.Helper()
	conn := p.dial()
	t.Cleanup(func() { conn.Close() })
	_, err := io.WriteString(conn, strings.ReplaceAll(request, "\n", "\r\n"))
	check(t, err)
	return conn
}

// until reads what comes on a connection until its end, and says how long that took.
func until(conn net.Conn) (string, time.Duration) {
	start := time.Now()
	b, _ := io.ReadAll(conn)
	return string(b), time.Since(start)
}

const getOMS = "GET /oms/service.asmx HTTP/1.1\nHost: box\n\n"

func TestStoppingEndsStreamsAtOnce(t *testing.T) {
	t.Parallel()
	events := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
		io.WriteString(w, "data: over\n\n")
	})
	bubble(t, web.Config{Demo: &web.Demo{Phone: events, Mailbox: events}}, func(t *testing.T, p *pipes, stop func(), ended <-chan struct{}) {
		phone := send(t, p, "GET /demo/phone/events HTTP/1.1\nHost: box\n\n")
		mailbox := send(t, p, "GET /demo/mailbox/events HTTP/1.1\nHost: box\n\n")
		var reading sync.WaitGroup
		for _, conn := range []net.Conn{phone, mailbox} {
			reading.Go(func() {
				if got, took := until(conn); !strings.Contains(got, "data: over") || took > time.Second {
					t.Errorf("got after %s %q, want the stream's own end at once", took, got)
				}
			})
		}
		synctest.Wait()
		start := time.Now()
		stop()
		reading.Wait()
		<-ended
		if took := time.Since(start); took > time.Second {
			t.Errorf("stopping took %s", took)
		}
	})
}

func TestStoppingLetsARequestFinish(t *testing.T) {
	t.Parallel()
	bubble(t, web.Config{OMS: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(4 * time.Second):
			io.WriteString(w, "accepted")
		case <-r.Context().Done():
		}
	})}, func(t *testing.T, p *pipes, stop func(), ended <-chan struct{}) {
		conn := send(t, p, getOMS)
		synctest.Wait()
		stop()
		if got, took := until(conn); !strings.HasSuffix(got, "accepted") || took != 4*time.Second {
			t.Errorf("got after %s %q, want accepted after 4s", took, got)
		}
	})
}

func TestStoppingDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	bubble(t, web.Config{OMS: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
	})}, func(t *testing.T, p *pipes, stop func(), ended <-chan struct{}) {
		send(t, p, getOMS)
		send(t, p, "GET /oms/service.asmx HTTP/1.1\nHost: ") // never goes on
		synctest.Wait()
		start := time.Now()
		stop()
		<-ended
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("stopping took %s, want 5s", took)
		}
	})
}

func TestStreamsGoOnAndOn(t *testing.T) {
	t.Parallel()
	const beats = 20
	beat := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range beats {
			select {
			case <-time.After(time.Minute):
			case <-r.Context().Done():
				return
			}
			io.WriteString(w, "beat\n")
			http.NewResponseController(w).Flush()
		}
	})
	bubble(t, web.Config{Demo: &web.Demo{Phone: beat, Mailbox: beat}}, func(t *testing.T, p *pipes, stop func(), ended <-chan struct{}) {
		conn := send(t, p, "GET /demo/phone/events HTTP/1.1\nHost: box\nConnection: close\n\n")
		if got, took := until(conn); strings.Count(got, "beat\n") != beats || took != beats*time.Minute {
			t.Errorf("got %d beats in %s, want %d", strings.Count(got, "beat\n"), took, beats)
		}
	})
}

func TestStreamsEndWhenNobodyReads(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	flood := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for {
			io.WriteString(w, strings.Repeat("x", 10_000))
			if err := http.NewResponseController(w).Flush(); err != nil {
				ended <- err
				return
			}
		}
	})
	bubble(t, web.Config{Demo: &web.Demo{Phone: flood, Mailbox: flood}}, func(t *testing.T, p *pipes, stop func(), _ <-chan struct{}) {
		send(t, p, "GET /demo/phone/events HTTP/1.1\nHost: box\n\n")
		time.Sleep(31 * time.Second)
		select {
		case <-ended:
		default:
			t.Error("the stream waits for a reader that is gone")
		}
	})
}

func TestAnAnswerMayTakeTheLongestWaitAfterASlowBody(t *testing.T) {
	t.Parallel()
	bubble(t, web.Config{OMS: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		time.Sleep(30 * time.Second)
		io.WriteString(w, "accepted")
	})}, func(t *testing.T, p *pipes, stop func(), ended <-chan struct{}) {
		conn := send(t, p, "POST /oms/service.asmx HTTP/1.1\nHost: box\nConnection: close\nContent-Length: 2\n\nx")
		time.Sleep(59 * time.Second)
		io.WriteString(conn, "x")
		if got, _ := until(conn); !strings.HasSuffix(got, "accepted") {
			t.Errorf("got %q, want accepted", got)
		}
	})
}

func TestSlowClientsAreNotWaitedFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, request string
		want          time.Duration
	}{
		{"nothing", "", 10 * time.Second},
		{"half a header", "GET / HTTP/1.1\nHost: ", 10 * time.Second},
		{"half a body", "POST /oms/service.asmx HTTP/1.1\nHost: box\nContent-Length: 10\n\nhalf", 60 * time.Second},
		{"no second request", getOMS, 120 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, web.Config{OMS: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, err := io.Copy(io.Discard, r.Body); err != nil {
					panic(http.ErrAbortHandler)
				}
			})}, func(t *testing.T, p *pipes, stop func(), ended <-chan struct{}) {
				if _, took := until(send(t, p, c.request)); took != c.want {
					t.Errorf("the connection ended after %s, want %s", took, c.want)
				}
			})
		})
	}
}

func TestTooLongAHeaderIsRefused(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	if got := s.ask(t, "GET", "/", "", "X-Long", strings.Repeat("x", 30<<10)).status; got != 200 {
		t.Errorf("30 KiB: got status %d, want 200", got)
	}
	if got := s.ask(t, "GET", "/", "", "X-Long", strings.Repeat("x", 40<<10)).status; got != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("40 KiB: got status %d, want 431", got)
	}
}

func TestABrokenListenerEndsTheServer(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	server, err := web.New(s, slog.New(slog.DiscardHandler), web.Config{OMS: http.HandlerFunc(oms),
		OldOMS: http.HandlerFunc(old), Certificates: keeper(t, s)})
	check(t, err)
	good, broken := newPipes(), newPipes()
	broken.Close()
	if err := server.Run(t.Context(), web.Doors{HTTP: good, HTTPS: broken}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want %v", err, net.ErrClosed)
	}
	select {
	case <-good.closed:
	default:
		t.Error("the other listener is still open")
	}
}
