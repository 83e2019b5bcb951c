package certificate

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"omsbox/store"
)

// Root is the certificate of the box's own CA, for people to trust.
type Root struct {
	DER         []byte
	Fingerprint string   // SHA-256, as A1:B2:…
	Names       []string // what it may vouch for: names (each with its subdomains) and networks
}

// ReadRoot returns the root below the data directory; fs.ErrNotExist where none was made yet.
func ReadRoot(data string) (Root, error) {
	a, err := readAuthority(data)
	if err != nil {
		return Root{}, err
	}
	return a.Root, nil
}

// NewRoot replaces the root below the data directory with one that may vouch for hosts, and keeps
// the old one aside with the day. Everybody must trust the new one. A Keeper that runs takes it up
// within a minute.
func NewRoot(data string, hosts []string) error {
	hosts, err := CheckHosts(hosts)
	if err != nil {
		return err
	}
	dir, err := os.OpenRoot(data)
	if err != nil {
		return err
	}
	defer dir.Close()
	now := time.Now()
	old, err := dir.ReadFile(rootFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default: // whole or not, it is what people trusted
		aside := fmt.Sprintf("root-%s-%.4x.pem", now.UTC().Format(time.DateOnly), sha256.Sum256(old))
		if err := writeWhole(dir, filepath.Join(authorityDir, aside), old); err != nil {
			return fmt.Errorf("keep the old root aside: %w", err)
		}
	}
	if err := makeRoot(data, hosts, now); err != nil {
		return err
	}
	return dir.RemoveAll(filepath.Join(authorityDir, "certificates")) // where FileStorage keeps what the old one signed
}

// authorityDir is what belongs to the box's own CA, below the data directory.
const authorityDir = "ca"

// rootFile is the root with its key, below the data directory.
var rootFile = filepath.Join(authorityDir, "root.pem")

func rootPath(data string) string { return filepath.Join(data, rootFile) }

// authority is a root with its key.
type authority struct {
	Root
	certificate *x509.Certificate
	key         *rsa.PrivateKey
}

// How long a root is valid. Both ends are fixed, for a Raspberry Pi makes its root at a first start
// at which its clock may say anything; and they can be written as UTCTime (RFC 5280 4.1.2.5.1).
var (
	rootFrom  = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	rootUntil = time.Date(2049, 12, 31, 0, 0, 0, 0, time.UTC)
)

// makeRoot writes a new root that may vouch for hosts, for the names of this computer and for
// private addresses, and for nothing else: whoever trusts it, trusts a small box with no more.
func makeRoot(data string, hosts []string, now time.Time) error {
	names, networks := []string{}, store.PrivateNetworks()
	for _, name := range boxNames(hosts) {
		if addr, err := netip.ParseAddr(name); err != nil {
			names = append(names, name)
		} else if !slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(addr) }) {
			networks = append(networks, netip.PrefixFrom(addr, addr.BitLen()))
		}
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	called := "omsbox " + now.UTC().Format("2006-01-02 15:04 ") + boxNames(hosts)[0] // two of them can be told apart
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: called[:min(len(called), 64)]}, // RFC 5280 appendix A, ub-common-name
		NotBefore:             rootFrom,
		NotAfter:              rootUntil,
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		// Name constraints (RFC 5280 4.2.1.10) say nothing of mail addresses or of programs that
		// are signed; a root for servers alone cannot vouch for these.
		ExtKeyUsage:                 []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         names,
	}
	for _, n := range networks {
		template.PermittedIPRanges = append(template.PermittedIPRanges,
			&net.IPNet{IP: n.Addr().AsSlice(), Mask: net.CIDRMask(n.Bits(), n.Addr().BitLen())})
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return fmt.Errorf("make the root: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	// One file, so that there is never a certificate without its key.
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...)
	dir, err := os.OpenRoot(data)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := writeWhole(dir, rootFile, text); err != nil {
		return fmt.Errorf("keep the root: %w", err)
	}
	return nil
}

// serial is a number for a certificate that nobody can guess, RFC 5280 4.1.2.2.
func serial() *big.Int {
	b := make([]byte, 16)
	rand.Read(b)
	b[0] = b[0]&0x7f | 0x40 // positive, and always of 16 octets
	return new(big.Int).SetBytes(b)
}

