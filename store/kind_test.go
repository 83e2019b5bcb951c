package store_test

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"omsbox/modem/sms"
	"omsbox/store"
)

// with returns the TPDU of a text of one segment, changed: of a number of 12 digits TP-PID and TP-DCS
// are the octets 9 and 10. 3GPP TS 23.040 9.2.2.1
func with(t testing.TB, text string, pid, dcs byte) []byte {
	t.Helper()
	tpdu := parts(t, text, 0)[0]
	tpdu[9], tpdu[10] = pid, dcs
	return tpdu
}

func TestWhatComesInHasItsKind(t *testing.T) {
	t.Parallel()
	submit, err := sms.Submit{To: number, Text: "a draft"}.TPDUs()
	check(t, err)
	data := parts(t, "", 0, func(d *sms.Deliver) { d.Data = []byte{0, 0xFF} })[0]
	push := parts(t, "", 0, func(d *sms.Deliver) { d.Data, d.Port = []byte{1, 6}, sms.Port{Dest: 2948, Source: 9200} })[0]
	ported := parts(t, "hi", 0, func(d *sms.Deliver) { d.Port = sms.Port{Dest: 5000} })[0]
	turkish := parts(t, strings.Repeat("ışığ", 30), 0, func(d *sms.Deliver) { d.Coding.Languages = sms.AllLanguages })
	header := with(t, "", 0, 0)
	header = append(header[:len(header)-1], append([]byte{5, 4}, unhex(t, "01028003")...)...)
	header[0] |= 0x40
	octets := func(text string, change ...func(*sms.Deliver)) []byte {
		return parts(t, "", 0, append(change, func(d *sms.Deliver) { d.Data = []byte(text) })...)[0]
	}
	headed := func(tpdu []byte, header string) []byte { // of UTF-16 or octets
		udl := 18 // after TP-OA of six octets. 3GPP TS 23.040 9.2.2.1
		headed := append(tpdu[:udl:udl], tpdu[udl]+byte(len(header)/2))
		headed = append(append(headed, unhex(t, header)...), tpdu[udl+1:]...)
		headed[0] |= 0x40
		return headed
	}
	compressed := octets("words")
	compressed[10] = 0x20
	whole := with(t, "Dear Ann, the train is late", 0, 0)
	cutOff := whole[:len(whole)-10]
	mail := func(text string) []byte { return with(t, text, 0x32, 0) }
	report, err := sms.StatusReport{MR: 5, To: number, SCTS: noon}.TPDU()
	check(t, err)
	for _, c := range []struct {
		name  string
		tpdu  []byte
		want  store.Incoming // Kind, Class, Port, Text, Waiting and State count
		flaw  string
		state string // "" for received
	}{
		{name: "a text", tpdu: with(t, "hello", 0, 0), want: store.Incoming{Kind: "SMS", Class: -1, Text: "hello"}},
		{name: "a text in octets", tpdu: octets("Gr\xFC\xDFe"), want: store.Incoming{Kind: "SMS", Class: -1, Text: "Grüße"}},
		{name: "octets for the SIM", tpdu: octets("words", func(d *sms.Deliver) { d.PID = 0x7F }), want: store.Incoming{Kind: "data", Class: -1, Text: "776f726473"}},
		{name: "octets for a port", tpdu: octets("words", func(d *sms.Deliver) { d.Port.Dest = 5000 }),
			want: store.Incoming{Kind: "data", Class: -1, Port: 5000, Text: "776f726473"}},
		{name: "a compressed text", tpdu: compressed, want: store.Incoming{Kind: "data", Class: -1, Text: "776f726473"}},
		{name: "a text cut short", tpdu: cutOff, want: store.Incoming{Kind: "SMS", Class: -1, Text: "Dear Ann, the tr[…]", Cut: true}},
		{name: "octets cut short", tpdu: octets("\x00\xFF\x00\xFF")[:21], want: store.Incoming{Kind: "data", Class: -1, Text: "00ff[…]", Cut: true}},
		{name: "a text of which only the sender came", tpdu: whole[:10],
			want: store.Incoming{Kind: "undecodable", Class: -1, Text: hex.EncodeToString(whole[:10])}, flaw: "ends too early"},
		{name: "a control message", tpdu: headed(octets(""), "0409020102"), want: store.Incoming{Kind: "silent", Class: -1}, flaw: "WCMP", state: "noted"},
		{name: "words with a control message", tpdu: headed(octets("words"), "0409020102"), want: store.Incoming{Kind: "SMS", Class: -1, Text: "words"}},
		{name: "words with a picture", tpdu: headed(with(t, "", 0, 8), "0512030100FF"),
			want: store.Incoming{Kind: "SMS", Class: -1, Objects: true}},
		{name: "words with a number for answers", tpdu: headed(octets("call back"), "082206089121436587"),
			want: store.Incoming{Kind: "SMS", Class: -1, Text: "call back", ReplyTo: "+12345678"}},
		{name: "a mail", tpdu: mail("bob@example.net see you at six"), want: store.Incoming{Kind: "SMS", Class: -1, Sender: "bob@example.net", Text: "see you at six"}},
		{name: "a mail with its subject", tpdu: mail("bob*example.net(Hi)see you at six"),
			want: store.Incoming{Kind: "SMS", Class: -1, Sender: "bob@example.net", Text: "Hi\nsee you at six"}},
		{name: "a mail with a name and its subject", tpdu: mail("bob@mail.example.net#Bob##Hi#see you"),
			want: store.Incoming{Kind: "SMS", Class: -1, Sender: "bob@mail.example.net", Text: "Hi\nsee you"}},
		{name: "a mail with its subject alone", tpdu: mail("bob@example.net##Hi#see # you"),
			want: store.Incoming{Kind: "SMS", Class: -1, Sender: "bob@example.net", Text: "Hi\nsee # you"}},
		{name: "a mail with a name", tpdu: mail("bob@example.net#Bob#see you"),
			want: store.Incoming{Kind: "SMS", Class: -1, Sender: "bob@example.net", Text: "see you"}},
		{name: "a mail of no words", tpdu: mail("bob@example.net "), want: store.Incoming{Kind: "SMS", Class: -1, Sender: "bob@example.net"}},
		{name: "a mail that does not say who wrote it", tpdu: mail("see you at six"), want: store.Incoming{Kind: "SMS", Class: -1, Text: "see you at six"}},
		{name: "a text that begins with an address", tpdu: with(t, "bob@example.net see you", 0, 0),
			want: store.Incoming{Kind: "SMS", Class: -1, Text: "bob@example.net see you"}},
		{name: "a text in the Turkish alphabet", tpdu: turkish[0], want: store.Incoming{Kind: "SMS", Class: -1, Text: strings.Repeat("ışığ", 30)}},
		{name: "a flash message", tpdu: with(t, "hello", 0, 0x10), want: store.Incoming{Kind: "SMS", Class: 0, Text: "hello"}},
		{name: "data", tpdu: data, want: store.Incoming{Kind: "data", Class: -1, Text: "00ff"}},
		{name: "a WAP push", tpdu: push, want: store.Incoming{Kind: "data", Class: -1, Port: 2948, Text: "0106"}},
		{name: "text for a program", tpdu: ported, want: store.Incoming{Kind: "data", Class: -1, Port: 5000, Text: "6869"}},
		{name: "type 0", tpdu: with(t, "are you there", 0x40, 0), want: store.Incoming{Kind: "silent", Class: -1}, state: "noted"},
		{name: "voice mail, its text to be discarded", tpdu: with(t, "dial 121", 0, 0xC8),
			want: store.Incoming{Kind: "voicemail", Class: -1, Text: "dial 121", Waiting: "voice messages are waiting"}},
		{name: "voice mail, its text to be kept", tpdu: with(t, "dial 121", 0, 0xD8),
			want: store.Incoming{Kind: "voicemail", Class: -1, Text: "dial 121", Waiting: "voice messages are waiting"}},
		{name: "a fax, in UCS-2", tpdu: with(t, "", 0, 0xE9), want: store.Incoming{Kind: "voicemail", Class: -1, Waiting: "faxes are waiting"}},
		{name: "no voice mail any more", tpdu: with(t, "", 0, 0xC0), want: store.Incoming{Kind: "voicemail", Class: -1}, state: "noted"},
		{name: "three voice messages, by header", tpdu: header, want: store.Incoming{Kind: "voicemail", Class: -1, Waiting: "3 voice messages are waiting"}},
		{name: "what breaks off", tpdu: []byte{0x04, 0x0B, 0x91}, want: store.Incoming{Kind: "undecodable", Class: -1, Text: "040b91"}, flaw: "ends too early"},
		{name: "a report that breaks off", tpdu: report[:9], want: store.Incoming{Kind: "undecodable", Class: -1, Text: hex.EncodeToString(report[:9])}, flaw: "SMS-STATUS-REPORT: "},
		{name: "a draft that lay in the modem", tpdu: submit[0], want: store.Incoming{Kind: "silent", Class: -1}, flaw: "SMS-SUBMIT", state: "noted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			check(t, s.Receive(t.Context(), "imsi", c.tpdu))
			if c.state == "" {
				c.state = "received"
			}
			got, err := s.Incoming(t.Context(), 1)
			check(t, err)
			want := c.want
			switch {
			case want.Sender != "":
			case len(c.tpdu) >= 9 && c.tpdu[0]&3 == 0: // a SMS-DELIVER that has a sender
				want.Sender = number
			}
			want.ID, want.SIM, want.State, want.Flaw, want.Sent, want.Received = 1, "imsi", c.state, got.Flaw, got.Sent, got.Received
			if got != want || !strings.Contains(got.Flaw, c.flaw) || (got.Flaw == "") != (c.flaw == "") {
				t.Errorf("\n got %#v\nwant %#v", got, want)
			}
			if n := len(unrouted(t, s)); (n == 1) != (c.state == "received") {
				t.Errorf("%d are to be routed", n)
			}
		})
	}
}

