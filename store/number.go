package store

import (
	"fmt"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"omsbox/store/condition"
)

// Number brings a phone number as people write it to the one form that rows hold: E.164 with a
// leading +, or the digits of a short code. Numbers without a country code are taken as of the
// region of the setting sms.region, else of the SIM. ErrNumber if no text can be sent to it.
func (s *Store) Number(raw string) (string, error) {
	return ParseNumber(raw, s.Region())
}

// Region returns the country of numbers written without a country code, as two letters; "" while
// neither the setting nor a SIM tells it.
func (s *Store) Region() string {
	if r := s.Setting("sms.region"); r != "" {
		return r
	}
	return *s.home.Load()
}

// ParseNumber does what Store.Number does for a given region, "" for none.
func ParseNumber(raw, region string) (string, error) {
	text := strings.TrimSpace(raw)
	// Outlook writes a chosen contact as the name and the number in brackets, or with a scheme.
	if open, end := strings.LastIndexAny(text, "<["), len(text)-1; open >= 0 && strings.ContainsAny(text[end:], ">]") {
		text = strings.TrimSpace(text[open+1 : end])
	}
	if scheme, rest, ok := strings.Cut(text, ":"); ok {
		switch strings.ToLower(scheme) {
		case "tel", "sms", "mobile", "mms":
			text = rest
		}
	}
	refused := func() error { return fmt.Errorf("%w: %q; write it as +447911123456", ErrNumber, clip(raw, 40)) }
	digits := 0
	for i, r := range text {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r == '+' && i == 0, strings.ContainsRune(" -./()\u00a0\u2010\u2011\u2013", r):
		default:
			return "", refused()
		}
	}
	plain := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '+' {
			return r
		}
		return -1
	}, text)
	switch {
	case digits < 3 || digits > 17:
		return "", refused()
	case plain[0] != '+' && digits <= 6:
		return plain, nil // a short code: it means something in the SIM's own network only
	case plain[0] != '+' && strings.HasPrefix(plain, "00"):
		plain, text = "+"+plain[2:], "+"+plain[2:]
	}
	if plain[0] != '+' && region == "" {
		return "", fmt.Errorf("%w: %q has no country code; write it as +447911123456, or set sms.region", ErrNumber, clip(raw, 40))
	}
	n, err := phonenumbers.Parse(text, region)
	if err != nil || !phonenumbers.IsPossibleNumber(n) {
		return "", refused()
	}
	e164 := phonenumbers.Format(n, phonenumbers.E164)
	if e164 == text {
		return e164, nil
	}
	if again, err := phonenumbers.Parse(e164, ""); err != nil || phonenumbers.Format(again, phonenumbers.E164) != e164 {
		return "", refused() // zeros that mean one thing here and another there: no real number
	}
	return e164, nil
}

// sender brings the originating address of an incoming TPDU to the form that rows hold: what is
// a national number by its digits becomes E.164, so that it meets the number that was written to.
// Names and short codes stay as they are.
func (s *Store) sender(address string) string {
	if strings.Trim(strings.TrimPrefix(address, "+"), "0123456789") == "" {
		if n, err := s.Number(address); err == nil {
			return n
		}
	}
	return line(address, 40)
}

func knownRegion(region string) bool {
	return phonenumbers.GetCountryCodeForRegion(region) != 0
}

// clip shortens foreign text that is quoted back, at a character's border.
func clip(text string, most int) string {
	for i := range text {
		if i >= most {
			return text[:i] + "…"
		}
	}
	return text
}

// line is clip for what rows hold of foreign text, and show: it is one line there.
func line(text string, most int) string { return clip(condition.OneLine(text), most) }

// sameNumber says whether two spellings mean the same phone, where a network may have dropped or
// changed the prefix of one: the shorter's last digits, seven at least, end the longer.
func sameNumber(a, b string) bool {
	if a == b {
		return true
	}
	a, b = strings.TrimLeft(a, "+0"), strings.TrimLeft(b, "+0")
	if len(a) > len(b) {
		a, b = b, a
	}
	return len(a) >= 7 && strings.HasSuffix(b, a)
}

// alikeNumber is sameNumber where something else, such as TP-MR, says that it is the same phone: the
// last seven digits agree, or the shorter, of three at least, ends the longer. So short numbers with a
// country code before them fit, and numbers with digits in the middle that one network puts in and
// another leaves out.
func alikeNumber(a, b string) bool {
	a, b = strings.TrimLeft(a, "+0"), strings.TrimLeft(b, "+0")
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(a) < 3 {
		return a == b
	}
	return strings.HasSuffix(b, a[max(0, len(a)-7):])
}
