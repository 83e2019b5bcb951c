ALTER TABLE mails ADD COLUMN blocked INTEGER;                   -- since when the relay refuses it through the box's own fault; NULL where it does not
ALTER TABLE mails ADD COLUMN doubts  INTEGER NOT NULL DEFAULT 0; -- how often no answer came after its data: the relay may have taken it
CREATE INDEX mails_due_alarms ON mails(due, id) WHERE state = 'queued' AND kind = 'alarm';
CREATE INDEX mails_blocked ON mails(id) WHERE blocked IS NOT NULL;
CREATE INDEX mails_open ON mails(id) WHERE state = 'queued' OR state = 'sending' OR state = 'failed';

-- A user's own texts, newest first.
CREATE INDEX messages_own ON messages(user_id, created, id) WHERE user_id IS NOT NULL;
CREATE INDEX incoming_own ON incoming(user_id, received, id) WHERE user_id IS NOT NULL;
