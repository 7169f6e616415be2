-- Browsers that have signed in to an account before: they have a lane of their own when passwords are guessed.
CREATE TABLE device (
    account_id    TEXT   NOT NULL,
    device_hash   BYTEA  NOT NULL,
    name          TEXT   NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at  BIGINT NOT NULL,
    CONSTRAINT device_pk PRIMARY KEY (account_id, device_hash),
    CONSTRAINT device_account FOREIGN KEY (account_id) REFERENCES account (id)
);
CREATE INDEX device_by_last_seen ON device (last_seen_at);

-- What the browser said of itself at signing in, as in 'firefox windows'.
ALTER TABLE session ADD COLUMN device TEXT;
-- A shorter limit than the rule's, chosen by the person; minutes.
ALTER TABLE session ADD COLUMN idle_minutes BIGINT;
ALTER TABLE account ADD COLUMN idle_minutes BIGINT;

-- An account may have several addresses; mails go to one of them.
ALTER TABLE email_address ADD COLUMN is_primary BOOLEAN NOT NULL DEFAULT TRUE;
CREATE UNIQUE INDEX email_address_primary ON email_address (account_id) WHERE is_primary;

-- An address about to be added. Both it and the one that gets the mails must be confirmed.
CREATE TABLE address_change (
    account_id    TEXT    NOT NULL,
    address       BYTEA   NOT NULL,
    new_confirmed BOOLEAN NOT NULL,
    old_confirmed BOOLEAN NOT NULL,
    expires_at    BIGINT  NOT NULL,
    CONSTRAINT address_change_pk PRIMARY KEY (account_id),
    CONSTRAINT address_change_account FOREIGN KEY (account_id) REFERENCES account (id)
);
