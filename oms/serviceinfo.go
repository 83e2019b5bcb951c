package oms

import "strconv"

// What one DeliverXms may carry. The client does not keep to maxRecipients, so all of it is
// checked here as well.
const (
	maxRecipients = 50 // of one message
	// maxMessages is the ceiling of Outlook itself for the parts of a split text; only calendar
	// summaries may have more.
	maxMessages        = 20
	maxSummaryMessages = 50
	// maxSBCS and maxDBCS are characters of one part: US-ASCII alone, or with any other character.
	// They are ten segments of GSM-7 (10 × 153) and of UCS-2 (10 × 67), so that Outlook leaves the
	// concatenation of long texts to us.
	maxSBCS = 1530
	maxDBCS = 670
)

// getServiceInfo tells what this service is and can do.
func (s *Service) getServiceInfo(c *call) string {
	name := s.store.Setting("service.name")
	var d document
	// The schema's target namespace is the plain one, but every published instance is in this.
	d.raw(`<serviceInfo xmlns="`, namespace, `/serviceInfo">`)
	d.element("serviceProvider", s.store.Setting("service.provider"))
	d.element("serviceUri", c.uri)
	d.element("signUpPage", c.signUp)
	d.element("targetLocale", "0") // no market in particular
	d.element("localName", name)
	d.element("englishName", name)
	d.element("authenticationType", "other") // user id and password, not Passport
	d.raw(`<supportedService><SMS_SENDER maxRecipientsPerMessage="`, strconv.Itoa(maxRecipients),
		`" maxMessagesPerSend="`, strconv.Itoa(maxMessages),
		`" maxSbcsPerMessage="`, strconv.Itoa(maxSBCS),
		`" maxDbcsPerMessage="`, strconv.Itoa(maxDBCS), `" /></supportedService></serviceInfo>`)
	return string(d)
}
