-- What people answer to notices.
CREATE TABLE postbox_reply (
    id            TEXT   NOT NULL,
    message_id    TEXT   NOT NULL,
    -- To whom: the client that has provided the notice.
    client_id     TEXT   NOT NULL,
    -- Who has written it, and as what: owner, member, mandate.
    written_by    TEXT   NOT NULL,
    role          TEXT   NOT NULL,
    sent_at       BIGINT NOT NULL,
    -- SHA-256 of what was sent, as the receipt names it.
    content_hash  BYTEA  NOT NULL,
    -- The copy of whoever has sent it, under the key of the notice; none once that has been deleted for good.
    own_copy      BYTEA,
    -- The copy for the authority, under the key of the program, so that it outlives the account; none 90 days after it was taken.
    for_authority BYTEA,
    taken_at      BIGINT,
    CONSTRAINT postbox_reply_pk PRIMARY KEY (id)
);
CREATE INDEX postbox_reply_by_message ON postbox_reply (message_id, sent_at, id);
CREATE INDEX postbox_reply_taken ON postbox_reply (taken_at) WHERE for_authority IS NOT NULL;

-- What somebody has begun to write. Each time it is saved it gets another id; sending takes it, and the reply keeps that id.
CREATE TABLE postbox_draft (
    account_id TEXT   NOT NULL,
    message_id TEXT   NOT NULL,
    reply_id   TEXT   NOT NULL,
    -- Under the key of the notice.
    content    BYTEA  NOT NULL,
    saved_at   BIGINT NOT NULL,
    CONSTRAINT postbox_draft_pk PRIMARY KEY (account_id, message_id)
);
CREATE INDEX postbox_draft_by_message ON postbox_draft (message_id);
CREATE INDEX postbox_draft_saved ON postbox_draft (saved_at);

-- How many replies there are to a notice: of two that are sent at once neither is one too many.
ALTER TABLE postbox_message ADD COLUMN reply_count BIGINT NOT NULL DEFAULT 0;

-- Which reply an event tells of.
ALTER TABLE postbox_event ADD COLUMN reply_id TEXT;
