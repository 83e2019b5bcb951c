package simulator

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// profile is what a family of modems does in its own way.
type profile struct {
	maker, model, revision string
	ati                    []string // lines of ATI; %s is the IMEI

	ports           []PortKind
	vendor, product string // USB ids
	uart            bool   // a restart does not end the port, as on a serial line
	boot            []string
	chatter         []string // unsolicited result codes that tell nothing, see Options.Chatter

	sm, me, sr int
	memories   [3]string // what AT+CPMS=? lists for mem1 to mem3, such as `"SM","ME"`
	preferred  [3]string // what AT+CPMS? tells at first
	first      int       // index of the first slot
	cnmi       string    // what AT+CNMI=? tells
	cnmiFirst  [5]int    // what AT+CNMI? tells at first
	refuses    func([5]int) bool
	alpha      string // the field before the length in +CMGL and +CMGR
	emptySlot  bool   // AT+CMGR of an empty slot answers OK and nothing else
	cdsi       string // the storage that +CDSI names, if it is not the one
	flash      bool   // class 0 is passed on by +CMT whatever mt is
	mmsPush    bool   // +CMTI has further fields for an MMS notification

	iccid   map[string]string // command: what stands before the number in its answer
	cgmr    string            // what stands before the revision in the answer to AT+CGMR
	clac    string            // how AT+CLAC lists: "" lines with AT, "names" lines without, "line" all on one, "none" not at all
	unknown string            // final result of a command that does not exist, ERROR if empty
	resets  []string          // commands that restart the modem, beside AT+CFUN=1,1
	more    map[string]command
	less    []string // commands of the standard that it does not know
	ussd    ussdCoding
}

// Profiles are the names that Options.Profile may have, beside none.
func Profiles() []string {
	return slices.Sorted(maps.Keys(profiles()))
}

// profileOf returns the profile of this name. What it leaves open is as in the
// one without a name.
func profileOf(name string) *profile {
	p := profile{}
	if name != "" {
		var ok bool
		if p, ok = profiles()[name]; !ok {
			panic(fmt.Sprintf("simulator: no profile %q: there are %s", name, strings.Join(Profiles(), ", ")))
		}
	}
	if p.ati == nil {
		p.maker, p.model, p.revision = "omsbox", "Simulator", "1.0"
		p.ati = []string{"Manufacturer: omsbox", "Model: Simulator", "Revision: 1.0"}
	}
	if p.ports == nil {
		p.ports = []PortKind{PortURC}
	}
	if p.memories[0] == "" {
		p.memories = [3]string{`"SM","ME","SR"`, `"SM","ME"`, `"SM","ME"`}
		p.preferred = [3]string{"SM", "SM", "SM"}
		p.first = 1
	}
	if p.iccid == nil {
		p.iccid = map[string]string{"+CCID": "+CCID: ", "+ICCID": "+ICCID: "}
	}
	text(&p.cnmi, "(0-2),(0-2),(0),(0-2),(0,1)")
	text(&p.unknown, "ERROR")
	count(&p.sm, 20)
	count(&p.me, 50)
	count(&p.sr, 20)
	return &p
}

// table is all that a modem of the profile understands.
func (p *profile) table() map[string]command {
	t := standard()
	t["I"] = func(s *Simulator, c *call) error {
		for _, line := range p.ati {
			c.say(strings.ReplaceAll(line, "%s", s.options.IMEI))
		}
		return nil
	}
	t["+CGMI"], t["+GMI"] = identity(p.maker), identity(p.maker)
	t["+CGMM"], t["+GMM"] = identity(p.model), identity(p.model)
	t["+CGMR"], t["+GMR"] = identity(p.cgmr+p.revision), identity(p.cgmr+p.revision)
	for name, before := range p.iccid {
		t[name] = func(s *Simulator, c *call) error { return s.cardNumber(c, before) }
	}
	for _, name := range p.resets {
		t[name] = accepted
	}
	maps.Copy(t, p.more)
	for _, name := range p.less {
		delete(t, name)
	}
	if p.clac == "none" {
		delete(t, "+CLAC")
	}
	return t
}

// takes is whether a storage may be mem1, mem2 or mem3.
func (p *profile) takes(mem int, name string) bool {
	return strings.Contains(p.memories[mem], strconv.Quote(name))
}

// allows is whether AT+CNMI may be set so.
func (p *profile) allows(n [5]int) bool {
	fields := strings.Split(strings.Trim(p.cnmi, "()"), "),(")
	for i, field := range fields {
		ok := false
		for _, choice := range strings.Split(field, ",") {
			low, high, span := strings.Cut(choice, "-")
			if !span {
				high = low
			}
			from, _ := strconv.Atoi(low)
			to, _ := strconv.Atoi(high)
			ok = ok || n[i] >= from && n[i] <= to
		}
		if !ok {
			return false
		}
	}
	return p.refuses == nil || !p.refuses(n)
}
