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
	// leastItem is what an xmsData that can be taken has at least, in bytes, whatever is left out of it. A batch
	// of more than manyItems that are smaller holds no messages, and its answer would be many times its size.
	leastItem = 190
	manyItems = 1000
	// longestID bounds the id of an item, in bytes as its answer repeats it: the longest known is a GUID in braces.
	longestID = 40
)

// BatchItem is one xmsData of a batch.
type BatchItem struct {
	IDName string // id or Id, as the attribute was spelled; "" where there is none
	ID     string // its value
	LongID bool   // it has one that is too long to be repeated, and so is not kept
	Text   string // the xmsData element, a part of the batch's own text
}

// deliverXMSBatch takes SharePoint's messages. Each is judged alone, and answered at its place.
func (s *Service) deliverXMSBatch(c *call) string {
	if strings.TrimSpace(c.argument) == "" {
		return xmsResponses([]BatchItem{{}}, [][]responseError{nil}) // a probe; the schema wants one answer
	}
	client, items, err := ParseXMSBatch(c.argument)
	c.argument = "" // of an item that is judged, only what is queued is still needed
	if err != nil {
		return xmsResponses([]BatchItem{{}}, [][]responseError{{{code: invalidFormat, content: "xmsBatch: " + err.Error()}}})
	}
	answers := make([][]responseError, len(items))
	most := s.store.Limits(c.service)
	surplus := []responseError{{code: perBatchMsgLimit, content: fmt.Sprintf("One batch can only contain %d messages at maximum.", most.Batch)}}
	queued, mostQueued := 0, s.mostQueued(most) // in segments
	full := []responseError{{code: perBatchMsgLimit, content: fmt.Sprintf(
		"This batch holds more text than one may, which is %d segments; this message was not taken. Hand it over in another batch.", mostQueued)}}
	refused := map[[2]string]*responseError{} // SharePoint signs in alike for all: a wrong password counts once
	var sound []int                           // the items that can be queued
	var messages []store.Message
	var errs [][]responseError
	for i := range items {
		text := items[i].Text
		items[i].Text = ""
		if i >= most.Batch {
			answers[i] = surplus
			continue
		}
		if queued > mostQueued {
			answers[i] = full
			continue
		}
		if items[i].LongID {
			answers[i] = []responseError{{code: invalidFormat, content: fmt.Sprintf("xmsData: an id of more than %d bytes", longestID)}}
			continue
		}
		data, err := ParseXMSData(text)
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
		// Once one is too much, all behind it are: they stay in order.
		if queued += s.segments(message); queued > mostQueued && len(sound) > 0 {
			answers[i] = full
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

// mostQueued is how many segments one batch may queue. While it does, the store takes no other message: 50
// recipients of 20 texts each, which is one message, a thousand times over would be a matter of minutes. So all
// together may have as many as the fullest message that the limits of the service allow, or as many texts
// of full length as there may be messages, but for a calendar summary, of more texts, that comes first.
func (s *Service) mostQueued(limits store.Limits) int {
	return s.store.Coding().Segments(strings.Repeat("x", limits.SBCS)) * max(limits.Recipients*limits.Parts, limits.Batch)
}

// segments is how many a message takes, to all its recipients.
func (s *Service) segments(m store.Message) (n int) {
	coding := s.store.Coding()
	for _, part := range m.Parts {
		n += coding.Segments(part)
	}
	return n * len(m.To)
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
	most := max(manyItems, len(text)/leastItem)
	items = make([]BatchItem, 0, min(strings.Count(text, "<xmsData"), most)) // not more often, as it grows
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
		var repeated document
		if repeated.escaped(item.ID, true); len(repeated) > longestID {
			item = BatchItem{LongID: true}
		}
		from := r.start
		if err := r.skip(1); err != nil {
			return err
		}
		item.Text = text[from:r.offset()]
		if items = append(items, item); len(items) > most {
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
	const start, end = `<xmsResponses xmlns="` + namespace + `">`, "</xmsResponses>"
	var one document
	size := 0 // it may be as large as the batch: neither is it copied, nor does it have room to spare
	for i, item := range items {
		one = one[:0]
		one.response(item, answers[i])
		size += len(one)
	}
	var all strings.Builder
	all.Grow(len(start) + size + len(end))
	all.WriteString(start)
	for i, item := range items {
		one = one[:0]
		one.response(item, answers[i])
		all.Write(one)
	}
	all.WriteString(end)
	return all.String()
}

// response appends what became of one item.
func (d *document) response(item BatchItem, answer []responseError) {
	d.raw("<xmsResponse")
	if item.IDName != "" {
		d.attribute(item.IDName, item.ID)
	}
	d.raw(">")
	d.errors(answer)
	d.raw("</xmsResponse>")
}
