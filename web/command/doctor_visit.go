package command

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/smtp"
	"strings"
	"time"

	"omsbox/store"
	"omsbox/web/certificate"
)

const (
	// answerWithin bounds each try of a door.
	answerWithin = 5 * time.Second
	// soon is how long a certificate must still be valid: whatever renews it does so before.
	soon = 7 * 24 * time.Hour
)

// visitor comes to the doors of the running service from inside, as a client would.
type visitor struct {
	store *store.Store
	front store.Front
	hosts []string // names to come by: those of the box, else this computer's
	mine  []netip.Addr
	now   time.Time

	own   *x509.Certificate // the root of the box's own CA; nil where it has none
	roots *x509.CertPool    // of a public CA of one's own (acme.roots); nil for the system's alone
	lost  string            // why own or roots cannot be read
}

func newVisitor(s *store.Store, front store.Front) *visitor {
	v := &visitor{store: s, front: front, hosts: front.Hosts, mine: certificate.Addresses(), now: s.Now()}
	if len(v.hosts) == 0 {
		v.hosts = []string{site(store.Front{}, "", "")}
	}
	root, err := certificate.ReadRoot(s.Dir())
	if err == nil {
		v.own, err = x509.ParseCertificate(root.DER)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		v.lost = err.Error()
	}
	if path := s.Setting("acme.roots"); path != "" {
		v.roots, err = certificate.Roots(path)
		if err != nil {
			v.lost = err.Error()
		}
	}
	return v
}

// checks are those of names and doors.
func (v *visitor) checks() []check {
	one := func(part string, look func(context.Context) (bool, string)) check {
		return func(ctx context.Context) []store.Health {
			ctx, cancel := context.WithTimeout(ctx, 4*answerWithin)
			defer cancel()
			ok, text := look(ctx)
			return []store.Health{{Part: part, OK: ok, Text: text}}
		}
	}
	var checks []check
	if len(v.front.Hosts) == 0 {
		checks = append(checks, always(store.Health{Part: "name", OK: true, Text: "none was given with -host: this box " +
			"goes by " + v.hosts[0] + " and its addresses"}))
	}
	for _, host := range v.front.Hosts {
		checks = append(checks, one("name", func(ctx context.Context) (bool, string) { return v.name(ctx, host) }))
	}
	if v.lost != "" {
		checks = append(checks, always(store.Health{Part: "certificate", Text: v.lost}))
	}
	checks = append(checks, v.certificates)
	if v.front.HTTPS != "" {
		for _, host := range v.hosts {
			checks = append(checks, one("https", func(ctx context.Context) (bool, string) { return v.https(ctx, host) }))
		}
	}
	if v.front.HTTP != "" {
		checks = append(checks, one("http", v.http))
	}
	if v.front.Legacy != "" {
		checks = append(checks, one("https-legacy", v.legacy))
	}
	if v.front.SMTP != "" {
		checks = append(checks, one("smtp", v.smtp))
	}
	return checks
}

// name sees where a name of the box leads.
func (v *visitor) name(ctx context.Context, host string) (bool, string) {
	if _, err := netip.ParseAddr(host); err == nil {
		return true, host + " is an address, not a name: certificates for it are the box's own"
	}
	if strings.HasSuffix(strings.ToLower(host), ".local") {
		return multicast(host)
	}
	found, err := lookUp(ctx, host)
	if err != nil {
		return false, notFound(host, err)
	}
	ok, text, router := leads(host, found, v.mine)
	if !router.IsValid() || v.front.HTTPS == "" {
		return ok, text
	}
	// Many routers lead back in who comes from inside.
	_, port, err := net.SplitHostPort(v.front.HTTPS)
	if err != nil {
		return ok, text
	}
	outside, err := greet(ctx, netip.AddrPortFrom(router, 0).Addr().String()+":"+port, host)
	if err != nil {
		return ok, text + "; that cannot be seen from here: open https://" + host + " with a phone that is not in your Wi-Fi"
	}
	here, err := greet(ctx, inside(v.front.HTTPS), host)
	if err == nil && !outside.PeerCertificates[0].Equal(here.PeerCertificates[0]) {
		return false, fmt.Sprintf("%s leads to %s, where another computer answers, or the router itself: have the router "+
			"forward port %s to this computer (%s)", host, router, port, addressesOf(v.mine))
	}
	return true, fmt.Sprintf("%s leads to %s, which leads back to this computer", host, router)
}

