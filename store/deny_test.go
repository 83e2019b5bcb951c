package store_test

import (
	"cmp"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nyaruka/phonenumbers"

	"omsbox/store"
	"omsbox/store/condition"
)

func TestWhichNumbersAreDenied(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, region, imsi string
		deny, premium      string // the settings
		typed              string
		why                condition.Code // "" where the number is not denied
		setting            string
	}{
		{name: "an ordinary number", region: "GB", typed: "07911 123456"},
		{name: "112", region: "GB", typed: "112", why: condition.EmergencyNumber},
		{name: "911 in Europe", region: "DE", typed: "9-1-1", why: condition.EmergencyNumber},
		{name: "999 in America", region: "US", typed: "999", why: condition.EmergencyNumber},
		{name: "an emergency number of the region", region: "AU", typed: "000", why: condition.EmergencyNumber},
		{name: "of the SIM's country", imsi: "262011234567890", typed: "110", why: condition.EmergencyNumber},
		{name: "of the SIM's country, although the region is another", region: "GB", imsi: "262011234567890", typed: "110", why: condition.EmergencyNumber},
		{name: "of another country than the region's", region: "GB", typed: "110"},
		{name: "while no country is known", typed: "119", why: condition.EmergencyNumber},
		{name: "whatever is allowed", region: "GB", premium: "999", typed: "999", why: condition.EmergencyNumber},
		{name: "a premium-rate number", region: "GB", typed: "0909 879 0000", why: condition.PremiumNumber, setting: "sms.premium"},
		{name: "of another country", region: "GB", typed: "+1 900 555 1234", why: condition.PremiumNumber, setting: "sms.premium"},
		{name: "of no country", region: "GB", typed: "+979 123 456 789", why: condition.PremiumNumber, setting: "sms.premium"},
		{name: "a premium-rate short code", region: "SE", typed: "72123", why: condition.PremiumNumber, setting: "sms.premium"},
		{name: "of eight digits", region: "AU", typed: "19123456", why: condition.PremiumNumber, setting: "sms.premium"},
		{name: "of the SIM's country", imsi: "240011234567890", typed: "72123", why: condition.PremiumNumber, setting: "sms.premium"},
		{name: "another short code", region: "SE", typed: "71700"},
		{name: "premium-rate numbers are allowed", region: "GB", premium: "yes", typed: "0909 879 0000"},
		{name: "this short code is allowed", region: "SE", premium: "72123 +4490", typed: "72123"},
		{name: "these numbers are allowed", region: "SE", premium: "72123 +4490", typed: "+449098790000"},
		{name: "and no others", region: "SE", premium: "72123 +4490", typed: "72124", why: condition.PremiumNumber, setting: "sms.premium"},
		{name: "a listed beginning", region: "GB", deny: "+4479,71700", typed: "07911 123456", why: condition.DeniedNumber, setting: "sms.deny"},
		{name: "a listed short code", region: "SE", deny: "+4479,71700", typed: "71700", why: condition.DeniedNumber, setting: "sms.deny"},
		{name: "a longer one", region: "SE", deny: "+4479,71700", typed: "717001"},
		{name: "listed and allowed", region: "GB", deny: "+44", premium: "yes", typed: "0909 879 0000", why: condition.DeniedNumber, setting: "sms.deny"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			check(t, s.Set(t.Context(), "sms.region", c.region))
			check(t, s.Set(t.Context(), "sms.deny", c.deny))
			check(t, s.Set(t.Context(), "sms.premium", c.premium))
			if c.imsi != "" {
				check(t, s.SetModem(t.Context(), store.Modem{Device: "x", IMSI: c.imsi}))
			}
			to, err := s.Recipient(c.typed)
			if c.why == "" {
				if err != nil || to.Number == "" || to.Typed != c.typed {
					t.Fatalf("got %+v, %v", to, err)
				}
				return
			}
			var denied *store.Denied
			if !errors.As(err, &denied) || !errors.Is(err, store.ErrDenied) || errors.Is(err, store.ErrNumber) {
				t.Fatalf("got %v, want it denied", err)
			}
			if denied.Why.Code != c.why || !strings.Contains(err.Error(), c.setting) {
				t.Errorf("got %s: %v", denied.Why.Code, err)
			}
			_, _, err = s.Enqueue(t.Context(), store.Message{Source: store.SourceCommand, Parts: []string{"hi"},
				To: []store.Recipient{{Number: number, Typed: number}, {Number: denied.Number, Typed: c.typed}}})
			if !errors.As(err, &denied) {
				t.Errorf("whoever does not ask before gets it queued: %v", err)
			}
			if c := all(t, s, "imsi"); len(c) > 0 {
				t.Errorf("%q are queued", c)
			}
		})
	}
}

