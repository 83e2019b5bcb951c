package store

import (
	"fmt"
	"time"
)

// moments are the columns that hold when something happened, by table. What was written there while the clock was
// ahead is put right by lowerMark. A column that holds what a person chose, such as when a text is to be sent, is
// not among them.
var moments = map[string][]string{
	"alarms":            {"raised", "cleared"},
	"app_passwords":     {"created", "used"},
	"conversations":     {"wrote", "before"},
	"deliveries":        {"settled", "updated"},
	"errands":           {"created"},
	"health":            {"since"},
	"incoming":          {"received"},
	"incoming_segments": {"received"},
	"mails":             {"due", "created", "updated", "blocked"},
	"messages":          {"created", "service_update"},
	"modems":            {"updated"},
	"proofs":            {"at"},
	"reports":           {"received"},
	"restored":          {"at", "made"},
	"segments":          {"handed", "settled", "tried"},
	"service_clients":   {"seen", "told"},
	"sessions":          {"created", "used"},
	"sims":              {"asked", "met"},
	"traffic":           {"at"},
	"users":             {"created"},
}

// dates are the rows of counters that hold when something happened.
const dates = `(name IN ('radio', 'settings', 'service') OR name LIKE 'service/%' OR name LIKE 'named/%')`

// lowerMark puts right what was dated while the clock was ahead by that much, and would wait for that time or
// seem newer than all that comes. It is dated when it was: rows go on evenly, so that much earlier, and not after
// now. What was counted for days that have not come counts for those that they were.
func (t *tx) lowerMark(ahead time.Duration) error {
	now, by, today, back := ms(t.now), ahead.Milliseconds(), date(t.now), fmt.Sprintf("-%d days", ahead/day)
	const was = `ifnull(min(?1, CAST(strftime('%Y%m%d',
		printf('%d-%02d-%02d', day / 10000, day / 100 % 100, day % 100), ?2) AS INTEGER)), ?1)`
	type statement struct {
		text string
		args []any
	}
	changes := []statement{
		{`INSERT INTO counters (name, value) VALUES ('clock', ?1)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`, []any{now}},
		{`UPDATE counters SET value = min(?1, value - ?2) WHERE value > ?1 AND ` + dates, []any{now, by}},
		{`UPDATE deliveries SET due = min(due, ?1), expires = min(expires, ?2)
			WHERE state IN ('queued', 'sending') AND (due > ?1 OR expires > ?2)`,
			[]any{now, ms(t.now.Add(t.writer.store.Validity()))}},
		// Where the message centre gave no time, it is that of the computer.
		{`UPDATE incoming SET sent = min(?1, sent - ?2) WHERE sent > ?1 AND sent = received`, []any{now, by}},
		{`UPDATE incoming_segments SET sent = min(?1, sent - ?2) WHERE sent > ?1 AND sent = received`, []any{now, by}},
		{`INSERT INTO usage (sim, day, segments)
			SELECT sim, ` + was + `, sum(segments) FROM usage WHERE day > ?1 GROUP BY 1, 2
			ON CONFLICT (sim, day) DO UPDATE SET segments = segments + excluded.segments`, []any{today, back}},
		{`DELETE FROM usage WHERE day > ?1`, []any{today}},
		{`INSERT INTO user_usage (user_id, day, segments, notices)
			SELECT user_id, ` + was + `, sum(segments), sum(notices) FROM user_usage WHERE day > ?1 GROUP BY 1, 2
			ON CONFLICT (user_id, day) DO UPDATE
			SET segments = segments + excluded.segments, notices = notices + excluded.notices`, []any{today, back}},
		{`DELETE FROM user_usage WHERE day > ?1`, []any{today}},
	}
	for table, columns := range moments {
		for _, column := range columns {
			text := fmt.Sprintf(`UPDATE %s SET %s = min(?1, %[2]s - ?2) WHERE %[2]s > ?1`, table, column)
			changes = append(changes, statement{text, []any{now, by}})
		}
	}
	for _, change := range changes {
		if _, err := t.exec(change.text, change.args...); err != nil {
			return err
		}
	}
	t.writer.lanes, t.writer.swept = nil, time.Time{} // they are read again
	t.then(t.writer.store.reloadNow)
	for _, topic := range []Topic{Outgoing, Post, Arrived} {
		t.ring(topic)
	}
	return nil
}

// setForward puts right what was begun since the clock showed from, and would be over at once now that the clock,
// which was late by that much, is set: a text is worth sending for as long as one that was written now, a segment
// waits as long for the others, and a report may take as long.
func (t *tx) setForward(from time.Time, late time.Duration) error {
	for _, text := range []string{
		`UPDATE deliveries SET expires = expires + ?2 WHERE state IN ('queued', 'sending', 'sent')
			AND message_id IN (SELECT id FROM messages WHERE created >= ?1)`,
		`UPDATE mails SET blocked = blocked + ?2 WHERE blocked >= ?1 AND state IN ('queued', 'sending')`,
		`UPDATE incoming_segments SET received = received + ?2 WHERE received >= ?1 AND incoming_id IS NULL`,
		`UPDATE reports SET received = received + ?2 WHERE received >= ?1 AND segment_id IS NULL`,
		`WITH RECURSIVE every(mr) AS (SELECT 0 UNION ALL SELECT mr + 1 FROM every WHERE mr < 255)
			UPDATE segments SET handed = handed + ?2, tried = iif(tried >= ?1, tried + ?2, tried) WHERE id IN (
			SELECT id FROM segments WHERE mr IN (SELECT mr FROM every) AND handed >= ?1
			UNION SELECT id FROM segments WHERE handed >= ?1
				AND delivery_id IN (SELECT id FROM deliveries WHERE state = 'sending')
			UNION SELECT id FROM segments WHERE mr IS NULL AND state IN ('sent', 'unconfirmed') AND handed >= ?1
			UNION SELECT id FROM segments WHERE state = 'pending' AND handed >= ?1)`,
	} {
		if _, err := t.exec(text, ms(from), late.Milliseconds()); err != nil {
			return err
		}
	}
	t.writer.lanes, t.writer.swept = nil, time.Time{} // they are read again
	t.ring(Outgoing)
	t.ring(Arrived)
	return nil
}
