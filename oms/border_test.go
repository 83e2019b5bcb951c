package oms_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"omsbox/oms"
	"omsbox/store"
)

// A host is a name or an address, with or without a port; any other is replaced.
func TestHosts(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	long := strings.Repeat("a", 300)
	for host, valid := range map[string]bool{
		"a-z_0.9-Z": true, "box:1": true, "box:65535": true, "[::1]": true, "[2001:DB8::1]:443": true, long: true,
		"": false, ":80": false, "box:": false, "box:100000": false, "box:8/": false, "box:+8": false, long + "a": false,
		"a`": false, "a{": false, "a@": false, "a[": false, "a/": false, "a;b": false, "a b": false, "é": false,
		"[::1": false, "[::1]x": false, "[::1]]": false, "[]": false, "[::1]:": false, "[::1]:x": false,
		"[192.0.2.1]": false, "[box]": false, "[fe80::1%25eth0]": false, "[fe80::1%eth0]": false,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oms/service.asmx", strings.NewReader(envelope("GetServiceInfo", "", "")))
		r.Host = host
		want := "http://localhost/oms/service.asmx"
		if valid {
			want = "http://" + host + "/oms/service.asmx"
		}
		if uri, _ := b.addresses(t, r); uri != want {
			t.Errorf("%q: got %s", host, uri)
		}
	}
}

// password is what a client's password is read as, from the XML of its content.
func password(content string) (string, error) {
	u, err := oms.ParseXMSUser("<xmsUser><password>" + content + "</password></xmsUser>")
	return u.Password, err
}

// Extensible Markup Language (XML) 1.0, 2.2: the characters that a document may have, as such and by number.
func TestCharactersOfXML(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		char rune
		may  bool
	}{
		{0, false}, {8, false}, {'\t', true}, {'\n', true}, {0xB, false}, {0xC, false}, {0xE, false},
		{0x1F, false}, {' ', true}, {0x7F, true}, {0x80, true},
		{0xD7FF, true}, {0xD800, false}, {0xDFFF, false}, {0xE000, true}, {0xFFFD, true}, {0xFFFE, false}, {0xFFFF, false},
		{0x10000, true}, {0x10FFFF, true}, {0x110000, false}, {0x7FFFFFFF, false},
	} {
		spelled := []string{fmt.Sprintf("a&#%d;", c.char), fmt.Sprintf("a&#x%X;", c.char), fmt.Sprintf("a&#x%x;", c.char)}
		if c.char < 0xD800 || c.char >= 0xE000 && c.char <= 0x10FFFF { // as such there are no others
			spelled = append(spelled, "a"+string(c.char))
		}
		for _, content := range spelled {
			got, err := password(content)
			if c.may && (got != "a"+string(c.char) || err != nil) || !c.may && err == nil {
				t.Errorf("%q: got %q, %v", content, got, err)
			}
		}
	}
	for content, want := range map[string]string{
		"&lt;&gt;&amp;&quot;&apos;": `<>&"'`, "&#13;": "\r", "&#x0000041;": "A", "1 > 2": "1 > 2",
	} {
		if got, err := password(content); got != want || err != nil {
			t.Errorf("%q: got %q, %v", content, got, err)
		}
	}
	for _, content := range []string{"&", "&;", "&#;", "&#x;", "&#X41;", "&#-1;", "&41;", "&x41;", "&LT;",
		"&copy;", "&amp", "&#x000000041;", "\xC3", "\xED\xA0\x80",
	} {
		if got, err := password(content); err == nil {
			t.Errorf("%q: got %q", content, got)
		}
	}
}

