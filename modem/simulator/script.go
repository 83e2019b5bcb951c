package simulator

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// ParseScript reads a script that says what is to go wrong, for Misbehave. Each
// line, or part of one up to a semicolon, is a rule: when, which times, what.
//
//	command AT+CSQ at 5 say "\r\nRING\r\n"   # a URC at the fifth byte of the answer
//	command AT+CNMI=2,1,0,1* answer ERROR
//	pdu nth 3 hang cfun                      # until AT+CFUN=… helps
//	pdu until AT+CFUN=* answer "+CMS ERROR: 500"
//	result every 10 lose
//	result chance 1 at 0 heard hangup
//	deliver after 10m for 1h twice
//
// When is open, command with a pattern (* stands for anything; without one, any
// command), prompt, pdu, result or deliver: see Point. Which times is after
// DURATION (since the script began) and for DURATION (from there), then of those
// moments nth N, every N, and chance PERCENT; all that are given must hold. And
// until PATTERN: a command line like that ends the rule once it has taken effect.
//
// What is one or more of
//
//	answer TEXT, lose, late DURATION, urc TEXT, prompt TEXT, early, twice,
//	again DURATION, busy, split N (of reads, at open; may be repeated), stall,
//	hangup, restart, away DURATION (of restart), unplug, hang CURE, hang DURATION,
//	deregister STAT CURE (of +CREG: 0, 2, 3 or 4), forget (AT+CNMI), full,
//	fever TEXT (the answer to every PDU from then on, until the modem restarts),
//	textmode (it falls into text mode), anew (it forgets its settings, and
//	says so only by a urc beside it), tardy DURATION (the information comes
//	so much later than the final result)
//
// where CURE is power, restart, reopen, cfun, cops, init, escape or attention. And
// what follows "at N" or "at N heard" happens after so many more bytes that the
// modem says, or hears: say TEXT, pause DURATION, drop N, mute, deaf, or stall,
// hangup, restart, unplug and hang as above.
//
// A text with spaces, semicolons or control characters stands in quotes, with
// the escapes of Go.
func ParseScript(script string) (func(Moment) Fault, error) {
	var rules []*rule
	for i, line := range strings.Split(script, "\n") {
		statements, err := words(line)
		if err != nil {
			return nil, fmt.Errorf("line %d of the script: %w", i+1, err)
		}
		for _, statement := range statements {
			r, err := parseRule(statement)
			if err != nil {
				return nil, fmt.Errorf("line %d of the script: %w", i+1, err)
			}
			rules = append(rules, r)
		}
	}
	began := time.Now()
	random := rand.New(rand.NewPCG(1, 1)) // the same every time
	return func(m Moment) Fault {
		var f Fault
		for _, r := range rules {
			if r.takes(m, time.Since(began), random) {
				f = f.with(r.fault)
			}
		}
		return f
	}, nil
}

// rule is a fault and when it happens.
type rule struct {
	point       Point
	pattern     string // of command lines; "" is any
	nth, every  int
	chance      int // of a hundred; 0: always
	after, span time.Duration
	until       string
	fault       Fault

	seen        int // moments that fit
	taken, over bool
}

// takes is whether the rule takes effect at m.
func (r *rule) takes(m Moment, since time.Duration, random *rand.Rand) bool {
	if r.taken && r.until != "" && m.Point == AtCommand && matches(r.until, m.Line) {
		r.over = true
	}
	switch {
	case r.over, m.Point != r.point, r.pattern != "" && !matches(r.pattern, m.Line),
		since < r.after, r.span > 0 && since >= r.after+r.span:
		return false
	}
	r.seen++
	switch {
	case r.nth > 0 && r.seen != r.nth,
		r.every > 0 && r.seen%r.every != 0,
		r.chance > 0 && random.IntN(100) >= r.chance:
		return false
	}
	r.taken = true
	return true
}

// matches is whether line is what pattern says, in which * stands for anything.
func matches(pattern, line string) bool {
	parts := strings.Split(strings.ToUpper(pattern), "*")
	line = strings.ToUpper(line)
	rest, ok := strings.CutPrefix(line, parts[0])
	for i, part := range parts[1:] {
		if i == len(parts)-2 {
			return ok && strings.HasSuffix(rest, part)
		}
		at := strings.Index(rest, part)
		if at < 0 {
			return false
		}
		rest = rest[at+len(part):]
	}
	return ok && rest == ""
}

