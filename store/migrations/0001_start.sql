-- Times are integer milliseconds UTC. Phone numbers are E.164 with a leading + or, where they
-- are short codes or names of senders, as the network shows them.

CREATE TABLE users (
	id       INTEGER PRIMARY KEY,
	login    TEXT    NOT NULL UNIQUE COLLATE NOCASE,
	password TEXT    NOT NULL,                       -- argon2id in the PHC string format
	phone    TEXT    NOT NULL,                       -- replyPhone; '' where none is known
	mail     TEXT    NOT NULL,                       -- the mailbox that replies go to; '' where none is known
	alias    TEXT    NOT NULL UNIQUE COLLATE NOCASE, -- local part of smtpAddress, which replies come from
	admin    INTEGER NOT NULL,
	disabled INTEGER NOT NULL,
	created  INTEGER NOT NULL
) STRICT;

CREATE TABLE settings (
	key   TEXT PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Numbers that must go on counting after a restart.
CREATE TABLE counters (
	name  TEXT PRIMARY KEY,
	value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What one person asked to be sent, to one or more recipients.
CREATE TABLE messages (
	id          INTEGER PRIMARY KEY,
	user_id     INTEGER REFERENCES users(id),        -- NULL: sent from the command line for nobody
	source      TEXT    NOT NULL,
	client      TEXT    NOT NULL,                    -- the client attribute of xmsData
	source_type TEXT    NOT NULL,                    -- sourceType of xmsData
	digest      BLOB,                                -- of the request, to know a repeated one; NULL where a repetition is meant
	answer      INTEGER NOT NULL,                    -- 0 not written yet, 1 written (or nobody waits), 2 the client was gone
	created     INTEGER NOT NULL
) STRICT;
CREATE INDEX messages_repeated ON messages(digest, created) WHERE digest IS NOT NULL;
CREATE INDEX messages_unanswered ON messages(id) WHERE answer = 0;

CREATE TABLE message_parts (
	message_id INTEGER NOT NULL REFERENCES messages(id),
	part       INTEGER NOT NULL,                     -- 1, 2, … in the order to be read
	text       TEXT    NOT NULL,
	PRIMARY KEY (message_id, part)
) STRICT, WITHOUT ROWID;

-- One message to one recipient.
CREATE TABLE deliveries (
	id         INTEGER PRIMARY KEY,
	message_id INTEGER NOT NULL REFERENCES messages(id),
	sender     INTEGER NOT NULL,                     -- the message's user, 0 for nobody
	recipient  TEXT    NOT NULL,
	typed      TEXT    NOT NULL,                     -- the recipient as the person wrote it
	state      TEXT    NOT NULL CHECK (state = 'sending' OR state = 'sent' OR state = 'queued' OR state = 'scheduled'
	                OR state = 'delivered' OR state = 'failed' OR state = 'expired' OR state = 'unconfirmed' OR state = 'cancelled'), -- a list would be built at every attempt
	bulk       INTEGER NOT NULL,                     -- 1: the message has many recipients
	line       INTEGER,                              -- which line it stands in: 0 begun, 1 people's, 2 bulk; NULL while it is scheduled or behind another, and once it is settled
	route      TEXT    NOT NULL,                     -- IMSI of the SIM that it should leave through, in line 0 of the one that it must; '' any
	ahead      INTEGER NOT NULL,                     -- the delivery of the same sender to the same recipient that must be settled before it goes, 0 none
	behind     INTEGER NOT NULL,                     -- the one that it is ahead of, 0 none
	due        INTEGER NOT NULL,                     -- when to try (again)
	expires    INTEGER NOT NULL,                     -- after this it is not tried any more
	attempts   INTEGER NOT NULL,                     -- how often one of its segments was handed to a modem
	retries    INTEGER NOT NULL,                     -- temporary failures in a row: chooses the pause
	reason     TEXT    NOT NULL,                     -- the last error, in words for people
	sim        TEXT    NOT NULL,                     -- IMSI of the SIM that a part of it left through and the rest has to; '' while none did
	ref        INTEGER,                              -- the last concatenation reference in it; NULL where it needs none
	notice     INTEGER NOT NULL,                     -- 0 nobody was told of its failure, -1 the answer told, else the mail that tells
	settled    INTEGER,                              -- since when nothing more is tried; NULL until then
	updated    INTEGER NOT NULL
) STRICT;
-- What goes out next is found here, however long the history is. An attempt changes no column of
-- it: a row moves when it comes, waits, or is settled.
CREATE INDEX deliveries_line ON deliveries(line, route, sender, due, id, expires) WHERE line IS NOT NULL;
CREATE INDEX deliveries_last ON deliveries(sender, recipient) WHERE settled IS NULL AND behind = 0;
CREATE INDEX deliveries_behind ON deliveries(ahead) WHERE ahead <> 0;
CREATE INDEX deliveries_scheduled ON deliveries(due) WHERE state = 'scheduled';
CREATE INDEX deliveries_sending ON deliveries(id) WHERE state = 'sending';
CREATE INDEX deliveries_bad ON deliveries(updated) WHERE state = 'failed' OR state = 'expired' OR state = 'unconfirmed';
CREATE INDEX deliveries_ref ON deliveries(recipient, id) WHERE ref IS NOT NULL;
CREATE INDEX deliveries_awaited ON deliveries(expires) WHERE state = 'sent' AND reason <> '';
CREATE INDEX deliveries_of ON deliveries(message_id);

-- How many segments left through a SIM.
CREATE TABLE usage (
	sim      TEXT    NOT NULL,
	day      INTEGER NOT NULL,                       -- 20260531, in the computer's time zone
	segments INTEGER NOT NULL,
	PRIMARY KEY (sim, day)
) STRICT, WITHOUT ROWID;

-- One TPDU of a delivery.
CREATE TABLE segments (
	id          INTEGER PRIMARY KEY,
	delivery_id INTEGER NOT NULL REFERENCES deliveries(id),
	part        INTEGER NOT NULL,                    -- of message_parts
	tpdu        BLOB    NOT NULL,                    -- SMS-SUBMIT, TP-MR 0; its TP-VP is shortened when it is handed over late
	state       TEXT    NOT NULL CHECK (state = 'handed' OR state = 'sent' OR state = 'pending' OR state = 'delivered' OR state = 'failed' OR state = 'unconfirmed'),
	sim         TEXT    NOT NULL,                    -- IMSI of the SIM it left through
	mr          INTEGER,                             -- TP-MR that the modem gave it
	handed      INTEGER,                             -- when it was last handed to the modem
	settled     INTEGER
) STRICT;
CREATE INDEX segments_of ON segments(delivery_id, id);
CREATE INDEX segments_reported ON segments(mr, handed) WHERE mr IS NOT NULL;
CREATE INDEX segments_unnumbered ON segments(handed) WHERE mr IS NULL AND (state = 'sent' OR state = 'unconfirmed');

-- SMS-STATUS-REPORTs as they came.
CREATE TABLE reports (
	id         INTEGER PRIMARY KEY,
	key        BLOB    NOT NULL UNIQUE,              -- digest of SIM and TPDU
	tpdu       BLOB    NOT NULL,
	sim        TEXT    NOT NULL,
	mr         INTEGER NOT NULL,
	recipient  TEXT    NOT NULL,
	status     INTEGER NOT NULL,                     -- TP-ST
	segment_id INTEGER REFERENCES segments(id),      -- NULL: matches nothing (yet)
	received   INTEGER NOT NULL
) STRICT;
CREATE INDEX reports_early ON reports(received) WHERE segment_id IS NULL;

-- What came in from a phone, whole or as far as it came.
CREATE TABLE incoming (
	id        INTEGER PRIMARY KEY,
	sim       TEXT    NOT NULL,
	sender    TEXT    NOT NULL,
	kind      TEXT    NOT NULL CHECK (kind IN ('SMS', 'data', 'voicemail', 'silent', 'undecodable')),
	class     INTEGER NOT NULL,                      -- message class 0 to 3, -1 for none
	pid       INTEGER NOT NULL,                      -- TP-PID
	port      INTEGER NOT NULL,                      -- that it is addressed to, 0 for none
	text      TEXT    NOT NULL,                      -- of data and of what is undecodable in hexadecimal
	waiting   TEXT    NOT NULL,                      -- what is waiting, as a phrase; '' for nothing
	flaw      TEXT    NOT NULL,                      -- why it is undecodable
	missing   TEXT    NOT NULL,                      -- the segments that have not come: '2-4, 6 of 9'; '' where it is whole
	completes INTEGER REFERENCES incoming(id),       -- the incomplete one that this has more of
	replaces  INTEGER REFERENCES incoming(id),       -- the earlier one that this is to be put in place of
	sent      INTEGER NOT NULL,                      -- TP-SCTS; when it was received where the SMSC gave none
	state     TEXT    NOT NULL CHECK (state IN ('received', 'mailed', 'unroutable', 'kept', 'noted')),
	user_id   INTEGER REFERENCES users(id),          -- NULL: nobody's, or several were mailed
	reason    TEXT    NOT NULL,                      -- why it is nobody's
	received  INTEGER NOT NULL
) STRICT;
CREATE INDEX incoming_new ON incoming(id) WHERE state = 'received';
CREATE INDEX incoming_from ON incoming(sender, id);  -- through which SIM a number texted last
CREATE INDEX incoming_unroutable ON incoming(id) WHERE state = 'unroutable';
CREATE INDEX incoming_kept ON incoming(id) WHERE state = 'kept';
CREATE INDEX incoming_incomplete ON incoming(sim, sender, sent) WHERE missing <> '';
CREATE INDEX incoming_undecodable ON incoming(received) WHERE kind = 'undecodable';
CREATE INDEX incoming_replaceable ON incoming(sim, sender, pid, id) WHERE pid BETWEEN 65 AND 71;

-- SMS-DELIVER TPDUs as they came, each once.
CREATE TABLE incoming_segments (
	id          INTEGER PRIMARY KEY,
	key         BLOB    NOT NULL UNIQUE,             -- digest of SIM and TPDU: a TPDU delivered again is the same row
	tpdu        BLOB    NOT NULL,
	sim         TEXT    NOT NULL,
	sender      TEXT    NOT NULL,
	ref         INTEGER NOT NULL,                    -- concatenation reference, of 16 bits with 65536 added; -1 where it stands alone
	total       INTEGER NOT NULL,
	seq         INTEGER NOT NULL,
	data        INTEGER NOT NULL,                    -- 1: 8-bit user data
	port        INTEGER NOT NULL,                    -- 0: none
	sent        INTEGER NOT NULL,                    -- TP-SCTS; when it was received where the SMSC gave none
	kept        INTEGER NOT NULL,                    -- 1: it lay on the SIM when that was first met
	repeats     INTEGER NOT NULL,                    -- 1: it only says again what another says, and nothing is missing beside it
	incoming_id INTEGER REFERENCES incoming(id),     -- NULL: the other segments are still awaited
	received    INTEGER NOT NULL
) STRICT;
CREATE INDEX incoming_segments_place ON incoming_segments(sim, sender, ref, total, data, sent) WHERE ref >= 0;
CREATE INDEX incoming_segments_open ON incoming_segments(sim, sender, ref, total, data, sent) WHERE incoming_id IS NULL;
CREATE INDEX incoming_segments_waiting ON incoming_segments(sim, sender, ref, total, data, received) WHERE incoming_id IS NULL AND repeats = 0;
CREATE INDEX incoming_segments_of ON incoming_segments(incoming_id) WHERE incoming_id IS NOT NULL;

-- Which user wrote to which number, and when last: whose reply a text is.
CREATE TABLE conversations (
	number   TEXT    NOT NULL,
	user_id  INTEGER NOT NULL REFERENCES users(id),
	wrote    INTEGER NOT NULL,                       -- when; 0 where nothing left
	before   INTEGER NOT NULL,                       -- what wrote was before the delivery
	delivery INTEGER NOT NULL,                       -- whose attempt set it
	PRIMARY KEY (number, user_id)
) STRICT, WITHOUT ROWID;

-- Mail that must reach the relay.
CREATE TABLE mails (
	id          INTEGER PRIMARY KEY,
	kind        TEXT    NOT NULL CHECK (kind IN ('reply', 'notice', 'alarm')),
	user_id     INTEGER REFERENCES users(id),        -- NULL: for whoever mail.catch-all names
	incoming_id INTEGER REFERENCES incoming(id),     -- the text that a reply carries
	message_id  INTEGER REFERENCES messages(id),     -- the message that a notice is about
	alarm_id    INTEGER REFERENCES alarms(id),       -- the alarm that it tells
	over        INTEGER NOT NULL DEFAULT 0,          -- 1: it tells that the alarm is over
	token       TEXT    NOT NULL UNIQUE,             -- left part of its Message-ID, the same at every attempt
	state       TEXT    NOT NULL CHECK (state IN ('queued', 'sending', 'sent', 'failed', 'withdrawn')),
	due         INTEGER NOT NULL,
	attempts    INTEGER NOT NULL,                    -- how often it was handed to the relay
	retries     INTEGER NOT NULL,                    -- how often this relay put it off: chooses the pause
	reason      TEXT    NOT NULL,
	created     INTEGER NOT NULL,
	updated     INTEGER NOT NULL
) STRICT;
CREATE INDEX mails_due ON mails(due, id) WHERE state = 'queued';
CREATE INDEX mails_sending ON mails(id) WHERE state = 'sending';
CREATE INDEX mails_notice ON mails(message_id) WHERE kind = 'notice';
CREATE INDEX mails_of ON mails(incoming_id) WHERE incoming_id IS NOT NULL;
CREATE INDEX mails_alarm ON mails(alarm_id) WHERE alarm_id IS NOT NULL;

-- Which deliveries a notice tells of. One that was in doubt and then failed is told twice.
CREATE TABLE told (
	mail_id     INTEGER NOT NULL REFERENCES mails(id),
	delivery_id INTEGER NOT NULL REFERENCES deliveries(id),
	PRIMARY KEY (mail_id, delivery_id)
) STRICT, WITHOUT ROWID;

-- What happened, in order: written in the transaction that made it so.
CREATE TABLE traffic (
	id          INTEGER PRIMARY KEY,
	at          INTEGER NOT NULL,
	event       TEXT    NOT NULL,
	user_id     INTEGER,
	delivery_id INTEGER,
	incoming_id INTEGER,
	mail_id     INTEGER,
	number      TEXT    NOT NULL,
	detail      TEXT    NOT NULL
) STRICT;

-- SIMs that were met, by IMSI ('device:…' where that cannot be read).
CREATE TABLE sims (
	id         TEXT    PRIMARY KEY,
	iccid      TEXT    NOT NULL,                     -- '' where it cannot be read
	swept      INTEGER NOT NULL,                     -- 1: what lay on it when it was first met is stored
	balance    TEXT    NOT NULL,                     -- as the network said it last; '' never
	amount     REAL,                                 -- the number in it
	asked      INTEGER NOT NULL,                     -- when the balance was last asked for, 0 never
	met        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- PINs that were given to a SIM: a wrong one must never be given twice.
CREATE TABLE pins (
	sim    TEXT    NOT NULL,                         -- ICCID, or 'device:…' where that cannot be read
	digest BLOB    NOT NULL,                         -- of SIM and PIN
	state  INTEGER NOT NULL,                         -- 0 given, and the answer was not stored; 1 the SIM took it; 2 it refused it
	PRIMARY KEY (sim, digest)
) STRICT, WITHOUT ROWID;

-- What is wrong and people were told of by mail.
CREATE TABLE alarms (
	id      INTEGER PRIMARY KEY,
	kind    TEXT    NOT NULL,
	about   TEXT    NOT NULL,                        -- the device, the SIM, …
	text    TEXT    NOT NULL,                        -- what is wrong and what to do
	raised  INTEGER NOT NULL,
	cleared INTEGER                                  -- NULL: it still is
) STRICT;
CREATE UNIQUE INDEX alarms_open ON alarms(kind, about) WHERE cleared IS NULL;
CREATE INDEX alarms_of ON alarms(kind, about, id);

-- What a command beside the running service asks a modem, and what that answers.
CREATE TABLE errands (
	id      INTEGER PRIMARY KEY,
	device  TEXT    NOT NULL,
	verb    TEXT    NOT NULL,                        -- 'ussd', 'info'
	text    TEXT    NOT NULL,
	state   TEXT    NOT NULL CHECK (state IN ('asked', 'done', 'failed')),
	answer  TEXT    NOT NULL,
	created INTEGER NOT NULL
) STRICT;
CREATE INDEX errands_asked ON errands(device, id) WHERE state = 'asked';

-- How each modem is, as last seen.
CREATE TABLE modems (
	device       TEXT PRIMARY KEY,
	state        TEXT    NOT NULL,                   -- 'up' or 'down'
	problem      TEXT    NOT NULL,
	manufacturer TEXT    NOT NULL,
	model        TEXT    NOT NULL,
	firmware     TEXT    NOT NULL,
	imei         TEXT    NOT NULL,
	imsi         TEXT    NOT NULL,
	iccid        TEXT    NOT NULL,
	smsc         TEXT    NOT NULL,
	operator     TEXT    NOT NULL,
	registration TEXT    NOT NULL,
	signal       INTEGER NOT NULL,                   -- as +CSQ gives it: 0..31, 99 unknown
	storage      TEXT    NOT NULL,                   -- how full its storages are, for people: "SM 3 of 20, ME 0 of 50"
	remarks      TEXT    NOT NULL,                   -- what was found odd about it, a line each
	updated      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How the other parts of the appliance are.
CREATE TABLE health (
	part    TEXT PRIMARY KEY,
	ok      INTEGER NOT NULL,
	text    TEXT    NOT NULL,
	since   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
