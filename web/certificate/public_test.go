package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"
)

func TestFilesArePublicWhereAPublicCAVouchesForThatName(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(template, ca *x509.Certificate) *x509.Certificate {
		template.SerialNumber = big.NewInt(1)
		template.NotBefore, template.NotAfter = time.Now().Add(-24*time.Hour), time.Now().Add(24*time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, template, ca, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	ca := &x509.Certificate{Subject: pkix.Name{CommonName: "root"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	root := sign(ca, ca)
	between := sign(&x509.Certificate{Subject: pkix.Name{CommonName: "between"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign}, root)
	leaf := sign(&x509.Certificate{DNSNames: []string{"sms.example.org"}}, between)
	trusted := x509.NewCertPool()
	trusted.AddCert(root)
	for _, test := range []struct {
		name  string
		roots *x509.CertPool
		chain [][]byte
		host  string
		want  bool
	}{
		{"its name", trusted, [][]byte{leaf.Raw, between.Raw}, "sms.example.org", true},
		{"in capitals", trusted, [][]byte{leaf.Raw, between.Raw}, "SMS.example.org.", true},
		{"another name", trusted, [][]byte{leaf.Raw, between.Raw}, "pi.local", false},
		{"an address", trusted, [][]byte{leaf.Raw, between.Raw}, "127.0.0.1", false},
		{"the chain is not whole", trusted, [][]byte{leaf.Raw}, "sms.example.org", false},
		{"nobody trusts the root", x509.NewCertPool(), [][]byte{leaf.Raw, between.Raw}, "sms.example.org", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &files{roots: test.roots}
			c := tls.Certificate{Certificate: test.chain, Leaf: leaf}
			f.pair.Store(&pair{c, f.vouched(c)})
			k := &Keeper{sources: []source{f}}
			if got := k.Public(test.host); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
