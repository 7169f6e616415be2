-- When somebody is away: once for each account, from one day in Germany to another, both included.
CREATE TABLE absence (
    account_id TEXT NOT NULL,
    first_on   TEXT NOT NULL,
    last_on    TEXT NOT NULL,
    -- When its owner is told, once it is over, of what nobody has opened; nothing once that has been looked at.
    look_at    BIGINT,
    CONSTRAINT absence_pk PRIMARY KEY (account_id)
);
CREATE INDEX absence_look_at ON absence (look_at, account_id) WHERE look_at IS NOT NULL;
CREATE INDEX absence_last_on ON absence (last_on);