// with is f and what g adds to it.
func (f Fault) with(g Fault) Fault {
	if !f.Hang {
		f.Hang, f.Cure, f.For = g.Hang, g.Cure, g.For
	}
	if !f.Deregister && g.Deregister {
		f.Deregister, f.Stat, f.Cure = true, g.Stat, g.Cure
	}
	if !f.Drop {
		f.Drop, f.Away = g.Drop, g.Away
	}
	text(&f.Answer, g.Answer)
	text(&f.Prompt, g.Prompt)
	text(&f.Fever, g.Fever)
	f.Lose = f.Lose || g.Lose
	f.HangUp = f.HangUp || g.HangUp
	f.Stall = f.Stall || g.Stall
	f.Early = f.Early || g.Early
	f.Twice = f.Twice || g.Twice
	f.Busy = f.Busy || g.Busy
	f.Full = f.Full || g.Full
	f.Forget = f.Forget || g.Forget
	f.Text = f.Text || g.Text
	f.Anew = f.Anew || g.Anew
	f.Tardy = max(f.Tardy, g.Tardy)
	f.Late = max(f.Late, g.Late)
	f.Again = max(f.Again, g.Again)
	f.URCs = append(f.URCs[:len(f.URCs):len(f.URCs)], g.URCs...)
	f.Cuts = append(f.Cuts[:len(f.Cuts):len(f.Cuts)], g.Cuts...)
	f.Reads = append(f.Reads[:len(f.Reads):len(f.Reads)], g.Reads...)
	return f
}

// words takes a line apart into statements and those into words.
func words(line string) (statements [][]string, err error) {
	var statement []string
	for line = strings.TrimSpace(line); line != "" && line[0] != '#'; line = strings.TrimLeft(line, " \t\r") {
		switch {
		case line[0] == ';':
			statements, statement, line = append(statements, statement), nil, line[1:]
		case line[0] == '"':
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				return nil, errors.New("a quote is not closed")
			}
			word, err := strconv.Unquote(quoted)
			if err != nil {
				return nil, fmt.Errorf("%s is no text", quoted)
			}
			statement, line = append(statement, word), line[len(quoted):]
		default:
			end := strings.IndexAny(line, " \t;\r")
			if end < 0 {
				end = len(line)
			}
			statement, line = append(statement, line[:end]), line[end:]
		}
	}
	statements = append(statements, statement)
	var full [][]string
	for _, s := range statements {
		if len(s) > 0 {
			full = append(full, s)
		}
	}
	return full, nil
}

var points = map[string]Point{
	"open": AtOpen, "command": AtCommand, "prompt": AtPrompt, "pdu": AtPDU, "result": AtResult, "deliver": AtDeliver,
}

var cures = map[string]Cure{
	"power": ByPower, "restart": ByRestart, "reopen": ByReopen, "cfun": ByCFUN, "cops": ByCOPS,
	"init": ByInit, "escape": ByEscape, "attention": ByAttention,
}

// ruleParser is a rule that is being read.
type ruleParser struct {
	rule  *rule
	words []string
	cut   *Cut // of rule.fault.Cuts, which "at" began; else nil
}

func parseRule(statement []string) (*rule, error) {
	point, ok := points[statement[0]]
	if !ok {
		return nil, fmt.Errorf("%q is not when something can go wrong: open, command, prompt, pdu, result or deliver", statement[0])
	}
	p := &ruleParser{rule: &rule{point: point}, words: statement[1:]}
	keywords := p.keywords()
	if len(p.words) > 0 && point == AtCommand && keywords[p.words[0]] == nil {
		p.rule.pattern, p.words = p.words[0], p.words[1:]
	}
	effect := false
	for len(p.words) > 0 {
		word := p.words[0]
		p.words = p.words[1:]
		read, ok := keywords[word]
		if !ok {
			return nil, fmt.Errorf("%q means nothing here", word)
		}
		if err := read(); err != nil {
			return nil, fmt.Errorf("%s: %w", word, err)
		}
		switch word {
		case "nth", "every", "chance", "after", "for", "until", "at", "away":
		default:
			effect = true
		}
	}
	if !effect {
		return nil, fmt.Errorf("%q does not say what goes wrong", strings.Join(statement, " "))
	}
	return p.rule, nil
}

