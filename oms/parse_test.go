package oms_test

import (
	"encoding/binary"
	"encoding/xml"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"omsbox/oms"
	"omsbox/store"
)

// utf16Of is a text in UTF-16.
func utf16Of(order binary.AppendByteOrder, text string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, u)
	}
	return string(b)
}

func TestParseEnvelope(t *testing.T) {
	t.Parallel()
	const open = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>`
	const end = `</s:Body></s:Envelope>`
	german := `<?xml version="1.0" encoding="utf-16"?>` + open + `<DeliverXms><xmsData>Grüße</xmsData></DeliverXms>` + end
	tests := []struct {
		name, body, action  string
		operation, argument string
		fault               string // its code, where there is one
	}{
		{"escaped text", open + `<DeliverXms xmlns="u"><xmsData>&lt;a&gt; &amp;amp; &#x4E2D;</xmsData></DeliverXms>` + end,
			"", "DeliverXms", "<a> &amp; 中", ""},
		{"CDATA", open + `<DeliverXms><xmsData>1<![CDATA[<2>]]>3</xmsData></DeliverXms>` + end, "", "DeliverXms", "1<2>3", ""},
		{"text in a thousand pieces", open + `<DeliverXms><xmsData>` + strings.Repeat("a<!-- --><![CDATA[<]]>",
			1000) + `</xmsData></DeliverXms>` + end, "", "DeliverXms", strings.Repeat("a<", 1000), ""},
		{"other parameters beside", open + `<GetUserInfo><x><y/></x><xmsUser>u</xmsUser><xmsData>d</xmsData></GetUserInfo>` + end, "", "GetUserInfo", "u", ""},
		{"a typed parameter", open + `<m:GetUserInfo xmlns:m="u"><xmsUser xmlns:i="i" i:type="xsd:string">u</xmsUser></m:GetUserInfo>` + end, "", "GetUserInfo", "u", ""},
		{"a byte order mark", "\ufeff" + open + `<SendXms/>` + end, "", "SendXms", "", ""},
		{"the name beats the SOAPAction", open + `<GetServiceInfo/>` + end, `"` + namespace + `/GetUserInfo"`, "GetServiceInfo", "", ""},
		{"an unknown name and a SOAPAction", open + `<GetUser><xmsUser>u</xmsUser></GetUser>` + end,
			`"` + namespace + `/GetUserInfo"`, "GetUserInfo", "u", ""},
		{"an empty body and a bare SOAPAction", open + end, namespace + "/GetServiceInfo", "GetServiceInfo", "", ""},
		{"an empty body", open + end, `""`, "", "", "Client"},
		{"no body", `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"/>`, "", "", "", "Client"},
		{"XML in the parameter", open + `<DeliverXms><xmsData><xmsData><user/></xmsData>x</xmsData><a/></DeliverXms><b/>` + end, "", "DeliverXms", "elements", ""},
		{"a truncated envelope", open + `<GetServiceInfo/></s:Body>`, "", "", "", "Client"},
		{"text after the envelope", open + `<GetServiceInfo/>` + end + "x", "", "", "", "Client"},
		{"two envelopes", open + `<GetServiceInfo/>` + end + open + end, "", "", "", "Client"},
		{"a foreign entity", open + `<DeliverXms><xmsData>&a;</xmsData></DeliverXms>` + end, "", "", "", "Client"},
		{"too deep", open + strings.Repeat("<a>", 40) + strings.Repeat("</a>", 40) + end, namespace + "/GetServiceInfo", "", "", "Client"},
		{"bytes that are no UTF-8", open + "<DeliverXms><xmsData>\xff\xe9</xmsData></DeliverXms>" + end, "", "", "", "Client"},
		{"SOAP 1.2", `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><GetServiceInfo/>` + end, "", "GetServiceInfo", "", ""},
		{"SOAP 0.9", `<s:Envelope xmlns:s="urn:schemas-xmlsoap-org:soap.v1"><s:Body><GetServiceInfo/>` + end, "", "", "", "VersionMismatch"},
		{"a reference", open + `<DeliverXms><xmsData href="#a"/></DeliverXms><other id="b">not</other><x id="a">this</x><x id="a">not</x>` + end, "", "DeliverXms", "this", ""},
		{"a reference to nothing", open + `<DeliverXms><xmsData href="#a"/></DeliverXms>` + end, "", "", "", "Client"},
		{"an element behind the call", open + `<GetUserInfo><xmsUser>u</xmsUser></GetUserInfo><GetServiceInfo/>` + end, "", "GetUserInfo", "u", ""},
		{"the longest tag", open + `<DeliverXms a="` + strings.Repeat("x", 8000) + `"/>` + end, "", "DeliverXms", "", ""},
		{"a longer tag", open + `<DeliverXms a="` + strings.Repeat("x", 9000) + `"/>` + end, "", "", "", "Client"},
		{"a longer tag with > in it", open + `<DeliverXms a="` + strings.Repeat(">", 9000) + `"/>` + end, "", "", "", "Client"},
		{"an element with a long name", open + `<` + strings.Repeat("x", 9000) + `/>` + end, "", "", "", "Client"},
		{"a million attributes", open + `<DeliverXms` + strings.Repeat(` a=""`, 400_000) + `/>` + end, "", "", "", "Client"},
		{"many attributes", open + `<DeliverXms` + strings.Repeat(` a=""`, 65) + `/>` + end, "", "", "", "Client"},
		{"a long comment and a long text", open + `<!--` + strings.Repeat("<",
			9000) + `--><DeliverXms><xmsData>` + strings.Repeat("&lt;x", 9000) + `</xmsData></DeliverXms>` + end, "",
			"DeliverXms", strings.Repeat("<x", 9000), ""},
		{"a document type", `<!DOCTYPE x [<!ENTITY a "` + strings.Repeat("b", 100) + `">]>` + open + end, namespace + "/GetServiceInfo", "", "", "Client"},
		{"a document type in a BOM's shadow", "\ufeff" + `<!DOCTYPE x>` + open + end, namespace + "/GetServiceInfo", "", "", "Client"},
		{"HTML", `<html></html>`, "", "", "", "Client"},
		{"a header that must be understood", strings.Replace(open, "<s:Body>",
			`<s:Header><h s:mustUnderstand="1"/></s:Header><s:Body>`, 1) + end, "", "", "", "MustUnderstand"},
		{"a header for another", strings.Replace(open, "<s:Body>",
			`<s:Header><h s:mustUnderstand="1" s:actor="urn:x"/></s:Header><s:Body>`, 1) + "<SendXms/>" + end, "", "SendXms",
			"", ""},
		{"UTF-16, little end first", utf16Of(binary.LittleEndian, "\ufeff"+german), "", "DeliverXms", "Grüße", ""},
		{"UTF-16, big end first", utf16Of(binary.BigEndian, "\ufeff"+german), "", "DeliverXms", "Grüße", ""},
		{"UTF-16 of a surrogate pair", utf16Of(binary.LittleEndian, strings.Replace(german, "Grüße", "😀", 1)), "", "DeliverXms", "😀", ""},
		{"UTF-16 of half a surrogate pair", strings.Replace(utf16Of(binary.LittleEndian, strings.Replace(german, "Grüße",
			"a☎b", 1)), "\x0e\x26", "\x3d\xd8", 1), "", "DeliverXms", "a\ufffdb", ""},
		{"UTF-16 with half a character at the end", utf16Of(binary.BigEndian, german) + "\x00", "", "DeliverXms", "Grüße", ""},
		{"UTF-16 that is larger in UTF-8", utf16Of(binary.BigEndian, strings.Replace(german, "Grüße", strings.Repeat("中",
			2_800_000), 1)), "", "", "", "Client"},
		{"UTF-16 without a mark", utf16Of(binary.LittleEndian, german), "", "DeliverXms", "Grüße", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := oms.ParseEnvelope([]byte(test.body), "text/xml", test.action)
			var fault *oms.Fault
			switch {
			case errors.As(err, &fault):
				if fault.Code != test.fault {
					t.Errorf("got %s: %s, want %q", fault.Code, fault.Text, test.fault)
				}
			case err != nil || test.fault != "":
				t.Errorf("got the error %v, want a fault %q", err, test.fault)
			case got.Operation != test.operation || got.Argument != test.argument:
				t.Errorf("got %s(%q), want %s(%q)", got.Operation, got.Argument, test.operation, test.argument)
			}
		})
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	check(t, err)
	return string(b)
}

