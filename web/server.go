// Package web is the front door and the pages: it opens the ports, hands Outlook's calls to the OMS
// service, and shows people what this box is and how it is.
//
//	listener ──▶ log ──▶ panics ──▶ limit ──▶ headers ──▶ /oms/service.asmx ──▶ Config.OMS
//	                                                └──▶ cross-origin check ──▶ pages
//
// Every route stands in routes.go. Pages are templates that were parsed at the start, and load
// nothing from elsewhere.
package web

import (
	"context"
	"errors"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"omsbox/store"
)

const (
	headerWithin = 10 * time.Second // to send the request's header
	readWithin   = 60 * time.Second // to send the whole request
	// writeWithin runs from the end of the header: a slow body, then the longest wait of DeliverXms
	// (oms.wait, 30 s), then time to write the answer.
	writeWithin = readWithin + 30*time.Second + 10*time.Second
	idleWithin  = 120 * time.Second
	stopWithin  = 5 * time.Second // for requests under way when the service ends

	maxConnections = 512 // over all listeners; further ones wait in the system until one ends
	maxHeader      = 32 << 10
	maxRequest     = 4 << 20 // a picture message in base64, with room; pages need far less
)

// Config is what main hands over.
type Config struct {
	OMS  http.Handler // answers at OMSPath; checks its callers itself
	Demo *Demo        // nil outside of the demo
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
	handler   http.Handler

	// stopping ends the streams (server-sent events) as soon as the service begins to stop;
	// ordinary requests get stopWithin to finish.
	stopping context.Context
	stop     context.CancelFunc
}

// New prepares the pages. It fails if a template or a file of the pages is not as it must be.
func New(s *store.Store, log *slog.Logger, config Config) (*Server, error) {
	if config.OMS == nil {
		return nil, errors.New("web: no OMS service to serve")
	}
	files, err := readFiles(staticFiles)
	if err != nil {
		return nil, err
	}
	templates, err := parseTemplates(templateFiles, files.address)
	if err != nil {
		return nil, err
	}
	server := &Server{store: s, log: log.With("part", "web"), config: config, templates: templates, files: files}
	server.stopping, server.stop = context.WithCancel(context.Background())
	server.handler = server.routes()
	return server, nil
}

// Run serves on the listeners until ctx ends. Then it closes them, ends the streams, lets requests
// under way finish for up to 5 s, and returns when the last of them is gone. Without a listener it
// just waits for ctx.
func (s *Server) Run(ctx context.Context, listeners ...net.Listener) error {
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var connections sync.WaitGroup
	places := make(chan struct{}, maxConnections)
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: headerWithin,
		ReadTimeout:       readWithin,
		WriteTimeout:      writeWithin,
		IdleTimeout:       idleWithin,
		MaxHeaderBytes:    maxHeader,
		BaseContext:       func(net.Listener) context.Context { return requests },
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				connections.Add(1)
			case http.StateClosed, http.StateHijacked:
				connections.Done()
				<-places
			}
		},
	}
	served := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { served <- server.Serve(&listener{Listener: l, places: places, closed: make(chan struct{})}) }()
	}
	open := len(listeners)
	var err error
	select {
	case <-ctx.Done():
	case err = <-served: // a listener broke: the service cannot go on half
		open--
	}
	s.stop()
	within, done := context.WithTimeout(requests, stopWithin)
	defer done()
	if server.Shutdown(within) != nil {
		cancel()
		server.Close()
	}
	for range open {
		<-served
	}
	connections.Wait()
	return err
}
