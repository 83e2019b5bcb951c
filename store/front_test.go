package store_test

import (
	"testing"

	"omsbox/store"
)

func TestWhichAddressesAreAnotherServiceToClients(t *testing.T) {
	t.Parallel()
	public := store.Front{Origin: "https://sms.example.org", Hosts: []string{"sms.example.org", "box.example.org"}, TLS: "acme"}
	local := store.Front{Origin: "https://box.local:8443", TLS: "local"}
	plain := store.Front{Origin: "http://sms.example.org:8080", Hosts: []string{"sms.example.org"}, TLS: "off"}
	for _, c := range []struct {
		name    string
		last    store.Front
		next    store.Front
		proxies string
		is      string // "": clients can go on
	}{
		{name: "the first run", next: public},
		{name: "the same", last: public, next: public},
		{name: "the same name in capitals", last: public, next: store.Front{Origin: "https://SMS.example.org"}},
		{name: "another name", last: public, next: store.Front{Origin: "https://new.example.org", Hosts: []string{"new.example.org"}}, is: "https://new.example.org"},
		{name: "another name before the old one", last: public, next: store.Front{Origin: "https://new.example.org", Hosts: []string{"new.example.org", "sms.example.org"}}},
		{name: "another port", last: public, next: store.Front{Origin: "https://sms.example.org:8443", Hosts: public.Hosts}, is: "https://sms.example.org:8443"},
		{name: "without a name", last: public, next: local, is: "https://box.local:8443"},
		{name: "without TLS", last: public, next: plain, is: "http://sms.example.org:8080"},
		{name: "behind a proxy that has the old name", last: public, next: plain, proxies: "127.0.0.1"},
		{name: "no proxy any more", last: plain, next: local, proxies: "127.0.0.1", is: "https://box.local:8443"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			check(t, s.Set(t.Context(), "http.proxies", c.proxies))
			if c.last.Origin != "" {
				check(t, s.SetFront(t.Context(), c.last))
			}
			before := s.Front().Origin
			was, is, moved := s.Moved(c.next)
			if moved != (c.is != "") || moved && (was != before || is != c.is) {
				t.Errorf("it moved from %s to %s: %t; want %q", was, is, moved, c.is)
			}
		})
	}
}
