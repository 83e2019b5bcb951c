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
	got, err := r.TPDU()
	if want := octets(t, "06 2A 0B915155214365F7 62111222132300 62111222134300 46"); string(got) != string(want) || err != nil {
		t.Errorf("got %X, %v, want %X", got, err, want)
	}
}

func TestOutcome(t *testing.T) {
	tests := []struct {
		status byte
		want   sms.Outcome
		reason string
	}{
		{0x00, sms.Delivered, "delivered to the phone"},
		{0x01, sms.Unproven, "handed on, but the message centre cannot confirm that the phone has it"},
		{0x03, sms.Failed, "not delivered (status 0x03 of the message centre)"}, // reserved
		{0x10, sms.Unproven, "completed (status 0x10 of the message centre)"},
		{0x22, sms.Pending, "the phone does not answer, the message centre keeps trying"},
		{0x3F, sms.Pending, "not delivered yet (status 0x3F of the message centre)"},
		{0x40, sms.Failed, "the network reports a remote procedure error"},
		{0x46, sms.Failed, "the phone was not reached before the message expired"},
		{0x62, sms.Failed, "the phone does not answer, the message centre gave up"},
		{0x80, sms.Failed, "not delivered (status 0x80 of the message centre)"}, // reserved
		{0xFF, sms.Failed, "not delivered (status 0xFF of the message centre)"},
	}
	for _, tt := range tests {
		r := sms.StatusReport{Status: tt.status}
		if got := r.Outcome(); got != tt.want {
			t.Errorf("0x%02X: got %v, want %v", tt.status, got, tt.want)
		}
		if got := r.Reason(); got != tt.reason {
			t.Errorf("0x%02X: got %q, want %q", tt.status, got, tt.reason)
		}
	}
}
