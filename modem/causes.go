package modem

// meaning is what the answer of a modem proves of a PDU that was written to it.
type meaning int

const (
	// saysNothing: the PDU may have been sent. A text is never handed over again after such an answer.
	saysNothing meaning = iota
	// nothingLeft: the modem refused the PDU by itself, before it asked the network.
	nothingLeft
	// refusedForNow: the network, or the message centre, refused the text, and may take it later.
	refusedForNow
	// refusedForGood: it will never take the text.
	refusedForGood
)

// cause is what is known of an error code.
type cause struct {
	meaning meaning
	text    string   // for people, as a phrase
	words   []string // by which modems tell the code instead of its number
}

// reservedCMS is the meaning of a +CMS ERROR that no table names. The network refuses by 1..127 and
// 128..255: a cause that is not known counts as a temporary failure (3GPP TS 24.011 8.2.5.4), and so does a
// reserved or application-specific TP-FCS. What the modem makes by itself, its maker's codes among it,
// proves nothing.
func reservedCMS(code int) meaning {
	switch {
	case code >= 1 && code <= 127, code >= 177 && code <= 207, code >= 224 && code <= 255:
		return refusedForNow
	case code >= 128 && code <= 176: // TP-PID, TP-DCS or TP-CT is not supported. 3GPP TS 23.040 9.2.3.22
		return refusedForGood
	}
	return saysNothing
}

