package oms

import (
	"crypto/sha256"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"time"

	"omsbox/store"
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
	ReplyPhone string    // it means nothing here: a SIM cannot set a sender
	CustomData string    // it means nothing here
	Scheduled  time.Time // UTC; zero: at once
	SourceType string    // reminder, calSummary, …
	Recipients []string  // as typed, empty ones left out; of more than any limit allows, the surplus is dropped
	Subject    string    // of a multimedia message
	Format     string    // SMS or MMS
	Slides     *Slides   // of a multimedia message; nil where it has none
	Content    []Content // in the order to be sent; of more than any limit allows, the surplus is dropped
	// Digest is SHA-256 over the document without the characters of the password: it knows the same
	// request again, and is no help in guessing the password.
	Digest [sha256.Size]byte
}

// Content is one content element of xmsBody.
type Content struct {
	Type     string // media type in lower case, its parameters cut off; "" where the client gave none
	ID       string // contentId
	Location string // contentLocation
	Text     string // in Base64 where the type is not text/plain
}

// Slides are what an mmsSlides element says, as far as it is needed: the elements and attributes of its
// schema and of the SMIL that is seen in the wild differ in much else.
type Slides struct {
	Pars    int      // how many slides there are
	Sources []string // of img, text and audio: "cid:" and a contentId; of too many the surplus is dropped
}

// The most that is kept of a document: of what is counted one more than any setting allows, so that too
// many are seen.
const (
	keptRecipients = store.MostRecipients + 1
	keptSources    = 3*store.MostParts + 1 // a slide has an image, a text and a sound at most
	keptContents   = keptSources
	keptText       = 4000 // bytes of what means nothing; no more than a thousand characters are stored
)

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
			if body {
				return errors.New("there is more than one xmsBody")
			}
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
		case "replyPhone":
			m.ReplyPhone, err = anyText(r)
		case "customData":
			m.CustomData, err = anyText(r)
		}
		return err
	})
	return secret, err
}

// anyText returns the text in the element that was opened last, or the beginning of it, whatever elements
// are around it: what it holds means nothing here, so nothing can be wrong with it.
func anyText(r *reader) (string, error) {
	var text strings.Builder
	for level := r.depth; r.depth >= level; {
		if err := r.in.text(&text, keptText); err != nil {
			return "", err
		}
		if _, err := r.next(); err != nil {
			return "", err
		}
	}
	return strings.ToValidUTF8(strings.TrimSpace(text.String()), ""), nil
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
		case "subject":
			m.Subject, err = r.text()
		case "to":
			err = r.children(func(e xml.StartElement) error {
				if e.Name.Local != "recipient" {
					return nil
				}
				recipient, err := r.text()
				if recipient = strings.TrimSpace(recipient); recipient != "" && len(m.Recipients) < keptRecipients {
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
		switch e.Name.Local {
		case "mmsSlides":
			if m.Slides == nil {
				m.Slides = &Slides{}
			}
			return m.Slides.read(r)
		case "content":
			if len(m.Content) == keptContents {
				return nil
			}
			kind, _, _ := strings.Cut(strings.ToLower(attribute(e, "contentType")), ";")
			text, err := r.text()
			m.Content = append(m.Content, Content{
				Type: strings.TrimSpace(kind), ID: attribute(e, "contentId"), Location: attribute(e, "contentLocation"), Text: text,
			})
			return err
		}
		return nil
	})
}

// read counts the slides and finds what they show, in whatever SMIL is around it.
func (s *Slides) read(r *reader) error {
	return r.children(func(e xml.StartElement) error {
		switch strings.ToLower(e.Name.Local) {
		case "par":
			s.Pars++
		case "img", "text", "audio":
			if source := strings.TrimSpace(attribute(e, "src")); source != "" && len(s.Sources) < keptSources {
				s.Sources = append(s.Sources, source)
			}
		}
		return s.read(r)
	})
}

// dateTime reads a time of XML Schema (part 2, 3.2.7), which is UTC where it names no zone.
func dateTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04"} {
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
		writeTo(hash, text[at:s.from])
		at = s.to
	}
	writeTo(hash, text[at:])
	hash.Sum(sum[:0])
	return sum
}

// writeTo is io.WriteString without a copy of all of the text.
func writeTo(w io.Writer, text string) {
	var buffer [1024]byte
	for len(text) > 0 {
		n := copy(buffer[:], text)
		w.Write(buffer[:n])
		text = text[n:]
	}
}
