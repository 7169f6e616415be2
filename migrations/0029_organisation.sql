-- Organisations: companies, associations, authorities. Their data are sealed under a key of their own, as a person's are.
CREATE TABLE organisation (
    id            TEXT   NOT NULL,
    -- active, blocked, insolvent, closing or closed
    state         TEXT   NOT NULL,
    -- None once the organisation is gone: then nothing of its data can be read any more.
    key_wrapped   BYTEA,
    -- How well it is known that it is the one in the register.
    level         TEXT   NOT NULL,
    -- Raised by every change of the record, which is sealed under it.
    version       BIGINT NOT NULL,
    record        BYTEA  NOT NULL,
    record_at     BIGINT NOT NULL,
    -- Keyed hashes of court, kind and number of the register, and of the Wirtschafts-IdNr (§ 139c AO).
    register_index BYTEA,
    economic_index BYTEA,
    created_at    BIGINT NOT NULL,
    state_since   BIGINT NOT NULL,
    -- When one that is closing is gone.
    erase_at      BIGINT,
    -- Since when insolvency proceedings are open, whatever else stops it.
    insolvent_since BIGINT,
    CONSTRAINT organisation_pk PRIMARY KEY (id)
);
-- One account for each entry of a register, as long as it is there.
CREATE UNIQUE INDEX organisation_register ON organisation (register_index) WHERE state <> 'closed';
CREATE UNIQUE INDEX organisation_economic ON organisation (economic_index) WHERE state <> 'closed';
CREATE INDEX organisation_due ON organisation (erase_at) WHERE state = 'closing';

-- What has shown that the organisation exists and who it is, each time once.
CREATE TABLE organisation_evidence (
    id              TEXT   NOT NULL,
    organisation_id TEXT   NOT NULL,
    -- register or letter
    source          TEXT   NOT NULL,
    -- How well it was known who had it shown: no evidence counts for more.
    level           TEXT   NOT NULL,
    shown_at        BIGINT NOT NULL,
    -- Since when it counts no more, because the organisation says something else of itself.
    void_at         BIGINT,
    record          BYTEA  NOT NULL,
    CONSTRAINT organisation_evidence_pk PRIMARY KEY (id),
    CONSTRAINT organisation_evidence_of FOREIGN KEY (organisation_id) REFERENCES organisation (id)
);
CREATE INDEX organisation_evidence_by_time ON organisation_evidence (organisation_id, shown_at);

-- Letters of an organisation: the code to its seat, and to its management the code that stops everything.
CREATE TABLE organisation_letter (
    id              TEXT   NOT NULL,
    organisation_id TEXT   NOT NULL,
    -- seat or management
    purpose         TEXT   NOT NULL,
    code_hash       BYTEA  NOT NULL,
    address         BYTEA  NOT NULL,
    -- under_way, redeemed or void
    state           TEXT   NOT NULL,
    tries           BIGINT NOT NULL,
    ordered_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    printed_at      BIGINT,
    CONSTRAINT organisation_letter_pk PRIMARY KEY (id),
    CONSTRAINT organisation_letter_of FOREIGN KEY (organisation_id) REFERENCES organisation (id)
);
CREATE INDEX organisation_letter_by_time ON organisation_letter (organisation_id, ordered_at);
CREATE INDEX organisation_letter_ordered ON organisation_letter (ordered_at);
CREATE UNIQUE INDEX organisation_letter_code ON organisation_letter (code_hash);
-- One code at a time is on its way to a seat.
CREATE UNIQUE INDEX organisation_letter_under_way ON organisation_letter (organisation_id)
 WHERE purpose = 'seat' AND state = 'under_way';

-- What somebody who is about to register an organisation has said so far, sealed under their account's key.
CREATE TABLE organisation_draft (
    account_id TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    draft      BYTEA  NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT organisation_draft_pk PRIMARY KEY (account_id)
);

-- Somebody says that an organisation is theirs which others have registered. The operator decides, with four eyes.
CREATE TABLE organisation_claim (
    id              TEXT   NOT NULL,
    organisation_id TEXT   NOT NULL,
    account_id      TEXT   NOT NULL,
    -- Why, in their words, sealed under their account's key.
    statement       BYTEA  NOT NULL,
    -- open, granted or dismissed
    state           TEXT   NOT NULL,
    -- What the first of two has decided, and who that was.
    proposed        TEXT,
    proposed_by     TEXT,
    claimed_at      BIGINT NOT NULL,
    decided_at      BIGINT,
    CONSTRAINT organisation_claim_pk PRIMARY KEY (id),
    CONSTRAINT organisation_claim_of FOREIGN KEY (organisation_id) REFERENCES organisation (id)
);
-- Nobody claims the same twice at one time.
CREATE UNIQUE INDEX organisation_claim_open ON organisation_claim (organisation_id, account_id) WHERE state = 'open';
CREATE INDEX organisation_claim_by_account ON organisation_claim (account_id);
CREATE INDEX organisation_claim_decided ON organisation_claim (decided_at);

