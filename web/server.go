// Package web is the front door and the pages: it serves at the open ports, hands Outlook's calls to the OMS
// service, and shows people what this box is and how it is.
//
//	HTTPS ──▶ crowd ──▶ TLS ──┐
//	HTTP ───▶ crowd ──────────┴──▶ who asks, and how ──▶ over https ──▶ /oms/service.asmx ──▶ Config.OMS
//	                                         │                   └──▶ cross-origin check ──▶ pages
//	                                         └─────────▶ plain ──▶ the CA's challenges, /trust, else to https
//	Legacy ─▶ crowd ──▶ old TLS ──▶ /oms/service.asmx ──▶ Config.OldOMS
//
// The crowd is everybody who is connected: it sees to it that nobody keeps others out. Without
// certificates there is the HTTP door alone, and everything is behind it. Every route stands in
// routes.go. Pages are templates that were parsed at the start, and load nothing from elsewhere.
package web

import (
	"context"
	"errors"
	"html/template"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"omsbox/store"
	"omsbox/web/certificate"
)

const (
	headerWithin = 10 * time.Second // to end the TLS handshake, and then to send the request's header
	readWithin   = 60 * time.Second // to send the whole request
	// writeWithin runs from the end of the header: a slow body, then the longest wait of DeliverXms
	// (oms.wait, 30 s), then time to write the answer.
	writeWithin = readWithin + 30*time.Second + 10*time.Second
	idleWithin  = 120 * time.Second
	stopWithin  = 5 * time.Second // for requests under way when the service ends

	maxHeader  = 32 << 10
	maxRequest = 1 << 20 // of a page, with room; OMS says itself what is too large
	maxStreams = 64      // requests at once on one connection, with HTTP/2
)

// Config is what main hands over.
type Config struct {
	OMS    http.Handler // checks its callers itself
	OldOMS http.Handler // the same where others may listen: it takes app passwords alone
	// Answers says whether a request is for OMS; nil: those at OMSPath are.
	Answers func(method, path string) bool

	Certificates *certificate.Keeper // nil: everything is plain, on purpose
	Demo         *Demo               // nil outside of the demo
}

// Doors are the listeners that people come in by; nil where there is no such door.
type Doors struct {
	HTTPS  net.Listener // pages and OMS
	HTTP   net.Listener // with certificates what cannot be otherwise, without them all
	Legacy net.Listener // OMS for programs that know no TLS newer than 1.0
}

// Demo is what the page /demo shows and drives, beside the real OMS address.
type Demo struct {
	Phone   http.Handler // the simulated phones: GET /texts, GET /events, POST /reply
	Mailbox http.Handler // the sample account's mailbox: GET /mails, GET /events

	Login, Password string // of the sample account
	Number          string // of a simulated phone to write to
}

// Server serves the pages and the OMS service. It is made by New and run once.
type Server struct {
	store     *store.Store
	log       *slog.Logger
	config    Config
	templates map[string]*template.Template
	files     files
	name      string // of this computer, which is NAME.local to its network

	all, old http.Handler // behind HTTPS and HTTP; behind Legacy

	// stopping ends the streams (server-sent events) as soon as the service begins to stop;
	// ordinary requests get stopWithin to finish.
	stopping context.Context
	stop     context.CancelFunc
}

// New prepares the pages. It fails if a template or a file of the pages is not as it must be.
func New(s *store.Store, log *slog.Logger, config Config) (*Server, error) {
	if config.Answers == nil {
		config.Answers = func(_, path string) bool {
			return len(path) == len(OMSPath) && strings.EqualFold(path, OMSPath) // what else folds to A to Z is longer
		}
	}
	if config.OMS == nil {
		return nil, errors.New("web: no OMS service to serve")
	}
	if config.Certificates != nil && config.OldOMS == nil {
		return nil, errors.New("web: no OMS service for those that others may listen to")
	}
	name, err := boxName()
	if err != nil {
		return nil, err
	}
	files, err := readFiles(staticFiles)
	if err != nil {
		return nil, err
	}
	templates, err := parseTemplates(templateFiles, files.address)
	if err != nil {
		return nil, err
	}
	server := &Server{store: s, log: log.With("part", "web"), config: config, templates: templates, files: files, name: name}
	server.stopping, server.stop = context.WithCancel(context.Background())
	server.all, server.old = server.routes()
	return server, nil
}

