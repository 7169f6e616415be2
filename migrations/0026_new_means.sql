-- What somebody has proven besides reading the mails, who has no means left and sets a new one; null if nothing.
ALTER TABLE password_reset ADD COLUMN proof TEXT;
-- A key that was made for that and waits for its first use, sealed.
ALTER TABLE password_reset ADD COLUMN passkey BYTEA;