// keywords are the words of a rule, each with what reads its arguments.
func (p *ruleParser) keywords() map[string]func() error {
	r, f := p.rule, &p.rule.fault
	number := func(n *int, low, high int) func() error {
		return func() error { return p.number(n, low, high) }
	}
	duration := func(d *time.Duration) func() error {
		return func() error { return p.duration(d) }
	}
	word := func(s *string) func() error {
		return func() error { return p.text(s) }
	}
	flag := func(b *bool) func() error {
		return func() error { *b = true; return nil }
	}
	whole := func(read func(f *Fault) error) func() error {
		return func() error {
			if p.cut != nil {
				return read(&p.cut.Then)
			}
			return read(f)
		}
	}
	cut := func(read func(c *Cut) error) func() error {
		return func() error {
			if p.cut == nil {
				return errors.New(`an "at" must come first`)
			}
			return read(p.cut)
		}
	}
	return map[string]func() error{
		"nth":    number(&r.nth, 1, 1e9),
		"every":  number(&r.every, 1, 1e9),
		"chance": number(&r.chance, 1, 100),
		"after":  duration(&r.after),
		"for":    duration(&r.span),
		"until":  word(&r.until),

		"answer": word(&f.Answer),
		"prompt": word(&f.Prompt),
		"fever":  word(&f.Fever),
		"late":   duration(&f.Late),
		"again":  duration(&f.Again),
		"lose":   flag(&f.Lose),
		"early":  flag(&f.Early),
		"twice":  flag(&f.Twice),
		"busy":   flag(&f.Busy),
		"full":   flag(&f.Full),
		"forget": flag(&f.Forget),
		"anew":   flag(&f.Anew),
		"tardy":  duration(&f.Tardy),

		"textmode": flag(&f.Text),
		"deregister": func() error {
			f.Deregister = true
			if err := p.number(&f.Stat, 0, 4); err != nil {
				return err
			}
			return p.cure(f)
		},
		"urc": func() error {
			f.URCs = append(f.URCs, "")
			return p.text(&f.URCs[len(f.URCs)-1])
		},
		"split": func() error {
			f.Reads = append(f.Reads, 0)
			return p.number(&f.Reads[len(f.Reads)-1], 1, 1<<20)
		},

		"stall":   whole(func(f *Fault) error { f.Stall = true; return nil }),
		"hangup":  whole(func(f *Fault) error { f.HangUp = true; return nil }),
		"restart": whole(func(f *Fault) error { f.Drop = true; return nil }),
		"unplug":  whole(func(f *Fault) error { f.Drop, f.Away = true, -1; return nil }),
		"away":    whole(func(f *Fault) error { return p.duration(&f.Away) }),
		"hang":    whole(p.hang),

		"at": func() error {
			f.Cuts = append(f.Cuts, Cut{})
			p.cut = &f.Cuts[len(f.Cuts)-1]
			if err := p.number(&p.cut.After, 0, 1<<20); err != nil {
				return err
			}
			if len(p.words) > 0 && p.words[0] == "heard" {
				p.cut.Of, p.words = Heard, p.words[1:]
			}
			return nil
		},
		"say":   cut(func(c *Cut) error { return p.text(&c.Say) }),
		"pause": cut(func(c *Cut) error { return p.duration(&c.Pause) }),
		"drop":  cut(func(c *Cut) error { return p.number(&c.Lose, 1, 1<<20) }),
		"mute":  cut(func(c *Cut) error { c.Mute = true; return nil }),
		"deaf":  cut(func(c *Cut) error { c.Deaf = true; return nil }),
	}
}

// hang reads a cure or a duration.
func (p *ruleParser) hang(f *Fault) error {
	f.Hang = true
	if p.cure(f) == nil {
		return nil
	}
	return p.duration(&f.For)
}

func (p *ruleParser) cure(f *Fault) error {
	if len(p.words) > 0 {
		if cure, ok := cures[p.words[0]]; ok {
			f.Cure, p.words = cure, p.words[1:]
			return nil
		}
	}
	return errors.New("what helps is missing: power, restart, reopen, cfun, cops, init, escape or attention")
}

func (p *ruleParser) text(s *string) error {
	if len(p.words) == 0 {
		return errors.New("a word is missing behind it")
	}
	*s, p.words = p.words[0], p.words[1:]
	return nil
}

func (p *ruleParser) number(n *int, low, high int) error {
	var word string
	if err := p.text(&word); err != nil {
		return err
	}
	v, err := strconv.Atoi(word)
	if err != nil || v < low || v > high {
		return fmt.Errorf("%q is not a number from %d to %d", word, low, high)
	}
	*n = v
	return nil
}

func (p *ruleParser) duration(d *time.Duration) error {
	var word string
	if err := p.text(&word); err != nil {
		return err
	}
	v, err := time.ParseDuration(word)
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a duration such as 500ms or 10m", word)
	}
	*d = v
	return nil
}
