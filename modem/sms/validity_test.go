package sms_test

import (
	"bytes"
	"fmt"
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

// The values of TP-VP at the borders of its four ranges. 3GPP TS 23.040 9.2.3.12.1
func TestValidityAtTheBorders(t *testing.T) {
	const minute, day, week = time.Minute, 24 * time.Hour, 7 * 24 * time.Hour
	for _, c := range []struct {
		octet byte
		means time.Duration
	}{
		{0, 5 * minute}, {1, 10 * minute}, {142, 715 * minute}, {143, 720 * minute},
		{144, 750 * minute}, {145, 780 * minute}, {166, 1410 * minute}, {167, 1440 * minute},
		{168, 2 * day}, {169, 3 * day}, {195, 29 * day}, {196, 30 * day},
		{197, 5 * week}, {198, 6 * week}, {254, 62 * week}, {255, 63 * week},
	} {
		t.Run(c.means.String(), func(t *testing.T) {
			submit := func(octet byte) []byte {
				return octets(t, fmt.Sprintf("11 00 0C91447911123456 00 00 %02X 05 E8329BFD06", octet))
			}
			got, err := sms.ParseSubmit(submit(c.octet))
			if err != nil || got.Validity != c.means {
				t.Errorf("the octet %d means %v, %v", c.octet, got.Validity, err)
			}
			for asked, want := range map[time.Duration]byte{c.means: c.octet, c.means + 1: c.octet, c.means - 1: max(c.octet, 1) - 1} {
				tpdus, err := sms.Submit{To: "+449711214365", Text: "hello", Validity: asked}.TPDUs()
				if err != nil || !bytes.Equal(tpdus[0], submit(want)) {
					t.Errorf("for %v: got %X, %v, want the octet %d", asked, tpdus, err, want)
				}
				if got := sms.Within(submit(255), asked); !bytes.Equal(got, submit(want)) {
					t.Errorf("within %v: got %X, want the octet %d", asked, got, want)
				}
			}
		})
	}
}

func TestWithinChangesNothingElse(t *testing.T) {
	for _, c := range []struct {
		name, submit string
		within       time.Duration
		want         string
	}{
		{"a day becomes an hour", "11 07 0C91447911123456 7F 18 A7 04 D83DDE00", time.Hour, "11 07 0C91447911123456 7F 18 0B 04 D83DDE00"},
		{"an odd number of digits", "31 00 0D9144791112345 6F7 00 00 A7 05 E8329BFD06", time.Hour, "31 00 0D91447911123456F7 00 00 0B 05 E8329BFD06"},
		{"a short code", "51 FF 05812143F5 00 04 A7 05 0301020304", 5 * time.Minute, "51 FF 05812143F5 00 04 00 05 0301020304"},
		{"no digits at all", "11 00 0081 00 00 A7 00", time.Hour, "11 00 0081 00 00 0B 00"},
		{"one that is shorter already", "11 00 05812143F5 00 00 0A 01 35", time.Hour, "11 00 05812143F5 00 00 0A 01 35"},
		{"one that is as short already", "11 00 05812143F5 00 00 0B 01 35", time.Hour, "11 00 05812143F5 00 00 0B 01 35"},
		{"one that is longer by one", "11 00 05812143F5 00 00 0C 01 35", time.Hour, "11 00 05812143F5 00 00 0B 01 35"},
		{"no period", "01 00 05812143F5 00 00 01 35", time.Hour, "01 00 05812143F5 00 00 01 35"},
		{"a date", "19 00 05812143F5 00 00 62111222132300 01 35", time.Hour, "19 00 05812143F5 00 00 62111222132300 01 35"},
		{"an enhanced period", "09 00 05812143F5 00 00 01FF0000000000 01 35", time.Hour, "09 00 05812143F5 00 00 01FF0000000000 01 35"},
	} {
		t.Run(c.name, func(t *testing.T) {
			given := octets(t, c.submit)
			if got, want := sms.Within(given, c.within), octets(t, c.want); !bytes.Equal(got, want) {
				t.Errorf("got %X, want %X", got, want)
			}
			if !bytes.Equal(given, octets(t, c.submit)) {
				t.Error("what was given is another now")
			}
		})
	}
	for n := range 17 { // too short to hold a period, which is the octet 16 behind an address of 20 digits
		given := append([]byte{0x11, 0, 20}, make([]byte, 14)...)[:n]
		if got := sms.Within(given, time.Hour); !bytes.Equal(got, given) {
			t.Errorf("%X became %X", given, got)
		}
	}
}