// The samples of the OMS guidelines as they stand, with the space that one lacks before xmlns.
func TestParseTheSamples(t *testing.T) {
	t.Parallel()
	user, err := oms.ParseXMSUser(read(t, "testdata/sample.xmsUser"))
	check(t, err)
	if want := (oms.XMSUser{Client: "Microsoft Office Outlook 12.0", UserID: "myname", Password: "mypwd"}); user != want {
		t.Errorf("got %+v, want %+v", user, want)
	}
	tests := []struct {
		file string
		want oms.XMSData
	}{
		{"sample-SMS.xmsData", oms.XMSData{Format: oms.SMS, Content: []oms.Content{
			{Type: "text/plain", ID: "Att0.txt@AB1B43B2B0594564.B94EF7ABB12B49BA", Location: "1.txt", Text: "(1/2)This is the first SMS message..."},
			{Type: "text/plain", ID: "Att1.txt@AB1B43B2B0594564.B94EF7ABB12B49BA", Location: "2.txt", Text: "(2/2)This is the second SMS message..."},
		}}},
		{"sample-MMS.xmsData", oms.XMSData{Format: oms.MMS, SourceType: "reminder", Subject: "My Message",
			Slides: &oms.Slides{Pars: 1, Sources: []string{"cid:Att1.gif@AB1B43B2B0594564.B94EF7ABB12B49BA",
				"cid:Att0.txt@AB1B43B2B0594564.B94EF7ABB12B49BA", "cid:Att2.mid@AB1B43B2B0594564.B94EF7ABB12B49BA"}},
			Content: []oms.Content{
				{Type: "text/plain", ID: "Att0.txt@AB1B43B2B0594564.B94EF7ABB12B49BA", Location: "1.txt", Text: "This is the text part"},
				{Type: "image/gif", ID: "Att1.gif@AB1B43B2B0594564.B94EF7ABB12B49BA", Location: "106675.gif", Text: "/9j/4AAQ ...... AVExISEyccHhcgLikxMC4p"},
				{Type: "audio/midi", ID: "Att2.mid@AB1B43B2B0594564.B94EF7ABB12B49BA", Location: "1898.mid", Text: "/wDQjVYUrl ...... GoJ4e8j"},
			}}},
	}
	for _, test := range tests {
		got, err := oms.ParseXMSData(read(t, "testdata/"+test.file))
		check(t, err)
		test.want.Client, test.want.UserID, test.want.Password = "Microsoft Office Outlook 12.0", "myname", "mypwd"
		test.want.ReplyPhone = "13801391350"
		test.want.Scheduled = time.Date(2005, 4, 20, 14, 20, 0, 0, time.UTC)
		test.want.Recipients = []string{"135xxxx", "139xxxx"}
		test.want.Digest = got.Digest
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got\n%+v\nwant\n%+v", test.file, got, test.want)
		}
	}
}

