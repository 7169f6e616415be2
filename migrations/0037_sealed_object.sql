-- Files that belong to somebody. The bytes lie elsewhere (a directory or a bucket), sealed; here stands what opens them.
CREATE TABLE sealed_object (
    id          TEXT   NOT NULL,
    -- Each version has a key of its own, and bytes of its own.
    version     BIGINT NOT NULL,
    -- An account, an organisation, or the program itself.
    owner_id    TEXT   NOT NULL,
    -- Where the bytes lie: chance, nothing that anybody has typed.
    path        TEXT   NOT NULL,
    -- writing, whole or doomed; only what is whole can be read.
    state       TEXT   NOT NULL,
    -- The key of this version, sealed under the owner's.
    data_key    BYTEA  NOT NULL,
    -- How long it is and its hashes, sealed under the owner's key; from the moment on at which it is whole.
    content     BYTEA,
    created_at  BIGINT NOT NULL,
    whole_at    BIGINT,
    -- When it was last read from end to end.
    checked_at  BIGINT,
    -- Since when it is known not to be what was written.
    damaged_at  BIGINT,
    -- When that stood in the audit trail.
    reported_at BIGINT,
    CONSTRAINT sealed_object_pk PRIMARY KEY (id, version),
    CONSTRAINT sealed_object_path UNIQUE (path)
);
CREATE INDEX sealed_object_by_owner ON sealed_object (owner_id);
CREATE INDEX sealed_object_unfinished ON sealed_object (created_at) WHERE state <> 'whole';
CREATE INDEX sealed_object_check ON sealed_object (checked_at) WHERE state = 'whole';
CREATE INDEX sealed_object_damaged ON sealed_object (damaged_at) WHERE damaged_at IS NOT NULL;
