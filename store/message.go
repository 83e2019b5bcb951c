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
	Service    string    // that it was handed to; "": that of the box
	Client     string    // the client attribute of xmsData
	SourceType string    // sourceType of xmsData
	ReplyPhone string    // replyPhone of xmsData; it is kept and means nothing, since a SIM cannot set a sender
	CustomData string    // customData of xmsData; it is kept and means nothing
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
	// Partly: recipients that the user's limits keep out are left out (Result.Over). Without it
	// nothing is queued then.
	Partly bool
}

// Recipient is a phone that a message goes to.
type Recipient struct {
	Number string // from Store.Recipient
	Typed  string // as the person wrote it
}

// Result is what became of a message that was to be queued.
type Result struct {
	ID int64 // of the message
	// Again: the same request was stored before and its answer got lost. ID is the first one's, and
	// nothing was queued.
	Again bool
	Over  *Over // who was left out; nil where nobody was
	// Update is when what clients keep of the service changed, where the answer is to tell of that;
	// zero where it is not.
	Update time.Time
	Err    error // nothing of it was queued: ErrInvalid, *Denied, *Over, ErrNotices, or a trouble of the store's own
}

// Enqueue stores a message with its deliveries and their segments, and returns its id: once it
// returns, it is not forgotten, and whoever wrote it learns if it cannot be sent. again is true where
// the same request was stored before and its answer got lost; the id is then the first one's, and
// nothing was queued.
func (s *Store) Enqueue(ctx context.Context, m Message) (id int64, again bool, err error) {
	results, err := s.EnqueueAll(ctx, []Message{m})
	if err != nil {
		return 0, false, err
	}
	return results[0].ID, results[0].Again, results[0].Err
}

// EnqueueAll does what Enqueue does for several messages, each for itself, in one commit. The error
// means that none of them was stored.
func (s *Store) EnqueueAll(ctx context.Context, messages []Message) ([]Result, error) {
	results, drafts := make([]Result, len(messages)), make([]draft, len(messages))
	sound := 0
	for i, m := range messages {
		if drafts[i], results[i].Err = s.draft(m); results[i].Err == nil {
			sound++
		}
	}
	if sound == 0 {
		return results, nil
	}
	err := s.write(ctx, func(t *tx) (err error) {
		t.ifRevoked(func(t *tx) error { return t.withdraw(results) })
		for i, d := range drafts {
			r := &results[i]
			switch {
			case r.Err != nil:
			case len(messages) == 1:
				r.Err = t.take(d, r)
				return r.Err // it undoes the change
			default:
				if r.Err, err = t.apart(func() error { return t.take(d, r) }); err != nil {
					return err
				}
			}
			if r.Err != nil {
				*r = Result{Err: r.Err}
			}
		}
		return nil
	})
	if errors.Is(err, ErrStorage) {
		return nil, err
	}
	if len(messages) == 1 && results[0].Err != nil {
		return []Result{{Err: results[0].Err}}, nil
	}
	return results, err
}

// draft is a message about which all is known that needs no look at the rows.
type draft struct {
	Message
	coding sms.Coding
	sizes  []int // of each part, in segments
}

func (s *Store) draft(m Message) (draft, error) {
	d := draft{Message: m, coding: s.Coding(), sizes: make([]int, len(m.Parts))}
	if len(m.Parts) == 0 || len(m.To) == 0 {
		return d, fmt.Errorf("%w message: it needs a text and a recipient", ErrInvalid)
	}
	for _, to := range m.To {
		if err := s.judge(to.Number); err != nil { // a caller of Recipient knows it before
			return d, err
		}
	}
	for i, text := range m.Parts {
		if text == "" {
			return d, fmt.Errorf("%w message: part %d has no text", ErrInvalid, i+1)
		}
		if d.sizes[i] = d.coding.Segments(text); d.sizes[i] > sms.MaxSegments {
			return d, fmt.Errorf("%w message: part %d would take %d segments, more than %d", ErrInvalid, i+1, d.sizes[i], sms.MaxSegments)
		}
	}
	return d, nil
}

