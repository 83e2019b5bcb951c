package certificate

import (
	"crypto/tls"

	"omsbox/store"
)

// Every listener asks the Keeper at each handshake, so that a renewed certificate reaches all.

// TLS is for the pages and OMS: TLS 1.2 and later, HTTP/2 and HTTP/1.1, and TLS-ALPN-01 challenges
// (RFC 8737).
func (k *Keeper) TLS() *tls.Config {
	protocols := []string{"h2", "http/1.1"}
	if k.acme != nil {
		protocols = append(protocols, "acme-tls/1") // RFC 8737 6.2
	}
	return &tls.Config{GetCertificate: k.certificate, MinVersion: tls.VersionTLS12, NextProtos: protocols}
}

// MailTLS is for SMTP: the same without ALPN, which mail programs that offer some would stumble over.
func (k *Keeper) MailTLS() *tls.Config {
	return &tls.Config{GetCertificate: k.mailCertificate, MinVersion: tls.VersionTLS12}
}

// LegacyTLS is for the programs of Windows XP and 7: TLS 1.0 to 1.2, with the RSA key exchange and
// CBC suites that they have, HTTP/1.1 alone. Without HTTP/2, because Go would agree on that with
// TLS 1.0 too and then refuse to speak it (RFC 9113 9.2). All is said outright, for what Go leaves
// out by default changes from release to release.
func (k *Keeper) LegacyTLS() *tls.Config {
	return &tls.Config{
		GetCertificate: k.certificate,
		MinVersion:     tls.VersionTLS10,
		MaxVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"},
		CipherSuites: []uint16{
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
			tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
			// For files whose key is not RSA; no XP can use it, but Windows 7 can.
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
			tls.TLS_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_RSA_WITH_AES_128_CBC_SHA256,
			tls.TLS_RSA_WITH_AES_128_CBC_SHA,
			tls.TLS_RSA_WITH_AES_256_CBC_SHA,
			// All that Windows XP and Server 2003 have without a hotfix. They have RC4 too, but
			// every one of them that has RC4 with SHA has this, so RC4 (RFC 7465) stays out.
			tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA,
		},
	}
}

// certificate is for programs that say which host they want (SNI, RFC 6066 3), unless they were
// given an address.
func (k *Keeper) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if hello.ServerName == "" && !store.IsPrivate(localAddress(hello.Conn)) {
		return k.mailCertificate(hello)
	}
	if k.acme != nil && hello.ServerName != "" {
		if c, err := k.acme.certificate(hello); err == nil {
			return c, nil
		}
	}
	return k.own.certificate(hello)
}

// mailCertificate is for programs of which many never say the host: who says none means the box by
// its canonical name, if a public CA vouches for that.
func (k *Keeper) mailCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if k.acme != nil {
		named := *hello
		if named.ServerName == "" {
			named.ServerName = k.hosts[0]
		}
		if c, err := k.acme.certificate(&named); err == nil {
			return c, nil
		}
	}
	return k.own.certificate(hello)
}

// Public says whether a public CA vouches for that name, so that browsers may be told to insist on TLS.
func (k *Keeper) Public(host string) bool {
	host = normalized(host)
	for _, s := range k.sources {
		if s.public(host) {
			return true
		}
	}
	return false
}
