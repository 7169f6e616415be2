-- Code generators of accounts (RFC 6238): apps, and devices that do nothing else. Name and secret are sealed under the account's
-- own key. One that has not been confirmed yet belongs to a session and is worth nothing.
CREATE TABLE code_generator (
    id           TEXT   NOT NULL,
    account_id   TEXT   NOT NULL,
    kind         TEXT   NOT NULL,
    name         BYTEA  NOT NULL,
    secret       BYTEA  NOT NULL,
    -- The level at which it was registered.
    registered   TEXT   NOT NULL,
    -- The newest time step whose code has been used: no code counts twice, and none that is older.
    last_step    BIGINT NOT NULL,
    session_id   TEXT,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT,
    confirmed_at BIGINT,
    CONSTRAINT code_generator_pk PRIMARY KEY (id),
    CONSTRAINT code_generator_account FOREIGN KEY (account_id) REFERENCES account (id)
);
CREATE INDEX code_generator_by_account ON code_generator (account_id);
CREATE INDEX code_generator_unconfirmed ON code_generator (created_at) WHERE confirmed_at IS NULL;

-- Devices that the operator hands out. The secret is sealed, and gone once somebody has registered the device; the row stays, so
-- that the same file, imported again, does not offer it to somebody else.
CREATE TABLE code_device (
    serial      TEXT   NOT NULL,
    secret      BYTEA,
    imported_at BIGINT NOT NULL,
    taken_at    BIGINT,
    CONSTRAINT code_device_pk PRIMARY KEY (serial)
);

-- Browsers in which a password was right and a code is still missing. No session, and nothing that one may do.
CREATE TABLE partial_sign_in (
    browser_hash BYTEA  NOT NULL,
    account_id   TEXT   NOT NULL,
    expires_at   BIGINT NOT NULL,
    CONSTRAINT partial_sign_in_pk PRIMARY KEY (browser_hash),
    CONSTRAINT partial_sign_in_account FOREIGN KEY (account_id) REFERENCES account (id)
);
CREATE INDEX partial_sign_in_expiry ON partial_sign_in (expires_at);
CREATE INDEX partial_sign_in_by_account ON partial_sign_in (account_id);
