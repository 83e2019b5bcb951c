package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"omsbox/modem/sms"
)

// Where a message came from.
const (
	SourceOMS     = "oms"
	SourceMail    = "mail"
	SourceCommand = "command"
)

// repeatedWithin is how long a request is known again by its digest.
const repeatedWithin = 10 * time.Minute

// Message is what one person asks to be sent, to one or more recipients.
type Message struct {
	User       int64     // 0: for nobody, from the command line
	Source     string    // SourceOMS, …
	Client     string    // the client attribute of xmsData
	SourceType string    // sourceType of xmsData
	Parts      []string  // sent as separate texts, in this order
	Scheduled  time.Time // not before then; zero or past: at once
	To         []Recipient
	// Digest stands for the whole request, its password left out. A request with the digest of
	// one whose answer was not written in the last ten minutes is the same request; without Answers
	// nobody ever says that it was. nil: never.
	Digest *[sha256.Size]byte
	// Answers: the caller will say with Answered whether its answer told of failures. Until
	// then they are not mailed.
	Answers bool
}

// Recipient is a phone that a message goes to.
type Recipient struct {
	Number string // from Store.Number
	Typed  string // as the person wrote it
}

// Enqueue stores a message with its deliveries and their segments, and returns its id: once it
// returns, it is not forgotten, and whoever wrote it learns if it cannot be sent. again is true where
// the same request was stored before and its answer got lost; the id is then the first one's, and
// nothing was queued.
func (s *Store) Enqueue(ctx context.Context, m Message) (id int64, again bool, err error) {
	if len(m.Parts) == 0 || len(m.To) == 0 {
		return 0, false, fmt.Errorf("%w message: it needs a text and a recipient", ErrInvalid)
	}
	coding := s.Coding()
	for i, text := range m.Parts {
		if text == "" {
			return 0, false, fmt.Errorf("%w message: part %d has no text", ErrInvalid, i+1)
		}
		if n := coding.Segments(text); n > sms.MaxSegments {
			return 0, false, fmt.Errorf("%w message: part %d would take %d segments, more than %d", ErrInvalid, i+1, n, sms.MaxSegments)
		}
	}
	err = s.write(ctx, func(t *tx) error {
		if m.Digest != nil {
			err := t.row(`SELECT id FROM messages WHERE digest = ? AND user_id IS nullif(?, 0) AND answer <> 1 AND created > ?
				ORDER BY id DESC LIMIT 1`, []any{m.Digest[:], m.User, ms(t.now.Add(-repeatedWithin))}, &id)
			if err == nil {
				again = true
				return nil
			}
			if !errors.Is(err, sql.ErrNoRows) {
				return err
			}
		}
		id, err = t.enqueue(m, coding)
		return err
	})
	return id, again, err
}

func (t *tx) enqueue(m Message, coding sms.Coding) (int64, error) {
	var digest any
	if m.Digest != nil {
		digest = m.Digest[:]
	}
	answer := answerWritten
	switch {
	case m.Answers:
		answer = answerOwed
	case m.Digest != nil:
		answer = answerLost
	}
	id, err := t.insert(`INSERT INTO messages (user_id, source, client, source_type, digest, answer, created)
		VALUES (nullif(?, 0), ?, ?, ?, ?, ?, ?)`, m.User, m.Source, clip(m.Client, 100), clip(m.SourceType, 40), digest, answer, ms(t.now))
	if err != nil {
		return 0, err
	}
	long := 0 // parts that take several segments, each with a reference of its own
	for i, text := range m.Parts {
		if _, err := t.exec(`INSERT INTO message_parts (message_id, part, text) VALUES (?, ?, ?)`, id, i+1, text); err != nil {
			return 0, err
		}
		if coding.Segments(text) > 1 {
			long++
		}
	}
	o := outgoing{Message: m, id: id, coding: coding, long: long, validity: t.writer.store.Validity(), state: Queued, due: t.now}
	if m.Scheduled.After(t.now) || m.Scheduled.After(t.writer.store.Now()) { // whichever clock is right
		o.state, o.due = Scheduled, m.Scheduled
	}
	if o.routes, err = t.routes(m.User); err != nil {
		return 0, err
	}
	for _, to := range m.To {
		if err := t.deliver(o, to); err != nil {
			return 0, err
		}
	}
	t.ring(Outgoing)
	return id, nil
}

// outgoing is a message whose deliveries are being queued.
type outgoing struct {
	Message
	id       int64
	coding   sms.Coding
	long     int
	validity time.Duration
	state    State
	due      time.Time
	routes   routes
}

