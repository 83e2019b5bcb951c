package web_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"omsbox/web"
)

func TestTheRootIsThereBeforeAnybodyTrustsIt(t *testing.T) {
	t.Parallel()
	h := serveTLS(t, web.Config{})
	for _, at := range []string{h.url, "https://sms.example.org:" + port(h.https)} {
		page := h.fetch(t, "GET", at+"/trust")
		if page.status != http.StatusOK {
			t.Fatalf("%s: got status %d", at, page.status)
		}
		text := html.UnescapeString(strings.ReplaceAll(page.body, "<wbr>", ""))
		wants := []string{"/trust/omsbox.cer", "/trust/omsbox.pem", h.root.Fingerprint, "omsbox root", "New-SPTrustedRootAuthority"}
		for _, want := range append(wants, h.root.Names...) {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the page lacks %q", at, want)
			}
		}
		if got, want := strings.Contains(text, "without encryption"), at == h.url; got != want {
			t.Errorf("%s: it warns that the page may be forged: %v, want %v", at, got, want)
		}

		der := h.fetch(t, "GET", at+"/trust/omsbox.cer")
		if der.header.Get("Content-Type") != "application/x-x509-ca-cert" || !bytes.Equal([]byte(der.body), h.root.DER) {
			t.Errorf("%s: got %s of %d octets", at, der.header.Get("Content-Type"), len(der.body))
		}
		if name := der.header.Get("Content-Disposition"); !regexp.MustCompile(`^inline; filename="omsbox[a-z0-9-]*\.cer"$`).MatchString(name) {
			t.Errorf("%s: it is saved as %s", at, name)
		}
		block, rest := pem.Decode([]byte(h.fetch(t, "GET", at+"/trust/omsbox.pem").body))
		if block == nil || len(rest) > 0 {
			t.Fatalf("%s: no PEM", at)
		}
		root, err := x509.ParseCertificate(block.Bytes)
		check(t, err)
		if !root.IsCA {
			t.Errorf("%s: the PEM file is no CA", at)
		}
		// What the page loads is there without https too.
		for _, file := range regexp.MustCompile(`/static/[^"]+`).FindAllString(page.body, -1) {
			if got := h.fetch(t, "GET", at+file).status; got != http.StatusOK {
				t.Errorf("%s%s: got status %d", at, file, got)
			}
		}
		if got := h.fetch(t, "GET", at+"/trust/omsbox.key").status; got != http.StatusNotFound {
			t.Errorf("%s: what is not there got status %d", at, got)
		}
	}
}

func TestTheVisitorsOwnSystemComesFirst(t *testing.T) {
	t.Parallel()
	h := serveTLS(t, web.Config{})
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 " +
			"Safari/537.36": "windows macos ios android firefox linux sharepoint",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 " +
			"Firefox/140.0": "windows firefox macos ios android linux " +
			"sharepoint",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 " +
			"Safari/605.1.15": "macos ios windows android firefox linux sharepoint",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 " +
			"Mobile Safari/604.1": "ios windows macos android firefox linux sharepoint",
		"Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile " +
			"Safari/537.36": "android windows macos ios firefox linux sharepoint",
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 " +
			"Firefox/140.0": "firefox linux windows macos ios " +
			"android sharepoint",
		"": "windows macos ios android firefox linux sharepoint",
	} {
		var got []string
		for _, found := range regexp.MustCompile(`<details class="card" id="([a-z]+)"( open)?>`).FindAllStringSubmatch(h.fetch(t, "GET", h.url+"/trust", "User-Agent", agent).body, -1) {
			if opened := found[2] != ""; opened != (len(got) == 0) {
				t.Errorf("%s: %s is open: %v", agent, found[1], opened)
			}
			got = append(got, found[1])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %v, want %s", agent, got, want)
		}
	}
}

func TestWhereNothingNeedsTrustThePageSaysSo(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{}) // without certificates
	if got := s.ask(t, "GET", "/trust", ""); got.status != http.StatusOK || !strings.Contains(got.body, "Nothing needs doing") {
		t.Errorf("got status %d: %s", got.status, got.body)
	}
	if got := s.ask(t, "GET", "/trust/omsbox.cer", "").status; got != http.StatusNotFound {
		t.Errorf("the root that is not there got status %d", got)
	}
	if strings.Contains(s.ask(t, "GET", "/", "").body, "/trust") {
		t.Error("the start page leads to /trust")
	}
}

func TestHomeTellsToTrustTheBoxsOwnCA(t *testing.T) {
	t.Parallel()
	h := serveTLS(t, web.Config{})
	if !strings.Contains(h.fetch(t, "GET", "https://sms.example.org:"+port(h.https)+"/").body, `href="/trust"`) {
		t.Error("the start page does not lead to /trust")
	}
}
