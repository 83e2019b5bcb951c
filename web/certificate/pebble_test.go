//go:build pebble

package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"omsbox/store"
)

// ca is a Pebble, Let's Encrypt's small CA for tests, at one address of this computer; it may be
// stopped and started again, and then remembers nothing.
type ca struct {
	directory, management string // URLs
	root                  string // the file that vouches for these URLs
	config                string // its file
	resolver              string
	cmd                   *exec.Cmd
}

// newCA prepares a CA that reaches a box at the addresses http and https, by the names that resolver
// knows, and whose certificates live for a time.
func newCA(t *testing.T, http, https, resolver string, life time.Duration) *ca {
	t.Helper()
	dir := t.TempDir()
	listen, manage := freeAddress(t), freeAddress(t)
	certificate, key := keyPair(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	c := &ca{directory: "https://" + listen + "/dir", management: "https://" + manage, root: filepath.Join(dir, "cert.pem"),
		config: filepath.Join(dir, "config.json"), resolver: resolver}
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": listen, "managementListenAddress": manage, "certificate": c.root, "privateKey": filepath.Join(dir, "key.pem"),
		"httpPort": portOf(t, http), "tlsPort": portOf(t, https), "domainBlocklist": []string{"blocked.example.org"},
		"retryAfter": map[string]int{"authz": 1, "order": 1},
		"profiles":   map[string]any{"default": map[string]any{"description": "for tests", "validityPeriod": int(life.Seconds())}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string][]byte{c.root: certificate, filepath.Join(dir, "key.pem"): key, c.config: config} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { c.stop() })
	return c
}

func (c *ca) start(t *testing.T) {
	t.Helper()
	program, err := exec.LookPath("pebble")
	if err != nil {
		t.Fatal("these tests need Pebble: go install github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1, and have it in the PATH")
	}
	c.cmd = exec.Command(program, "-config", c.config, "-dnsserver", c.resolver)
	c.cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "Pebble answers", func() bool {
		_, err := c.issuers(t)
		return err == nil
	})
}

func (c *ca) stop() {
	if c.cmd != nil {
		c.cmd.Process.Kill()
		c.cmd.Wait()
		c.cmd = nil
	}
}

// issuers is the pool with the root that Pebble made when it started.
func (c *ca) issuers(t *testing.T) (*x509.CertPool, error) {
	pool, err := Roots(c.root)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	response, err := client.Get(c.management + "/roots/0")
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return pool, nil
}

// nameServer answers for example.org: every name in it is at 127.0.0.1, unless it is absent. It
// takes TXT records from whoever has the key omsbox.
type nameServer struct {
	mu    sync.Mutex
	texts map[string][]string // by name
	seen  []string            // all values there ever were
}

const absent = "absent.example.org."

func (n *nameServer) ServeDNS(w miekg.ResponseWriter, r *miekg.Msg) {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := new(miekg.Msg)
	m.SetReply(r)
	defer func() { w.WriteMsg(m) }()
	q := r.Question[0]
	header := miekg.RR_Header{Name: q.Name, Rrtype: q.Qtype, Class: miekg.ClassINET, Ttl: 1}
	name := strings.ToLower(q.Name)
	switch {
	case r.Opcode == miekg.OpcodeUpdate:
		if r.IsTsig() == nil || w.TsigStatus() != nil {
			m.Rcode = miekg.RcodeRefused
			return
		}
		m.SetTsig(r.IsTsig().Hdr.Name, miekg.HmacSHA256, 300, time.Now().Unix())
		for _, rr := range r.Ns {
			at, value := rr.Header().Name, strings.Join(rr.(*miekg.TXT).Txt, "")
			if rr.Header().Class == miekg.ClassINET {
				n.texts[at] = append(n.texts[at], value)
				n.seen = append(n.seen, value)
			} else {
				n.texts[at] = slices.DeleteFunc(n.texts[at], func(v string) bool { return v == value })
			}
		}
	case name == absent:
		m.Rcode = miekg.RcodeNameError
	case q.Qtype == miekg.TypeA:
		m.Answer = []miekg.RR{&miekg.A{Hdr: header, A: net.IPv4(127, 0, 0, 1)}}
	case q.Qtype == miekg.TypeSOA && name == "example.org.":
		m.Answer = []miekg.RR{&miekg.SOA{Hdr: header, Ns: "ns.example.org.", Mbox: "hostmaster.example.org.", Refresh: 60, Minttl: 1}}
	case q.Qtype == miekg.TypeTXT:
		for _, v := range n.texts[name] {
			m.Answer = append(m.Answer, &miekg.TXT{Hdr: header, Txt: []string{v}})
		}
	}
}

