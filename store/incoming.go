package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"time"

	"omsbox/modem/sms"
	"omsbox/store/condition"
)

// What an Incoming may be.
const (
	KindSMS         = "SMS"         // a text from a person or a service
	KindData        = "data"        // for a program: 8-bit user data, or addressed to a port
	KindVoicemail   = "voicemail"   // the network says that voice mail, or the like, is waiting or no longer is
	KindSilent      = "silent"      // asks to be acknowledged and not to be shown; or no SMS-DELIVER at all
	KindUndecodable = "undecodable" // breaks the rules of TPDUs
)

// Incoming is what came in from a phone, whole or as far as it came.
type Incoming struct {
	ID        int64
	SIM       string    // IMSI of the SIM that received it
	Sender    string    // E.164, a short code, the name that the sender shows, or the mail address of who wrote a mail
	ReplyTo   string    // the number to which the sender wants answers to go; "" for Sender
	Kind      string    // KindSMS, …
	Class     int       // message class 0..3, -1 for none; phones show class 0 at once and do not keep it
	Port      int       // that data is addressed to; 0 for none
	Text      string    // of data and of what is undecodable the octets in hexadecimal; "[…]" where something is missing
	Waiting   string    // what is waiting, as a phrase for people: "2 voice messages are waiting"
	Flaw      string    // why it is undecodable
	Missing   string    // the segments that have not come, such as "2-4, 6 of 9"; "" where it is whole
	Cut       bool      // the end of a segment was lost on the way
	Objects   bool      // it has pictures, sounds or animations (EMS), which are not shown
	Completes int64     // the incomplete one that this has more of; 0 none
	Replaces  int64     // the earlier one of the same sender that this asks to be put in place of; 0 none
	Sent      time.Time // TP-SCTS: when the SMSC got it
	State     string    // "received", "mailed", "unroutable", "kept" (it lay on the SIM before) or "noted" (it asks for nothing)
	User      int64     // whose it is; 0 while nobody's, or where it was mailed to several
	Reason    string    // why it is unroutable
	Received  time.Time
}

const incomingColumns = `id, sim, sender, reply_to, kind, class, port, text, waiting, flaw, missing, cut, objects, ifnull(completes, 0),
	ifnull(replaces, 0), sent, state, ifnull(user_id, 0), reason, received`

func scanIncoming(r scanner) (i Incoming, err error) {
	var sent, received int64
	err = r.Scan(&i.ID, &i.SIM, &i.Sender, &i.ReplyTo, &i.Kind, &i.Class, &i.Port, &i.Text, &i.Waiting, &i.Flaw, &i.Missing, &i.Cut, &i.Objects,
		&i.Completes, &i.Replaces, &sent, &i.State, &i.User, &i.Reason, &received)
	i.Flaw, i.Sent, i.Received = condition.WordsOf(i.Flaw), fromMS(sent), fromMS(received)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("incoming message: %w", ErrNotFound)
	}
	return i, err
}

// Receive stores a TPDU that came in through a SIM. Once it returns the TPDU may be deleted from
// the modem. A TPDU that was stored before changes nothing. The last segment of a message makes
// the message; what cannot be decoded becomes a message that says so. A SMS-STATUS-REPORT goes the
// way of Report.
func (s *Store) Receive(ctx context.Context, sim string, tpdu []byte) error {
	return s.receive(ctx, sim, tpdu, false)
}

// Keep is Receive for what lay on a SIM before it was first met: it is stored and shown, but
// mailed to nobody. A message of which a part comes later is new, and is mailed.
func (s *Store) Keep(ctx context.Context, sim string, tpdu []byte) error {
	return s.receive(ctx, sim, tpdu, true)
}

func (s *Store) receive(ctx context.Context, sim string, tpdu []byte, kept bool) error {
	a := read(tpdu)
	if a.kind == kindReport {
		return s.report(ctx, sim, tpdu, a.report)
	}
	return s.write(ctx, func(t *tx) error { return t.arrive(sim, tpdu, a, kept) })
}

