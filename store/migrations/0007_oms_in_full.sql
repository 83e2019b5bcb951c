-- The counters 'named/NAME' say of which names there ever was a service, and when the setting services
-- was last changed from or to one with it: the clients of one that is gone are told so.
INSERT INTO counters (name, value) SELECT 'named/' || service, max(created) FROM messages WHERE service <> '' GROUP BY service;

-- What the answer to a message says beside what became of it: a repetition of the request is told the same.
ALTER TABLE messages ADD COLUMN over_most      INTEGER; -- segments: the user's limit that kept recipients out; NULL where none did
ALTER TABLE messages ADD COLUMN over_monthly   INTEGER; -- 1: it is that of the month, else of the day
ALTER TABLE messages ADD COLUMN service_update INTEGER; -- the change of the service that it tells of; NULL where it tells of none
