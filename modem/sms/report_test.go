package sms_test

import (
	"testing"
	"time"

	"omsbox/modem/sms"
)

func TestParseStatusReport(t *testing.T) {
	tests := []struct {
		name, tpdu string
		want       sms.StatusReport
	}{
		{"delivered", "06 2A 0B915155214365F7 62111222132300 62111222134300 00",
			sms.StatusReport{MR: 42, To: "+15551234567",
				SCTS: time.Date(2026, 11, 21, 22, 31, 32, 0, time.UTC), Discharge: time.Date(2026, 11, 21, 22, 31, 34, 0, time.UTC)}},
		{"national number, bad dates, more parameters", "06 FF 0A817010325476 00000000000000 FFFFFFFFFFFFFF 46 FF 00 00 00",
			sms.StatusReport{MR: 255, To: "0701234567", Status: 0x46}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := sms.ParseStatusReport(octets(t, tt.tpdu))
			if err != nil || got != tt.want {
				t.Errorf("\n got %+v, %v\nwant %+v", got, err, tt.want)
			}
		})
	}
	if _, err := sms.ParseStatusReport(octets(t, "06 2A 0B915155214365F7 62111222132300 62111222134300")); err == nil {
		t.Error("a report without status is none")
	}
	if _, err := sms.ParseStatusReport(octets(t, "04 2A 0B915155214365F7 62111222132300 62111222134300 00")); err == nil {
		t.Error("a SMS-DELIVER was taken for a report")
	}
}

func TestStatusReportOnTheWire(t *testing.T) {
	r := sms.StatusReport{MR: 42, To: "+15551234567", Status: 0x46,
		SCTS: time.Date(2026, 11, 21, 22, 31, 32, 0, time.UTC), Discharge: time.Date(2026, 11, 21, 22, 31, 34, 0, time.UTC)}
	if got, err := (sms.StatusReport{To: "Bank"}).TPDU(); err == nil {
		t.Errorf("a report of no number became %X", got)
	}
	got, err := r.TPDU()
	if want := octets(t, "06 2A 0B915155214365F7 62111222132300 62111222134300 46"); string(got) != string(want) || err != nil {
		t.Errorf("got %X, %v, want %X", got, err, want)
	}
}

// What is said of each TP-ST. 3GPP TS 23.040 9.2.3.15
func TestOutcome(t *testing.T) {
	for st, reason := range map[byte]string{
		0x00: "delivered to the phone",
		0x01: "handed on, but the message centre cannot confirm that the phone has it",
		0x02: "replaced by the message centre",
		0x03: "not delivered (status 0x03 of the message centre)", // reserved
		0x0F: "not delivered (status 0x0F of the message centre)",
		0x10: "completed (status 0x10 of the message centre)", // of the message centre alone
		0x1F: "completed (status 0x1F of the message centre)",
		0x20: "the network is congested, the message centre keeps trying",
		0x21: "the phone is busy, the message centre keeps trying",
		0x22: "the phone does not answer, the message centre keeps trying",
		0x23: "the service was rejected, the message centre keeps trying",
		0x24: "the quality of service is not available, the message centre keeps trying",
		0x25: "the phone reports an error, the message centre keeps trying",
		0x26: "not delivered yet (status 0x26 of the message centre)",
		0x3F: "not delivered yet (status 0x3F of the message centre)",
		0x40: "the network reports a remote procedure error",
		0x41: "the recipient's device cannot take texts",
		0x42: "the phone refused the message",
		0x43: "the number cannot be reached",
		0x44: "the quality of service is not available",
		0x45: "there is no connection to the recipient's network",
		0x46: "the phone was not reached before the message expired",
		0x47: "deleted by the sender",
		0x48: "deleted by the message centre",
		0x49: "the message centre does not know the message",
		0x4A: "not delivered (status 0x4A of the message centre)",
		0x60: "the network is congested, the message centre gave up",
		0x61: "the phone is busy, the message centre gave up",
		0x62: "the phone does not answer, the message centre gave up",
		0x63: "the service was rejected",
		0x64: "the quality of service is not available, the message centre gave up",
		0x65: "the phone reports an error, the message centre gave up",
		0x66: "not delivered (status 0x66 of the message centre)",
		0x80: "not delivered (status 0x80 of the message centre)", // reserved
		0xFF: "not delivered (status 0xFF of the message centre)",
	} {
		if got := (sms.StatusReport{Status: st}).Reason(); got != reason {
			t.Errorf("0x%02X: got %q, want %q", st, got, reason)
		}
	}
	for _, c := range []struct {
		from, to byte
		want     sms.Outcome
		word     string
	}{
		{0x00, 0x00, sms.Delivered, "delivered"}, {0x01, 0x02, sms.Unproven, "unproven"}, {0x03, 0x0F, sms.Failed, "failed"},
		{0x10, 0x1F, sms.Unproven, "unproven"}, {0x20, 0x3F, sms.Pending, "pending"}, {0x40, 0xFF, sms.Failed, "failed"},
	} {
		for st := int(c.from); st <= int(c.to); st++ {
			if got := (sms.StatusReport{Status: byte(st)}).Outcome(); got != c.want || got.String() != c.word {
				t.Errorf("0x%02X: got %v, want %s", st, got, c.word)
			}
		}
	}
}

// A report whose times are not known says so: a date of its own would be taken for that of another text.
func TestAReportWithoutTimesHasNone(t *testing.T) {
	t.Parallel()
	some := time.Date(2026, 11, 30, 20, 31, 32, 0, time.FixedZone("", 3600))
	for _, times := range [][2]time.Time{{}, {some}, {1: some}, {some, some}} {
		want := sms.StatusReport{MR: 7, To: "+447911123456", SCTS: times[0], Discharge: times[1], Status: 48}
		tpdu, err := want.TPDU()
		if err != nil {
			t.Fatal(err)
		}
		got, err := sms.ParseStatusReport(tpdu)
		if err != nil {
			t.Fatal(err)
		}
		if !got.SCTS.Equal(want.SCTS) || !got.Discharge.Equal(want.Discharge) || got.Status != 48 || got.MR != 7 {
			t.Errorf("%+v is read back as %+v", want, got)
		}
	}
}
