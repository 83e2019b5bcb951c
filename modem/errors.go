package modem

import (
	"errors"
	"fmt"
	"slices"

	"omsbox/store"
)

// CommandError is an error that the modem answered.
type CommandError struct {
	Command string // such as "+CMGS"
	Kind    string // "CMS", "CME", or "" for a bare ERROR
	Code    int    // -1 where the modem told none
	Detail  string // as the modem wrote it
	Left    bool   // it came after the PDU had left
}

func (e *CommandError) Error() string {
	if e.Kind == "" {
		return "the modem refused AT" + e.Command
	}
	if e.Kind == "CMS" {
		if c, ok := cmsErrors[e.Code]; ok {
			return fmt.Sprintf("%s (CMS %d)", c.text, e.Code)
		}
	}
	if c, ok := cmeErrors[e.Code]; ok && e.Kind == "CME" {
		return fmt.Sprintf("%s (CME %d)", c.text, e.Code)
	}
	return fmt.Sprintf("the modem refused AT%s (%s %s)", e.Command, e.Kind, e.Detail)
}

// Outcome says what the error means for the segment that met it. What was refused before it had left
// is in no doubt.
func (e *CommandError) Outcome() store.Outcome {
	outcome := e.class()
	if outcome == store.Doubtful && !e.Left {
		return store.Deferred
	}
	return outcome
}

func (e *CommandError) class() store.Outcome {
	switch e.Kind {
	case "CMS":
		if c, ok := cmsErrors[e.Code]; ok {
			return c.outcome
		}
	case "CME":
		if c, ok := cmeErrors[e.Code]; ok {
			return c.outcome
		}
	}
	return store.Doubtful // it says nothing of the message: that may have been sent
}

// uncovered says whether there is no network. 27.005 3.2.5, 27.007 9.2
func (e *CommandError) uncovered() bool {
	return e.Kind == "CMS" && e.Code == 331 || e.Kind == "CME" && e.Code == 30
}

// bars says whether the network refuses the SIM, and perhaps only for this number: it is barred, has
// no subscription for texts, or no credit. 24.011 E.2, 23.040 9.2.3.22
func (e *CommandError) bars() bool {
	return e.Kind == "CMS" && slices.Contains([]int{8, 21, 30, 50, 69, 193}, e.Code)
}

// unreadable says whether the modem could make nothing of a PDU. 27.005 3.2.5
func (e *CommandError) unreadable() bool { return e.Kind == "CMS" && (e.Code == 304 || e.Code == 305) }

// verdict says how an attempt to send a segment ended.
func verdict(a store.Attempt, mr int, err error) store.Verdict {
	v := store.Verdict{Attempt: a, MR: mr}
	var refused *CommandError
	switch {
	case err == nil:
		v.Outcome = store.Accepted
		return v
	case errors.As(err, &refused):
		v.Outcome = refused.Outcome()
	case errors.Is(err, ErrUnanswered):
		v.Outcome = store.Doubtful
	default:
		v.Outcome = store.Unsent
	}
	v.Reason = err.Error()
	return v
}

type errorClass struct {
	outcome store.Outcome
	text    string
}

