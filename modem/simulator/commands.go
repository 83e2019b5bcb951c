package simulator

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// command carries out one command with the simulator's lock held. What it
// returns becomes the final result.
type command func(*Simulator, *call) error

// commandTable is all the modem understands, except that AT+CMGS=… is the
// session's own, since it goes on reading.
func commandTable() map[string]command {
	return map[string]command{
		// V.250
		"E":     (*Simulator).echo,
		"Z":     (*Simulator).restoreSettings,
		"&F":    (*Simulator).restoreSettings,
		"I":     identity("Manufacturer: omsbox", "Model: Simulator", "Revision: 1.0"),
		"V":     only("1", ""),
		"Q":     only("0", ""),
		"S":     accepted,
		"&D":    accepted,
		"&C":    accepted,
		"X":     accepted,
		"H":     accepted,
		"+GMI":  identity("omsbox"),
		"+GMM":  identity("Simulator"),
		"+GMR":  identity("1.0"),
		"+GSN":  (*Simulator).imei,
		"+GCAP": identity("+GCAP: +CGSM"),

		// 3GPP TS 27.007
		"+CGMI":  identity("omsbox"),
		"+CGMM":  identity("Simulator"),
		"+CGMR":  identity("1.0"),
		"+CGSN":  (*Simulator).imei,
		"+CIMI":  (*Simulator).imsi,
		"+CCID":  (*Simulator).iccid,
		"+ICCID": (*Simulator).iccid,
		"+CNUM":  (*Simulator).ownNumber,
		"+CPIN":  (*Simulator).pin,
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
		"+CMMS": choice("(0-2)", 2, func(t *settings) *int { return &t.cmms }),
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
	cmee  int
	cmgf  int
	csms  int
	cmms  int
	cscs  string
	cnmi  [5]int         // mode, mt, bm, ds, bfr
	cpms  [3]string      // names of mem1, mem2, mem3
	creg  map[string]int // n of +CREG, +CGREG, +CEREG
	cops  int            // format of the operator's name
	unack int            // +CMT and +CDS that wait for AT+CNMA, in AT+CSMS=1
}

func factorySettings() settings {
	return settings{cscs: "GSM", cpms: [3]string{"SM", "SM", "SM"}, creg: make(map[string]int)}
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
	s.settings = factorySettings()
	c.outlet.echo = true
	return nil
}

func (s *Simulator) listCommands(c *call) error {
	for name := range s.commands {
		c.say("AT" + name)
	}
	slices.Sort(c.info)
	return nil
}

func (s *Simulator) imei(c *call) error { return identity(s.options.IMEI)(s, c) }

func (s *Simulator) imsi(c *call) error {
	if err := s.sim.needsPIN(); err != nil {
		return err
	}
	return identity(s.options.IMSI)(s, c)
}

func (s *Simulator) iccid(c *call) error {
	return identity(c.name+": "+s.options.ICCID)(s, c)
}

func (s *Simulator) ownNumber(c *call) error {
	if err := s.sim.needsPIN(); err != nil {
		return err
	}
	return identity(fmt.Sprintf("+CNUM: ,%q,%d", s.options.Number, typeOf(s.options.Number)))(s, c)
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
		c.say("+CPIN: " + s.sim.pinState())
	case set:
		if err := s.sim.enterPIN(c.arg(0)); err != nil {
			return err
		}
		s.registrationChanged()
		s.deliverWaiting()
	case execute:
		return plainError{}
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
