package oms

import (
	"crypto/rand"
	"strings"
)

// DeliverRequest returns a DeliverXms request as Outlook 2010 writes it: the body of a POST with the
// SOAPAction of Action("DeliverXms"). Every call gives its content an id of its own, as Outlook does.
func DeliverRequest(login, password, text string, to ...string) string {
	var d document
	d.raw(`<?xml version="1.0" encoding="utf-8"?><xmsData client="Microsoft Office Outlook 14.0" xmlns="`, namespace, `"><user>`)
	d.element("userId", login)
	d.element("password", password)
	d.raw(`<customData/></user><xmsHead><requiredService>SMS_SENDER</requiredService><sourceType>xmsInspector</sourceType><to>`)
	for _, number := range to {
		d.element("recipient", number)
	}
	d.raw(`</to></xmsHead><xmsBody format="SMS"><content contentType="text/plain" contentId="Att0.txt@`, rand.Text()[:16],
		`" contentLocation="1.txt">`)
	d.text(text)
	d.raw(`</content></xmsBody></xmsData>`)
	inner := string(d)
	d = nil
	d.raw(`<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><DeliverXms xmlns="`,
		namespace, `"><xmsData>`)
	d.text(inner)
	d.raw(`</xmsData></DeliverXms></soap:Body></soap:Envelope>`)
	return string(d)
}

// Action returns the SOAPAction of an operation, quoted as the header wants it. SOAP 1.1 6.1.1
func Action(operation string) string { return `"` + namespace + "/" + operation + `"` }

// Curl returns a command line for a shell that posts such a request to an address.
func Curl(address, login, password, number, text string) string {
	return "curl -s -H 'Content-Type: text/xml; charset=utf-8' -H 'SOAPAction: " + Action("DeliverXms") + "' " +
		"--data-binary @- " + address + " <<'EOF'\n" +
		strings.TrimSpace(DeliverRequest(login, password, text, number)) + "\nEOF"
}
