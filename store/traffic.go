package store

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"omsbox/store/condition"
)

// Line is one line of the traffic log: something that happened to a text or a mail.
type Line struct {
	ID                                int64
	At                                time.Time
	Event                             string // the state that was reached: "queued", "sent", "received", …
	User, Delivery, Incoming, MailRow int64  // 0 where it concerns none
	Message                           int64  // that the delivery is of; 0 where it concerns none
	Source, SourceType                string // of that message
	Number                            string // the phone at the other end
	Detail                            string // why, in words for people; never the text itself
}

// trace writes a line of the traffic log, in the change that made it true.
func (t *tx) trace(l Line) error {
	_, err := t.exec(`INSERT INTO traffic (at, event, user_id, delivery_id, incoming_id, mail_id, number, detail)
		VALUES (?, ?, nullif(?, 0), nullif(?, 0), nullif(?, 0), nullif(?, 0), ?, ?)`,
		ms(t.now), l.Event, l.User, l.Delivery, l.Incoming, l.MailRow, condition.OneLine(l.Number), condition.Shorten(l.Detail, 1000))
	t.ring(Traffic)
	return err
}

// Lines returns the newest lines of the traffic log, newest first.
func (s *Store) Lines(ctx context.Context, most int) ([]Line, error) {
	return list(ctx, s, func(r scanner) (l Line, err error) {
		var at int64
		err = r.Scan(&l.ID, &at, &l.Event, &l.User, &l.Delivery, &l.Incoming, &l.MailRow, &l.Number, &l.Detail, &l.Message, &l.Source, &l.SourceType)
		detail := condition.Parse(l.Detail)
		if l.Detail = detail.Words(); detail.Arg("about") != "" {
			l.Detail = detail.Arg("about") + ": " + l.Detail
		}
		l.At = fromMS(at)
		return l, err
	}, `SELECT t.id, t.at, t.event, ifnull(t.user_id, 0), ifnull(t.delivery_id, 0), ifnull(t.incoming_id, 0), ifnull(t.mail_id, 0), t.number, t.detail,
			ifnull(m.id, 0), ifnull(m.source, ''), ifnull(m.source_type, '')
		FROM traffic t LEFT JOIN deliveries d ON d.id = t.delivery_id LEFT JOIN messages m ON m.id = d.message_id
		ORDER BY t.id DESC LIMIT ?`, most)
}

// eventWords are the words for events that say too little, or too much: a text that is to be mailed lies in the queue,
// and only the relay's answer tells that its mail has left.
var eventWords = map[string]string{
	"mailed":    "to be mailed",
	"mail sent": "mail taken by the relay",
}

// ShowLog writes the last lines of the traffic log for people, the newest last.
func (s *Store) ShowLog(ctx context.Context, out io.Writer, most int) error {
	lines, err := s.Lines(ctx, most)
	if err != nil {
		return err
	}
	users, err := s.Users(ctx)
	if err != nil {
		return err
	}
	logins := map[int64]string{}
	for _, u := range users {
		logins[u.ID] = u.Login
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TIME\tEVENT\tMESSAGE\tUSER\tNUMBER\tSOURCE\tDETAIL")
	for i := len(lines) - 1; i >= 0; i-- {
		l := lines[i]
		message := ""
		if l.Message != 0 {
			message = strconv.FormatInt(l.Message, 10)
		}
		// Rows of older versions may hold what looks like another line, or moves the cursor.
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.At.Local().Format("2006-01-02 15:04:05"),
			cmp.Or(eventWords[l.Event], l.Event), message, logins[l.User], condition.OneLine(l.Number),
			condition.OneLine(strings.TrimRight(l.Source+"/"+l.SourceType, "/")), condition.OneLine(s.Spell(l.Detail)))
	}
	return table.Flush()
}
