package store

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"

	"omsbox/modem/sms"
	"omsbox/store/condition"
)

// How phone numbers are spelled, and when two spellings mean the same phone. Whether a text may be sent
// to a number is decided afterwards: see deny.go.

const (
	// longestShortCode is how many digits a number without a country code may have that is a short code
	// in every country, but for mobile numbers of some small ones.
	longestShortCode = 6
	// fewestDigits and mostDigits bound a number with all its prefixes: an international prefix and a
	// carrier code before the 15 digits of ITU-T E.164.
	fewestDigits = 3
	mostDigits   = 20
)

// Number brings a phone number as people write it to the one form that rows hold: E.164 with a
// leading +, or the digits of a short code. Numbers without a country code are taken as of the
// region of the setting sms.region, else of the SIM; such a number becomes E.164 only if the region
// has numbers like it. The number of a text that came in is a number as well, in the form in which the
// row holds it. ErrNumber if no text can be sent to it. Whether the number is denied is not judged:
// that is Store.Recipient.
func (s *Store) Number(raw string) (string, error) {
	number, err := ParseNumber(raw, s.Region())
	if err == nil {
		return number, nil
	}
	if typed, is := dialled(raw); is && typed[0] != '+' && s.texted(typed) {
		return typed, nil // an answer to it goes to this very sender
	}
	return "", err
}

// texted reports whether a text came in from that very sender.
func (s *Store) texted(sender string) bool {
	yes, err := one(context.Background(), s, func(r scanner) (yes bool, err error) {
		return yes, r.Scan(&yes)
	}, `SELECT EXISTS (SELECT 1 FROM incoming WHERE sender = ?)`, sender)
	return err == nil && yes
}

// Region returns the country of numbers written without a country code, as two letters; "" while
// neither the setting nor a SIM tells it.
func (s *Store) Region() string {
	if r := s.Setting("sms.region"); r != "" {
		return r
	}
	if countries := *s.countries.Load(); len(countries) > 0 {
		return countries[0]
	}
	return ""
}

// ParseNumber does what Store.Number does for a given region, "" for none, and without a look at the
// texts that came in.
func ParseNumber(raw, region string) (string, error) {
	quoted := clip(raw, 40)
	text, of, is := unwrapped(raw)
	region = cmp.Or(of, region)
	number := ""
	if is {
		number, is = dialled(text)
	}
	switch {
	case !is:
	case number[0] == '+':
		number, is = international(number)
	case len(number) <= longestShortCode:
		return short(number, region), nil
	case region == "" && strings.HasPrefix(number, "00"):
		number, is = international("+" + number[2:])
	case region == "":
		return "", fmt.Errorf("%w: %q has no country code; write it as +447911123456, or set sms.region", ErrNumber, quoted)
	default:
		if number, is = national(number, region); !is {
			return "", fmt.Errorf("%w: %q is like no number of %s; write it with its country code, as +447911123456",
				ErrNumber, quoted, region)
		}
	}
	if !is {
		return "", fmt.Errorf("%w: %q; write it as +447911123456", ErrNumber, quoted)
	}
	return number, nil
}

// unwrapped takes a number out of what people copy with it: marks of direction, quotation marks, the
// name of a contact, the scheme of a URI. region is the country that a URI names, "" for none; is is
// false where the text is no number whatever its digits are.
func unwrapped(raw string) (text, region string, is bool) {
	const quotes = " '\"\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a"
	bare := func(text string) string {
		return strings.TrimRight(strings.TrimLeft(text, quotes), quotes+".,;")
	}
	text = bare(strings.Map(plainRune, raw))
	// Outlook writes a chosen contact as the name and the number in brackets, or with a scheme.
	if open, end := strings.LastIndexAny(text, "<["), len(text)-1; open >= 0 && strings.ContainsAny(text[end:], ">]") {
		text = bare(text[open+1 : end])
	}
	scheme, rest, isURI := strings.Cut(text, ":")
	if !isURI {
		return text, "", true
	}
	switch strings.ToLower(scheme) {
	case "tel", "sms", "smsto", "mobile", "mms":
	default:
		return "", "", false
	}
	rest, err := url.PathUnescape(rest)
	if err != nil {
		return "", "", false
	}
	number, parameters, _ := strings.Cut(strings.TrimLeft(strings.Map(plainRune, rest), "/ "), ";")
	for parameter := range strings.SplitSeq(parameters, ";") { // RFC 3966 3
		name, value, _ := strings.Cut(parameter, "=")
		switch {
		case parameter == "":
		case !strings.EqualFold(name, "phone-context"):
			return "", "", false // an extension gets no text, and who knows what others mean
		case strings.HasPrefix(value, "+") && !strings.HasPrefix(number, "+"):
			if region = regionOfContext(value); region == "" {
				number = value + number // it has an area code too. RFC 3966 5.1.5
			}
		}
	}
	return number, region, true
}

