package oms

import (
	"encoding/xml"
	"errors"
	"strings"
)

const (
	// namespace is that of the operations and of all documents but serviceInfo.
	namespace = "http://schemas.microsoft.com/office/Outlook/2006/OMS"
	// envelope11 is the namespace of SOAP 1.1 envelopes.
	envelope11 = "http://schemas.xmlsoap.org/soap/envelope/"
)

// Request is a call as its envelope says it.
type Request struct {
	Operation string // DeliverXms, …
	Argument  string // the document that the parameter holds; "" where the parameter is empty or absent
	operation *operation
}

// ParseEnvelope reads a SOAP 1.1 request in UTF-8 or UTF-16, document/literal. The operation is
// the first element of the body; where that is none of ours, the SOAPAction header says it. The
// parameter counts with or without its namespace. The error is a *Fault.
func ParseEnvelope(text []byte, action string) (Request, error) {
	return (&body{pieces: [][]byte{text}}).envelope(action)
}

func (b *body) envelope(action string) (Request, error) {
	request, err := parseEnvelope(newReader(b.utf8()), action)
	if fault := (*Fault)(nil); err != nil && !errors.As(err, &fault) {
		return Request{}, &Fault{Code: faultClient, Text: "The request is no SOAP envelope: " + err.Error() + "."}
	}
	return request, err
}

func parseEnvelope(r *reader, action string) (Request, error) {
	root, err := r.root()
	switch {
	case err != nil:
		return Request{}, err
	case root.Name.Local != "Envelope":
		return Request{}, errors.New("its root element is another")
	case root.Name.Space != envelope11: // SOAP 1.1 clause 4.1.2
		return Request{}, &Fault{Code: faultVersion, Text: "The envelope is not one of SOAP 1.1."}
	}
	var request Request
	found := false
	err = r.children(func(part xml.StartElement) error {
		switch part.Name.Local {
		case "Header":
			return r.children(understood)
		case "Body":
			return r.children(func(wrapper xml.StartElement) error {
				if found {
					return nil
				}
				found = true
				return request.read(r, wrapper.Name.Local, action)
			})
		}
		return nil
	})
	if err == nil {
		err = r.end()
	}
	if err == nil && !found {
		err = request.choose("", action)
	}
	return request, err
}

// read takes the operation and its parameter out of the wrapper that was just opened.
func (q *Request) read(r *reader, wrapper, action string) error {
	if err := q.choose(wrapper, action); err != nil {
		return err
	}
	return r.children(func(e xml.StartElement) (err error) {
		if e.Name.Local == q.operation.parameter && q.Argument == "" {
			q.Argument, err = r.text()
		}
		return err
	})
}

// choose finds the operation by the name of the wrapper, else by the SOAPAction header, which is
// the namespace, a slash and the name, in quotes.
func (q *Request) choose(wrapper, action string) error {
	action = strings.Trim(strings.TrimSpace(action), `"`)
	action = action[strings.LastIndexAny(action, "/#")+1:]
	for _, name := range []string{wrapper, action} {
		for i := range operations {
			if operations[i].name == name {
				q.operation, q.Operation = &operations[i], name
				return nil
			}
		}
	}
	return &Fault{Code: faultClient, Text: "This web service has no such operation."}
}

// understood refuses a header entry that is meant for us and must be understood: none is known
// here. SOAP 1.1 clause 4.2.3
func understood(entry xml.StartElement) error {
	must, actor := false, ""
	for _, a := range entry.Attr {
		if a.Name.Space == envelope11 {
			switch a.Name.Local {
			case "mustUnderstand":
				must = a.Value == "1"
			case "actor":
				actor = a.Value
			}
		}
	}
	if must && (actor == "" || actor == "http://schemas.xmlsoap.org/soap/actor/next") {
		return &Fault{Code: faultUnderstand, Text: "A SOAP header was not understood."}
	}
	return nil
}

const head = `<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="` + envelope11 + `"` +
	` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"><soap:Body>`

const tail = `</soap:Body></soap:Envelope>`

// response is the envelope around a result, as ASP.NET writes it.
func response(operation, result string) []byte {
	d := make(document, 0, len(head)+len(tail)+len(namespace)+len(result)*5/4+6*len(operation)+64)
	d.raw(head, "<", operation, `Response xmlns="`, namespace, `">`)
	d.element(operation+"Result", result)
	d.raw("</", operation, "Response>", tail)
	return d
}

// The fault codes of SOAP 1.1 clause 4.4.1.
const (
	faultClient     = "soap:Client"
	faultVersion    = "soap:VersionMismatch"
	faultUnderstand = "soap:MustUnderstand"
)

// Fault is what is wrong with a request that is no call of an operation.
type Fault struct {
	Code string // soap:Client, …
	Text string // a sentence, with nothing of the request in it
}

func (f *Fault) Error() string { return f.Text }

func (f *Fault) envelope() []byte {
	var d document
	d.raw(head, "<soap:Fault>")
	d.element("faultcode", f.Code)
	d.element("faultstring", f.Text)
	if f.Code != faultUnderstand { // SOAP 1.1 clause 4.4: detail is about the body
		d.raw("<detail />")
	}
	d.raw("</soap:Fault>", tail)
	return d
}