// restart says how to start the service anew.
func (v *visitor) restart() string {
	if sys, _ := installedAt(v.store.Dir()); sys != nil {
		return "restart the service: " + sys.restart()
	}
	return "restart the service"
}

// greet makes a TLS handshake for a name, and believes whatever certificate is shown.
func greet(ctx context.Context, address, host string) (tls.ConnectionState, error) {
	return shakeHands(ctx, address, &tls.Config{ServerName: host, InsecureSkipVerify: true})
}

func shakeHands(ctx context.Context, address string, config *tls.Config) (tls.ConnectionState, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState(), nil
}

// certificates says what the service itself tells of its certificates, if that is a problem.
func (v *visitor) certificates(ctx context.Context) []store.Health {
	parts, err := v.store.Healths(ctx)
	if err != nil {
		return []store.Health{{Part: "certificate", Text: err.Error()}}
	}
	for _, h := range parts {
		if h.Part == "certificate" && !h.OK {
			return []store.Health{h}
		}
	}
	return nil // the doors tell
}

// https comes in by TLS as a browser or Outlook does.
func (v *visitor) https(ctx context.Context, host string) (bool, string) {
	address := inside(v.front.HTTPS)
	state, err := greet(ctx, address, host)
	if err != nil {
		return false, fmt.Sprintf("nobody answers at %s: %v; %s", address, err, v.restart())
	}
	ok, text := v.chain(state, host)
	return ok, host + ": " + text
}

// chain says who vouches for what a server showed, as a client of that name sees it.
func (v *visitor) chain(state tls.ConnectionState, host string) (bool, string) {
	leaf := state.PeerCertificates[0]
	options := x509.VerifyOptions{DNSName: host, Intermediates: x509.NewCertPool(), CurrentTime: v.now}
	for _, c := range state.PeerCertificates[1:] {
		options.Intermediates.AddCert(c)
	}
	until := leaf.NotAfter.Local().Format("2 January 2006")
	trust := "every computer trusts that"
	_, err := leaf.Verify(options)
	if err != nil && v.roots != nil {
		options.Roots = v.roots
		if _, again := leaf.Verify(options); again == nil {
			err, trust = nil, "each computer must trust the root in acme.roots"
		}
	}
	if err == nil {
		if left := leaf.NotAfter.Sub(v.now); left < soon {
			return false, fmt.Sprintf("its certificate by %s is valid only until %s, and should have been renewed: the "+
				"service's log says why it was not", issuer(leaf), until)
		}
		return true, fmt.Sprintf("%s vouches for it until %s, and %s", issuer(leaf), until, trust)
	}
	if v.own != nil {
		options.Roots = x509.NewCertPool()
		options.Roots.AddCert(v.own)
		if _, again := leaf.Verify(options); again == nil {
			return v.private(until)
		} else if state.PeerCertificates[len(state.PeerCertificates)-1].Issuer.String() == v.own.Subject.String() {
			err = again
		}
	}
	var expired x509.CertificateInvalidError
	var other x509.HostnameError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &expired) && expired.Reason == x509.Expired && v.now.Before(leaf.NotBefore):
		return false, "its certificate is valid only from " + leaf.NotBefore.Local().Format("2 January 2006") + ": is this computer's clock right?"
	case errors.As(err, &expired) && expired.Reason == x509.Expired:
		return false, "its certificate has expired on " + until + ": the service's log says why it was not renewed"
	case errors.As(err, &other):
		return false, "its certificate is for other names: " + enumerate(certificate.Names(leaf))
	case errors.As(err, &unknown) && len(state.PeerCertificates) == 1 && leaf.Issuer.String() != leaf.Subject.String():
		return false, fmt.Sprintf("this computer does not know %s, who signed its certificate: the file of -cert must "+
			"hold the intermediate certificates too; or, if that is your company's own CA, its root must be trusted on each "+
			"computer", issuer(leaf))
	case errors.As(err, &unknown):
		return false, fmt.Sprintf("nobody that this computer trusts vouches for its certificate, which %s signed: if "+
			"that is your company's own CA, its root must be trusted on each computer", issuer(leaf))
	}
	return false, fmt.Sprintf("its certificate is not valid: %v", err)
}

