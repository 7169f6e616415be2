-- To which key a code, and what comes of it, is bound (RFC 7800, RFC 9449): the JSON of its `cnf`.
ALTER TABLE authorization_code ADD COLUMN confirmation TEXT;
ALTER TABLE client_grant ADD COLUMN confirmation TEXT;

-- A deposited request (RFC 9126) may be opened again until it has been answered: those that were begun with it go with the
-- first that is.
ALTER TABLE authorization_request ADD COLUMN pushed_hash BYTEA;
CREATE INDEX authorization_request_pushed ON authorization_request (pushed_hash) WHERE pushed_hash IS NOT NULL;

-- Assertions and proofs that were used (RFC 7523, RFC 9449). The time stands first in the key: at thousands a second each commit
-- changes few pages.
CREATE TABLE spent_token (
    expires_at BIGINT NOT NULL,
    hash       BYTEA  NOT NULL,
    CONSTRAINT spent_token_pk PRIMARY KEY (expires_at, hash)
);
DROP TABLE client_assertion;
