package oms

import (
	"crypto/sha256"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"time"
)

// The formats of xmsBody.
const (
	SMS = "SMS"
	MMS = "MMS"
)

// XMSData is a message as a client hands it over.
type XMSData struct {
	Client     string // "Microsoft Office Outlook 14.0"
	UserID     string
	Password   string
	Scheduled  time.Time // UTC; zero: at once
	SourceType string    // reminder, calSummary, …
	Recipients []string  // as typed, empty ones left out; one too many is all that is kept of too many
	Format     string    // SMS or MMS
	Content    []Content // in the order to be sent; one too many is all that is kept of too many
	// Digest is SHA-256 over the document without the characters of the password: it knows the same
	// request again, and is no help in guessing the password.
	Digest [sha256.Size]byte
}

// Content is one content element of xmsBody.
type Content struct {
	Type string // media type in lower case, its parameters cut off; "" where the client gave none
	ID   string // contentId
	Text string
}

// span is a place in the document, in bytes.
type span struct{ from, to int64 }

// ParseXMSData reads an xmsData document, whatever the order, the namespaces and the encoding
// label; elements that it does not know are skipped.
func ParseXMSData(text string) (XMSData, error) {
	var m XMSData
	var service string
	var secret []span
	r := readDocument(text)
	root, err := r.root()
	if err != nil {
		return XMSData{}, err
	}
	if root.Name.Local != "xmsData" {
		return XMSData{}, errors.New("the root element is not xmsData")
	}
	m.Client = attribute(root, "client")
	body := false
	err = r.children(func(e xml.StartElement) (err error) {
		switch e.Name.Local {
		case "user":
			secret, err = m.readUser(r, secret)
		case "xmsHead":
			service, err = m.readHead(r)
		case "xmsBody":
			body = true
			m.Format = strings.ToUpper(strings.TrimSpace(attribute(e, "format")))
			err = m.readBody(r)
		}
		return err
	})
	if err == nil {
		err = r.end()
	}
	if err != nil {
		return XMSData{}, err
	}
	if !body {
		return XMSData{}, errors.New("there is no xmsBody")
	}
	if m.Format == "" {
		// requiredService says the same; where both are there, the body knows best what it is.
		m.Format, _, _ = strings.Cut(strings.ToUpper(strings.TrimSpace(service)), "_")
	}
	if m.Format != SMS && m.Format != MMS {
		return XMSData{}, errors.New("the format of xmsBody is neither SMS nor MMS")
	}
	m.Digest = digest(text, secret)
	return m, nil
}

func (m *XMSData) readUser(r *reader, secret []span) ([]span, error) {
	err := r.children(func(e xml.StartElement) (err error) {
		switch e.Name.Local {
		case "userId":
			m.UserID, err = r.text()
			m.UserID = strings.TrimSpace(m.UserID)
		case "password":
			var at span
			m.Password, at.from, at.to, err = r.located()
			secret = append(secret, at)
		}
		return err
	})
	return secret, err
}

func (m *XMSData) readHead(r *reader) (service string, err error) {
	err = r.children(func(e xml.StartElement) (err error) {
		switch e.Name.Local {
		case "scheduled":
			var at string
			if at, err = r.text(); err == nil {
				m.Scheduled, err = dateTime(strings.TrimSpace(at))
			}
		case "requiredService":
			service, err = r.text()
		case "sourceType":
			m.SourceType, err = r.text()
			m.SourceType = strings.TrimSpace(m.SourceType)
		case "to":
			err = r.children(func(e xml.StartElement) error {
				if e.Name.Local != "recipient" {
					return nil
				}
				recipient, err := r.text()
				if recipient = strings.TrimSpace(recipient); recipient != "" && len(m.Recipients) <= maxRecipients {
					m.Recipients = append(m.Recipients, recipient)
				}
				return err
			})
		}
		return err
	})
	return service, err
}

func (m *XMSData) readBody(r *reader) error {
	return r.children(func(e xml.StartElement) error {
		if e.Name.Local != "content" || len(m.Content) > maxSummaryMessages {
			return nil
		}
		kind, _, _ := strings.Cut(strings.ToLower(attribute(e, "contentType")), ";")
		text, err := r.text()
		m.Content = append(m.Content, Content{Type: strings.TrimSpace(kind), ID: attribute(e, "contentId"), Text: text})
		return err
	})
}

// dateTime reads a time of XML Schema (part 2, 3.2.7), which is UTC where it names no zone.
func dateTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, errors.New("scheduled is no time such as 2010-04-20T14:20:00Z")
}

func digest(text string, without []span) (sum [sha256.Size]byte) {
	hash := sha256.New()
	at := int64(0)
	for _, s := range without {
		io.WriteString(hash, text[at:s.from])
		at = s.to
	}
	io.WriteString(hash, text[at:])
	hash.Sum(sum[:0])
	return sum
}
