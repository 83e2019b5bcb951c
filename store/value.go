package store

import (
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"omsbox/modem/sms"
)

// What the values of settings may be, and how they are written.

const (
	day  = 24 * time.Hour
	week = 7 * day
)

func shortText(v string) error {
	if len(v) > 200 || strings.ContainsAny(v, "\r\n\x00") {
		return fmt.Errorf("%w value: one line of at most 200 characters", ErrInvalid)
	}
	return nil
}

func region(v string) error {
	if !knownRegion(v) {
		return fmt.Errorf("%w region: no country has the code %q; write two letters, such as GB, DE or US", ErrInvalid, v)
	}
	return nil
}

func relay(v string) error {
	if strings.ContainsAny(v, " \t") {
		return fmt.Errorf("%w relay: there is a blank in it: write each blank of a user or password as %%20, or leave the blanks "+
			"of an app password out where they only part its groups of letters", ErrInvalid)
	}
	u, err := url.Parse(v)
	if err != nil || u.Hostname() == "" || (u.Scheme != "smtp" && u.Scheme != "smtps") || strings.Trim(u.Path, "/") != "" ||
		u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%w relay: write smtp://host:port or smtps://user:password@host, and in user and password "+
			"# as %%23, %% as %%25, / as %%2F, ? as %%3F, and other signs likewise", ErrInvalid)
	}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || port == 0) {
		return fmt.Errorf("%w relay: its port is %s: write one between 1 and 65535", ErrInvalid, u.Port())
	}
	return nil
}

func domain(v string) error {
	if len(v) > 253 {
		return fmt.Errorf("%w domain: too long", ErrInvalid)
	}
	for label := range strings.SplitSeq(v, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "-") != label || strings.ContainsFunc(label, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-')
		}) {
			return fmt.Errorf("%w domain %q: write it as mail.example.org", ErrInvalid, v)
		}
	}
	return nil
}

func wait(v string) error { return span(0, 30*time.Second)(v) }

// span allows times between two, both included.
func span(least, most time.Duration) func(string) error {
	return func(v string) error {
		d, err := parseSpan(v)
		if err != nil {
			if n, plain := strconv.ParseFloat(v, 64); plain == nil {
				return fmt.Errorf("%w time %q: write %gs for seconds, %gm for minutes or %gh for hours", ErrInvalid, v, n, n, n)
			}
			return fmt.Errorf("%w time %q: write it as 500ms, 90s, 5m, 24h or 3d", ErrInvalid, v)
		}
		if d < least || d > most {
			return fmt.Errorf("%w time %q: write one between %s and %s", ErrInvalid, v, spanText(least), spanText(most))
		}
		return nil
	}
}

// parseSpan reads a time as people write it: as Go does, and days, as in 3d.
func parseSpan(v string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(v, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * day, err
	}
	return time.ParseDuration(v)
}