// Run serves at the doors until ctx ends. Then it closes them, ends the streams, lets requests
// under way finish for up to 5 s, and returns when the last of them is gone. Without a door it
// just waits for ctx.
func (s *Server) Run(ctx context.Context, doors Doors) error {
	certificates := s.config.Certificates
	if certificates == nil && (doors.HTTPS != nil || doors.Legacy != nil) {
		return errors.New("web: no certificates to open a door with TLS")
	}
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var connections sync.WaitGroup
	crowd := newCrowd(s.log, s.isProxy)
	var servers []*http.Server
	served := make(chan error, 3)
	complaints := &serverLog{log: s.log, distrusted: map[netip.Prefix]time.Time{}}
	open := func(l net.Listener, server *http.Server) {
		server.ReadHeaderTimeout = headerWithin
		server.ReadTimeout = readWithin
		server.WriteTimeout = writeWithin
		server.IdleTimeout = idleWithin
		server.MaxHeaderBytes = maxHeader
		server.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: maxStreams}
		server.BaseContext = func(net.Listener) context.Context { return requests }
		server.ConnContext = withGuest
		server.ErrorLog = log.New(complaints, "", 0)
		server.ConnState = func(conn net.Conn, state http.ConnState) {
			switch guestOf(conn).becomes(state); state {
			case http.StateNew:
				connections.Add(1)
			case http.StateClosed, http.StateHijacked:
				connections.Done()
			}
		}
		servers = append(servers, server)
		go func() {
			if server.TLSConfig == nil {
				served <- server.Serve(&listener{l, crowd})
			} else {
				served <- server.ServeTLS(&listener{l, crowd}, "", "")
			}
		}()
	}
	if doors.HTTPS != nil {
		open(doors.HTTPS, &http.Server{Handler: s.all, TLSConfig: certificates.TLS()})
	}
	if doors.HTTP != nil {
		open(doors.HTTP, &http.Server{Handler: s.all})
	}
	if doors.Legacy != nil {
		old := new(http.Protocols)
		old.SetHTTP1(true) // Go would agree to HTTP/2 with TLS 1.0, and then refuse it
		open(doors.Legacy, &http.Server{Handler: s.old, TLSConfig: certificates.LegacyTLS(), Protocols: old})
	}
	serving := len(servers)
	var err error
	select {
	case <-ctx.Done():
	case err = <-served: // a listener broke: the service cannot go on half
		serving--
	}
	s.stop()
	within, done := context.WithTimeout(requests, stopWithin)
	defer done()
	var stopping sync.WaitGroup
	for _, server := range servers {
		stopping.Go(func() {
			if server.Shutdown(within) != nil {
				cancel()
				server.Close()
			}
		})
	}
	stopping.Wait()
	for range serving {
		<-served
	}
	connections.Wait()
	return err
}

// serverLog is where net/http writes what goes wrong outside of requests.
type serverLog struct {
	log *slog.Logger

	mu         sync.Mutex
	distrusted map[netip.Prefix]time.Time // when it was last told of a household that it distrusts the certificate
}

func (l *serverLog) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	from, handshake := strings.CutPrefix(text, "http: TLS handshake error from ")
	switch {
	case handshake && strings.Contains(text, "remote error: tls:") && strings.Contains(text, "certificate"):
		address, _, _ := strings.Cut(from, ": ")
		if !l.first(store.Household(peer(address))) {
			break
		}
		// Outlook itself does not tell its user.
		l.log.Info("a client distrusts the certificate: the page /trust tells what to do there", "err", text)
	case handshake, strings.HasPrefix(text, "http2: "):
		l.log.Debug(text) // whoever knocks at a port of the internet and goes away
	default:
		l.log.Warn(text)
	}
	return len(line), nil
}

// first says whether nothing was told of a household for a while.
func (l *serverLog) first(from netip.Prefix) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.distrusted[from]) < complainEach {
		return false
	}
	if len(l.distrusted) >= maxConnections {
		clear(l.distrusted)
	}
	l.distrusted[from] = time.Now()
	return true
}