func TestAReportIsNoText(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := enqueue(t, s, 0, "hello", number)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Accepted, MR: 5}))
	tpdu, err := sms.StatusReport{MR: 5, To: number}.TPDU()
	check(t, err)
	check(t, s.Receive(t.Context(), "imsi", tpdu)) // from whatever storage
	if got := state(t, s, id); got != store.Delivered {
		t.Errorf("it is %s", got)
	}
	if got := unrouted(t, s); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestAReplacingTextKeepsWhatItReplaces(t *testing.T) {
	t.Parallel()
	a := arrive(t)
	text := func(from, text string, pid byte, after time.Duration) {
		tpdus, err := sms.Deliver{From: from, Text: text, PID: pid, SCTS: noon.Add(after)}.TPDUs(1)
		check(t, err)
		a.receive(tpdus...)
	}
	text(number, "plain", 0, 0)
	text(number, "at five", 0x41, 1*time.Minute)
	text(number, "another matter", 0x42, 2*time.Minute)
	text("+447911000002", "another sender's", 0x41, 3*time.Minute)
	text(number, "at six", 0x41, 4*time.Minute)
	text(number, "at seven", 0x41, 5*time.Minute)
	text(number, "plain again", 0, 6*time.Minute)
	text(number, "the last type", 0x47, 7*time.Minute)
	text(number, "its other", 0x47, 8*time.Minute)
	text(number, "no such type", 0x48, 9*time.Minute)
	text(number, "nor again", 0x48, 10*time.Minute)
	var replaces []int64
	for i, in := range a.got() {
		if in.ID != int64(i+1) {
			t.Fatalf("got %+v", in)
		}
		replaces = append(replaces, in.Replaces)
	}
	want := []int64{0, 0, 0, 0, 2, 5, 0, 0, 8, 0, 0}
	for i := range want {
		if replaces[i] != want[i] {
			t.Fatalf("they replace %v, want %v", replaces, want)
		}
	}
}
