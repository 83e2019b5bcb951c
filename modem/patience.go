package modem

import "time"

// Patience is how long a modem is waited for, and what it is given time for.
type Patience struct {
	// A dialogue's deadlines. None of them is put off by what the modem says meanwhile.
	Write   time.Duration // for the port to take what is written
	Command time.Duration // for the answer to a command that the modem answers by itself
	Prompt  time.Duration // for ">" after AT+CMGS
	Submit  time.Duration // for the SMSC's answer to a segment, all included
	List    time.Duration // for a whole storage to be listed
	Grace   time.Duration // for the answer to a segment after Submit is over, before anything else is asked
	Resync  time.Duration // for a modem that missed an answer to talk again
	Stop    time.Duration // for the answer to what is in flight when omsbox stops
	USSD    time.Duration // for the network's answer to a USSD code
	Radio   time.Duration // for the radio to go off or on
	Select  time.Duration // for the modem to look for a network
	SIM     time.Duration // for a SIM that is busy
	Network time.Duration // for the network, before the first segment is tried without

	// Acknowledge is how long after its arrival a text or report is acknowledged. The modem gives up on an
	// acknowledgement after TR2M, which is 12 seconds at least; one that comes later would be taken for that of
	// the next text. The difference is for the way over the port. 3GPP TS 24.011 10.2
	Acknowledge time.Duration

	// A serving modem's rounds.
	Sweep    time.Duration // between looks at what the SIM stored unannounced
	Look     time.Duration // between looks at SIM, network, signal, and whether texts are still announced
	LookSoon time.Duration // the same while something is wrong
	SetAside time.Duration // until an entry that cannot be deleted is tried again
	Balance  time.Duration // between questions for the SIM's balance

	// The ladder of a modem that keeps silent.
	Vanish    time.Duration // for the port of a modem that restarts to end
	Reboot    time.Duration // for a modem that restarts to answer
	Settled   time.Duration // how long all must be well for the ladder to begin again
	Gentle    time.Duration // between tries once the ladder has ended
	Proof     time.Duration // for the report that proves a text which an ill modem refused, before it is restarted
	Reset     time.Duration // from one restart of the modem to the next at least; doubles while they do not help
	MostReset time.Duration // what it doubles up to
	Trace     time.Duration // from one dialogue in the process log to the next at least

	// The ladder of a modem that is not registered in the network; each since the network was lost.
	Reselect     time.Duration // AT+COPS=0
	RadioCycle   time.Duration // the radio goes off and on
	Restart      time.Duration // the modem restarts
	Again        time.Duration // from that to the next restart at least; doubles while they do not help
	Unregistered time.Duration // people are told

	Missing time.Duration // a port that cannot be opened: people are told
	Barred  time.Duration // between looks at a SIM that waits for a person
}

// DefaultPatience is what real modems and networks need. A network may take a minute to take a message.
func DefaultPatience() Patience {
	return Patience{
		Write: 10 * time.Second, Command: 10 * time.Second, Prompt: 10 * time.Second, Submit: 120 * time.Second,
		List: 60 * time.Second, Grace: 15 * time.Second, Resync: 15 * time.Second, Stop: 20 * time.Second,
		USSD: 45 * time.Second, Radio: 20 * time.Second, Select: 120 * time.Second, SIM: 30 * time.Second, Network: 30 * time.Second,
		Acknowledge: 10 * time.Second,

		Sweep: time.Minute, Look: 5 * time.Minute, LookSoon: 20 * time.Second, SetAside: 24 * time.Hour, Balance: 24 * time.Hour,

		Vanish: 10 * time.Second, Reboot: 90 * time.Second, Settled: time.Minute, Gentle: time.Minute, Proof: time.Minute,
		Reset: 10 * time.Minute, MostReset: 3 * time.Hour, Trace: 10 * time.Minute,

		Reselect: 2 * time.Minute, RadioCycle: 5 * time.Minute, Restart: 15 * time.Minute, Again: 30 * time.Minute, Unregistered: 10 * time.Minute,

		Missing: 5 * time.Minute, Barred: 30 * time.Second,
	}
}
