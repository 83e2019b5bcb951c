-- Only a request whose answer was not written can be repeated: those are few, and the digests of all
-- others, scattered as they are, made every commit write pages of their own.
DROP INDEX messages_repeated;
DROP INDEX messages_unanswered;
CREATE INDEX messages_open ON messages(digest, answer) WHERE answer <> 1;
