package oms_test

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"omsbox/oms"
)

// item is an xmsData as SharePoint puts it into a batch.
func item(id string, m message) string {
	_, document, _ := strings.Cut(m.String(), "?>")
	return strings.Replace(strings.Replace(document, ` xmlns="`+namespace+`"`, "", 1), "<xmsData", "<xmsData "+id, 1)
}

func batch(items ...string) string {
	return `<?xml version="1.0" encoding="utf-16"?><xmsBatch client="Microsoft Windows SharePoint Service" xmlns="` + namespace + `">` +
		strings.Join(items, "\n") + `</xmsBatch>`
}

// xmsResponses is what a client understands of the document of that name.
type xmsResponses struct {
	XMLName   xml.Name `xml:"http://schemas.microsoft.com/office/Outlook/2006/OMS xmsResponses"`
	Responses []struct {
		Errors []responseError `xml:"http://schemas.microsoft.com/office/Outlook/2006/OMS error"`
		IDs    []xml.Attr      `xml:",any,attr"`
	} `xml:"http://schemas.microsoft.com/office/Outlook/2006/OMS xmsResponse"`
}

func (b *box) deliverBatch(t testing.TB, items ...string) (lines []string) {
	t.Helper()
	var v xmsResponses
	check(t, xml.Unmarshal([]byte(inner(t, b.post(t, envelope("DeliverXmsBatch", "packageXml", batch(items...))), "DeliverXmsBatch")), &v))
	for _, r := range v.Responses {
		line := xmsResponse{Errors: r.Errors}.String()
		for _, id := range r.IDs {
			line = id.Name.Local + "=" + id.Value + " " + line
		}
		lines = append(lines, line)
	}
	return lines
}

func TestEachItemOfABatchIsJudgedAlone(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	good := message{to: []string{"+447911123456"}, parts: []string{"hello"}}
	bad := good
	bad.password = "guess"
	half := good
	half.to = []string{"nobody", "+447911123456"}
	got := b.deliverBatch(t,
		item(`id="0"`, good), item(`Id="1"`, bad), item(`ID="&lt;2&gt;"`, half), item("", good),
		item(`id="`+strings.Repeat("3", 41)+`"`, good), `<xmsData id="4"/>`, `<other id="5"/>`, item(`id=""`,
			message{parts: []string{"hello"}}), item(`id="7"`, good))
	want := []string{
		"id=0 ok/neutral",
		"Id=1 invalidUser/failure",
		"ID=<2> invalidRecipient/failure |nobody",
		"ok/neutral",
		"invalidFormat/failure xmsData: an id of more than 40 bytes", // it is not repeated
		"id=4 invalidFormat/failure xmsData: there is no xmsBody",
		"id= other/failure The message has no recipient. Nothing was sent.",
		"id=7 ok/neutral",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if n := b.queued(t); n != 4 {
		t.Errorf("%d deliveries were queued, want 4", n)
	}
}

func TestABatchThatIsNoneQueuesNothing(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	good := item(`id="0"`, message{to: []string{"+447911123456"}, parts: []string{"hello"}})
	tests := []struct{ name, batch, want string }{
		{"malformed", strings.TrimSuffix(batch(good), "</xmsBatch>"), "xmsBatch: not well-formed XML at line 1"},
		{"malformed behind a good one", batch(good, "<xmsData></xmsBody></xmsData>"), "xmsBatch: not well-formed XML at line 2"},
		{"another document", good, "xmsBatch: the root element is not xmsBatch"},
		{"no items", batch(), "xmsBatch: there is no xmsData"},
		{"a document type", "<!DOCTYPE a>" + batch(good), "xmsBatch: a document type is not allowed"},
		{"thirty thousand empty items", batch(append([]string{good}, strings.Repeat("<xmsData/>", 30_000))...), "xmsBatch: most of its xmsData are empty"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var v xmsResponses
			check(t, xml.Unmarshal([]byte(inner(t, b.post(t, envelope("DeliverXmsBatch", "packageXml", test.batch)), "DeliverXmsBatch")), &v))
			if len(v.Responses) != 1 || (xmsResponse{Errors: v.Responses[0].Errors}).String() != "invalidFormat/failure "+test.want {
				t.Errorf("got %+v, want %s", v.Responses, test.want)
			}
		})
	}
	if n := b.queued(t); n != 0 {
		t.Errorf("%d deliveries were queued", n)
	}
}

