-- What has shown who somebody is or where they live, each time once. The attributes that it vouches for name it.
CREATE TABLE evidence (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    source TEXT NOT NULL,
    level TEXT NOT NULL,
    shown_at BIGINT NOT NULL,
    record BYTEA NOT NULL
);
CREATE INDEX evidence_account ON evidence (account_id, shown_at);

ALTER TABLE attribute ADD COLUMN evidence_id TEXT;