// Extensible Markup Language (XML) 1.0, 2.11: CR LF and a lone CR are LF, wherever the text is cut while it is read.
func TestLineEndsOfXML(t *testing.T) {
	t.Parallel()
	const content, want = "a\r\nb\rc\n\rd\r\r\ne\n\nf\r<![CDATA[\ng\r\n]]>\n&#13;\nh\r&#10;i", "a\nb\nc\n\nd\n\ne\n\nf\n\ng\n\n\r\nh\n\ni"
	for n := range 1100 {
		pad := strings.Repeat("x", n)
		if got, err := password(pad + content); got != pad+want || err != nil {
			t.Fatalf("%d characters before it: got %q, %v", n, strings.TrimLeft(got, "x"), err)
		}
		user := message{password: pad + "\r\n", to: []string{"1"}, parts: []string{"x"}}.String()
		if got, err := oms.ParseEnvelope([]byte(envelope("DeliverXms", "xmsData", user)), "", ""); got.Argument != user || err != nil {
			t.Fatalf("%d characters before it: the envelope holds %q, %v", n, got.Argument, err)
		}
	}
}

// charset=windows-1252, which ISO 8859-1 is a part of but for control characters.
func TestWindows1252(t *testing.T) {
	t.Parallel()
	var octets []byte
	for c := 0x20; c <= 0xFF; c++ {
		if c != '<' && c != '&' && c != 0x81 && c != 0x8D && c != 0x8F && c != 0x90 && c != 0x9D {
			octets = append(octets, byte(c))
		}
	}
	const printed = ` !"#$%'()*+,-./0123456789:;=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_` + "`abcdefghijklmnopqrstuvwxyz{|}~\x7f" +
		"€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ" + "\u00A0¡¢£¤¥¦§¨©ª«¬\u00AD®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ"
	for _, c := range []struct{ name, declaration, contentType string }{
		{"of the content type", "", "text/xml; charset=Windows-1252"},
		{"of the content type, as Latin-1", "", `text/xml; charset="iso-8859-1"`},
		{"of the content type, before that of the declaration", `<?xml version="1.0" encoding="utf-8"?>`, "text/xml; charset=iso-8859-1"},
		{"of the declaration", `<?xml version="1.0" encoding="windows-1252"?>`, "text/xml"},
		{"of the declaration, in single quotes", "<?xml version='1.0' encoding\t= 'ISO-8859-1' standalone='yes'?>", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, body, _ := strings.Cut(envelope("GetUserInfo", "xmsUser", "CONTENT"), "?>")
			body = c.declaration + strings.Replace(body, "CONTENT", string(octets)+strings.Repeat("\xFC", 3000), 1)
			got, err := oms.ParseEnvelope([]byte(body), c.contentType, "")
			if want := printed + strings.Repeat("ü", 3000); got.Argument != want || err != nil {
				t.Errorf("got %q, %v", got.Argument, err)
			}
		})
	}
	for _, declaration := range []string{
		`<?xml version="1.0" encoding="koi8-r"?>`, `<?xml encoding="x"?>`,
	} {
		if _, err := oms.ParseEnvelope([]byte(declaration+"<x/>"), "", ""); err == nil || !strings.Contains(err.Error(), "charset") {
			t.Errorf("%s: %v", declaration, err)
		}
	}
	for _, declaration := range []string{ // none of these names a charset
		`<?xml version="1.0"?>`, `<?xml encoding`, `<?xml encoding=?>`, `<x encoding="koi8-r"?>`, `<?xml ?><!-- encoding="koi8-r" ?> -->`,
		`<?xml version="1.0"` + strings.Repeat(" ", 200) + `encoding="koi8-r"?>`,
	} {
		if _, err := oms.ParseEnvelope([]byte(declaration), "", ""); err == nil || strings.Contains(err.Error(), "charset") {
			t.Errorf("%s: %v", declaration, err)
		}
	}
}

