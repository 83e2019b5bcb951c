package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"regexp"
	"strings"
	"time"

	protocol "github.com/mholt/acmez/v3/acme"

	"omsbox/web/dns"
)

// trouble says in words for people why there is no fresh certificate, and what to do.
func (ca *publicCA) trouble(err error, name string, now time.Time) string {
	if ca.fault != nil {
		return ca.fault.Error()
	}
	var problem protocol.Problem
	if errors.As(err, &problem) {
		return ca.problem(problem, name)
	}
	var provider *dns.Error
	if errors.As(err, &provider) {
		return "the proof could not be written to DNS. " + provider.Error()
	}
	if clockIsWrong(err) {
		return fmt.Sprintf("by this computer's clock it is %s, and the CA's own certificate is not good at that time: "+
			"set the clock", now.Format("2006-01-02 15:04"))
	}
	var unproved *tls.CertificateVerificationError
	if errors.As(err, &unproved) {
		return fmt.Sprintf("this computer does not trust %s: if it is a CA of your own, set acme.roots to the file with its root", ca.host)
	}
	var lookup *net.DNSError
	if errors.As(err, &lookup) {
		return fmt.Sprintf("this computer cannot look up %s: is it connected to the Internet?", ca.host)
	}
	var file *fs.PathError // before those of the network: what the system says passes for one of them
	if errors.As(err, &file) {
		return fmt.Sprintf("the data directory cannot be used (%v): is the disk full or damaged?", file.Err)
	}
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("%s cannot be reached: is this computer connected to the Internet?", ca.host)
	}
	switch text := err.Error(); { // these come without a type
	case strings.Contains(text, "could not determine zone"):
		return fmt.Sprintf("this computer's DNS server does not tell which zone %s is in: does the name exist?", name)
	case strings.Contains(text, "DNS propagation"), strings.Contains(text, "to fully propagate"):
		return "the proof was written to DNS, but does not show there yet"
	case strings.Contains(text, "storage"):
		return "the data directory cannot be written: is the disk full?"
	}
	return clipped(err.Error())
}

// problem is why the CA refused. RFC 8555 6.7
func (ca *publicCA) problem(p protocol.Problem, name string) string {
	if len(p.Subproblems) > 0 {
		p = p.Subproblems[0].Problem
	}
	byPorts := "let the router forward ports 80 and 443 to this box, or set acme.dns"
	switch p.Type {
	case protocol.ProblemTypeDNS:
		if ca.byDNS {
			return fmt.Sprintf("it does not find the proof in DNS: is the provider in acme.dns the one that answers for %s?", name)
		}
		return fmt.Sprintf("it finds no address for %s in DNS: make an entry with this box's public address", name)
	case protocol.ProblemTypeConnection, protocol.ProblemTypeTLS:
		return fmt.Sprintf("it cannot reach this box at %s: %s", name, byPorts)
	case protocol.ProblemTypeUnauthorized:
		if ca.byDNS {
			return fmt.Sprintf("it finds another proof in DNS: is the provider in acme.dns the one that answers for %s?", name)
		}
		return fmt.Sprintf("something else than this box answers at %s: is its address in DNS yours? If so, %s", name, byPorts)
	case protocol.ProblemTypeRateLimited:
		if at := retryAfter.FindStringSubmatch(p.Detail); at != nil {
			return fmt.Sprintf("it was asked too often, and takes no more before %s UTC", at[1])
		}
		return "it was asked too often for now"
	case protocol.ProblemTypeCAA:
		return fmt.Sprintf("the CAA entry of %s in DNS allows other CAs only: add this one there", name)
	case protocol.ProblemTypeRejectedIdentifier, protocol.ProblemTypeUnsupportedIdentifier:
		return fmt.Sprintf("it vouches for no such name as %s", name)
	case protocol.ProblemTypeInvalidContact, protocol.ProblemTypeUnsupportedContact:
		return "it does not accept the address in acme.mail"
	case protocol.ProblemTypeExternalAccountRequired:
		return "it wants accounts that are made by hand, which omsbox cannot use: set acme.directory to another CA"
	case protocol.ProblemTypeServerInternal:
		return "it has trouble of its own"
	}
	if p.Status >= 500 {
		return "it has trouble of its own"
	}
	return fmt.Sprintf("it says %q", clipped(p.Detail))
}

// retryAfter is the time that Let's Encrypt names when it was asked too often.
var retryAfter = regexp.MustCompile(`retry after (\d{4}-\d\d-\d\d \d\d:\d\d)`)

// clockIsWrong says whether the CA's own certificate is good, but not at the time of this
// computer's clock: a Raspberry Pi boots in the past.
func clockIsWrong(err error) bool {
	var invalid x509.CertificateInvalidError
	return errors.As(err, &invalid) && invalid.Reason == x509.Expired
}

func clipped(text string) string {
	if r := []rune(text); len(r) > 120 {
		return string(r[:120]) + "…"
	}
	return text
}