// spanText writes a time the way parseSpan reads it, without what is zero.
func spanText(d time.Duration) string {
	switch {
	case d == 0:
		return "0"
	case d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}

// never is the value of a time that does not come.
const never = "never"

func orNever(check func(string) error) func(string) error {
	return func(v string) error {
		if v == never {
			return nil
		}
		if err := check(v); err != nil {
			return fmt.Errorf("%w, or never", err)
		}
		return nil
	}
}

func yesNo(v string) error {
	if v != "yes" && v != "no" {
		return fmt.Errorf("%w value %q: write yes or no", ErrInvalid, v)
	}
	return nil
}

func language(v string) error {
	if _, err := sms.ParseLanguages(v); err != nil {
		return fmt.Errorf("%w list of languages: %w; there are %s, and all", ErrInvalid, err, strings.ReplaceAll(sms.AllLanguages.String(), " ", ", "))
	}
	return nil
}

func references(v string) error {
	if v != "8" && v != "16" {
		return fmt.Errorf("%w number of bits %q: write 8 or 16", ErrInvalid, v)
	}
	return nil
}

func pin(v string) error {
	if len(v) < 4 || len(v) > 8 || strings.Trim(v, digits) != "" { // 3GPP TS 31.101 9.5.1
		return fmt.Errorf("%w PIN: it has four to eight digits", ErrInvalid) // not quoted: it may be one nearly
	}
	return nil
}

const digits = "0123456789"

func smsc(v string) error {
	if n := strings.TrimPrefix(v, "+"); len(n) < 3 || len(n) > 20 || strings.Trim(n, digits) != "" {
		return fmt.Errorf("%w number %q: write it as +491710760000", ErrInvalid, clip(v, 40))
	}
	return nil
}

// between allows whole numbers between two, both included.
func between(least, most int) func(string) error {
	return func(v string) error {
		if n, err := strconv.Atoi(v); err != nil || n < least || n > most {
			return fmt.Errorf("%w number %q: write one between %d and %d", ErrInvalid, clip(v, 40), least, most)
		}
		return nil
	}
}

// The most that a text and a multimedia message can be set to have. With them the fullest message that is promised
// to Outlook has room in a request, of which oms takes 8 MB. A character is up to ten octets there: a quotation
// mark that is escaped as &quot; and once more as &amp;quot;, since the message is a string within the request. So
//
//	MostParts × mostSBCS × 10    7.3 MB for the texts, which may be fifty segments each
//	mostMMSSize × 10             7.5 MB for a multimedia message that is text alone; Base64 takes 4/3 of its size
//	MostRecipients × 235         0.2 MB for recipients of 200 octets, with their elements
//
// and the rest is for the elements around them.
const (
	mostSBCS    = 7650
	mostDBCS    = 3350
	mostMMSSize = 768 << 10
)

// parseSize reads how large something is, in octets: 300000, 300KB (of 1024) or 1MB.
func parseSize(v string) (int, error) {
	digits, unit := strings.ToUpper(strings.ReplaceAll(v, " ", "")), 1
	for suffix, octets := range map[string]int{"KB": 1 << 10, "MB": 1 << 20} {
		if plain, ok := strings.CutSuffix(digits, suffix); ok {
			digits, unit = plain, octets
		}
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > 1<<20 || n*unit > 1<<20 {
		return 0, fmt.Errorf("%w size %q: write it as 307200 or 300KB, at most 768KB", ErrInvalid, clip(v, 40))
	}
	return n * unit, nil
}

func octets(v string) error {
	n, err := parseSize(v)
	if err == nil && n > mostMMSSize { // it may be stored from a time when more was allowed
		err = fmt.Errorf("%w size %q: at most 768KB", ErrInvalid, clip(v, 40))
	}
	return err
}

// usualNotices is what yes means for oms.notices. OMS guidelines part 2, Configuration Settings Page
const usualNotices = 30

// parseNotices reads how many notices a user may have sent a day; 0: any number.
func parseNotices(v string) (int, error) {
	switch v {
	case "no":
		return 0, nil
	case "yes":
		return usualNotices, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > 1_000_000 {
		return 0, fmt.Errorf("%w number %q: write no, yes for %d, or how many a day", ErrInvalid, clip(v, 40), usualNotices)
	}
	return n, nil
}

func notices(v string) error {
	_, err := parseNotices(v)
	return err
}

// serviceName checks the name of a service, which is part of its address.
func serviceName(v string) error {
	if len(v) > 30 || strings.Trim(v, "-") != v || strings.Trim(v, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fmt.Errorf("%w name of a service %q: write it in small letters, digits and hyphens, as sales", ErrInvalid, clip(v, 40))
	}
	return nil
}

// simName checks an IMSI or an ICCID, or what stands for one of a SIM that tells neither.
func simName(v string) error {
	if len(v) < 5 || len(v) > 60 || strings.ContainsAny(v, " \r\n\x00") {
		return fmt.Errorf("%w SIM %q: write its IMSI or ICCID, as 262011234567890", ErrInvalid, clip(v, 60))
	}
	return nil
}

func count(v string) error {
	if n, err := strconv.Atoi(v); err != nil || n < 0 || n > 1_000_000_000 {
		return fmt.Errorf("%w number %q: write how many as 200, or 0 for no limit", ErrInvalid, clip(v, 40))
	}
	return nil
}

// paces are the units of a pace.
var paces = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}

// parsePace reads a pace such as 20/m, and returns the time from one segment to the next.
func parsePace(v string) (time.Duration, error) {
	many, unit, _ := strings.Cut(v, "/")
	n, err := strconv.Atoi(many)
	if err != nil || n < 1 || n > 100_000 || paces[unit] == 0 {
		return 0, fmt.Errorf("%w pace %q: write how many in a second, minute or hour as 2/s, 20/m or 500/h", ErrInvalid, clip(v, 40))
	}
	return paces[unit] / time.Duration(n), nil
}

func pace(v string) error {
	if v == "0" {
		return nil
	}
	_, err := parsePace(v)
	return err
}

// words are the entries of a list with commas or blanks.
func words(v string) []string { return strings.Fields(strings.ReplaceAll(v, ",", " ")) }

// listOf allows lists, each of whose entries is allowed. One with nothing in it is a slip, and not how a
// list is emptied: that is "", which also says so where somebody reads it.
func listOf(entry func(string) error) func(string) error {
	return func(v string) error {
		all := words(v)
		if len(all) == 0 {
			return fmt.Errorf("%w list %q: there is nothing in it; write \"\" for none", ErrInvalid, clip(v, 40))
		}
		for _, word := range all {
			if err := entry(word); err != nil {
				return err
			}
		}
		return shortText(v)
	}
}

func prefix(v string) error {
	if n := strings.TrimPrefix(v, "+"); len(n) < 1 || len(n) > 17 || strings.Trim(n, digits) != "" || n == v && n[0] == '0' {
		return fmt.Errorf("%w beginning of numbers %q: write it with the country code, as +4917 or +43,+41", ErrInvalid, clip(v, 40))
	}
	return nil
}

// denied checks an entry of sms.deny.
func denied(v string) error {
	if n := strings.TrimPrefix(v, "+"); len(n) < 1 || len(n) > mostDigits || strings.Trim(n, digits) != "" || n != v && n[0] == '0' {
		return fmt.Errorf("%w number %q: write how numbers begin with the country code, as +4490, or a short code, as 71700", ErrInvalid, clip(v, 40))
	}
	return nil
}

// premiumRate checks sms.premium.
func premiumRate(v string) error {
	if v == "yes" || v == "no" {
		return nil
	}
	if err := listOf(denied)(v); err != nil {
		return fmt.Errorf("%w; or write yes or no", err)
	}
	return nil
}

func ussd(v string) error {
	if len(v) > 60 || strings.Trim(v, digits+"*#+") != "" {
		return fmt.Errorf("%w code %q: write it as it is dialled, such as *100#", ErrInvalid, clip(v, 40))
	}
	return nil
}

func amount(v string) error {
	if n, err := strconv.ParseFloat(v, 64); err != nil || n < 0 || n > 1e9 || strings.Trim(v, digits+".") != "" {
		return fmt.Errorf("%w amount %q: write it as 5 or 2.50", ErrInvalid, clip(v, 40))
	}
	return nil
}

func mailAddress(v string) error {
	if a, err := mail.ParseAddress(v); err != nil || a.Address != v || len(v) > 254 {
		return fmt.Errorf("%w mail address %q: write it as name@example.org", ErrInvalid, clip(v, 60))
	}
	return nil
}

// directory checks the address of an ACME directory. RFC 8555 7.1.1
func directory(v string) error {
	u, err := url.Parse(v)
	if v != "staging" && (err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || len(v) > 300) {
		return fmt.Errorf("%w CA %q: write staging, or the https address of its ACME directory", ErrInvalid, clip(v, 60))
	}
	return nil
}

// dnsProvider checks how many words follow the name of a provider; what they mean is known where it is asked.
func dnsProvider(v string) error {
	arguments := map[string]int{"duckdns": 1, "cloudflare": 1, "rfc2136": 4, "exec": 1}
	fields := strings.Fields(v)
	if len(fields) == 2 && fields[0] == "exec" && !filepath.IsAbs(fields[1]) {
		return fmt.Errorf("%w DNS provider: write the whole path of the program, as exec /usr/local/bin/set-txt", ErrInvalid)
	}
	if len(fields) < 2 || arguments[fields[0]] != len(fields)-1 || len(v) > 1000 {
		return fmt.Errorf("%w DNS provider: write duckdns TOKEN, cloudflare TOKEN, rfc2136 SERVER KEY-NAME ALGORITHM SECRET, or exec PROGRAM", ErrInvalid)
	}
	return nil
}

// network checks an IP address or a prefix.
func network(v string) error {
	if p, err := netip.ParsePrefix(v); err == nil {
		if p.Bits() < 8 || p.Addr().Is6() && p.Bits() < 16 {
			return fmt.Errorf("%w network %q: so large a one has strangers in it, who could say that they are anybody", ErrInvalid, v)
		}
		return nil
	}
	if _, err := netip.ParseAddr(v); err != nil {
		return fmt.Errorf("%w address %q: write IP addresses and networks, such as 127.0.0.1 or 10.0.0.0/8", ErrInvalid, clip(v, 60))
	}
	return nil
}