// The bounds of what is read, and the words for what is beyond.
func TestBoundsOfXML(t *testing.T) {
	t.Parallel()
	const tag = "a tag of more than 64 attributes or 8192 bytes"
	nested := func(n int) string { return strings.Repeat("<a>", n) + strings.Repeat("</a>", n) }
	attributes := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, ` a%d=""`, i)
		}
		return "<a" + b.String() + "/>"
	}
	long := func(n int) string { return `<a b="` + strings.Repeat("x", n-len(`<a b=""/>`)) + `"/>` } // of so many bytes
	for _, c := range []struct{ name, content, want string }{
		{"elements as deep as may be", nested(31), ""},
		{"elements deeper", nested(32), "elements more than 32 deep"},
		{"as many attributes as may be", attributes(64), ""},
		{"more attributes", attributes(65), tag},
		{"the longest tag", long(8192), ""},
		{"a longer tag", long(8200), tag},
		{"a longer tag behind text", "text" + long(8200), tag},
		{"a longer end", "<a></a" + strings.Repeat(" ", 8200) + ">", tag},
		{"a long comment", "<!--" + strings.Repeat("x", 9000) + "-->", ""},
		{"a document type", "<!DOCTYPE a>", "a document type is not allowed"},
		{"an element of a document type", "<!ELEMENT a>", "a document type is not allowed"},
		{"two hyphens in a comment", "<!-- -- -->", "not well-formed XML at line 1"},
		{"the line of a mistake", "\n<!-- \n -->\r\n<a>\n</b>", "not well-formed XML at line 5"},
		{"an element that has no end", "<a>", "not well-formed XML at line 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := oms.ParseXMSUser("<xmsUser>" + c.content + "</xmsUser>")
			if c.want == "" && err != nil || c.want != "" && (err == nil || err.Error() != c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	for document, want := range map[string]string{
		"": "no XML", " \n": "no XML", "x": "no XML", "x<xmsUser/>": "no XML", "<!-- -->": "no XML",
		"<xmsUser/>x": "text after the document", "<xmsUser/><x/>": "more than one document", "<x/>": "the root element is not xmsUser",
		"<xmsUser><password><b/></password></xmsUser>": "elements where text belongs",
		" \ufeff \n<!-- --><xmsUser/> \ufeff<!-- --> ": "<nil>",
		"<xmsUser/": "not well-formed XML at line 1",
	} {
		if _, err := oms.ParseXMSUser(document); fmt.Sprint(err) != want {
			t.Errorf("%q: got %v, want %s", document, err, want)
		}
	}
}

// The ways to name the operation and the version. SOAP 1.1 clauses 4.1.2, 4.2.3 and 6.1.1, SOAP 1.2 part 1 clause 2.2
func TestSOAPHeaders(t *testing.T) {
	t.Parallel()
	const soap11, soap12 = "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"
	for _, c := range []struct{ space, attributes, fault string }{
		{soap11, `s:mustUnderstand="1"`, "MustUnderstand"},
		{soap11, `s:mustUnderstand="0"`, ""},
		{soap11, `s:mustUnderstand="true"`, ""}, // of SOAP 1.2
		{soap11, `mustUnderstand="1"`, ""},      // of no namespace
		{soap11, `s:mustUnderstand="1" s:actor="http://schemas.xmlsoap.org/soap/actor/next"`, "MustUnderstand"},
		{soap11, `s:mustUnderstand="1" s:actor=""`, "MustUnderstand"},
		{soap11, `s:mustUnderstand="1" s:actor="urn:x"`, ""},
		{soap11, `s:mustUnderstand="1" actor="urn:x"`, "MustUnderstand"},
		{soap12, `s:mustUnderstand="1"`, "MustUnderstand"},
		{soap12, `s:mustUnderstand="true"`, "MustUnderstand"},
		{soap12, `s:mustUnderstand="false"`, ""},
		{soap12, `s:mustUnderstand="true" s:role="http://www.w3.org/2003/05/soap-envelope/role/next"`, "MustUnderstand"},
		{soap12, `s:mustUnderstand="true" s:role="http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver"`, "MustUnderstand"},
		{soap12, `s:mustUnderstand="true" s:role="http://www.w3.org/2003/05/soap-envelope/role/none"`, ""},
	} {
		body := `<s:Envelope xmlns:s="` + c.space + `"><s:Header><h ` + c.attributes + `/></s:Header><s:Body><GetServiceInfo/></s:Body></s:Envelope>`
		got, err := oms.ParseEnvelope([]byte(body), "", "")
		code := ""
		if fault := (*oms.Fault)(nil); errors.As(err, &fault) {
			code = fault.Code
		}
		if code != c.fault || code == "" && (err != nil || got.Operation != "GetServiceInfo") || got.SOAP12 != (c.space == soap12) {
			t.Errorf("%s of %s: got %+v, %v", c.attributes, c.space, got, err)
		}
	}
	empty := `<s:Envelope xmlns:s="` + soap11 + `"><s:Body/></s:Envelope>`
	for _, c := range []struct{ contentType, action, want string }{
		{"", `"` + namespace + `/DeliverXms"`, "DeliverXms"},
		{"", ` "urn:x#SendXms" `, "SendXms"},
		{"", "GetUserInfo", "GetUserInfo"},
		{`application/soap+xml; action="` + namespace + `/DeliverXmsBatch"`, "", "DeliverXmsBatch"},
		{`application/soap+xml; action="` + namespace + `/DeliverXmsBatch"`, "GetUserInfo", "GetUserInfo"},
		{"", "getuserinfo", ""},
		{"", namespace + "/", ""},
	} {
		if got, err := oms.ParseEnvelope([]byte(empty), c.contentType, c.action); got.Operation != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s, %s: got %+v, %v", c.contentType, c.action, got, err)
		}
	}
}

// XML Schema part 2, 3.2.7, and what is left out of it by some.
func TestScheduledTimes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Time{
		"2030-01-02T03:04:05Z":        time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC),
		"2030-01-02T03:04:05.5-01:30": time.Date(2030, 1, 2, 4, 34, 5, 5e8, time.UTC),
		"2030-01-02T03:04:05":         time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC),
		"2030-01-02T03:04+01:00":      time.Date(2030, 1, 2, 2, 4, 0, 0, time.UTC),
		" 2030-01-02T03:04\n":         time.Date(2030, 1, 2, 3, 4, 0, 0, time.UTC),
		"":                            {},
	} {
		got, err := oms.ParseXMSData(message{scheduled: text + "<!-- -->"}.String())
		if !got.Scheduled.Equal(want) || got.Scheduled.Location() != time.UTC || err != nil {
			t.Errorf("%q: got %v, %v", text, got.Scheduled, err)
		}
	}
}

