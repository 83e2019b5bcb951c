package modem

import (
	"context"
	"strings"
)

// Identity is who a modem and its SIM are, as far as they tell.
type Identity struct {
	Maker, Model string
	IMEI         string // 15 digits
	ICCID        string // of the SIM, 18 to 22 digits
	IMSI         string // of the SIM
}

// imei asks a modem for its IMEI; "" where it has none to tell.
func (s *Session) imei(ctx context.Context) (string, error) {
	return s.firstOf(ctx, parseIMEI, "+CGSN", "+GSN") // 27.007 5.4, V.250 6.3.7
}

// iccid asks for the number of the SIM, which can be read while that is locked. The name of the
// command is each maker's own; reading EF-ICCID (2FE2) of the SIM is 27.007 8.18 and TS 51.011 10.1.1.
func (s *Session) iccid(ctx context.Context) (string, error) {
	return surely(ctx, s, func(ctx context.Context, s *Session) (string, error) {
		return s.firstOf(ctx, parseICCID, "+CCID", "+ICCID", "^ICCID?", "+CICCID", "+QCCID", "+CRSM=176,12258,0,0,10")
	})
}

// identify asks a modem who it is. It changes nothing and needs no PIN; what is not told is "".
func (s *Session) identify(ctx context.Context) (id Identity, err error) {
	verbatim := func(lines []string) string {
		if len(lines) == 0 {
			return ""
		}
		return strings.Trim(lines[0], `" `)
	}
	for _, q := range []struct {
		answer *string
		parse  func([]string) string
		lines  []string
	}{
		{&id.Maker, verbatim, []string{"+CGMI", "+GMI"}},
		{&id.Model, verbatim, []string{"+CGMM", "+GMM"}},
		{&id.IMEI, parseIMEI, []string{"+CGSN", "+GSN"}},
		{&id.IMSI, parseIMSI, []string{"+CIMI"}},
	} {
		if *q.answer, err = s.firstOf(ctx, q.parse, q.lines...); err != nil {
			return id, err
		}
	}
	id.ICCID, err = s.iccid(ctx)
	return id, err
}

// firstOf asks in several ways, and returns what the first usable answer says. Only a session that
// is over is an error.
func (s *Session) firstOf(ctx context.Context, parse func([]string) string, lines ...string) (string, error) {
	for _, line := range lines {
		answer, err := s.Command(ctx, line)
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if err != nil && over(err) {
			return "", err
		}
		if text := parse(answer); err == nil && text != "" {
			return text, nil
		}
	}
	return "", nil
}

// parseIMEI finds an IMEI in the answer to AT+CGSN: 15 digits, or the 14 before the check digit, or
// an IMEISV of 16, alone or in quotes, behind a name, with hyphens, beside other numbers. It returns
// 15 digits, so that a modem has one IMEI however it tells it. 3GPP TS 23.003 6.2
func parseIMEI(answer []string) string {
	for _, line := range answer {
		if _, value, ok := strings.Cut(line, ":"); ok {
			line = value // the name may hold digits
		}
		for _, run := range runs(strings.ReplaceAll(line, "-", ""), isDigit) {
			if strings.Trim(run, run[:1]) == "" {
				continue // all zeros: it was never given one
			}
			switch len(run) {
			case 15:
				return run
			case 14, 16:
				return run[:14] + checkDigit(run[:14])
			}
		}
	}
	return ""
}

// checkDigit is the last digit of an IMEI. 3GPP TS 23.003 B.2
func checkDigit(digits string) string {
	sum := 0
	for i, c := range []byte(digits) {
		n := int(c - '0')
		if i%2 == 1 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return string(rune('0' + (10-sum%10)%10))
}

// parseICCID finds the number of a SIM card, which begins with 89: as it is printed, or as it lies
// on the card, two digits of each octet swapped and filled up with F. Some networks have letters in
// theirs. ITU-T E.118, 3GPP TS 51.011 10.1.1
func parseICCID(answer []string) string {
	for _, line := range answer {
		if name, value, ok := strings.Cut(line, ":"); ok && !strings.Contains(name, "89") {
			line = value
		}
		for _, run := range runs(strings.ToUpper(strings.ReplaceAll(line, " ", "")), isHex) {
			if strings.HasPrefix(run, "98") && len(run)%2 == 0 {
				swapped := []byte(run)
				for i := 0; i < len(swapped); i += 2 {
					swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
				}
				run = string(swapped)
			}
			run = strings.TrimRight(run, "F")
			if strings.HasPrefix(run, "89") && len(run) >= 18 && len(run) <= 22 {
				return run
			}
		}
	}
	return ""
}

// parseIMSI finds the number of a subscriber, up to 15 digits. 3GPP TS 23.003 2.2
func parseIMSI(answer []string) string {
	for _, line := range answer {
		for _, run := range runs(line, isDigit) {
			if len(run) >= 6 && len(run) <= 15 {
				return run
			}
		}
	}
	return ""
}

// runs are the pieces of a text that consist of such characters alone.
func runs(text string, of func(rune) bool) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return !of(r) })
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func isHex(r rune) bool { return isDigit(r) || r >= 'A' && r <= 'F' }
