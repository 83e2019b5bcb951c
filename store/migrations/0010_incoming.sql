-- The last digits of a sender, by which the parts of one text are found although networks spell its number
-- in several ways; a name, or a number shorter than seven digits, as it is.
ALTER TABLE incoming_segments ADD COLUMN tail TEXT GENERATED ALWAYS AS (CASE
	WHEN ltrim(sender, '+0123456789') = '' AND length(ltrim(sender, '+0')) >= 7 THEN substr(sender, -7)
	ELSE sender END) VIRTUAL;

-- 1: another segment may be put together with it, since it is part of no message yet or of an incomplete one.
ALTER TABLE incoming_segments ADD COLUMN open INTEGER NOT NULL DEFAULT 1;
UPDATE incoming_segments SET open = 0 WHERE ref < 0 OR incoming_id IN (SELECT id FROM incoming WHERE missing = '');

-- By these each segment that a new one may belong with, or repeat, is one step away, however many lie there.
DROP INDEX incoming_segments_place;
DROP INDEX incoming_segments_open;
DROP INDEX incoming_segments_waiting;
DROP INDEX incoming_incomplete;
CREATE INDEX incoming_segments_alike ON incoming_segments(sim, tail, ref, total, data, seq, sent) WHERE ref >= 0;
CREATE INDEX incoming_segments_open ON incoming_segments(sim, tail, ref, total, data, seq, sent) WHERE open = 1;
CREATE INDEX incoming_segments_waiting ON incoming_segments(sim, tail, ref, total, data, received) WHERE incoming_id IS NULL AND repeats = 0;
CREATE INDEX incoming_segments_sender ON incoming_segments(sim, tail, id) WHERE incoming_id IS NULL AND repeats = 0;

ALTER TABLE incoming ADD COLUMN cut      INTEGER NOT NULL DEFAULT 0;  -- 1: the end of a segment was lost on the way
ALTER TABLE incoming ADD COLUMN objects  INTEGER NOT NULL DEFAULT 0;  -- 1: it has pictures, sounds or animations that are not shown
ALTER TABLE incoming ADD COLUMN reply_to TEXT    NOT NULL DEFAULT ''; -- where its sender wants answers to go; '' for the sender

-- Of what cannot be read a mail a day tells: the message whose mail tells of this one too; NULL none.
ALTER TABLE incoming ADD COLUMN told_with INTEGER REFERENCES incoming(id);
CREATE INDEX incoming_told ON incoming(id) WHERE kind = 'undecodable' AND told_with IS NULL;
CREATE INDEX incoming_told_with ON incoming(told_with) WHERE told_with IS NOT NULL;
