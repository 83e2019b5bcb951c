package certificate

import (
	"crypto/tls"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
)

// vouched is a name with its certificate of a public CA, and how getting a fresh one goes.
type vouched struct {
	name string

	mu   sync.Mutex
	ca   *publicCA              // who is asked; nil before it is known
	cert *certmagic.Certificate // the latest; nil before the first
	from *publicCA              // whose that is: maybe one that was asked before
	err  error                  // why there is none, or none that is fresh; nil while there is no trouble
	next time.Time              // when it is tried again
}

// meet says who is asked from now on. The certificate stays until there is another.
func (v *vouched) meet(ca *publicCA) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ca, v.err, v.next = ca, nil, time.Time{}
}

// found takes what a look brought; it says whether that is another certificate than before.
func (v *vouched) found(cert *certmagic.Certificate, ca *publicCA, err error, next time.Time) (another bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.err, v.next = err, next
	if cert == nil {
		return false
	}
	another = v.cert == nil || v.cert.Hash() != cert.Hash()
	v.cert, v.from = cert, ca
	return another
}

// serve returns the certificate; errNone where there is none, or where its time is over: the box's
// own CA is better then.
func (v *vouched) serve(now time.Time) (*tls.Certificate, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.cert == nil || now.After(v.cert.Leaf.NotAfter) {
		return nil, errNone
	}
	return &v.cert.Certificate, nil
}

// public says whether there is a certificate that everybody trusts.
func (v *vouched) public(now time.Time) bool {
	_, err := v.serve(now)
	v.mu.Lock()
	defer v.mu.Unlock()
	return err == nil && v.from.trusted
}

// status says in words for people how the certificate is, and what to do; "" where nobody is asked for one.
func (v *vouched) status(now time.Time) (ok bool, text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ca == nil || !v.ca.serves(v.name) {
		return true, ""
	}
	const day = 24 * time.Hour
	reason := ""
	if v.err != nil {
		if reason = v.ca.trouble(v.err, v.name, now); !strings.ContainsAny(reason[len(reason)-1:], ".?!") {
			reason += "."
		}
		reason += " Next try: " + v.next.Format("2006-01-02 15:04")
	}
	switch {
	case v.cert == nil && v.err == nil:
		return false, fmt.Sprintf("%s: %s has been asked for a certificate. Until it comes, the box's own CA stands in", v.name, v.ca.name)
	case v.cert == nil:
		return false, fmt.Sprintf("%s: no certificate of %s yet: %s", v.name, v.ca.name, reason)
	}
	leaf, issuer := v.cert.Leaf, issuerOf(v.cert.Leaf)
	left := leaf.NotAfter.Sub(now)
	switch {
	case v.err == nil && left > 0:
		return true, fmt.Sprintf("%s: %s vouches for it until %s", v.name, issuer, leaf.NotAfter.Format("2006-01-02"))
	case v.err == nil:
		return false, fmt.Sprintf("%s: the certificate of %s ended on %s, and is being renewed", v.name, issuer, leaf.NotAfter.Format("2006-01-02"))
	}
	if left <= 0 {
		return false, fmt.Sprintf("%s: the certificate of %s ended on %s, and %s does not renew it: %s", v.name, issuer,
			leaf.NotAfter.Format("2006-01-02"), v.ca.name, reason)
	}
	remains := fmt.Sprintf("%d more days", left/day)
	if left < 2*day {
		remains = fmt.Sprintf("%d more hours", left/time.Hour)
	}
	// There is a third of its life to renew it in: in the first half of that, nobody needs to be worried.
	fine := left > leaf.NotAfter.Sub(leaf.NotBefore)/6
	return fine, fmt.Sprintf("%s: the certificate of %s is good for %s, and %s does not renew it: %s", v.name, issuer, remains, v.ca.name, reason)
}
