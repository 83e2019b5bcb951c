package sms

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/warthog618/sms/encoding/pdumode"
)

// SplitPDU takes a PDU of AT commands, in hexadecimal of either case, apart into
// the SMSC's number ("" if the PDU names none) and the TPDU. 3GPP TS 27.005 3.1
func SplitPDU(pdu string) (smsc string, tpdu []byte, err error) {
	b, err := hex.DecodeString(strings.TrimSpace(pdu))
	if err != nil {
		return "", nil, fmt.Errorf("PDU: %w", err)
	}
	r := reader{b: b}
	// Unlike in a TPDU the length is in octets and counts the type too.
	if address := r.take(int(r.octet())); len(address) > 0 {
		smsc = withPlus(address[0], digits(address[1:], 2*len(address)))
	}
	if r.err == nil && r.at == len(b) {
		r.err = ErrTruncated
	}
	if r.err != nil {
		return "", nil, fmt.Errorf("PDU: %w", r.err)
	}
	return smsc, b[r.at:], nil
}

// JoinPDU returns the PDU of AT commands in upper-case hexadecimal. If smsc is
// "", or no number, the modem uses the SMSC that the SIM names.
// 3GPP TS 27.005 3.1
func JoinPDU(smsc string, tpdu []byte) string {
	address, err := number(smsc)
	if err != nil {
		address.Addr = ""
	}
	pdu := pdumode.PDU{SMSC: pdumode.SMSCAddress{Address: address}, TPDU: tpdu}
	s, err := pdu.MarshalHexString()
	if err != nil { // number let only digits through
		s = "00" + hex.EncodeToString(tpdu)
	}
	return strings.ToUpper(s)
}
