-- Ways back into accounts whose second factor is lost, recovery codes included: time passes, in which whoever reads the mails of
-- the account may end it. Afterwards the password and a mailed code are enough, once.
CREATE TABLE recovery (
    account_id    TEXT   NOT NULL,
    -- What stands in the links that end it, hashed: in the first mails, and in those shortly before the end of the time.
    cancel_hash   BYTEA  NOT NULL,
    reminder_hash BYTEA,
    started_at    BIGINT NOT NULL,
    remind_at     BIGINT NOT NULL,
    release_at    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    CONSTRAINT recovery_pk PRIMARY KEY (account_id),
    CONSTRAINT recovery_cancel UNIQUE (cancel_hash),
    CONSTRAINT recovery_reminder UNIQUE (reminder_hash),
    CONSTRAINT recovery_account FOREIGN KEY (account_id) REFERENCES account (id)
);
CREATE INDEX recovery_expiry ON recovery (expires_at);
CREATE INDEX recovery_unreminded ON recovery (remind_at) WHERE reminder_hash IS NULL;
