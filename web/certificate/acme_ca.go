package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"path"
	"time"

	"github.com/caddyserver/certmagic"

	"omsbox/web/dns"
)

// wishes are the settings that say which CA is asked, and how.
type wishes struct{ mail, directory, roots, dns string }

func (a *acme) wishes() wishes {
	s := a.store.Setting
	return wishes{s("acme.mail"), s("acme.directory"), s("acme.roots"), s("acme.dns")}
}

// publicCA is a CA of the settings, and certmagic to ask it.
type publicCA struct {
	name    string // for people
	host    string // where it is asked
	trusted bool   // everybody trusts it
	private bool   // it is not known what it vouches for: any name may be asked
	byDNS   bool   // names are proved through DNS
	fault   error  // what is wrong with the settings, in words for people; the CA is not asked then

	cache  *certmagic.Cache
	config *certmagic.Config
}

// newPublicCA prepares to ask the CA that the settings name. It asks nobody yet.
func (a *acme) newPublicCA(w wishes) *publicCA {
	ca := &publicCA{name: "Let's Encrypt", byDNS: w.dns != ""}
	issuer := certmagic.ACMEIssuer{
		CA: certmagic.LetsEncryptProductionCA, Email: w.mail,
		Agreed:                    true, // whoever uses it agrees to its terms: README says so
		DisableDistributedSolvers: true, // this process alone answers
		Logger:                    zapLogger(a.log),
	}
	switch w.directory {
	case "":
		ca.trusted = true
	case "staging":
		ca.name, issuer.CA = "Let's Encrypt's trial CA", certmagic.LetsEncryptStagingCA
	default:
		ca.private, issuer.CA = true, w.directory
	}
	if u, err := url.Parse(issuer.CA); err == nil {
		ca.host = u.Hostname()
	}
	if ca.private {
		ca.name = ca.host
	}
	if w.roots != "" {
		issuer.TrustedRoots, ca.fault = Roots(w.roots)
	}
	if err := doors(&issuer, a.config); err != nil {
		ca.fault = err
	}
	if ca.byDNS {
		provider, err := dns.New(w.dns)
		if err != nil {
			ca.fault = fmt.Errorf("the setting acme.dns is wrong: %w", err)
		}
		issuer.DNS01Solver = &certmagic.DNS01Solver{DNSManager: certmagic.DNSManager{DNSProvider: provider,
			TTL: time.Minute, Resolvers: a.resolvers, Logger: issuer.Logger}}
	} else if issuer.DisableHTTPChallenge && issuer.DisableTLSALPNChallenge {
		ca.fault = errors.New("there is no way to prove the name: start omsbox with -http or -https, or set acme.dns")
	}
	ca.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert:   func(certmagic.Certificate) (*certmagic.Config, error) { return ca.config, nil },
		RenewCheckInterval: a.every, // by which it also judges what is urgent
		Logger:             issuer.Logger,
	})
	ca.cache.Stop() // its goroutine would renew beside us; it is a map now
	ca.config = certmagic.New(ca.cache, certmagic.Config{
		Storage:            &certmagic.FileStorage{Path: a.directory()},
		KeySource:          certmagic.StandardKeyGenerator{KeyType: certmagic.RSA2048}, // the RSA key exchange of old clients needs it
		RenewalWindowRatio: a.renewal,
		Issuers:            []certmagic.Issuer{}, // not certmagic's default
		Logger:             issuer.Logger,
	})
	ca.config.Issuers = []certmagic.Issuer{unattended{certmagic.NewACMEIssuer(ca.config, issuer), ca.fault}}
	return ca
}

// serves says whether the CA is asked about a name at all.
func (ca *publicCA) serves(name string) bool {
	return ca.private || PublicName(name)
}

