-- Cases that organisations have checked at a registration desk; one for each. Code, what was checked and what became of it are sealed
-- under the organisation's key.
CREATE TABLE organisation_desk_case (
    id                TEXT   NOT NULL,
    organisation_id   TEXT   NOT NULL,
    -- Who has asked: nobody else brings it.
    membership_id     TEXT   NOT NULL,
    code_hash         BYTEA  NOT NULL,
    -- Gone with the end.
    code              BYTEA,
    -- waiting, confirmed, refused, or void: the organisation says something else of itself by now
    state             TEXT   NOT NULL,
    created_at        BIGINT NOT NULL,
    expires_at        BIGINT NOT NULL,
    -- Who is looking at it: one session, acting for one office.
    opened_by         TEXT,
    opened_office_id  TEXT,
    opened_until      BIGINT,
    -- The first of four eyes, until when the second may follow, and what the first has seen.
    checked_by        TEXT,
    checked_office_id TEXT,
    checked_until     BIGINT,
    checked           BYTEA,
    -- The end.
    ended_at          BIGINT,
    office_id         TEXT,
    outcome           BYTEA,
    CONSTRAINT organisation_desk_case_pk PRIMARY KEY (id),
    CONSTRAINT organisation_desk_case_code UNIQUE (code_hash),
    CONSTRAINT organisation_desk_case_one UNIQUE (organisation_id),
    CONSTRAINT organisation_desk_case_of FOREIGN KEY (organisation_id) REFERENCES organisation (id)
);
CREATE INDEX organisation_desk_case_expiry ON organisation_desk_case (expires_at);

-- Whom a guardian represents, in what and until when is said by a mandate. What is kept beside it is what the court has written.
-- Nothing in rows that were recorded before: a job writes their mandate.
ALTER TABLE guardian ADD COLUMN mandate_id TEXT;
CREATE UNIQUE INDEX guardian_mandate ON guardian (mandate_id);