// private says what it means that the box's own CA vouches.
func (v *visitor) private(until string) (bool, string) {
	trust := v.front.Origin + "/trust"
	if v.front.HTTP != "" {
		trust = "http://" + site(v.front, v.front.HTTP, "80") + "/trust"
	}
	if v.front.TLS == certificate.ACME {
		return false, "no public CA vouches for it yet, so only computers that trust the box's own root take it (" + trust + ")"
	}
	return true, fmt.Sprintf("the box's own CA vouches for it until %s; each computer must trust its root once: %s tells how", until, trust)
}

func issuer(c *x509.Certificate) string {
	words := append([]string{}, c.Issuer.Organization...)
	if c.Issuer.CommonName != "" {
		words = append(words, c.Issuer.CommonName)
	}
	if words == nil {
		return "somebody without a name"
	}
	return strings.Join(words, " ")
}

// http comes in without TLS.
func (v *visitor) http(ctx context.Context) (bool, string) {
	address := inside(v.front.HTTP)
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		return false, err.Error()
	}
	request.Host = site(v.front, v.front.HTTP, "80")
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := transport.RoundTrip(request) // which follows nobody elsewhere
	if err != nil {
		return false, fmt.Sprintf("nobody answers at %s: %v; %s", address, err, v.restart())
	}
	answer.Body.Close()
	to := answer.Header.Get("Location")
	switch {
	case v.front.HTTPS != "" && strings.HasPrefix(to, "https://"):
		return true, "whoever comes without TLS is sent on to " + to
	case v.front.HTTPS != "":
		return false, fmt.Sprintf("%s answers %s instead of sending on to https; is it another program's port?", address, answer.Status)
	case answer.StatusCode >= 400:
		return false, fmt.Sprintf("%s answers %s; is it another program's port?", address, answer.Status)
	}
	return true, "pages and Outlook are served at " + address + " without TLS, as -tls off says"
}

// legacy comes in as the programs of Windows XP do.
func (v *visitor) legacy(ctx context.Context) (bool, string) {
	address := inside(v.front.Legacy)
	state, err := shakeHands(ctx, address, &tls.Config{
		ServerName: v.hosts[0], InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10,
		CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA,
			tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA},
	})
	if err != nil {
		return false, fmt.Sprintf("nobody answers at %s as old programs want it: %v; %s", address, err, v.restart())
	}
	ok, text := v.chain(state, v.hosts[0])
	return ok, "old programs are let in at " + address + "; " + text
}

// smtp comes in as a mail program does, and hangs up.
func (v *visitor) smtp(ctx context.Context) (bool, string) {
	address := inside(v.front.SMTP)
	refused := func(err error) (bool, string) {
		return false, fmt.Sprintf("no mail program can come in at %s: %v; %s", address, err, v.restart())
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return refused(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(answerWithin))
	client, err := smtp.NewClient(conn, v.hosts[0])
	if err != nil {
		return refused(err)
	}
	defer client.Quit()
	if offered, _ := client.Extension("STARTTLS"); !offered {
		if v.front.TLS == "off" {
			return true, "mail programs on this computer are let in at " + address + "; others are not, as -tls off leaves no encryption"
		}
		return false, address + " offers no STARTTLS; is it another program's port?"
	}
	if err := client.StartTLS(&tls.Config{ServerName: v.hosts[0], InsecureSkipVerify: true}); err != nil {
		return refused(err)
	}
	state, _ := client.TLSConnectionState()
	ok, text := v.chain(state, v.hosts[0])
	return ok, "mail programs are let in at " + address + "; " + text
}