// cmsCauses are the codes of +CMS ERROR: 1..127 are the causes of RP-ERROR (3GPP TS 24.011 E.2), 128..255
// the failure causes of the message centre (TP-FCS, TS 23.040 9.2.3.22), from 300 on those of the modem
// (TS 27.005 3.2.5). Modems of different makers mean different things by 512 and above.
var cmsCauses = map[int]cause{
	1:  {refusedForGood, "the number does not exist", []string{"Unassigned (unallocated) number", "Unassigned number"}},
	8:  {refusedForGood, "the network bars this SIM from sending", []string{"Operator determined barring"}},
	10: {refusedForGood, "calls to this number are barred", []string{"Call barred"}},
	17: {refusedForNow, "the network failed", []string{"Network failure"}},
	21: {refusedForGood, "the network rejected the message", []string{"Short message transfer rejected"}},
	22: {refusedForNow, "the network's memory is full", []string{"Congestion / Memory capacity exceeded"}},
	27: {refusedForNow, "the recipient is out of service",
		[]string{"Destination out of service", "Destination out of order"}},
	28: {refusedForGood, "the network does not know this recipient", []string{"Unidentified subscriber"}},
	29: {refusedForGood, "the network does not offer this", []string{"Facility rejected"}},
	30: {refusedForGood, "the network does not know the SIM as a subscriber", []string{"Unknown subscriber"}},
	38: {refusedForNow, "the network is out of order", []string{"Network out of order"}},
	41: {refusedForNow, "the network failed for a moment", []string{"Temporary failure"}},
	42: {refusedForNow, "the network is overloaded", []string{"Congestion"}},
	47: {refusedForNow, "the network has no room for it now", []string{"Resources unavailable, unspecified"}},
	50: {refusedForGood, "the SIM is not subscribed to this service", []string{"Requested facility not subscribed"}},
	69: {refusedForGood, "the network does not offer this service", []string{"Requested facility not implemented"}},
	81: {refusedForNow, "the network lost track of the message",
		[]string{"Invalid short message transfer reference value", "Invalid transaction identifier"}},
	95: {refusedForGood, "the network found the message invalid",
		[]string{"Invalid message, unspecified", "Semantically incorrect message"}},
	96: {refusedForGood, "the network missed something in the message", []string{"Invalid mandatory information"}},
	97: {refusedForGood, "the network does not know this kind of message",
		[]string{"Message type non-existent or not implemented"}},
	98: {refusedForNow, "the network did not expect the message now",
		[]string{"Message not compatible with short message protocol state"}},
	99: {refusedForGood, "the network does not know a part of the message",
		[]string{"Information element non-existent or not implemented"}},
	111: {refusedForNow, "the network reported a protocol error", []string{"Protocol error, unspecified"}},
	127: {refusedForNow, "the network could not handle it", []string{"Interworking, unspecified"}},

	128: {refusedForGood, "telematic interworking is not supported", []string{"Telematic interworking not supported"}},
	129: {refusedForGood, "this type of message is not supported", []string{"Short message Type 0 not supported"}},
	130: {refusedForGood, "the SMSC cannot replace messages", []string{"Cannot replace short message"}},
	143: {refusedForGood, "the SMSC does not know the protocol", []string{"Unspecified TP-PID error"}},
	144: {refusedForGood, "the SMSC does not support the alphabet",
		[]string{"Data coding scheme (alphabet) not supported", "Data coding scheme not supported"}},
	145: {refusedForGood, "the SMSC does not support the message class", []string{"Message class not supported"}},
	159: {refusedForGood, "the SMSC does not support the coding", []string{"Unspecified TP-DCS error"}},
	160: {refusedForGood, "the SMSC cannot act on the command", []string{"Command cannot be actioned"}},
	161: {refusedForGood, "the SMSC does not support the command", []string{"Command unsupported"}},
	175: {refusedForGood, "the SMSC refused the command", []string{"Unspecified TP-Command error"}},
	176: {refusedForGood, "the SMSC does not support the message", []string{"TPDU not supported"}},
	192: {refusedForNow, "the SMSC is busy", []string{"SC busy"}},
	193: {refusedForGood, "this SIM has no subscription with the SMSC", []string{"No SC subscription"}},
	194: {refusedForNow, "the SMSC's system failed", []string{"SC system failure"}},
	195: {refusedForGood, "the recipient's number is invalid", []string{"Invalid SME address"}},
	196: {refusedForGood, "the recipient is barred", []string{"Destination SME barred"}},
	197: {refusedForGood, "the SMSC rejected a duplicate", []string{"SM Rejected-Duplicate SM"}},
	198: {refusedForGood, "the SMSC does not support the form of the validity period",
		[]string{"TP-VPF not supported"}},
	199: {refusedForGood, "the SMSC does not support the validity period", []string{"TP-VP not supported"}},
	// These stand in a SMS-DELIVER-REPORT: no network refuses a SMS-SUBMIT by them, so the modem made them.
	208: {saysNothing, "the SIM's message storage is full", []string{"(U)SIM SMS storage full"}},
	209: {saysNothing, "the SIM cannot store messages", []string{"No SMS storage capability in (U)SIM"}},
	210: {saysNothing, "the modem reported an error", []string{"Error in MS"}},
	211: {saysNothing, "the modem's memory is full", []string{"Memory Capacity Exceeded"}},
	212: {saysNothing, "the SIM's own program is busy", []string{"(U)SIM Application Toolkit Busy"}},
	213: {saysNothing, "the SIM could not take data", []string{"(U)SIM data download error"}},
	255: {refusedForNow, "the SMSC refused it and does not say why", []string{"Unspecified error cause"}},

	300: {saysNothing, "the modem failed", []string{"ME failure"}},
	301: {nothingLeft, "the modem's message service is reserved", []string{"SMS service of ME reserved"}},
	302: {nothingLeft, "the modem does not allow it now", []string{"operation not allowed"}},
	303: {nothingLeft, "the modem does not support it", []string{"operation not supported"}},
	304: {nothingLeft, "the modem found the message invalid", []string{"invalid PDU mode parameter"}},
	305: {nothingLeft, "the modem found a parameter of the message invalid", []string{"invalid text mode parameter"}},
	310: {nothingLeft, "there is no SIM", []string{"(U)SIM not inserted"}},
	311: {nothingLeft, "the SIM waits for its PIN", []string{"(U)SIM PIN required", "(U)SIM PIN necessary"}},
	312: {nothingLeft, "the SIM is locked to another phone",
		[]string{"PH-(U)SIM PIN required", "PH-(U)SIM PIN necessary"}},
	313: {nothingLeft, "the SIM failed", []string{"(U)SIM failure"}},
	314: {nothingLeft, "the SIM is busy", []string{"(U)SIM busy"}},
	315: {nothingLeft, "this is the wrong SIM", []string{"(U)SIM wrong"}},
	316: {nothingLeft, "the SIM waits for its PUK", []string{"(U)SIM PUK required"}},
	317: {nothingLeft, "the SIM waits for its PIN2", []string{"(U)SIM PIN2 required"}},
	318: {nothingLeft, "the SIM waits for its PUK2", []string{"(U)SIM PUK2 required"}},
	// A modem may meet these when it stores what it has sent.
	320: {saysNothing, "the modem's memory failed", []string{"memory failure"}},
	321: {saysNothing, "the modem has no such place in its memory", []string{"invalid memory index"}},
	322: {saysNothing, "the modem's memory is full", []string{"memory full"}},
	330: {nothingLeft, "the SIM does not know its SMSC", []string{"SMSC address unknown"}},
	331: {nothingLeft, "there is no network", []string{"no network service"}},
	332: {saysNothing, "the network did not say whether it took the message", []string{"network timeout"}},
	340: {saysNothing, "the modem expected no acknowledgement", []string{"no +CNMA acknowledgement expected"}},
	500: {saysNothing, "the modem reported an unknown error", []string{"unknown error", "unknown"}},
}

