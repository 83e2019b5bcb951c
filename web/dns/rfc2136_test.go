package dns_test

import (
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"omsbox/web/dns"
)

const (
	secret = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IQ=="
	other  = "b3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3RoZXI="
)

// primary is a name server that takes updates of example.org signed with the key omsbox.
type primary struct {
	mu    sync.Mutex
	texts []string
	skew  time.Duration // of its clock
	mute  bool          // it signs nothing
}

func (p *primary) ServeDNS(w miekg.ResponseWriter, r *miekg.Msg) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := new(miekg.Msg)
	m.SetReply(r)
	defer func() { w.WriteMsg(m) }()
	t := r.IsTsig()
	if t == nil {
		m.Rcode = miekg.RcodeRefused
		return
	}
	refuse := func(code int) { // RFC 8945 5.2: such an answer is not signed
		m.Rcode = miekg.RcodeNotAuth
		m.Extra = append(m.Extra, &miekg.TSIG{Hdr: miekg.RR_Header{Name: t.Hdr.Name, Rrtype: miekg.TypeTSIG, Class: miekg.ClassANY},
			Algorithm: t.Algorithm, TimeSigned: t.TimeSigned, Fudge: 300, OrigId: r.Id, Error: uint16(code)})
	}
	switch err := w.TsigStatus(); {
	case t.Hdr.Name != "omsbox.":
		refuse(miekg.RcodeBadKey)
		return
	case err != nil:
		refuse(miekg.RcodeBadSig)
		return
	case p.skew.Abs() > 5*time.Minute:
		refuse(miekg.RcodeBadTime)
		return
	}
	if !p.mute {
		m.SetTsig(t.Hdr.Name, t.Algorithm, 300, time.Now().Unix())
	}
	if r.Opcode != miekg.OpcodeUpdate || r.Question[0].Name != "example.org." {
		m.Rcode = miekg.RcodeNotZone
		return
	}
	for _, rr := range r.Ns {
		txt, ok := rr.(*miekg.TXT)
		if !ok || rr.Header().Name != "_acme-challenge.sms.example.org." {
			m.Rcode = miekg.RcodeRefused
			return
		}
		v := strings.Join(txt.Txt, "")
		switch rr.Header().Class {
		case miekg.ClassINET: // RFC 2136 2.5.1
			p.texts = append(p.texts, v)
		case miekg.ClassNONE: // RFC 2136 2.5.4
			p.texts = slices.DeleteFunc(p.texts, func(t string) bool { return t == v })
		}
	}
}

func (p *primary) start(t *testing.T) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	server := &miekg.Server{Listener: l, Handler: p, TsigSecret: map[string]string{"omsbox.": secret},
		MsgAcceptFunc: func(miekg.Header) miekg.MsgAcceptAction { return miekg.MsgAccept }}
	ended := make(chan error)
	started := make(chan struct{})
	server.NotifyStartedFunc = func() { close(started) }
	go func() { ended <- server.ActivateAndServe() }()
	<-started
	t.Cleanup(func() {
		check(t, server.Shutdown())
		check(t, <-ended)
	})
	return l.Addr().String()
}

func TestRFC2136UpdatesAreSigned(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"hmac-sha1", "hmac-sha224", "HMAC-SHA256", "hmac-sha384", "hmac-sha512."} {
		t.Run(algorithm, func(t *testing.T) {
			server := &primary{}
			p, err := dns.New("rfc2136 " + server.start(t) + " OMSbox " + algorithm + " " + secret)
			check(t, err)
			for _, v := range []string{"one", "two"} {
				_, err = p.AppendRecords(t.Context(), zone, proof(v))
				check(t, err)
			}
			_, err = p.DeleteRecords(t.Context(), zone, proof("one"))
			check(t, err)
			if !slices.Equal(server.texts, []string{"two"}) {
				t.Errorf("there is %v, want the second value alone", server.texts)
			}
		})
	}
}

func TestRFC2136TellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, key, secret, zone string
		server                  *primary
		want                    string
	}{
		{"a wrong secret", "omsbox", other, zone, &primary{}, "the secret of the key omsbox is wrong"},
		{"a key that is not there", "bomsox", secret, zone, &primary{}, "it has no key bomsox"},
		{"a clock that is wrong", "omsbox", secret, zone, &primary{skew: time.Hour}, "clock"},
		{"another zone", "omsbox", secret, "example.com.", &primary{}, "not the primary server of example.com."},
		{"an answer without a signature", "omsbox", secret, zone, &primary{mute: true}, "not signed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := dns.New("rfc2136 " + c.server.start(t) + " " + c.key + " hmac-sha256 " + c.secret)
			check(t, err)
			_, err = p.AppendRecords(t.Context(), c.zone, proof(value))
			says(t, err, c.secret, "127.0.0.1:", c.want)
		})
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	l.Close()
	p, err := dns.New("rfc2136 " + l.Addr().String() + " omsbox hmac-sha256 " + secret)
	check(t, err)
	_, err = p.AppendRecords(t.Context(), zone, proof(value))
	says(t, err, secret, "refused")
}