// An answer repeats what it was given, whatever that is made of.
func TestAnswersRepeatIDsAndRecipients(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	const id, recipient = "\"'<>\t\n\rü\U0001F600", "x\"'<&>\t\n\r\u00a0ü\U0001F600\u0085y"
	got := b.deliverBatch(t, item(`id="`+escaped(id)+`" Id="2"`, message{to: []string{recipient}, parts: []string{"hello"}}))
	if want := "id=" + id + " invalidRecipient/failure |" + recipient; len(got) != 1 || got[0] != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Of what is too long an answer repeats the first 300 bytes, and no more than six signs of markup.
func TestAnswersQuoteInShort(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	n := strings.Repeat
	for typed, want := range map[string]string{
		n("x", 300): n("x", 300), n("x", 301): n("x", 300) + "…", n("ü", 150): n("ü", 150), n("ü", 151): n("ü", 150) + "…",
		n("<", 6): n("<", 6), n("<", 7): n("<", 6) + "…", "a&b>c\rd<e&f>g": "a&b>c\rd<e&f>g", "a&b>c\rd<e&f>g&h": "a&b>c\rd<e&f>g…",
	} {
		got := b.deliver(t, message{to: []string{typed}, parts: []string{"hello"}})
		if len(got.Errors) != 1 || got.Errors[0].Recipients != want {
			t.Errorf("%q: got %s", typed, got)
		}
	}
}

// What an item of a batch can be, at its borders.
func TestItemsOfABatchAtTheirBorders(t *testing.T) {
	t.Parallel()
	for id, whole := range map[string]bool{
		strings.Repeat("x", 40): true, strings.Repeat("x", 41): false,
		strings.Repeat("&lt;", 10): true, strings.Repeat("&lt;", 10) + "x": false, // as its answer repeats it
	} {
		_, items, err := oms.ParseXMSBatch(batch(`<xmsData id="` + id + `">text</xmsData>`))
		if err != nil || len(items) != 1 || items[0].LongID == whole || (items[0].IDName == "id") != whole ||
			!strings.HasPrefix(items[0].Text, "<xmsData id=") || !strings.HasSuffix(items[0].Text, ">text</xmsData>") {
			t.Errorf("%s: got %+v, %v", id, items, err)
		}
	}
	frame := len(batch(""))
	for _, c := range []struct{ count, size, want int }{ // bytes of the whole batch
		{1000, frame + 1000*len("<xmsData/>"), 1000}, // any thousand
		{1001, frame + 1001*len("<xmsData/>"), 0},
		{1001, 1001 * 190, 1001}, // those of the least size that an item can have
		{1001, 1001*190 - 1, 0},
	} {
		items := strings.Repeat("<xmsData/>", c.count)
		_, got, err := oms.ParseXMSBatch(batch(items + strings.Repeat(" ", c.size-frame-len(items))))
		if len(got) != c.want || (err == nil) != (c.want > 0) {
			t.Errorf("%d items in %d bytes: got %d, %v", c.count, c.size, len(got), err)
		}
	}
}

// The forms of Base64, and the types of media. RFC 4648 4; OMS guidelines part 3, media types
func TestObjectsOfAMultimediaMessage(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	proven("mms.size", "6")(t, b)
	const good, bad, large = "serviceNetwork/failure", "invalidMedia/failure A", "sizeLimit/failure 6 bytes"
	for _, c := range []struct{ kind, text, want string }{
		{"image/gif", "AZaz", good}, {"image/gif", "09+/", good}, {"image/gif", "AAAAAAAA", good},
		{"image/gif", "AAAAAAAAAA==", large}, {"image/gif", "AAAAAAA=", good},
		{"image/gif", " A\tA\r\nA A ", good}, {"image/gif", "QQ==", good}, {"image/gif", "QUE=", good},
		{"image/gif", "", bad}, {"image/gif", "Q===", bad}, {"image/gif", "====", bad},
		{"image/gif", "QQQ", bad}, {"image/gif", "QQ=", bad}, {"image/gif", "QQ=A", bad},
		{"image/gif", "AAA@", bad}, {"image/gif", "AAA[", bad}, {"image/gif", "AAA`", bad},
		{"image/gif", "AAA{", bad}, {"image/gif", "AAA:", bad}, {"image/gif", "AAA.", bad},
		{"image/gif", "AA-_", bad}, {"image/gif", "AA\u00A0AA", bad}, {"image/gif", "Aü", bad},
		{"image/jpeg", "AAAA", good}, {"audio/mid", "AAAA", good}, {"audio/midi", "AAAA", good}, {"audio/amr", "AAAA", good},
		{"image/png", "AAAA", bad}, {"text/html", "AAAA", bad},
		{"text/plain", "hello!", good}, {"text/plain", "hello!!", large}, {"text/plain", "", good},
		{"text/plain", "a\u0080", "invalidChar/failure"},
	} {
		content := `<content contentType="` + c.kind + `" contentId="A">` + escaped(c.text) + `</content>`
		got := result(t, b.post(t, envelope("DeliverXms", "xmsData", multimedia("", content))), "DeliverXms").String()
		if got != c.want {
			t.Errorf("%s %q: got %s, want %s", c.kind, c.text, got, c.want)
		}
	}
	for slide, want := range map[string]string{ // the one object is A, at the place a.gif
		`<img src="cid:A"/>`: "", `<img src="CID:A"/>`: "", `<img src="A"/>`: "", `<img src="a.gif"/>`: "",
		`<img src=" cid:&lt;A&gt; "/>`: "", `<img src=""/>`: "", `<img/>`: "",
		`<img src="cid:%41"/>`: "", `<Audio src="cid:A"/>`: "", `<video src="cid:B"/>`: "",
		`<img src="cid:B"/>`: "B", `<IMG src="cid:B"/>`: "B", `<text src="cid:B"/>`: "B",
		`<audio src="B"/>`: "B", `<img src="cid:%zz"/>`: "%zz", `<img src="sid:A"/>`: "sid:A",
	} {
		body := `<mmsSlides><body><par>` + slide + `</par></body></mmsSlides>` +
			`<content contentType="image/gif" contentId="A" contentLocation="a.gif">AAAA</content>`
		got := result(t, b.post(t, envelope("DeliverXms", "xmsData", multimedia("", body))), "DeliverXms").String()
		if want == "" && got != good || want != "" && got != "invalidMedia/failure "+want {
			t.Errorf("%s: got %s", slide, got)
		}
	}
}

// Unicode 23.1 and 23.7: control characters and noncharacters, at their borders.
func TestCharactersThatAreNotSent(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	for char, sent := range map[rune]bool{
		'\t': true, '\n': true, '\r': true, ' ': true, '~': true, 0x7F: false, 0x80: false,
		0x84: false, 0x85: true, 0x86: false, 0x9F: false, 0xA0: true,
		0xFDCF: true, 0xFDD0: false, 0xFDEF: false, 0xFDF0: true, 0xFFFD: true,
		0x1FFFD: true, 0x1FFFE: false, 0x1FFFF: false, 0x20000: true, 0x10FFFF: false,
	} {
		want := "invalidChar/failure"
		if sent {
			want = "ok/neutral"
		}
		if got := b.deliver(t, message{to: []string{phone}, parts: []string{"a" + string(char) + "b"}}).String(); got != want {
			t.Errorf("U+%04X: got %s", char, got)
		}
	}
}

// What the box itself writes for tests, and for those who try it, is read as any client's.
func TestRequestsOfOurOwn(t *testing.T) {
	t.Parallel()
	const login, password, text = "a<n>n", `p&"w`, "Grüße <b> & \U0001F600"
	var ids []string
	for range 2 {
		request, err := oms.ParseEnvelope([]byte(oms.DeliverRequest(login, password, text, "+447911123456", "07911 100001")), "text/xml", "")
		check(t, err)
		got, err := oms.ParseXMSData(request.Argument)
		check(t, err)
		if request.Operation != "DeliverXms" || request.RPC || request.SOAP12 || got.UserID != login || got.Password != password ||
			got.Client != "Microsoft Office Outlook 14.0" || got.SourceType != "xmsInspector" || got.Format != oms.SMS || len(got.Recipients) != 2 ||
			got.Recipients[0] != "+447911123456" || len(got.Content) != 1 || got.Content[0].Text != text || got.Content[0].Type != "text/plain" {
			t.Errorf("%+v holds %+v", request, got)
		}
		ids = append(ids, got.Content[0].ID)
	}
	if ids[0] == ids[1] {
		t.Errorf("two messages are both %s", ids[0])
	}
	line, body, _ := strings.Cut(oms.Curl("http://box/oms/service.asmx", login, password, "12345", text), "\n")
	want := `curl -s -H 'Content-Type: text/xml; charset=utf-8' -H 'SOAPAction: "` +
		namespace + `/DeliverXms"' --data-binary @- http://box/oms/service.asmx <<'EOF'`
	body, ended := strings.CutSuffix(body, "\nEOF")
	request, err := oms.ParseEnvelope([]byte(body), "text/xml; charset=utf-8", "")
	if line != want || !ended || request.Operation != "DeliverXms" || err != nil {
		t.Errorf("got %s, %+v, %v", line, request, err)
	}
}

// Of a multimedia message, as much as is promised and one more.
func TestLimitsOfAMultimediaMessage(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	proven("mms.slides", "2", "mms.recipients", "2")(t, b)
	const good = "serviceNetwork/failure"
	empty := `<content contentType="text/plain" contentId="A"/>`
	slide := func(n int) string {
		return "<mmsSlides><body>" + strings.Repeat("<par/>", n) + "</body></mmsSlides>" + empty
	}
	to := func(n int) string {
		return strings.Replace(multimedia("", empty), "<to>", "<to>"+strings.Repeat("<recipient>07911 100001</recipient>", n-1), 1)
	}
	for _, c := range []struct{ name, argument, want string }{
		{"2 slides", multimedia("", slide(2)), good},
		{"3 slides", multimedia("", slide(3)), "slidesLimit/failure 2 slides"},
		{"300 objects", multimedia("", strings.Repeat(empty, 300)), good},
		{"301 objects", multimedia("", strings.Repeat(empty, 301)), "other/failure At most 300 objects can be sent at once. Nothing was sent."},
		{"2 recipients", to(2), good},
		{"3 recipients", to(3), "other/failure A message can have at most 2 recipients. Nothing was sent."},
		{"no recipient", strings.Replace(to(1), phone, "", 1), "other/failure The message has no recipient. Nothing was sent."},
	} {
		if got := result(t, b.post(t, envelope("DeliverXms", "xmsData", c.argument)), "DeliverXms").String(); got != c.want {
			t.Errorf("%s: got %s", c.name, got)
		}
	}
}

// What xmsData says in more than one place, or at greater length than is kept.
func TestXMSDataSaysMoreThanIsKept(t *testing.T) {
	t.Parallel()
	const head, body = "<xmsData><user><customData>%s</customData></user><xmsHead>%s</xmsHead>", `<xmsBody format=" mms "/></xmsData>`
	words := strings.Repeat("ü", 1999) // 3998 bytes
	data, err := oms.ParseXMSData(fmt.Sprintf(head, words+"<x/>y<x/>z<x/>ü"+strings.Repeat("<x/>z", 9000), "") + body)
	if want := words + "yz"; data.CustomData != want || data.Format != oms.MMS || err != nil {
		t.Errorf("got %d bytes, %s, %v", len(data.CustomData), data.Format, err)
	}
	for document, want := range map[string]string{
		fmt.Sprintf(head, "", "") + `<xmsBody format="SMS"/><xmsBody format="SMS"/></xmsData>`:       "there is more than one xmsBody",
		fmt.Sprintf(head, "", "") + `<xmsBody/></xmsData>`:                                           "the format of xmsBody is neither SMS nor MMS",
		fmt.Sprintf(head, "", "<requiredService>FAX</requiredService>") + `<xmsBody/></xmsData>`:     "the format of xmsBody is neither SMS nor MMS",
		fmt.Sprintf(head, "", "<requiredService> mms_x </requiredService>") + `<xmsBody/></xmsData>`: "<nil>",
		fmt.Sprintf(head, "", "<subject><x/></subject>") + body:                                      "elements where text belongs",
		fmt.Sprintf(head, "", "") + body + "<x/>":                                                    "more than one document",
	} {
		if _, err := oms.ParseXMSData(document); fmt.Sprint(err) != want {
			t.Errorf("%s: got %v, want %s", document, err, want)
		}
	}
}

// Each reason is told once, with all whom it is about.
func TestRecipientsOfOneReason(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	const emergency = "other/failure It is an emergency number, and texts to these are always refused; call it instead.|999;112"
	if got := b.deliver(t, message{to: []string{"999", "112", "999"}, parts: []string{"hello"}}).String(); got != emergency {
		t.Errorf("got %s, want %s", got, emergency)
	}
	check(t, b.Set(t.Context(), "oms.wait", "30s"))
	answer := make(chan xmsResponse)
	go func() {
		answer <- b.deliver(t, message{to: []string{"07911 100001", "07911 100002"}, parts: []string{"hello"}})
	}()
	b.settle(t, store.Refused, "")
	b.settle(t, store.Refused, "")
	if got, want := (<-answer).String(), "other/failure The network did not take the message.|07911 100001;07911 100002"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