// look loads the certificate of a name from the disk, with its OCSP response, and gets or renews it
// where it is time. It returns the one there is, if any, even beside an error. tries is how often
// that has failed in a row.
func (ca *publicCA) look(ctx context.Context, name string, tries int) (*certmagic.Certificate, error) {
	if err := ca.mend(ctx, name); err != nil {
		return nil, err
	}
	// Nothing stays in the cache, or certmagic would think the next time that it is being looked after.
	defer ca.cache.RemoveManaged([]certmagic.SubjectIssuer{{Subject: name}})
	err := ca.config.ManageSync(context.WithValue(ctx, certmagic.AttemptsCtxKey, &tries), []string{name})
	var latest *certmagic.Certificate
	for _, c := range ca.cache.AllMatchingCertificates(name) {
		if latest == nil || c.Leaf.NotAfter.After(latest.Leaf.NotAfter) {
			latest = &c
		}
	}
	return latest, err
}

// mend removes what certmagic would stumble over for ever: files of a certificate that do not belong
// together, as a power cut between the writing of two leaves them, and a damaged account. Both are
// got anew.
func (ca *publicCA) mend(ctx context.Context, name string) error {
	if err := ca.mendAccounts(ctx); err != nil {
		return err
	}
	key := ca.config.Issuers[0].IssuerKey()
	var files [3][]byte
	for i, file := range []string{certmagic.StorageKeys.SiteCert(key, name), certmagic.StorageKeys.SitePrivateKey(key,
		name), certmagic.StorageKeys.SiteMeta(key, name)} {
		var err error
		if files[i], err = ca.config.Storage.Load(ctx, file); errors.Is(err, fs.ErrNotExist) {
			return nil // it is got anew
		} else if err != nil {
			return fmt.Errorf("read the certificate of %s: %w", name, err)
		}
	}
	if _, err := tls.X509KeyPair(files[0], files[1]); err == nil && json.Valid(files[2]) {
		return nil
	}
	return ca.config.Storage.Delete(ctx, certmagic.StorageKeys.CertsSitePrefix(key, name))
}

// mendAccounts removes accounts at the CA of which a file is damaged.
func (ca *publicCA) mendAccounts(ctx context.Context) error {
	files, err := ca.config.Storage.List(ctx, "acme", true)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, file := range files {
		whole := json.Valid
		switch path.Ext(file) {
		case ".json":
		case ".key":
			whole = func(text []byte) bool {
				_, err := certmagic.PEMDecodePrivateKey(text)
				return err == nil
			}
		default: // a folder
			continue
		}
		text, err := ca.config.Storage.Load(ctx, file)
		if err != nil {
			return fmt.Errorf("read the account at the CA: %w", err)
		}
		if !whole(text) {
			if err := ca.config.Storage.Delete(ctx, path.Dir(file)); err != nil {
				return err
			}
		}
	}
	return err
}

// unattended is an issuer where nobody sits at a terminal.
type unattended struct {
	*certmagic.ACMEIssuer
	fault error // why it cannot be asked
}

// PreCheck says whether the CA may be asked. It never asks a person for a mail address.
func (u unattended) PreCheck(ctx context.Context, names []string, _ bool) error {
	if u.fault != nil {
		return u.fault
	}
	return u.ACMEIssuer.PreCheck(ctx, names, false)
}

// doors tells certmagic where our listeners are, so that it opens none of its own: it takes an
// address that is in use for one that answers its challenges.
func doors(issuer *certmagic.ACMEIssuer, config Config) error {
	n := 0
	for _, d := range []struct {
		address string
		none    *bool
		port    *int
	}{
		{config.HTTP, &issuer.DisableHTTPChallenge, &issuer.AltHTTPPort},
		{config.HTTPS, &issuer.DisableTLSALPNChallenge, &issuer.AltTLSALPNPort},
	} {
		if *d.none = d.address == ""; *d.none {
			continue
		}
		host, port, err := net.SplitHostPort(d.address)
		if err == nil {
			*d.port, err = net.LookupPort("tcp", port)
		}
		if err != nil {
			return fmt.Errorf("the address %s of a listener is none", d.address)
		}
		if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() || n > 0 && host != issuer.ListenHost {
			host = ""
		}
		issuer.ListenHost = host
		n++
	}
	return nil
}

// Roots reads the file that the setting acme.roots names.
func Roots(file string) (*x509.CertPool, error) {
	text, err := readPEM(file)
	if err != nil {
		return nil, fmt.Errorf("the file that acme.roots names cannot be read: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("the file that acme.roots names, %s, has no certificate in PEM", file)
	}
	return pool, nil
}