// deliver queues a message for one recipient.
func (t *tx) deliver(o outgoing, to Recipient) error {
	route, err := t.to(to.Number, o.routes)
	if err != nil {
		return err
	}
	var ref uint16
	var last any // reference, NULL where there is none
	if o.long > 0 {
		if ref, err = t.concatRef(to.Number, o.long, o.coding.WideRef); err != nil {
			return err
		}
		last = int64(ref + uint16(o.long) - 1)
	}
	d := parcel{number: to.Number, sender: o.User, line: -1, bulk: len(o.To) > mostPersonal, route: route, due: ms(o.due), expires: ms(o.due.Add(o.validity))}
	if o.state == Queued {
		if d.ahead, err = t.lastTo(d.sender, d.number); err != nil {
			return err
		}
		if d.ahead == 0 {
			d.line = d.own()
		}
	}
	d.id, err = t.insert(`INSERT INTO deliveries (message_id, sender, recipient, typed, state, bulk, line, route, ahead, behind, due, expires,
			attempts, retries, reason, sim, ref, notice, updated)
		VALUES (?, ?, ?, ?, ?, ?, nullif(?, -1), ?, ?, 0, ?, ?, 0, 0, '', '', ?, 0, ?)`,
		o.id, d.sender, d.number, clip(to.Typed, 100), o.state, d.bulk, d.line, d.route, d.ahead, d.due, d.expires, last, ms(t.now))
	if err != nil {
		return err
	}
	switch {
	case o.state == Scheduled:
		t.awaits(d.due)
	case d.ahead != 0:
		err = t.follow(d.id, d.ahead)
	default:
		t.enters(d.lane(), d.due, d.expires)
	}
	if err != nil {
		return err
	}
	for i, text := range o.Parts {
		tpdus, err := sms.Submit{To: to.Number, Text: text, Ref: ref, Report: true, Coding: o.coding, Validity: o.validity}.TPDUs()
		if err != nil {
			return fmt.Errorf("%w message to %q: %w", ErrInvalid, clip(to.Typed, 40), err)
		}
		if len(tpdus) > 1 {
			ref++
		}
		for _, tpdu := range tpdus {
			if _, err := t.exec(`INSERT INTO segments (delivery_id, part, tpdu, state, sim) VALUES (?, ?, ?, 'pending', '')`,
				d.id, i+1, tpdu); err != nil {
				return err
			}
		}
	}
	return t.trace(Line{Event: string(o.state), User: o.User, Delivery: d.id, Number: to.Number})
}

// concatRef returns the first of n concatenation references for a phone, so that it does not put
// segments of different messages together. Each phone has a sequence of its own, begun anywhere: with
// 8 bits one that all share would come round within 256 long texts to others. The deliveries
// themselves remember it, so nothing has to be kept for phones that are written to once. When the
// sequence comes round it leaves out the references of texts of which the phone may have a part.
func (t *tx) concatRef(number string, n int, wide bool) (uint16, error) {
	var last int64
	err := t.row(`SELECT ref FROM deliveries WHERE recipient = ? AND ref IS NOT NULL ORDER BY id DESC LIMIT 1`, []any{number}, &last)
	if errors.Is(err, sql.ErrNoRows) {
		var start [2]byte
		rand.Read(start[:])
		return binary.BigEndian.Uint16(start[:]), nil
	}
	if err != nil {
		return 0, err
	}
	open, err := t.ids(`SELECT ref FROM deliveries WHERE recipient = ? AND ref IS NOT NULL AND `+mayBeHalf+` AND (settled IS NULL OR settled > ?) ORDER BY id LIMIT 256`,
		number, ms(t.now.Add(-halfWithin)))
	if err != nil {
		return 0, err
	}
	taken := func(ref uint16) bool {
		return slices.ContainsFunc(open, func(half int64) bool {
			if !wide {
				return byte(half) == byte(ref)
			}
			return uint16(half) == ref
		})
	}
	ref := uint16(last) + 1
	for free, tries := 0, 0; free < n && tries < 256; tries++ {
		if taken(ref + uint16(free)) {
			ref, free = ref+uint16(free)+1, 0
		} else {
			free++
		}
	}
	return ref, nil
}

// mayBeHalf are the deliveries of which a part may have arrived, and the rest not or not yet.
const mayBeHalf = `sim <> '' AND (settled IS NULL OR state = 'failed' OR state = 'expired' OR state = 'unconfirmed')`

// halfWithin is how long a phone is taken to keep a part of a text whose rest does not come.
const halfWithin = 30 * 24 * time.Hour

// What is known of the answer that told a client what became of its message.
const (
	answerOwed    = 0 // not written yet
	answerWritten = 1 // written, or nobody waits for one
	answerLost    = 2 // the client was gone, or this process was, or nobody ever knows
)

// Answered records whether the answer to a message that has one (Message.Answers) was written,
// and which deliveries' failures it told. Those that it did not tell are mailed. It does not wait
// for the commit.
func (s *Store) Answered(message int64, written bool, told []int64) {
	s.writeLater(func(t *tx) error {
		answer := answerLost
		if written {
			answer = answerWritten
			for _, delivery := range told {
				if _, err := t.exec(`UPDATE deliveries SET notice = -1 WHERE id = ? AND message_id = ? AND notice = 0`, delivery, message); err != nil {
					return err
				}
			}
		}
		return t.answered(message, answer)
	})
}

// answered closes the time in which a failure might still be told by the answer.
func (t *tx) answered(message int64, answer int) error {
	if _, err := t.exec(`UPDATE messages SET answer = ? WHERE id = ? AND answer <> ?`, answer, message, answerWritten); err != nil {
		return err
	}
	untold, err := t.ids(`SELECT id FROM deliveries WHERE message_id = ? AND notice = 0 AND state IN ('failed', 'expired', 'unconfirmed')`, message)
	if err != nil {
		return err
	}
	for _, delivery := range untold {
		if err := t.tell(message, delivery); err != nil {
			return err
		}
	}
	return nil
}
