package sms_test

import (
	"testing"

	"omsbox/modem/sms"
)

func TestPDU(t *testing.T) {
	tests := []struct{ name, pdu, smsc, tpdu string }{
		{"an international SMSC", "07917283010010F5040B", "+27381000015", "040B"},
		{"a national SMSC", "0381214304", "1234", "04"},
		{"an SMSC of an even number of digits", "05915155214304", "+15551234", "04"},
		{"the SIM's SMSC", "000100", "", "0100"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			smsc, tpdu, err := sms.SplitPDU(tt.pdu)
			if want := octets(t, tt.tpdu); smsc != tt.smsc || string(tpdu) != string(want) || err != nil {
				t.Errorf("got %q, %X, %v, want %q, %X", smsc, tpdu, err, tt.smsc, want)
			}
			if got := sms.JoinPDU(tt.smsc, octets(t, tt.tpdu)); got != tt.pdu {
				t.Errorf("got %s, want %s", got, tt.pdu)
			}
		})
	}
	if smsc, tpdu, err := sms.SplitPDU(" 07917283010010f5040b\r\n"); smsc != "+27381000015" || len(tpdu) != 2 || err != nil {
		t.Errorf("lower case: got %q, %X, %v", smsc, tpdu, err)
	}
	for _, pdu := range []string{"", "0", "00", "zz", "07917283", "07917283010010F5", "FF91"} {
		if smsc, tpdu, err := sms.SplitPDU(pdu); err == nil {
			t.Errorf("%q: got %q, %X, want an error", pdu, smsc, tpdu)
		}
	}
	if got := sms.JoinPDU("no number", []byte{0xAB}); got != "00AB" {
		t.Errorf("got %s, want 00AB", got)
	}
}
