package sms_test

import (
	"testing"
	"time"

	"omsbox/modem/sms"
)

func TestValidityPeriods(t *testing.T) {
	const day, week = 24 * time.Hour, 7 * 24 * time.Hour
	for _, c := range []struct{ asked, want time.Duration }{
		{time.Second, 5 * time.Minute}, // the least there is
		{5 * time.Minute, 5 * time.Minute},
		{9 * time.Minute, 5 * time.Minute},
		{12 * time.Hour, 12 * time.Hour},
		{12*time.Hour + 29*time.Minute, 12 * time.Hour},
		{12*time.Hour + 30*time.Minute, 12*time.Hour + 30*time.Minute},
		{day, day},
		{day + 23*time.Hour, day},
		{3 * day, 3 * day},
		{30 * day, 30 * day},
		{33 * day, 30 * day}, // the next is five weeks
		{5 * week, 5 * week},
		{63 * week, 63 * week},
		{100 * week, 63 * week},
	} {
		t.Run(c.asked.String(), func(t *testing.T) {
			if got := sms.Relative(c.asked); got != c.want {
				t.Errorf("Relative says %v, want %v", got, c.want)
			}
			tpdus, err := sms.Submit{To: "+447911123456", Text: "hello", Report: true, Validity: c.asked}.TPDUs()
			if err != nil {
				t.Fatal(err)
			}
			got, err := sms.ParseSubmit(tpdus[0])
			if err != nil {
				t.Fatal(err)
			}
			if got.Validity != c.want || got.Text != "hello" || !got.Report {
				t.Errorf("the TPDU says %+v, want %v", got, c.want)
			}
		})
	}
}

func TestWithinChangesNothingElse(t *testing.T) {
	for _, to := range []string{"+447911123456", "+4479111234567", "12345"} {
		one := func(validity time.Duration) string {
			tpdus, err := sms.Submit{To: to, Text: "hello", Validity: validity}.TPDUs()
			if err != nil {
				t.Fatal(err)
			}
			return string(tpdus[0])
		}
		if got, want := string(sms.Within([]byte(one(24*time.Hour)), time.Hour)), one(time.Hour); got != want {
			t.Errorf("to %s: got %X, want %X", to, got, want)
		}
		if got, want := string(sms.Within([]byte(one(0)), time.Hour)), one(0); got != want {
			t.Errorf("to %s without a period: got %X, want %X", to, got, want)
		}
	}
	for n := range 10 {
		sms.Within([]byte{0x11, 0, 20, 0, 0, 0, 0, 0, 0, 0}[:n], time.Hour) // too short to hold one
	}
}
