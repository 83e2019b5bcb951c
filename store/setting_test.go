package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"omsbox/store"
)

func TestSettingsAreCheckedWhenTheyAreSet(t *testing.T) {
	t.Parallel()
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
		{"acme.dns", "exec /usr/local/bin/set-txt", true},
		{"acme.dns", "exec", false},
		{"acme.dns", "noip TOKEN", false},
		{"acme.dns", "noip", false},
		{"acme.dns", " ", false},
		{"mail.relay", "http://mail.example.org", false},
		{"mail.relay", "smtp://mail.example.org:65535", true},
		{"mail.relay", "smtp://mail.example.org:65536", false},
		{"mail.relay", "smtp://mail.example.org:0", false},
		{"mail.domain", "sms.example.org", true},
		{"mail.domain", "sms example", false},
		{"mail.catch-all", "ann", true},
		{"mail.catch-all", "nobody", false},
		{"oms.wait", "500ms", true},
		{"oms.wait", "0", true},
		{"oms.wait", "2", false},
		{"oms.wait", "1h", false},
		{"oms.sbcs", "7650", true},
		{"oms.sbcs", "7651", false},
		{"oms.dbcs", "3350", true},
		{"oms.dbcs", "3351", false},
		{"mms.size", "768KB", true},
		{"mms.size", "769KB", false},
		{"mms.size", "1MB", false},
		{"sms.hold", "yes", true},
		{"sms.hold", "true", false},
		{"sms.validity", "90m", true},
		{"sms.validity", "3d", true},
		{"sms.validity", "24", false},
		{"sms.validity", "1m", false},
		{"sms.validity", "forever", false},
		{"sms.failover", "never", true},
		{"sms.failover", "0", true},
		{"sms.failover", "soon", false},
		{"sms.languages", "turkish, portuguese", true},
		{"sms.languages", "all", true},
		{"sms.languages", "klingon", false},
		{"sms.plain", "yes", true},
		{"sms.plain", "maybe", false},
		{"sms.references", "16", true},
		{"sms.references", "32", false},
		{"sms.incomplete", "2d", true},
		{"sms.incomplete", "0", false},
		{"sms.hold/262011234567890", "yes", false},
		{"sim.pin", "1234", true},
		{"sim.pin/262011234567890", "12345678", true},
		{"sim.pin", "123", false},
		{"sim.pin", "12a4", false},
		{"sim.smsc", "+491710760000", true},
		{"sim.smsc", "the one of my network", false},
		{"sim.daily", "200", true},
		{"sim.daily/262011234567890", "0", true},
		{"sim.daily/89490200001234567890", "50", true},
		{"sim.daily", "-1", false},
		{"sim.daily", "many", false},
		{"sim.daily/x", "1", false},
		{"sim.monthly", "5000", true},
		{"sim.monthly", "5 000", false},
		{"sim.pace", "20/m", true},
		{"sim.pace", "2/s", true},
		{"sim.pace", "0", true},
		{"sim.pace", "20", false},
		{"sim.pace", "0/m", false},
		{"sim.pace", "20/d", false},
		{"sim.hold/262011234567890", "yes", true},
		{"sim.users/262011234567890", "ann", true},
		{"sim.users/262011234567890", "ann, nobody", false},
		{"sim.users", "ann", false},
		{"sim.prefixes/262011234567890", "+43, +4917", true},
		{"sim.prefixes/262011234567890", "0043", false},
		{"sim.prefixes/262011234567890", "Austria", false},
		{"sim.prefixes", "+43", false},
		{"sim.balance", "*100#", true},
		{"sim.balance", "call 100", false},
		{"sim.least", "2.50", true},
		{"sim.least", "2,50", false},
		{"services", "sales,alarms", true},
		{"services", "Sales", false},
		{"http.proxies", "127.0.0.1, 10.0.0.0/8", true},
		{"http.proxies", "0.0.0.0/0", false},
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
	check(t, s.Set(t.Context(), "services", ",sales, hot line"))
	if got := s.Setting("services"); got != "sales,hot,line" {
		t.Errorf("the services are %q: a name with a space is not seen to be two", got)
	}
	check(t, s.Set(t.Context(), "oms.wait", ""))
	if got := s.Wait(); got != 2*time.Second {
		t.Errorf("the default of oms.wait is %v", got)
	}
}

