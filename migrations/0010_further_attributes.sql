-- Raised by every change of an account's attributes, and the version under which what changed is sealed: of two changes that
-- began from the same state one happens, and no value is ever sealed in a place where another one was.
ALTER TABLE account ADD COLUMN attribute_version BIGINT NOT NULL DEFAULT 1;
