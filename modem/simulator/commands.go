package simulator

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// command carries out one command with the simulator's lock held. What it
// returns becomes the final result.
type command func(*Simulator, *call) error

// standard is all that every modem understands, beside what its profile says of
// it. AT+CMGS=… is the session's own, since it goes on reading.
func standard() map[string]command {
	return map[string]command{
		// V.250
		"E":     (*Simulator).echo,
		"Z":     (*Simulator).restoreSettings,
		"&F":    (*Simulator).restoreSettings,
		"V":     only("1", ""),
		"Q":     only("0", ""),
		"S":     accepted,
		"&D":    accepted,
		"&C":    accepted,
		"X":     accepted,
		"H":     accepted,
		"+GCAP": identity("+GCAP: +CGSM"),

		// 3GPP TS 27.007
		"+GSN":   (*Simulator).imei,
		"+CGSN":  (*Simulator).imei,
		"+CIMI":  (*Simulator).imsi,
		"+CNUM":  (*Simulator).ownNumber,
		"+CPIN":  (*Simulator).pin,
		"+CPINR": (*Simulator).triesLeft,
		"+CUSD":  (*Simulator).supplementary,
		"+CREG":  (*Simulator).registration,
		"+CGREG": (*Simulator).registration,
		"+CEREG": (*Simulator).registration,
		"+COPS":  (*Simulator).operator,
		"+CSQ":   (*Simulator).signalQuality,
		"+CFUN":  (*Simulator).functionality,
		"+CMEE":  choice("(0-2)", 2, func(t *settings) *int { return &t.cmee }),
		"+CSCS":  (*Simulator).characterSet,
		"+CCLK":  (*Simulator).clock,
		"+CLAC":  (*Simulator).listCommands,

		// 3GPP TS 27.005
		"+CMGF": choice("(0,1)", 1, func(t *settings) *int { return &t.cmgf }),
		"+CSMS": (*Simulator).messageService,
		"+CMMS": (*Simulator).moreMessages,
		"+CSCA": (*Simulator).serviceCentre,
		"+CNMI": (*Simulator).newMessageIndications,
		"+CNMA": (*Simulator).acknowledge,
		"+CPMS": (*Simulator).preferredStorage,
		"+CMGL": (*Simulator).listMessages,
		"+CMGR": (*Simulator).readMessage,
		"+CMGD": (*Simulator).deleteMessage,
		"+CMGS": (*Simulator).testSubmit,
	}
}

// settings is what ATZ and loss of power bring back to the factory's.
type settings struct {
	words  bool // as Options.Words
	cmee   int
	cmgf   int
	csms   int
	cmms   int
	burst  time.Time // until then AT+CMMS=1 holds, if no message comes
	linked bool      // a message has opened the link since
	cscs   string
	cnmi   [5]int         // mode, mt, bm, ds, bfr
	cpms   [3]string      // names of mem1, mem2, mem3
	creg   map[string]int // n of +CREG, +CGREG, +CEREG, +C5GREG
	cops   int            // format of the operator's name
	cusd   int            // whether answers to AT+CUSD are told
	curc   int            // whether Options.Chatter is heard
}

// factory is what the modem has after power-on.
func (s *Simulator) factory() settings {
	t := s.profile.settings()
	t.words = s.options.Words
	if s.options.TextMode {
		t.cmgf = 1
	}
	return t
}

func (p *profile) settings() settings {
	return settings{cscs: "GSM", cpms: p.preferred, cnmi: p.cnmiFirst, creg: make(map[string]int), curc: 1}
}

// within reads an integer argument; one left out is def.
func within(arg string, low, high, def int) (int, bool) {
	if arg == "" {
		return def, true
	}
	n, err := strconv.Atoi(arg)
	return n, err == nil && n >= low && n <= high
}

// identity is a command that only says fixed lines.
func identity(lines ...string) command {
	return func(_ *Simulator, c *call) error {
		if c.form != test {
			c.info = append(c.info, lines...)
		}
		return nil
	}
}

// only is a basic command of which the modem knows these values and no others.
func only(values ...string) command {
	return func(_ *Simulator, c *call) error {
		if !slices.Contains(values, c.arg(0)) {
			return plainError{}
		}
		return nil
	}
}

// accepted is a command without effect here.
func accepted(*Simulator, *call) error { return nil }