// regionOfContext returns the country whose country code a phone-context is; "" where it is no country
// code, or not of one country.
func regionOfContext(context string) string {
	for region := range phonenumbers.GetSupportedRegions() {
		code := phonenumbers.GetCountryCodeForRegion(region)
		if context == fmt.Sprintf("+%d", code) {
			return phonenumbers.GetRegionCodeForCountryCode(code) // the main one of several
		}
	}
	return ""
}

// plainRune writes a character of a number as ASCII has it: digits of every script, spaces, hyphens,
// minus signs and dashes, and the wide forms of East Asia. What cannot be seen is left out.
func plainRune(r rune) rune {
	switch {
	case unicode.Is(unicode.Cf, r):
		return -1 // marks of direction, U+200B, U+FEFF
	case r >= 0xFF01 && r <= 0xFF5E: // halfwidth and fullwidth forms
		return r - 0xFF01 + '!'
	case unicode.Is(unicode.Nd, r):
		// The digits of a script are ten in a row: Unicode 4.6.
		value := rune(0)
		for unicode.Is(unicode.Nd, r-value-1) {
			value++
		}
		return '0' + value%10
	case unicode.IsSpace(r), unicode.Is(unicode.Zs, r):
		return ' '
	case unicode.Is(unicode.Pd, r), r == '\u2212', r == '\u30fc':
		return '-' // also the minus sign, and the long vowel mark that Japanese keyboards write
	}
	return r
}

// dialled returns the digits of a number, with a + before them where the number has one, also as +00;
// is is false where the text has anything else but what separates digits.
func dialled(text string) (digits string, is bool) {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9', r == '+' && b.Len() == 0:
			b.WriteRune(r)
		case !strings.ContainsRune(" -./()\u00b7\u2022", r):
			return "", false
		}
	}
	digits = b.String()
	if rest, both := strings.CutPrefix(digits, "+00"); both {
		digits = "+" + rest
	}
	n := len(strings.TrimPrefix(digits, "+"))
	return digits, n >= fewestDigits && n <= mostDigits
}

// international brings a number with + to E.164. Its country code is known, so that the number need
// but be possible: new ranges are in use before every list has them.
func international(number string) (string, bool) {
	number = withoutOldMark(number)
	n, err := phonenumbers.Parse(number, "")
	if err != nil || phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE {
		return "", false
	}
	e164 := phonenumbers.Format(n, phonenumbers.E164)
	if e164 == number {
		return e164, true
	}
	// Zeros that mean one thing here and another there: no real number.
	again, err := phonenumbers.Parse(e164, "")
	return e164, err == nil && phonenumbers.Format(again, phonenumbers.E164) == e164
}

// national brings a number without + to the form that rows hold. Which country it belongs to is a
// guess, so it becomes E.164 only where that country has numbers like it.
func national(number, region string) (string, bool) {
	n, err := phonenumbers.Parse(number, region)
	if err != nil {
		return "", false
	}
	if full, is := withCountryCode(number, region); is {
		return full, true
	}
	e164 := withoutOldMark(phonenumbers.Format(n, phonenumbers.E164))
	if isValid(e164) {
		return e164, true
	}
	if n.GetCountryCode() != int32(phonenumbers.GetCountryCodeForRegion(region)) {
		return international(e164) // it begins with the region's own international prefix
	}
	if strings.HasPrefix(number, "00") { // the prefix of most countries, in one that has another
		return international("+" + number[2:])
	}
	if isShortCode(n, number, region) {
		return number, true
	}
	return "", false
}

// short brings a number of few digits to the form that rows hold. It means something in the SIM's own network
// only, unless it is a mobile number of a small country.
func short(number, region string) string {
	n, err := phonenumbers.Parse(number, region)
	if err != nil || !isMobile(n) {
		return number
	}
	return phonenumbers.Format(n, phonenumbers.E164)
}

// withCountryCode reads a number as one that begins with the country code of its region, and has only
// lost its +: some networks write senders so. Some regions have landlines whose area codes begin with
// the same digits.
func withCountryCode(number, region string) (string, bool) {
	code := phonenumbers.GetCountryCodeForRegion(region)
	if code == 0 || !strings.HasPrefix(number, fmt.Sprint(code)) {
		return "", false
	}
	full := withoutOldMark("+" + number)
	n, err := phonenumbers.Parse(full, "")
	return full, err == nil && isMobile(n) && phonenumbers.Format(n, phonenumbers.E164) == full
}

func isMobile(n *phonenumbers.PhoneNumber) bool {
	kind := phonenumbers.GetNumberType(n)
	return kind == phonenumbers.MOBILE || kind == phonenumbers.FIXED_LINE_OR_MOBILE
}

