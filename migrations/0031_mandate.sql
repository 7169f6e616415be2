-- Mandates: one party lets another act for it. A party is a person (`acc_…`) or an organisation (`org_…`).
CREATE TABLE mandate (
    id              TEXT    NOT NULL,
    -- Who is acted for, and who acts. Nothing, while it is open, where nobody has the account that was named.
    principal       TEXT,
    agent           TEXT,
    -- Which party has asked or offered; of one that was passed on the one that has passed it on.
    opener          TEXT    NOT NULL,
    -- asked or offered, as long as it is open; active; declined, withdrawn, revoked, returned, or gone with a party
    state           TEXT    NOT NULL,
    -- own, or guardian: recorded from a document
    origin          TEXT    NOT NULL,
    -- The mandate that it was passed on from.
    parent          TEXT,
    -- What may be done and where, as JSON.
    scope           TEXT    NOT NULL,
    valid_from      BIGINT  NOT NULL,
    valid_until     BIGINT  NOT NULL,
    may_pass_on     BOOLEAN NOT NULL,
    -- Whom the opener has named, as typed, sealed under its key; nothing once it is accepted. And under what that is found.
    named           BYTEA,
    named_index     BYTEA,
    -- Who did it: an account, or the membership of who did it for an organisation.
    opened_by       TEXT    NOT NULL,
    opened_at       BIGINT  NOT NULL,
    expires_at      BIGINT  NOT NULL,
    accepted_by     TEXT,
    accepted_at     BIGINT,
    ended_by        TEXT,
    ended_at        BIGINT,
    -- When nothing can come of it any more.
    over_at         BIGINT  NOT NULL,
    CONSTRAINT mandate_pk PRIMARY KEY (id)
);
CREATE INDEX mandate_by_principal ON mandate (principal, state, valid_until, id);
CREATE INDEX mandate_by_agent ON mandate (agent, state, valid_until, id);
CREATE INDEX mandate_by_opener ON mandate (opener, opened_at);
CREATE INDEX mandate_by_parent ON mandate (parent) WHERE parent IS NOT NULL;
CREATE INDEX mandate_over ON mandate (over_at);

-- Which services a mandate has been used at.
CREATE TABLE mandate_use (
    mandate_id    TEXT   NOT NULL,
    client_id     TEXT   NOT NULL,
    first_used_at BIGINT NOT NULL,
    last_used_at  BIGINT NOT NULL,
    CONSTRAINT mandate_use_pk PRIMARY KEY (mandate_id, client_id)
);

-- Mandates, and what else decides whether they count now: the states of the parties, and of what they were passed on from.
CREATE VIEW mandate_now AS
SELECT mandate.id, mandate.principal, mandate.agent, mandate.opener, mandate.state, mandate.origin, mandate.parent,
       mandate.scope, mandate.valid_from, mandate.valid_until, mandate.may_pass_on, mandate.named, mandate.opened_by,
       mandate.opened_at, mandate.expires_at, mandate.accepted_by, mandate.accepted_at, mandate.ended_by,
       mandate.ended_at,
       COALESCE((SELECT account.status FROM account WHERE account.id = mandate.principal),
                (SELECT organisation.state FROM organisation WHERE organisation.id = mandate.principal))
           AS principal_state,
       COALESCE((SELECT account.status FROM account WHERE account.id = mandate.agent),
                (SELECT organisation.state FROM organisation WHERE organisation.id = mandate.agent))
           AS agent_state,
       parent.state AS parent_state,
       COALESCE((SELECT account.status FROM account WHERE account.id = parent.agent),
                (SELECT organisation.state FROM organisation WHERE organisation.id = parent.agent))
           AS parent_agent_state
  FROM mandate LEFT JOIN mandate AS parent ON parent.id = mandate.parent;