// arrive stores what is no report.
func (t *tx) arrive(sim string, tpdu []byte, a arrival, kept bool) error {
	this := segment{arrival: a, tpdu: tpdu, seq: 1, sender: t.writer.store.sender(a.From, sms.SenderType(tpdu)), sent: ms(a.SCTS), kept: kept}
	if a.SCTS.IsZero() {
		this.sent = ms(t.now)
	}
	k := concatKey{sim: sim, ref: -1, total: 1, data: a.Data != nil}
	if a.Concat.Total > 1 {
		k.ref, k.total, this.seq = int(a.Concat.Ref), int(a.Concat.Total), int(a.Concat.Seq)
		if a.Concat.Wide {
			k.ref += wideRef
		}
	}
	err := t.row(`INSERT INTO incoming_segments
			(key, tpdu, sim, sender, ref, total, seq, data, port, sent, kept, repeats, received, open)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?) RETURNING id, tail`,
		[]any{tpduKey(sim, tpdu), tpdu, sim, this.sender, k.ref, k.total, this.seq, k.data, a.Port.Dest,
			this.sent, kept, ms(t.now), k.ref >= 0}, &this.id, &k.tail)
	if isUnique(err) {
		return nil
	}
	if err != nil {
		return err
	}
	detail := fmt.Sprintf("segment %d of %d", this.seq, k.total)
	if err := t.trace(Line{Event: "arrived", Number: this.sender, Detail: detail}); err != nil {
		return err
	}
	t.ring(Arrived)
	if !kept {
		t.then(func() { t.writer.store.heard(this.sender, a.SCTS) })
	}
	if k.ref < 0 {
		return t.makeIncoming(k, []segment{this})
	}
	return t.assemble(k, this)
}

// kindReport is the kind of a SMS-STATUS-REPORT, which never becomes an Incoming.
const kindReport = "report"

// arrival is a TPDU as it is understood.
type arrival struct {
	sms.Deliver
	kind, flaw string
	report     sms.StatusReport // where kind is kindReport
}

// Values of TP-PID that make a message special. 3GPP TS 23.040 9.2.3.9
const (
	pidMail         = 0x32 // Internet electronic mail
	pidType0        = 0x40 // a short message of type 0
	pidReplaceFirst = 0x41 // replace short message type 1
	pidReplaceLast  = 0x47 // … and 7
	pidProgram      = 0x7C // ANSI-136 R-DATA, and what follows: data for programs of phone and SIM, up to 0x7F
)

// read tells what a TPDU is. It is the only place that does.
func read(tpdu []byte) arrival {
	mti, _ := sms.MessageType(tpdu)
	if mti == sms.MTIStatusReport {
		r, err := sms.ParseStatusReport(tpdu)
		if err != nil {
			return undecodable(tpdu, sms.Deliver{Class: -1}, err)
		}
		return arrival{kind: kindReport, report: r}
	}
	d, err := sms.ParseDeliver(tpdu)
	if err != nil {
		if _, notSubmit := sms.ParseSubmit(tpdu); mti == sms.MTISubmitReport && notSubmit == nil {
			found := condition.New(condition.SubmitFound)
			return arrival{Deliver: sms.Deliver{Class: -1}, kind: KindSilent, flaw: found.Row()}
		}
		return undecodable(tpdu, d, err)
	}
	a := arrival{Deliver: d, kind: KindSMS}
	switch {
	case d.PID == pidType0:
		// A phone acknowledges it and takes no notice: whoever sends it wants to know that the phone
		// is on, and no more.
		a.kind, a.Text, a.Data, a.Concat = KindSilent, "", nil, sms.Concat{}
	case d.Control && d.Text == "" && len(d.Data) == 0:
		a.kind, a.flaw, a.Data, a.Concat = KindSilent, condition.New(condition.ControlMessage).Row(), nil, sms.Concat{}
	case d.Data != nil, d.Port.Dest != 0:
		a.kind = KindData
	case d.Waiting.Indicated:
		a.kind = KindVoicemail
	}
	return a
}

// undecodable is what ends before its user data begins, or is of a type that a mobile does not receive.
// d has its sender, if that came.
func undecodable(tpdu []byte, d sms.Deliver, why error) arrival {
	d.Text = hex.EncodeToString(tpdu)
	return arrival{Deliver: d, kind: KindUndecodable, flaw: why.Error()}
}

