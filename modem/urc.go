package modem

import (
	"slices"
	"strings"
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
	"+CMGS:",                       // an answer that comes too late for its command
	"+CREG:", "+CGREG:", "+CEREG:", // 3GPP TS 27.007 7.2, 10.1.20 and 10.1.22
	"+CPIN:", "^SIMST:", "+QUSIM:", "+ZUSIMR:", // the SIM came or went
	"RDY", "^SYSSTART", "NORMAL POWER DOWN", "POWERED DOWN", // see restarts
}

// restarts says whether a line tells that the modem starts anew, or ends.
func restarts(line string) bool {
	return slices.ContainsFunc([]string{"RDY", "^SYSSTART", "NORMAL POWER DOWN", "POWERED DOWN"}, func(prefix string) bool { return strings.HasPrefix(line, prefix) })
}

func isHeeded(line string) bool {
	return slices.ContainsFunc(heeded, func(prefix string) bool { return strings.HasPrefix(line, prefix) })
}

// always are the beginnings of lines that no command is answered with.
var always = []string{
	"+CMTI:", "+CMT:", "+CDSI:", "+CDS:", "+CBMI:", "+CBM:", // 3GPP TS 27.005 3.4.1
	"+CRING:", "+CLIP:", "RING", "+CIEV:", "+CGEV:", "+CTZV:", "+CTZE:", "+CSSU:", "+CSSI:", // 3GPP TS 27.007
	"RDY", "Call Ready", "SMS Ready", "SMS DONE", "PB DONE", "NORMAL POWER DOWN", "OVER-VOLTAGE", "UNDER-VOLTAGE", // SIMCom
	"+PACSP", "+QIND:", "+QUSIM:", "POWERED DOWN", "^SYSSTART", // Quectel, Cinterion
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
	return strings.HasPrefix(line, "+CMT:") || strings.HasPrefix(line, "+CDS:") || strings.HasPrefix(line, "+CBM:")
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
