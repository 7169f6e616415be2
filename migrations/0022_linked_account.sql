-- Accounts at other providers that people sign in with. Whose such an account is stands here as a keyed hash of issuer and subject;
-- the proof is the same hash sealed under the account's key, so that whoever can write here but has no master key cannot give
-- their own link to somebody else.
CREATE TABLE linked_account (
    id           TEXT   NOT NULL,
    account_id   TEXT   NOT NULL,
    -- The provider's id in the settings.
    provider     TEXT   NOT NULL,
    subject      BYTEA  NOT NULL,
    proof        BYTEA  NOT NULL,
    -- The level at which it was linked.
    registered   TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    blocked_at   BIGINT,
    CONSTRAINT linked_account_pk PRIMARY KEY (id),
    -- One account elsewhere opens one account here.
    CONSTRAINT linked_account_subject UNIQUE (subject),
    CONSTRAINT linked_account_provider UNIQUE (account_id, provider),
    CONSTRAINT linked_account_account FOREIGN KEY (account_id) REFERENCES account (id)
);

-- With which of them a session's owner has signed in, and what the other provider calls that session: it may say that it has ended.
ALTER TABLE session ADD COLUMN linked_id TEXT;
ALTER TABLE session ADD COLUMN linked_sid BYTEA;
CREATE INDEX session_of_link ON session (linked_id) WHERE linked_id IS NOT NULL;
CREATE INDEX session_of_linked_sid ON session (linked_sid) WHERE linked_sid IS NOT NULL;
