package dns_test

import (
	"strings"
	"testing"

	"github.com/libdns/libdns"

	"omsbox/web/dns"
)

const (
	zone  = "example.org."
	name  = "_acme-challenge.sms"
	value = "gfj9Xq-Rg85nM_x5vKZhsEvLhGF4JkYpVvS0dHQqZ1E"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// proof is a record as certmagic asks for it.
func proof(value string) []libdns.Record {
	return []libdns.Record{libdns.RR{Name: name, Type: "TXT", Data: value}}
}

// says fails unless an error has all the words, and not the secret.
func says(t *testing.T, err error, secret string, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("there is no error")
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error %q does not say %q", err, w)
		}
	}
	if secret != "" && strings.Contains(err.Error(), secret) {
		t.Errorf("the error %q tells the secret", err)
	}
}

func TestNewRefusesWordsThatMeanNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, words, want string }{
		{"nothing", "", "write duckdns TOKEN"},
		{"an unknown provider", "route53 s3cret", "write duckdns TOKEN"},
		{"a token too many", "duckdns a s3cret", "write duckdns TOKEN"},
		{"a program without a path", "exec update.sh", "whole path"},
		{"an algorithm that is broken", "rfc2136 ns.example.org key hmac-md5 s3cretAA", "hmac-sha256"},
		{"a secret that is none", "rfc2136 ns.example.org key hmac-sha256 s3cret!", "base64"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := dns.New(c.words)
			says(t, err, "s3cret", c.want)
		})
	}
}

func TestOnlyTXTRecordsAreWritten(t *testing.T) {
	t.Parallel()
	p, err := dns.New("duckdns token")
	check(t, err)
	_, err = p.AppendRecords(t.Context(), zone, []libdns.Record{libdns.RR{Name: name, Type: "CNAME", Data: "a."}})
	says(t, err, "", "CNAME")
}
