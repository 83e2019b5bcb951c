package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"omsbox/store/condition"
)

// MailKind is what a mail of ours is about.
type MailKind string

const (
	Reply  MailKind = "reply"  // carries a text from a phone
	Notice MailKind = "notice" // tells that a message did not reach all its recipients
	// AlarmMail tells that something is wrong, or no longer is.
	AlarmMail MailKind = "alarm"
)

// Mail is a mail that must reach the relay. It is rendered when it is handed over, the same at
// every try: Token and Created do not change.
type Mail struct {
	ID       int64
	Kind     MailKind
	User     int64     // whose it is; 0: of whoever mail.catch-all names
	Incoming int64     // the text that a Reply carries
	Message  int64     // the message that a Notice is about
	Alarm    int64     // the alarm that an AlarmMail tells
	Over     bool      // an AlarmMail tells that it is over
	Token    string    // left part of the Message-ID
	Attempts int       // how often it was handed to the relay, this time included
	Retries  int       // how often this relay put it off (MailRetry)
	Doubts   int       // how often no answer came after its data (MailDoubt): the relay may have taken it
	Blocked  time.Time // since when the relay refuses it through the box's own fault (MailBlock); zero where it does not
	// Waited is for how long the box has tried a mail that is Blocked: without the time in which no try could be made, as
	// while it was switched off, and whatever its clock did.
	Waited  time.Duration
	Created time.Time // the mail's Date; of a Reply the text's own time where the clock was not trusted
}

// mostBetween is how much of the time between two tries of a Blocked mail counts as Waited: more than the mailer
// lets pass between them. What is longer was no wait for the next try.
const mostBetween = 2 * time.Hour

// noticePause lets the failures of one message come together in one mail.
const noticePause = 2 * time.Second

// mailRow is what a new mail is made of.
type mailRow struct {
	kind                    MailKind
	user, incoming, message int64
	tells                   int64 // the delivery that a Notice is queued for
	alarm                   int64
	over                    bool
	number                  string
	after                   time.Duration
}

func (t *tx) queueMail(m mailRow) error {
	created := ms(t.now)
	if m.incoming != 0 && !t.writer.store.ClockTrusted() {
		// The message centre knows better when a text was written than a clock that nobody believes.
		if err := t.row(`SELECT sent FROM incoming WHERE id = ?`, []any{m.incoming}, &created); err != nil {
			return err
		}
	}
	held, err := t.holdsMail(m)
	if err != nil {
		return err
	}
	id, err := t.insert(`INSERT INTO mails (kind, user_id, incoming_id, message_id, alarm_id, over, token, state, due, attempts, retries, reason,
			created, updated, held)
		VALUES (?, nullif(?, 0), nullif(?, 0), nullif(?, 0), nullif(?, 0), ?, ?, 'queued', ?, 0, 0, '', ?, ?, ?)`,
		m.kind, m.user, m.incoming, m.message, m.alarm, m.over, rand.Text(), ms(t.now.Add(m.after)), created, ms(t.now), held)
	if err != nil {
		return err
	}
	if m.tells != 0 {
		if err := t.tellIn(id, m.tells); err != nil {
			return err
		}
	}
	t.ring(Post)
	return t.trace(Line{Event: "mail queued", User: m.user, Incoming: m.incoming, MailRow: id, Number: m.number, Detail: string(m.kind)})
}

