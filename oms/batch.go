package oms

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"

	"omsbox/store"
)

const (
	// leastItem is what an xmsData of SharePoint has at least, in bytes, by far. A batch of more than
	// manyItems that are smaller holds no messages, and its answer would be many times its size.
	leastItem = 320
	manyItems = 1000
	// longestID bounds the id of an item, in bytes, which its answer repeats: the longest known is a GUID in braces.
	longestID = 40
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
	most := s.store.Limits(c.service).Batch
	surplus := []responseError{{code: perBatchMsgLimit, content: fmt.Sprintf("One batch can only contain %d messages at maximum.", most)}}
	refused := map[[2]string]*responseError{} // SharePoint signs in alike for all: a wrong password counts once
	var sound []int                           // the items that can be queued
	var messages []store.Message
	var errs [][]responseError
	for i, item := range items {
		if i >= most {
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
		message, wrong := s.judgeItem(c, data, refused)
		if len(message.To) == 0 {
			answers[i] = wrong
			continue
		}
		sound, messages, errs = append(sound, i), append(messages, message), append(errs, wrong)
	}
	if len(sound) > 0 {
		// The modem is not waited for: what fails later is mailed.
		for n, answer := range s.enqueue(c, messages, errs, 0) {
			answers[sound[n]] = answer
		}
	}
	return xmsResponses(items, answers)
}

// judgeItem judges one message of a batch, and its user.
func (s *Service) judgeItem(c *call, data XMSData, refused map[[2]string]*responseError) (store.Message, []responseError) {
	credential := [2]string{data.UserID, data.Password}
	if before := refused[credential]; before != nil {
		return store.Message{}, []responseError{*before}
	}
	user, why := s.admit(c, data.UserID, data.Password)
	if why != nil {
		refused[credential] = why
		return store.Message{}, []responseError{*why}
	}
	return s.judge(c, user, data)
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
		if len(item.ID) > longestID {
			return fmt.Errorf("an id of more than %d bytes", longestID)
		}
		from := r.start
		if err := r.skip(1); err != nil {
			return err
		}
		item.Text = text[from:r.offset()]
		if items = append(items, item); len(items) > max(manyItems, len(text)/leastItem) {
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
	room := 128
	for _, item := range items {
		room += 200 + 2*len(item.ID)
	}
	d := make(document, 0, room)
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
