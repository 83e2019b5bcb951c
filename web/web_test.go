package web_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"omsbox/store"
	"omsbox/web"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// openStore returns a store of its own for one test.
func openStore(t testing.TB, options ...store.Option) *store.Store {
	t.Helper()
	options = append([]store.Option{store.WithPasswordCost(64, 1)}, options...)
	s, err := store.Create(context.Background(), t.TempDir(), slog.New(slog.DiscardHandler), options...)
	check(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// oms answers in place of the OMS service with how it was called.
func oms(w http.ResponseWriter, r *http.Request) {
	io.WriteString(w, "oms "+r.Method+" "+r.URL.Path)
}

// journal is a log that a test can read while it is written.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

// site is a server that runs for one test.
type site struct {
	url   string
	store *store.Store
	log   *journal
}

// serve runs a server on loopback until the test ends, and sees to it that it ends well.
func serve(t testing.TB, config web.Config) *site {
	t.Helper()
	return serveFrom(t, openStore(t), config)
}

func serveFrom(t testing.TB, from *store.Store, config web.Config) *site {
	t.Helper()
	if config.OMS == nil {
		config.OMS = http.HandlerFunc(oms)
	}
	s := &site{store: from, log: &journal{}}
	server, err := web.New(s.store, slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})), config)
	check(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	s.url = "http://" + l.Addr().String()
	run(t, server, web.Doors{HTTP: l})
	return s
}

// run runs server until the test ends, and sees to it that it ends well.
func run(t testing.TB, server *web.Server, doors web.Doors) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, doors) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

// ask sends a request; header is pairs of name and value, Host among them.
func (s *site) ask(t testing.TB, method, path, body string, header ...string) reply {
	t.Helper()
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	check(t, err)
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		} else {
			r.Header.Set(header[i], header[i+1])
		}
	}
	return do(t, http.DefaultClient, r)
}

func do(t testing.TB, client *http.Client, r *http.Request) reply {
	t.Helper()
	answer, err := client.Do(r)
	check(t, err)
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	check(t, err)
	return reply{answer.StatusCode, answer.Header, string(b)}
}
