package oms

import "strconv"

// getServiceInfo tells what this service is and can do. A limit that it promises is checked with every
// message: the client does not keep to that of recipients, and may know older ones.
func (s *Service) getServiceInfo(c *call) string {
	limits := s.store.Limits(c.service)
	local, english := s.store.ServiceNames(c.service)
	var d document
	number := func(name string, n int) { d.raw(" ", name, `="`, strconv.Itoa(n), `"`) }
	// The schema's target namespace is the plain one, but every published instance is in this.
	d.raw(`<serviceInfo xmlns="`, namespace, `/serviceInfo">`)
	d.element("serviceProvider", s.store.ServiceSetting("service.provider", c.service))
	d.element("serviceUri", c.uri)
	d.element("signUpPage", c.signUp)
	d.element("targetLocale", s.store.ServiceSetting("oms.locale", c.service))
	d.element("localName", local)
	d.element("englishName", english)
	d.element("authenticationType", "other") // user id and password, not Passport
	d.raw("<supportedService><SMS_SENDER")
	number("maxRecipientsPerMessage", limits.Recipients)
	number("maxMessagesPerSend", limits.Parts)
	number("maxSbcsPerMessage", limits.SBCS)
	number("maxDbcsPerMessage", limits.DBCS)
	d.raw(" />")
	if _, offered := s.store.MMS(); offered {
		d.raw(`<MMS_SENDER supportSlide="true"`)
		number("maxRecipientsPerMessage", limits.MMSRecipients)
		number("maxSizePerMessage", limits.MMSSize)
		number("maxSlidesPerMessage", limits.MMSSlides)
		d.raw(" />")
	}
	d.raw("</supportedService></serviceInfo>")
	return string(d)
}
