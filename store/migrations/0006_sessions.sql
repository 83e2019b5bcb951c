-- Browsers in which somebody has signed in. What a browser shows for it is long and random, so a
-- plain digest of it is as good as a slow one.
CREATE TABLE sessions (
	id      INTEGER PRIMARY KEY,
	user_id INTEGER NOT NULL REFERENCES users(id),
	digest  BLOB    NOT NULL UNIQUE,                 -- SHA-256
	created INTEGER NOT NULL,
	used    INTEGER NOT NULL                         -- when a page was last looked at in it, to the hour
) STRICT;
CREATE INDEX sessions_user ON sessions(user_id);
CREATE INDEX sessions_used ON sessions(used);
