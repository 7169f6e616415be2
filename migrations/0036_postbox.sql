-- Notices in the postboxes of people and organisations.
CREATE TABLE postbox_message (
    id              TEXT    NOT NULL,
    -- Whose postbox: a person (acc_…) or an organisation (org_…), and there which area; the general one if none.
    owner           TEXT    NOT NULL,
    area_id         TEXT,
    -- The client of the authority that has provided it.
    client_id       TEXT    NOT NULL,
    -- decision, hearing, request, information
    kind            TEXT    NOT NULL,
    -- Below that nobody opens it.
    level           TEXT    NOT NULL,
    -- How it is announced (src/postbox/clock), and what may be done against it.
    legal_basis     TEXT    NOT NULL,
    land            TEXT    NOT NULL,
    remedy          TEXT,
    -- What has happened, each once and for good.
    provided_at     BIGINT  NOT NULL,
    notified_at     BIGINT,
    opened_at       BIGINT,
    opened_by       TEXT,
    acknowledged_at BIGINT,
    -- Computed once, with the names of the rules: days in Germany as 2026-11-06.
    rule            TEXT,
    announced_on    TEXT,
    offer_ends_on   TEXT,
    period          TEXT,
    objection_ends_on TEXT,
    -- The authority's own deadline.
    due_on          TEXT,
    -- The key of this message, sealed under the owner's; what only it opens: sender, subject and reference; the text. Nothing of it once
    -- it has been deleted for good.
    content_key     BYTEA,
    head            BYTEA,
    content         BYTEA,
    -- SHA-256 of what was delivered, as the receipt names it.
    content_hash    BYTEA   NOT NULL,
    -- What its owner has done with it.
    archived_at     BIGINT,
    deleted_at      BIGINT,
    CONSTRAINT postbox_message_pk PRIMARY KEY (id)
);
CREATE INDEX postbox_message_by_owner ON postbox_message (owner, provided_at, id);
-- How many are new is asked on many pages.
CREATE INDEX postbox_message_unread ON postbox_message (owner, provided_at) WHERE opened_at IS NULL;
CREATE INDEX postbox_message_by_client ON postbox_message (client_id, provided_at);
CREATE INDEX postbox_message_deleted ON postbox_message (deleted_at) WHERE deleted_at IS NOT NULL;

-- Which idempotency key of an authority has become which message, and what it came with.
CREATE TABLE postbox_request (
    client_id    TEXT   NOT NULL,
    key_hash     BYTEA  NOT NULL,
    request_hash BYTEA  NOT NULL,
    message_id   TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    CONSTRAINT postbox_request_pk PRIMARY KEY (client_id, key_hash)
);
CREATE INDEX postbox_request_created ON postbox_request (created_at);

-- What an authority is told about its messages. It stays until the authority says that it has it.
CREATE TABLE postbox_event (
    id         TEXT   NOT NULL,
    client_id  TEXT   NOT NULL,
    message_id TEXT   NOT NULL,
    -- provided, notified, notification_failed, opened, announced, deleted, account_gone
    kind       TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    taken_at   BIGINT,
    CONSTRAINT postbox_event_pk PRIMARY KEY (id)
);
CREATE INDEX postbox_event_open ON postbox_event (client_id, id) WHERE taken_at IS NULL;
CREATE INDEX postbox_event_by_message ON postbox_event (message_id);
CREATE INDEX postbox_event_taken ON postbox_event (taken_at) WHERE taken_at IS NOT NULL;

-- By what an authority knows the owner of a postbox, for clients that deliver: the subject that they see, and the reference that they
-- were handed. Each as a keyed hash, in the row of the agreement, and gone with it.
ALTER TABLE consent ADD COLUMN subject_index BYTEA;
ALTER TABLE consent ADD COLUMN postbox_index BYTEA;
CREATE INDEX consent_by_subject ON consent (subject_index) WHERE subject_index IS NOT NULL;
CREATE INDEX consent_by_postbox ON consent (postbox_index) WHERE postbox_index IS NOT NULL;
ALTER TABLE acting_consent ADD COLUMN subject_index BYTEA;
ALTER TABLE acting_consent ADD COLUMN postbox_index BYTEA;
CREATE INDEX acting_consent_by_subject ON acting_consent (subject_index) WHERE subject_index IS NOT NULL;
CREATE INDEX acting_consent_by_postbox ON acting_consent (postbox_index) WHERE postbox_index IS NOT NULL;

-- Who does not want decisions of an authority electronically.
CREATE TABLE postbox_exclusion (
    owner      TEXT   NOT NULL,
    client_id  TEXT   NOT NULL,
    since      BIGINT NOT NULL,
    CONSTRAINT postbox_exclusion_pk PRIMARY KEY (owner, client_id)
);
