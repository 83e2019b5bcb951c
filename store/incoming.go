package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"omsbox/modem/sms"
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
	Sender    string    // E.164, a short code, or the name that the sender shows
	Kind      string    // KindSMS, …
	Class     int       // message class 0..3, -1 for none; phones show class 0 at once and do not keep it
	Port      int       // that data is addressed to; 0 for none
	Text      string    // of data and of what is undecodable the octets in hexadecimal; "[…]" where segments are missing
	Waiting   string    // what is waiting, as a phrase for people: "2 voice messages are waiting"
	Flaw      string    // why it is undecodable
	Missing   string    // the segments that have not come, such as "2-4, 6 of 9"; "" where it is whole
	Completes int64     // the incomplete one that this has more of; 0 none
	Replaces  int64     // the earlier one of the same sender that this asks to be put in place of; 0 none
	Sent      time.Time // TP-SCTS: when the SMSC got it
	State     string    // "received", "mailed", "unroutable", "kept" (it lay on the SIM before) or "noted" (it asks for nothing)
	User      int64     // whose it is; 0 while nobody's, or where it was mailed to several
	Reason    string    // why it is unroutable
	Received  time.Time
}

const incomingColumns = `id, sim, sender, kind, class, port, text, waiting, flaw, missing, ifnull(completes, 0), ifnull(replaces, 0),
	sent, state, ifnull(user_id, 0), reason, received`

func scanIncoming(r scanner) (i Incoming, err error) {
	var sent, received int64
	err = r.Scan(&i.ID, &i.SIM, &i.Sender, &i.Kind, &i.Class, &i.Port, &i.Text, &i.Waiting, &i.Flaw, &i.Missing, &i.Completes, &i.Replaces,
		&sent, &i.State, &i.User, &i.Reason, &received)
	i.Sent, i.Received = fromMS(sent), fromMS(received)
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
	if r, err := sms.ParseStatusReport(tpdu); err == nil {
		return s.report(ctx, sim, tpdu, r)
	}
	return s.arrive(ctx, sim, tpdu, kept)
}

