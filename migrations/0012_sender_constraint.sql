-- To which key a code, and what comes of it, is bound (RFC 7800, RFC 9449): the JSON of its `cnf`.
ALTER TABLE authorization_code ADD COLUMN confirmation TEXT;
ALTER TABLE client_grant ADD COLUMN confirmation TEXT;

-- A deposited request (RFC 9126) may be opened again until it has been answered: those that were begun with it go with the
-- first that is.
ALTER TABLE authorization_request ADD COLUMN pushed_hash BYTEA;
CREATE INDEX authorization_request_pushed ON authorization_request (pushed_hash) WHERE pushed_hash IS NOT NULL;

-- The ids of assertions and proofs that were used (RFC 7523, RFC 9449), each with whose it is.
CREATE TABLE spent_token (
    hash       BYTEA  NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT spent_token_pk PRIMARY KEY (hash)
);
CREATE INDEX spent_token_expiry ON spent_token (expires_at);
DROP TABLE client_assertion;
