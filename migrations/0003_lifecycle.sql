-- How an account is used, locked, left and erased.
ALTER TABLE account ADD COLUMN status_since BIGINT NOT NULL DEFAULT 0;
-- The last sign-in, exact to a day.
ALTER TABLE account ADD COLUMN used_at BIGINT NOT NULL DEFAULT 0;
-- When its owner was told that it will be erased because nobody uses it.
ALTER TABLE account ADD COLUMN inactivity_told_at BIGINT;
-- When its erasure begins ('closing') or may be completed ('erasing').
ALTER TABLE account ADD COLUMN erase_at BIGINT;
UPDATE account SET status_since = created_at, used_at = created_at;
CREATE INDEX account_by_use ON account (used_at) WHERE status = 'active';
CREATE INDEX account_by_erasure ON account (erase_at) WHERE erase_at IS NOT NULL;

-- A copy of one's data that may be fetched once, by the session that asked for it.
CREATE TABLE data_export (
    token_hash BYTEA  NOT NULL,
    account_id TEXT   NOT NULL,
    session_id TEXT   NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT data_export_pk PRIMARY KEY (token_hash)
);
CREATE INDEX data_export_by_account ON data_export (account_id);
CREATE INDEX data_export_expiry ON data_export (expires_at);
