package store

import (
	"context"
	"fmt"
	"time"

	"omsbox/store/condition"
)

// Place is where a text stands in a user's list, which is ordered by it. The zero Place stands before all.
type Place struct {
	At time.Time // when it was written, or came in; to the millisecond
	In bool      // it came from a phone
	ID int64     // of the message, or of the incoming one
}

// Own is a text of a user, out or in.
type Own struct {
	Place
	Text string // its words, at most as many characters as were asked for
	More bool   // it has more than these

	// Of a text that came in.
	Incoming  Incoming // without its Text
	Mail      string   // state of the mail with it: "queued", "sending", "sent", "failed"; "" where there is none
	MailWhy   string   // the last answer of the relay, or what else keeps the mail
	MailSince time.Time

	// Of one that the user wrote.
	Source, SourceType string
	Deliveries         []Delivery // the first of them, as many as were asked for
	Recipients         int        // how many it has
}

// ownPlaces merges a user's two lists, each read from the end of its index.
const ownPlaces = `SELECT at, inward, id FROM (
		SELECT * FROM (SELECT created AS at, 0 AS inward, id FROM messages
			WHERE user_id = ?1 AND created <= ?2 AND (created, 0, id) < (?2, ?3, ?4) ORDER BY created DESC, id DESC LIMIT ?5)
		UNION ALL
		SELECT * FROM (SELECT received AS at, 1 AS inward, id FROM incoming
			WHERE user_id = ?1 AND received <= ?2 AND (received, 1, id) < (?2, ?3, ?4) ORDER BY received DESC, id DESC LIMIT ?5))
	ORDER BY at DESC, inward DESC, id DESC LIMIT ?5`

// OwnTexts returns the texts of a user that come after a place, the newest first: at most that many, each
// with as many recipients and characters as are asked for. more reports whether there are others.
func (s *Store) OwnTexts(ctx context.Context, user int64, after Place, most, recipients, characters int) (own []Own, more bool, err error) {
	const end = 1 << 62
	at, inward, id := int64(end), 1, int64(end)
	if after != (Place{}) {
		at, id = ms(after.At), after.ID
		if !after.In {
			inward = 0
		}
	}
	own, err = list(ctx, s, func(r scanner) (o Own, err error) {
		var at int64
		err = r.Scan(&at, &o.In, &o.ID)
		o.At = fromMS(at)
		return o, err
	}, ownPlaces, user, at, inward, id, most+1)
	if err != nil {
		return nil, false, fmt.Errorf("read the texts of user %d: %w", user, err)
	}
	if more = len(own) > most; more {
		own = own[:most]
	}
	for i := range own {
		if own[i].In {
			err = s.readOwnIncoming(ctx, user, &own[i])
		} else {
			err = s.readOwnMessage(ctx, user, &own[i], recipients)
		}
		if err != nil {
			return nil, false, fmt.Errorf("read a text of user %d: %w", user, err)
		}
		if runes := []rune(own[i].Text); len(runes) > characters {
			own[i].Text, own[i].More = string(runes[:characters]), true
		}
	}
	return own, more, nil
}

func (s *Store) readOwnIncoming(ctx context.Context, user int64, o *Own) (err error) {
	if o.Incoming, err = s.Incoming(ctx, o.ID); err != nil {
		return err
	}
	o.Text, o.Incoming.Text = o.Incoming.Text, ""
	type mail struct {
		state, why string
		updated    int64
	}
	mails, err := list(ctx, s, func(r scanner) (m mail, err error) {
		return m, r.Scan(&m.state, &m.why, &m.updated)
	}, `SELECT state, reason, updated FROM mails WHERE incoming_id = ? AND user_id = ? ORDER BY id DESC LIMIT 1`, o.ID, user)
	if len(mails) > 0 {
		o.Mail, o.MailWhy, o.MailSince = mails[0].state, condition.WordsOf(mails[0].why), fromMS(mails[0].updated)
	}
	return err
}

func (s *Store) readOwnMessage(ctx context.Context, user int64, o *Own, recipients int) (err error) {
	o.Text, err = one(ctx, s, func(r scanner) (text string, err error) {
		return text, r.Scan(&o.Source, &o.SourceType, &text, &o.Recipients)
	}, `SELECT source, source_type,
			ifnull((SELECT group_concat(text, char(10, 10)) FROM (SELECT text FROM message_parts WHERE message_id = m.id ORDER BY part)), ''),
			(SELECT count(*) FROM deliveries WHERE message_id = m.id)
		FROM messages m WHERE id = ?`, o.ID)
	if err != nil {
		return err
	}
	o.Deliveries, err = list(ctx, s, scanDelivery, `SELECT `+deliveryColumns+` FROM deliveries
		WHERE message_id = ? AND sender = ? ORDER BY id LIMIT ?`, o.ID, user, recipients)
	return err
}
