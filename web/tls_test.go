package web_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"testing"

	"omsbox/store"
	"omsbox/web"
	"omsbox/web/certificate"
)

// old answers in place of the OMS service for those that others may listen to.
func old(w http.ResponseWriter, r *http.Request) {
	io.WriteString(w, "old oms "+r.Method+" "+r.URL.Path)
}

// certificates is a data directory with certificates: making their keys takes time.
var certificates string

// TestMain lets more tests run at once than there are processors: most of the time they wait.
func TestMain(m *testing.M) {
	flag.Parse()
	atOnce := flag.Lookup("test.parallel").Value
	if atOnce.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) { // nobody chose otherwise
		atOnce.Set("12")
	}
	dir, err := os.MkdirTemp("", "omsbox-web-")
	if err != nil {
		panic(err)
	}
	certificates = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// keeper keeps certificates of a CA of its own for sms.example.org and this computer.
func keeper(t testing.TB, s *store.Store) *certificate.Keeper {
	t.Helper()
	k, err := certificate.New(s, slog.New(slog.DiscardHandler), certificate.Config{
		Mode: certificate.Local, Data: certificates, Hosts: []string{"sms.example.org"},
	})
	check(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- k.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return k
}

// house is a server with certificates, at all three doors.
type house struct {
	*site
	https, legacy string // origins; site.url is the plain one
	root          certificate.Root
	client        *http.Client // trusts the root, finds every host here, follows no redirect
}

func serveTLS(t testing.TB, config web.Config) *house {
	t.Helper()
	h := &house{site: &site{store: openStore(t), log: &journal{}}}
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if config.OMS == nil {
		config.OMS = http.HandlerFunc(oms)
	}
	if config.OldOMS == nil {
		config.OldOMS = http.HandlerFunc(old)
	}
	config.Certificates = keeper(t, h.store)
	server, err := web.New(h.store, log, config)
	check(t, err)
	var doors web.Doors
	for _, l := range []*net.Listener{&doors.HTTPS, &doors.HTTP, &doors.Legacy} {
		*l, err = net.Listen("tcp", "127.0.0.1:0")
		check(t, err)
	}
	h.https, h.url, h.legacy = "https://"+doors.HTTPS.Addr().String(), "http://"+doors.HTTP.Addr().String(), "https://"+doors.Legacy.Addr().String()
	_, port, _ := net.SplitHostPort(doors.HTTPS.Addr().String())
	check(t, h.store.SetFront(context.Background(), store.Front{
		Origin: "https://sms.example.org:" + port, Hosts: []string{"sms.example.org"}, TLS: certificate.Local,
		HTTPS: doors.HTTPS.Addr().String(), HTTP: doors.HTTP.Addr().String(), Legacy: doors.Legacy.Addr().String(),
	}))
	root, ok := config.Certificates.Root()
	if !ok {
		t.Fatal("there is no root")
	}
	h.root = root
	run(t, server, doors)
	h.client = h.newClient(t, "", 0) // after run, so that it hangs up before the server stops
	return h
}

// newClient returns a browser at an address of loopback ("" for the usual one) that speaks at most a version of TLS.
func (h *house) newClient(t testing.TB, from string, version uint16) *http.Client {
	t.Helper()
	root, err := x509.ParseCertificate(h.root.DER)
	check(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(root)
	dialer := net.Dialer{}
	if from != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS10, MaxVersion: version},
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			_, port, _ := net.SplitHostPort(addr)
			return dialer.DialContext(ctx, network, "127.0.0.1:"+port)
		},
		ForceAttemptHTTP2: true,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// fetch sends a request with an empty body; header is pairs of name and value, Host among them.
func (h *house) fetch(t testing.TB, method, url string, header ...string) reply {
	t.Helper()
	r, err := http.NewRequest(method, url, nil)
	check(t, err)
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		} else {
			r.Header.Set(header[i], header[i+1])
		}
	}
	return do(t, h.client, r)
}

// port is that of an origin.
func port(origin string) string {
	_, port, _ := net.SplitHostPort(origin[len("https://"):])
	return port
}
