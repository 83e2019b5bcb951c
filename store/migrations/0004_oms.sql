-- After this a user may not sign in any more; NULL never.
ALTER TABLE users ADD COLUMN expires INTEGER;

ALTER TABLE messages ADD COLUMN service     TEXT NOT NULL DEFAULT ''; -- that it was handed to; '' the one of the box
ALTER TABLE messages ADD COLUMN reply_phone TEXT NOT NULL DEFAULT ''; -- replyPhone of xmsData: a SIM cannot set a sender
ALTER TABLE messages ADD COLUMN custom_data TEXT NOT NULL DEFAULT ''; -- customData of xmsData

-- What each user handed over, by the day: it is counted in the commit that queues it.
CREATE TABLE user_usage (
	user_id  INTEGER NOT NULL REFERENCES users(id),
	day      INTEGER NOT NULL,                       -- 20260531, in the computer's time zone
	segments INTEGER NOT NULL,                       -- to all recipients
	notices  INTEGER NOT NULL,                       -- messages whose sourceType is reminder or ruleBased
	PRIMARY KEY (user_id, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_usage_day ON user_usage(day);      -- which was the last

-- What a user's clients know of a service. Its changes are dated by the counters 'service', of all,
-- and 'service/NAME', of one.
CREATE TABLE service_clients (
	user_id INTEGER NOT NULL REFERENCES users(id),
	service TEXT    NOT NULL,
	seen    INTEGER NOT NULL,                        -- the last change when GetUserInfo was called; 0 never
	told    INTEGER NOT NULL,                        -- the change that answers told of last; 0 none
	answers INTEGER NOT NULL,                        -- how many answers told of it
	PRIMARY KEY (user_id, service)
) STRICT, WITHOUT ROWID;

-- What a modem has shown that it can do.
CREATE TABLE proofs (
	what   TEXT    PRIMARY KEY,                      -- 'MMS'
	device TEXT    NOT NULL,                         -- the modem that showed it last
	at     INTEGER NOT NULL                          -- when
) STRICT, WITHOUT ROWID;

-- The counter 'radio' says when a modem was in a network for the first time.
INSERT INTO counters (name, value) SELECT 'radio', min(met) FROM sims WHERE true HAVING count(*) > 0;