// choice is a command that sets one number from 0 to high.
func choice(values string, high int, field func(*settings) *int) command {
	return func(s *Simulator, c *call) error {
		switch c.form {
		case test:
			c.say(c.name + ": " + values)
		case read:
			c.say(fmt.Sprintf("%s: %d", c.name, *field(&s.settings)))
		case set:
			n, ok := within(c.arg(0), 0, high, 0)
			if !ok || len(c.args) > 1 {
				return cmeWrongParameters
			}
			*field(&s.settings) = n
		}
		return nil
	}
}

func (s *Simulator) echo(c *call) error {
	n, ok := within(c.arg(0), 0, 1, 0)
	c.outlet.echo = n == 1
	if !ok {
		return plainError{}
	}
	return nil
}

func (s *Simulator) restoreSettings(c *call) error {
	s.settings = s.factory()
	c.outlet.echo = true
	return nil
}

func (s *Simulator) listCommands(c *call) error {
	names := slices.Sorted(maps.Keys(s.commands))
	switch s.profile.clac {
	case "line":
		c.say("+CLAC:" + strings.Join(names, ","))
	case "names":
		for _, name := range names {
			c.say(name)
		}
	default:
		for _, name := range names {
			c.say("AT" + name)
		}
	}
	return nil
}

// imei is AT+CGSN, which says only AT+CGSN=1 with a name. 3GPP TS 27.007 5.4
func (s *Simulator) imei(c *call) error {
	if c.form == set && c.arg(0) == "1" {
		return identity(fmt.Sprintf("+CGSN: %q", s.options.IMEI))(s, c)
	}
	return identity(s.options.IMEI)(s, c)
}

func (s *Simulator) imsi(c *call) error {
	if err := s.sim.closed(); err != nil {
		return err
	}
	return identity(s.sim.IMSI)(s, c)
}

// cardNumber is AT+CCID and the like; a SIM that is locked tells it too.
func (s *Simulator) cardNumber(c *call, before string) error {
	if s.sim.absent {
		return cmeNoSIM
	}
	return identity(before+s.sim.ICCID)(s, c)
}

func (s *Simulator) ownNumber(c *call) error {
	if err := s.sim.closed(); err != nil {
		return err
	}
	return identity(fmt.Sprintf("+CNUM: ,%q,%d", s.sim.Number, typeOf(s.sim.Number)))(s, c)
}

// typeOf is the type of address octet that stands beside a number in AT.
// 3GPP TS 24.008 10.5.4.7
func typeOf(number string) int {
	if strings.HasPrefix(number, "+") {
		return 145
	}
	return 129
}

func (s *Simulator) pin(c *call) error {
	switch c.form {
	case read:
		if s.sim.absent {
			return cmeNoSIM
		}
		c.say("+CPIN: " + s.sim.pinState())
	case set:
		if err := s.sim.enterPIN(c.arg(0), c.arg(1)); err != nil {
			return err
		}
		s.search()
		s.registrationChanged()
		s.deliverWaiting()
	case execute:
		return plainError{}
	}
	return nil
}

// triesLeft is AT+CPINR. 3GPP TS 27.007 8.65
func (s *Simulator) triesLeft(c *call) error {
	if s.sim.absent {
		return cmeNoSIM
	}
	if c.form == test {
		return nil
	}
	for _, code := range []struct {
		name       string
		left, most int
	}{{"SIM PIN", s.sim.tries, 3}, {"SIM PUK", s.sim.pukTries, 10}} {
		if c.arg(0) == "" || c.arg(0) == code.name {
			c.say(fmt.Sprintf("+CPINR: %s,%d,%d", code.name, code.left, code.most))
		}
	}
	return nil
}

func (s *Simulator) characterSet(c *call) error {
	sets := []string{"GSM", "IRA", "UCS2"}
	switch c.form {
	case test:
		c.say(`+CSCS: ("GSM","IRA","UCS2")`)
	case read:
		c.say(fmt.Sprintf("+CSCS: %q", s.settings.cscs))
	case set:
		if !slices.Contains(sets, c.arg(0)) {
			return cmeWrongParameters
		}
		s.settings.cscs = c.arg(0)
	}
	return nil
}

func (s *Simulator) clock(c *call) error {
	switch c.form {
	case read:
		now := s.options.Now()
		_, east := now.Zone()
		c.say(fmt.Sprintf("+CCLK: \"%s%+03d\"", now.Format("06/01/02,15:04:05"), east/(15*60)))
	case set:
		return cmeNotAllowed // the network sets it
	}
	return nil
}
