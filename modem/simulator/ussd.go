package simulator

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"omsbox/modem/sms"
)

// USSD is what the network says to a code. 3GPP TS 27.007 7.15, +CUSD
type USSD struct {
	Status int    // 0 that is all, 1 an answer is expected, 2 ended by the network, 3 another client has answered, 4 not supported, 5 network time-out
	Text   string // may have several lines; empty for none
}

// SetUSSD makes the network answer codes, and the answers to its own menus, by
// answer, which is called with the simulator's lock held. Before, *100# tells a
// balance, *101# asks for a choice, and all else is not supported.
func (s *Simulator) SetUSSD(answer func(code string) USSD) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ussd = answer
}

func balance(code string) USSD {
	switch code {
	case "*100#", "1":
		return USSD{0, "Balance 12.34 EUR"}
	case "*101#":
		return USSD{1, "1 Balance\r\n2 Back"}
	}
	return USSD{Status: 4}
}

// ussdCoding is how a modem writes text in +CUSD.
type ussdCoding int

const (
	ussdPlain  ussdCoding = iota // as text, or in hexadecimal UCS2 after AT+CSCS="UCS2"
	ussdPacked                   // packed septets in hexadecimal, both ways
	ussdUCS2                     // answers in hexadecimal UCS2 whatever AT+CSCS says, codes as text
)

// supplementary is AT+CUSD: the answer comes later, as an unsolicited result
// code.
func (s *Simulator) supplementary(c *call) error {
	if err := s.sim.closed(); err != nil {
		return err
	}
	switch c.form {
	case test:
		c.say("+CUSD: (0-2)")
	case read:
		c.say(fmt.Sprintf("+CUSD: %d", s.settings.cusd))
	case set:
		n, ok := within(c.arg(0), 0, 2, 0)
		if !ok {
			return cmeWrongParameters
		}
		if n != 2 { // which only ends a dialogue
			s.settings.cusd = n
		}
		if c.arg(1) == "" {
			return nil
		}
		code, ok := s.ussdCode(c.arg(1))
		if !ok {
			return cmeWrongParameters
		}
		if !s.inService() {
			return cmeNoService
		}
		answer := s.ussd(code)
		s.after(s.options.USSDDelay, func() { s.sayUSSD(answer) })
	}
	return nil
}

func (s *Simulator) ussdCode(written string) (code string, ok bool) {
	switch {
	case s.profile.ussd == ussdPacked:
		return unpackUSSD(written)
	case s.settings.cscs == "UCS2":
		b, err := hex.DecodeString(written)
		if err != nil || len(b)%2 != 0 {
			return "", false
		}
		units := make([]uint16, 0, len(b)/2)
		for pair := range slices.Chunk(b, 2) {
			units = append(units, uint16(pair[0])<<8|uint16(pair[1]))
		}
		return string(utf16.Decode(units)), true
	}
	return written, strings.Trim(written, "0123456789*#+") == ""
}

func (s *Simulator) sayUSSD(u USSD) {
	switch {
	case s.settings.cusd != 1:
		return // the host does not want it
	case u.Text == "":
		s.urc("+CUSD: %d", u.Status)
		return
	}
	text, dcs := u.Text, 15
	switch {
	case s.profile.ussd == ussdPacked:
		text = packUSSD(text)
	case s.profile.ussd == ussdUCS2 || s.settings.cscs == "UCS2":
		var b []byte
		for _, unit := range utf16.Encode([]rune(text)) {
			b = append(b, byte(unit>>8), byte(unit))
		}
		if text = strings.ToUpper(hex.EncodeToString(b)); s.profile.ussd == ussdUCS2 {
			dcs = 72 // as 3GPP TS 23.038 5 has it for UCS2
		}
	}
	s.urc("+CUSD: %d,\"%s\",%s", u.Status, text, strconv.Itoa(dcs))
}

// packUSSD packs a text in septets, as one of a SMS-SUBMIT is.
func packUSSD(text string) string {
	tpdus, err := sms.Submit{To: "1", Text: text}.TPDUs()
	const head = 2 + 3 + 2 + 1 // first octet, TP-MR, an address of a digit, TP-PID, TP-DCS, TP-UDL
	if err != nil || len(tpdus) != 1 || tpdus[0][head-2] != 0 {
		return ""
	}
	septets := tpdus[0][head:]
	if len(text)%8 == 7 { // else an @ would seem to follow: 3GPP TS 23.038 6.1.2.3.1
		septets[len(septets)-1] |= '\r' << 1
	}
	return strings.ToUpper(hex.EncodeToString(septets))
}

func unpackUSSD(packed string) (string, bool) {
	b, err := hex.DecodeString(packed)
	if err != nil || len(b) == 0 || len(b) > 140 {
		return "", false
	}
	head := []byte{0, 1, 0x81, 0xF1, 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(len(b) * 8 / 7)}
	d, err := sms.ParseDeliver(append(head, b...))
	if err != nil {
		return "", false
	}
	text := d.Text
	if len(b)%7 == 0 {
		text = strings.TrimSuffix(strings.TrimSuffix(text, "\r"), "@")
	}
	return text, true
}
