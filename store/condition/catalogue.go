package condition

// The codes, by part. Beside each stand its arguments.
const (
	// Sentence is what an older version stored in words: text.
	Sentence Code = "sentence"

	// ModemIll: a modem refuses one text after the other, and is restarted: reason.
	ModemIll Code = "modem-ill"
	// Why what came in asks for nothing.
	SubmitFound    Code = "submit-found"    // a SMS-SUBMIT lay where texts that came in lie
	ControlMessage Code = "control-message" // WCMP, 3GPP TS 23.040 9.2.3.24.9
	// Why a number is denied.
	EmergencyNumber Code = "emergency-number"
	DeniedNumber    Code = "denied-number"  // setting
	PremiumNumber   Code = "premium-number" // setting
)

// english says each condition in words: what is wrong, then what to do. {name} stands for an argument. A phrase
// begins with a small letter, unless a name stands there, and ends without a full stop.
var english = map[Code]string{
	Sentence: "{text}",
	ModemIll: "the modem refuses one text after the other ({reason}): it is restarted, and what certainly did not leave " +
		"is tried again; if that does not help, unplug it and plug it in again, or try another one",

	SubmitFound:    "it is a SMS-SUBMIT, which was to be sent",
	ControlMessage: "it is a control message for programs (WCMP)",

	EmergencyNumber: "it is an emergency number, and texts to these are always refused; call it instead",
	DeniedNumber:    "the setting {setting} refuses this number",
	PremiumNumber:   "the setting {setting} refuses premium-rate numbers, which cost extra",
}
