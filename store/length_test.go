package store_test

import (
	"errors"
	"strings"
	"testing"

	"omsbox/modem/sms"
	"omsbox/store"
)

func TestTheLongestText(t *testing.T) {
	t.Parallel()
	usual := store.Limits{SBCS: 1530, DBCS: 670}
	turkish, err := sms.ParseLanguages("turkish")
	check(t, err)
	for _, c := range []struct {
		name   string
		limits store.Limits
		coding sms.Coding
		unit   string
		most   int // how often unit may stand in a text
	}{
		{"letters", usual, sms.Coding{}, "a", 1530},
		{"umlauts", usual, sms.Coding{}, "ü", 1530},
		{"what takes two septets", usual, sms.Coding{}, "€", 1530},
		{"US-ASCII outside the GSM alphabet", usual, sms.Coding{}, "`", 1530},
		{"Chinese", usual, sms.Coding{}, "中", 670},
		{"two UTF-16 units", usual, sms.Coding{}, "😀", 335},
		{"letters and one that is not in the alphabet", usual, sms.Coding{}, "aê", 335},
		{"Turkish in UTF-16", usual, sms.Coding{}, "ğ", 670},
		{"Turkish with its table", usual, sms.Coding{Languages: turkish}, "ğ", 1530},
		{"curly quotes", usual, sms.Coding{}, "“", 670},
		{"curly quotes that are made plain", usual, sms.Coding{Plain: true}, "“", 1530},
		{"255 segments of letters", store.Limits{SBCS: 1e6, DBCS: 1e6}, sms.Coding{}, "a", 255 * 153},
		{"255 segments of letters, with references of 16 bits", store.Limits{SBCS: 1e6, DBCS: 1e6}, sms.Coding{WideRef: true}, "a", 255 * 152},
		{"255 segments in UTF-16", store.Limits{SBCS: 1e6, DBCS: 1e6}, sms.Coding{}, "中", 255 * 67},
		{"a larger limit for other letters", store.Limits{SBCS: 10, DBCS: 20}, sms.Coding{}, "中", 20},
		{"a larger limit for other letters, with letters", store.Limits{SBCS: 10, DBCS: 20}, sms.Coding{}, "a", 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.limits.TooLong(strings.Repeat(c.unit, c.most), c.coding); err != nil {
				t.Errorf("%d: %v", c.most, err)
			}
			err := c.limits.TooLong(strings.Repeat(c.unit, c.most+1), c.coding)
			long, ok := errors.AsType[*store.TooLong](err)
			if !ok || long.Segments == 0 && long.Characters <= long.Most || long.Segments != 0 && long.Segments <= sms.MaxSegments {
				t.Errorf("%d: %+v", c.most+1, err)
			}
		})
	}
}

// What serviceInfo tells Outlook is always kept, whatever the settings are.
func TestALimitThatIsPromisedIsKept(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, setting := range []string{"oms.sbcs", "oms.dbcs"} {
		for _, value := range []string{"7650", "3350", "1"} {
			if setting == "oms.dbcs" && value == "7650" {
				continue
			}
			check(t, s.Set(t.Context(), setting, value))
			limits := s.Limits("")
			for _, unit := range []string{"a", "[", "`"} { // US-ASCII
				if err := s.TooLong(strings.Repeat(unit, limits.SBCS), ""); err != nil {
					t.Errorf("%d times %s: %v", limits.SBCS, unit, err)
				}
			}
			if err := s.TooLong(strings.Repeat("中", limits.DBCS), ""); err != nil {
				t.Errorf("%d times 中: %v", limits.DBCS, err)
			}
		}
	}
}