// makeIncoming makes a message of its segments, which are in their order. Those that are missing are not
// among them.
func (t *tx) makeIncoming(k concatKey, segments []segment) error {
	first := segments[0]
	m := Incoming{SIM: k.sim, Sender: first.sender, Kind: first.kind, Class: first.Class, Text: first.Text,
		Flaw: first.flaw, State: "kept", Missing: missing(segments, k.total)}
	var waiting sms.Waiting
	sent := first.sent
	for _, s := range segments {
		if !s.kept {
			m.State = "received"
		}
		if len(s.sender) > len(m.Sender) { // with its country code
			m.Sender = s.sender
		}
		if m.Port == 0 {
			m.Port = int(s.Port.Dest)
		}
		if m.ReplyTo == "" && s.ReplyTo != "" {
			m.ReplyTo = t.writer.store.sender(s.ReplyTo, sms.NumberUnknown)
		}
		if s.Waiting.Active || !waiting.Indicated {
			waiting = s.Waiting
		}
		if s.kind == KindData { // the port may stand in one segment only
			m.Kind = KindData
		}
		m.Cut, m.Objects = m.Cut || s.Cut, m.Objects || s.Objects
		m.Completes = max(m.Completes, s.of)
		sent = min(sent, s.sent)
	}
	switch m.Kind {
	case KindSilent:
		m.State = "noted"
	case KindData:
		m.Kind, m.Text = octetsOf(segments, k.total, m.Port)
	case KindVoicemail:
		// Where the text is to be discarded, it is kept all the same: it may be words.
		m.Text, m.Waiting = join(segments, k.total, textOf), waiting.String()
		if !waiting.Active {
			m.State = "noted" // nothing is waiting any more
		}
	case KindSMS:
		m.Text = join(segments, k.total, textOf)
		if address, words, ok := fromMail(m.Text); ok && first.PID == pidMail {
			m.Sender, m.Text = clip(address, 254), words
		}
		if err := t.replace(&m, first); err != nil {
			return err
		}
	}
	id, err := t.insert(`INSERT INTO incoming (sim, sender, reply_to, kind, class, pid, port, text, waiting, flaw,
			missing, cut, objects, completes, replaces, sent, state, reason, received)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, 0), nullif(?, 0), ?, ?, '', ?)`,
		m.SIM, m.Sender, m.ReplyTo, m.Kind, m.Class, first.PID, m.Port, m.Text, m.Waiting, condition.Shorten(m.Flaw, 300),
		m.Missing, m.Cut, m.Objects, m.Completes, m.Replaces, sent, m.State, ms(t.now))
	if err != nil {
		return err
	}
	for _, s := range segments {
		_, err := t.exec(`UPDATE incoming_segments SET incoming_id = ?, repeats = 0, open = ? WHERE id = ?`,
			id, m.Missing != "", s.id)
		if err != nil {
			return err
		}
	}
	t.ring(Arrived)
	detail := m.Flaw
	if m.Missing != "" {
		detail = "without segment " + m.Missing
	}
	return t.trace(Line{Event: m.State, Incoming: id, Number: m.Sender, Detail: detail})
}

// replace finds the message that a text asks to be put in place of. 3GPP TS 23.040 9.2.3.9
func (t *tx) replace(m *Incoming, first segment) error {
	if first.PID < pidReplaceFirst || first.PID > pidReplaceLast {
		return nil
	}
	err := t.row(`SELECT id FROM incoming WHERE sim = ? AND sender = ? AND pid = ? AND pid BETWEEN 65 AND 71
			ORDER BY id DESC LIMIT 1`,
		[]any{m.SIM, m.Sender, first.PID}, &m.Replaces)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if m.Replaces == m.Completes {
		m.Replaces = 0
	}
	return nil
}

// octetsOf reads the segments of data. Some senders write words in 8-bit user data: where it is for no
// program and all of it is text, it is a text.
func octetsOf(segments []segment, total, port int) (kind, content string) {
	if first := segments[0]; port == 0 && (first.PID < pidProgram || first.PID > 0x7F) && !isCompressed(first.DCS) {
		all := true
		words := join(segments, total, func(run []segment) string {
			words, ok := sms.Octets(dataOf(run))
			all = all && ok
			return words
		})
		if all {
			return KindSMS, words
		}
	}
	return KindData, join(segments, total, func(run []segment) string { return hex.EncodeToString(dataOf(run)) })
}

// isCompressed reports whether a data coding scheme is one of compressed text. 3GPP TS 23.038 4
func isCompressed(dcs byte) bool { return dcs&0x80 == 0 && dcs&0x20 != 0 }

// mailText is a text that a gateway made of a mail: the address of who wrote the mail, then a blank, or the
// subject in brackets, or the person's name and the subject between number signs, then the words. Some
// gateways have * or ¡ where the default alphabet has @. 3GPP TS 23.040 3.8
var mailText = regexp.MustCompile(`(?s)^([0-9A-Za-z._%+-]{1,64})[@*¡]([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)+)` +
	`(?: |\(([^)]*)\)|#[^#]*##([^#]*)#|##([^#]*)#|#[^#]*#)(.*)$`)

// fromMail takes the text that a gateway made of a mail apart; the subject becomes the first line.
func fromMail(text string) (address, words string, ok bool) {
	m := mailText.FindStringSubmatch(text)
	if m == nil {
		return "", "", false
	}
	words = m[6]
	if subject := m[3] + m[4] + m[5]; subject != "" {
		words = subject + "\n" + words
	}
	return m[1] + "@" + m[2], words, true
}

// Incoming returns the message with that id; ErrNotFound.
func (s *Store) Incoming(ctx context.Context, id int64) (Incoming, error) {
	return one(ctx, s, scanIncoming, `SELECT `+incomingColumns+` FROM incoming WHERE id = ?`, id)
}
