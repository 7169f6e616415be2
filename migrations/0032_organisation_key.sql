-- Keys with which an organisation's own programs get tokens. The public half only: nobody here ever had the other.
CREATE TABLE organisation_key (
    id              TEXT   NOT NULL,
    organisation_id TEXT   NOT NULL,
    -- The membership of the person who answers for it.
    owner_id        TEXT   NOT NULL,
    -- The API for which it gets tokens, and what it may have there.
    client_id       TEXT   NOT NULL,
    scope           TEXT   NOT NULL,
    -- What people call it, sealed under the organisation's key.
    name            BYTEA  NOT NULL,
    jwk             TEXT   NOT NULL,
    -- RFC 7638, SHA-256.
    thumbprint      TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    -- To the hour.
    last_used_at    BIGINT,
    -- How many days before its end people were told last.
    told_days       BIGINT,
    ended_at        BIGINT,
    CONSTRAINT organisation_key_pk PRIMARY KEY (id),
    -- Another API, or another beginning, is another key pair.
    CONSTRAINT organisation_key_once UNIQUE (organisation_id, thumbprint),
    CONSTRAINT organisation_key_of FOREIGN KEY (organisation_id) REFERENCES organisation (id),
    CONSTRAINT organisation_key_owner FOREIGN KEY (owner_id) REFERENCES membership (id)
);
CREATE INDEX organisation_key_by_owner ON organisation_key (owner_id) WHERE ended_at IS NULL;
CREATE INDEX organisation_key_expiry ON organisation_key (expires_at);