// cmeCauses are the codes of +CME ERROR. 3GPP TS 27.007 9.2
var cmeCauses = map[int]cause{
	0: {saysNothing, "the modem failed", []string{"phone failure"}},
	1: {saysNothing, "the modem lost its radio", []string{"no connection to phone"}},
	2: {nothingLeft, "another program uses the modem's radio",
		[]string{"phone-adaptor link reserved", "phone adapter link reserved"}},
	3:  {nothingLeft, "the modem does not allow it now", []string{"operation not allowed"}},
	4:  {nothingLeft, "the modem does not support it", []string{"operation not supported"}},
	5:  {nothingLeft, "the modem is locked to another SIM", []string{"PH-SIM PIN required"}},
	6:  {nothingLeft, "the modem is locked to its first SIM", []string{"PH-FSIM PIN required"}},
	7:  {nothingLeft, "the modem is locked to its first SIM, and waits for its PUK", []string{"PH-FSIM PUK required"}},
	10: {nothingLeft, "there is no SIM", []string{"SIM not inserted"}},
	11: {nothingLeft, "the SIM waits for its PIN", []string{"SIM PIN required", "SIM PIN necessary"}},
	12: {nothingLeft, "the SIM waits for its PUK", []string{"SIM PUK required"}},
	13: {nothingLeft, "the SIM failed", []string{"SIM failure"}},
	14: {nothingLeft, "the SIM is busy", []string{"SIM busy"}},
	15: {nothingLeft, "this is the wrong SIM", []string{"SIM wrong"}},
	16: {saysNothing, "the SIM refused a password", []string{"incorrect password"}},
	17: {nothingLeft, "the SIM waits for its PIN2", []string{"SIM PIN2 required"}},
	18: {nothingLeft, "the SIM waits for its PUK2", []string{"SIM PUK2 required"}},
	20: {saysNothing, "the modem's memory is full", []string{"memory full"}},
	21: {saysNothing, "the modem has no such place in its memory", []string{"invalid index"}},
	22: {saysNothing, "the modem did not find it", []string{"not found"}},
	23: {saysNothing, "the modem's memory failed", []string{"memory failure"}},
	24: {saysNothing, "the modem found a text too long", []string{"text string too long"}},
	25: {saysNothing, "the modem found characters that it does not know",
		[]string{"invalid characters in text string"}},
	26: {saysNothing, "the modem found a number too long", []string{"dial string too long"}},
	27: {saysNothing, "the modem found characters in a number that it does not know",
		[]string{"invalid characters in dial string"}},
	30: {nothingLeft, "there is no network", []string{"no network service"}},
	31: {saysNothing, "the network did not say whether it took the message", []string{"network timeout"}},
	32: {nothingLeft, "only emergency calls are allowed", []string{"network not allowed - emergency calls only"}},
	40: {nothingLeft, "the modem is locked to a network", []string{"network personalization PIN required"}},
	41: {nothingLeft, "the modem is locked to a network, and waits for its PUK",
		[]string{"network personalization PUK required"}},
	42: {nothingLeft, "the modem is locked to a part of a network",
		[]string{"network subset personalization PIN required"}},
	43: {nothingLeft, "the modem is locked to a part of a network, and waits for its PUK",
		[]string{"network subset personalization PUK required"}},
	44: {nothingLeft, "the modem is locked to an operator", []string{"service provider personalization PIN required"}},
	45: {nothingLeft, "the modem is locked to an operator, and waits for its PUK",
		[]string{"service provider personalization PUK required"}},
	46: {nothingLeft, "the modem is locked to a company", []string{"corporate personalization PIN required"}},
	47: {nothingLeft, "the modem is locked to a company, and waits for its PUK",
		[]string{"corporate personalization PUK required"}},
	48: {saysNothing, "the modem asks for a hidden key", []string{"hidden key required", "PH-SIM PUK required"}},
	50: {nothingLeft, "the modem found a parameter of the message invalid", []string{"incorrect parameters"}},
	51: {nothingLeft, "the modem has this turned off", []string{"command implemented but currently disabled"}},
	52: {saysNothing, "the modem stopped the command", []string{"command aborted by user"}},
	53: {nothingLeft, "the modem is not in the network",
		[]string{"not attached to network due to MT functionality restrictions"}},
	54: {nothingLeft, "only emergency calls are allowed",
		[]string{"modem not allowed - MT restricted to emergency calls only"}},
	55: {nothingLeft, "the modem does not allow it now",
		[]string{"operation not allowed because of MT functionality restrictions"}},
	// It stayed in the modem, and will for as long as the SIM is as it is.
	56: {refusedForGood, "the SIM allows only its fixed numbers",
		[]string{"fixed dial number only allowed - called number is not a fixed dial number", "fixed dial number only allowed"}},
	57: {nothingLeft, "the modem is used for something else",
		[]string{"temporarily out of service due to other MT usage"}},
	58: {saysNothing, "the modem does not know the language", []string{"language/alphabet not supported"}},
	59: {saysNothing, "the network did not expect a value", []string{"unexpected data value"}},
	60: {saysNothing, "the network's system failed", []string{"system failure"}},
	61: {saysNothing, "the network missed something", []string{"data missing"}},
	62: {saysNothing, "calls are barred", []string{"call barred"}},
	63: {saysNothing, "the network subscribes to no waiting messages",
		[]string{"message waiting indication subscription failure"}},
	100: {saysNothing, "the modem reported an unknown error", []string{"unknown", "unknown error"}},
}
