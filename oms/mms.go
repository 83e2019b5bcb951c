package oms

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"omsbox/store"
)

// mediaTypes are those that Outlook puts into a multimedia message, in the spellings that its
// documentation has for them. OMS guidelines part 3, media types
var mediaTypes = []string{"text/plain", "image/jpeg", "image/gif", "audio/mid", "audio/midi", "audio/amr"}

// checkMMS says what is wrong with the document of a multimedia message; nil, if nothing is. It does
// not look at the recipients.
func checkMMS(data XMSData, limits store.Limits) *responseError {
	if len(data.Content) == 0 {
		return &responseError{code: other, content: "The message has no content. Nothing was sent."}
	}
	if data.Slides != nil && data.Slides.Pars > limits.MMSSlides {
		return &responseError{code: slidesLimit, content: fmt.Sprintf("%d slides", limits.MMSSlides)}
	}
	if len(data.Content) == keptContents { // as many as slides can never show
		return &responseError{code: other, content: fmt.Sprintf("At most %d objects can be sent at once. Nothing was sent.", keptContents-1)}
	}
	octets, bad := 0, unsendable(data.Subject)
	for _, part := range data.Content {
		size, ok := mediaSize(part)
		if !ok {
			return &responseError{code: invalidMedia, content: part.ID}
		}
		octets += size
		bad = bad || part.Type == "text/plain" && unsendable(part.Text)
	}
	switch id, missing := absent(data); {
	case octets > limits.MMSSize:
		return &responseError{code: sizeLimit, content: fmt.Sprintf("%d bytes", limits.MMSSize)}
	case missing:
		return &responseError{code: invalidMedia, content: id}
	case bad:
		return &responseError{code: invalidChar}
	}
	return nil
}

// mediaSize returns how large an object is, in octets; ok is false where it is none that a phone is sent.
func mediaSize(part Content) (size int, ok bool) {
	if !slices.Contains(mediaTypes, part.Type) {
		return 0, false
	}
	if part.Type == "text/plain" {
		return len(part.Text), true
	}
	size, ok = decodedSize(part.Text)
	return size, ok && size > 0
}

// decodedSize returns how many octets a text in Base64 stands for, whatever line ends and white space are in it;
// ok is false where it is none. It is not decoded: there is much of it. RFC 4648 4
func decodedSize(text string) (size int, ok bool) {
	chars, padding := 0, 0
	for _, c := range []byte(text) {
		switch {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
		case c == '=':
			padding++
		case padding == 0 && (c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/'):
			chars++
		default:
			return 0, false
		}
	}
	return chars * 3 / 4, padding <= 2 && (chars+padding)%4 == 0
}

// absent returns the first object that the slides show and that is not there.
func absent(data XMSData) (id string, missing bool) {
	if data.Slides == nil {
		return "", false
	}
	there := map[string]bool{}
	for _, part := range data.Content {
		there[bareID(part.ID)], there[part.Location] = true, true
	}
	for _, source := range data.Slides.Sources {
		id := source
		if scheme, rest, ok := strings.Cut(source, ":"); ok && strings.EqualFold(scheme, "cid") {
			id = rest
		}
		// RFC 2392: a cid URL is the id with its odd characters escaped.
		unescaped, err := url.PathUnescape(id)
		if id = bareID(id); !there[id] && (err != nil || !there[bareID(unescaped)]) {
			return id, true
		}
	}
	return "", false
}

// bareID is a contentId without the brackets that it has in a mail header.
func bareID(id string) string { return strings.Trim(strings.TrimSpace(id), "<>") }
