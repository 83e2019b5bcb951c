package command

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"omsbox/store"
	"omsbox/web/certificate"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestMain lets more tests run at once than there are processors: most of the time they wait.
func TestMain(m *testing.M) {
	flag.Parse()
	atOnce := flag.Lookup("test.parallel").Value
	if atOnce.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) { // nobody chose otherwise
		atOnce.Set("12")
	}
	m.Run()
}

func TestWhereANameLeads(t *testing.T) {
	t.Parallel()
	mine := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.168.1.5"),
		netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("2001:db8::5")}
	for _, c := range []struct {
		name   string
		found  []string
		ok     bool
		text   string
		router string
	}{
		{"to this computer", []string{"203.0.113.7"}, true, "leads to this computer (203.0.113.7)", ""},
		{"to it by both protocols", []string{"203.0.113.7", "2001:db8::5"}, true, "this computer", ""},
		{"to it inside of the network", []string{"192.168.1.5"}, true, "from the Internet nobody can come in", ""},
		{"written as IPv6", []string{"::ffff:192.168.1.5"}, true, "leads to this computer", ""},
		{"to another computer of the network", []string{"192.168.1.9"}, false, "another computer: this one is 192.168.1.5", ""},
		{"to the router, perhaps", []string{"198.51.100.1"}, true, "right if that is your router", "198.51.100.1"},
		{"an old IPv6 address", []string{"203.0.113.7", "2001:db8::9"}, false, "AAAA", ""},
		{"a provider that shares addresses", []string{"100.64.3.4"}, false, "ask the provider", ""},
		{"to the router and to another computer", []string{"198.51.100.1", "10.0.0.9"}, false, "another computer", ""},
		{"/etc/hosts", []string{"127.0.1.1"}, true, "this computer's own name here", ""},
		{"nowhere", nil, false, "make an A record", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var found []netip.Addr
			for _, a := range c.found {
				found = append(found, netip.MustParseAddr(a))
			}
			ok, text, router := leads("sms.example.org", found, mine)
			if ok != c.ok || !strings.Contains(text, c.text) {
				t.Errorf("%v %s, want %v and %q", ok, text, c.ok, c.text)
			}
			if router.IsValid() != (c.router != "") || c.router != "" && router.String() != c.router {
				t.Errorf("the router is %v, want %s", router, c.router)
			}
		})
	}
}

func TestChecksAreMadeAtOnceAndToldInOrder(t *testing.T) {
	t.Parallel()
	last := make(chan struct{})
	var out bytes.Buffer
	err := report(t.Context(), &out, store.DataHere, []check{
		func(context.Context) []store.Health {
			<-last
			return []store.Health{{Part: "one", OK: true, Text: "fine"}}
		},
		func(context.Context) []store.Health {
			return []store.Health{{Part: "two", Text: "line\nof \x1b[31manother"}, {Part: "three", OK: true}}
		},
		func(context.Context) []store.Health { close(last); return nil },
	})
	if want := "ok       one          fine\nPROBLEM  two          line of  [31manother\nok       three        \n"; out.String() != want {
		t.Errorf("got\n%s, want\n%s", out.String(), want)
	}
	if err == nil || err.Error() != "there is one problem, and 2 things are well" {
		t.Errorf("got %v", err)
	}
	out.Reset()
	if err := report(t.Context(), &out, store.DataHere, nil); err != nil || !strings.Contains(out.String(), "All is well.") {
		t.Errorf("%v: %s", err, out.String())
	}
}

// box is an appliance whose doors are open on loopback, with the certificates of its own CA.
type box struct {
	*store.Store
	front store.Front
	rest  func() // ends the upkeep of the certificates, which tells how they are
}

// authority is what a box that has run before keeps of its own CA: RSA keys take long to make.
var authority = sync.OnceValues(func() (fs.FS, error) {
	dir, err := os.MkdirTemp("", "omsbox-command-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	log := slog.New(slog.DiscardHandler)
	s, err := store.Create(context.Background(), dir, log)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	keeper, err := certificate.New(s, log, certificate.Config{Mode: certificate.Local, Data: dir, Hosts: []string{"127.0.0.1"}})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // it ends after the first certificates were made
	if err := keeper.Run(ctx); err != nil {
		return nil, err
	}
	kept := fstest.MapFS{}
	below := os.DirFS(filepath.Join(dir, "ca"))
	return kept, fs.WalkDir(below, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(below, path)
		kept[path] = &fstest.MapFile{Data: text, Mode: 0o600}
		return err
	})
})