// readAuthority reads the root and its key.
func readAuthority(data string) (*authority, error) {
	path := rootPath(data)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var a *authority
	if err == nil {
		a, err = parseAuthority(text)
	}
	if err != nil {
		return nil, fmt.Errorf("the root of this box's own CA, which people trusted, cannot be read from %s: %w; put "+
			"back a copy of that file, or make a new root with `omsbox root new` (then everybody must trust the new one)",
			path, err)
	}
	return a, nil
}

func parseAuthority(text []byte) (*authority, error) {
	var certificate, secret []byte
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "CERTIFICATE":
			certificate = block.Bytes
		case "PRIVATE KEY":
			secret = block.Bytes
		}
	}
	if certificate == nil || secret == nil {
		return nil, errors.New("it is not whole")
	}
	c, err := x509.ParseCertificate(certificate)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(secret)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok || !key.PublicKey.Equal(c.PublicKey) || !c.IsCA {
		return nil, errors.New("its key does not belong to its certificate")
	}
	a := &authority{Root: Root{DER: c.Raw, Fingerprint: fingerprint(c.Raw), Names: slices.Clone(c.PermittedDNSDomains)}, certificate: c, key: key}
	for _, n := range c.PermittedIPRanges {
		a.Names = append(a.Names, n.String())
	}
	return a, nil
}

func fingerprint(der []byte) string {
	return strings.ReplaceAll(fmt.Sprintf("% X", sha256.Sum256(der)), " ", ":")
}

// permits says whether the root may vouch for a name or an address, RFC 5280 4.2.1.10.
func (a *authority) permits(name string) bool {
	if ip := net.ParseIP(name); ip != nil {
		return slices.ContainsFunc(a.certificate.PermittedIPRanges, func(n *net.IPNet) bool { return n.Contains(ip) })
	}
	return slices.ContainsFunc(a.certificate.PermittedDNSDomains, func(d string) bool {
		return name == d || strings.HasSuffix(name, "."+d)
	})
}

// uncovered are those of names that the root may not vouch for.
func (a *authority) uncovered(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), a.permits)
}

// boxNames are all that the box is called: hosts, the computer's name, that name as multicast DNS
// has it (RFC 6762), and localhost. There is always one.
func boxNames(hosts []string) []string {
	names := slices.Clone(hosts)
	if name := computer(); name != "" {
		names = append(names, name+".local", name)
	}
	var once []string
	for _, name := range append(names, "localhost") {
		if !slices.Contains(once, name) {
			once = append(once, name)
		}
	}
	return once
}

// computer is the computer's name, without a domain; "" where it has none that DNS could have.
func computer() string {
	full, err := os.Hostname()
	if err != nil {
		return ""
	}
	name, _, _ := strings.Cut(strings.ToLower(full), ".")
	if !isName(name) {
		return ""
	}
	return name
}

// CheckHosts returns the names that were given with -host as certificates have them.
func CheckHosts(hosts []string) ([]string, error) {
	var checked []string
	for _, host := range hosts {
		name := normalized(host)
		if addr, err := netip.ParseAddr(name); err == nil {
			name = plain(addr).String()
		} else if !isName(name) {
			return nil, fmt.Errorf("-host %s: write a name such as sms.example.org (other letters than a to z as xn--…)", host)
		}
		checked = append(checked, name)
	}
	return checked, nil
}

// isName says whether DNS could have that name of a computer, RFC 1123 2.1.
func isName(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}

// normalized is a name as it is compared: in small letters, without the dot of the DNS root.
func normalized(name string) string {
	return strings.TrimSuffix(strings.ToLower(strings.TrimSpace(name)), ".")
}

// plain is an address as certificates have it: without a zone, and IPv4 as such.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// writeWhole writes a secret file below the data directory so that a power cut leaves the old one, or
// none, or the whole new one. A new file and its directory belong to whom the data directory belongs
// to, so that the service can read what root wrote; so no link there leads root out of it.
func writeWhole(data *os.Root, path string, text []byte) error {
	dir := filepath.Dir(path)
	if err := data.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	next := path + ".new"
	if err := data.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) { // it may have been another's, or readable to others
		return err
	}
	f, err := data.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = giveToOwnerOf(data, dir, f)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = data.Rename(next, path)
	}
	if err != nil {
		data.Remove(next)
		return err
	}
	return syncDir(data, dir)
}
