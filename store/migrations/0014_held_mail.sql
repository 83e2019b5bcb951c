ALTER TABLE mails ADD COLUMN waited INTEGER NOT NULL DEFAULT 0; -- for how many milliseconds this box has held it while it could try, where blocked is not NULL