func newBox(t *testing.T) *box {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	dir := t.TempDir()
	root, err := authority()
	must(t, err)
	must(t, os.CopyFS(filepath.Join(dir, "ca"), root))
	s, err := store.Create(t.Context(), dir, log)
	must(t, err)
	keeper, err := certificate.New(s, log, certificate.Config{Mode: certificate.Local, Data: s.Dir(), Hosts: []string{"127.0.0.1"}})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- keeper.Run(ctx) }()
	open := func(handler http.Handler, config *tls.Config) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		server := &http.Server{Handler: handler, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
		address := l.Addr().String()
		if config != nil {
			l = tls.NewListener(l, config)
		}
		go server.Serve(l)
		t.Cleanup(func() { server.Close() })
		return address
	}
	b := &box{Store: s, front: store.Front{Origin: "https://127.0.0.1", Hosts: []string{"127.0.0.1"}, TLS: certificate.Local}}
	b.front.HTTPS = open(http.NotFoundHandler(), keeper.TLS())
	b.front.HTTP = open(http.RedirectHandler("https://127.0.0.1/", http.StatusPermanentRedirect), nil)
	b.front.Legacy = open(http.NotFoundHandler(), keeper.LegacyTLS())
	b.front.SMTP = mailDoor(t, keeper.MailTLS())
	b.rest = sync.OnceFunc(func() {
		cancel()
		must(t, <-ended)
	})
	t.Cleanup(func() {
		b.rest()
		must(t, s.Close())
	})
	return b
}

// mailDoor speaks as much SMTP as a door does before anybody signs in.
func mailDoor(t *testing.T, config *tls.Config) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				fmt.Fprint(conn, "220 box ready\r\n")
				read := make([]byte, 512)
				conn.Read(read) // EHLO
				fmt.Fprint(conn, "250-box\r\n250 STARTTLS\r\n")
				conn.Read(read) // STARTTLS
				fmt.Fprint(conn, "220 go on\r\n")
				encrypted := tls.Server(conn, config)
				encrypted.Read(read) // EHLO
				fmt.Fprint(encrypted, "250 box\r\n")
				encrypted.Read(read) // QUIT
				fmt.Fprint(encrypted, "221 bye\r\n")
			}()
		}
	}()
	return l.Addr().String()
}

// diagnosis is what doctor says of a box, by part.
func (b *box) diagnosis(t *testing.T) map[string]store.Health {
	t.Helper()
	if !reflect.DeepEqual(b.Front(), b.front) {
		must(t, b.SetFront(t.Context(), b.front))
	}
	modems := func(context.Context) []store.Health { return []store.Health{{Part: "modem", OK: true, Text: "here"}} }
	relay := func(context.Context, *store.Store) store.Health { return store.Health{Part: "mail relay", OK: true} }
	found := map[string]store.Health{}
	for _, c := range all(b.Store, b.Serving(), modems, relay) {
		for _, h := range c(t.Context()) {
			found[h.Part] = h
		}
	}
	return found
}

func TestDoctorOfABoxThatIsWell(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	must(t, b.ServeModems(t.Context(), []string{"sim"}))
	must(t, b.SetModem(t.Context(), store.Modem{Device: "sim", Up: true, Model: "Simulator", Signal: 99}))
	found := b.diagnosis(t)
	for _, part := range []string{"service", "database", "disk", "files", "clock", "name", "https", "http",
		"https-legacy", "smtp", "modem", "mail relay"} {
		if h, ok := found[part]; !ok || !h.OK {
			t.Errorf("%s: %+v", part, h)
		}
	}
	if text := found["https"].Text; !strings.Contains(text, "box's own CA") || !strings.Contains(text, "/trust") {
		t.Errorf("https: %s", text)
	}
}

func TestDoctorFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, closed.Close())
	gone := closed.Addr().String()
	for _, c := range []struct {
		name, part, text string
		spoil            func(*testing.T, *box)
	}{
		{"nobody is at the https port", "https", "restart the service", func(_ *testing.T, b *box) { b.front.HTTPS = gone }},
		{"another program has the http port", "http", "another program's port", func(_ *testing.T, b *box) { b.front.HTTP = b.front.HTTPS }},
		{"the legacy door does not speak as old programs do", "https-legacy", "as old programs want it", func(_ *testing.T,
			b *box) {
			b.front.Legacy = b.front.HTTPS
		}},
		{"the mail door is closed", "smtp", "no mail program can come in", func(_ *testing.T, b *box) { b.front.SMTP = gone }},
		{"a name that the certificate does not have", "https", "for other names", func(_ *testing.T, b *box) { b.front.Hosts = []string{"other.local"} }},
		{"a name that is another computer's", "name", "other.local is not this computer's name", func(_ *testing.T,
			b *box) {
			b.front.Hosts = []string{"other.local"}
		}},
		{"no public CA has vouched yet", "https", "no public CA vouches for it yet", func(_ *testing.T, b *box) { b.front.TLS = certificate.ACME }},
		{"why that is so", "certificate", "too many requests", func(t *testing.T, b *box) {
			b.rest()
			must(t, b.SetFront(t.Context(), b.front))
			must(t, b.SetHealth(t.Context(), "certificate", false, "the CA says: too many requests"))
		}},
		{"no modem", "modem", "texts wait", func(*testing.T, *box) {}},
		{"a modem without a SIM", "modem", "put a SIM in", func(t *testing.T, b *box) {
			must(t, b.ServeModems(t.Context(), []string{"auto"}))
			must(t, b.SetModem(t.Context(), store.Modem{Device: "auto", Problem: "no SIM: put a SIM in"}))
		}},
		{"a root that cannot be read", "certificate", "acme.roots", func(t *testing.T, b *box) {
			must(t, b.Set(t.Context(),
				"acme.roots", "/nowhere.pem"))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t)
			c.spoil(t, b)
			if h := b.diagnosis(t)[c.part]; h.OK || !strings.Contains(h.Text, c.text) {
				t.Errorf("%s: %+v, want a problem with %q", c.part, h, c.text)
			}
		})
	}
}

