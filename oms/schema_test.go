package oms_test

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// schema is what the protocol says of an element of an answer: its attributes, and its children in their
// order. OMS guidelines part 3, schemas
type schema struct {
	name       string
	least      int // how often it occurs; most 0: as often as it likes
	most       int
	attributes map[string]func(string) bool // "?" before the name: it may be absent
	children   []schema                     // nil: it holds text
	text       func(string) bool            // what its text is; nil: nothing but white space
}

func anyText(string) bool { return true }

func number(bits int) func(string) bool {
	return func(s string) bool {
		_, err := strconv.ParseUint(s, 10, bits)
		return err == nil
	}
}

func boolean(s string) bool { return s == "true" || s == "false" || s == "1" || s == "0" }

func severity(s string) bool { return s == "neutral" || s == "failure" }

// known says whether a code is in the protocol's table, or in Microsoft's samples.
func known(code string) bool {
	const all = "|ok|expiredUser|invalidUser|unregisteredUser|unregisteredService|ceasedService|perDayMsgLimit|perMonthMsgLimit|lowBalance" +
		"|invalidRecipient|crossCarrier|invalidChar|invalidMedia|lengthLimit|sizeLimit|slidesLimit|serviceUpdate|serviceNetwork|noScheduled" +
		"|other|perbatchmsglimit|invalidFormat|"
	return strings.Contains(all, "|"+code+"|")
}

type attributes = map[string]func(string) bool

// text is an element that occurs at most once and holds text.
func text(name string, least int, is func(string) bool) schema {
	return schema{name: name, least: least, most: 1, text: is}
}

// response is xmsResponse as a document, and as a part of xmsResponses.
func response(least, most int, id attributes) schema {
	return schema{name: "xmsResponse", least: least, most: most, attributes: id, children: []schema{{
		name: "error", least: 1, attributes: attributes{"code": known, "severity": severity},
		children: []schema{text("content", 0, anyText), text("recipientList", 0, anyText)},
	}}}
}

// documents are the schemas of all results, by the operation.
func documents() map[string]schema {
	return map[string]schema{
		"GetServiceInfo": {name: "serviceInfo", least: 1, most: 1, children: []schema{
			text("serviceProvider", 1, anyText), text("serviceUri", 1, anyText), text("signUpPage", 1, anyText), text("targetLocale", 0, number(16)),
			text("localName", 1, anyText), text("englishName", 1, anyText), text("authenticationType", 1, anyText),
			{name: "supportedService", least: 1, most: 1, children: []schema{
				{name: "SMS_SENDER", most: 1, attributes: attributes{
					"maxRecipientsPerMessage": number(32), "maxMessagesPerSend": number(32), "maxSbcsPerMessage": number(32), "maxDbcsPerMessage": number(32)}},
				{name: "MMS_SENDER", most: 1, attributes: attributes{
					"supportSlide": boolean, "maxRecipientsPerMessage": number(32), "maxSizePerMessage": number(32), "maxSlidesPerMessage": number(32)}},
			}},
		}},
		"GetUserInfo": {name: "userInfo", least: 1, most: 1, children: []schema{
			text("replyPhone", 0, anyText), text("smtpAddress", 0, anyText),
			{name: "error", least: 1, most: 1, attributes: attributes{"code": known, "severity": severity}, text: anyText},
			text("customData", 0, anyText),
		}},
		"DeliverXms": response(1, 1, nil),
		"SendXms":    response(1, 1, nil),
		"DeliverXmsBatch": {name: "xmsResponses", least: 1, most: 1, children: []schema{response(1, 0,
			attributes{"?id": anyText, "?Id": anyText, "?ID": anyText})}},
	}
}

// element is any XML.
type element struct {
	XMLName  xml.Name
	Attr     []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []element  `xml:",any"`
}

// wrong returns what is not as the schema has it, "" where all is well.
func (s schema) wrong(e element, namespace string) string {
	if want := (xml.Name{Space: namespace, Local: s.name}); e.XMLName != want {
		return fmt.Sprintf("%v where %v belongs", e.XMLName, want)
	}
	seen := 0
	for name, is := range s.attributes {
		name, optional := strings.CutPrefix(name, "?")
		found := optional
		for _, a := range e.Attr {
			if a.Name == (xml.Name{Local: name}) {
				found = is(a.Value)
				seen++
			}
		}
		if !found {
			return fmt.Sprintf("%s of %s is wrong or not there", name, s.name)
		}
	}
	for _, a := range e.Attr {
		if a.Name.Local == "xmlns" {
			seen++
		}
	}
	if seen != len(e.Attr) {
		return fmt.Sprintf("%s has attributes %v", s.name, e.Attr)
	}
	if s.text != nil && !s.text(e.Text) || s.text == nil && strings.TrimSpace(e.Text) != "" {
		return fmt.Sprintf("%s has the text %q", s.name, e.Text)
	}
	rest := e.Children
	for _, child := range s.children {
		n := 0
		for ; len(rest) > 0 && rest[0].XMLName.Local == child.name; n++ {
			if wrong := child.wrong(rest[0], namespace); wrong != "" {
				return wrong
			}
			rest = rest[1:]
		}
		if n < child.least || child.most > 0 && n > child.most {
			return fmt.Sprintf("%d %s in %s", n, child.name, s.name)
		}
	}
	if len(rest) > 0 {
		return fmt.Sprintf("%v in %s, where it does not belong", rest[0].XMLName, s.name)
	}
	return ""
}

// Whatever is asked, the result is of the schema that a client knows: it is checked for each request in
// testdata that has one.
func TestAllResultsAreOfTheirSchema(t *testing.T) {
	t.Parallel()
	requests, err := filepath.Glob("testdata/*.request")
	check(t, err)
	b := newBox(t)
	schemas, seen := documents(), map[string]int{}
	for _, path := range requests {
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, stored(t, read(t, path)))
		answer, err := io.ReadAll(w.Result().Body)
		check(t, err)
		if w.Code != 200 || len(answer) == 0 {
			continue
		}
		var e element
		check(t, xml.Unmarshal(answer, &e))
		if len(e.Children) != 1 || len(e.Children[0].Children) != 1 {
			t.Fatalf("%s: got %s", path, answer)
		}
		wrapper := e.Children[0].Children[0]
		operation := strings.TrimSuffix(wrapper.XMLName.Local, "Response")
		inside := wrapper.Children[len(wrapper.Children)-1]
		if inside.XMLName.Local != operation+"Result" {
			t.Errorf("%s: %v has the result %v", path, wrapper.XMLName, inside.XMLName)
		}
		var document element
		check(t, xml.Unmarshal([]byte(inside.Text), &document))
		space := namespace
		if operation == "GetServiceInfo" {
			space += "/serviceInfo"
		}
		if wrong := schemas[operation].wrong(document, space); wrong != "" {
			t.Errorf("%s: %s:\n%s", path, wrong, inside.Text)
		}
		seen[operation]++
	}
	for operation := range schemas {
		if seen[operation] < 4 {
			t.Errorf("%d results of %s were checked", seen[operation], operation)
		}
	}
}
