-- What somebody has shared of a safe: one version of one document, with one service, for a time.
CREATE TABLE safe_share (
    id          TEXT   NOT NULL,
    owner       TEXT   NOT NULL,
    document_id TEXT   NOT NULL,
    version     BIGINT NOT NULL,
    client_id   TEXT   NOT NULL,
    -- Who has shared it.
    account_id  TEXT   NOT NULL,
    -- What for: sealed under the owner's key.
    purpose     BYTEA  NOT NULL,
    until       BIGINT NOT NULL,
    -- How often it may be fetched, if that is limited, and how often it was.
    fetches_max BIGINT,
    fetches     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    ended_at    BIGINT,
    CONSTRAINT safe_share_pk PRIMARY KEY (id)
);
CREATE INDEX safe_share_by_document ON safe_share (document_id, id);
CREATE INDEX safe_share_by_owner ON safe_share (owner, client_id, id);
CREATE INDEX safe_share_until ON safe_share (until);

-- The document that was chosen for a request (RFC 9396): its share, and in which session; then what the code says of it.
ALTER TABLE authorization_request ADD COLUMN share TEXT;
ALTER TABLE authorization_request ADD COLUMN shared_by TEXT;
ALTER TABLE authorization_code ADD COLUMN details TEXT;
