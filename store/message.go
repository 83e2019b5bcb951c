package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"omsbox/modem/sms"
)

// Where a message came from.
const (
	SourceOMS     = "oms"
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
	// one whose answer was not written in the last ten minutes is the same request. nil: never.
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
// returns, it is not forgotten, and whoever wrote it learns if it cannot be sent. again is true where the same request was
// stored before and its answer got lost; the id is then the first one's, and nothing was queued.
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
	if m.Answers {
		answer = answerOwed
	}
	id, err := t.insert(`INSERT INTO messages (user_id, source, client, source_type, digest, answer, created)
		VALUES (nullif(?, 0), ?, ?, ?, ?, ?, ?)`, m.User, m.Source, clip(m.Client, 100), clip(m.SourceType, 40), digest, answer, ms(t.now))
	if err != nil {
		return 0, err
	}
	refs := make([]byte, len(m.Parts))
	for i, text := range m.Parts {
		if _, err := t.exec(`INSERT INTO message_parts (message_id, part, text) VALUES (?, ?, ?)`, id, i+1, text); err != nil {
			return 0, err
		}
		if coding.Segments(text) > 1 {
			if refs[i], err = t.concatRef(); err != nil {
				return 0, err
			}
		}
	}
	validity := t.writer.store.Validity()
	state, due := Queued, t.now
	if m.Scheduled.After(t.now) || m.Scheduled.After(t.writer.store.Now()) { // whichever clock is right
		state, due = Scheduled, m.Scheduled
	}
	for _, to := range m.To {
		delivery, err := t.insert(`INSERT INTO deliveries (message_id, recipient, typed, state, due, expires, attempts, retries, reason, sim, notice, updated)
			VALUES (?, ?, ?, ?, ?, ?, 0, 0, '', '', 0, ?)`, id, to.Number, clip(to.Typed, 100), state, ms(due), ms(due.Add(validity)), ms(t.now))
		if err != nil {
			return 0, err
		}
		for i, text := range m.Parts {
			tpdus, err := sms.Submit{To: to.Number, Text: text, Ref: uint16(refs[i]), Report: true, Coding: coding, Validity: validity}.TPDUs()
			if err != nil {
				return 0, fmt.Errorf("%w message to %q: %w", ErrInvalid, clip(to.Typed, 40), err)
			}
			for _, tpdu := range tpdus {
				if _, err := t.exec(`INSERT INTO segments (delivery_id, part, tpdu, state, sim) VALUES (?, ?, ?, 'pending', '')`,
					delivery, i+1, tpdu); err != nil {
					return 0, err
				}
			}
		}
		if err := t.trace(Line{Event: string(state), User: m.User, Delivery: delivery, Number: to.Number}); err != nil {
			return 0, err
		}
	}
	t.ring(Outgoing)
	return id, nil
}

// concatRef returns the next concatenation reference. It starts anywhere and goes on after a
// restart, so that a phone does not put segments of different messages together.
func (t *tx) concatRef() (byte, error) {
	var start [1]byte
	rand.Read(start[:])
	var ref int64
	err := t.row(`INSERT INTO counters (name, value) VALUES ('concat', ?)
		ON CONFLICT (name) DO UPDATE SET value = (value + 1) % 256 RETURNING value`, []any{int64(start[0])}, &ref)
	return byte(ref), err
}

// What is known of the answer that told a client what became of its message.
const (
	answerOwed    = 0 // not written yet
	answerWritten = 1 // written, or nobody waits for one
	answerLost    = 2 // the client was gone, or this process was
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
