package store_test

import (
	"errors"
	"testing"
	"time"

	"omsbox/store"
)

func TestSettingsAreCheckedWhenTheyAreSet(t *testing.T) {
	s := open(t)
	addUser(t, s, "ann")
	for _, c := range []struct {
		key, value string
		ok         bool
	}{
		{"service.name", "Text messages", true},
		{"service.name", "two\nlines", false},
		{"sms.region", "GB", true},
		{"sms.region", "England", false},
		{"mail.relay", "smtp://mail.example.org:25", true},
		{"mail.relay", "smtps://user:password@mail.example.org", true},
		{"mail.relay", "smtps://user:p%23w%25@mail.example.org", true},
		{"mail.relay", "smtp://user:1#secret@mail.example.org", false},
		{"mail.relay", "smtp://user:1?secret@mail.example.org", false},
		{"mail.relay", "mail.example.org", false},
		{"mail.relay", "http://mail.example.org", false},
		{"mail.domain", "sms.example.org", true},
		{"mail.domain", "sms example", false},
		{"mail.catch-all", "ann", true},
		{"mail.catch-all", "nobody", false},
		{"oms.wait", "500ms", true},
		{"oms.wait", "0", true},
		{"oms.wait", "2", false},
		{"oms.wait", "1h", false},
		{"no.such", "x", false},
	} {
		t.Run(c.key+"="+c.value, func(t *testing.T) {
			err := s.Set(t.Context(), c.key, c.value)
			if (err == nil) != c.ok {
				t.Fatalf("got %v", err)
			}
			if c.ok && s.Setting(c.key) != c.value {
				t.Errorf("it is %q afterwards", s.Setting(c.key))
			}
		})
	}
	check(t, s.Set(t.Context(), "oms.wait", ""))
	if got := s.Wait(); got != 2*time.Second {
		t.Errorf("the default of oms.wait is %v", got)
	}
}

func TestNumbersBecomeE164(t *testing.T) {
	s := open(t)
	for _, c := range []struct{ region, raw, want string }{
		{"GB", "07911 123456", "+447911123456"},
		{"GB", "+44 (0)7911 123456", "+447911123456"},
		{"US", "(212) 555-0123", "+12125550123"},
		{"SE", "08-123 456 78", "+46812345678"},
		{"GB", "0046 8 123 456 78", "+46812345678"},
		{"", "+4917612345678", "+4917612345678"},
		{"US", "12345", "12345"},
		{"", "12345", "12345"},
		{"DE", "Ann Example <+49 176 12345678>", "+4917612345678"},
		{"DE", "tel:+49-176-12345678", "+4917612345678"},
		{"DE", "+4917612345678\u00a0", "+4917612345678"},
		{"", "0176 12345678", ""},
		{"DE", "", ""},
		{"DE", "hello", ""},
		{"DE", "+", ""},
		{"DE", "+49", ""},
		{"DE", "12", ""},
		{"DE", "1234567890123456789012", ""},
		{"DE", "+4917612345678;+4917612345679", ""},
		{"DE", "1<", ""},
		{"DE", "<>", ""},
		{"DE", "٠١٢٣٤٥", ""},
	} {
		t.Run(c.region+" "+c.raw, func(t *testing.T) {
			check(t, s.Set(t.Context(), "sms.region", c.region))
			got, err := s.Number(c.raw)
			if got != c.want || (err != nil) != (c.want == "") || (err != nil && !errors.Is(err, store.ErrNumber)) {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestTheSIMTellsTheRegion(t *testing.T) {
	s := open(t)
	if got := s.Region(); got != "" {
		t.Fatalf("without a SIM the region is %q", got)
	}
	check(t, s.SetModem(t.Context(), store.Modem{Device: "x", IMSI: "262011234567890"}))
	if got := s.Region(); got != "DE" {
		t.Errorf("with a German SIM the region is %q", got)
	}
	check(t, s.Set(t.Context(), "sms.region", "AT"))
	if got := s.Region(); got != "AT" {
		t.Errorf("with the setting AT the region is %q", got)
	}
}

func FuzzNumber(f *testing.F) {
	for _, raw := range []string{"+447911123456", "12345", "Ann <0176>", "tel:1", "+(", "<", "0044"} {
		f.Add(raw)
	}
	s := open(f)
	check(f, s.Set(f.Context(), "sms.region", "GB"))
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := s.Number(raw)
		if err != nil {
			return
		}
		again, err := s.Number(got)
		if err != nil || again != got {
			t.Errorf("%q became %q, and that %q (%v)", raw, got, again, err)
		}
	})
}
