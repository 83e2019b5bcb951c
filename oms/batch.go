package oms

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
)

const (
	// maxItems is how many messages of a batch are taken.
	maxItems = 1000
	// leastItem is what an xmsData of SharePoint has at least, in bytes, by far. A batch of more than
	// maxItems that are smaller holds no messages, and its answer would be many times its size.
	leastItem = 320
)

// BatchItem is one xmsData of a batch.
type BatchItem struct {
	IDName string // id or Id, as the attribute was spelled; "" where there is none
	ID     string // its value
	Text   string // the xmsData element, a part of the batch's own text
}

// deliverXMSBatch takes SharePoint's messages. Each is judged alone, and answered at its place.
func (s *Service) deliverXMSBatch(c *call) string {
	batch := c.argument
	if strings.TrimSpace(batch) == "" {
		return xmsResponses([]BatchItem{{}}, [][]responseError{nil}) // a probe; the schema wants one answer
	}
	client, items, err := ParseXMSBatch(batch)
	if err != nil {
		return xmsResponses([]BatchItem{{}}, [][]responseError{{{code: invalidFormat, content: "xmsBatch: " + err.Error()}}})
	}
	answers := make([][]responseError, len(items))
	surplus := []responseError{{code: perBatchMsgLimit, content: fmt.Sprintf("One batch can only contain %d messages at maximum.", maxItems)}}
	refused := map[[2]string]*responseError{} // SharePoint signs in alike for all: a wrong password counts once
	for i, item := range items {
		if i >= maxItems {
			answers[i] = surplus
			continue
		}
		data, err := ParseXMSData(item.Text)
		if err != nil {
			answers[i] = []responseError{{code: invalidFormat, content: "xmsData: " + err.Error()}}
			continue
		}
		if data.Client == "" {
			data.Client = client
		}
		// The same text twice in one batch is two messages; the same batch again is not.
		data.Digest = sha256.Sum256(binary.BigEndian.AppendUint32(data.Digest[:], uint32(i)))
		answers[i] = s.deliverItem(c, data, refused)
	}
	return xmsResponses(items, answers)
}

// deliverItem takes one message of a batch. It does not wait for the modem: what fails later is mailed.
func (s *Service) deliverItem(c *call, data XMSData, refused map[[2]string]*responseError) []responseError {
	credential := [2]string{data.UserID, data.Password}
	if before := refused[credential]; before != nil {
		return []responseError{*before}
	}
	user, why := s.signIn(c, data.UserID, data.Password)
	if why != nil {
		refused[credential] = why
		return []responseError{*why}
	}
	message, errs := s.judge(user, data)
	if len(message.To) == 0 {
		return errs
	}
	return s.enqueue(c, message, errs, 0)
}

// ParseXMSBatch finds the xmsData elements of an xmsBatch document, which is well-formed to its end, and
// the program that wrote it.
func ParseXMSBatch(text string) (client string, items []BatchItem, err error) {
	r := readDocument(text)
	root, err := r.root()
	if err != nil {
		return "", nil, err
	}
	if root.Name.Local != "xmsBatch" {
		return "", nil, errors.New("the root element is not xmsBatch")
	}
	err = r.children(func(e xml.StartElement) error {
		if e.Name.Local != "xmsData" {
			return nil
		}
		var item BatchItem
		for _, a := range e.Attr {
			if strings.EqualFold(a.Name.Local, "id") && item.IDName == "" {
				item.IDName, item.ID = a.Name.Local, a.Value
			}
		}
		from := r.start
		if err := r.skip(1); err != nil {
			return err
		}
		item.Text = text[from:r.offset()]
		if items = append(items, item); len(items) > max(maxItems, len(text)/leastItem) {
			return errors.New("most of its xmsData are empty")
		}
		return nil
	})
	if err == nil {
		err = r.end()
	}
	if err == nil && len(items) == 0 {
		err = errors.New("there is no xmsData")
	}
	if err != nil {
		return "", nil, err
	}
	return attribute(root, "client"), items, nil
}

// xmsResponses writes the document that tells what became of a batch.
func xmsResponses(items []BatchItem, answers [][]responseError) string {
	d := make(document, 0, 128+200*len(items))
	d.raw(`<xmsResponses xmlns="`, namespace, `">`)
	for i, item := range items {
		d.raw("<xmsResponse")
		if item.IDName != "" {
			d.attribute(item.IDName, item.ID)
		}
		d.raw(">")
		d.errors(answers[i])
		d.raw("</xmsResponse>")
	}
	d.raw("</xmsResponses>")
	return string(d)
}