-- Who belongs to an organisation. The row stays when somebody has left, so that the past can be told.
CREATE TABLE membership (
    id              TEXT   NOT NULL,
    organisation_id TEXT   NOT NULL,
    account_id      TEXT   NOT NULL,
    since           BIGINT NOT NULL,
    ended_at        BIGINT,
    -- When they last did something for the organisation, to the day. Never when they signed in: their account is their own.
    used_at         BIGINT,
    -- What the organisation calls them, sealed under its key: it outlives the account.
    name            BYTEA  NOT NULL,
    CONSTRAINT membership_pk PRIMARY KEY (id),
    CONSTRAINT membership_of FOREIGN KEY (organisation_id) REFERENCES organisation (id)
);
-- Nobody is a member twice at one time.
CREATE UNIQUE INDEX membership_current ON membership (organisation_id, account_id) WHERE ended_at IS NULL;
CREATE INDEX membership_by_account ON membership (account_id) WHERE ended_at IS NULL;
-- The list of members, and whoever ever was one, to be named in the protocol.
CREATE INDEX membership_by_organisation ON membership (organisation_id, id) WHERE ended_at IS NULL;
CREATE INDEX membership_by_person ON membership (organisation_id, account_id, id);

-- What a member may do. `object` is the area or the service that a right is for, and empty for what has none.
CREATE TABLE membership_right (
    membership_id   TEXT   NOT NULL,
    organisation_id TEXT   NOT NULL,
    kind            TEXT   NOT NULL,
    object          TEXT   NOT NULL,
    valid_from      BIGINT NOT NULL,
    valid_until     BIGINT,
    granted_by      TEXT   NOT NULL,
    granted_at      BIGINT NOT NULL,
    CONSTRAINT membership_right_pk PRIMARY KEY (membership_id, kind, object),
    CONSTRAINT membership_right_of FOREIGN KEY (membership_id) REFERENCES membership (id)
);
-- Who administrates or represents, and what hangs on an area, among ten thousand members.
CREATE INDEX membership_right_by_kind ON membership_right (organisation_id, kind, object);

-- Rights that one member passes on to another, who has to accept them. The rights are a JSON list.
CREATE TABLE handover (
    id              TEXT   NOT NULL,
    organisation_id TEXT   NOT NULL,
    from_id         TEXT   NOT NULL,
    to_id           TEXT   NOT NULL,
    rights          TEXT   NOT NULL,
    -- open, accepted, declined or withdrawn
    state           TEXT   NOT NULL,
    offered_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    CONSTRAINT handover_pk PRIMARY KEY (id),
    CONSTRAINT handover_from FOREIGN KEY (from_id) REFERENCES membership (id),
    CONSTRAINT handover_to FOREIGN KEY (to_id) REFERENCES membership (id)
);
CREATE INDEX handover_by_giver ON handover (from_id);
CREATE INDEX handover_by_taker ON handover (to_id);
CREATE INDEX handover_expiry ON handover (expires_at);

-- Functional mailboxes: personnel, construction, taxes.
CREATE TABLE organisation_area (
    id              TEXT   NOT NULL,
    organisation_id TEXT   NOT NULL,
    name            BYTEA  NOT NULL,
    created_at      BIGINT NOT NULL,
    CONSTRAINT organisation_area_pk PRIMARY KEY (id),
    CONSTRAINT organisation_area_of FOREIGN KEY (organisation_id) REFERENCES organisation (id)
);
CREATE INDEX organisation_area_by_organisation ON organisation_area (organisation_id, id);

-- To which area the post of a service goes; of others to the general one, which has no row.
CREATE TABLE organisation_area_rule (
    organisation_id TEXT NOT NULL,
    client_id       TEXT NOT NULL,
    area_id         TEXT NOT NULL,
    CONSTRAINT organisation_area_rule_pk PRIMARY KEY (organisation_id, client_id),
    CONSTRAINT organisation_area_rule_to FOREIGN KEY (area_id) REFERENCES organisation_area (id)
);
CREATE INDEX organisation_area_rule_by_area ON organisation_area_rule (area_id);

-- An invitation, bound to the address to which it went. The rights are a JSON list.
CREATE TABLE invitation (
    id              TEXT   NOT NULL,
    organisation_id TEXT   NOT NULL,
    code_hash       BYTEA  NOT NULL,
    -- Sealed under the organisation's key.
    address         BYTEA  NOT NULL,
    -- Under which the address is found.
    address_index   BYTEA  NOT NULL,
    rights          TEXT   NOT NULL,
    -- open, accepted, declined, withdrawn, replaced by another that was sent again, or void because its sender could not
    -- give any more what it promised
    state           TEXT   NOT NULL,
    invited_by      TEXT   NOT NULL,
    invited_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    CONSTRAINT invitation_pk PRIMARY KEY (id),
    CONSTRAINT invitation_code UNIQUE (code_hash),
    CONSTRAINT invitation_of FOREIGN KEY (organisation_id) REFERENCES organisation (id),
    CONSTRAINT invitation_from FOREIGN KEY (invited_by) REFERENCES membership (id)
);
CREATE INDEX invitation_by_organisation ON invitation (organisation_id, id) WHERE state = 'open';
CREATE INDEX invitation_by_sender ON invitation (invited_by, invited_at);
CREATE INDEX invitation_expiry ON invitation (expires_at);