// take queues a message, if nothing is in its way.
func (t *tx) take(d draft, r *Result) error {
	if err := t.repeated(d.Message, r); err != nil || r.Again {
		return err
	}
	over, err := t.meter(&d)
	if err != nil {
		return err
	}
	r.Over = over
	if r.ID, err = t.enqueue(d); err != nil {
		return err
	}
	if r.Update, err = t.update(d.Message); err != nil {
		return err
	}
	return t.note(*r)
}

// withdraw cancels messages whose writers were told that they are not stored. A repeated request is a new one.
func (t *tx) withdraw(results []Result) error {
	for _, r := range results {
		if r.Err != nil || r.Again {
			continue
		}
		if _, err := t.exec(`UPDATE messages SET digest = NULL, answer = ? WHERE id = ?`, answerWritten, r.ID); err != nil {
			return err
		}
		all, err := t.ids(`SELECT id FROM deliveries WHERE message_id = ?`, r.ID)
		for _, id := range all {
			_, why, err := t.cancel(id)
			if err != nil {
				return err
			}
			if why != "" {
				t.writer.store.log.Error("a text that was told to be not stored cannot be cancelled", "delivery", id, "why", why)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// repeated looks for the same request, whose answer got lost.
func (t *tx) repeated(m Message, r *Result) error {
	if m.Digest == nil {
		return nil
	}
	err := t.row(`SELECT ifnull(max(id), 0) FROM messages WHERE answer <> 1 AND digest = ? AND user_id IS nullif(?, 0) AND service = ? AND created > ?`,
		[]any{m.Digest[:], m.User, m.Service, ms(t.now.Add(-repeatedWithin))}, &r.ID)
	if r.Again = err == nil && r.ID != 0; r.Again {
		err = t.again(m, r)
	}
	return err
}

func (t *tx) enqueue(d draft) (int64, error) {
	var digest any
	if d.Digest != nil {
		digest = d.Digest[:]
	}
	answer := answerWritten
	switch {
	case d.Answers:
		answer = answerOwed
	case d.Digest != nil:
		answer = answerLost
	}
	id, err := t.insert(`INSERT INTO messages (user_id, source, client, source_type, digest, answer, created, service, reply_phone, custom_data)
		VALUES (nullif(?, 0), ?, ?, ?, ?, ?, ?, ?, ?, ?)`, d.User, d.Source, line(d.Client, 100), line(d.SourceType, 40), digest, answer, ms(t.now),
		d.Service, clip(d.ReplyPhone, 40), clip(d.CustomData, 1000))
	if err != nil {
		return 0, err
	}
	long := 0 // parts that take several segments, each with a reference of its own
	for i, text := range d.Parts {
		if _, err := t.exec(`INSERT INTO message_parts (message_id, part, text) VALUES (?, ?, ?)`, id, i+1, text); err != nil {
			return 0, err
		}
		if d.sizes[i] > 1 {
			long++
		}
	}
	o := outgoing{Message: d.Message, id: id, coding: d.coding, long: long, validity: t.writer.store.Validity(), state: Queued, due: t.now}
	if d.Scheduled.After(t.now) || d.Scheduled.After(t.writer.store.Now()) { // whichever clock is right
		o.state, o.due = Scheduled, d.Scheduled
	}
	if o.routes, err = t.routes(d.User, d.Service); err != nil {
		return 0, err
	}
	for _, to := range d.To {
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
	var last, delivery int64
	err := t.row(`SELECT ref, id FROM deliveries WHERE recipient = ? AND ref IS NOT NULL ORDER BY id DESC LIMIT 1`, []any{number}, &last, &delivery)
	none := errors.Is(err, sql.ErrNoRows)
	// The box that a backup was made of has gone on with the sequence since: here it begins again.
	if none || err == nil && delivery <= t.writer.store.restored.Load().delivery {
		var start [2]byte
		rand.Read(start[:])
		last, err = int64(binary.BigEndian.Uint16(start[:])), nil
	}
	if none {
		return uint16(last), nil
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
