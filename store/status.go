package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// statusLines are what Status says.
type statusLines struct{ strings.Builder }

func (b *statusLines) line(name, format string, args ...any) {
	fmt.Fprintf(b, "%-12s %s\n", name, fmt.Sprintf(format, args...))
}

// Status says in a few lines for people how the appliance is, what waits, and what is wrong.
func (s *Store) Status(ctx context.Context) (string, error) {
	var b statusLines
	parts, err := s.Healths(ctx)
	if err != nil {
		return "", err
	}
	for _, tell := range []func() error{
		func() error { return s.tellModems(ctx, &b, parts) },
		func() error { return s.tellMessages(ctx, &b) },
		func() error { return s.tellParts(ctx, &b, parts) },
	} {
		if err := tell(); err != nil {
			return "", err
		}
	}
	return s.Spell(b.String()), nil
}

// tellModems writes whether a process serves, what alarms are open, and how modems and disk are.
func (s *Store) tellModems(ctx context.Context, b *statusLines, parts []Health) error {
	modems, err := s.Modems(ctx)
	if err != nil {
		return err
	}
	alarms, err := s.Alarms(ctx)
	if err != nil {
		return err
	}
	if s.Serving() {
		b.line("serving", "yes")
	} else {
		b.line("serving", "no: start it with `omsbox serve`; what follows is as it was left")
	}
	disk := s.diskNow()
	if !disk.OK {
		b.line(disk.Part, "PROBLEM: %s", disk.Text)
	}
	for _, a := range alarms {
		if a.Kind == "disk" && !disk.OK {
			continue // that was before
		}
		about := a.About + ": "
		if strings.Contains(a.Text, a.About) {
			about = "" // it says so itself
		}
		b.line("alarm", "%s%s (since %s)", about, a.Text, a.Raised.Local().Format("2006-01-02 15:04:05"))
	}
	for _, m := range modems {
		b.line("modem", "%s: %s", m.Device, m.String())
		for _, detail := range m.details() {
			b.line("", "%s", detail)
		}
	}
	found := slices.ContainsFunc(parts, func(h Health) bool { return h.Part == "modems" }) // -modem auto: that line says why there is none
	if len(modems) == 0 && !found {
		b.line("modem", "none: `omsbox serve -modem auto` looks for one")
	}
	if disk.OK {
		b.line(disk.Part, "ok: %s", disk.Text)
	}
	return nil
}

// tellMessages says what texts and mails wait, and what became of the others.
func (s *Store) tellMessages(ctx context.Context, b *statusLines) error {
	backlog, err := s.Backlog(ctx)
	if err != nil {
		return err
	}
	b.line("outgoing", "%d waiting%s, %d being sent, %d scheduled; in the last seven days %d segments left, "+
		"and of the texts %d failed, %d unconfirmed",
		backlog.Queued, since(backlog.OldestQueued), backlog.Sending, backlog.Scheduled, backlog.Left, backlog.Failed, backlog.Unconfirmed)
	obstacles, err := s.Obstacles(ctx)
	if err != nil {
		return err
	}
	for _, o := range obstacles {
		b.line("", "%s", o)
	}
	restored, err := s.Restored(ctx)
	if err != nil {
		return err
	}
	if restored.Holds() {
		b.line("restored", "PROBLEM: %s", restored.Condition().Words())
	}
	refusal, next, err := s.LastRefusal(ctx)
	if err != nil {
		return err
	}
	if refusal != "" {
		b.line("", "the last try: %s; the next at %s", refusal, next.Local().Format("15:04:05"))
	}
	b.line("incoming", "%d with parts missing; in the last seven days %d that belong to nobody, %d that cannot be read",
		backlog.Incomplete, backlog.Unroutable, backlog.Undecodable)
	if backlog.Kept > 0 {
		b.line("", "%d lay on a SIM before it was first used here: kept, and mailed to nobody", backlog.Kept)
	}
	b.line("mail", "%d waiting%s; in the last seven days %d failed", backlog.MailQueued, since(backlog.OldestMail), backlog.MailFailed)
	if p, offered := s.MMS(); offered {
		b.line("MMS", "offered: %s sent one at %s; until %s unless one is sent again", p.Device, p.At.Local().Format(clockTime), p.over().Local().Format(clockTime))
	}
	return nil
}

// tellParts says how the other parts are, and what is known of region and clock.
func (s *Store) tellParts(ctx context.Context, b *statusLines, parts []Health) error {
	changed, err := s.changed(ctx)
	if err != nil {
		return err
	}
	for _, h := range parts {
		word := "ok"
		switch {
		case h.OK:
		case s.Serving() && h.Since.Before(changed) && s.stamp().Sub(changed) < justNow:
			word = "tried again, as a setting was changed just now; before"
		default:
			word = "PROBLEM"
		}
		b.line(h.Part, "%s: %s", word, h.Text)
	}
	if region := s.Region(); region == "" {
		b.line("region", "unknown: numbers need their country code, or set sms.region")
	} else {
		b.line("region", "%s, for numbers without a country code", region)
	}
	if problem := s.ClockProblem(); problem != "" {
		b.line("clock", "PROBLEM: %s; until then nothing scheduled is sent and nothing expires", problem)
	}
	return nil
}

// diskNow is how the storage is, by what the serving process met, else by a try.
func (s *Store) diskNow() Health {
	if t := s.Storage(); !t.Condition.IsZero() {
		since := t.Since.Local().Format("2006-01-02 15:04:05")
		return Health{Part: "storage", Text: t.Condition.Words() + " (since " + since + ")"}
	}
	return CheckDisk(s.dir)
}

// justNow is how long a running service may take to try what a changed setting says.
const justNow = 5 * time.Second

func since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " (the oldest since " + t.Local().Format("2006-01-02 15:04:05") + ")"
}

// String says in one line how the modem is.
func (m Modem) String() string {
	if !m.Up {
		if m.Problem == "" {
			return "is being started"
		}
		return "PROBLEM: " + m.Problem
	}
	var words []string
	for _, w := range []string{strings.TrimSpace(m.Manufacturer + " " + m.Model), m.Operator, m.Registration} {
		if w != "" {
			words = append(words, w)
		}
	}
	if m.Signal <= 31 {
		words = append(words, fmt.Sprintf("signal %d dBm", 2*m.Signal-113)) // 3GPP TS 27.007 8.5
	}
	how := "ready"
	if m.Problem != "" {
		how = "PROBLEM: " + m.Problem
	}
	if len(words) > 0 {
		how += " (" + strings.Join(words, ", ") + ")"
	}
	return how
}

// details are what else is known of a modem: its SIM, how full its storages are, and what was found
// odd about it.
func (m Modem) details() (lines []string) {
	var words []string
	for _, w := range [][2]string{{"SIM ", cmp.Or(m.IMSI, m.ICCID)}, {"message centre ", m.SMSC}, {"storage ", m.Storage}} {
		if w[1] != "" {
			words = append(words, w[0]+w[1])
		}
	}
	if words != nil && m.Up {
		lines = append(lines, strings.Join(words, ", "))
	}
	for remark := range strings.SplitSeq(m.Remarks, "\n") {
		if remark != "" {
			lines = append(lines, "remark: "+remark)
		}
	}
	return lines
}

// Sentence makes a whole sentence of a reason, which rows hold as a phrase.
func Sentence(reason string) string {
	if reason == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(reason)
	if reason = string(unicode.ToUpper(first)) + reason[size:]; !strings.ContainsAny(reason[len(reason)-1:], ".!?") {
		reason += "."
	}
	return reason
}
