-- Passwords that the appliance made up, each for one program of a user. They are long and random,
-- so a plain digest of them is as good as a slow one.
CREATE TABLE app_passwords (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,       -- none is used again: people end one by its number
	user_id INTEGER NOT NULL REFERENCES users(id),
	name    TEXT    NOT NULL,                        -- the program or computer that it is for
	digest  BLOB    NOT NULL UNIQUE,                 -- SHA-256
	created INTEGER NOT NULL,
	used    INTEGER                                  -- when it last signed somebody in, to the hour; NULL never
) STRICT;
CREATE INDEX app_passwords_user ON app_passwords(user_id);

-- How the service that runs, or ran last, can be reached: the other commands tell it to people.
CREATE TABLE front (
	id     INTEGER PRIMARY KEY CHECK (id = 1),
	origin TEXT    NOT NULL,                         -- https://sms.example.org
	hosts  TEXT    NOT NULL,                         -- the names it was given, with commas
	tls    TEXT    NOT NULL,                         -- acme, local, files, off
	https  TEXT    NOT NULL,                         -- the address of each listener; '' where there is none
	http   TEXT    NOT NULL,
	legacy TEXT    NOT NULL,
	smtp   TEXT    NOT NULL
) STRICT;
