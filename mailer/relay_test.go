package mailer_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// handed is a mail that the relay was given.
type handed struct {
	from, to, data string
	user           string // who had signed in; "" for nobody
	encrypted      bool
	helo           string
}

// relay is a real SMTP server that does as it is told.
type relay struct {
	t      *testing.T
	server *smtp.Server
	addr   string

	mails chan handed

	mu       sync.Mutex
	sessions int
	user     string            // who may sign in, with the password "p@ss:w/ord"; "" for nobody need to
	methods  []string          // AUTH
	greet    func() error      // answers EHLO
	mail     func(n int) error // answers MAIL, the nth of its session
	from     func(from string) error
	rcpt     func(to string) error
	data     func(n int) error // answers the data of the nth mail of all
	saw      chan<- string     // what data was given, whatever the answer
	got      int
	failed   bool
}

// once returns err the first time.
func (r *relay) once(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed {
		return nil
	}
	r.failed = true
	return err
}

// newRelay starts a relay that takes everything.
func newRelay(t *testing.T, change ...func(*relay)) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	return relayOn(t, l, change...)
}

func relayOn(t *testing.T, l net.Listener, change ...func(*relay)) *relay {
	t.Helper()
	r := &relay{t: t, addr: l.Addr().String(), mails: make(chan handed, 300), methods: []string{sasl.Plain}}
	r.server = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.sessions++
		if r.greet != nil {
			if err := r.greet(); err != nil {
				return nil, err
			}
		}
		return &session{relay: r, conn: c}, nil
	}))
	r.server.Domain = "relay.example.org"
	r.server.ErrorLog = log.New(io.Discard, "", 0)
	r.server.AllowInsecureAuth = true
	for _, c := range change {
		c(r)
	}
	served := make(chan struct{})
	go func() { defer close(served); r.server.Serve(l) }()
	t.Cleanup(func() {
		r.server.Close()
		l.Close() // Serve may not have begun, so that the server does not know of it yet
		<-served
	})
	return r
}

func (r *relay) url() string { return "smtp://" + r.addr }

// next returns the next mail that was handed over.
func (r *relay) next() handed {
	r.t.Helper()
	select {
	case m := <-r.mails:
		return m
	case <-time.After(20 * time.Second):
		r.t.Fatal("no mail came to the relay")
	}
	panic("unreachable")
}

// none sees that the relay was given nothing more.
func (r *relay) none() {
	r.t.Helper()
	select {
	case m := <-r.mails:
		r.t.Errorf("the relay was given another mail to %s", m.to)
	default:
	}
}

func (r *relay) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sessions
}

type session struct {
	relay *relay
	conn  *smtp.Conn
	h     handed
	mails int
}

func (s *session) Reset()        { s.h.from, s.h.to, s.h.data = "", "", "" }
func (s *session) Logout() error { return nil }

func (s *session) AuthMechanisms() []string {
	if s.relay.user == "" {
		return nil
	}
	return s.relay.methods
}

func (s *session) Auth(mech string) (sasl.Server, error) {
	authenticate := func(_, user, password string) error {
		if user != s.relay.user || password != "p@ss:w/ord" {
			return smtp.ErrAuthFailed
		}
		s.h.user = user
		return nil
	}
	if mech == sasl.Login {
		return &login{authenticate: authenticate}, nil
	}
	return sasl.NewPlainServer(authenticate), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.relay.user != "" && s.h.user == "" {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	s.mails++
	s.h.from = from
	s.h.helo = s.conn.Hostname()
	_, s.h.encrypted = s.conn.TLSConnectionState()
	if s.relay.from != nil {
		return s.relay.from(from)
	}
	if s.relay.mail != nil {
		return s.relay.mail(s.mails)
	}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.h.to = to
	if s.relay.rcpt != nil {
		return s.relay.rcpt(to)
	}
	return nil
}

// errHangUp makes the relay drop the connection instead of answering.
var errHangUp = errors.New("hang up")

func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.h.data = string(data)
	if s.relay.saw != nil {
		s.relay.saw <- s.h.data
	}
	s.relay.mu.Lock()
	s.relay.got++
	n := s.relay.got
	s.relay.mu.Unlock()
	if s.relay.data != nil {
		if err := s.relay.data(n); err == errHangUp {
			s.conn.Conn().Close()
			return err
		} else if err != nil {
			return err
		}
	}
	s.relay.mails <- s.h
	return nil
}

// login is the server's side of AUTH LOGIN with an initial response.
type login struct {
	authenticate func(identity, user, password string) error
	user         string
}

func (l *login) Next(response []byte) (challenge []byte, done bool, err error) {
	if l.user == "" {
		l.user = string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.authenticate("", l.user, string(response))
}

// certificate makes a certificate for a name, and the pool that vouches for it.
func certificate(t *testing.T, name string) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	check(t, err)
	parsed, err := x509.ParseCertificate(der)
	check(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}