// arrive stores what is no report.
func (s *Store) arrive(ctx context.Context, sim string, tpdu []byte, kept bool) error {
	a := read(tpdu)
	return s.write(ctx, func(t *tx) error {
		from := s.sender(a.From)
		sent := a.SCTS
		if sent.IsZero() {
			sent = t.now
		}
		p := place{sim: sim, sender: from, ref: -1, total: 1}
		seq := 1
		if a.Concat.Total > 1 {
			p.ref, p.total, seq = int(a.Concat.Ref), int(a.Concat.Total), int(a.Concat.Seq)
			if a.Concat.Wide {
				p.ref += wideRef
			}
		}
		p.data = a.Data != nil
		segment, err := t.insert(`INSERT INTO incoming_segments (key, tpdu, sim, sender, ref, total, seq, data, port, sent, kept, repeats, received)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)`,
			tpduKey(sim, tpdu), tpdu, sim, from, p.ref, p.total, seq, p.data, a.Port.Dest, ms(sent), kept, ms(t.now))
		if isUnique(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := t.trace(Line{Event: "arrived", Number: from, Detail: fmt.Sprintf("segment %d of %d", seq, p.total)}); err != nil {
			return err
		}
		t.ring(Arrived)
		this := piece{id: segment, tpdu: tpdu, arrival: a, seq: seq, sent: ms(sent), kept: kept}
		if p.ref < 0 {
			return t.found(p, []piece{this})
		}
		return t.assemble(p, this)
	})
}

// arrival is a TPDU as it is understood.
type arrival struct {
	sms.Deliver
	kind, flaw string
}

// Values of TP-PID that make a message special. 3GPP TS 23.040 9.2.3.9
const (
	pidType0        = 0x40 // a short message of type 0
	pidReplaceFirst = 0x41 // replace short message type 1
	pidReplaceLast  = 0x47 // … and 7
)

// read says what a TPDU is.
func read(tpdu []byte) (a arrival) {
	d, err := sms.ParseDeliver(tpdu)
	a = arrival{Deliver: d, kind: KindSMS}
	switch {
	case err != nil:
		a.Deliver = sms.Deliver{Class: -1, Text: hex.EncodeToString(tpdu)}
		a.kind, a.flaw = KindUndecodable, err.Error()
		switch mti, _ := sms.MessageType(tpdu); mti {
		case sms.MTISubmitReport:
			if _, err := sms.ParseSubmit(tpdu); err == nil {
				a.kind, a.flaw, a.Text = KindSilent, "it is a SMS-SUBMIT, which was to be sent", ""
			}
		case sms.MTIStatusReport:
			_, err = sms.ParseStatusReport(tpdu)
			a.flaw = err.Error()
		}
	case d.PID == pidType0:
		// A phone acknowledges it and takes no notice: whoever sends it wants to know that the phone
		// is on, and no more.
		a.kind, a.Text, a.Data, a.Concat = KindSilent, "", nil, sms.Concat{}
	case d.Data != nil, d.Port.Dest != 0:
		a.kind = KindData
	case d.Waiting.Indicated:
		a.kind = KindVoicemail
	}
	return a
}

// found makes a message of its segments, which are in their order. Those that are missing are not
// among them.
func (t *tx) found(p place, pieces []piece) error {
	first := pieces[0]
	m := Incoming{SIM: p.sim, Sender: p.sender, Kind: first.kind, Class: first.Class, Flaw: first.flaw, State: "kept", Missing: missing(pieces, p.total)}
	var waiting sms.Waiting
	sent := first.sent
	for _, s := range pieces {
		if !s.kept {
			m.State = "received"
		}
		if m.Port == 0 {
			m.Port = int(s.Port.Dest)
		}
		if s.Waiting.Active || !waiting.Indicated {
			waiting = s.Waiting
		}
		if s.kind == KindData { // the port may stand in one segment only
			m.Kind = KindData
		}
		m.Completes = max(m.Completes, s.of)
		sent = min(sent, s.sent)
	}
	m.Text = first.Text
	if m.Kind == KindSMS || m.Kind == KindVoicemail || m.Kind == KindData {
		m.Text = join(pieces, p.total, m.Kind == KindData)
	}
	switch m.Kind {
	case KindSilent:
		m.State = "noted"
	case KindVoicemail:
		m.Waiting = waiting.String()
		if waiting.Discard {
			m.Text = ""
		}
		if !waiting.Active {
			m.State = "noted" // nothing is waiting any more
		}
	case KindSMS:
		if first.PID < pidReplaceFirst || first.PID > pidReplaceLast {
			break
		}
		err := t.row(`SELECT id FROM incoming WHERE sim = ? AND sender = ? AND pid = ? AND pid BETWEEN 65 AND 71 ORDER BY id DESC LIMIT 1`,
			[]any{p.sim, p.sender, first.PID}, &m.Replaces)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if m.Replaces == m.Completes {
			m.Replaces = 0
		}
	}
	id, err := t.insert(`INSERT INTO incoming (sim, sender, kind, class, pid, port, text, waiting, flaw, missing, completes, replaces, sent, state, reason, received)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, 0), nullif(?, 0), ?, ?, '', ?)`,
		m.SIM, m.Sender, m.Kind, m.Class, first.PID, m.Port, m.Text, m.Waiting, line(m.Flaw, 300), m.Missing, m.Completes, m.Replaces, sent, m.State, ms(t.now))
	if err != nil {
		return err
	}
	for _, s := range pieces {
		if _, err := t.exec(`UPDATE incoming_segments SET incoming_id = ?, repeats = 0 WHERE id = ?`, id, s.id); err != nil {
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

// Incoming returns the message with that id; ErrNotFound.
func (s *Store) Incoming(ctx context.Context, id int64) (Incoming, error) {
	return one(ctx, s, scanIncoming, `SELECT `+incomingColumns+` FROM incoming WHERE id = ?`, id)
}
