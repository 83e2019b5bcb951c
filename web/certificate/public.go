package certificate

import (
	"strings"

	"github.com/caddyserver/certmagic"
)

// PublicName says whether a name is one that a public CA could vouch for: not a bare one, an
// address, or of a domain that nobody can own, such as box.local.
func PublicName(name string) bool {
	return strings.Contains(name, ".") && certmagic.SubjectQualifiesForPublicCert(name) && !certmagic.SubjectIsIP(name)
}