func TestParseXMSDataInAnyOrderAndNamespace(t *testing.T) {
	t.Parallel()
	got, err := oms.ParseXMSData("\ufeff" + ` <?xml version="1.0" encoding="utf-16"?><o:xmsData xmlns:o="urn:o"><xmsBody format="sms"><content>a</content></xmsBody>` +
		`<o:xmsHead><to><recipient> 1 </recipient><r/></to><sourceType> reminder </sourceType><scheduled>2030-01-02T03:04:05+01:00</scheduled></o:xmsHead>` +
		`<user><customData><userId>not this</userId></customData><password> p </password><userId> ann </userId></user></o:xmsData>` + "\n")
	check(t, err)
	want := oms.XMSData{UserID: "ann", Password: " p ", CustomData: "not this", Scheduled: time.Date(2030, 1, 2, 2, 4, 5,
		0, time.UTC), SourceType: "reminder",
		Recipients: []string{"1"}, Format: oms.SMS, Content: []oms.Content{{Text: "a"}}, Digest: got.Digest}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

func TestTheDigestKnowsTheRequestAndNotThePassword(t *testing.T) {
	t.Parallel()
	digest := func(m message) [32]byte {
		d, err := oms.ParseXMSData(m.String())
		check(t, err)
		return d.Digest
	}
	m := message{to: []string{"1"}, parts: []string{"hello"}}
	first := digest(m)
	if digest(m) != first {
		t.Error("the same request has another digest")
	}
	guess := m
	guess.password = "another <one>"
	if digest(guess) != first {
		t.Error("the digest depends on the password")
	}
	other := m
	other.parts = []string{"hello."}
	if digest(other) == first {
		t.Error("another text has the same digest")
	}
}

// seeds are the documents that every fuzz target starts from.
func seeds(f *testing.F) (all []string) {
	files, err := filepath.Glob("testdata/*")
	check(f, err)
	for _, path := range files {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && filepath.Ext(path) != ".answer" {
			text := read(f, path)
			if _, body, found := strings.Cut(text, "\n\n"); found && filepath.Ext(path) == ".request" {
				text = body
			}
			all = append(all, text)
		}
	}
	return all
}

func FuzzEnvelope(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add([]byte(s), "text/xml; charset=utf-8", "")
	}
	f.Add([]byte("\xff\xfe<\x00"), `application/soap+xml; action="`+namespace+`/DeliverXms"`, "")
	f.Add([]byte(envelope("Gr\xfc\xdfe", "", "")), "text/xml; charset=iso-8859-1", `"`+namespace+`/DeliverXms"`)
	f.Fuzz(func(t *testing.T, body []byte, contentType, action string) {
		got, err := oms.ParseEnvelope(body, contentType, action)
		if fault := (*oms.Fault)(nil); err != nil && !errors.As(err, &fault) {
			t.Fatalf("the error is no fault: %v", err)
		}
		if err == nil && (got.Operation == "" || !utf8.ValidString(got.Argument)) {
			t.Fatalf("got %q(%q)", got.Operation, got.Argument)
		}
	})
}