// Two thousand ordinary ones are more than half of what a request may have.
func TestTheFirstThousandItemsOfABatchAreTaken(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	alert := message{parts: []string{strings.Repeat("Someone has edited <Contracts & Co>. ", 10)}, source: "wssAlert"}
	var items []string
	for i := range 2000 {
		alert.to = []string{fmt.Sprintf("+44791112%04d", i)}
		items = append(items, item(fmt.Sprintf(`id="%d"`, i), alert))
	}
	got := b.deliverBatch(t, items...)
	if len(got) != len(items) {
		t.Fatalf("%d answers", len(got))
	}
	for i, got := range got {
		want := fmt.Sprintf("id=%d ok/neutral", i)
		if i >= 1000 {
			want = fmt.Sprintf("id=%d perbatchmsglimit/failure One batch can only contain 1000 messages at maximum.", i)
		}
		if got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	if n := b.queued(t); n != 1000 {
		t.Errorf("%d deliveries were queued, want 1000", n)
	}
}

func TestABatchOfShortItemsMayHaveAsManyAsCanBeSet(t *testing.T) {
	t.Parallel()
	const short = `<xmsData id="0"><user><userId>me</userId><password>pwd</password></user><xmsHead><to><recipient>+447911123456</recipient></to></xmsHead>` +
		`<xmsBody format="SMS"><content>x</content></xmsBody></xmsData>`
	if _, items, err := oms.ParseXMSBatch(batch(strings.Repeat(short, 10_000))); err != nil || len(items) != 10_000 {
		t.Errorf("got %d items, %v", len(items), err)
	}
}

// The limits of the service here are 5 recipients, 2 texts and one segment, so a batch may queue ten.
func TestABatchQueuesNoMoreThanTheFullestMessageMayHave(t *testing.T) {
	t.Parallel()
	const full = "perbatchmsglimit/failure This batch holds more text than one may, which is 10 segments; this " +
		"message was not taken. Hand it over in another batch."
	send := func(recipients, parts int) message {
		m := message{parts: slices.Repeat([]string{"hello"}, parts)}
		for i := range recipients {
			m.to = append(m.to, fmt.Sprintf("+44791112345%d", i))
		}
		return m
	}
	nobody, summary, long := send(1, 2), send(5, 3), send(1, 1)
	nobody.to, summary.source, long.parts = []string{"nobody"}, "calSummary", []string{strings.Repeat("x", 161)}
	tests := []struct {
		name  string
		items []message
		want  string
	}{
		{"the fullest message", []message{send(5, 2)}, "ok"},
		{"one behind it", []message{send(5, 2), send(1, 1)}, "ok full"},
		{"what is just not too much", []message{send(3, 2), nobody, send(2, 2), long, nobody}, "ok invalidRecipient ok lengthLimit invalidRecipient"},
		{"one that is too much, and those behind it", []message{send(3, 2), send(5, 1), send(1, 1), nobody}, "ok full full full"},
		{"a message that is allowed to be fuller", []message{nobody, summary, send(1, 1)}, "invalidRecipient ok full"},
		{"as many texts as messages", slices.Repeat([]message{send(1, 1)}, 11), strings.Repeat("ok ", 10) + "perbatchmsglimit"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBox(t)
			for key, value := range map[string]string{"oms.recipients": "5", "oms.parts": "2", "oms.sbcs": "160", "oms.batch": "10"} {
				check(t, b.Set(t.Context(), key, value))
			}
			var items []string
			for i, m := range test.items {
				items = append(items, item(fmt.Sprintf(`id="%d"`, i), m))
			}
			var got []string
			for i, line := range b.deliverBatch(t, items...) {
				if line = strings.TrimPrefix(line, fmt.Sprintf("id=%d ", i)); line == full {
					line = "full/"
				}
				code, _, _ := strings.Cut(line, "/")
				got = append(got, code)
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestABatchWithAWrongPasswordIsOneWrongGuess(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	guess := message{to: []string{"+447911123456"}, parts: []string{"hello"}, password: "guess"}
	var items []string
	for i := range 50 {
		items = append(items, item(fmt.Sprintf(`id="%d"`, i), guess))
	}
	for i, got := range b.deliverBatch(t, items...) {
		if want := fmt.Sprintf("id=%d invalidUser/failure", i); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := b.deliver(t, message{to: []string{"+447911123456"}, parts: []string{"hello"}}).String(); got != "ok/neutral" {
		t.Errorf("behind it, the right password got %s", got)
	}
}

func TestABatchWhoseAnswerWasLostIsNotSentTwice(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	twice := message{to: []string{"+447911123456"}, parts: []string{"hello"}}
	body := envelope("DeliverXmsBatch", "packageXml", batch(item("", twice), item("", twice)))
	b.lose(t, body)
	if n := b.queued(t); n != 2 {
		t.Errorf("%d deliveries were queued, want 2: one text twice is two messages", n)
	}
	if r := b.post(t, body); r.StatusCode != http.StatusOK {
		t.Errorf("the repeat got %s", r.Status)
	}
	if n := b.queued(t); n != 2 {
		t.Errorf("after the repeat, %d deliveries are queued, want 2", n)
	}
}

// lose posts a body over a connection that breaks before the answer.
func (b *box) lose(t testing.TB, body string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
	b.handler.ServeHTTP(dropped{httptest.NewRecorder(), false}, r)
}

func FuzzXMSBatch(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Add(batch(item(`id="0"`, message{to: []string{"1"}, parts: []string{"a"}}), "<xmsData/>"))
	f.Fuzz(func(t *testing.T, text string) {
		client, items, err := oms.ParseXMSBatch(text)
		if err != nil {
			if len(err.Error()) > 100 {
				t.Fatalf("the error quotes the document: %v", err)
			}
			return
		}
		if len(items) == 0 {
			t.Fatalf("no items of %q", client)
		}
		for _, item := range items {
			if !strings.HasPrefix(item.Text, "<") || !strings.HasSuffix(item.Text, ">") {
				t.Fatalf("got the item %q", item.Text)
			}
			oms.ParseXMSData(item.Text)
		}
	})
}
