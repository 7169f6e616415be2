-- Keys that people sign in with (W3C Web Authentication). The credential holds no secret, yet it is sealed under the account's
-- key: whoever can write here but has no master key cannot put a key of their own in its place.
CREATE TABLE passkey (
    id              TEXT    NOT NULL,
    account_id      TEXT    NOT NULL,
    credential_id   BYTEA   NOT NULL,
    credential      BYTEA   NOT NULL,
    -- What its owner calls it, sealed.
    name            BYTEA   NOT NULL,
    -- device_passkey or synchronised_passkey
    kind            TEXT    NOT NULL,
    -- The level at which it was registered.
    registered      TEXT    NOT NULL,
    -- Whether its maker holds a copy of it.
    is_synchronised BOOLEAN NOT NULL,
    -- How often it has signed, by its own count; 0 if it does not count.
    counter         BIGINT  NOT NULL,
    -- The session that registered it: only there may it be used for the first time.
    registered_in   TEXT    NOT NULL,
    created_at      BIGINT  NOT NULL,
    confirmed_at    BIGINT,
    last_used_at    BIGINT,
    CONSTRAINT passkey_pk PRIMARY KEY (id),
    CONSTRAINT passkey_credential UNIQUE (credential_id),
    CONSTRAINT passkey_account FOREIGN KEY (account_id) REFERENCES account (id)
);
CREATE INDEX passkey_of_account ON passkey (account_id, created_at);
