package oms

import (
	"encoding/xml"
	"errors"
	"mime"
	"strings"
)

const (
	// namespace is that of the operations and of all documents but serviceInfo.
	namespace = "http://schemas.microsoft.com/office/Outlook/2006/OMS"
	// The namespaces of envelopes, by the version of SOAP.
	envelope11 = "http://schemas.xmlsoap.org/soap/envelope/"
	envelope12 = "http://www.w3.org/2003/05/soap-envelope"
	// The encoding styles of rpc/encoded calls.
	encoding11 = "http://schemas.xmlsoap.org/soap/encoding/"
	encoding12 = "http://www.w3.org/2003/05/soap-encoding"
)

// Request is a call as its envelope says it.
type Request struct {
	Operation string // DeliverXms, …
	Argument  string // the document that the parameter holds; "" where the parameter is empty or absent
	Style
	operation *operation
	given     bool   // the parameter was there
	reference string // the id of the element that holds it, where that is another
}

// Style is how a request is written. Its answer is written alike.
type Style struct {
	SOAP12 bool // SOAP 1.2, else 1.1
	RPC    bool // rpc/encoded (SOAP 1.1 clauses 5 and 7), else document/literal wrapped
}

// label is what the header of a request says about its body.
type label struct {
	Style          // by the media type alone
	charset string // "" where none is named
	action  string // the name of the operation, with or without its namespace and quotes
}

// labelOf reads the Content-Type and the SOAPAction of a request. SOAP 1.2 has the action within its
// content type (RFC 3902).
func labelOf(contentType, action string) label {
	media, parameters, _ := mime.ParseMediaType(contentType)
	if action == "" {
		action = parameters["action"]
	}
	return label{Style: Style{SOAP12: media == "application/soap+xml"}, charset: parameters["charset"], action: action}
}

// ParseEnvelope reads a request in SOAP 1.1 or 1.2, in either style. The operation is the first
// element of the body; where that is none of ours, the action says it. The parameter counts with or
// without its namespace. contentType and action are the headers Content-Type and SOAPAction, "" where
// there are none. The error is a *Fault; the request then has the Style in which to answer.
func ParseEnvelope(text []byte, contentType, action string) (Request, error) {
	b, l := body{pieces: [][]byte{text}}, labelOf(contentType, action)
	if err := b.decode(l.charset); err != nil {
		return Request{Style: l.Style}, err
	}
	return b.envelope(l)
}

// envelope reads the request in a body that is decoded.
func (b *body) envelope(l label) (Request, error) {
	request := Request{Style: l.Style}
	err := request.envelope(newReader(b.utf8(), b.size), l.action)
	if fault := (*Fault)(nil); err != nil && !errors.As(err, &fault) {
		err = &Fault{Code: faultClient, Text: "The request is no SOAP envelope: " + err.Error() + "."}
	}
	return request, err
}

func (q *Request) envelope(r *reader, action string) error {
	root, err := r.root()
	switch {
	case err != nil:
		return err
	case root.Name.Local != "Envelope":
		return errors.New("its root element is another")
	case root.Name.Space != envelope11 && root.Name.Space != envelope12: // SOAP 1.1 clause 4.1.2
		return &Fault{Code: faultVersion, Text: "The envelope is neither one of SOAP 1.1 nor of SOAP 1.2."}
	}
	q.SOAP12 = root.Name.Space == envelope12
	q.encoded(root)
	found := false
	err = r.children(func(part xml.StartElement) error {
		switch {
		case part.Name.Local == "Header" && !found:
			return r.children(q.understood)
		case part.Name.Local == "Body" && !found:
			found = true
			q.encoded(part)
			return q.body(r, action)
		}
		return nil
	})
	if err == nil {
		err = r.end()
	}
	if err == nil && !found {
		err = q.choose("", action)
	}
	return err
}

