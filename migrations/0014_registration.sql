-- Clients that have registered themselves (RFC 7591). A table of their own: applying the operator's file neither sees nor
-- removes them.
CREATE TABLE registered_client (
    id            TEXT   NOT NULL,
    -- The client as a file would declare it, and its metadata in force as it is told them.
    definition    TEXT   NOT NULL,
    metadata      TEXT   NOT NULL,
    -- SHA-256 of the token with which it reads, changes and deletes this (RFC 7592).
    access_hash   BYTEA  NOT NULL,
    logo          BYTEA,
    -- The token or the issuer of the statement that let it in.
    admitted_by   TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    -- Until when it counts unless somebody approves it.
    expires_at    BIGINT NOT NULL,
    approved_at   BIGINT,
    approved_by   TEXT,
    CONSTRAINT registered_client_pk PRIMARY KEY (id)
);
CREATE INDEX registered_client_unapproved ON registered_client (expires_at) WHERE approved_at IS NULL;

-- Initial access tokens, with which clients may register; of each its SHA-256.
CREATE TABLE registration_token (
    id         TEXT   NOT NULL,
    token_hash BYTEA  NOT NULL,
    note       TEXT   NOT NULL,
    operator   TEXT   NOT NULL,
    uses_left  BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT registration_token_pk PRIMARY KEY (id),
    CONSTRAINT registration_token_hash UNIQUE (token_hash)
);
CREATE INDEX registration_token_expiry ON registration_token (expires_at);

-- The session whose owner wants to go on to a client that nobody has checked.
ALTER TABLE authorization_request ADD COLUMN client_confirmed_by TEXT;
