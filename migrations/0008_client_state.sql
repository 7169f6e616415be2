-- What the operator does with a client beside its declaration. Applying a file changes none of it: whoever is switched off
-- stays so, also if the client is taken out of the file and comes back.
CREATE TABLE disabled_client (
    client_id TEXT   NOT NULL,
    since     BIGINT NOT NULL,
    operator  TEXT   NOT NULL,
    reason    TEXT   NOT NULL,
    CONSTRAINT disabled_client_pk PRIMARY KEY (client_id)
);

-- Secrets that we made for clients, as SHA-256. The newest has no end; what it replaced counts until the overlap is over.
CREATE TABLE client_secret (
    client_id   TEXT   NOT NULL,
    secret_hash BYTEA  NOT NULL,
    since       BIGINT NOT NULL,
    ends_at     BIGINT,
    CONSTRAINT client_secret_pk PRIMARY KEY (client_id, secret_hash)
);

-- For how many people are connected with a client.
CREATE INDEX consent_by_client ON consent (client_id);
