-- A grant with a refresh token outlives its session. Of the token two hashes are kept: one names the family and stays, the
-- other is the generation that counts now.
ALTER TABLE client_grant ADD COLUMN family_hash BYTEA;
ALTER TABLE client_grant ADD COLUMN generation_hash BYTEA;
-- As the account had it when the grant was made.
ALTER TABLE client_grant ADD COLUMN offline_epoch BIGINT NOT NULL DEFAULT 0;
ALTER TABLE client_grant ADD COLUMN methods TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX client_grant_family ON client_grant (family_hash);

-- Raised when everything ends that outlives a session; grants of an earlier epoch count no more.
ALTER TABLE account ADD COLUMN offline_epoch BIGINT NOT NULL DEFAULT 0;

-- Authorization requests that a client has deposited (RFC 9126), each for one use.
CREATE TABLE pushed_request (
    uri_hash   BYTEA  NOT NULL,
    client_id  TEXT   NOT NULL,
    request    BYTEA  NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT pushed_request_pk PRIMARY KEY (uri_hash)
);
CREATE INDEX pushed_request_expiry ON pushed_request (expires_at);

-- Single claims and the one API that a request asked for (OpenID Connect Core section 5.5, RFC 8707).
ALTER TABLE authorization_code ADD COLUMN claims TEXT;
ALTER TABLE authorization_code ADD COLUMN resource TEXT;
ALTER TABLE client_grant ADD COLUMN claims TEXT;
ALTER TABLE client_grant ADD COLUMN resource TEXT;
