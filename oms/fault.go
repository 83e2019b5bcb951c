package oms

import "net/http"

// The fault codes of SOAP 1.1 clause 4.4.1.
const (
	faultClient     = "Client" // Sender in SOAP 1.2
	faultVersion    = "VersionMismatch"
	faultUnderstand = "MustUnderstand"
)

// faultProcedure is the subcode of a call that names no operation. SOAP 1.2 part 2 clause 4.4
const faultProcedure = "ProcedureNotPresent"

// Fault is what is wrong with a request that is no call of an operation.
type Fault struct {
	Code    string // Client, VersionMismatch or MustUnderstand
	Subcode string // of SOAP 1.2, in the namespace of its rpc; "" where there is none
	Text    string // a sentence, with nothing of the request in it
}

func (f *Fault) Error() string { return f.Text }

// status is that of the answer. SOAP 1.1 has one for all faults (clause 6.2); SOAP 1.2 tells the
// client's own from others (part 2 clause 7.5.2.2).
func (f *Fault) status(s Style) int {
	if s.SOAP12 && f.Code == faultClient {
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

// upgrade says which envelopes are understood. SOAP 1.2 part 1 clause 5.4.7
const upgrade = `<soap:Header><soap12:Upgrade xmlns:soap12="` + envelope12 + `">` +
	`<soap12:SupportedEnvelope qname="soap:Envelope" xmlns:soap="` + envelope11 + `" />` +
	`<soap12:SupportedEnvelope qname="soap12:Envelope" xmlns:soap12="` + envelope12 + `" />` +
	`</soap12:Upgrade></soap:Header>`

// envelope is the answer, as ASP.NET writes it.
func (f *Fault) envelope(s Style) []byte {
	var d document
	d.raw(s.head(), ">")
	if f.Code == faultVersion {
		d.raw(upgrade)
	}
	d.raw("<soap:Body><soap:Fault>")
	detail := "<detail />"
	if s.SOAP12 {
		detail = "<soap:Detail />"
		code := f.Code
		if code == faultClient {
			code = "Sender"
		}
		d.raw("<soap:Code><soap:Value>soap:", code, "</soap:Value>")
		if f.Subcode != "" {
			d.raw(`<soap:Subcode><soap:Value xmlns:rpc="http://www.w3.org/2003/05/soap-rpc">rpc:`, f.Subcode, "</soap:Value></soap:Subcode>")
		}
		d.raw(`</soap:Code><soap:Reason><soap:Text xml:lang="en">`)
		d.text(f.Text)
		d.raw("</soap:Text></soap:Reason>")
	} else {
		d.raw("<faultcode>soap:", f.Code, "</faultcode>")
		d.element("faultstring", f.Text)
	}
	if f.Code != faultUnderstand { // SOAP 1.1 clause 4.4: detail is about the body
		d.raw(detail)
	}
	d.raw("</soap:Fault>", tail)
	return d
}
