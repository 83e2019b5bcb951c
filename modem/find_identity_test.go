package modem

import (
	"strings"
	"testing"
)

func TestIMEI(t *testing.T) {
	t.Parallel()
	const want = "350000000000006"
	for name, answer := range map[string]string{
		"alone":                want,
		"in quotes":            `"350000000000006"`,
		"behind the name":      "+CGSN: 350000000000006",
		"quoted behind it":     `+CGSN: "350000000000006"`,
		"as GSM sticks do":     "IMEI: 350000000000006",
		"with hyphens":         "35-000000-000000-6",
		"without check digit":  "35000000000000",
		"with software number": "3500000000000012",
		"with something after": "350000000000006,01",
		"among other lines":    "ESN: 8012\n" + want,
	} {
		if got := parseIMEI(strings.Split(answer, "\n")); got != want {
			t.Errorf("%s: %q gives %q, want %q", name, answer, got, want)
		}
	}
	for name, answer := range map[string]string{
		"never given": "000000000000000", "too short": "12345", "MEID": "A0000012345678", "nothing": "",
	} {
		if got := parseIMEI([]string{answer}); got != "" {
			t.Errorf("%s: %q gives %q", name, answer, got)
		}
	}
}

func TestICCID(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, answer, want string }{
		{"behind the name", "+CCID: 8944200000000000006", "8944200000000000006"},
		{"in quotes", `+CCID: "8944200000000000006"`, "8944200000000000006"},
		{"alone", "8944200000000000006", "8944200000000000006"},
		{"filled up", "+QCCID: 8944200000000000006F", "8944200000000000006"},
		{"filled up in small letters", "8944200000000000006f", "8944200000000000006"},
		{"as it lies on the card", "^ICCID: 98442400000000000060", "89444200000000000006"},
		{"read from the card", `+CRSM: 144,0,"984402000000000000F6"`, "8944200000000000006"},
		{"with letters of the network", "+ICCID: 898604B7192271000123", "898604B7192271000123"},
		{"with the eSIM's number", `+CCID: "8944200000000000006","89049032000000000000000000000000"`, "8944200000000000006"},
		{"an error of the card", `+CRSM: 106,130,""`, ""},
		{"nothing", "", ""},
		{"something else", "+CCID: 12345678901234567890", ""},
	} {
		if got := parseICCID([]string{tt.answer}); got != tt.want {
			t.Errorf("%s: %q gives %q, want %q", tt.name, tt.answer, got, tt.want)
		}
	}
}

func TestPortsThatModemsTell(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]int{
		"TYPE:WCDMA:Qualcomm ,MDM:0 ,DIAG:1,PCUI:2": 2,
		"TYPE: WCDMA: huawei,MDM:0,NDIS:1,PCUI: 3 ": 3,
		"TYPE:WCDMA:Qualcomm,MDM:0":                 -1,
		"":                                          -1,
	} {
		if got := parsePortMode([]string{answer}); got != want {
			t.Errorf("%q gives %d, want %d", answer, got, want)
		}
	}
	for answer, want := range map[string]string{`"urcport","usbat"`: "usbat", `"URCPORT", "usbmodem"`: "usbmodem", `"other",1`: "", "": ""} {
		if got := parseURCPort([]string{answer}); got != want {
			t.Errorf("%q gives %q, want %q", answer, got, want)
		}
	}
}

// FuzzIdentity has modems tell anything of themselves.
func FuzzIdentity(f *testing.F) {
	for _, answer := range []string{
		"350000000000006", `+CGSN: "35-000000-000000-6"`, "^ICCID: 98442400000000000060", `+CRSM: 144,0,"984402000000000000F6"`,
		"^GETPORTMODE:TYPE:WCDMA:Qualcomm ,MDM:0 ,DIAG:1,PCUI:2", `+QURCCFG: "urcport","usbat"`, "310260000000001",
	} {
		f.Add(answer)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Split(text, "\n")
		if got := parseIMEI(lines); got != "" && (len(got) != 15 || strings.Trim(got, "0123456789") != "") {
			t.Errorf("the IMEI in %q is %q", text, got)
		}
		if got := parseICCID(lines); got != "" && (len(got) < 18 || len(got) > 22 || !strings.HasPrefix(got, "89") || strings.Trim(got, "0123456789ABCDEF") != "") {
			t.Errorf("the ICCID in %q is %q", text, got)
		}
		if got := parseIMSI(lines); got != "" && (len(got) < 6 || len(got) > 15 || strings.Trim(got, "0123456789") != "") {
			t.Errorf("the IMSI in %q is %q", text, got)
		}
		if got := parsePortMode(lines); got < -1 || got > 255 {
			t.Errorf("the port in %q is %d", text, got)
		}
		parseURCPort(lines)
	})
}
