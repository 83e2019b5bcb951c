package modem

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"omsbox/modem/sms"
)

// commandID returns the part of a command line (without AT) that its answers begin with, as
// "+CMGS" of "+CMGS=23". 3GPP TS 27.007 4
func commandID(line string) string {
	if end := strings.IndexAny(line, "=?;"); end >= 0 {
		line = line[:end]
	}
	return line
}

// finalResult returns the final result code that ends a command, in the form that the AT library
// knows, or "" where the line is none. Vendors have finals of their own.
func finalResult(line string) string {
	switch {
	case line == "OK", line == "ERROR":
		return line
	case strings.HasPrefix(line, "+CMS ERROR:"), strings.HasPrefix(line, "+CME ERROR:"):
		return line
	case strings.HasPrefix(line, "ERROR"): // "ERROR: 4" and the like
		return "ERROR"
	}
	switch strings.ToUpper(line) {
	case "COMMAND NOT SUPPORT", "COMMAND NOT SUPPORTED", "TOO MANY PARAMETERS", "ABORTED":
		return "ERROR"
	}
	return ""
}

// progress says whether a line tells how a call goes. Nothing here ever dials: it is somebody who
// rang the SIM and gave up, and ends no command of ours. ITU-T V.250 6.3
func progress(line string) bool {
	switch strings.ToUpper(line) {
	case "NO CARRIER", "NO ANSWER", "NO DIALTONE", "NO DIAL TONE", "BUSY":
		return true
	}
	return false
}

// heeded are the unsolicited result codes that somebody acts on; all others are noise.
var heeded = []string{
	"+CMTI:", "+CMT:", "+CDSI:", "+CDS:", // 3GPP TS 27.005 3.4.1
	"+CMGS:",                                   // an answer that comes too late for its command
	"+CREG:", "+CGREG:", "+CEREG:", "+C5GREG:", // 3GPP TS 27.007 7.2, 10.1.20, 10.1.22 and 10.1.47
	"+CPIN:", "^SIMST:", "+QUSIM:", "+ZUSIMR:", // the SIM came or went
}

// boots are the beginnings of lines that tell that the modem starts, or ends: whatever it was told
// before is forgotten. A modem may say any of them alone.
var boots = []string{
	"RDY", "APP RDY", "Call Ready", "SMS Ready", "SMS DONE", "PB DONE", // SIMCom
	"+QIND: SMS DONE", "+QIND: PB DONE", // Quectel
	"*ATREADY", "+PACSP", "MODEM:STARTUP", "+PBREADY", "*EMRDY:", "^SYSSTART", "SYSSTART",
	"NORMAL POWER DOWN", "POWERED DOWN", "OVER-VOLTAGE POWER DOWN", "UNDER-VOLTAGE POWER DOWN", "^SHUTDOWN",
}

// restarts reports whether a line is one of boots.
func restarts(line string) bool {
	return slices.ContainsFunc(boots, func(prefix string) bool { return strings.HasPrefix(line, prefix) })
}

func isHeeded(line string) bool {
	return slices.ContainsFunc(heeded, func(prefix string) bool { return strings.HasPrefix(line, prefix) })
}

// always are the beginnings of lines that no command is answered with.
var always = []string{
	"+CMTI:", "+CMT:", "+CDSI:", "+CDS:", "+CBMI:", "+CBM:", // 3GPP TS 27.005 3.4.1
	"+CRING:", "+CLIP:", "RING", "+CIEV:", "+CGEV:", "+CTZV:", "+CTZE:", "+CSSU:", "+CSSI:", // 3GPP TS 27.007
	"OVER-VOLTAGE", "UNDER-VOLTAGE", "+QIND:", "+QUSIM:", // SIMCom, Quectel; see also boots
	"^BOOT:", "^RSSI:", "^MODE:", "^SRVST:", "^SIMST:", "^HCSQ:", "^STIN:", "^DSFLOWRPT:", // Huawei
	"+ZUSIMR:", "+ZDONR:", "+ZPASR:", "+ZMSRI", "+ZEND", // ZTE
	"*PSUTTZ:", "DST:", "+WAP_PUSH_MMS:", "$QCRMCALL:",
}

