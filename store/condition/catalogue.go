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

// What is wrong with the disk, the database and the clock.
const (
	DiskFull     Code = "disk-full"      // directory, free
	DiskLow      Code = "disk-low"       // directory, free, least
	DiskReadOnly Code = "disk-read-only" // directory
	DiskFails    Code = "disk-fails"     // directory, error

	DatabaseGone     Code = "database-gone"     // path
	DatabaseReplaced Code = "database-replaced" // path
	DatabaseDamaged  Code = "database-damaged"  // path, error
	DatabaseBusy     Code = "database-busy"     // path

	ClockBehind      Code = "clock-behind"       // by
	ClockBehindTexts Code = "clock-behind-texts" // by
	ClockSet         Code = "clock-set"          // by, steady
	ClockFarAhead    Code = "clock-far-ahead"    // by
	// BegunBeforeRestore says of a text that a part of it had left when a backup was made. No argument.
	BegunBeforeRestore Code = "begun-before-restore"
	// DroppedAfterRestore says of a text or mail that was held after a restore that a person did not want it sent.
	DroppedAfterRestore Code = "dropped-after-restore"
	// HeldAfterRestore says what is held after a restore: texts and mails (numbers), made (the backup's time).
	HeldAfterRestore Code = "held-after-restore"
	// HoldsAfterRestore is the alarm of that. No argument.
	HoldsAfterRestore Code = "holds-after-restore"
)

// The relay, and mail that does not reach a mailbox.
const (
	// RelaySilent: the relay does not answer: relay, since.
	RelaySilent Code = "relay-silent"
	// RelaySilentOnce: the relay takes mail, and does not answer about one of them: relay, since.
	RelaySilentOnce Code = "relay-silent-once"
	// RelayTakesAs: the relay takes mail from one address alone: relay, sender.
	RelayTakesAs Code = "relay-takes-as"
	// RelayRefusesSender: the relay does not let the box send as an address: relay, sender, answer.
	RelayRefusesSender Code = "relay-refuses-sender"
	// RelayRefusesBox: the relay refuses mail through another fault of the box: relay, answer.
	RelayRefusesBox Code = "relay-refuses-box"
	// MailRelayChanged: a try ended as the settings of the relay were changed.
	MailRelayChanged Code = "mail-relay-changed"
	// MailTriedByPerson: a person had the mail tried again.
	MailTriedByPerson Code = "mail-tried-by-person"
	// MailHeldTooLong: the relay refused the mail through the box's own fault for five days: answer.
	MailHeldTooLong Code = "mail-held-too-long"
	// MailUnanswered: the relay had all of the mail several times and never answered: error.
	MailUnanswered Code = "mail-unanswered"
	// ReplyLost: a text could not be mailed: number, time, login, reason.
	ReplyLost Code = "reply-lost"
	// NoticeLost: the notice about a text that has failed could not be mailed: number, time, login, reason.
	NoticeLost Code = "notice-lost"
	// AlarmLost: an alarm could not be mailed: time, login, reason.
	AlarmLost Code = "alarm-lost"
	// TextNobodys: a text is nobody's, and mail.catch-all names nobody: number, time.
	TextNobodys Code = "text-nobodys"
	// TextWithoutMailbox: the user whose text it is has no mailbox: number, time, login.
	TextWithoutMailbox Code = "text-without-mailbox"
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

	DiskFull: "the disk is full, so no text is taken or sent: make room on the disk of {directory}, where " +
		"{free} are free. What is stored stays, and all goes on by itself then",
	DiskLow: "the disk is nearly full: make room on the disk of {directory}, where only {free} are free. " +
		"Below {least} it may soon be full, and then no text is taken or sent",
	DiskReadOnly: "the disk is read-only, so no text is taken or sent: look after the disk of {directory}, as a system " +
		"does that to a disk with errors (dmesg tells). Restart omsbox when it can be written again",
	DiskFails: "the disk fails, so no text is taken or sent: look after the disk of {directory}, which may be " +
		"worn out (dmesg tells), and have a backup at hand ({error})",
	DatabaseGone: "the database is gone, so no text is taken or sent: {path} was deleted or moved away while " +
		"omsbox was running. Put the very same file back there, or put a backup there and restart omsbox",
	DatabaseReplaced: "the database was replaced, so no text is taken or sent: there is another file at {path} since " +
		"omsbox was started. Put the very same file back there, or restart omsbox to go on with the one that is there now",
	DatabaseDamaged: "the database is damaged or not omsbox's: put a backup in the place of {path}, " +
		"or name another directory with -data ({error})",
	DatabaseBusy: "another program holds the database, so no text is taken or sent: end what uses {path}, " +
		"which may be a database browser or a backup",

	ClockBehind: "this computer's clock is {by} behind the latest time that was seen before: set it. " +
		"Where it is right, and was ahead before, `omsbox clock trust` says so",
	ClockBehindTexts: "this computer's clock is {by} behind what texts from the network are dated: set it. " +
		"Where it is right, `omsbox clock trust` says so",
	ClockSet: "this computer's clock was set by {by}: it is believed when it has gone on evenly for {steady}, " +
		"or a time server or a text confirms it",
	ClockFarAhead: "this computer's clock is {by} ahead of the latest time that was seen before: it is believed when " +
		"a time server or a text confirms it. Where it is right, `omsbox clock trust` says so",

	BegunBeforeRestore:  "the backup was made while it was being sent: the old box may have sent the rest",
	DroppedAfterRestore: "it was held after a restore, and a person did not want it sent",
	HeldAfterRestore: "held since the restore of the backup of {made}: {texts} texts and {mails} mails, which the old box may have sent. " +
		"`omsbox held` shows them; `omsbox held send` and `omsbox held drop` decide",
	HoldsAfterRestore: "this box was restored from a backup. What was queued in the backup is held, since the old box may have sent it: " +
		"`omsbox held` shows it; `omsbox held send` and `omsbox held drop` decide",

	RelaySilent:        "{relay} does not answer; its answer is awaited since {since}",
	RelaySilentOnce:    "mail is handed to {relay}; about one mail its answer is awaited since {since}",
	RelayTakesAs:       "mail is handed to {relay}, from {sender}",
	RelayRefusesSender: "{relay} does not let this box send as {sender}: {answer}. Mail is held for five days and is sent once that is mended: give the account of the relay the right to send so, or have all mail come from one address with `omsbox set mail.from ADDRESS`",
	RelayRefusesBox:    "{relay} refuses mail of this box: {answer}. Mail is held for five days and is sent once that is mended",
	MailRelayChanged:   "the settings of the relay were changed while it was being handed over",
	MailTriedByPerson:  "a person has it tried again",
	MailHeldTooLong:    "held for five days: {answer}",
	MailUnanswered:     "the relay was given it several times and never answered, so it may have arrived: {error}",
	ReplyLost:          "a text from {number} of {time} could not be mailed to {login}: {reason}. {login} can read it on the pages, and `omsbox mail list` shows the mail",
	NoticeLost:         "the notice of {time} that a text to {number} did not arrive could not be mailed to {login}: {reason}. `omsbox mail list` shows the mail",
	AlarmLost:          "the alarm of {time} could not be mailed to {login}: {reason}. `omsbox get status` shows what is wrong, and `omsbox mail list` the mail",
	TextNobodys:        "a text from {number} of {time} belongs to nobody and lies unread: `omsbox set mail.catch-all LOGIN` names the user who gets it by mail, with all others that lie there",
	TextWithoutMailbox: "a text from {number} of {time} could not be mailed to {login}, who has no mailbox: {login} can read it on the pages",
}
