-- Users sign in with their mail address or phone number as well.
CREATE INDEX users_mail ON users(mail COLLATE NOCASE) WHERE mail <> '';
CREATE INDEX users_phone ON users(phone) WHERE phone <> '';