// tell queues the mail that tells of a delivery's failure, or joins it to the one of the same
// message that was never handed over yet. It may be called again for a delivery of which more has
// become known: a mail that may have left already does not stand for what came after it.
func (t *tx) tell(message, delivery int64) error {
	var waiting int64
	err := t.row(`SELECT id FROM mails WHERE kind = 'notice' AND message_id = ? AND state = 'queued' AND held = 0 AND attempts = 0 LIMIT 1`,
		[]any{message}, &waiting)
	if err == nil {
		return t.tellIn(waiting, delivery)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	var user int64
	var number string
	if err := t.row(`SELECT ifnull(m.user_id, 0), d.recipient FROM messages m JOIN deliveries d ON d.message_id = m.id WHERE d.id = ?`,
		[]any{delivery}, &user, &number); err != nil {
		return err
	}
	return t.queueMail(mailRow{kind: Notice, user: user, message: message, tells: delivery, number: number, after: noticePause})
}

// tellIn makes a delivery one of those that a notice tells of. Earlier notices go on telling it too.
func (t *tx) tellIn(mail, delivery int64) error {
	if _, err := t.exec(`INSERT INTO told (mail_id, delivery_id) VALUES (?, ?) ON CONFLICT DO NOTHING`, mail, delivery); err != nil {
		return err
	}
	_, err := t.exec(`UPDATE deliveries SET notice = ? WHERE id = ?`, mail, delivery)
	return err
}

// Told returns the deliveries whose failure a notice tells, in the order of the recipients.
func (s *Store) Told(ctx context.Context, mail int64) ([]Delivery, error) {
	return list(ctx, s, scanDelivery, `SELECT `+deliveryColumns+` FROM deliveries
		WHERE id IN (SELECT delivery_id FROM told WHERE mail_id = ?) ORDER BY id`, mail)
}

// Enqueued returns when a message was queued; ErrNotFound.
func (s *Store) Enqueued(ctx context.Context, message int64) (time.Time, error) {
	return one(ctx, s, func(r scanner) (time.Time, error) {
		var created int64
		err := r.Scan(&created)
		if errors.Is(err, sql.ErrNoRows) {
			err = fmt.Errorf("message: %w", ErrNotFound)
		}
		return fromMS(created), err
	}, `SELECT created FROM messages WHERE id = ?`, message)
}

// Text returns the parts of a message in their order.
func (s *Store) Text(ctx context.Context, message int64) ([]string, error) {
	return list(ctx, s, func(r scanner) (text string, err error) {
		return text, r.Scan(&text)
	}, `SELECT text FROM message_parts WHERE message_id = ? ORDER BY part`, message)
}

// ClaimMail takes the mail that is due longest, alarms before all others: its row says that it is being
// handed over before it is. nil: none is due.
func (s *Store) ClaimMail(ctx context.Context) (*Mail, error) {
	var m *Mail
	err := s.write(ctx, func(t *tx) error {
		var c Mail
		var created, blocked, waited int64
		err := t.row(`UPDATE mails SET state = 'sending', attempts = attempts + 1, updated = ?1,
				waited = iif(blocked IS NULL, 0, waited + max(0, min(?1 - updated, ?2)))
			WHERE id = coalesce(
				(SELECT id FROM mails WHERE state = 'queued' AND held = 0 AND kind = 'alarm' AND due <= ?1 ORDER BY due, id LIMIT 1),
				(SELECT id FROM mails WHERE state = 'queued' AND held = 0 AND due <= ?1 ORDER BY due, id LIMIT 1))
			RETURNING id, kind, ifnull(user_id, 0), ifnull(incoming_id, 0), ifnull(message_id, 0), ifnull(alarm_id, 0), over, token,
				attempts, retries, doubts, ifnull(blocked, 0), waited, created`,
			[]any{ms(t.now), mostBetween.Milliseconds()}, &c.ID, &c.Kind, &c.User, &c.Incoming, &c.Message, &c.Alarm, &c.Over, &c.Token,
			&c.Attempts, &c.Retries, &c.Doubts, &blocked, &waited, &created)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		c.Created, c.Blocked, c.Waited = fromMS(created), fromMS(blocked), time.Duration(waited)*time.Millisecond
		m = &c
		t.ifRevoked(func(t *tx) error { // nobody was given it
			_, err := t.exec(`UPDATE mails SET state = 'queued', attempts = attempts - 1 WHERE id = ? AND state = 'sending'`, c.ID)
			return err
		})
		return err
	})
	return m, err
}

// MailDue returns how long it is until the next mail is to be handed over; false where none waits.
func (s *Store) MailDue(ctx context.Context) (time.Duration, bool, error) {
	return s.until(ctx, `SELECT min(due) FROM mails WHERE state = 'queued' AND held = 0`)
}

// end is what became of a mail that was handed to the relay.
type end struct {
	state   string
	after   time.Duration // until the next try
	retries int           // to be added
	doubts  int           // to be added
	blocked bool          // the relay refuses it through the box's own fault
	reason  string
}

// MailSent records that the relay took the mail.
func (s *Store) MailSent(ctx context.Context, mail int64) error {
	return s.mailBecame(ctx, mail, end{state: "sent"})
}

// MailRetry puts a mail that was put off back in the queue for a later try, and counts that.
func (s *Store) MailRetry(ctx context.Context, mail int64, after time.Duration, reason string) error {
	return s.mailBecame(ctx, mail, end{state: "queued", after: after, retries: 1, reason: reason})
}

// MailDoubt is MailRetry for a mail whose data the relay was given and did not answer.
func (s *Store) MailDoubt(ctx context.Context, mail int64, after time.Duration, reason string) error {
	return s.mailBecame(ctx, mail, end{state: "queued", after: after, doubts: 1, reason: reason})
}

// MailAgain puts the mail back in the queue, due at once, and counts nothing: it was not for the
// mail's sake that the try came to nothing.
func (s *Store) MailAgain(ctx context.Context, mail int64, reason string) error {
	return s.mailBecame(ctx, mail, end{state: "queued", reason: reason})
}

// MailBlock keeps a mail that the relay refuses through the box's own fault. Mail.Blocked tells since when.
func (s *Store) MailBlock(ctx context.Context, mail int64, after time.Duration, reason string) error {
	return s.mailBecame(ctx, mail, end{state: "queued", after: after, blocked: true, reason: reason})
}

// HurryMail makes all mail due at once that another relay put off or refused: this one may take it, and
// has as many tries as that one had.
func (s *Store) HurryMail(ctx context.Context) error {
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE mails SET due = ?, retries = 0, blocked = NULL WHERE state = 'queued' AND attempts > 0`, ms(t.now))
		t.ring(Post)
		return err
	})
}

// HurryBlocked makes all mail due at once that is blocked: what blocked it may be mended.
func (s *Store) HurryBlocked(ctx context.Context) error {
	return s.write(ctx, func(t *tx) error {
		n, err := t.exec(`UPDATE mails SET due = ?1 WHERE state = 'queued' AND blocked IS NOT NULL AND due > ?1`, ms(t.now))
		if n > 0 {
			t.ring(Post)
		}
		return err
	})
}

// RelayRests records for how long the relay, which cannot be used, is not tried again.
func (s *Store) RelayRests(ctx context.Context, pause time.Duration) error {
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec(`INSERT INTO counters (name, value) VALUES ('relay/rests', ?1) ON CONFLICT (name) DO UPDATE SET value = ?1`, ms(t.now.Add(pause)))
		return err
	})
}

// RelayTried returns when the relay is tried next that could not be used last; the zero time where that is known of
// none.
func (s *Store) RelayTried(ctx context.Context) (time.Time, error) {
	until, err := one(ctx, s, func(r scanner) (at int64, err error) {
		return at, r.Scan(&at)
	}, `SELECT ifnull((SELECT value FROM counters WHERE name = 'relay/rests'), 0)`)
	return fromMS(until), err
}

// BlockedMail returns how many mails are blocked (MailBlock).
func (s *Store) BlockedMail(ctx context.Context) (int, error) {
	return one(ctx, s, func(r scanner) (n int, err error) {
		return n, r.Scan(&n)
	}, `SELECT count(*) FROM mails WHERE blocked IS NOT NULL AND state IN ('queued', 'sending')`)
}

// MailFail records that the mail will never be taken, and raises the alarm that tells an administrator.
func (s *Store) MailFail(ctx context.Context, mail int64, reason string) error {
	return s.mailBecame(ctx, mail, end{state: "failed", reason: reason})
}

// mailBecame changes the state of a mail that is being handed over, and no other's.
func (s *Store) mailBecame(ctx context.Context, mail int64, e end) error {
	return s.write(ctx, func(t *tx) error {
		e.reason = condition.Shorten(e.reason, 300)
		var user int64
		err := t.row(`UPDATE mails SET state = ?1, due = ?2, retries = retries + ?3, doubts = doubts + ?4,
				blocked = iif(?5, coalesce(blocked, ?6), iif(?3 + ?4 > 0, NULL, blocked)), reason = ?7, updated = ?6
			WHERE id = ?8 AND state = 'sending' RETURNING ifnull(user_id, 0)`,
			[]any{e.state, ms(t.now.Add(e.after)), e.retries, e.doubts, e.blocked, ms(t.now), e.reason, mail}, &user)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		t.ring(Post)
		if err := t.trace(Line{Event: "mail " + e.state, User: user, MailRow: mail, Detail: e.reason}); err != nil {
			return err
		}
		switch e.state {
		case "sent":
			return t.mailboxTakes(user)
		case "failed":
			return t.undelivered(mail)
		}
		return nil
	})
}

// recoverMail puts mails back in the queue that were being handed over when the last run ended.
// The relay may have taken one of them: it is then handed over again under the same Message-ID,
// since a reply that comes twice does less harm than one that never comes.
func (t *tx) recoverMail() error {
	_, err := t.exec(`UPDATE mails SET state = 'queued', due = ?1, updated = ?1 WHERE state = 'sending'`, ms(t.now))
	return err
}
