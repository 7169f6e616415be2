-- Rights of whoever has a postbox: paper instead, reminders, days in a calendar.

-- Who does not want decisions of an authority electronically, from when to when, and who has said so. A table of its own takes the place of
-- the former, because one authority may now stand in it more than once.
ALTER TABLE postbox_exclusion RENAME TO postbox_exclusion_before;
CREATE TABLE postbox_exclusion (
    id         TEXT   NOT NULL,
    owner      TEXT   NOT NULL,
    client_id  TEXT   NOT NULL,
    -- The keyed hash of the file number if only one case is meant; empty if all are.
    case_hash  TEXT   NOT NULL,
    -- The file number as it was typed, sealed under the owner's key.
    reference  BYTEA,
    since      BIGINT NOT NULL,
    since_by   TEXT   NOT NULL,
    until      BIGINT,
    until_by   TEXT,
    CONSTRAINT postbox_exclusion_by_id PRIMARY KEY (id)
);
INSERT INTO postbox_exclusion (id, owner, client_id, case_hash, since, since_by)
    SELECT owner || client_id, owner, client_id, '', since, owner FROM postbox_exclusion_before;
DROP TABLE postbox_exclusion_before;
CREATE UNIQUE INDEX postbox_exclusion_in_force ON postbox_exclusion (owner, client_id, case_hash) WHERE until IS NULL;
CREATE INDEX postbox_exclusion_by_owner ON postbox_exclusion (owner, since);

-- When the job of the days looks at a notice next: nothing is to be done for it before. What is there already is looked at once.
ALTER TABLE postbox_message ADD COLUMN look_at BIGINT;
-- What has been said of it by day, so that nothing is said twice: names, with a blank between them.
ALTER TABLE postbox_message ADD COLUMN said TEXT;
UPDATE postbox_message SET look_at = provided_at WHERE content_key IS NOT NULL;
CREATE INDEX postbox_message_look_at ON postbox_message (look_at, id) WHERE look_at IS NOT NULL;

-- The private address under which somebody's calendar fetches the days of their postbox. Only its hash is kept.
CREATE TABLE postbox_calendar (
    account_id  TEXT   NOT NULL,
    secret_hash BYTEA  NOT NULL,
    made_at     BIGINT NOT NULL,
    CONSTRAINT postbox_calendar_pk PRIMARY KEY (account_id),
    CONSTRAINT postbox_calendar_secret UNIQUE (secret_hash)
);
