package web

import (
	"net/url"
	"strings"
	"testing"
)

// Whoever signs in is led to a page of ours, whatever the form says.
func FuzzOwnPath(f *testing.F) {
	for _, next := range []string{"", "/", "/messages?about=7", "//evil.example", `/\evil.example`, "/\t/evil.example",
		"https:evil.example", "/%2f/evil.example", "/a//b", "/..//evil.example", "javascript:x"} {
		f.Add(next)
	}
	here := &url.URL{Scheme: "https", Host: "box.example", Path: "/signin"}
	f.Fuzz(func(t *testing.T, next string) {
		got := ownPath(next)
		if got != next && got != firstRoom {
			t.Fatalf("%q leads to %q, which nobody asked for", next, got)
		}
		// As browsers read it: WHATWG URL 4.4.
		read := strings.NewReplacer("\t", "", "\r", "", "\n", "", `\`, "/").Replace(strings.TrimFunc(got, func(r rune) bool { return r <= ' ' }))
		to, err := here.Parse(read)
		if err != nil || to.Scheme != "https" || to.Host != "box.example" || to.User != nil || !strings.HasPrefix(read,
			"/") || strings.HasPrefix(read, "//") {
			t.Errorf("%q leads to %q, which a browser reads as %v, %v", next, got, to, err)
		}
	})
}
