package sms

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/warthog618/sms/encoding/gsm7"
	"github.com/warthog618/sms/encoding/tpdu"
)

// Type of address octets: type of number and numbering plan.
// 3GPP TS 23.040 9.1.2.5
const (
	toaUnknown       = 0x81 // short codes and national numbers: the network decides
	toaInternational = 0x91
	toaAlphanumeric  = 0xD0
)

// NumberType is the type of number of an address: how its digits are to be read.
// 3GPP TS 23.040 9.1.2.5
type NumberType byte

const (
	NumberUnknown         NumberType = 0 // a short code, a national or an international number: the digits decide
	NumberInternational   NumberType = 1 // with the country code
	NumberNational        NumberType = 2 // without the country code and without a trunk prefix
	NumberNetworkSpecific NumberType = 3 // means something in the SIM's own network only
	NumberSubscriber      NumberType = 4 // without an area code
	NumberAlphanumeric    NumberType = 5 // a name
	NumberAbbreviated     NumberType = 6 // a short code
	NumberReserved        NumberType = 7
)

// SenderType returns the type of number of the originating address of a
// SMS-DELIVER; NumberUnknown where the TPDU ends before it.
func SenderType(deliver []byte) NumberType {
	if len(deliver) < 3 { // first octet, length of the address, type of address: 3GPP TS 23.040 9.2.2.1
		return NumberUnknown
	}
	return NumberType(deliver[2] >> 4 & 0x07)
}

// maxDigits is what an address field of 12 octets can hold.
const maxDigits = 20

// number is the address of a phone number: international only with a +, as a
// short code that is said to be international reaches nobody.
func number(s string) (tpdu.Address, error) {
	digits, international := strings.CutPrefix(s, "+")
	if digits == "" || len(digits) > maxDigits || strings.Trim(digits, "0123456789*#") != "" ||
		international && strings.ContainsAny(digits, "*#") {
		return tpdu.Address{}, fmt.Errorf("%q is no phone number", s)
	}
	if international {
		return tpdu.Address{TOA: toaInternational, Addr: digits}, nil
	}
	return tpdu.Address{TOA: toaUnknown, Addr: digits}, nil
}

// sender is the address of a phone number or, if s is none, of a name of up to
// 11 characters of the GSM 7-bit default alphabet.
func sender(s string) (tpdu.Address, error) {
	if a, err := number(s); err == nil {
		return a, nil
	}
	name, ok := Coding{}.gsm7(characters().chars(s), tables{}, 0)
	if !ok || name.split.total == 0 || name.split.total > 11 {
		return tpdu.Address{}, fmt.Errorf("%q is neither a phone number nor a sender's name", s)
	}
	return tpdu.Address{TOA: toaAlphanumeric, Addr: s}, nil
}

// address reads an address field: length in semi-octets, type, value.
// 3GPP TS 23.040 9.1.2.5
func (r *reader) address() string {
	semiOctets := int(r.octet())
	toa := r.octet()
	value := r.take((semiOctets + 1) / 2)
	if toa&0x70 == toaAlphanumeric&0x70 {
		septets := gsm7.Unpack7Bit(value, 0)
		septets = septets[:min(semiOctets*4/7, len(septets))]
		// Seven septets take 13 semi-octets. Some SMSCs count whole octets, which are 14: those hold
		// eight, of which the last is fill, and would be read as @.
		if len(septets)%8 == 0 {
			septets = bytes.TrimSuffix(septets, []byte{0})
		}
		return decodeGSM7(septets, tables{})
	}
	return withPlus(toa, digits(value, semiOctets))
}

// digits reads up to n semi-octets, low one first; the fill 0xF is skipped
// wherever it stands. 3GPP TS 23.040 9.1.2.3
func digits(b []byte, n int) string {
	var s strings.Builder
	for i := range min(n, 2*len(b)) {
		semi := b[i/2] >> (i % 2 * 4) & 0x0F
		if semi != 0x0F {
			s.WriteByte("0123456789*#abc"[semi])
		}
	}
	return s.String()
}

func withPlus(toa byte, digits string) string {
	if digits != "" && toa&0x70 == toaInternational&0x70 {
		return "+" + digits
	}
	return digits
}