// others are further beginnings of the answer to a command. Most begin with its own name.
var others = map[string][]string{
	"+CCID":   {"+ICCID:", "^ICCID:"},
	"+ICCID":  {"+CCID:", "+ICCID:"},
	"^ICCID":  {"+ICCID:"},
	"+CICCID": {"+ICCID:"},
}

// isURC says whether a line is an unsolicited result code, where cmd is the command in flight: ""
// for none, "any" where the answer to any may come. Answers that carry a name carry the name of
// their command, so any other name is unsolicited.
func isURC(line, cmd string) bool {
	for _, prefix := range always {
		if strings.HasPrefix(line, prefix) {
			return true
		}
	}
	if restarts(line) {
		return true
	}
	if cmd == "any" || !strings.ContainsRune("+^*$%#", rune(line[0])) {
		return false
	}
	name, _, ok := strings.Cut(line, ":")
	if !ok || name == cmd {
		return false
	}
	for _, prefix := range others[cmd] {
		if strings.HasPrefix(line, prefix) {
			return false
		}
	}
	return true
}

// hasPDU says whether a URC is followed by a line with a PDU. 3GPP TS 27.005 3.4.1
func hasPDU(line string) bool {
	for _, name := range []string{"+CMT:", "+CDS:", "+CBM:"} {
		if strings.HasPrefix(line, name) {
			return !inWords(line)
		}
	}
	return false
}

// inWords reports whether a line is one of text mode, which in PDU mode looks otherwise: a listed
// message with its status in words, or a text or a report with more than its length.
// 3GPP TS 27.005 3.4.1, 3.4.2 and 4.1
func inWords(line string) bool {
	if !strings.HasPrefix(line, "+CM") && !strings.HasPrefix(line, "+CDS") {
		return false
	}
	name, rest, _ := strings.Cut(line, ":")
	f := fields(rest)
	switch name {
	case "+CMGL":
		return len(f) > 1 && strings.HasPrefix(f[1], `"`)
	case "+CMGR":
		return strings.HasPrefix(f[0], `"`) && len(f) > 1
	case "+CMT": // [alpha], length; in text mode with the date, which is in quotes
		return len(f) > 3 || len(f) == 3 && strings.HasPrefix(f[2], `"`)
	case "+CDS": // length; in text mode the whole report
		return len(f) > 4
	}
	return false
}

// reportInWords is the PDU of a delivery report that a modem in text mode passes on,
// +CDS: fo,mr,"recipient",type,"when it was sent","when it ended",status; "" where the line is none.
// 3GPP TS 27.005 3.4.1
func reportInWords(line string) string {
	rest, ok := strings.CutPrefix(line, "+CDS:")
	f := fields(rest)
	if !ok || len(f) < 7 {
		return ""
	}
	when := func(field string) time.Time { // 26/11/30,20:31:32+04, the zone in quarters of an hour
		field = strings.Trim(field, `"`)
		if len(field) < 20 {
			return time.Time{}
		}
		quarters, err := strconv.Atoi(field[17:20])
		t, failed := time.ParseInLocation("06/01/02,15:04:05", field[:17], time.FixedZone("", quarters*15*60))
		if err != nil || failed != nil {
			return time.Time{}
		}
		return t
	}
	mr, status := code(f[1]), code(f[6])
	if mr < 0 || mr > 255 || status < 0 || status > 255 {
		return ""
	}
	r := sms.StatusReport{MR: byte(mr), To: strings.Trim(f[2], `"`), SCTS: when(f[4]), Discharge: when(f[5]), Status: byte(status)}
	tpdu, err := r.TPDU()
	if err != nil {
		return ""
	}
	return sms.JoinPDU("", tpdu)
}

// fields takes the parameters of a result code apart at the commas that stand in no quotes.
func fields(rest string) (all []string) {
	quoted, from := false, 0
	for i, c := range []byte(rest) {
		switch {
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			all, from = append(all, strings.TrimSpace(rest[from:i])), i+1
		}
	}
	return append(all, strings.TrimSpace(rest[from:]))
}

// isPDU says whether a line looks like a PDU in hexadecimal: SMSC address and TPDU together have
// eight octets at least.
func isPDU(line string) bool {
	if len(line) < 16 || len(line)%2 != 0 {
		return false
	}
	for _, c := range []byte(line) {
		if !(c >= '0' && c <= '9' || c >= 'A' && c <= 'F' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	return true
}