const zoneKey = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IQ=="

// start serves at one address over TCP, which Pebble and updates use, and UDP.
func (n *nameServer) start(t *testing.T) (address string) {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, server := range []*miekg.Server{{Listener: tcp}, {PacketConn: udp}} {
		server.Handler, server.TsigSecret = n, map[string]string{"omsbox.": zoneKey}
		server.MsgAcceptFunc = func(miekg.Header) miekg.MsgAcceptAction { return miekg.MsgAccept }
		started, ended := make(chan struct{}), make(chan error)
		server.NotifyStartedFunc = func() { close(started) }
		go func() { ended <- server.ActivateAndServe() }()
		<-started
		t.Cleanup(func() {
			server.Shutdown()
			<-ended
		})
	}
	return tcp.Addr().String()
}

// box is an omsbox with its certificates and its two doors, as web opens them.
type box struct {
	*Keeper
	*nameServer
	settings    *store.Store
	config      Config
	http, https net.Listener
	resolver    string
}

// newBox opens the doors; they are where the CA expects them.
func newBox(t *testing.T, hosts ...string) *box {
	t.Helper()
	b := &box{nameServer: &nameServer{texts: map[string][]string{}}}
	b.resolver = b.nameServer.start(t)
	for _, l := range []*net.Listener{&b.http, &b.https} {
		var err error
		if *l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if b.settings, err = store.Create(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.settings.Close() })
	b.config = Config{Mode: ACME, Data: t.TempDir(), Hosts: hosts, HTTP: b.http.Addr().String(), HTTPS: b.https.Addr().String()}
	return b
}

func (b *box) set(t *testing.T, key, value string) {
	t.Helper()
	if err := b.settings.Set(t.Context(), key, value); err != nil {
		t.Fatal(err)
	}
}

// ask lets the box ask that CA.
func (b *box) ask(t *testing.T, c *ca) {
	t.Helper()
	b.set(t, "acme.roots", c.root)
	b.set(t, "acme.directory", c.directory)
}

// run makes the certificates and serves them at the doors. Nobody is patient here.
func (b *box) run(t *testing.T) {
	t.Helper()
	k, err := New(b.settings, slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo})), b.config)
	if err != nil {
		t.Fatal(err)
	}
	k.acme.every, k.acme.pauses, k.acme.renewal = 300*time.Millisecond, []time.Duration{300 * time.Millisecond}, 0.8
	k.acme.resolvers = []string{b.resolver}
	b.Keeper = k
	quiet := slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "page") })
	plain := &http.Server{Handler: k.Challenge(page), ErrorLog: quiet}
	secure := &http.Server{Handler: page, TLSConfig: k.TLS(), ErrorLog: quiet}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { plain.Serve(b.http) })
	running.Go(func() { secure.ServeTLS(b.https, "", "") })
	running.Go(func() {
		if err := k.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		plain.Close()
		secure.Close()
		running.Wait()
	})
}

// chain is what a client that asks for a name is served, the server's certificate first.
func (b *box) chain(t *testing.T, name string) []*x509.Certificate {
	t.Helper()
	c, err := tls.Dial("tcp", b.https.Addr().String(), &tls.Config{ServerName: name, InsecureSkipVerify: true})
	if err != nil {
		t.Fatalf("a client of %s: %v", name, err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates
}

// vouched says whether a client that trusts the CA accepts what it is served.
func (b *box) vouched(t *testing.T, c *ca, name string) bool {
	t.Helper()
	chain := b.chain(t, name)
	roots, err := c.issuers(t)
	if err != nil {
		return false
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err = chain[0].Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: between})
	return err == nil
}

// ownCA says whether the box's own CA signed what a client is served.
func (b *box) ownCA(t *testing.T, name string) bool {
	t.Helper()
	root, _ := b.Root()
	parent, err := x509.ParseCertificate(root.DER)
	if err != nil {
		t.Fatal(err)
	}
	return b.chain(t, name)[0].CheckSignatureFrom(parent) == nil
}

// says fails unless the status soon has all the words.
func (b *box) says(t *testing.T, words ...string) {
	t.Helper()
	var text string
	defer func() {
		if t.Failed() {
			t.Logf("the status is %q", text)
		}
	}()
	await(t, "the status says "+strings.Join(words, ", "), func() bool {
		_, text = b.Keeper.acme.status()
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
	})
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func portOf(t *testing.T, address string) int {
	t.Helper()
	_, word, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(word)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
