-- A restore from a backup holds what the backup had in its queues: the box that the backup is of may have
-- sent or mailed it since. It goes when a person says so. A delivery that is held is scheduled and in no line.
ALTER TABLE deliveries ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mails ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
CREATE INDEX deliveries_held ON deliveries(id) WHERE held = 1;
CREATE INDEX mails_held ON mails(id) WHERE held = 1;

-- The last restore from a backup, and up to where rows are of the backup.
CREATE TABLE restored (
	id       INTEGER PRIMARY KEY CHECK (id = 1),
	made     INTEGER NOT NULL,                       -- when the backup was made
	at       INTEGER NOT NULL,                       -- when it was restored
	delivery INTEGER NOT NULL,                       -- the last delivery in it
	incoming INTEGER NOT NULL,                       -- the last message that had come in
	segment  INTEGER NOT NULL,                       -- the last segment that had come in
	mails    INTEGER NOT NULL,                       -- 1: new mails about what had come in are held too
	counted  INTEGER NOT NULL                        -- 1: limits count as used up for the days since the backup
) STRICT;

-- The flags that the service was started with, as a list in JSON: a backup tells them.
ALTER TABLE front ADD COLUMN flags TEXT NOT NULL DEFAULT '[]';