// vouch makes a certificate as change wants it, signed by another, or by itself where that is nil.
func vouch(t *testing.T, change func(*x509.Certificate), by *x509.Certificate, key *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(60 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, BasicConstraintsValid: true}
	change(c)
	if by == nil {
		by, key = c, own
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by, own.Public(), key)
	must(t, err)
	made, err := x509.ParseCertificate(der)
	must(t, err)
	return made, own
}

func TestWhoVouches(t *testing.T) {
	t.Parallel()
	ca, key := vouch(t, func(c *x509.Certificate) { c.IsCA, c.Subject = true, pkix.Name{CommonName: "Good CA"} }, nil, nil)
	middle, middleKey := vouch(t, func(c *x509.Certificate) {
		c.IsCA, c.Subject = true, pkix.Name{Organization: []string{"Good"}, CommonName: "Middle"}
	}, ca, key)
	leaf := func(names []string, from, until time.Duration) *x509.Certificate {
		c, _ := vouch(t, func(c *x509.Certificate) {
			c.DNSNames, c.NotBefore, c.NotAfter = names, time.Now().Add(from), time.Now().Add(until)
		}, middle, middleKey)
		return c
	}
	const host, day = "sms.example.org", 24 * time.Hour
	self, _ := vouch(t, func(c *x509.Certificate) { c.DNSNames, c.Subject = []string{host}, pkix.Name{CommonName: "self"} }, nil, nil)
	for _, c := range []struct {
		name  string
		chain []*x509.Certificate
		ok    bool
		text  string
	}{
		{"a whole chain", []*x509.Certificate{leaf([]string{host}, -day, 60*day), middle}, true, "each computer must trust the root in acme.roots"},
		{"without the one in the middle", []*x509.Certificate{leaf([]string{host}, -day, 60*day)}, false, "intermediate certificates"},
		{"its end is near", []*x509.Certificate{leaf([]string{host}, -day, 3*day), middle}, false, "should have been renewed"},
		{"its end is past", []*x509.Certificate{leaf([]string{host}, -9*day, -day), middle}, false, "has expired on"},
		{"it begins tomorrow", []*x509.Certificate{leaf([]string{host}, day, 9*day), middle}, false, "clock"},
		{"another's name", []*x509.Certificate{leaf([]string{"www.example.org"}, -day, 60*day), middle}, false, "for other names: www.example.org"},
		{"nobody vouches", []*x509.Certificate{self}, false, "nobody that this computer trusts"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := &visitor{now: time.Now(), roots: x509.NewCertPool()}
			v.roots.AddCert(ca)
			ok, text := v.chain(tls.ConnectionState{PeerCertificates: c.chain}, host)
			if ok != c.ok || !strings.Contains(text, c.text) {
				t.Errorf("%v %s, want %v and %q", ok, text, c.ok, c.text)
			}
		})
	}
}

func TestTheRootIsShown(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	must(t, b.SetFront(t.Context(), b.front))
	var out bytes.Buffer
	must(t, showRoot(&out, b.Store))
	root, err := certificate.ReadRoot(b.Dir())
	must(t, err)
	for _, want := range []string{root.Fingerprint, "localhost", "192.168.0.0/16", filepath.Join("ca", "root.pem"),
		"http://" + b.front.HTTP + "/trust", "2049"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
}

func TestCommandsAreShownAsTheyAreTyped(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{"-host=sms.example.org": "-host=sms.example.org", "": "''", "a b": "'a b'",
		"it's": `'it'\''s'`, "/home/$(reboot)/omsbox": "'/home/$(reboot)/omsbox'", "$HOME": "'$HOME'"} {
		if got := store.Quoted(word); got != want {
			t.Errorf("%q is typed as %s, want %s", word, got, want)
		}
	}
	if got := withModem("omsbox", []string{"-host", "a b"}); !slices.Contains(strings.Fields(got), "auto") || !strings.HasSuffix(got, "-host 'a b'") {
		t.Errorf("got %s", got)
	}
}
