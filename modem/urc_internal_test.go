package modem

import (
	"slices"
	"testing"
)

// The lines of a modem, and what each is: the final result, and whether it is unsolicited while a command is in
// flight. Answers carry the name of their command: 3GPP TS 27.007 4, ITU-T V.250 5.7
func TestWhatALineIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line, cmd, final string
		urc              bool
	}{
		{"OK", "+CSQ", "OK", false}, {"ERROR", "+CSQ", "ERROR", false}, {"ERROR: 4", "+CSQ", "ERROR", false},
		{"+CMS ERROR: 500", "+CMGS", "+CMS ERROR: 500", true},
		{"+CME ERROR: SIM busy", "+CPIN", "+CME ERROR: SIM busy", true},
		{"COMMAND NOT SUPPORT", "^X", "ERROR", false}, {"Command not supported", "^X", "ERROR", false},
		{"too many parameters", "^X", "ERROR", false}, {"ABORTED", "+COPS", "ERROR", false},
		{"OKAY", "+CGMI", "", false}, {"+CMS", "+CGMI", "", false},
		{"+CSQ: 17,99", "+CSQ", "", false}, {"+CSQ: 17,99", "+CREG", "", true}, {"+CSQ: 17,99", "", "", true},
		{"+CSQ: 17,99", "any", "", false},
		{"+CMTI: \"SM\",1", "any", "", true}, {"+CMT: ,24", "+CMT", "", true}, {"RDY", "any", "", true},
		{"RING", "", "", true},
		{"^ICCID: 89", "+CCID", "", false}, {"+ICCID: 89", "^ICCID", "", false}, {"+ICCID: 89", "+CICCID", "", false},
		{"+CCID: 89", "^ICCID", "", true}, {"+ICCID: 89", "+CSQ", "", true},
		{"*X: 1", "+CSQ", "", true}, {"$X: 1", "+CSQ", "", true}, {"%X: 1", "+CSQ", "", true},
		{"#X: 1", "+CSQ", "", true},
		{"+X without a colon", "+CSQ", "", false}, {"Model: X", "+CGMM", "", false},
	} {
		if got := finalResult(c.line); got != c.final {
			t.Errorf("the final result of %q is %q, want %q", c.line, got, c.final)
		}
		if got := isURC(c.line, c.cmd); got != c.urc {
			t.Errorf("%q during %q is unsolicited: %t, want %t", c.line, c.cmd, got, c.urc)
		}
	}
	for line, want := range map[string]bool{
		"NO CARRIER": true, "no answer": true, "NO DIALTONE": true, "NO DIAL TONE": true, "BUSY": true,
		"CARRIER": false,
	} {
		if progress(line) != want {
			t.Errorf("%q tells of a call: %t, want %t", line, !want, want)
		}
	}
	for line, want := range map[string]string{
		"+CMGS=23": "+CMGS", "+CREG?": "+CREG", "+CNMI=?": "+CNMI", "+CFUN=1;+CMEE=1": "+CFUN", "I": "I",
		"+A;+B": "+A",
	} {
		if got := commandID(line); got != want {
			t.Errorf("the name of %q is %q, want %q", line, got, want)
		}
	}
}

// A line of text mode is told from one of PDU mode by its parameters alone. 3GPP TS 27.005 3.4.1, 3.4.2 and 4.1
func TestALineInWordsIsKnown(t *testing.T) {
	t.Parallel()
	for line, words := range map[string]bool{
		`+CMGL: 1,"REC READ","+4479",,"26/11/30,20:31:32+04"`: true, `+CMGL: 1,1,,24`: false, `+CMGL: 1`: false,
		`+CMGL: 1,1,"Ann",24`:                               false,
		`+CMGR: "REC READ","+4479",,"26/11/30,20:31:32+04"`: true, `+CMGR: 1,,24`: false,
		`+CMGR: "alone"`: false, `+CMGR: 24`: false,
		`+CMT: "+4479",,"26/11/30,20:31:32+04"`:                         true,
		`+CMT: "+4479",,"26/11/30,20:31:32+04",145,4,0,0,"+4477",145,5`: true,
		`+CMT: ,24`: false, `+CMT: 24`: false, `+CMT: "Ann, Bob",24`: false, `+CMT: "Ann",,24`: false,
		`+CDS: 6,0,"+4479",145,"26/11/30,20:31:32+04","26/11/30,20:31:33+04",0`: true, `+CDS: 24`: false,
		`+CDS: ,1,2,24`: false, `+CDS: 1,2,3,4,5`: true,
		`+CSQ: "x","y","z",1,2`: false, `+CMGS: 1,"26/11/30"`: false,
	} {
		if got := inWords(line); got != words {
			t.Errorf("%s is of text mode: %t, want %t", line, got, words)
		}
		if got := hasPDU(line); (line[:5] == "+CMT:" || line[:5] == "+CDS:") && got == words {
			t.Errorf("a PDU follows %s: %t", line, got)
		}
	}
	if !hasPDU("+CBM: 88") || hasPDU("+CMTI: \"SM\",1") || hasPDU("+CDSI: \"SM\",1") {
		t.Error("after +CBM comes a PDU, after +CMTI and +CDSI none")
	}
	for rest, want := range map[string][]string{
		"": {""}, " 1,2": {"1", "2"}, ` "a,b" , c,`: {`"a,b"`, "c", ""}, `"open, 1`: {`"open, 1`},
	} {
		if got := fields(rest); !slices.Equal(got, want) {
			t.Errorf("the fields of %q are %q, want %q", rest, got, want)
		}
	}
	for line, want := range map[string]bool{
		"0791447758100650": true, "0791447758100650AF": true, "0791447758100650af": true,
		"079144775810065": false, "07914477581006": false,
		"0791447758100650G0": false, "0791447758100650g0": false, "0791447758100650/0": false,
		"0791447758100650:0": false,
		"0791447758100650@0": false, "0791447758100650`0": false,
	} {
		if isPDU(line) != want {
			t.Errorf("%s is a PDU: %t, want %t", line, !want, want)
		}
	}
}

// A report that comes in words is read as its PDU would be. 3GPP TS 27.005 3.4.1
func TestAReportInWordsIsRead(t *testing.T) {
	t.Parallel()
	const times = `"26/11/30,20:31:32+04","26/11/30,20:31:40-20"`
	for line, want := range map[string]string{
		`+CDS: 6,0,"+447911",145,` + times + `,0`:      "000600069144971162110302132340621103021304" + "0A" + "00",
		`+CDS: 6,255,"+447911",145,` + times + `,255`:  "0006FF069144971162110302132340621103021304" + "0A" + "FF",
		`+CDS: 6,256,"+447911",145,` + times + `,0`:    "",
		`+CDS: 6,-1,"+447911",145,` + times + `,0`:     "",
		`+CDS: 6,0,"+447911",145,` + times + `,256`:    "",
		`+CDS: 6,0,"+447911",145,` + times + `,-1`:     "",
		`+CDS: 6,0,"+447911",145,` + times:             "",
		`+CMT: 6,0,"+447911",145,` + times + `,0`:      "",
		`+CDS: 6,x,"+447911",145,` + times + `,0`:      "",
		`+CDS: 6,7,"+447911",145,"soon","now",0`:       "000607069144971100000000000000000000000000" + "00" + "00",
		`+CDS: 6,7,"+447911",145,"26/11/30,20:31",,48`: "000607069144971100000000000000000000000000" + "00" + "30",
	} {
		if got := reportInWords(line); got != want {
			t.Errorf("%s is read as %q, want %q", line, got, want)
		}
	}
}
