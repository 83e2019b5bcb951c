package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"omsbox/store/condition"
)

// Modem is how a modem is, as last seen.
type Modem struct {
	Device       string // as it was named on the command line
	Up           bool
	Problem      string // what is wrong and what to do; "" while nothing is
	Manufacturer string
	Model        string
	Firmware     string
	IMEI         string
	IMSI         string // of its SIM
	ICCID        string // of its SIM
	SMSC         string // number of the message centre, as the SIM has it
	Operator     string
	Registration string // in words
	Signal       int    // as +CSQ gives it: 0..31, 99 unknown
	Storage      string // how full its storages are, for people: "SM 3 of 20, ME 0 of 50"
	Remarks      string // what was found odd about it, a line each
	Updated      time.Time
}

// SetModem stores how a modem is.
func (s *Store) SetModem(ctx context.Context, m Modem) error {
	state := "down"
	if m.Up {
		state = "up"
	}
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec(`INSERT INTO modems (device, state, problem, manufacturer, model, firmware, imei, imsi, iccid, smsc, operator, registration,
				signal, storage, remarks, updated)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
			ON CONFLICT (device) DO UPDATE SET state = ?2, problem = ?3, manufacturer = ?4, model = ?5, firmware = ?6, imei = ?7,
				imsi = ?8, iccid = ?9, smsc = ?10, operator = ?11, registration = ?12, signal = ?13, storage = ?14, remarks = ?15, updated = ?16`,
			m.Device, state, condition.Shorten(m.Problem, 300), line(m.Manufacturer, 100), line(m.Model, 100), line(m.Firmware, 100),
			line(m.IMEI, 40), line(m.IMSI, 40), line(m.ICCID, 40), line(m.SMSC, 40), line(m.Operator, 100), line(m.Registration, 300),
			m.Signal, line(m.Storage, 300), clip(condition.Lines(m.Remarks), 2000), ms(t.now))
		t.ring(Modems)
		t.then(s.reloadNow)
		if err == nil && m.Up && m.Problem == "" && !s.worked.Load() {
			_, err = t.exec(`INSERT INTO counters (name, value) VALUES ('radio', ?) ON CONFLICT (name) DO NOTHING`, ms(t.now))
		}
		return err
	})
}

// ServeModems makes the rows of modems those that this run serves: they are being started.
func (s *Store) ServeModems(ctx context.Context, devices []string) error {
	return s.write(ctx, func(t *tx) error {
		names, err := json.Marshal(append([]string{}, devices...))
		if err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM health WHERE part = 'modems'`); err != nil { // how looking for them went in the last run
			return err
		}
		// What was wrong with a modem that is not there any more is nobody's trouble.
		if _, err := t.exec(`UPDATE alarms SET cleared = ? WHERE cleared IS NULL AND kind IN ('modem', 'sim', 'registration', 'storage', 'barred', 'ill')
			AND about NOT IN (SELECT value FROM json_each(?))`, ms(t.now), string(names)); err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM modems WHERE device NOT IN (SELECT value FROM json_each(?))`, string(names)); err != nil {
			return err
		}
		_, err = t.exec(`INSERT INTO modems (device, state, problem, manufacturer, model, firmware, imei, imsi, iccid, smsc, operator, registration,
				signal, storage, remarks, updated)
			SELECT value, 'down', '', '', '', '', '', '', '', '', '', '', 99, '', '', ? FROM json_each(?) WHERE true
			ON CONFLICT (device) DO UPDATE SET state = 'down', problem = ''`, ms(t.now), string(names))
		t.ring(Modems)
		t.then(s.reloadNow)
		return err
	})
}

// Modems returns how all modems are.
func (s *Store) Modems(ctx context.Context) ([]Modem, error) {
	return list(ctx, s, func(r scanner) (m Modem, err error) {
		var updated int64
		err = r.Scan(&m.Device, &m.Up, &m.Problem, &m.Manufacturer, &m.Model, &m.Firmware, &m.IMEI, &m.IMSI, &m.ICCID, &m.SMSC,
			&m.Operator, &m.Registration, &m.Signal, &m.Storage, &m.Remarks, &updated)
		m.Problem = condition.WordsOf(m.Problem)
		m.Updated = fromMS(updated)
		return m, err
	}, `SELECT device, state = 'up', problem, manufacturer, model, firmware, imei, imsi, iccid, smsc, operator, registration,
		signal, storage, remarks, updated FROM modems ORDER BY device`)
}

// MailRelay is the part of the box that hands mail over.
const MailRelay = "mail relay"

// Health is how a part of the appliance is.
type Health struct {
	Part  string // "mail relay", "web", …
	OK    bool
	Text  string // what is wrong and what to do, or what is fine, in words for people
	Since time.Time
	// Condition is what Text says, as a code with arguments.
	Condition condition.Condition
}

