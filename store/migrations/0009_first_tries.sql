-- A report may be about an earlier try of a segment that waits for its next one.
ALTER TABLE segments ADD COLUMN tried INTEGER; -- when it was first handed to a modem
UPDATE segments SET tried = handed WHERE state = 'pending' AND handed IS NOT NULL;
CREATE INDEX segments_waiting ON segments(handed) WHERE state = 'pending' AND handed IS NOT NULL;
