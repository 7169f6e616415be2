-- Identity cards that sign people in. Each has one account; the pseudonym is a keyed hash, and no service knows it.
CREATE TABLE eid_card (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    pseudonym BYTEA NOT NULL,
    registered TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    blocked_at BIGINT,
    CONSTRAINT eid_card_pseudonym UNIQUE (pseudonym)
);
CREATE INDEX eid_card_account ON eid_card (account_id);

-- A card that is being read, one for each browser: first the run at the eID-Server, then what was read, until its owner has
-- agreed to it.
CREATE TABLE eid_reading (
    browser_hash BYTEA PRIMARY KEY,
    token_hash BYTEA NOT NULL,
    account_id TEXT,
    is_read BOOLEAN NOT NULL,
    sealed BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT eid_reading_token UNIQUE (token_hash)
);
CREATE INDEX eid_reading_expires ON eid_reading (expires_at);
