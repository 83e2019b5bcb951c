package dns

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/libdns/libdns"
	"github.com/miekg/dns"
)

// RFC2136 is a name server that takes updates signed with a key, RFC 2136 and RFC 8945: BIND, Knot,
// PowerDNS, Windows' with TSIG, and the like.
type RFC2136 struct {
	server         string // host:port
	key, algorithm string // as DNS names
	secret         string // base64
}

// algorithms are those of RFC 8945 6 that are still good.
func algorithms() map[string]string {
	return map[string]string{
		"hmac-sha1": dns.HmacSHA1, "hmac-sha224": dns.HmacSHA224, "hmac-sha256": dns.HmacSHA256,
		"hmac-sha384": dns.HmacSHA384, "hmac-sha512": dns.HmacSHA512,
	}
}

func newRFC2136(server, key, algorithm, secret string) (*RFC2136, error) {
	if _, _, err := net.SplitHostPort(server); err != nil {
		server = net.JoinHostPort(strings.Trim(server, "[]"), "53")
	}
	if _, ok := dns.IsDomainName(key); !ok {
		return nil, fmt.Errorf("%q is no name of a key", key)
	}
	name, ok := algorithms()[strings.ToLower(strings.TrimSuffix(algorithm, "."))]
	if !ok {
		return nil, fmt.Errorf("%q is no algorithm of keys: write hmac-sha256, hmac-sha512, hmac-sha384, hmac-sha224 or hmac-sha1", algorithm)
	}
	if raw, err := base64.StdEncoding.DecodeString(secret); err != nil || len(raw) == 0 {
		return nil, errors.New("the secret of the key is not in base64")
	}
	return &RFC2136{server: server, key: dns.CanonicalName(key), algorithm: name, secret: secret}, nil
}

// AppendRecords adds the records to the zone.
func (p *RFC2136) AppendRecords(ctx context.Context, zone string, records []libdns.Record) ([]libdns.Record, error) {
	return each(ctx, zone, records, func(ctx context.Context, zone, name, value string) error {
		return p.update(ctx, zone, name, value, (*dns.Msg).Insert)
	})
}

// DeleteRecords removes the records from the zone; those that are not there are gone already.
func (p *RFC2136) DeleteRecords(ctx context.Context, zone string, records []libdns.Record) ([]libdns.Record, error) {
	return each(ctx, zone, records, func(ctx context.Context, zone, name, value string) error {
		return p.update(ctx, zone, name, value, (*dns.Msg).Remove)
	})
}

func (p *RFC2136) update(ctx context.Context, zone, name, value string, change func(*dns.Msg, []dns.RR)) error {
	m := new(dns.Msg)
	m.SetUpdate(dns.Fqdn(zone))
	change(m, []dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: dns.Fqdn(name), Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 60}, Txt: []string{value}}})
	m.SetTsig(p.key, p.algorithm, 300, time.Now().Unix())
	client := &dns.Client{Net: "tcp", Timeout: 15 * time.Second, TsigSecret: map[string]string{p.key: p.secret}}
	reply, _, err := client.ExchangeContext(ctx, m, p.server)
	if reply != nil && reply.Rcode != dns.RcodeSuccess {
		return &Error{p.server, p.refusal(reply, zone)}
	}
	var network net.Error
	switch {
	case err == nil && reply.IsTsig() != nil:
		return nil
	case err == nil || errors.Is(err, dns.ErrSig) || errors.Is(err, dns.ErrAuth) || errors.Is(err, dns.ErrKey) ||
		errors.Is(err, dns.ErrSecret) || errors.Is(err, dns.ErrNoSig):
		return &Error{p.server, errors.New("its answer is not signed with the key")}
	case errors.Is(err, dns.ErrTime):
		return &Error{p.server, errors.New("its clock and this computer's differ")}
	case errors.As(err, &network) && network.Timeout():
		return &Error{p.server, errors.New("it does not answer")}
	}
	return &Error{p.server, err}
}

// refusal is why the server did not take an update.
func (p *RFC2136) refusal(reply *dns.Msg, zone string) error {
	why := dns.RcodeToString[reply.Rcode]
	if t := reply.IsTsig(); t != nil && t.Error != dns.RcodeSuccess {
		why = dns.RcodeToString[int(t.Error)]
		switch t.Error {
		case dns.RcodeBadKey:
			return fmt.Errorf("it has no key %s with that algorithm", strings.TrimSuffix(p.key, "."))
		case dns.RcodeBadSig: // the number of BADVERS too
			return fmt.Errorf("the secret of the key %s is wrong", strings.TrimSuffix(p.key, "."))
		case dns.RcodeBadTime:
			return errors.New("its clock and this computer's differ")
		}
	}
	switch reply.Rcode {
	case dns.RcodeRefused:
		return fmt.Errorf("it lets the key %s not write to %s (%s)", strings.TrimSuffix(p.key, "."), zone, why)
	case dns.RcodeNotAuth, dns.RcodeNotZone:
		return fmt.Errorf("it does not know the key %s, or it is not the primary server of %s (%s)", strings.TrimSuffix(p.key, "."), zone, why)
	}
	return fmt.Errorf("it did not take the record (%s)", why)
}