func isValid(e164 string) bool {
	n, err := phonenumbers.Parse(e164, "")
	return err == nil && phonenumbers.IsValidNumber(n)
}

// isShortCode reports whether a region has short codes like a number; n is the number as it was parsed
// for that region.
func isShortCode(n *phonenumbers.PhoneNumber, number, region string) bool {
	return phonenumbers.GetNationalSignificantNumber(n) == number && phonenumbers.IsValidShortNumberForRegion(n, region)
}

// sender brings the originating address of an incoming TPDU to the form that rows hold, by its type of
// number: what is a national number becomes E.164, so that it meets the number that was written to.
// Names, short codes, and numbers that mean something in the SIM's network only, stay as they are.
func (s *Store) sender(address string, kind sms.NumberType) string {
	if typed, is := dialled(address); is && typed == address {
		if number, is := e164Sender(address, s.Region(), kind); is {
			return number
		}
	}
	return line(address, 40)
}

func e164Sender(address, region string, kind sms.NumberType) (string, bool) {
	switch {
	case address[0] == '+':
		return international(address)
	case kind != sms.NumberUnknown && kind != sms.NumberNational:
		return "", false
	case len(address) <= longestShortCode:
		return short(address, region), true
	case region == "":
		return "", false
	}
	if number, is := national(address, region); is {
		return number, true
	}
	// The network says that it is a national number, with no doubt about its country. So the range
	// decides, whose numbers need not have all the lengths that they once had: one more digit makes one
	// that the country has.
	n, err := phonenumbers.Parse(address, region)
	if kind != sms.NumberNational || err != nil || phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE {
		return "", false
	}
	e164 := phonenumbers.Format(n, phonenumbers.E164)
	return e164, isValid(e164 + "0")
}

// A mark is what a country puts between the country code and the rest of a mobile number, or between its
// area code and the rest, and what some networks leave out.
type mark struct {
	code   string // country code
	at     int    // how many digits stand between the country code and the mark
	digits string // the mark
	rest   int    // how many digits a number has without country code and mark
	first  string // what the digit behind the mark may be; "" any
	gone   bool   // the country has given it up: no number is stored with it
}

// marks lists them. Mexico's was given up in 2019, and is still written by its networks. Benin's came at
// the end of 2024. Brazil's came before mobile numbers, which began with 6 to 9: a landline is another
// phone than the mobile with that mark.
var marks = []mark{
	{code: "+52", digits: "1", rest: 10, gone: true},           // Mexico: Plan Técnico Fundamental de Numeración of 2018
	{code: "+54", digits: "9", rest: 10},                       // Argentina: Plan Fundamental de Numeración Nacional
	{code: "+55", at: 2, digits: "9", rest: 10, first: "6789"}, // Brazil: Anatel, Resolução 553/2010
	{code: "+229", digits: "01", rest: 8},                      // Benin: ARCEP, 30 November 2024
}

// without returns a number in E.164 without the mark; false where the number has none.
func (m mark) without(number string) (string, bool) {
	national, is := strings.CutPrefix(number, m.code)
	if !is || len(national) != m.rest+len(m.digits) || !strings.HasPrefix(national[m.at:], m.digits) {
		return "", false
	}
	plain := national[:m.at] + national[m.at+len(m.digits):]
	return m.code + plain, m.first == "" || strings.IndexByte(m.first, plain[m.at]) >= 0
}

// with returns a number in E.164 with the mark; false where the number has no place for one.
func (m mark) with(number string) (string, bool) {
	national, is := strings.CutPrefix(number, m.code)
	if !is || len(national) != m.rest || m.first != "" && strings.IndexByte(m.first, national[m.at]) < 0 {
		return "", false
	}
	return m.code + national[:m.at] + m.digits + national[m.at:], true
}

// otherSpelling returns a number as networks write it that put the mark of its country in or leave the mark
// out; "" where the country has none.
func otherSpelling(number string) string {
	for _, m := range marks {
		if other, is := m.without(number); is {
			return other
		}
		if other, is := m.with(number); is {
			return other
		}
	}
	return ""
}

// withoutOldMark returns a number without the mark that its country gave up.
func withoutOldMark(number string) string {
	for _, m := range marks {
		if plain, is := m.without(number); is && m.gone {
			return plain
		}
	}
	return number
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

// sameNumber reports whether two spellings mean the same phone, where a network may have dropped or
// changed the prefix of one: the shorter's last digits, seven at least, end the longer; or they do so
// with the mark of the country put in or left out.
func sameNumber(a, b string) bool {
	if endAlike(a, b) {
		return true
	}
	for _, pair := range [][2]string{{a, b}, {b, a}} {
		if other := otherSpelling(pair[0]); other != "" && endAlike(other, pair[1]) {
			return true
		}
	}
	return false
}

func endAlike(a, b string) bool {
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
