package mailer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-message"
	"github.com/emersion/go-smtp"
)

// Limits of the demo's mailbox.
const (
	mailboxKeeps       = 200
	mailboxLetter      = 1 << 20 // octets of one mail
	mailboxRecipients  = 100
	mailboxConnections = 50
	mailboxIdle        = time.Minute
	heartbeat          = 15 * time.Second
)

// Mailbox is the demo's own mailbox: an SMTP server in this process that takes mail for anyone,
// keeps the newest 200 in memory, and shows them over HTTP.
type Mailbox struct {
	log *slog.Logger

	mu       sync.Mutex
	mails    []ReceivedMail
	last     int
	watchers map[chan struct{}]struct{}
	closed   bool
}

// ReceivedMail is a mail in the demo's mailbox.
type ReceivedMail struct {
	ID       int           `json:"id"` // 1, 2, … in the order in which they came
	Received time.Time     `json:"received"`
	From     string        `json:"from"`    // reverse-path; "" is the null one
	To       []string      `json:"to"`      // forward-paths
	Headers  []HeaderField `json:"headers"` // in the order in which they came
	Text     string        `json:"text"`    // the body, decoded; "" where it is no text
	Source   string        `json:"source"`  // as it came
}

// HeaderField is a field of a mail's header.
type HeaderField struct {
	Name  string `json:"name"`
	Value string `json:"value"` // as it came, unfolded
	Text  string `json:"text"`  // with its encoded-words decoded
}

// NewMailbox returns an empty mailbox.
func NewMailbox(log *slog.Logger) *Mailbox {
	return &Mailbox{log: log.With("part", "mailbox"), watchers: map[chan struct{}]struct{}{}}
}

// Serve takes mail on l until ctx ends, and closes l. When it returns, the event streams end too.
func (b *Mailbox) Serve(ctx context.Context, l net.Listener) error {
	bounded := &boundedListener{Listener: l, open: map[net.Conn]struct{}{}}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &delivery{box: b}, nil
	}))
	server.Domain = "mailbox.omsbox.local"
	server.MaxMessageBytes, server.MaxRecipients = mailboxLetter, mailboxRecipients
	server.ReadTimeout, server.WriteTimeout = mailboxIdle, mailboxIdle
	server.EnableSMTPUTF8 = true
	server.ErrorLog = slog.NewLogLogger(b.log.Handler(), slog.LevelDebug)
	stop := context.AfterFunc(ctx, func() { l.Close() })
	err := server.Serve(bounded)
	stop()
	bounded.closeAll()
	server.Shutdown(context.Background()) // waits for the sessions
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.changed()
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("the demo's mailbox: %w", err)
}

// Mails returns what the mailbox holds, the newest last.
func (b *Mailbox) Mails() []ReceivedMail {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.mails)
}

// Watch returns a channel that holds a signal after mail came. It must be given back with stop.
func (b *Mailbox) Watch() (changed <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watchers[c] = struct{}{}
	return c, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.watchers, c)
	}
}

func (b *Mailbox) changed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.watchers {
		select {
		case c <- struct{}{}:
		default: // not heard yet
		}
	}
}

func (b *Mailbox) keep(m ReceivedMail) {
	b.mu.Lock()
	b.last++
	m.ID = b.last
	b.mails = append(b.mails, m)
	if over := len(b.mails) - mailboxKeeps; over > 0 {
		b.mails = slices.Delete(b.mails, 0, over)
	}
	b.mu.Unlock()
	b.changed()
}

// ServeHTTP answers GET mails with the mails as JSON, the newest last, and GET events with a
// text/event-stream in which every event is the id of the newest mail.
func (b *Mailbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	switch strings.TrimPrefix(r.URL.Path, "/") {
	case "mails":
		mails := b.Mails()
		if mails == nil {
			mails = []ReceivedMail{}
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(mails)
	case "events":
		b.events(w, r)
	default:
		http.NotFound(w, r)
	}
}

// events signals each change until the client or the mailbox goes.
func (b *Mailbox) events(w http.ResponseWriter, r *http.Request) {
	changed, stop := b.Watch()
	defer stop()
	w.Header().Set("Content-Type", "text/event-stream")
	stream := http.NewResponseController(w)
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for send := true; ; {
		b.mu.Lock()
		last, closed := b.last, b.closed
		b.mu.Unlock()
		if closed {
			return
		}
		text := ": still here\n\n"
		if send {
			text = fmt.Sprintf("data: %d\n\n", last)
		}
		if _, err := io.WriteString(w, text); err != nil {
			return
		}
		if err := stream.Flush(); err != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-changed:
			send = true
		case <-beat.C:
			send = false
		}
	}
}

// delivery is one SMTP session with the mailbox.
type delivery struct {
	box  *Mailbox
	from string
	to   []string
}

func (d *delivery) Reset()        { d.from, d.to = "", nil }
func (d *delivery) Logout() error { return nil }

func (d *delivery) Mail(from string, _ *smtp.MailOptions) error {
	d.from = from
	return nil
}

func (d *delivery) Rcpt(to string, _ *smtp.RcptOptions) error {
	d.to = append(d.to, to)
	return nil
}

func (d *delivery) Data(r io.Reader) error {
	source, err := io.ReadAll(r) // the server bounds it
	if err != nil {
		return err
	}
	m := ReceivedMail{Received: time.Now().UTC(), From: d.from, To: d.to, Source: string(source)}
	m.Headers, m.Text = read(source)
	d.box.keep(m)
	return nil
}

// read takes a mail apart as far as it can be.
func read(source []byte) (fields []HeaderField, text string) {
	entity, err := message.Read(bytes.NewReader(source))
	if entity == nil {
		return nil, ""
	}
	for f := entity.Header.Fields(); f.Next(); {
		decoded, err := f.Text()
		if err != nil {
			decoded = f.Value()
		}
		name := f.Key()
		if raw, err := f.Raw(); err == nil { // Key has its own idea of capitals
			name, _, _ = strings.Cut(string(raw), ":")
		}
		fields = append(fields, HeaderField{Name: name, Value: f.Value(), Text: decoded})
	}
	kind, _, _ := entity.Header.ContentType()
	if err != nil || !strings.HasPrefix(kind, "text/") {
		return fields, ""
	}
	body, err := io.ReadAll(entity.Body)
	if err != nil {
		return fields, ""
	}
	return fields, strings.ToValidUTF8(string(body), "\uFFFD")
}

// boundedListener hands out a bounded number of connections and can close them all.
type boundedListener struct {
	net.Listener

	mu   sync.Mutex
	open map[net.Conn]struct{}
}

// boundedConn is a connection that its listener forgets when it is closed.
type boundedConn struct {
	net.Conn
	of *boundedListener
}

func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		l.mu.Lock()
		full := len(l.open) >= mailboxConnections
		if !full {
			l.open[conn] = struct{}{}
		}
		l.mu.Unlock()
		if !full {
			return &boundedConn{Conn: conn, of: l}, nil
		}
		conn.Close()
	}
}

func (c *boundedConn) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c.Conn)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

func (l *boundedListener) closeAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for conn := range l.open {
		conn.Close()
	}
}
