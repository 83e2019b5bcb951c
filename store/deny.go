package store

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"omsbox/store/condition"
)

// Which numbers no text is sent to, although they are spelled right: emergency numbers, whatever is set;
// those of sms.deny; and premium-rate numbers, unless sms.premium allows them. Which numbers are emergency and
// premium-rate numbers is in the lists of libphonenumber, by region: for E.164 its type of number
// PREMIUM_RATE, for short codes the premiumRate of its ShortNumberMetadata.

// Denied is ErrDenied with the number and the reason.
type Denied struct {
	Number string
	Why    condition.Condition // condition.EmergencyNumber, DeniedNumber or PremiumNumber
}

func (d *Denied) Error() string {
	return fmt.Sprintf("no text is sent to %s: %s", clip(d.Number, 40), d.Why.Words())
}

// Unwrap makes it ErrDenied.
func (d *Denied) Unwrap() error { return ErrDenied }

// Recipient returns the phone that somebody means by what they typed. ErrNumber if it is no number,
// a *Denied if no text may be sent to the number.
func (s *Store) Recipient(typed string) (Recipient, error) {
	number, err := s.Number(typed)
	if err == nil {
		err = s.judge(number)
	}
	if err != nil {
		return Recipient{}, err
	}
	return Recipient{Number: number, Typed: typed}, nil
}

// judge returns a *Denied for a number, from Store.Number, that no text may be sent to.
func (s *Store) judge(number string) error {
	regions := s.regions()
	deny := func(code condition.Code, pairs ...any) error {
		return &Denied{Number: number, Why: condition.New(code, pairs...)}
	}
	allowed := s.Setting("sms.premium")
	switch {
	case Emergency(number, regions...):
		return deny(condition.EmergencyNumber)
	case listed(number, s.Setting("sms.deny")):
		return deny(condition.DeniedNumber, "setting", "sms.deny")
	case allowed != "yes" && !listed(number, allowed) && premium(number, regions):
		return deny(condition.PremiumNumber, "setting", "sms.premium")
	}
	return nil
}

// regions returns the countries in which a number without a country code may be meant: that of
// sms.region and those of all SIMs in modems; none while no country is known.
func (s *Store) regions() []string {
	regions := *s.countries.Load()
	if r := s.Setting("sms.region"); r != "" && !slices.Contains(regions, r) {
		regions = append(slices.Clip(regions), r)
	}
	return regions
}

// listed reports whether a list names a number: an entry with + by how the number begins, one without
// as the whole short code.
func listed(number, list string) bool {
	return slices.ContainsFunc(words(list), func(entry string) bool {
		return number == entry || entry[0] == '+' && strings.HasPrefix(number, entry)
	})
}

// Emergency reports whether a number, from ParseNumber, is an emergency number in one of these regions, or
// wherever a GSM phone works: 3GPP TS 22.101 10.1.1. Where no region is given, those of all regions count.
func Emergency(number string, regions ...string) bool {
	switch {
	case number == "", number[0] == '+':
		return false
	case number == "112", number == "911", number == "999":
		return true
	case len(regions) > 0:
		return slices.ContainsFunc(regions, func(r string) bool { return phonenumbers.IsEmergencyNumber(number, r) })
	}
	for r := range phonenumbers.GetSupportedRegions() {
		if phonenumbers.IsEmergencyNumber(number, r) {
			return true
		}
	}
	return false
}

// premium reports whether a number costs more than the others of its country.
func premium(number string, regions []string) bool {
	if strings.HasPrefix(number, "+") {
		n, err := phonenumbers.Parse(number, "")
		return err == nil && phonenumbers.GetNumberType(n) == phonenumbers.PREMIUM_RATE
	}
	short, err := phonenumbers.ShortNumberMetadataCollection()
	if err != nil {
		return true // the list is part of the program: what cannot be judged is not sent
	}
	return slices.ContainsFunc(short.GetMetadata(), func(m *phonenumbers.PhoneMetadata) bool {
		return slices.Contains(regions, m.GetId()) && phonenumbers.MatchNationalNumber(number, m.GetPremiumRate(), false)
	})
}
