-- Under which the owner of an account is found who comes back with an identity card that no account knows yet: a keyed hash of
-- names and date of birth. Only where somebody has verified them.
ALTER TABLE account ADD COLUMN identity_index BYTEA;
CREATE INDEX account_identity ON account (identity_index);