// body takes the operation and its parameter out of the body that was just opened: its first element
// is the call, and those behind it are the strings that the call refers to.
func (q *Request) body(r *reader, action string) error {
	err := r.children(func(e xml.StartElement) (err error) {
		switch {
		case q.operation == nil:
			q.encoded(e)
			if err = q.choose(e.Name.Local, action); err == nil {
				err = r.children(func(e xml.StartElement) error { return q.parameter(r, e) })
			}
		case q.reference != "" && attribute(e, "id") == q.reference:
			q.reference = ""
			q.Argument, err = r.text()
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case q.operation == nil:
		return q.choose("", action)
	case q.reference != "": // not an empty parameter, which would be a probe
		return &Fault{Code: faultClient, Text: "The parameter refers to an element that is not there."}
	}
	return nil
}

// parameter reads the parameter, if this is it. One without a namespace is that of an rpc call: those
// of a document/literal one are qualified. WS-I Basic Profile 1.1, R2735
func (q *Request) parameter(r *reader, e xml.StartElement) (err error) {
	if e.Name.Local != q.operation.Parameter || q.given {
		return nil
	}
	q.given = true // one behind it is none: room is made for each, as large as the request
	q.encoded(e)
	q.RPC = q.RPC || e.Name.Space == ""
	for _, a := range e.Attr {
		switch a.Name.Local { // SOAP 1.1 clause 5.4.1, SOAP 1.2 part 2 clause 3.1.5.2
		case "href":
			q.reference = strings.TrimPrefix(a.Value, "#")
		case "ref":
			q.reference = a.Value
		}
	}
	q.Argument, err = r.text()
	if err == errElements { // SOAP all the same, and no probe
		q.Argument, err = notDocument, nil
	}
	return err
}

// notDocument stands for a parameter that holds elements where a string belongs.
const notDocument = "elements"

// encoded notes what an element says about the encoding of the call.
func (q *Request) encoded(e xml.StartElement) {
	for _, a := range e.Attr {
		if a.Name.Local == "encodingStyle" && (a.Name.Space == envelope11 || a.Name.Space == envelope12) {
			q.RPC = q.RPC || strings.Contains(a.Value, encoding11) || strings.Contains(a.Value, encoding12)
		}
	}
}

// choose finds the operation by the name of the wrapper, else by the action, which is the namespace, a
// slash and the name, in quotes.
func (q *Request) choose(wrapper, action string) error {
	action = strings.Trim(strings.TrimSpace(action), `"`)
	action = action[strings.LastIndexAny(action, "/#")+1:]
	for _, name := range []string{wrapper, action} {
		for i := range operations {
			if operations[i].Name == name {
				q.operation, q.Operation = &operations[i], name
				return nil
			}
		}
	}
	return &Fault{Code: faultClient, Subcode: faultProcedure, Text: "This web service has no such operation."}
}

// understood refuses a header entry that is meant for us and must be understood: none is known
// here. SOAP 1.1 clause 4.2.3, SOAP 1.2 part 1 clauses 2.2 and 5.2.3
func (q *Request) understood(entry xml.StartElement) error {
	version := envelope11
	if q.SOAP12 {
		version = envelope12
	}
	must, role := false, ""
	for _, a := range entry.Attr {
		if a.Name.Space == version {
			switch a.Name.Local {
			case "mustUnderstand":
				must = a.Value == "1" || a.Value == "true" && q.SOAP12
			case "actor", "role":
				role = a.Value
			}
		}
	}
	switch role {
	case "", "http://schemas.xmlsoap.org/soap/actor/next", envelope12 + "/role/next", envelope12 + "/role/ultimateReceiver":
		if must {
			return &Fault{Code: faultUnderstand, Text: "A SOAP header was not understood."}
		}
	}
	return nil
}

const (
	head11 = `<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="` + envelope11 + `"` + schemas
	head12 = `<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="` + envelope12 + `"` + schemas
	tail   = `</soap:Body></soap:Envelope>`

	schemas = ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"`
)

// head begins an envelope.
func (s Style) head() string {
	if s.SOAP12 {
		return head12
	}
	return head11
}

// contentType is that of an answer.
func (s Style) contentType() string {
	if s.SOAP12 {
		return "application/soap+xml; charset=utf-8" // RFC 3902
	}
	return "text/xml; charset=utf-8"
}

// response is the envelope around a result, as ASP.NET writes it.
func (s Style) response(operation, result string) []byte {
	escapes := 4*strings.Count(result, "&") + 3*strings.Count(result, "<") + 3*strings.Count(result, ">")
	d := make(document, 0, len(head11)+len(tail)+2*len(namespace)+len(result)+escapes+12*len(operation)+256)
	switch {
	case !s.RPC:
		d.raw(s.head(), `><soap:Body><`, operation, `Response xmlns="`, namespace, `">`)
		d.element(operation+"Result", result)
		d.raw("</", operation, "Response>", tail)
		return d
	case s.SOAP12: // part 2 clause 4.2.1: the result says which of the elements it is
		d.raw(s.head(), ` xmlns:tns="`, namespace, `"><soap:Body><tns:`, operation, `Response soap:encodingStyle="`, encoding12, `">`,
			`<rpc:result xmlns:rpc="http://www.w3.org/2003/05/soap-rpc">`, operation, `Result</rpc:result>`)
	default: // SOAP 1.1 clause 7.1
		d.raw(s.head(), ` xmlns:tns="`, namespace, `"><soap:Body soap:encodingStyle="`, encoding11, `"><tns:`, operation, `Response>`)
	}
	d.raw("<", operation, `Result xsi:type="xsd:string">`)
	d.text(result)
	d.raw("</", operation, "Result></tns:", operation, "Response>", tail)
	return d
}
