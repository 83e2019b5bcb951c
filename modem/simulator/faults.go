package simulator

import "time"

// Point is a place in the modem's life at which it may misbehave.
type Point int

const (
	AtOpen    Point = iota // the host opens the port
	AtCommand              // a command line came in and has not been looked at
	AtPrompt               // AT+CMGS is right, the prompt comes next
	AtPDU                  // the whole PDU is in and right; the SMSC does not have it yet
	AtResult               // the SMSC has the message; the final result of AT+CMGS comes next
	AtDeliver              // the SMSC hands a SMS-DELIVER to the modem
)

// Moment is one time at a Point.
type Moment struct {
	Point Point
	Line  string // the command line, from AtCommand to AtResult
	N     int    // which AT+CMGS this is since New, from 1; AtPrompt to AtResult
	TPDU  []byte // AtPDU, AtResult: the SMS-SUBMIT; AtDeliver: the SMS-DELIVER
}

// Fault is a way to misbehave; the zero value is none. Not every fault makes
// sense at every point: the comments say where one does.
type Fault struct {
	Answer string        // AtCommand to AtResult: this final result, such as "+CMS ERROR: 500", and nothing else is done
	Lose   bool          // AtCommand, AtResult: it is done, but the whole answer is never sent
	Late   time.Duration // AtResult: the answer comes so much later, while other commands are answered
	Hang   bool          // AtCommand to AtResult: nothing is answered from here on
	Cure   Cure          // what ends Hang, and Deregister
	For    time.Duration // so does time, if it is not 0
	HangUp bool          // AtCommand to AtResult: the ports end and can be opened again; the modem lives on
	Drop   bool          // AtCommand to AtResult: the stick restarts; the host sees the port end
	Away   time.Duration // how long it is gone after Drop; until Plug if negative
	Stall  bool          // AtCommand to AtResult: the host's next writes block
	URCs   []string      // AtCommand to AtResult: these lines come in the middle of the answer
	Prompt string        // AtPrompt: instead of "\r\n> "; before Answer, if there is one
	Early  bool          // AtResult: the status report comes before the final result (unless URCs are held)
	Twice  bool          // AtDeliver: the message is stored at two indexes
	Again  time.Duration // AtDeliver: the SMSC delivers it once more so much later, as if it had not been acknowledged
	Busy   bool          // AtOpen: another program has the port
	Full   bool          // AtDeliver: the modem says that it has no room; the SMSC tries again after Options.Redeliver
	Forget bool          // at any: the modem forgets AT+CNMI
	Fever  string        // at any: from here on this final result is the answer to every PDU, until the modem restarts
	Text   bool          // at any: the modem falls into text mode
	Anew   bool          // at any: the modem forgets its settings, echo included, as after Relapse
	Tardy  time.Duration // AtCommand, AtResult: the information comes so much later than the final result
	Reads  []int         // AtOpen: see SplitReads
	Cuts   []Cut         // at any: at bytes counted from this moment

	Deregister bool // at any: the modem loses the network, as Simulator.Deregister has it
	Stat       int  // what it tells then
}

// ends is whether the fault takes the place of what was to be done.
func (f Fault) ends() bool { return f.Answer != "" || f.Hang || f.HangUp || f.Drop }

// Misbehave asks fault at every Moment from now on what is to go wrong; nil ends
// it. The function is called with the simulator's lock held: it must not call
// the simulator and must not wait.
func (s *Simulator) Misbehave(fault func(Moment) Fault) {
	if fault == nil {
		fault = func(Moment) Fault { return Fault{} }
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

// Once is for Misbehave: fault happens at the first moment at point, and at no
// other.
func Once(point Point, fault Fault) func(Moment) Fault {
	done := false
	return func(m Moment) Fault {
		if done || m.Point != point {
			return Fault{}
		}
		done = true
		return fault
	}
}

// at asks what is to go wrong at m. The lock is held.
func (s *Simulator) at(m Moment) Fault {
	f := s.fault(m)
	if f.Stall {
		s.stall(true)
	}
	if f.Forget {
		s.settings.cnmi = [5]int{}
	}
	if f.Fever != "" {
		s.fever = f.Fever
	}
	if f.Text {
		s.settings.cmgf = 1
	}
	if f.Anew {
		s.relapse()
	}
	if f.Deregister {
		s.deregister(f.Stat, f.Cure)
	}
	for _, cut := range f.Cuts {
		s.plan(cut)
	}
	return f
}