func FuzzXMSData(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Add(message{to: []string{"1", "2"}, parts: []string{"a", "b"}, scheduled: "2030-01-02T03:04:05Z"}.String())
	f.Add(message{to: slices.Repeat([]string{"1"}, 2*store.MostRecipients), parts: slices.Repeat([]string{"a"}, 4*store.MostParts)}.String())
	f.Fuzz(func(t *testing.T, text string) {
		got, err := oms.ParseXMSData(text)
		if err != nil {
			if len(err.Error()) > 100 {
				t.Fatalf("the error quotes the document: %v", err)
			}
			return
		}
		if len(got.Recipients) > store.MostRecipients+1 || len(got.Content) > 3*store.MostParts+1 || got.Format != oms.SMS && got.Format != oms.MMS {
			t.Fatalf("got %+v", got)
		}
		for _, c := range got.Content {
			if !utf8.ValidString(c.Text) {
				t.Fatalf("got the text %q", c.Text)
			}
		}
	})
}

func FuzzXMSUser(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := oms.ParseXMSUser(text)
		if err == nil && !(utf8.ValidString(got.UserID) && utf8.ValidString(got.Password)) {
			t.Fatalf("got %+v", got)
		}
	})
}

// Text is read around the decoder, and understood as it would understand it.
func FuzzText(f *testing.F) {
	for _, s := range []string{
		"", "plain", " Gr\u00fc\u00dfe \U0001F600 ", "a&amp;b&lt;c&gt;d&quot;e&apos;f", "&#65;&#x42;&#x1F600;", "&#0;",
		"&#xD800;", "&#x110000;", "&#-1;", "&#;", "&x;", "&", "&amp",
		"a\r\nb\rc\n\rd", "&#13;\n", "\r&#10;", "\r", "<![CDATA[a&amp;\r\n]]>\r<![CDATA[\n]]>", "a<!-- \r -->b", "<?x ?>\n",
		"</password>\n<password>b", "<a/>b",
		"\xff", "\uffff", "\x00", "]]>", strings.Repeat("x", 1023) + "\r\n\u00fc&amp;" + strings.Repeat("y", 1010) + "&#x4E2D;\u4e2d",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		document := "<xmsUser><password>" + text + "</password></xmsUser>"
		got, err := oms.ParseXMSUser(document)
		var want struct {
			Password string `xml:"password"`
		}
		if err != nil || xml.Unmarshal([]byte(document), &want) != nil {
			return
		}
		if got.Password != want.Password {
			t.Errorf("got %q, want %q", got.Password, want.Password)
		}
		if strings.Count(escaped(document), "\uFFFD") != strings.Count(document, "\uFFFD") {
			return // in a processing instruction there is what no envelope could carry
		}
		request, err := oms.ParseEnvelope([]byte(envelope("DeliverXms", "xmsData", document)), "", "")
		if err != nil || request.Argument != document {
			t.Errorf("the envelope gave %q, %v", request.Argument, err)
		}
	})
}