// cmsErrors says of each +CMS ERROR what it means: its words, and whether another try can help.
// 0..127 are the causes of 3GPP TS 24.011 E.2, 128..255 those of TS 23.040 9.2.3.22, from 300 on
// those of TS 27.005 3.2.5.
var cmsErrors = map[int]errorClass{
	1:   {store.Refused, "the number does not exist"},
	8:   {store.Refused, "the network bars this SIM from sending"},
	10:  {store.Refused, "calls to this number are barred"},
	17:  {store.Deferred, "the network failed"},
	21:  {store.Refused, "the network rejected the message"},
	22:  {store.Deferred, "the network's memory is full"},
	27:  {store.Deferred, "the recipient is out of service"},
	28:  {store.Refused, "the network does not know this recipient"},
	29:  {store.Refused, "the network does not offer this"},
	30:  {store.Refused, "the network does not know the SIM as a subscriber"},
	38:  {store.Deferred, "the network is out of order"},
	41:  {store.Deferred, "the network failed for a moment"},
	42:  {store.Deferred, "the network is overloaded"},
	47:  {store.Deferred, "the network has no room for it now"},
	50:  {store.Refused, "the SIM is not subscribed to this service"},
	69:  {store.Refused, "the network does not offer this service"},
	81:  {store.Deferred, "the network lost track of the message"},
	95:  {store.Refused, "the network found the message invalid"},
	96:  {store.Refused, "the network missed something in the message"},
	97:  {store.Refused, "the network does not know this kind of message"},
	98:  {store.Deferred, "the network did not expect the message now"},
	99:  {store.Refused, "the network does not know a part of the message"},
	111: {store.Deferred, "the network reported a protocol error"},
	127: {store.Deferred, "the network could not handle it"},
	128: {store.Refused, "telematic interworking is not supported"},
	129: {store.Refused, "this type of message is not supported"},
	130: {store.Refused, "the SMSC cannot replace messages"},
	143: {store.Refused, "the SMSC does not know the protocol"},
	144: {store.Refused, "the SMSC does not support the alphabet"},
	145: {store.Refused, "the SMSC does not support the message class"},
	159: {store.Refused, "the SMSC does not support the coding"},
	160: {store.Refused, "the SMSC cannot act on the command"},
	161: {store.Refused, "the SMSC does not support the command"},
	175: {store.Refused, "the SMSC refused the command"},
	176: {store.Refused, "the SMSC does not support the message"},
	192: {store.Deferred, "the SMSC is busy"},
	193: {store.Refused, "this SIM has no subscription with the SMSC"},
	194: {store.Deferred, "the SMSC's system failed"},
	195: {store.Refused, "the recipient's number is invalid"},
	196: {store.Refused, "the recipient is barred"},
	197: {store.Refused, "the SMSC rejected a duplicate"},
	208: {store.Deferred, "the SIM's message storage is full"},
	209: {store.Deferred, "the SIM cannot store messages"},
	210: {store.Deferred, "the modem reported an error"},
	211: {store.Deferred, "the modem's memory is full"},
	300: {store.Deferred, "the modem failed"},
	301: {store.Deferred, "the modem's message service is reserved"},
	302: {store.Deferred, "the modem does not allow it now"},
	303: {store.Deferred, "the modem does not support it"},
	304: {store.Refused, "the modem found the message invalid"},
	305: {store.Refused, "the modem found a parameter of the message invalid"},
	310: {store.Deferred, "there is no SIM"},
	311: {store.Deferred, "the SIM waits for its PIN"},
	312: {store.Deferred, "the SIM is locked to another phone"},
	313: {store.Deferred, "the SIM failed"},
	314: {store.Deferred, "the SIM is busy"},
	315: {store.Deferred, "this is the wrong SIM"},
	316: {store.Deferred, "the SIM waits for its PUK"},
	317: {store.Deferred, "the SIM waits for its PIN2"},
	318: {store.Deferred, "the SIM waits for its PUK2"},
	320: {store.Deferred, "the modem's memory failed"},
	321: {store.Deferred, "the modem has no such place in its memory"},
	322: {store.Deferred, "the modem's memory is full"},
	330: {store.Deferred, "the SIM does not know its SMSC"},
	331: {store.Deferred, "there is no network"},
	332: {store.Doubtful, "the network did not say whether it took the message"},
	340: {store.Deferred, "the modem expected no acknowledgement"},
	500: {store.Deferred, "the modem reported an unknown error"},
	512: {store.Deferred, "the SIM was not ready"},
	513: {store.Doubtful, "the radio link was lost while the message was being sent"},
	514: {store.Deferred, "the modem is busy"},
	515: {store.Deferred, "the modem is not ready yet"},
}

// cmeErrors does the same for those +CME ERRORs that AT+CMGS meets. 3GPP TS 27.007 9.2
var cmeErrors = map[int]errorClass{
	3:   {store.Deferred, "the modem does not allow it now"},
	4:   {store.Deferred, "the modem does not support it"},
	10:  {store.Deferred, "there is no SIM"},
	11:  {store.Deferred, "the SIM waits for its PIN"},
	12:  {store.Deferred, "the SIM waits for its PUK"},
	13:  {store.Deferred, "the SIM failed"},
	14:  {store.Deferred, "the SIM is busy"},
	15:  {store.Deferred, "this is the wrong SIM"},
	20:  {store.Deferred, "the modem's memory is full"},
	30:  {store.Deferred, "there is no network"},
	31:  {store.Doubtful, "the network did not say whether it took the message"},
	32:  {store.Deferred, "only emergency calls are allowed"},
	515: {store.Deferred, "the modem is not ready yet"},
}