func TestAListWithNothingInItIsRefusedInWords(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, key := range []string{"services", "http.proxies", "sms.languages", "sim.users/262011234567890", "sim.prefixes/262011234567890"} {
		for _, empty := range []string{",", " ", " , ,"} {
			err := s.Set(t.Context(), key, empty)
			if !errors.Is(err, store.ErrInvalid) || !strings.Contains(err.Error(), `there is nothing in it; write "" for none`) {
				t.Errorf("%s=%q: %v", key, empty, err)
			}
		}
		check(t, s.Set(t.Context(), key, ""))
	}
}

func TestASettingOfOneSIMGoesBeforeThatOfAll(t *testing.T) {
	t.Parallel()
	const imsi, iccid = "262011234567890", "89490200001234567890"
	s := open(t)
	_, err := s.MeetSIM(t.Context(), imsi, iccid)
	check(t, err)
	check(t, s.Set(t.Context(), "sim.daily", "200"))
	check(t, s.Set(t.Context(), "sim.daily/"+iccid, "50"))
	for name, got := range map[string]int{"by its ICCID": s.Daily(iccid), "by the IMSI that it was met with": s.Daily(imsi), "by both": s.Daily(imsi, iccid)} {
		if got != 50 {
			t.Errorf("%s it may send %d a day, want 50", name, got)
		}
	}
	if got := s.Daily("262019999999999", ""); got != 200 {
		t.Errorf("another one may send %d a day, want 200", got)
	}
}

func TestWhatTheSettingsSayAboutSending(t *testing.T) {
	t.Parallel()
	s := open(t)
	if d, bounded := s.Failover(); d != 5*time.Minute || !bounded || s.Validity() != 24*time.Hour || s.Held("x") || s.Pace("x") != 0 || s.Coding().Segments("“hello”") != 1 {
		t.Error("the defaults are others")
	}
	for key, value := range map[string]string{"sms.failover": "never", "sms.validity": "3d", "sim.hold/262011234567890": "yes", "sim.pace": "20/m", "sms.plain": "yes", "sms.references": "16"} {
		check(t, s.Set(t.Context(), key, value))
	}
	if _, bounded := s.Failover(); bounded {
		t.Error("the SIM that a text is meant for is not waited for")
	}
	if got := s.Validity(); got != 72*time.Hour {
		t.Errorf("three days are %v", got)
	}
	if s.Held("x") || !s.Held("262011234567890") {
		t.Error("another SIM is held")
	}
	if got := s.Pace("x"); got != 3*time.Second {
		t.Errorf("with 20 a minute one leaves every %v", got)
	}
	if got := s.Coding().Segments(strings.Repeat("“hello” ", 20)); got != 1 {
		t.Errorf("with plain quotes it takes %d segments", got)
	}
	if got := s.Coding().Segments(long(10)); got != 11 {
		t.Errorf("with references of 16 bits it takes %d segments", got)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	s := open(t)
	check(t, s.Set(t.Context(), "sim.pin", "4711"))
	check(t, s.Set(t.Context(), "sim.pin/262011234567890", "8150"))
	check(t, s.Set(t.Context(), "mail.relay", "smtps://ann:sesame@mail.example.org"))
	var all strings.Builder
	for _, key := range []string{"", "sim.pin", "sim.pin/262011234567890", "mail.relay"} {
		check(t, s.ShowSettings(&all, key))
	}
	for _, secret := range []string{"4711", "8150", "sesame"} {
		if strings.Contains(all.String(), secret) {
			t.Errorf("%s is shown:\n%s", secret, all.String())
		}
	}
	for _, want := range []string{"sim.pin/262011234567890 set", "mail.example.org"} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, all.String())
		}
	}
}

func TestNumbersBecomeE164(t *testing.T) {
	t.Parallel()
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
		{"DE", "٠١٢٣٤٥", "012345"},
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
	t.Parallel()
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