// Wherever the lists have an example of a premium-rate number, no text goes to it.
func TestPremiumRateNumbersOfAllRegions(t *testing.T) {
	t.Parallel()
	s := open(t)
	tried := 0
	for region := range phonenumbers.GetSupportedRegions() {
		example := phonenumbers.GetExampleNumberForType(region, phonenumbers.PREMIUM_RATE)
		if example == nil {
			continue
		}
		tried++
		if to, err := s.Recipient(phonenumbers.Format(example, phonenumbers.E164)); !errors.Is(err, store.ErrDenied) {
			t.Errorf("%s: got %+v, %v", region, to, err)
		}
	}
	if tried < 100 {
		t.Errorf("there are %d examples", tried)
	}
}

// Wherever the lists have an example of a mobile number, texts go to it.
func TestMobileNumbersOfAllRegions(t *testing.T) {
	t.Parallel()
	s := open(t)
	for region := range phonenumbers.GetSupportedRegions() {
		example := phonenumbers.GetExampleNumberForType(region, phonenumbers.MOBILE)
		if example == nil {
			continue
		}
		want := phonenumbers.Format(example, phonenumbers.E164)
		check(t, s.Set(t.Context(), "sms.region", region))
		for _, form := range []phonenumbers.PhoneNumberFormat{phonenumbers.E164, phonenumbers.INTERNATIONAL, phonenumbers.NATIONAL, phonenumbers.RFC3966} {
			if region == "AR" && form == phonenumbers.NATIONAL {
				continue // the library writes it without its area code
			}
			typed := phonenumbers.Format(example, form)
			if to, err := s.Recipient(typed); to.Number != want || err != nil {
				t.Errorf("%s: %q became %q, want %s (%v)", region, typed, to.Number, want, err)
			}
		}
	}
}

func TestWhatDenyListsMayBe(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, c := range []struct {
		key, value string
		ok         bool
	}{
		{"sms.deny", "+4490,71700", true}, {"sms.deny", "+882 +883", true}, {"sms.deny", "none", false}, {"sms.deny", "yes", false}, {"sms.deny", "+049", false}, {"sms.deny", "+", false},
		{"sms.premium", "yes", true}, {"sms.premium", "no", true}, {"sms.premium", "72123", true}, {"sms.premium", "perhaps", false}, {"sms.premium", "yes,72123", false},
	} {
		if err := s.Set(t.Context(), c.key, c.value); (err == nil) != c.ok {
			t.Errorf("%s %q: %v", c.key, c.value, err)
		}
	}
}

// What is queued when its number becomes denied is not sent, and its writer is told. What has begun goes on: half a
// text helps nobody.
func TestANumberThatBecomesDenied(t *testing.T) {
	t.Parallel()
	const premium = "+449098790000"
	long := strings.Repeat("x", 300)
	for _, c := range []struct {
		name, number, key, value string
		text                     string
		after                    time.Duration // it is scheduled for then
		begin                    func(t *testing.T, s *store.Store)
		why                      condition.Code // "" where the text goes on
	}{
		{name: "queued", number: number, key: "sms.deny", value: "+4479", why: condition.DeniedNumber},
		{name: "premium rate", number: premium, key: "sms.premium", value: "no", why: condition.PremiumNumber},
		{name: "of several segments", number: number, key: "sms.deny", value: number, text: long, why: condition.DeniedNumber},
		{name: "scheduled", number: number, key: "sms.deny", value: number, after: time.Minute, why: condition.DeniedNumber},
		{name: "waiting for its next try", number: number, key: "sms.deny", value: number, why: condition.DeniedNumber,
			begin: func(t *testing.T, s *store.Store) {
				check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Deferred, Reason: "busy"}))
			}},
		{name: "the first segment has left", number: number, key: "sms.deny", value: number, text: long,
			begin: func(t *testing.T, s *store.Store) {
				check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Accepted}))
			}},
		{name: "another number", number: number, key: "sms.deny", value: "+4478"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, clock := openAt(t, noon)
			check(t, s.Set(t.Context(), "sms.premium", "yes"))
			u := addUser(t, s, "ann")
			m := store.Message{User: u.ID, Source: store.SourceCommand, Parts: []string{cmp.Or(c.text, "hello")},
				To: []store.Recipient{{Number: c.number}}}
			if c.after > 0 {
				m.Scheduled = noon.Add(c.after)
			}
			message, _, err := s.Enqueue(t.Context(), m)
			check(t, err)
			if c.begin != nil {
				c.begin(t, s)
			}
			check(t, s.Set(t.Context(), c.key, c.value))
			clock.Pass(2 * time.Minute)
			a, err := s.Claim(t.Context(), "imsi", nil)
			check(t, err)
			got, err := s.Deliveries(t.Context(), message)
			check(t, err)
			if c.why == "" {
				if a == nil || got[0].State != store.Sending {
					t.Errorf("got %+v, delivery %+v, want it sent", a, got[0])
				}
				return
			}
			if a != nil || got[0].State != store.Failed || got[0].Reason != condition.New(c.why, "setting", c.key).Words() {
				t.Fatalf("got %+v, delivery %+v, want it failed for %s", a, got[0], c.why)
			}
			clock.Pass(time.Hour)
			mail, err := s.ClaimMail(t.Context())
			check(t, err)
			if mail == nil || mail.Kind != "notice" || mail.User != u.ID {
				t.Errorf("the writer is told by %+v", mail)
			}
		})
	}
}
