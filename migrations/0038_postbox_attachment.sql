-- Files that come with notices. First an authority sends a file, then a notice takes it.
CREATE TABLE postbox_attachment (
    id             TEXT   NOT NULL,
    -- The client that has sent it, and whose postbox it is for (acc_… or org_…).
    client_id      TEXT   NOT NULL,
    owner          TEXT   NOT NULL,
    -- Where its bytes lie.
    object_id      TEXT   NOT NULL,
    object_version BIGINT NOT NULL,
    -- Its name, type, length and hash, whether a scanner has seen it, and what the authority says of a seal: sealed under the owner's key,
    -- because a name may tell as much as a text.
    description    BYTEA  NOT NULL,
    -- Until then a notice may take it.
    expires_at     BIGINT NOT NULL,
    -- The notice that has taken it, and at which place of it it stands.
    message_id     TEXT,
    place          BIGINT,
    CONSTRAINT postbox_attachment_pk PRIMARY KEY (id)
);
CREATE INDEX postbox_attachment_by_message ON postbox_attachment (message_id, place) WHERE message_id IS NOT NULL;
CREATE INDEX postbox_attachment_unused ON postbox_attachment (expires_at) WHERE message_id IS NULL;
CREATE INDEX postbox_attachment_by_owner ON postbox_attachment (owner);

-- How much an authority has sent on a day, in mebibytes that it has begun.
CREATE TABLE postbox_upload (
    client_id TEXT   NOT NULL,
    day       TEXT   NOT NULL,
    mebibytes BIGINT NOT NULL,
    CONSTRAINT postbox_upload_pk PRIMARY KEY (client_id, day)
);
CREATE INDEX postbox_upload_by_day ON postbox_upload (day);
