-- For whom the owner of a session acts: the id of what gives them the power (`mem_…`), or nothing: for themselves. It is looked
-- up at each use. Since when they have said so; nothing if they have not been asked.
ALTER TABLE session ADD COLUMN acting TEXT;
ALTER TABLE session ADD COLUMN chosen_at BIGINT;
-- The same of a code and of what came of it, and the party that both are about (`org_…`).
ALTER TABLE authorization_code ADD COLUMN acting TEXT;
ALTER TABLE authorization_code ADD COLUMN represented TEXT;
ALTER TABLE client_grant ADD COLUMN acting TEXT;
ALTER TABLE client_grant ADD COLUMN represented TEXT;
CREATE INDEX client_grant_represented ON client_grant (represented) WHERE represented IS NOT NULL;
-- What somebody has agreed to with a client who acts for another party. What people agree to for themselves stands in `consent`.
CREATE TABLE acting_consent (
    account_id  TEXT   NOT NULL,
    represented TEXT   NOT NULL,
    client_id   TEXT   NOT NULL,
    scope       TEXT   NOT NULL,
    claims      TEXT   NOT NULL,
    terms       TEXT   NOT NULL,
    granted_at  BIGINT NOT NULL,
    CONSTRAINT acting_consent_pk PRIMARY KEY (account_id, represented, client_id)
);
CREATE INDEX acting_consent_represented ON acting_consent (represented);
CREATE INDEX acting_consent_client ON acting_consent (client_id);
