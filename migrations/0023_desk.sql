-- Offices in which people prove who they are, as the operator declares them. One that is not declared any more keeps its row,
-- so that nobody else gets its name.
CREATE TABLE office (
    id         TEXT   NOT NULL,
    definition TEXT   NOT NULL,
    changed_at BIGINT NOT NULL,
    closed_at  BIGINT,
    CONSTRAINT office_pk PRIMARY KEY (id)
);

-- Who may act for an office, and since when. A role that has ended keeps its row.
CREATE TABLE officer (
    office_id  TEXT   NOT NULL,
    account_id TEXT   NOT NULL,
    since      BIGINT NOT NULL,
    ended_at   BIGINT,
    CONSTRAINT officer_pk PRIMARY KEY (office_id, account_id),
    CONSTRAINT officer_office FOREIGN KEY (office_id) REFERENCES office (id),
    CONSTRAINT officer_account FOREIGN KEY (account_id) REFERENCES account (id)
);
CREATE INDEX officer_by_account ON officer (account_id);

-- Cases that people carry to a desk as a code; one for each account. Code, reason and what was checked are sealed under the
-- account's key.
CREATE TABLE desk_case (
    id                TEXT   NOT NULL,
    account_id        TEXT   NOT NULL,
    code_hash         BYTEA  NOT NULL,
    -- Gone with the end.
    code              BYTEA,
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
    CONSTRAINT desk_case_pk PRIMARY KEY (id),
    CONSTRAINT desk_case_code UNIQUE (code_hash),
    CONSTRAINT desk_case_one UNIQUE (account_id),
    CONSTRAINT desk_case_account FOREIGN KEY (account_id) REFERENCES account (id)
);
CREATE INDEX desk_case_expiry ON desk_case (expires_at);

-- Legal guardians, as an office has recorded them. What the court has said is sealed twice: under the key of who is represented and
-- of who represents.
CREATE TABLE guardian (
    id            TEXT   NOT NULL,
    ward_id       TEXT   NOT NULL,
    ward_side     BYTEA  NOT NULL,
    guardian_id   TEXT   NOT NULL,
    guardian_side BYTEA  NOT NULL,
    recorded_at   BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    CONSTRAINT guardian_pk PRIMARY KEY (id),
    CONSTRAINT guardian_ward FOREIGN KEY (ward_id) REFERENCES account (id),
    CONSTRAINT guardian_guardian FOREIGN KEY (guardian_id) REFERENCES account (id)
);
CREATE INDEX guardian_by_ward ON guardian (ward_id);
CREATE INDEX guardian_by_guardian ON guardian (guardian_id);
CREATE INDEX guardian_expiry ON guardian (expires_at);
