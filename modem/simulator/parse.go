package simulator

import "strings"

// form is how a command is given. 3GPP TS 27.007 4.1
type form int

const (
	execute form = iota // AT+X
	read                // AT+X?
	test                // AT+X=?
	set                 // AT+X=…
)

// call is one command of a command line.
type call struct {
	name   string // upper case: +CMGF, E, &F
	form   form
	args   []string // of set, without quotes
	info   []string // lines of information it answers with
	outlet *outlet  // where it was given
}

// say adds a line of information.
func (c *call) say(line string) { c.info = append(c.info, line) }

// arg returns argument i, or "" if it was left out.
func (c *call) arg(i int) string {
	if i < len(c.args) {
		return c.args[i]
	}
	return ""
}

// parseLine takes a command line apart: basic commands (a letter and a number)
// follow each other directly, extended ones end with a semicolon. V.250 5.2.1
func parseLine(line string) (calls []call, ok bool) {
	rest := line[len("AT"):]
	for rest = strings.TrimLeft(rest, " ;"); rest != ""; rest = strings.TrimLeft(rest, " ;") {
		var c call
		if strings.IndexByte("+^#$%*", rest[0]) >= 0 {
			end := unquoted(rest, ';')
			c = parseExtended(rest[:end])
			rest = rest[end:]
		} else if c, rest, ok = parseBasic(rest); !ok {
			return nil, false
		}
		calls = append(calls, c)
	}
	return calls, true
}

// parseBasic reads E0, &F, I, S0=1.
func parseBasic(s string) (c call, rest string, ok bool) {
	n := 1
	if s[0] == '&' {
		n = 2
	}
	if len(s) < n {
		return c, s, false
	}
	c.name = strings.ToUpper(s[:n])
	if letter := c.name[n-1]; letter < 'A' || letter > 'Z' {
		return c, s, false
	}
	rest = s[n:]
	digits := len(rest) - len(strings.TrimLeft(rest, "0123456789="))
	c.form, c.args = set, []string{rest[:digits]}
	return c, rest[digits:], true
}

// parseExtended reads +NAME, +NAME?, +NAME=? and +NAME=a,"b",c.
func parseExtended(s string) call {
	s = strings.TrimSpace(s)
	name, value, assigned := strings.Cut(s, "=")
	switch {
	case !assigned && strings.HasSuffix(name, "?"):
		return call{name: strings.ToUpper(strings.TrimSuffix(name, "?")), form: read}
	case !assigned:
		return call{name: strings.ToUpper(name)}
	case value == "?":
		return call{name: strings.ToUpper(name), form: test}
	}
	c := call{name: strings.ToUpper(name), form: set}
	for {
		end := unquoted(value, ',')
		c.args = append(c.args, strings.Trim(strings.TrimSpace(value[:end]), `"`))
		if end == len(value) {
			return c
		}
		value = value[end+1:]
	}
}

// unquoted returns the index of the first sep outside quotes, or len(s).
func unquoted(s string, sep byte) int {
	quoted := false
	for i := range len(s) {
		if s[i] == '"' {
			quoted = !quoted
		} else if s[i] == sep && !quoted {
			return i
		}
	}
	return len(s)
}
