-- The safes of people and organisations. One row each holds what a safe counts; whoever changes anything in it holds that row.
CREATE TABLE safe (
    -- A person (acc_…) or an organisation (org_…).
    owner     TEXT   NOT NULL,
    -- Of all versions of all documents.
    bytes     BIGINT NOT NULL,
    documents BIGINT NOT NULL,
    CONSTRAINT safe_pk PRIMARY KEY (owner)
);

CREATE TABLE safe_document (
    id          TEXT   NOT NULL,
    owner       TEXT   NOT NULL,
    -- Below that nobody reads more than that it is there: what came with a notice needs what the notice needs.
    level       TEXT   NOT NULL,
    -- Its name, folder and tags, and what its newest version is: sealed under the owner's key.
    description BYTEA  NOT NULL,
    -- The keyed hash of its folder, so that a folder is a page of an index; also of none.
    folder      BYTEA  NOT NULL,
    -- The number of its newest version.
    version     BIGINT NOT NULL,
    -- The day in Germany on which it expires, as 2031-03-27; what has been said of that by mail; when the job looks at it next.
    expires_on  TEXT,
    said        TEXT,
    look_at     BIGINT,
    created_at  BIGINT NOT NULL,
    CONSTRAINT safe_document_pk PRIMARY KEY (id)
);
CREATE INDEX safe_document_by_owner ON safe_document (owner, id);
CREATE INDEX safe_document_by_folder ON safe_document (owner, folder, id);
CREATE INDEX safe_document_expiring ON safe_document (owner, expires_on, id) WHERE expires_on IS NOT NULL;
CREATE INDEX safe_document_look_at ON safe_document (look_at, id) WHERE look_at IS NOT NULL;

-- Each version is a file of its own; old ones stay until somebody deletes them.
CREATE TABLE safe_version (
    document_id    TEXT   NOT NULL,
    number         BIGINT NOT NULL,
    owner          TEXT   NOT NULL,
    -- Where its bytes lie, and how many they are.
    object_id      TEXT   NOT NULL,
    object_version BIGINT NOT NULL,
    bytes          BIGINT NOT NULL,
    -- Its type and hash, whether a scanner has seen it, and where it comes from: sealed under the owner's key.
    description    BYTEA  NOT NULL,
    -- The file of a notice (att_…), or the notice itself (msg_…), whose copy it is: nothing is put into a safe twice.
    source         TEXT,
    created_at     BIGINT NOT NULL,
    CONSTRAINT safe_version_pk PRIMARY KEY (document_id, number)
);
CREATE INDEX safe_version_by_owner ON safe_version (owner);
CREATE UNIQUE INDEX safe_version_source ON safe_version (owner, source) WHERE source IS NOT NULL;

-- The folders and tags of a safe, by keyed hash, with their names sealed under the owner's key, and how many documents have them.
CREATE TABLE safe_label (
    owner     TEXT   NOT NULL,
    -- folder or tag
    kind      TEXT   NOT NULL,
    hash      BYTEA  NOT NULL,
    name      BYTEA  NOT NULL,
    documents BIGINT NOT NULL,
    CONSTRAINT safe_label_pk PRIMARY KEY (owner, kind, hash)
);

-- Which documents have a tag.
CREATE TABLE safe_tag (
    owner       TEXT  NOT NULL,
    hash        BYTEA NOT NULL,
    document_id TEXT  NOT NULL,
    CONSTRAINT safe_tag_pk PRIMARY KEY (owner, hash, document_id)
);
CREATE INDEX safe_tag_by_document ON safe_tag (document_id);