// SetHealth stores how a part is, of which text is the row of a condition (condition.Condition.Row); it writes
// only what is new.
func (s *Store) SetHealth(ctx context.Context, part string, ok bool, text string) error {
	return s.write(ctx, func(t *tx) error {
		n, err := t.exec(`INSERT INTO health (part, ok, text, since) VALUES (?, ?, ?, ?)
			ON CONFLICT (part) DO UPDATE SET ok = excluded.ok, text = excluded.text, since = excluded.since
			WHERE ok <> excluded.ok OR text <> excluded.text`, part, ok, condition.Shorten(text, 300), ms(t.now))
		if n > 0 {
			t.ring(Traffic)
		}
		return err
	})
}

// Healths returns how all parts are.
func (s *Store) Healths(ctx context.Context) ([]Health, error) {
	return list(ctx, s, func(r scanner) (h Health, err error) {
		var since int64
		err = r.Scan(&h.Part, &h.OK, &h.Text, &since)
		h.Condition = condition.Parse(h.Text)
		h.Text = h.Condition.Words()
		h.Since = fromMS(since)
		return h, err
	}, `SELECT part, ok, text, since FROM health ORDER BY part`)
}

// LastRefusal returns why the delivery that is tried next was not sent when it was tried last; ""
// where none waits for another try.
func (s *Store) LastRefusal(ctx context.Context) (reason string, next time.Time, err error) {
	d, err := one(ctx, s, scanDelivery, `SELECT `+deliveryColumns+` FROM deliveries
		WHERE line IS NOT NULL AND state = 'queued' AND reason <> '' ORDER BY due, id LIMIT 1`)
	if errors.Is(err, sql.ErrNoRows) {
		return "", time.Time{}, nil
	}
	return d.Reason, d.Due, err
}

// Backlog counts what waits and what went wrong.
type Backlog struct {
	Queued, Scheduled, Sending int // deliveries
	Left                       int // segments that left in the last seven days, or may have
	Unconfirmed, Failed        int // deliveries of the last seven days
	Unroutable, Incomplete     int // incoming: nobody's, of the last seven days; still waiting for segments
	Kept                       int // incoming: lay on a SIM before it was first met
	Undecodable                int // incoming, of the last seven days
	MailQueued, MailFailed     int
	OldestQueued, OldestMail   time.Time // zero where none waits
}

// Backlog returns the counts of this moment.
func (s *Store) Backlog(ctx context.Context) (Backlog, error) {
	week := s.stamp().Add(-7 * 24 * time.Hour)
	return one(ctx, s, func(r scanner) (b Backlog, err error) {
		var oldest, oldestMail int64
		err = r.Scan(&b.Queued, &b.Scheduled, &b.Sending, &b.Left, &b.Unconfirmed, &b.Failed, &b.Unroutable, &b.Incomplete,
			&b.Kept, &b.Undecodable, &b.MailQueued, &b.MailFailed, &oldest, &oldestMail)
		b.OldestQueued, b.OldestMail = fromMS(oldest), fromMS(oldestMail)
		return b, err
	}, `SELECT
		(SELECT count(*) FROM deliveries WHERE line IS NOT NULL AND state = 'queued') + (SELECT count(*) FROM deliveries WHERE ahead <> 0),
		(SELECT count(*) FROM deliveries WHERE state = 'scheduled' AND held = 0),
		(SELECT count(*) FROM deliveries WHERE state = 'sending'),
		(SELECT ifnull(sum(segments), 0) FROM usage WHERE day >= ?2),
		(SELECT count(*) FROM deliveries WHERE (state = 'failed' OR state = 'expired' OR state = 'unconfirmed') AND state = 'unconfirmed' AND updated > ?1),
		(SELECT count(*) FROM deliveries WHERE (state = 'failed' OR state = 'expired' OR state = 'unconfirmed') AND state <> 'unconfirmed' AND updated > ?1),
		(SELECT count(*) FROM incoming WHERE state = 'unroutable' AND received > ?1),
		(SELECT count(*) FROM (SELECT DISTINCT sim, tail, ref, total, data FROM incoming_segments WHERE incoming_id IS NULL AND repeats = 0)),
		(SELECT count(*) FROM incoming WHERE state = 'kept'),
		(SELECT count(*) FROM incoming WHERE kind = 'undecodable' AND received > ?1),
		(SELECT count(*) FROM mails WHERE state IN ('queued', 'sending') AND held = 0),
		(SELECT count(*) FROM mails WHERE state = 'failed' AND updated > ?1),
		(SELECT ifnull(min(m.created), 0) FROM messages m WHERE m.id IN
			(SELECT message_id FROM deliveries WHERE line IS NOT NULL AND state = 'queued' UNION ALL SELECT message_id FROM deliveries WHERE ahead <> 0)),
		(SELECT ifnull(min(created), 0) FROM mails WHERE state = 'queued' AND held = 0)`, ms(week), date(week))
}
